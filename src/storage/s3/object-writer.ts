/** Writing objects: whole or in parts, under a condition that the server decides. */
import { formatBase64 } from "../../core/base64.ts";
import { BaleError, isBaleError } from "../../core/errors.ts";
import { throwIfAborted } from "../abort.ts";
import { toByteSource } from "../byte-source.ts";
import { checkCondition, conflict } from "../condition.ts";
import type { ByteSource, Checksum, Condition, ObjectInfo, WriteOptions } from "../store.ts";
import { checkStoreKey } from "../store-key.ts";
import { wholeChecksum } from "./checksum.ts";
import type { Operation, Refusal, S3Client } from "./client.ts";
import type { Conditions } from "./conditions.ts";
import { locationOf, toBaleError } from "./failure.ts";
import type { MemoryBudget } from "./memory-budget.ts";
import { readRange, uploadInParts } from "./multipart.ts";
import { discardLeft } from "./open-upload.ts";
import { writtenInfo } from "./object-info.ts";
import type { ObjectReader } from "./object-reader.ts";
import type { UploadJournal } from "./upload-journal.ts";

/** Objects of this many bytes and more are sent and copied in parts. */
export const multipartBytes = 8 * 1024 * 1024;

/** As long as it may take from looking at an object to writing it. */
const settleMs = 250;
/** Uploads that nobody went on with for so long are aborted. */
const abandonedMs = 7 * 24 * 60 * 60 * 1000;

/** `Store.put` below a prefix of a bucket. */
export class ObjectWriter {
	readonly #client: S3Client;
	readonly #prefix: string;
	readonly #reader: ObjectReader;
	readonly #budget: MemoryBudget;
	readonly #conditions: Conditions;
	readonly #journal: UploadJournal | undefined;
	/** Full keys of the uploads that earlier processes left; undefined: the journal has not been read. */
	#left: Set<string> | undefined;

	constructor(
		client: S3Client,
		prefix: string,
		reader: ObjectReader,
		budget: MemoryBudget,
		conditions: Conditions,
		journal: UploadJournal | undefined,
	) {
		this.#client = client;
		this.#prefix = prefix;
		this.#reader = reader;
		this.#budget = budget;
		this.#conditions = conditions;
		this.#journal = journal;
	}

	async put(key: string, source: ByteSource | Uint8Array, options: WriteOptions = {}): Promise<ObjectInfo> {
		const { condition, ...plain } = options;
		if (condition === undefined) return this.#put(key, source, plain);
		if (!this.#conditions.honoured) return this.#putWatched(key, source, condition, plain);
		try {
			return await this.#put(key, source, options);
		} catch (error) {
			if (!isBaleError(error, "Unsupported")) throw error;
			const written = await this.#putWatched(key, source, condition, plain);
			this.#conditions.learn(false);
			return written;
		}
	}

	/**
	 * Where the server does not decide: looks before and after. Two who write at the same moment can still both take
	 * themselves for the only one; the pause lets whoever had looked before be seen.
	 */
	async #putWatched(
		key: string,
		source: ByteSource | Uint8Array,
		condition: Condition,
		options: WriteOptions,
	): Promise<ObjectInfo> {
		const { signal } = options;
		const before = await this.#reader.head(key, { signal });
		checkCondition(key, condition, before?.etag);
		const written = await this.#put(key, source, options);
		if ("ifEtag" in condition) await this.#client.pause(settleMs, signal);
		const after = await this.#reader.head(key, { signal });
		if (after?.etag !== written.etag) throw conflict(key, "it was changed by somebody else at the same time");
		return written;
	}

	async #put(key: string, source: ByteSource | Uint8Array, options: WriteOptions): Promise<ObjectInfo> {
		checkStoreKey(key);
		throwIfAborted(options.signal);
		const body = toByteSource(source);
		await this.#readLeft();
		const conditionHeaders = headersOf(options.condition);
		if (body.size < multipartBytes) {
			return this.#budget.with(body.size, async (memory) => {
				const bytes = await readRange(body, { offset: 0, length: body.size }, memory(), options.signal);
				const sha256 = this.#client.sha256(bytes);
				options.check?.(wholeChecksum(sha256));
				const written = await this.#putWhole(key, bytes, sha256, conditionHeaders, options);
				await this.settled([key]);
				return written;
			});
		}
		const { checksum, outcome } = await uploadInParts(this.#client, this.#budget, this.#journal, {
			key: this.#prefix + key,
			source: body,
			conditionHeaders,
			hidesMarker: () => {
				this.#conditions.learn(true);
				return hidesMarker(this.#reader, key, options);
			},
			options,
		});
		if (outcome.kind === "done") {
			return writtenInfo(key, body.size, outcome.etag, checksum, outcome.response);
		}
		const ours = outcome.kind === "resolve" ? { checksum, etag: outcome.etag } : undefined;
		return this.#resolveWrite(key, body.size, ours, options);
	}

	/** `Store.settled`. */
	async settled(keys: Iterable<string>): Promise<void> {
		const left = await this.#readLeft();
		if (left.size === 0) return;
		for (const key of keys) if (left.delete(this.#prefix + key)) await this.#discardLeft(this.#prefix + key);
	}

	/** What earlier processes left of uploads to this bucket; what is too old to go on with is aborted. */
	async #readLeft(): Promise<Set<string>> {
		if (this.#left !== undefined) return this.#left;
		const left = new Set<string>();
		this.#left = left;
		const { service, bucket } = this.#client;
		const abandonedBefore = Date.now() - abandonedMs;
		for (const { key, startedAt } of this.#journal?.left(service, bucket) ?? []) {
			if (startedAt >= abandonedBefore) left.add(key);
			else await this.#discardLeft(key, abandonedBefore);
		}
		return left;
	}

	/** Other content has taken the place of what was uploaded before, or nobody wants it any more. */
	async #discardLeft(fullKey: string, abandonedBefore?: number): Promise<void> {
		if (this.#journal === undefined) return;
		const { service, bucket } = this.#client;
		const options = abandonedBefore === undefined ? {} : { abandonedBefore };
		await discardLeft(this.#client, this.#journal, { service, bucket, key: fullKey }, options);
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
			key: this.#prefix + key,
			headers: { "x-amz-checksum-sha256": formatBase64(sha256), ...conditionHeaders },
			body: { bytes, sha256 },
			creates: true,
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
		if (status === 412 && options.condition !== undefined) this.#conditions.learn(true);
		const isCondition = status === 412 || (status === 404 && code !== "NoSuchBucket");
		if (options.condition === undefined || !isCondition) throw this.#writeError(operation, outcome);
		if (
			!outcome.repeated &&
			"if-none-match" in conditionHeaders &&
			(await hidesMarker(this.#reader, key, options))
		) {
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
		const found = await this.#reader.head(key, { signal: options.signal });
		if (found?.size === size && ours !== undefined) {
			const same = found.etag === ours.etag || found.checksum?.sha256 === ours.checksum.sha256;
			if (same) return { ...found, checksum: ours.checksum };
		}
		const { condition } = options;
		if (condition !== undefined && "ifEtag" in condition) {
			throw conflict(key, found === undefined ? "it is gone" : "it was changed by somebody else", {
				expected: condition.ifEtag,
				// An answer was lost: the object may have been ours for a while.
				...(ours === undefined ? {} : { answer: "lost" }),
				...(found === undefined ? {} : { found: found.etag }),
			});
		}
		throw conflict(key, "it exists already", found === undefined ? {} : { found: found.etag });
	}

	#writeError(operation: Operation, refusal: Refusal): BaleError {
		const { code, status } = refusal.failure;
		if (status === 409 && /Parent|Directory|ObjectExists|KeyCollision/i.test(code)) {
			return new BaleError(
				"KeyCollision",
				`Cannot write ${locationOf({ bucket: this.#client.bucket, key: operation.key })}: the server keeps objects in files, and a part of the path is an object or the key a directory`,
				{ details: { bucket: this.#client.bucket, key: operation.key, code } },
			);
		}
		return toBaleError(this.#client.subject(operation), refusal.failure);
	}
}

/** The headers that say a condition. */
export function headersOf(condition: Condition | undefined): Record<string, string> {
	if (condition === undefined) return {};
	return "ifAbsent" in condition ? { "if-none-match": "*" } : { "if-match": condition.ifEtag };
}

/**
 * Some servers take a deleted object's marker for the object itself when they check that there is none: they refuse
 * the write although there is nothing to read. Whether that is so here, and the write may be repeated without its condition.
 */
export async function hidesMarker(
	reader: ObjectReader,
	key: string,
	{ condition, signal }: WriteOptions,
): Promise<boolean> {
	// Two who write where something was deleted could both take themselves for the only one.
	const absent = condition !== undefined && "ifAbsent" in condition && condition.neverThere !== true;
	return absent && (await reader.head(key, { signal })) === undefined;
}
