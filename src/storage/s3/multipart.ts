/** Sending large objects in parts: each part has its SHA-256, and the object appears when all are there. */
import { formatBase64 } from "../../core/base64.ts";
import { partSize } from "../../core/hash.ts";
import { encodeUtf8 } from "../../core/utf8.ts";
import { chunksOf } from "../byte-source.ts";
import type { ByteRange, ByteSource, Checksum, WriteOptions } from "../store.ts";
import { compositeChecksum } from "./checksum.ts";
import type { Operation, S3Client } from "./client.ts";
import { formatCompletion, readField, type CompletedPart } from "./document.ts";
import { readErrorDocument, toBaleError } from "./failure.ts";
import type { MemoryBudget } from "./memory-budget.ts";
import type { TransportResponse } from "./transport.ts";
import { childText, parseXml } from "./xml.ts";

const partsAtOnce = 4;
const completionAttempts = 5;

export type Upload = {
	readonly key: string;
	readonly source: ByteSource;
	readonly conditionHeaders: Readonly<Record<string, string>>;
	readonly options: WriteOptions;
};

/**
 * What a finished upload is; `resolve` means that the answer was lost and the object must be looked at: asked again, a
 * server may say that all is well without saying which version it was.
 */
export type Uploaded = {
	readonly checksum: Checksum;
	readonly outcome:
		| { readonly kind: "done"; readonly etag: string; readonly response: TransportResponse }
		| { readonly kind: "resolve"; readonly etag?: string }
		| { readonly kind: "refused" };
};

/** Sends all parts and completes the upload; on failure it is aborted, so that nothing of it stays. */
export async function uploadInParts(
	client: S3Client,
	budget: MemoryBudget,
	upload: Upload,
): Promise<Uploaded> {
	const { key, source, options } = upload;
	const { signal } = options;
	const uploadId = await beginUpload(client, key, { checksums: true, signal });
	try {
		const size = partSize(source.size);
		const count = Math.ceil(source.size / size);
		const digests = new Array<Uint8Array>(count);
		const parts = new Array<CompletedPart>(count);
		let next = 0;
		let failed = false;
		const lane = async (): Promise<void> => {
			while (next < count && !failed) {
				const index = next++;
				const offset = index * size;
				const range = { offset, length: Math.min(size, source.size - offset) };
				try {
					await budget.with(range.length, async () => {
						const bytes = await readRange(source, range, signal);
						const sha256 = client.sha256(bytes);
						digests[index] = sha256;
						parts[index] = await sendPart(client, {
							key,
							uploadId,
							number: index + 1,
							bytes,
							sha256,
							signal,
						});
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
		options.check?.(checksum);
		const { conditionHeaders } = upload;
		const outcome = await completeUpload(client, { key, uploadId, parts, conditionHeaders, signal });
		if (outcome.kind === "refused") await abortUpload(client, key, uploadId);
		return { checksum, outcome };
	} catch (error) {
		await abortUpload(client, key, uploadId);
		throw error;
	}
}

/** The bytes of a range in one piece. Throws `SourceChanged` when the source has other lengths than it said. */
export async function readRange(
	source: ByteSource,
	range: ByteRange,
	signal: AbortSignal | undefined,
): Promise<Uint8Array> {
	const bytes = new Uint8Array(range.length);
	let at = 0;
	const part = { size: range.length, open: () => source.open(range, signal) };
	for await (const chunk of chunksOf(part, signal)) {
		bytes.set(chunk, at);
		at += chunk.length;
	}
	return bytes;
}

/** Begins an upload in parts and gives its id; with `checksums` every part must have its SHA-256. */
export async function beginUpload(
	client: S3Client,
	key: string,
	{ checksums, signal }: { readonly checksums: boolean; readonly signal: AbortSignal | undefined },
): Promise<string> {
	const text = await client.expectText({
		action: "s3:PutObject",
		method: "POST",
		key,
		query: [["uploads", ""]],
		...(checksums ? { headers: { "x-amz-checksum-algorithm": "SHA256" } } : {}),
		isRead: false,
		signal,
	});
	return readField(text, "InitiateMultipartUploadResult", "UploadId");
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
	return { number: part.number, etag: response.header("etag") ?? "", checksum };
}

/** Makes the object of the parts; the condition is decided now. */
export async function completeUpload(
	client: S3Client,
	upload: {
		readonly key: string;
		readonly uploadId: string;
		readonly parts: readonly CompletedPart[];
		readonly conditionHeaders: Readonly<Record<string, string>>;
		readonly signal: AbortSignal | undefined;
	},
): Promise<Uploaded["outcome"]> {
	const bytes = encodeUtf8(formatCompletion(upload.parts));
	const operation: Operation = {
		action: "s3:PutObject",
		method: "POST",
		key: upload.key,
		query: [["uploadId", upload.uploadId]],
		headers: { "content-type": "application/xml", ...upload.conditionHeaders },
		body: { bytes, sha256: client.sha256(bytes) },
		isRead: false,
		signal: upload.signal,
	};
	let repeated = false;
	for (let attempt = 1; ; attempt++) {
		const outcome = await client.send(operation);
		repeated ||= outcome.repeated;
		if (!outcome.ok) {
			const { code, status } = outcome.failure;
			if (repeated && (code === "NoSuchUpload" || status === 412)) return { kind: "resolve" };
			if (status === 412) return { kind: "refused" };
			throw toBaleError(client.subject(operation), outcome.failure);
		}
		// The head of the answer may be sent before the work is done: the body has the last word.
		const text = await client.text(operation, outcome.response).catch(() => "");
		const { code, message } = readErrorDocument(text);
		if (code === "" && text !== "") {
			const etag = childText(parseXml(text), "ETag") ?? outcome.response.header("etag") ?? "";
			return repeated ? { kind: "resolve", etag } : { kind: "done", etag, response: outcome.response };
		}
		if (code === "PreconditionFailed") return { kind: repeated ? "resolve" : "refused" };
		if (attempt === completionAttempts) {
			throw toBaleError(client.subject(operation), { status: 500, code, message });
		}
		repeated = true;
	}
}

/** Best effort: what stays behind is removed by the bucket's rules or by hand. */
export async function abortUpload(client: S3Client, key: string, uploadId: string): Promise<void> {
	try {
		const outcome = await client.send({
			action: "s3:AbortMultipartUpload",
			method: "DELETE",
			key,
			query: [["uploadId", uploadId]],
			isRead: false,
		});
		if (outcome.ok) outcome.response.discard();
	} catch {
		// The error that led here says more.
	}
}
