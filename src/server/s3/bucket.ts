/**
 * What the S3 face of a directory (`bale serve --s3`) needs of the directory: the interface between the protocol
 * (`src/server/s3`, which knows requests and XML) and the files (`src/server/s3/files`, which knows neither).
 */

import type { Versioning } from "../../storage/store.ts";

/** Checksums that were verified when the bytes arrived. Base64, as S3 writes them. */
export interface ObjectChecksum {
	readonly algorithm: "SHA256" | "CRC64NVME" | "SHA1" | "CRC32" | "CRC32C";
	/** Composite values have the form `<base64>-<parts>`. */
	readonly value: string;
	readonly type: "FULL_OBJECT" | "COMPOSITE";
}

/** One version of an object, or a delete marker. */
export interface ObjectVersion {
	readonly key: string;
	readonly versionId: string;
	readonly isLatest: boolean;
	readonly isDeleteMarker: boolean;
	/** Bytes; 0 for a delete marker. */
	readonly size: number;
	/** With its quotes. */
	readonly etag: string;
	/** Milliseconds since the epoch. */
	readonly lastModified: number;
	readonly checksum: ObjectChecksum | undefined;
	/** Sizes in bytes of the parts it was uploaded in; undefined for one that came whole. */
	readonly partSizes: readonly number[] | undefined;
	readonly headers: ObjectHeaders;
}

/** What a client gave with an object and gets back with it: `content-type`, `cache-control`, …, `x-amz-meta-*`. Lower-case names. */
export type ObjectHeaders = Readonly<Record<string, string>>;

/** A condition of a write (`If-Match`, `If-None-Match: *`) against the newest version, checked under the lock of the key. */
export type DeleteCondition = { readonly ifMatch: string };
export type WriteCondition = DeleteCondition | { readonly ifNoneMatch: "*" };

/** Bytes that were received into the bucket's temporary folder and verified; the caller of `receive` hands them on or discards them. */
export interface ReceivedBytes {
	readonly size: number;
	readonly md5: Uint8Array;
	/** Digests of the algorithms that were asked for. */
	readonly digests: Readonly<Partial<Record<ObjectChecksum["algorithm"], Uint8Array>>>;
	/** Also after a `put` or `putPart` that failed; nothing happens when the bytes are in use or gone. */
	discard(): Promise<void>;
}

export interface OpenedObject {
	readonly version: ObjectVersion;
	/** Bytes from `start` to `end` (exclusive), from one open file: what is written meanwhile does not show. Closes the file at its end. */
	read(start: number, end: number): AsyncIterable<Uint8Array>;
	close(): Promise<void>;
}

export interface ListedPage {
	readonly versions: readonly ObjectVersion[];
	readonly commonPrefixes: readonly string[];
	/** Name of the last one of this page, to be given as `after` for the next page; undefined at the end. */
	readonly next: { readonly key: string; readonly versionId?: string } | undefined;
}

export interface ListRequest {
	readonly prefix: string;
	readonly delimiter: string;
	/**
	 * Only names (keys and common prefixes) after this key (and, with versions, after this version of it). A common prefix
	 * is a name too: after `a/` with the delimiter `/` comes nothing that begins with `a/`.
	 */
	readonly after?: { readonly key: string; readonly versionId?: string };
	readonly limit: number;
}

export interface UploadStart {
	readonly key: string;
	readonly headers: ObjectHeaders;
	readonly algorithm: ObjectChecksum["algorithm"] | undefined;
	readonly checksumType: ObjectChecksum["type"] | undefined;
}

export interface OpenUpload extends UploadStart {
	readonly uploadId: string;
	readonly initiated: number;
}

export interface UploadedPart {
	/** 1 to 10,000. */
	readonly number: number;
	readonly size: number;
	readonly etag: string;
	readonly lastModified: number;
	readonly checksum: string | undefined;
}

/** What must hold for an upload to be completed; `BadDigest` and `InvalidRequest` when the checksum and the size do not. */
export interface CompleteExpectation {
	readonly condition?: WriteCondition;
	/** Of the whole object, base64 as the upload's algorithm and type have it (a composite one with `-<parts>`). */
	readonly checksum?: string;
	/** Bytes of the whole object. */
	readonly size?: number;
}

/**
 * A folder as a bucket. Every file in it that bale or anybody else put there is an object; symbolic links, `.bale/` and names that
 * no key can have are not seen. Failures are `S3Fault`s with S3's codes (`NoSuchKey`, `NoSuchVersion`, `NoSuchUpload`,
 * `PreconditionFailed`, `InvalidPart`, `InvalidPartOrder`, `EntityTooSmall`, `KeyTooLongError`, `InvalidArgument`, …; see `fault.ts`).
 */
export interface Bucket {
	readonly name: string;
	versioning(): Promise<Versioning>;
	setVersioning(enabled: boolean): Promise<void>;
	/**
	 * The newest version, or the one named; a delete marker is returned as such. undefined when there is none, also
	 * for keys that no object can have.
	 */
	head(key: string, versionId?: string): Promise<ObjectVersion | undefined>;
	open(key: string, versionId?: string): Promise<OpenedObject | undefined>;
	/** Streams bytes to a temporary file on the same file system, flushed to disk, with their digests. */
	receive(
		bytes: AsyncIterable<Uint8Array>,
		algorithms: readonly ObjectChecksum["algorithm"][],
		signal: AbortSignal,
	): Promise<ReceivedBytes>;
	/**
	 * Makes received bytes the newest version; the previous content is kept as a version (where versions are kept).
	 * The bytes are used up when this succeeds; discarding them afterwards does nothing.
	 */
	put(
		key: string,
		bytes: ReceivedBytes,
		facts: { headers: ObjectHeaders; checksum: ObjectChecksum | undefined; condition?: WriteCondition },
	): Promise<ObjectVersion>;
	/**
	 * Without a version: a delete marker (the content is kept as a version), which is what is returned; undefined where
	 * there was nothing, and where no versions are kept. With one: that version is gone for ever, and is what is returned.
	 * `condition`, on the newest version, only goes without one: `NoSuchKey` where there is none, `PreconditionFailed` for another.
	 */
	delete(
		key: string,
		versionId?: string,
		condition?: DeleteCondition,
	): Promise<{ versionId: string; isDeleteMarker: boolean } | undefined>;
	list(request: ListRequest): Promise<ListedPage>;
	/** Newest version of a key first. */
	listVersions(request: ListRequest): Promise<ListedPage>;
	startUpload(start: UploadStart): Promise<OpenUpload>;
	upload(key: string, uploadId: string): Promise<OpenUpload>;
	putPart(upload: OpenUpload, number: number, bytes: ReceivedBytes): Promise<UploadedPart>;
	listParts(
		upload: OpenUpload,
		after: number,
		limit: number,
	): Promise<{ parts: readonly UploadedPart[]; next?: number }>;
	completeUpload(
		upload: OpenUpload,
		parts: readonly { number: number; etag: string; checksum: string | undefined }[],
		expected?: CompleteExpectation,
	): Promise<ObjectVersion>;
	abortUpload(upload: OpenUpload): Promise<void>;
	listUploads(request: ListRequest & { uploadIdAfter?: string }): Promise<{
		uploads: readonly OpenUpload[];
		commonPrefixes: readonly string[];
		next?: { key: string; uploadId: string };
	}>;
}
