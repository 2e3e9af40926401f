/** A bucket, or what lies below a prefix in it, as a store. */
import { BaleError, isBaleError } from "../../core/errors.ts";
import type { PhysicalKey } from "../../core/physical-key.ts";
import { checkStoreKey } from "../store-key.ts";
import type {
	ByteSource,
	CopySource,
	DeleteOptions,
	ListItem,
	ListOptions,
	ObjectBody,
	ObjectInfo,
	ReadOptions,
	Sink,
	Store,
	UnfinishedUpload,
	Versioning,
	WriteOptions,
} from "../store.ts";
import { S3Client, type Operation, type S3ClientOptions } from "./client.ts";
import { Conditions, type ServiceMemory } from "./conditions.ts";
import { readVersioning } from "./document.ts";
import { toBaleError } from "./failure.ts";
import { listLatestVersions, listObjects } from "./listing.ts";
import { MemoryBudget } from "./memory-budget.ts";
import { ObjectCopier } from "./object-copier.ts";
import { ObjectReader } from "./object-reader.ts";
import { ObjectWriter } from "./object-writer.ts";
import type { UploadJournal } from "./upload-journal.ts";
import { endUpload, listParts, listUploads } from "./uploads.ts";

export type S3StoreOptions = S3ClientOptions & {
	/** The store's keys begin below this key; default: at the root of the bucket. */
	readonly prefix?: string | undefined;
	/** Bytes that may wait in memory to be sent; default 128 MiB. */
	readonly memoryBytes?: number | undefined;
	/** Where uploads in parts are recorded, so that they can be resumed; absent: they are aborted when they fail. */
	readonly journal?: UploadJournal | undefined;
	/** What earlier processes learnt of the service; absent: it is found out anew. */
	readonly memory?: ServiceMemory | undefined;
};

const mebibyte = 1024 * 1024;
const deletionAttempts = 6;
const deletionPauseMs = 100;

/**
 * Objects in a bucket of AWS S3 or of a server that speaks its protocol. Objects below 8 MiB are sent whole, larger
 * ones in the parts that quilt3 8.0.0 sends, always with SHA-256 checksums that the server verifies.
 *
 * A missing bucket is `ObjectNotFound` (reading the state of a single key: undefined), a refusal `AccessDenied` with
 * the IAM action and resource, expired credentials `LoginExpired`, everything that passes `StoreUnavailable`.
 */
export class S3Store implements Store {
	readonly root: PhysicalKey & { readonly kind: "s3" };
	readonly requesterPays: boolean;
	readonly #client: S3Client;
	readonly #prefix: string;
	readonly #reader: ObjectReader;
	readonly #writer: ObjectWriter;
	readonly #copier: ObjectCopier;
	readonly #conditions: Conditions;
	readonly #filtersHeaders: boolean;
	/** The last answer of `versioning`, once it is there, and the last question. */
	#versioning: Versioning | undefined;
	#asked: Promise<Versioning | undefined> | undefined;

	constructor(options: S3StoreOptions) {
		const prefix = (options.prefix ?? "").replace(/^\/+|\/+$/g, "");
		if (prefix !== "") checkStoreKey(prefix);
		this.root = { kind: "s3", bucket: options.bucket, key: prefix };
		this.requesterPays = options.requesterPays === true;
		this.#prefix = prefix === "" ? "" : `${prefix}/`;
		this.#client = new S3Client(options);
		this.#filtersHeaders = options.transport.filtersHeaders === true;
		const budget = new MemoryBudget(options.memoryBytes ?? 128 * mebibyte);
		this.#reader = new ObjectReader(this.#client, this.#prefix);
		this.#conditions = new Conditions(this.#client, this.#prefix, options.memory);
		this.#writer = new ObjectWriter(
			this.#client,
			this.#prefix,
			this.#reader,
			budget,
			this.#conditions,
			options.journal,
		);
		const owner = {
			put: this.put.bind(this),
			delete: this.delete.bind(this),
			versioning: this.#knownVersioning.bind(this),
			conditions: this.#conditions,
		};
		this.#copier = new ObjectCopier(this.#client, this.#prefix, this.#reader, owner, options.journal);
	}

	/** `versions` is false until `versioning` was asked. */
	get features(): Store["features"] {
		return {
			versions: this.#versioning === "enabled",
			conditions: this.#conditions.honoured,
			writable: true,
			checksums: true,
		};
	}

	/** The service that the bucket is on. */
	get service(): string {
		return this.#client.service;
	}

	versioning(signal?: AbortSignal): Promise<Versioning | undefined> {
		const asked = this.#askVersioning(signal);
		this.#asked = asked;
		asked.catch(() => (this.#asked = undefined));
		return asked;
	}

	detectConditions(signal?: AbortSignal): Promise<boolean> {
		return this.#conditions.detect(signal);
	}

	get(key: string, options?: ReadOptions): Promise<ObjectBody | undefined> {
		return this.#reader.get(key, options);
	}

	deliver(
		key: string,
		accept: (info: ObjectInfo) => Sink,
		options?: ReadOptions,
	): Promise<ObjectInfo | undefined> {
		return this.#reader.deliver(key, accept, options);
	}

	head(key: string, options?: ReadOptions): Promise<ObjectInfo | undefined> {
		return this.#reader.head(key, options);
	}

	async put(key: string, source: ByteSource | Uint8Array, options?: WriteOptions): Promise<ObjectInfo> {
		const written = await this.#writer.put(key, source, options);
		if (written.versionId !== undefined || !this.#filtersHeaders) return written;
		const versioning = await this.#knownVersioning(options?.signal);
		if (versioning === "enabled") throw versionHidden(this.root.bucket, key);
		return versioning === "suspended" ? { ...written, versionId: "null" } : written;
	}

	settled(keys: Iterable<string>): Promise<void> {
		return this.#writer.settled(keys);
	}

	/** Uploads in parts below the store's root that are neither complete nor aborted, whoever began them. */
	async *listUploads(signal?: AbortSignal): AsyncGenerator<UnfinishedUpload, void> {
		for await (const { key, uploadId, startedAt } of listUploads(this.#client, this.#prefix, signal)) {
			const parts = await listParts(this.#client, key, uploadId, signal);
			if (parts === undefined) continue;
			const size = parts.reduce((sum, part) => sum + part.size, 0);
			yield { key: key.slice(this.#prefix.length), uploadId, startedAt, size };
		}
	}

	async abortUpload(
		{ key, uploadId }: Pick<UnfinishedUpload, "key" | "uploadId">,
		signal?: AbortSignal,
	): Promise<void> {
		await endUpload(this.#client, this.#prefix + key, uploadId, signal);
	}

	copyFrom(source: CopySource, key: string, options?: WriteOptions): Promise<ObjectInfo | undefined> {
		return this.#copier.copyFrom(source, key, options);
	}

	async delete(key: string, options: DeleteOptions = {}): Promise<void> {
		checkStoreKey(key);
		const { ifEtag, signal } = options;
		const operation: Operation = {
			action: "s3:DeleteObject",
			method: "DELETE",
			key: this.#prefix + key,
			isRead: false,
			...(ifEtag === undefined ? {} : { once: true }),
			signal,
		};
		let condition = ifEtag === undefined ? {} : { headers: { "if-match": ifEtag } };
		let wasRefused = false;
		for (let attempt = 1; ; attempt++) {
			const isLast = ifEtag === undefined || attempt >= deletionAttempts;
			if (ifEtag !== undefined && (await this.head(key, { signal }))?.etag !== ifEtag) return;
			try {
				const outcome = await this.#client.send({ ...operation, ...condition });
				if (outcome.ok) {
					outcome.response.discard();
					return;
				}
				const { status, code } = outcome.failure;
				if (status === 404 && code === "NoSuchKey") return;
				const isUnknown = status === 501 || code === "InvalidArgument" || code === "InvalidRequest";
				if ("headers" in condition && (status === 412 || isUnknown)) {
					// Another object is there now, as looking again tells; else the service does not know the condition.
					if (isUnknown || wasRefused) condition = {};
					wasRefused = true;
					continue;
				}
				// Others write there at this moment.
				if (status !== 409 || isLast) throw toBaleError(this.#client.subject(operation), outcome.failure);
			} catch (error) {
				if (isLast || !isBaleError(error, "StoreUnavailable")) throw error;
			}
			await this.#client.pause(Math.random() * deletionPauseMs * attempt, signal);
		}
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

	#knownVersioning(signal: AbortSignal | undefined): Promise<Versioning | undefined> {
		return this.#asked ?? this.versioning(signal);
	}

	async #askVersioning(signal: AbortSignal | undefined): Promise<Versioning | undefined> {
		const operation: Operation = {
			action: "s3:GetBucketVersioning",
			method: "GET",
			query: [["versioning", ""]],
			// Nobody may ask without keys.
			isRead: false,
			signal,
		};
		try {
			this.#versioning = await this.#client.expectDocument(operation, readVersioning);
			return this.#versioning;
		} catch (error) {
			if (!isBaleError(error, "AccessDenied", "Unsupported", "ObjectNotFound")) throw error;
			return undefined;
		}
	}
}

/** Without its version what was written could later be replaced, and nobody would find it again. */
function versionHidden(bucket: string, key: string): BaleError {
	return new BaleError(
		"InvalidConfig",
		`Cannot tell which version of "${key}" was written: ${bucket} keeps versions, but a page sees none`,
		{
			hint: "Let the CORS rules of the bucket expose x-amz-version-id",
			details: { bucket, key },
		},
	);
}
