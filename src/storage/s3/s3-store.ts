/** A bucket, or what lies below a prefix in it, as a store. */
import { BaleError, isBaleError } from "../../core/errors.ts";
import { formatBase64 } from "../../core/base64.ts";
import type { PhysicalKey } from "../../core/physical-key.ts";
import { throwIfAborted } from "../abort.ts";
import { checkRange, streamOf, toByteSource } from "../byte-source.ts";
import { conflict } from "../condition.ts";
import { checkStoreKey } from "../store-key.ts";
import type {
	ByteRange,
	ByteSource,
	Checksum,
	Condition,
	CopySource,
	ListItem,
	ListOptions,
	ObjectBody,
	ObjectInfo,
	ReadOptions,
	Store,
	WriteOptions,
} from "../store.ts";
import { resumableBody } from "./body.ts";
import { parseChecksum, wholeChecksum } from "./checksum.ts";
import { S3Client, type Operation, type Refusal, type S3ClientOptions } from "./client.ts";
import { readField, readVersioningEnabled } from "./document.ts";
import { locationOf, readErrorDocument, toBaleError, unreachable } from "./failure.ts";
import { listObjects, listLatestVersions } from "./listing.ts";
import { MemoryBudget } from "./memory-budget.ts";
import { readRange, uploadInParts } from "./multipart.ts";
import { encodeKey, encodeQueryPart } from "./percent.ts";
import type { TransportResponse } from "./transport.ts";

export type S3StoreOptions = S3ClientOptions & {
	/** The store's keys begin below this key; default: at the root of the bucket. */
	readonly prefix?: string | undefined;
	/** Bytes that may wait in memory to be sent; default 128 MiB. */
	readonly memoryBytes?: number | undefined;
};

const mebibyte = 1024 * 1024;
const multipartBytes = 8 * mebibyte;

/**
 * Objects in a bucket of AWS S3 or of a server that speaks its protocol. Objects below 8 MiB are sent whole, larger
 * ones in the parts that quilt3 8.0.0 sends, always with SHA-256 checksums that the server verifies.
 *
 * A missing bucket is `ObjectNotFound` (reading the state of a single key: undefined), a refusal `AccessDenied` with
 * the IAM action and resource, expired credentials `LoginExpired`, everything that passes `StoreUnavailable`.
 */
export class S3Store implements Store {
	readonly root: PhysicalKey & { readonly kind: "s3" };
	readonly #client: S3Client;
	readonly #prefix: string;
	readonly #budget: MemoryBudget;
	#keepsVersions: Promise<boolean> | undefined;
	#versions = false;

	constructor(options: S3StoreOptions) {
		const prefix = (options.prefix ?? "").replace(/^\/+|\/+$/g, "");
		if (prefix !== "") checkStoreKey(prefix);
		this.root = { kind: "s3", bucket: options.bucket, key: prefix };
		this.#prefix = prefix === "" ? "" : `${prefix}/`;
		this.#client = new S3Client(options);
		this.#budget = new MemoryBudget(options.memoryBytes ?? 128 * mebibyte);
	}

	/** `versions` is false until `detectVersions` was asked. */
	get features(): Store["features"] {
		return { versions: this.#versions, conditions: true, writable: true, checksums: true };
	}

	/** Whether the bucket keeps overwritten objects now; false also when it does not tell. */
	detectVersions(signal?: AbortSignal): Promise<boolean> {
		this.#keepsVersions ??= this.#askVersioning(signal).catch((error: unknown) => {
			this.#keepsVersions = undefined;
			throw error;
		});
		return this.#keepsVersions;
	}

	async get(key: string, options: ReadOptions = {}): Promise<ObjectBody | undefined> {
		const { range, signal } = options;
		if (range !== undefined) checkRange(range, Number.MAX_SAFE_INTEGER);
		if (range?.length === 0) return this.#emptyRange(key, range, options);
		const operation = this.#read("GET", key, options, range);
		const outcome = await this.#client.send(operation);
		if (!outcome.ok) {
			if (this.#isMissing(outcome, options)) return onlyVersion(options, (plain) => this.get(key, plain));
			throw toBaleError(this.#client.subject(operation), outcome.failure);
		}
		const { response } = outcome;
		try {
			const { info, window } = describeBody(key, response, range);
			const body = resumableBody({
				range: window,
				first: response,
				resume: (rest) => this.#resume(key, info, rest, options),
				unreachable: (cause) => unreachable(this.#client.subject(operation), cause),
				signal,
			});
			return { info, body };
		} catch (error) {
			response.discard();
			throw error;
		}
	}

	async head(key: string, options: ReadOptions = {}): Promise<ObjectInfo | undefined> {
		const operation = this.#read("HEAD", key, options, undefined);
		const outcome = await this.#client.send(operation);
		if (outcome.ok) {
			outcome.response.discard();
			return infoOf(key, outcome.response, Number(outcome.response.header("content-length") ?? 0));
		}
		if (this.#isMissing(outcome, options)) return onlyVersion(options, (plain) => this.head(key, plain));
		if (outcome.failure.status !== 400) throw toBaleError(this.#client.subject(operation), outcome.failure);
		// An answer to HEAD has no words: the same question by GET tells what is wrong.
		const body = await this.get(key, options);
		await body?.body.cancel();
		return body?.info;
	}

	async put(key: string, source: ByteSource | Uint8Array, options: WriteOptions = {}): Promise<ObjectInfo> {
		const fullKey = this.#fullKey(key);
		throwIfAborted(options.signal);
		const body = toByteSource(source);
		const conditionHeaders = headersOf(options.condition);
		if (body.size < multipartBytes) {
			return this.#budget.with(body.size, async () => {
				const bytes = await readRange(body, { offset: 0, length: body.size }, options.signal);
				const sha256 = this.#client.sha256(bytes);
				options.check?.(wholeChecksum(sha256));
				return this.#putWhole(key, bytes, sha256, conditionHeaders, options);
			});
		}
		const upload = { key: fullKey, source: body, conditionHeaders, options };
		for (let attempt = 1; ; attempt++) {
			const { checksum, outcome } = await uploadInParts(this.#client, this.#budget, upload);
			if (outcome.kind === "done") {
				return writtenInfo(key, body.size, outcome.etag, checksum, outcome.response);
			}
			if (outcome.kind === "refused" && attempt === 1 && (await this.#hidesMarker(key, options))) {
				Object.assign(upload, { conditionHeaders: {} });
				continue;
			}
			const ours = outcome.kind === "resolve" ? { checksum, etag: outcome.etag } : undefined;
			return this.#resolveWrite(key, body.size, ours, options);
		}
	}

	async delete(key: string, options: { readonly signal?: AbortSignal | undefined } = {}): Promise<void> {
		const operation: Operation = {
			action: "s3:DeleteObject",
			method: "DELETE",
			key: this.#fullKey(key),
			isRead: false,
			signal: options.signal,
		};
		const outcome = await this.#client.send(operation);
		if (outcome.ok) {
			outcome.response.discard();
			return;
		}
		const { status, code } = outcome.failure;
		if (status === 404 && code === "NoSuchKey") return;
		throw toBaleError(this.#client.subject(operation), outcome.failure);
	}

	async *list(prefix: string, options: ListOptions = {}): AsyncGenerator<ListItem, void> {
		yield* listObjects(this.#client, this.#prefix, prefix, options);
	}

	async *listVersions(
		prefix: string,
		options: Omit<ListOptions, "delimiter"> = {},
	): AsyncGenerator<ObjectInfo, void> {
		yield* listLatestVersions(this.#client, this.#prefix, prefix, options);
	}

	async copyFrom(
		source: CopySource,
		key: string,
		options: WriteOptions = {},
	): Promise<ObjectInfo | undefined> {
		const version = source.versionId === undefined ? "" : `?versionId=${encodeQueryPart(source.versionId)}`;
		const operation: Operation = {
			action: "s3:PutObject",
			method: "PUT",
			key: this.#fullKey(key),
			headers: {
				"x-amz-copy-source": `/${source.bucket}/${encodeKey(source.key)}${version}`,
				"x-amz-checksum-algorithm": "SHA256",
				...headersOf(options.condition),
			},
			isRead: false,
			signal: options.signal,
		};
		const outcome = await this.#client.send(operation);
		if (!outcome.ok) {
			const { status } = outcome.failure;
			if (status === 412) throw conflict(key, "it was changed by somebody else");
			if (status === 403 || status === 400 || status === 501) return undefined;
			if (status === 404 && outcome.failure.code !== "NoSuchBucket") {
				throw new BaleError("ObjectNotFound", `There is nothing at ${locationOf(source)}`, {
					details: { ...source },
				});
			}
			throw toBaleError(this.#client.subject(operation), outcome.failure);
		}
		const text = await this.#client.text(operation, outcome.response);
		const { code, message } = readErrorDocument(text);
		if (code !== "") throw toBaleError(this.#client.subject(operation), { status: 500, code, message });
		const etag = readField(text, "CopyObjectResult", "ETag");
		const versionId = outcome.response.header("x-amz-version-id");
		const info = await this.head(key, {
			signal: options.signal,
			...(versionId === undefined ? {} : { versionId }),
		});
		if (info?.etag !== etag) throw conflict(key, "it was changed by somebody else");
		return info;
	}

	async #putWhole(
		key: string,
		bytes: Uint8Array,
		sha256: Uint8Array,
		conditionHeaders: Readonly<Record<string, string>>,
		options: WriteOptions,
	): Promise<ObjectInfo> {
		const checksum = wholeChecksum(sha256);
		const operation: Operation = {
			action: "s3:PutObject",
			method: "PUT",
			key: this.#fullKey(key),
			headers: { "x-amz-checksum-sha256": formatBase64(sha256), ...conditionHeaders },
			body: { bytes, sha256 },
			isRead: false,
			signal: options.signal,
		};
		const outcome = await this.#client.send(operation);
		if (outcome.ok) {
			const { response } = outcome;
			response.discard();
			return writtenInfo(key, bytes.length, response.header("etag") ?? "", checksum, response);
		}
		const { status, code } = outcome.failure;
		const isCondition = status === 412 || (status === 404 && code !== "NoSuchBucket");
		if (options.condition === undefined || !isCondition) throw this.#writeError(operation, outcome);
		if (!outcome.repeated && "if-none-match" in conditionHeaders && (await this.#hidesMarker(key, options))) {
			return this.#putWhole(key, bytes, sha256, {}, options);
		}
		const ours = outcome.repeated ? { checksum, etag: undefined } : undefined;
		return this.#resolveWrite(key, bytes.length, ours, options);
	}

	/**
	 * A write was refused, or it is not known how it ended. When an attempt before got no answer, the object that is
	 * there may be `ours`: then the write has succeeded.
	 */
	async #resolveWrite(
		key: string,
		size: number,
		ours: { readonly checksum: Checksum; readonly etag: string | undefined } | undefined,
		options: WriteOptions,
	): Promise<ObjectInfo> {
		const found = await this.head(key, { signal: options.signal });
		if (found?.size === size && ours !== undefined) {
			const same = found.etag === ours.etag || found.checksum?.sha256 === ours.checksum.sha256;
			if (same) return { ...found, checksum: ours.checksum };
		}
		const { condition } = options;
		if (condition !== undefined && "ifEtag" in condition) {
			throw conflict(key, found === undefined ? "it is gone" : "it was changed by somebody else", {
				expected: condition.ifEtag,
				...(found === undefined ? {} : { found: found.etag }),
			});
		}
		throw conflict(key, "it exists already", found === undefined ? {} : { found: found.etag });
	}

	/**
	 * Some servers take a deleted object's marker for the object itself when they check that there is none: they refuse
	 * the write although there is nothing to read.
	 */
	async #hidesMarker(key: string, options: WriteOptions): Promise<boolean> {
		const absent = options.condition !== undefined && "ifAbsent" in options.condition;
		return absent && (await this.head(key, { signal: options.signal })) === undefined;
	}

	#writeError(operation: Operation, refusal: Refusal): BaleError {
		const { code, status } = refusal.failure;
		if (status === 409 && /Parent|Directory|ObjectExists/i.test(code)) {
			return new BaleError(
				"KeyCollision",
				`Cannot write ${locationOf({ bucket: this.#client.bucket, key: operation.key })}: the server keeps objects in files, and a part of the path is an object or the key a directory`,
				{ details: { bucket: this.#client.bucket, key: operation.key, code } },
			);
		}
		return toBaleError(this.#client.subject(operation), refusal.failure);
	}

	#fullKey(key: string): string {
		checkStoreKey(key);
		return this.#prefix + key;
	}

	#read(method: "GET" | "HEAD", key: string, options: ReadOptions, range: ByteRange | undefined): Operation {
		const { versionId, signal } = options;
		throwIfAborted(signal);
		return {
			action: versionId === undefined ? "s3:GetObject" : "s3:GetObjectVersion",
			method,
			key: this.#fullKey(key),
			...(versionId === undefined ? {} : { query: [["versionId", versionId]] }),
			headers: {
				...(method === "HEAD" ? { "x-amz-checksum-mode": "ENABLED" } : {}),
				...(range === undefined ? {} : { range: `bytes=${range.offset}-${range.offset + range.length - 1}` }),
			},
			isRead: true,
			signal,
		};
	}

	/** Whether a refusal says that there is no such object: also a version that cannot exist, or a delete marker. */
	#isMissing({ failure }: Refusal, options: ReadOptions): boolean {
		if (failure.status === 404) return /^(NoSuchKey|NoSuchVersion|NotFound|)$/.test(failure.code);
		if (options.versionId === undefined) return false;
		return (
			failure.status === 405 ||
			(failure.status === 400 && /^(InvalidArgument|NoSuchVersion)$/.test(failure.code))
		);
	}

	async #emptyRange(key: string, range: ByteRange, options: ReadOptions): Promise<ObjectBody | undefined> {
		const info = await this.head(key, options);
		if (info === undefined) return undefined;
		checkRange(range, info.size);
		return { info, body: streamOf(new Uint8Array()) };
	}

	async #resume(
		key: string,
		info: ObjectInfo,
		rest: ByteRange,
		options: ReadOptions,
	): Promise<TransportResponse> {
		const operation = this.#read("GET", key, options, rest);
		const outcome = await this.#client.send({
			...operation,
			headers: { ...operation.headers, "if-match": info.etag },
		});
		if (outcome.ok && outcome.response.status === 206) return outcome.response;
		if (outcome.ok) outcome.response.discard();
		else if (outcome.failure.status !== 412 && !this.#isMissing(outcome, options)) {
			throw toBaleError(this.#client.subject(operation), outcome.failure);
		}
		throw new BaleError("SourceChanged", `Cannot read "${key}": it was replaced while it was read`, {
			details: { key },
		});
	}

	async #askVersioning(signal: AbortSignal | undefined): Promise<boolean> {
		try {
			const text = await this.#client.expectText({
				action: "s3:GetBucketVersioning",
				method: "GET",
				query: [["versioning", ""]],
				isRead: true,
				signal,
			});
			this.#versions = readVersioningEnabled(text);
		} catch (error) {
			if (!isBaleError(error, "AccessDenied", "Unsupported")) throw error;
			this.#versions = false;
		}
		return this.#versions;
	}
}

/**
 * The version "null" is the only one of an object in a bucket that never had versions, and some servers do not know it
 * there: then the object itself is meant, if it has no other version.
 */
async function onlyVersion<T extends ObjectBody | ObjectInfo>(
	options: ReadOptions,
	read: (plain: ReadOptions) => Promise<T | undefined>,
): Promise<T | undefined> {
	const { versionId, ...plain } = options;
	if (versionId !== "null") return undefined;
	const found = await read(plain);
	if (found === undefined) return undefined;
	const version = "info" in found ? found.info.versionId : found.versionId;
	if (version === undefined || version === "null") return found;
	if ("body" in found) await found.body.cancel();
	return undefined;
}

function headersOf(condition: Condition | undefined): Record<string, string> {
	if (condition === undefined) return {};
	return "ifAbsent" in condition ? { "if-none-match": "*" } : { "if-match": condition.ifEtag };
}

function infoOf(key: string, response: TransportResponse, size: number): ObjectInfo {
	const versionId = response.header("x-amz-version-id");
	const checksum = parseChecksum(response.header("x-amz-checksum-sha256"));
	const modified = Date.parse(response.header("last-modified") ?? "");
	return {
		key,
		size,
		etag: response.header("etag") ?? "",
		modifiedAt: new Date(Number.isNaN(modified) ? 0 : modified),
		...(versionId === undefined ? {} : { versionId }),
		...(checksum === undefined ? {} : { checksum }),
	};
}

/** What was written; it has the time of the server's answer. */
function writtenInfo(
	key: string,
	size: number,
	etag: string,
	checksum: Checksum,
	response: TransportResponse,
): ObjectInfo {
	const date = Date.parse(response.header("date") ?? "");
	const { versionId } = infoOf(key, response, size);
	return {
		key,
		size,
		etag,
		modifiedAt: new Date(Number.isNaN(date) ? Date.now() : date),
		checksum,
		...(versionId === undefined ? {} : { versionId }),
	};
}

/** The object's facts and which of its bytes the response has. Throws `InvalidArgument` for a range that is not there. */
function describeBody(
	key: string,
	response: TransportResponse,
	range: ByteRange | undefined,
): { info: ObjectInfo; window: ByteRange } {
	const told = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(response.header("content-range") ?? "");
	const length = response.header("content-length");
	if (range === undefined || told === null) {
		if (range !== undefined || length === undefined || !/^\d{1,15}$/.test(length)) {
			throw new BaleError("StoreUnavailable", `Cannot read "${key}": the server did not say what it sends`, {
				details: { key },
			});
		}
		const size = Number(length);
		return { info: infoOf(key, response, size), window: { offset: 0, length: size } };
	}
	const [first, last, size] = told.slice(1).map(Number) as [number, number, number];
	checkRange(range, size);
	if (first !== range.offset || last !== range.offset + range.length - 1) {
		throw new BaleError("StoreUnavailable", `Cannot read "${key}": the server sent another range`, {
			details: { key, range, found: told[0] },
		});
	}
	return { info: infoOf(key, response, size), window: range };
}
