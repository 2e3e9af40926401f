/** Copying objects within the service: their bytes never pass through this machine. */
import { BaleError } from "../../core/errors.ts";
import { partSize } from "../../core/hash.ts";
import { conflict } from "../condition.ts";
import type { ByteRange, CopySource, ObjectInfo, WriteOptions } from "../store.ts";
import { checkStoreKey } from "../store-key.ts";
import { parseChecksum } from "./checksum.ts";
import type { Operation, Refusal, S3Client } from "./client.ts";
import { readCopiedPart, readField, type CompletedPart } from "./document.ts";
import { locationOf, readErrorDocument, toBaleError } from "./failure.ts";
import type { ObjectReader } from "./object-reader.ts";
import { headersOf, multipartBytes } from "./object-writer.ts";
import { encodeKey, encodeQueryPart } from "./percent.ts";
import { abortUnnamed, abortUpload, beginUpload, completeUpload } from "./uploads.ts";

const partsAtOnce = 8;

/**
 * `Store.copyFrom` below a prefix of a bucket. Objects of 8 MiB and more are copied in the parts in which bale and
 * quilt3 send them, so that the checksum of the copy gives the content hash where the server has checksums of copied
 * parts; the copy has none otherwise.
 */
export class ObjectCopier {
	readonly #client: S3Client;
	readonly #prefix: string;
	readonly #reader: ObjectReader;
	/** False once the server has turned out to keep no, or wrong, checksums of copied parts. */
	#partsHaveChecksums = true;

	constructor(client: S3Client, prefix: string, reader: ObjectReader) {
		this.#client = client;
		this.#prefix = prefix;
		this.#reader = reader;
	}

	async copyFrom(
		source: CopySource,
		key: string,
		options: WriteOptions = {},
	): Promise<ObjectInfo | undefined> {
		checkStoreKey(key);
		if (source.service !== undefined && source.service !== this.#client.service) return undefined;
		try {
			const copied =
				(source.size ?? 0) < multipartBytes
					? await this.#copyWhole(source, key, options)
					: await this.#copyInParts(source, source.size ?? 0, key, options);
			const { versionId, etag } = copied;
			const version = versionId === undefined ? {} : { versionId };
			const info = await this.#reader.head(key, { signal: options.signal, ...version });
			if (info === undefined || (etag !== undefined && info.etag !== etag)) {
				throw conflict(key, "it was changed by somebody else");
			}
			return info;
		} catch (error) {
			if (error instanceof CannotCopy) return undefined;
			throw error;
		}
	}

	async #copyWhole(source: CopySource, key: string, options: WriteOptions): Promise<Copied> {
		const operation: Operation = {
			action: "s3:PutObject",
			method: "PUT",
			key: this.#prefix + key,
			headers: {
				...sourceHeaders(source),
				"x-amz-checksum-algorithm": "SHA256",
				...headersOf(options.condition),
			},
			creates: true,
			isRead: false,
			signal: options.signal,
		};
		const outcome = await this.#client.sendText(operation);
		if (!outcome.ok) {
			if (outcome.failure.status === 412 && options.condition !== undefined) {
				const found = await this.#reader.head(key, { signal: options.signal });
				if (found !== undefined || !("ifAbsent" in options.condition)) {
					throw conflict(key, "it was changed by somebody else");
				}
				// A deleted object's marker that the server takes for an object, or the source has changed.
				const { condition: _condition, ...unconditional } = options;
				return this.#copyWhole(source, key, unconditional);
			}
			throw this.#refusal(operation, outcome, source);
		}
		const { text } = outcome;
		const { code, message } = readErrorDocument(text);
		if (code !== "") throw this.#client.lateError(operation, { code, message });
		const etag = readField(text, "CopyObjectResult", "ETag");
		return { etag, versionId: outcome.response.header("x-amz-version-id") };
	}

	async #copyInParts(source: CopySource, size: number, key: string, options: WriteOptions): Promise<Copied> {
		if (this.#partsHaveChecksums) {
			const copied = await this.#tryInParts(source, size, key, options, true);
			if (copied !== undefined) return copied;
			this.#partsHaveChecksums = false;
		}
		return (await this.#tryInParts(source, size, key, options, false)) as Copied;
	}

	/** Undefined: the server has no checksums of copied parts that can be believed. */
	async #tryInParts(
		source: CopySource,
		size: number,
		key: string,
		options: WriteOptions,
		checksums: boolean,
	): Promise<Copied | undefined> {
		const fullKey = this.#prefix + key;
		const { signal } = options;
		const { uploadId, repeated } = await beginUpload(this.#client, fullKey, { checksums, signal });
		try {
			if (repeated) await abortUnnamed(this.#client, fullKey, Date.now(), uploadId).catch(() => undefined);
			const length = partSize(size);
			const count = Math.ceil(size / length);
			const parts = new Array<CompletedPart>(count);
			const copyPart = async (index: number): Promise<boolean> => {
				const offset = index * length;
				const range = { offset, length: Math.min(length, size - offset) };
				const part = await this.#copyPart(source, range, {
					key: fullKey,
					uploadId,
					number: index + 1,
					signal,
				});
				if (part === undefined || (checksums && !isDigest(part.checksum))) {
					if (checksums) return false;
					throw new CannotCopy();
				}
				parts[index] = checksums ? part : { number: part.number, etag: part.etag };
				return true;
			};
			// The first tells whether the server can do it.
			let believed = await copyPart(0);
			let next = 1;
			const lane = async (): Promise<void> => {
				while (believed && next < count) believed = (await copyPart(next++)) && believed;
			};
			const lanes = await Promise.allSettled(Array.from({ length: believed ? partsAtOnce : 0 }, lane));
			const failed = lanes.find((result) => result.status === "rejected");
			if (failed !== undefined) throw failed.reason;
			if (!believed || (checksums && areAllAlike(parts))) {
				await abortUpload(this.#client, fullKey, uploadId);
				return undefined;
			}
			const outcome = await completeUpload(this.#client, {
				key: fullKey,
				uploadId,
				parts,
				conditionHeaders: headersOf(options.condition),
				signal,
			});
			if (outcome.kind === "refused") throw conflict(key, "it exists already");
			if (outcome.kind === "resolve") return { etag: outcome.etag, versionId: undefined };
			return { etag: outcome.etag, versionId: outcome.response.header("x-amz-version-id") };
		} catch (error) {
			await abortUpload(this.#client, fullKey, uploadId);
			throw error;
		}
	}

	/** Undefined: refused in a way that a server has which cannot copy into an upload with checksums. */
	async #copyPart(
		source: CopySource,
		range: ByteRange,
		part: {
			readonly key: string;
			readonly uploadId: string;
			readonly number: number;
			readonly signal: AbortSignal | undefined;
		},
	): Promise<CompletedPart | undefined> {
		const operation: Operation = {
			action: "s3:PutObject",
			method: "PUT",
			key: part.key,
			query: [
				["partNumber", String(part.number)],
				["uploadId", part.uploadId],
			],
			headers: {
				...sourceHeaders(source),
				"x-amz-copy-source-range": `bytes=${range.offset}-${range.offset + range.length - 1}`,
			},
			isRead: false,
			signal: part.signal,
		};
		const outcome = await this.#client.sendText(operation);
		if (!outcome.ok) {
			if (outcome.failure.status === 400) return undefined;
			throw this.#refusal(operation, outcome, source);
		}
		const { text } = outcome;
		const { code, message } = readErrorDocument(text);
		if (code !== "") throw this.#client.lateError(operation, { code, message });
		return { number: part.number, ...readCopiedPart(text) };
	}

	#refusal(operation: Operation, refusal: Refusal, source: CopySource): Error {
		const { status, code } = refusal.failure;
		if (status === 412 && source.versionId === "null") return new CannotCopy();
		if (status === 412) {
			return new BaleError("SourceChanged", `Cannot copy ${locationOf(source)}: it was replaced meanwhile`, {
				hint: "Run the same again",
				details: { bucket: source.bucket, key: source.key },
			});
		}
		// The bucket may be one of another service: then its bytes must come through here.
		if ([400, 403, 405, 501].includes(status) || code === "NoSuchBucket") return new CannotCopy();
		if (status === 404) {
			return new BaleError("ObjectNotFound", `There is nothing at ${locationOf(source)}`, {
				details: { bucket: source.bucket, key: source.key },
			});
		}
		return toBaleError(this.#client.subject(operation), refusal.failure);
	}
}

type Copied = { readonly etag: string | undefined; readonly versionId: string | undefined };

/** The server refuses to copy this. */
class CannotCopy extends Error {}

/** The source, pinned by its version or ETag. Some servers do not know the version "null" of an object without versions. */
function sourceHeaders(source: CopySource): Record<string, string> {
	const { versionId } = source;
	const isPlain = versionId === undefined || (versionId === "null" && source.etag !== undefined);
	const version = isPlain ? "" : `?versionId=${encodeQueryPart(versionId)}`;
	return {
		"x-amz-copy-source": `/${source.bucket}/${encodeKey(source.key)}${version}`,
		...(source.etag === undefined ? {} : { "x-amz-copy-source-if-match": source.etag }),
	};
}

function isDigest(checksum: string | undefined): boolean {
	const parsed = parseChecksum(checksum);
	return parsed !== undefined && parsed.parts === undefined;
}

/** Some servers give every part the checksum of the whole source. */
function areAllAlike(parts: readonly CompletedPart[]): boolean {
	return parts.length > 1 && parts.every(({ checksum }) => checksum === parts[0]?.checksum);
}
