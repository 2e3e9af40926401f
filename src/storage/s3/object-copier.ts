/** Copying objects within the service: their bytes never pass through this machine. */
import { checkCondition, conflict } from "../condition.ts";
import type { Condition, CopySource, ObjectInfo, Store, Versioning, WriteOptions } from "../store.ts";
import { checkStoreKey } from "../store-key.ts";
import { isSameChecksum } from "./checksum.ts";
import { makeClaim } from "./claim.ts";
import type { Operation, S3Client } from "./client.ts";
import type { Conditions } from "./conditions.ts";
import { copyInParts, copyRefusal, CannotCopy, sourceHeaders, type Copied } from "./copied-parts.ts";
import { readCopiedEtag } from "./document.ts";
import type { ObjectReader } from "./object-reader.ts";
import { headersOf, hidesMarker, multipartBytes } from "./object-writer.ts";
import type { UploadJournal } from "./upload-journal.ts";

/** What copying needs of the store that it belongs to. */
type Owner = Pick<Store, "put" | "delete"> & {
	/** Asked once. */
	readonly versioning: (signal: AbortSignal | undefined) => Promise<Versioning | undefined>;
	readonly conditions: Conditions;
};

/**
 * `Store.copyFrom` below a prefix of a bucket. Objects of 8 MiB and more are copied in the parts in which bale and
 * quilt3 send them, so that the checksum of the copy gives the content hash where the server has checksums of copied
 * parts; the copy has none otherwise.
 */
export class ObjectCopier {
	readonly #client: S3Client;
	readonly #prefix: string;
	readonly #reader: ObjectReader;
	readonly #owner: Owner;
	readonly #journal: UploadJournal | undefined;
	/** False once the server has turned out to keep no, or wrong, checksums of copied parts. */
	#partsHaveChecksums = true;

	constructor(
		client: S3Client,
		prefix: string,
		reader: ObjectReader,
		owner: Owner,
		journal: UploadJournal | undefined,
	) {
		this.#client = client;
		this.#prefix = prefix;
		this.#reader = reader;
		this.#owner = owner;
		this.#journal = journal;
	}

	async copyFrom(
		source: CopySource,
		key: string,
		options: WriteOptions = {},
	): Promise<ObjectInfo | undefined> {
		checkStoreKey(key);
		if (source.service !== undefined && source.service !== this.#client.service) return undefined;
		const { size = 0 } = source;
		try {
			const decided = await this.#decided(key, options);
			const copied =
				size < multipartBytes
					? await this.#copySmall(source, key, decided)
					: await this.#copyInParts(source, size, key, decided);
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

	/** Without their condition when the service honours none: then it is checked here. */
	async #decided(key: string, options: WriteOptions): Promise<WriteOptions> {
		const { condition, ...unconditional } = options;
		if (condition === undefined || this.#owner.conditions.honoured) return options;
		await this.#check(key, condition, options.signal);
		return unconditional;
	}

	async #check(key: string, condition: Condition, signal: AbortSignal | undefined): Promise<void> {
		checkCondition(key, condition, (await this.#reader.head(key, { signal }))?.etag);
	}

	/** Services other than AWS ignore the condition of a copy, unlike those of other writes. */
	async #copySmall(source: CopySource, key: string, options: WriteOptions): Promise<Copied> {
		const { condition, signal } = options;
		if (condition === undefined || this.#client.service === "aws")
			return this.#copyWhole(source, key, options);
		// What is written over stays a version: looking is enough.
		if ("ifEtag" in condition || (await this.#owner.versioning(signal)) === "enabled") {
			await this.#check(key, condition, signal);
			return this.#copyWhole(source, key, options);
		}
		const claim = await this.#owner.put(key, makeClaim(), options);
		try {
			// Nobody who heeds conditions writes there now; a refusal can only be about the source.
			return await this.#copyWhole(source, key, { signal });
		} catch (error) {
			// Left behind, it only has others put what is theirs elsewhere; `bale doctor` finds it.
			await this.#owner.delete(key, { ifEtag: claim.etag }).catch(() => undefined);
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
