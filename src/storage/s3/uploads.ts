/** The requests that uploads in parts consist of, besides sending the parts. */
import { isBaleError } from "../../core/errors.ts";
import { encodeUtf8 } from "../../core/utf8.ts";
import { throwIfAborted } from "../abort.ts";
import type { Operation, S3Client } from "./client.ts";
import {
	formatCompletion,
	readCompletedEtag,
	readPartsPage,
	readUploadId,
	readUploadsPage,
	type CompletedPart,
	type ListedPart,
	type ListedUpload,
	type UploadsPage,
} from "./document.ts";
import { toBaleError } from "./failure.ts";
import type { TransportResponse } from "./transport.ts";

/** How far the clocks of this machine and the server may be apart. */
const clockToleranceMs = 5 * 60 * 1000;

/**
 * How an upload ended; `resolve` means that the answer was lost, or does not say which version it was, and the object must
 * be looked at.
 */
export type UploadOutcome =
	| { readonly kind: "done"; readonly etag: string; readonly response: TransportResponse }
	| { readonly kind: "resolve"; readonly etag?: string }
	| { readonly kind: "refused" };

/**
 * Begins an upload in parts and gives its id; with `checksums` every part must have its SHA-256. `repeated`: an answer
 * was lost, and another upload may have begun.
 */
export async function beginUpload(
	client: S3Client,
	key: string,
	{ checksums, signal }: { readonly checksums: boolean; readonly signal: AbortSignal | undefined },
): Promise<{ readonly uploadId: string; readonly repeated: boolean }> {
	const operation: Operation = {
		action: "s3:PutObject",
		method: "POST",
		key,
		query: [["uploads", ""]],
		...(checksums ? { headers: { "x-amz-checksum-algorithm": "SHA256" } } : {}),
		creates: true,
		isRead: false,
		signal,
	};
	const outcome = await client.sendForDocument(operation, readUploadId);
	if (!outcome.ok) throw toBaleError(client.subject(operation), outcome.failure);
	return { uploadId: outcome.document, repeated: outcome.repeated };
}

type Completion = {
	readonly key: string;
	readonly uploadId: string;
	readonly parts: readonly CompletedPart[];
	readonly conditionHeaders: Readonly<Record<string, string>>;
	/** An earlier process has asked for the same. */
	readonly mayBeCompleted: boolean;
	readonly signal: AbortSignal | undefined;
};

/**
 * Makes the object of the parts; the condition is decided now. `hidesMarker`: whether one that was refused is only about the
 * marker of a deleted object, and may be asked for without its condition; the parts are still there.
 */
export async function completeUpload(
	client: S3Client,
	{ hidesMarker, ...completion }: Completion & { readonly hidesMarker: () => Promise<boolean> },
): Promise<UploadOutcome> {
	const outcome = await requestObject(client, completion);
	if (outcome.kind !== "refused" || !(await hidesMarker())) return outcome;
	return requestObject(client, { ...completion, conditionHeaders: {} });
}

async function requestObject(client: S3Client, upload: Completion): Promise<UploadOutcome> {
	const bytes = encodeUtf8(formatCompletion(upload.parts));
	const operation: Operation = {
		action: "s3:PutObject",
		method: "POST",
		key: upload.key,
		query: [["uploadId", upload.uploadId]],
		headers: { "content-type": "application/xml", ...upload.conditionHeaders },
		body: { bytes, sha256: client.sha256(bytes) },
		isRead: false,
		isLong: true,
		signal: upload.signal,
	};
	const outcome = await client.sendForDocument(operation, readCompletedEtag);
	const { repeated } = outcome;
	if (outcome.ok) {
		const etag = outcome.document;
		const isClear = !repeated && !wasBegunEarly(outcome.response);
		return isClear ? { kind: "done", etag, response: outcome.response } : { kind: "resolve", etag };
	}
	const { code, status } = outcome.failure;
	// The document with the code may have broken off.
	const isGone = code === "NoSuchUpload" || (status === 404 && code === "");
	if (repeated && (isGone || status === 412)) return { kind: "resolve" };
	if (status === 412) return { kind: upload.mayBeCompleted ? "resolve" : "refused" };
	throw toBaleError(client.subject(operation), outcome.failure);
}

/** The head may have been sent before the server knew which version it would be; that it has no length shows that. */
function wasBegunEarly(response: TransportResponse): boolean {
	const tells = (name: string): boolean => response.header(name) !== undefined;
	return !tells("x-amz-version-id") && !tells("content-length");
}

/** The parts of an upload that have arrived; undefined: there is no such upload any more. */
export async function listParts(
	client: S3Client,
	key: string,
	uploadId: string,
	signal: AbortSignal | undefined,
): Promise<ListedPart[] | undefined> {
	const parts: ListedPart[] = [];
	let marker: string | undefined;
	do {
		throwIfAborted(signal);
		const operation: Operation = {
			action: "s3:ListMultipartUploadParts",
			method: "GET",
			key,
			query: [
				["uploadId", uploadId],
				...(marker === undefined ? [] : ([["part-number-marker", marker]] as const)),
			],
			isRead: true,
			signal,
		};
		const outcome = await client.sendForDocument(operation, readPartsPage);
		if (!outcome.ok) {
			const { status, code } = outcome.failure;
			if (status === 404 && code !== "NoSuchBucket") return undefined;
			throw toBaleError(client.subject(operation), outcome.failure);
		}
		parts.push(...outcome.document.parts);
		marker = outcome.document.next;
	} while (marker !== undefined);
	return parts;
}

/** The uploads below a prefix of the bucket that are neither completed nor aborted, whoever began them. */
export async function* listUploads(
	client: S3Client,
	prefix: string,
	signal: AbortSignal | undefined,
): AsyncGenerator<ListedUpload, void> {
	let page = await readPage(client, prefix, {}, signal);
	yield* page.uploads;
	while (page.next !== undefined) {
		throwIfAborted(signal);
		page = await readNextPage(client, prefix, page, signal);
		yield* page.uploads;
	}
}

async function readNextPage(
	client: S3Client,
	prefix: string,
	{ uploads, next }: UploadsPage,
	signal: AbortSignal | undefined,
): Promise<UploadsPage> {
	try {
		return await readPage(client, prefix, next ?? {}, signal);
	} catch (error) {
		if (!isBaleError(error) || error.details["code"] !== "InvalidArgument") throw error;
	}
	// Some servers refuse the ids that they gave: the uploads of the last key are asked for again. Of a key with more of them
	// than a page has, the rest stays unseen while the first are there.
	const before = uploads.findLast(({ key }) => key !== next?.keyMarker)?.key ?? next?.keyMarker;
	const page = await readPage(client, prefix, { keyMarker: before }, signal);
	const known = new Set(uploads.map(({ uploadId }) => uploadId));
	return { ...page, uploads: page.uploads.filter(({ uploadId }) => !known.has(uploadId)) };
}

async function readPage(
	client: S3Client,
	prefix: string,
	{
		keyMarker,
		uploadIdMarker,
	}: { readonly keyMarker?: string | undefined; readonly uploadIdMarker?: string },
	signal: AbortSignal | undefined,
): Promise<UploadsPage> {
	const operation: Operation = {
		action: "s3:ListBucketMultipartUploads",
		method: "GET",
		query: [
			["uploads", ""],
			["encoding-type", "url"],
			["prefix", prefix],
			...(keyMarker === undefined ? [] : ([["key-marker", keyMarker]] as const)),
			...(uploadIdMarker === undefined ? [] : ([["upload-id-marker", uploadIdMarker]] as const)),
		],
		isRead: true,
		signal,
	};
	return client.expectDocument(operation, readUploadsPage);
}

/** Ends an upload, and its parts go. Throws what the server answers; one that is gone is no error. */
export async function endUpload(
	client: S3Client,
	key: string,
	uploadId: string,
	signal: AbortSignal | undefined,
): Promise<void> {
	const operation: Operation = {
		action: "s3:AbortMultipartUpload",
		method: "DELETE",
		key,
		query: [["uploadId", uploadId]],
		isRead: false,
		signal,
	};
	const outcome = await client.send(operation);
	if (outcome.ok) outcome.response.discard();
	else if (outcome.failure.code !== "NoSuchUpload") {
		throw toBaleError(client.subject(operation), outcome.failure);
	}
}

/** As `endUpload`, as well as it can be done: what stays behind is found by doctor. */
export async function abortUpload(client: S3Client, key: string, uploadId: string): Promise<void> {
	// The error that led here says more.
	await endUpload(client, key, uploadId, undefined).catch(() => undefined);
}

/** Aborts what was begun for this object at that time and never got a part: the answer with its id was lost. */
export async function abortUnnamed(
	client: S3Client,
	key: string,
	startedAt: number,
	exceptId?: string,
): Promise<void> {
	for await (const upload of listUploads(client, key, undefined)) {
		if (upload.key !== key || upload.uploadId === exceptId) continue;
		if (Math.abs(upload.startedAt.getTime() - startedAt) > clockToleranceMs) continue;
		const parts = await listParts(client, key, upload.uploadId, undefined);
		if (parts?.length === 0) await abortUpload(client, key, upload.uploadId);
	}
}
