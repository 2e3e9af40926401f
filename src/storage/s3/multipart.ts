/** Sending large objects in parts: each part has its SHA-256, and the object appears when all are there. */
import { formatBase64 } from "../../core/base64.ts";
import { partSize } from "../../core/hash.ts";
import { chunksOf } from "../byte-source.ts";
import type { ByteRange, ByteSource, Checksum, WriteOptions } from "../store.ts";
import { compositeChecksum, isSameChecksum } from "./checksum.ts";
import type { S3Client } from "./client.ts";
import type { CompletedPart } from "./document.ts";
import type { MemoryBudget } from "./memory-budget.ts";
import { withUpload, type OpenUpload } from "./open-upload.ts";
import type { UploadJournal } from "./upload-journal.ts";
import { completeUpload, type UploadOutcome } from "./uploads.ts";

/** Parts of one upload that are sent at once. */
export const partsAtOnce = 4;

export type Upload = {
	readonly key: string;
	readonly source: ByteSource;
	readonly conditionHeaders: Readonly<Record<string, string>>;
	/** See `completeUpload`. */
	readonly hidesMarker: () => Promise<boolean>;
	readonly options: WriteOptions;
};
export type Uploaded = { readonly checksum: Checksum; readonly outcome: UploadOutcome };

/**
 * Sends all parts and completes the upload. Parts that an interrupted process has sent of the same bytes are not sent
 * again, and an object that it has completed is taken as it is. What fails for a passing reason, or is interrupted, stays for the next process if there is a journal;
 * otherwise the upload is aborted, so that nothing of it stays.
 */
export async function uploadInParts(
	client: S3Client,
	budget: MemoryBudget,
	journal: UploadJournal | undefined,
	upload: Upload,
): Promise<Uploaded> {
	const { key, source, options } = upload;
	const shape = { key, size: source.size, checksums: true, signal: options.signal };
	for (;;) {
		const uploaded = await withUpload(client, journal, shape, async (open) => {
			const sent = await sendAll(client, budget, upload, open);
			await open.end(sent?.outcome.kind === "refused");
			return sent;
		});
		if (uploaded !== undefined) return uploaded;
	}
}

/** Undefined: an earlier process has completed the upload, with other bytes. */
async function sendAll(
	client: S3Client,
	budget: MemoryBudget,
	upload: Upload,
	open: OpenUpload,
): Promise<Uploaded | undefined> {
	const { key, source, options, conditionHeaders, hidesMarker } = upload;
	const { signal } = options;
	const { uploadId, completed } = open;
	const size = partSize(source.size);
	const count = Math.ceil(source.size / size);
	const digests = new Array<Uint8Array>(count);
	const parts = new Array<CompletedPart>(count);
	let next = 0;
	let failed = false;
	const lane = async (): Promise<void> => {
		while (next < count && !failed) {
			const index = next++;
			const number = index + 1;
			const offset = index * size;
			const range = { offset, length: Math.min(size, source.size - offset) };
			try {
				await budget.with(range.length, async (memory) => {
					const bytes = await readRange(source, range, memory(), signal);
					const sha256 = client.sha256(bytes);
					digests[index] = sha256;
					if (completed !== undefined) return;
					parts[index] =
						open.find(number, bytes.length, formatBase64(sha256)) ??
						(await sendPart(client, { key, uploadId, number, bytes, sha256, signal }, open));
				});
			} catch (error) {
				failed = true;
				throw error;
			}
		}
	};
	const lanes = await Promise.allSettled(Array.from({ length: Math.min(partsAtOnce, count) }, lane));
	const rejected = lanes.find((result) => result.status === "rejected");
	if (rejected !== undefined) throw rejected.reason;
	const checksum = compositeChecksum(digests, client.createSha256);
	if (completed !== undefined && !isSameChecksum(completed.checksum, checksum)) return undefined;
	options.check?.(checksum);
	if (completed !== undefined) return { checksum, outcome: { kind: "resolve", etag: completed.etag } };
	open.completing(checksum);
	const { mayBeCompleted } = open;
	const completion = { key, uploadId, parts, conditionHeaders, hidesMarker, mayBeCompleted, signal };
	return { checksum, outcome: await completeUpload(client, completion) };
}

/** The bytes of a range in one piece, in `bytes`, which has its length. Throws `SourceChanged` when the source has other lengths than it said. */
export async function readRange(
	source: ByteSource,
	range: ByteRange,
	bytes: Uint8Array,
	signal: AbortSignal | undefined,
): Promise<Uint8Array> {
	if (source.readInto !== undefined) {
		await source.readInto(bytes, range.offset, signal);
		return bytes;
	}
	let at = 0;
	const part = { size: range.length, open: () => source.open(range, signal) };
	for await (const chunk of chunksOf(part, signal)) {
		bytes.set(chunk, at);
		at += chunk.length;
	}
	return bytes;
}

async function sendPart(
	client: S3Client,
	part: {
		readonly key: string;
		readonly uploadId: string;
		readonly number: number;
		readonly bytes: Uint8Array;
		readonly sha256: Uint8Array;
		readonly signal: AbortSignal | undefined;
	},
	open: OpenUpload,
): Promise<CompletedPart> {
	const checksum = formatBase64(part.sha256);
	const response = await client.expect({
		action: "s3:PutObject",
		method: "PUT",
		key: part.key,
		query: [
			["partNumber", String(part.number)],
			["uploadId", part.uploadId],
		],
		headers: { "x-amz-checksum-sha256": checksum },
		body: { bytes: part.bytes, sha256: part.sha256 },
		isRead: false,
		signal: part.signal,
	});
	response.discard();
	const sent = { number: part.number, etag: response.header("etag") ?? "", checksum };
	open.arrived(sent);
	return sent;
}
