import { renameSync } from "node:fs";
import { formatBase64 } from "../../../core/base64.ts";
import { formatHex } from "../../../core/hex.ts";
import { errnoOf, fileError } from "../../../node/file-error.ts";
import { discard, syncDirectory, temporaryName } from "../../../node/temporary-file.ts";
import type { OpenUpload, UploadedPart } from "../bucket.ts";
import type { BucketState } from "./bucket-state.ts";
import { readText, stageText } from "./disk.ts";
import { faults } from "./faults.ts";
import type { ReceivedFile } from "./received-file.ts";
import { md5Etag } from "./record.ts";
import { namesIn, readUpload, uploadFolder } from "./uploads.ts";

/** A part that has arrived, and the name of the file of its bytes in the folder of the upload. */
export interface StoredPart extends UploadedPart {
	readonly file: string;
	/** Hex. */
	readonly md5: string;
}

const maxPart = 10_000;
const recordPattern = /^(\d{5})\.json$/;

/** Keeps received bytes as a part; an earlier one with this number is replaced. */
export async function putPart(
	state: BucketState,
	upload: OpenUpload,
	number: number,
	received: ReceivedFile,
): Promise<UploadedPart> {
	if (!Number.isInteger(number) || number < 1 || number > maxPart) {
		throw faults.invalidArgument(`Part numbers are integers from 1 to ${maxPart}`);
	}
	const { key, uploadId, algorithm } = upload;
	readUpload(state, key, uploadId);
	const digest = algorithm === undefined ? undefined : received.digests[algorithm];
	const part: StoredPart = {
		number,
		size: received.size,
		etag: md5Etag(received.md5),
		lastModified: Date.now(),
		checksum: digest === undefined ? undefined : formatBase64(digest),
		file: `${partName(number)}${temporaryName()}`,
		md5: formatHex(received.md5),
	};
	const folder = uploadFolder(state, uploadId);
	const replaced = readPart(state, uploadId, number);
	try {
		renameSync(received.path, `${folder}/${part.file}`);
		const options = { temporaryFolder: state.places.temporary, durable: state.durable };
		const record = await stageText(`${JSON.stringify(part)}\n`, options);
		try {
			renameSync(record, recordPath(folder, number));
		} finally {
			discard(record);
		}
	} catch (error) {
		discard(`${folder}/${part.file}`);
		// The upload was completed or aborted meanwhile.
		if (namesIn(folder).length === 0) throw faults.noSuchUpload(uploadId);
		throw errnoOf(error) === undefined ? error : fileError(error, "write", folder);
	}
	if (replaced !== undefined) discard(`${folder}/${replaced.file}`);
	if (state.durable) await syncDirectory(folder);
	return toUploadedPart(part);
}

/** Parts by number, after the one given. */
export function listParts(
	state: BucketState,
	upload: OpenUpload,
	after: number,
	limit: number,
): { parts: readonly UploadedPart[]; next?: number } {
	readUpload(state, upload.key, upload.uploadId);
	const numbers = namesIn(uploadFolder(state, upload.uploadId))
		.map((name) => Number(recordPattern.exec(name)?.[1] ?? 0))
		.filter((number) => number > after)
		.sort((a, b) => a - b);
	const parts = numbers.slice(0, Math.max(0, limit)).flatMap((number) => {
		const part = readPart(state, upload.uploadId, number);
		return part === undefined ? [] : [toUploadedPart(part)];
	});
	const last = parts.at(-1)?.number;
	return numbers.length > limit && last !== undefined ? { parts, next: last } : { parts };
}

/** A part that is there; undefined when it is not. */
export function readPart(state: BucketState, uploadId: string, number: number): StoredPart | undefined {
	const text = readText(recordPath(uploadFolder(state, uploadId), number));
	return text === undefined ? undefined : (JSON.parse(text) as StoredPart);
}

function toUploadedPart({ number, size, etag, lastModified, checksum }: StoredPart): UploadedPart {
	return { number, size, etag, lastModified, checksum };
}

function recordPath(folder: string, number: number): string {
	return `${folder}/${partName(number)}.json`;
}

function partName(number: number): string {
	return String(number).padStart(5, "0");
}
