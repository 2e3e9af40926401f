/**
 * Bytes under keys: the one interface that every place for data has. `test/contract/store.ts` is
 * the executable form of these comments; every implementation passes it.
 *
 * A store knows nothing of packages. Keys are `/`-separated text without empty, `.` and `..`
 * segments (anything else is `InvalidKey`). Nothing is cached here.
 */
import type { PhysicalKey } from "../core/physical-key.ts";
import type { RandomBytes } from "../core/random-bytes.ts";

/** A run of bytes: `length` bytes from `offset`, both counted in bytes from 0. */
export type ByteRange = { readonly offset: number; readonly length: number };

export type ObjectInfo = {
	readonly key: string;
	/** In bytes. */
	readonly size: number;
	/** Changes whenever the content changes; opaque. */
	readonly etag: string;
	readonly versionId?: string;
	readonly modifiedAt: Date;
	readonly checksum?: Checksum;
};

/** What a store that keeps checksums knows of an object's content. */
export type Checksum = {
	/** Base64 of the SHA-256 of the content or, with `parts`, of the SHA-256 digests of its parts. */
	readonly sha256: string;
	/** Number of parts that the object was sent in; absent: it was sent whole. */
	readonly parts?: number;
};

/** Takes bytes as they come. The memory of a chunk is used again after the call: what is to stay is copied. */
export type Sink = (chunk: Uint8Array) => void;

/** Bytes that can be read again from any point, so that a failed write can be repeated. */
export type ByteSource = {
	/** In bytes. */
	readonly size: number;
	/** Streams exactly `range` (default: everything). */
	open(range?: ByteRange, signal?: AbortSignal): ReadableStream<Uint8Array>;
	/** Fills `into` with the bytes from `offset`, without a stream. Absent: there is no better way than `open`. */
	readInto?(into: Uint8Array, offset: number, signal?: AbortSignal): Promise<void>;
	/**
	 * Gives exactly `range` (default: everything) to `sink`, in order; what `sink` throws ends it. Absent: there is no
	 * better way than `open`.
	 */
	deliver?(sink: Sink, range?: ByteRange, signal?: AbortSignal): Promise<void>;
};

/**
 * A condition on the object that is there now: none, or one with this ETag. `neverThere`: nor may there be what a service
 * keeps of a deleted object, where it takes that into account.
 */
export type Condition = { readonly ifAbsent: true; readonly neverThere?: true } | { readonly ifEtag: string };
export type ReadOptions = {
	readonly versionId?: string;
	readonly range?: ByteRange;
	/**
	 * Has `get` compare all bytes with the checksum that the store keeps, where it keeps one: other bytes end as
	 * `IntegrityMismatch`. Not together with a range.
	 */
	readonly checked?: boolean;
	readonly signal?: AbortSignal | undefined;
};
export type WriteOptions = {
	readonly condition?: Condition;
	readonly signal?: AbortSignal | undefined;
	/**
	 * Called with the checksum of all bytes that were read, before the object appears; when it throws, nothing is
	 * written. Only for stores whose `features.checksums` is true.
	 */
	readonly check?: (checksum: Checksum) => void;
};
/**
 * What becomes of objects that are overwritten: they stay as versions, or are gone. `suspended`: what is written now is the
 * version `null` and takes the place of the one before, also where that lies under another version or a delete marker.
 */
export type Versioning = "enabled" | "suspended" | "none";
/** An object in a bucket to copy from: what is known of it decides how it is copied, and pins what is copied. */
export type CopySource = {
	readonly bucket: string;
	readonly key: string;
	readonly versionId?: string;
	/** Only this state of the object is copied (`SourceChanged` otherwise). */
	readonly etag?: string;
	/** In bytes; needed for objects of 8 MiB and more. */
	readonly size?: number;
	/** The service that the bucket is on, as `Store.service` tells; absent: the one that is copied to. */
	readonly service?: string;
	/** As `Store.requesterPays` tells of the bucket. */
	readonly requesterPays?: boolean;
};
export type ListOptions = {
	/** `"/"`: only the level below the prefix; common prefixes are yielded as `{ prefix }`. */
	readonly delimiter?: "/";
	/** Only keys that sort after this one. */
	readonly startAfter?: string;
	readonly signal?: AbortSignal | undefined;
};
export type ListItem = ObjectInfo | { readonly prefix: string };
export type ObjectBody = { readonly info: ObjectInfo; readonly body: ReadableStream<Uint8Array> };

/** An upload of a large object that was neither completed nor aborted. */
export type UnfinishedUpload = {
	readonly key: string;
	readonly uploadId: string;
	readonly startedAt: Date;
	/** Bytes that have arrived and are kept (and paid for) until it is completed or aborted. */
	readonly size: number;
};

export type DeleteOptions = {
	/**
	 * Only the object with this ETag is deleted; another one stays, which is no error. Buckets are also asked what is there
	 * before each attempt: on services that ignore the condition of a deletion, what others put there after that is lost.
	 */
	readonly ifEtag?: string | undefined;
	readonly signal?: AbortSignal | undefined;
};

/** Bytes of a file of this machine. */
export type LocalBytes = {
	readonly bytes: RandomBytes;
	/** Identifies file and content, in digits and dashes; absent while the file is so new that another content could be told by the same. */
	readonly state?: string;
};

export interface Store {
	/** Where the store's keys begin; `join(root, key)` is the physical key of an object. */
	readonly root: PhysicalKey;
	/** How people write where the store is, when that is not `root` as a URL. */
	readonly address?: string;
	/** Which service the store is on: objects are copied only within one. */
	readonly service?: string;
	/** The user agrees to pay for the traffic of this bucket, also for that of copies into another one. */
	readonly requesterPays?: boolean;
	readonly features: {
		/** Overwritten objects stay readable by their versionId. */
		readonly versions: boolean;
		/** `Condition`s are decided where the bytes are kept; false: only looked at before and after a write. */
		readonly conditions: boolean;
		/** Whether anything can be written at all (an HTTP store is read-only). */
		readonly writable: boolean;
		/** `put` and `head` tell a `Checksum` (`head`: if the object has one), and `put` asks `check`. */
		readonly checksums?: boolean;
	};
	/** Resolves to undefined when the object does not exist; a range that is not wholly there is `InvalidArgument`. */
	get(key: string, options?: ReadOptions): Promise<ObjectBody | undefined>;
	/**
	 * As `get`, but the bytes are given to the sink that `accept` gives for the object's info; what either throws ends it.
	 * Absent: there is no better way than `get`.
	 */
	deliver?(
		key: string,
		accept: (info: ObjectInfo) => Sink,
		options?: ReadOptions,
	): Promise<ObjectInfo | undefined>;
	/** Bytes of a large object that can be read anywhere at once; undefined, or absent, where that cannot be done: use `get`. */
	openBytes?(key: string): LocalBytes | undefined;
	/**
	 * The whole content of an object, at once; undefined, or absent, where that cannot be done (there is none, or it has more
	 * than `limitBytes`): use `get`.
	 */
	readSmall?(key: string, limitBytes: number): Uint8Array | undefined;
	/**
	 * Names of the folders right below `prefix` (which ends in `/`), in the order of their keys, at once. Without `holding` some
	 * may be empty; with it none is, and an object of that name is looked for first, as most have it. Absent: use `list`.
	 */
	folders?(prefix: string, holding?: string): readonly string[];
	/** Resolves to undefined when the object does not exist. */
	head(key: string, options?: ReadOptions): Promise<ObjectInfo | undefined>;
	/** Whole or not at all: no reader ever sees part of an object. Throws `Conflict` if the condition fails. */
	put(key: string, source: ByteSource | Uint8Array, options?: WriteOptions): Promise<ObjectInfo>;
	/** Deleting what is not there is no error. */
	delete(key: string, options?: DeleteOptions): Promise<void>;
	/** In ascending order of the keys' UTF-8 bytes. `prefix` is any text, as in S3. */
	list(prefix: string, options?: ListOptions): AsyncIterable<ListItem>;
	/** The latest version of every object, as `list` without delimiter, with its version id. Absent: there are no versions. */
	listVersions?(prefix: string, options?: Omit<ListOptions, "delimiter">): AsyncIterable<ObjectInfo>;
	/**
	 * Whether versions are kept now; asked anew each time. Resolves to undefined when that is not told, as to somebody who may
	 * not ask: what is told of each object must do. Absent: never.
	 */
	versioning?(signal?: AbortSignal): Promise<Versioning | undefined>;
	/**
	 * Copies an object without its bytes passing through this process. Resolves to undefined when that cannot be done.
	 * Throws `ObjectNotFound` when there is no such object. Absent: it never can.
	 */
	copyFrom?(source: CopySource, key: string, options?: WriteOptions): Promise<ObjectInfo | undefined>;
	/** Finds out whether `features.conditions` holds, if that is not known. Absent: it does as it says. */
	detectConditions?(signal?: AbortSignal): Promise<boolean>;
	/**
	 * Objects that were found to have what was to be put there: what an earlier process has left of uploads to them is over.
	 * Absent: nothing is ever left to go on with.
	 */
	settled?(keys: Iterable<string>): Promise<void>;
	/** What was left of uploads, also by others. Absent: nothing ever is. */
	listUploads?(signal?: AbortSignal): AsyncIterable<UnfinishedUpload>;
	/** Removes what was left of an upload; whoever is at it fails. */
	abortUpload?(upload: Pick<UnfinishedUpload, "key" | "uploadId">, signal?: AbortSignal): Promise<void>;
}
