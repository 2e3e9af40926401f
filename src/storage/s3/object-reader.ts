/** Reading objects: whole, by range, by version. */
import { BaleError, isBaleError } from "../../core/errors.ts";
import { throwIfAborted } from "../abort.ts";
import { checkRange, deliverStream, streamOf } from "../byte-source.ts";
import type { ByteRange, ObjectBody, ObjectInfo, ReadOptions, Sink } from "../store.ts";
import { checkStoreKey } from "../store-key.ts";
import { deliverBody, resumableBody, type BodyOptions } from "./body.ts";
import { checkedBody } from "./checked-body.ts";
import type { Answer, Operation, Refusal, S3Client } from "./client.ts";
import { isRetryable, toBaleError, unreachable } from "./failure.ts";
import { infoOf } from "./object-info.ts";
import type { TransportResponse } from "./transport.ts";

const tellChecksum = { "x-amz-checksum-mode": "ENABLED" };

/** `Store.get` and `Store.head` below a prefix of a bucket. */
export class ObjectReader {
	readonly #client: S3Client;
	readonly #prefix: string;

	/** `prefix` is empty or ends in a slash. */
	constructor(client: S3Client, prefix: string) {
		this.#client = client;
		this.#prefix = prefix;
	}

	async get(key: string, options: ReadOptions = {}): Promise<ObjectBody | undefined> {
		const { range } = options;
		if (range?.length === 0) return this.#emptyRange(key, range, options);
		const opened = await this.#open(key, options);
		if (opened === undefined) return onlyVersion(options, (plain) => this.get(key, plain));
		const body = resumableBody(opened);
		if (options.checked !== true) return { info: opened.info, body };
		const { info } = opened;
		const firstPartSize = () => this.#firstPartSize(key, info, options);
		return { info, body: checkedBody(body, info, this.#client.createSha256, firstPartSize) };
	}

	/** Size in bytes of the first part that an object was sent in; undefined where the server does not tell. */
	async #firstPartSize(
		key: string,
		{ size, etag }: ObjectInfo,
		options: ReadOptions,
	): Promise<number | undefined> {
		const { query = [], ...operation } = this.#read("HEAD", key, options, undefined);
		const outcome = await this.#client.send({
			...operation,
			query: [...query, ["partNumber", "1"]],
			headers: { ...operation.headers, "if-match": etag },
		});
		if (!outcome.ok) return undefined;
		outcome.response.discard();
		const told = Number(outcome.response.header("content-length"));
		return told < size ? told : undefined;
	}

	/** `Store.deliver`. */
	async deliver(
		key: string,
		accept: (info: ObjectInfo) => Sink,
		options: ReadOptions = {},
	): Promise<ObjectInfo | undefined> {
		// An object of the version "null" is rare, and is found out about step by step.
		if (options.range?.length === 0 || options.versionId === "null") {
			const object = await this.get(key, options);
			if (object === undefined) return undefined;
			await deliverStream(object.body, accept(object.info), options.signal);
			return object.info;
		}
		const opened = await this.#open(key, options);
		if (opened === undefined) return undefined;
		let sink: Sink;
		try {
			sink = accept(opened.info);
		} catch (error) {
			opened.first.discard();
			throw error;
		}
		await deliverBody(opened, sink);
		return opened.info;
	}

	/** The answer to a request for an object's bytes; undefined when there is no such object. */
	async #open(
		key: string,
		options: ReadOptions,
	): Promise<(BodyOptions & { readonly info: ObjectInfo }) | undefined> {
		const { range, signal } = options;
		if (range !== undefined) checkRange(range, Number.MAX_SAFE_INTEGER);
		const operation = this.#read("GET", key, options, range);
		const outcome = await this.#client.send(operation);
		if (!outcome.ok) {
			if (this.#isMissing(outcome, options)) return undefined;
			throw toBaleError(this.#client.subject(operation), outcome.failure);
		}
		const { response } = outcome;
		try {
			const { info, window } = describeBody(key, response, range);
			return {
				info,
				range: window,
				first: response,
				resume: (rest) => this.#resume(key, info, rest, options),
				unreachable: (cause) => unreachable(this.#client.subject(operation), cause),
				signal,
			};
		} catch (error) {
			response.discard();
			throw error;
		}
	}

	async head(key: string, options: ReadOptions = {}): Promise<ObjectInfo | undefined> {
		const operation = this.#read("HEAD", key, options, undefined);
		const outcome = await this.#sendHead(operation);
		if (outcome.ok) {
			outcome.response.discard();
			return infoOf(key, outcome.response, Number(outcome.response.header("content-length") ?? 0));
		}
		if (this.#isMissing(outcome, options)) return onlyVersion(options, (plain) => this.head(key, plain));
		throw toBaleError(this.#client.subject(operation), outcome.failure);
	}

	/** An answer to HEAD has no words. Why it is refused tells the same question by GET, asked once and as who has the keys. */
	async #sendHead(operation: Operation): Promise<Answer | Refusal> {
		const outcome = await this.#client.send(operation);
		if (outcome.ok || ![400, 403].includes(outcome.failure.status)) return outcome;
		const signedOnly = { ...operation, isRead: false };
		const question: Operation = { ...signedOnly, method: "GET", headers: { range: "bytes=0-0" }, once: true };
		const told = await this.#client.send(question).catch((error: unknown) => {
			if (!isBaleError(error, "StoreUnavailable")) throw error;
			return outcome;
		});
		if (told.ok) told.response.discard();
		// Keys that had expired are renewed by now, and a clock is put right. An empty object has no first byte.
		if (told.ok || told.failure.status === 416) return this.#client.send(signedOnly);
		return told.failure.code === "" || isRetryable(told.failure) ? outcome : told;
	}

	#read(method: "GET" | "HEAD", key: string, options: ReadOptions, range: ByteRange | undefined): Operation {
		const { versionId, signal } = options;
		throwIfAborted(signal);
		checkStoreKey(key);
		return {
			action: versionId === undefined ? "s3:GetObject" : "s3:GetObjectVersion",
			method,
			key: this.#prefix + key,
			...(versionId === undefined ? {} : { query: [["versionId", versionId]] }),
			headers: {
				...(method === "HEAD" ? tellChecksum : {}),
				...(range === undefined ? {} : { range: `bytes=${range.offset}-${range.offset + range.length - 1}` }),
			},
			...(options.checked === true ? { headersWhenSigned: tellChecksum } : {}),
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
			(failure.status === 400 &&
				/^(InvalidArgument|NoSuchVersion|XMinioInvalidResourceName)$/.test(failure.code))
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
