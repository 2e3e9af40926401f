/** Copying a large object within the service by ranges, which become the parts of an upload. */
import { parseBase64 } from "../../core/base64.ts";
import { BaleError } from "../../core/errors.ts";
import { partSize } from "../../core/hash.ts";
import { conflict } from "../condition.ts";
import type { ByteRange, Checksum, CopySource, WriteOptions } from "../store.ts";
import { compositeChecksum, parseChecksum } from "./checksum.ts";
import { payerHeaders, type Operation, type Refusal, type S3Client } from "./client.ts";
import { readCopiedPart, type CompletedPart } from "./document.ts";
import { locationOf, toBaleError } from "./failure.ts";
import { headersOf } from "./object-writer.ts";
import { withUpload, type OpenUpload } from "./open-upload.ts";
import { encodeKey, encodeQueryPart } from "./percent.ts";
import type { UploadJournal } from "./upload-journal.ts";
import { completeUpload } from "./uploads.ts";

const partsAtOnce = 8;

type Copy = {
	readonly source: CopySource;
	/** Of the source, in bytes. */
	readonly size: number;
	/** The full key of the copy. */
	readonly key: string;
	readonly options: WriteOptions;
	/** See `completeUpload`. */
	readonly hidesMarker: () => Promise<boolean>;
};

/**
 * Copies all ranges and completes the upload. What an interrupted process has copied of the same state of the source is not
 * copied again. Undefined: the server has no checksums of copied parts that can be believed; it is to be done without.
 */
export function copyInParts(
	client: S3Client,
	journal: UploadJournal | undefined,
	copy: Copy,
	checksums: boolean,
): Promise<Copied | undefined> {
	const { key, size, source, options } = copy;
	const shape = { key, size, copyOf: stateOf(source), checksums, signal: options.signal };
	return withUpload(client, journal, shape, async (open) => {
		if (open.completed !== undefined) {
			await open.end(false);
			return { etag: open.completed.etag, versionId: open.completed.versionId };
		}
		const parts = await copyParts(client, copy, open, checksums);
		if (parts === undefined) {
			await open.end(true);
			return undefined;
		}
		const checksum = checksums ? checksumOf(client, parts) : undefined;
		if (checksum !== undefined) open.completing(checksum);
		const outcome = await completeUpload(client, {
			key,
			uploadId: open.uploadId,
			parts,
			conditionHeaders: headersOf(options.condition),
			hidesMarker: copy.hidesMarker,
			mayBeCompleted: open.mayBeCompleted,
			signal: options.signal,
		});
		if (outcome.kind === "refused") throw conflict(key, "it exists already");
		await open.end(false);
		if (outcome.kind === "resolve") return { etag: outcome.etag, checksum, versionId: undefined };
		return { etag: outcome.etag, checksum, versionId: outcome.response.header("x-amz-version-id") };
	});
}

async function copyParts(
	client: S3Client,
	{ key, source, size, options: { signal } }: Copy,
	open: OpenUpload,
	checksums: boolean,
): Promise<CompletedPart[] | undefined> {
	const length = partSize(size);
	const count = Math.ceil(size / length);
	const parts = new Array<CompletedPart>(count);
	const { uploadId } = open;
	const copyRange = async (index: number): Promise<boolean> => {
		const number = index + 1;
		const offset = index * length;
		const range = { offset, length: Math.min(length, size - offset) };
		let part = open.findCopied(number, range.length);
		if (part === undefined || (checksums && !isDigest(part.checksum))) {
			part = await copyPart(client, source, range, { key, uploadId, number, signal });
			if (part !== undefined) open.arrived(part);
		}
		if (part === undefined || (checksums && !isDigest(part.checksum))) {
			if (checksums) return false;
			throw new CannotCopy();
		}
		parts[index] = checksums ? part : { number, etag: part.etag };
		return true;
	};
	// The first tells whether the server can do it.
	let believed = await copyRange(0);
	let next = 1;
	const lane = async (): Promise<void> => {
		while (believed && next < count) believed = (await copyRange(next++)) && believed;
	};
	const lanes = await Promise.allSettled(Array.from({ length: believed ? partsAtOnce : 0 }, lane));
	const failed = lanes.find((result) => result.status === "rejected");
	if (failed !== undefined) throw failed.reason;
	return believed && !(checksums && areAllAlike(parts)) ? parts : undefined;
}

/** Undefined: refused in a way that a server has which cannot copy into an upload with checksums. */
async function copyPart(
	client: S3Client,
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
		isLong: true,
		signal: part.signal,
	};
	const outcome = await client.sendForDocument(operation, readCopiedPart);
	if (!outcome.ok) {
		if (outcome.failure.status === 400) return undefined;
		throw copyRefusal(client, operation, outcome, source);
	}
	return { number: part.number, ...outcome.document };
}

/** Why the service does not copy. */
export function copyRefusal(
	client: S3Client,
	operation: Operation,
	refusal: Refusal,
	source: CopySource,
): Error {
	const { status, code } = refusal.failure;
	// It lies under another version, or under a delete marker.
	if ([404, 412].includes(status) && source.versionId === "null") return new CannotCopy();
	if (status === 412) {
		return new BaleError("SourceChanged", `Cannot copy ${locationOf(source)}: it was replaced meanwhile`, {
			hint: "Run the same again",
			details: { bucket: source.bucket, key: source.key },
		});
	}
	// The bucket may be one of another service: then its bytes must come through here.
	if ([400, 403, 405, 501].includes(status) || code === "NoSuchBucket") return new CannotCopy();
	if (status === 404 && code !== "NoSuchUpload") {
		return new BaleError("ObjectNotFound", `There is nothing at ${locationOf(source)}`, {
			details: { bucket: source.bucket, key: source.key },
		});
	}
	return toBaleError(client.subject(operation), refusal.failure);
}

/** A copy; without its ETag the answer was lost, and what is there may be another object. */
export type Copied = {
	readonly etag: string | undefined;
	/** Absent: not known. */
	readonly checksum?: Checksum | undefined;
	readonly versionId: string | undefined;
};

/** The server refuses to copy this. */
export class CannotCopy extends Error {}

/** The source, pinned by its version or ETag. Some servers do not know the version "null" of an object without versions. */
export function sourceHeaders(source: CopySource): Record<string, string> {
	const { versionId } = source;
	const isPlain = versionId === undefined || (versionId === "null" && source.etag !== undefined);
	const version = isPlain ? "" : `?versionId=${encodeQueryPart(versionId)}`;
	return {
		"x-amz-copy-source": `/${source.bucket}/${encodeKey(source.key)}${version}`,
		...(source.etag === undefined ? {} : { "x-amz-copy-source-if-match": source.etag }),
		...(source.requesterPays === true ? payerHeaders : {}),
	};
}

function checksumOf(client: S3Client, parts: readonly CompletedPart[]): Checksum {
	const digests = parts.map(({ checksum = "" }) => parseBase64(checksum) ?? new Uint8Array());
	return compositeChecksum(digests, client.createSha256);
}

function isDigest(checksum: string | undefined): boolean {
	const parsed = parseChecksum(checksum);
	return parsed !== undefined && parsed.parts === undefined;
}

/** Some servers give every part the checksum of the whole source. */
function areAllAlike(parts: readonly CompletedPart[]): boolean {
	return parts.length > 1 && parts.every(({ checksum }) => checksum === parts[0]?.checksum);
}

/** The state of an object that a copy goes on with; one that is not pinned is never the same. */
function stateOf({ bucket, key, versionId, etag }: CopySource): string {
	const isPinned = versionId !== undefined || etag !== undefined;
	return JSON.stringify([bucket, key, versionId ?? "", etag ?? "", ...(isPinned ? [] : [Math.random()])]);
}
