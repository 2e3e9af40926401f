/** Copying objects within the service: their bytes never pass through this machine. */
import { checkCondition, conflict } from "../condition.ts";
import type { CopySource, ObjectInfo, WriteOptions } from "../store.ts";
import { checkStoreKey } from "../store-key.ts";
import { isSameChecksum } from "./checksum.ts";
import type { Operation, S3Client } from "./client.ts";
import { copyInParts, copyRefusal, CannotCopy, sourceHeaders, type Copied } from "./copied-parts.ts";
import { readCopiedEtag } from "./document.ts";
import type { ObjectReader } from "./object-reader.ts";
import { headersOf, hidesMarker, multipartBytes } from "./object-writer.ts";
import type { UploadJournal } from "./upload-journal.ts";

/**
 * `Store.copyFrom` below a prefix of a bucket. Objects of 8 MiB and more are copied in the parts in which bale and
 * quilt3 send them, so that the checksum of the copy gives the content hash where the server has checksums of copied
 * parts; the copy has none otherwise.
 */
export class ObjectCopier {
	readonly #client: S3Client;
	readonly #prefix: string;
	readonly #reader: ObjectReader;
	readonly #journal: UploadJournal | undefined;
	/** False once the server has turned out to keep no, or wrong, checksums of copied parts. */
	#partsHaveChecksums = true;

	constructor(client: S3Client, prefix: string, reader: ObjectReader, journal: UploadJournal | undefined) {
		this.#client = client;
		this.#prefix = prefix;
		this.#reader = reader;
		this.#journal = journal;
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
			const { versionId } = copied;
			const version = versionId === undefined ? {} : { versionId };
			const info = await this.#reader.head(key, { signal: options.signal, ...version });
			if (info === undefined || !isCopy(info, copied, options)) {
				throw conflict(key, "it was changed by somebody else");
			}
			return info;
		} catch (error) {
			if (error instanceof CannotCopy) return undefined;
			throw error;
		}
	}

	async #copyWhole(source: CopySource, key: string, options: WriteOptions): Promise<Copied> {
		const { condition, signal } = options;
		// Some servers ignore the condition of a copy, unlike those of other writes.
		if (condition !== undefined) {
			checkCondition(key, condition, (await this.#reader.head(key, { signal }))?.etag);
		}
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
			isLong: true,
			signal: options.signal,
		};
		const outcome = await this.#client.sendForDocument(operation, readCopiedEtag);
		if (!outcome.ok) {
			if (outcome.failure.status === 412 && options.condition !== undefined) {
				// The source may have changed instead: the same copy without a condition tells.
				if (!(await hidesMarker(this.#reader, key, options))) {
					throw conflict(key, "it was changed by somebody else");
				}
				const { condition: _condition, ...unconditional } = options;
				return this.#copyWhole(source, key, unconditional);
			}
			throw copyRefusal(this.#client, operation, outcome, source);
		}
		return { etag: outcome.document, versionId: outcome.response.header("x-amz-version-id") };
	}

	async #copyInParts(source: CopySource, size: number, key: string, options: WriteOptions): Promise<Copied> {
		const copy = {
			source,
			size,
			key: this.#prefix + key,
			options,
			hidesMarker: () => hidesMarker(this.#reader, key, options),
		};
		const { service, bucket } = this.#client;
		const left = this.#journal?.left(service, bucket).find((record) => record.key === copy.key);
		if (this.#partsHaveChecksums && left?.checksums !== false) {
			const copied = await copyInParts(this.#client, this.#journal, copy, true);
			if (copied !== undefined) return copied;
			this.#partsHaveChecksums = false;
		}
		return (await copyInParts(this.#client, this.#journal, copy, false)) as Copied;
	}
}

/** Whether it can be nobody else's object. */
function isCopy(found: ObjectInfo, { etag, checksum }: Copied, { condition }: WriteOptions): boolean {
	if (etag !== undefined) return found.etag === etag;
	return checksum === undefined ? condition === undefined : isSameChecksum(found.checksum, checksum);
}
