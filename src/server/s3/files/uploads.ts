import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { compareNames } from "../../../core/logical-key.ts";
import { errnoOf, fileError } from "../../../node/file-error.ts";
import { withFileLock } from "../../../node/file-lock.ts";
import { syncDirectory } from "../../../node/temporary-file.ts";
import type { ListRequest, OpenUpload, UploadStart } from "../bucket.ts";
import type { BucketState } from "./bucket-state.ts";
import { readText, writeText } from "./disk.ts";
import { faults } from "./faults.ts";
import { commonPrefix } from "./list-objects.ts";
import { checkObjectKey } from "./places.ts";
import { isVersionId, newVersionId } from "./version-id.ts";

/** Uploads that were neither completed nor aborted: a folder each, with what they were started with and their parts. */

/** Starts an upload; nobody but `abortUpload` and `completeUpload` ends it. */
export async function startUpload(state: BucketState, start: UploadStart): Promise<OpenUpload> {
	checkObjectKey(start.key);
	const upload: OpenUpload = {
		...start,
		...checksumOf(start),
		uploadId: newVersionId(undefined),
		initiated: Date.now(),
	};
	const folder = uploadFolder(state, upload.uploadId);
	try {
		mkdirSync(folder, { recursive: true });
	} catch (error) {
		throw fileError(error, "make", folder);
	}
	const { temporary } = state.places;
	await writeText(infoPath(state, upload.uploadId), `${JSON.stringify(upload)}\n`, {
		temporaryFolder: temporary,
		durable: state.durable,
	});
	if (state.durable) await Promise.all([folder, state.places.uploads].map(syncDirectory));
	return upload;
}

/** The combinations that S3 has: SHA checksums of parts, CRC64NVME of the whole, and both for the others. */
function checksumOf({ algorithm, checksumType }: UploadStart): Pick<UploadStart, "checksumType"> {
	if (algorithm === undefined) {
		if (checksumType !== undefined) throw faults.invalidRequest("A checksum type needs a checksum algorithm");
		return { checksumType: undefined };
	}
	const only =
		algorithm === "CRC64NVME" ? "FULL_OBJECT" : algorithm.startsWith("SHA") ? "COMPOSITE" : undefined;
	if (only !== undefined && checksumType !== undefined && checksumType !== only) {
		throw faults.invalidRequest(
			`The ${checksumType} checksum type cannot be used with the ${algorithm} algorithm`,
		);
	}
	return { checksumType: checksumType ?? only ?? "COMPOSITE" };
}

/** The upload of a key; `NoSuchUpload`. */
export function readUpload(state: BucketState, key: string, uploadId: string): OpenUpload {
	const upload = readInfo(state, uploadId);
	if (upload?.key !== key) throw faults.noSuchUpload(uploadId);
	return upload;
}

/** Removes an upload and its parts. */
export async function abortUpload(state: BucketState, upload: OpenUpload): Promise<void> {
	await lockedUpload(state, upload.uploadId, async () => {
		readUpload(state, upload.key, upload.uploadId);
		removeUpload(state, upload.uploadId);
	});
}

/** Removes the folder of an upload; from then on it is none. */
export function removeUpload(state: BucketState, uploadId: string): void {
	const folder = uploadFolder(state, uploadId);
	try {
		rmSync(infoPath(state, uploadId), { force: true });
		rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
	} catch (error) {
		throw fileError(error, "delete", folder);
	}
}

/** Runs `work` as the only one that ends this upload. */
export function lockedUpload<T>(state: BucketState, uploadId: string, work: () => Promise<T>): Promise<T> {
	return withFileLock(state.places.uploadLock(uploadId), work, { subject: `upload ${uploadId}` });
}

/** Open uploads by key, and of one key by when they were started. */
export async function listUploads(
	state: BucketState,
	request: ListRequest & { uploadIdAfter?: string },
): Promise<{
	uploads: readonly OpenUpload[];
	commonPrefixes: readonly string[];
	next?: { key: string; uploadId: string };
}> {
	const { prefix, delimiter, after, limit, uploadIdAfter } = request;
	const uploads: OpenUpload[] = [];
	const commonPrefixes: string[] = [];
	let next = { key: after?.key ?? "", uploadId: uploadIdAfter ?? "" };
	for (const upload of readUploads(state)) {
		const { key, uploadId } = upload;
		const group = commonPrefix(key, prefix, delimiter);
		if (
			!key.startsWith(prefix) ||
			(group !== undefined && (group === commonPrefixes.at(-1) || group === after?.key))
		) {
			continue;
		}
		if (after !== undefined && !isAfter(upload, after.key, uploadIdAfter)) continue;
		if (uploads.length + commonPrefixes.length === limit)
			return { uploads, commonPrefixes, ...(limit > 0 ? { next } : {}) };
		if (group === undefined) uploads.push(upload);
		else commonPrefixes.push(group);
		next = { key: group ?? key, uploadId: group === undefined ? uploadId : "" };
	}
	return { uploads, commonPrefixes };
}

function isAfter(
	{ key, uploadId }: OpenUpload,
	afterKey: string,
	uploadIdAfter: string | undefined,
): boolean {
	const order = compareNames(key, afterKey);
	if (order !== 0) return order > 0;
	return uploadIdAfter !== undefined && uploadIdAfter !== "" && uploadId > uploadIdAfter;
}

function readUploads(state: BucketState): OpenUpload[] {
	const uploads = namesIn(state.places.uploads)
		.map((uploadId) => readInfo(state, uploadId))
		.filter((upload) => upload !== undefined);
	return uploads.sort((a, b) => compareNames(a.key, b.key) || (a.uploadId < b.uploadId ? -1 : 1));
}

/** Names in a folder of an upload, or of all of them; none when it is missing. */
export function namesIn(folder: string): string[] {
	try {
		return readdirSync(folder);
	} catch (error) {
		if (errnoOf(error) === "ENOENT") return [];
		throw fileError(error, "list", folder);
	}
}

/** The folder of an upload. The id comes from clients: it is checked before this. */
export function uploadFolder(state: BucketState, uploadId: string): string {
	return `${state.places.uploads}/${uploadId}`;
}

function infoPath(state: BucketState, uploadId: string): string {
	return `${uploadFolder(state, uploadId)}/upload.json`;
}

function readInfo(state: BucketState, uploadId: string): OpenUpload | undefined {
	const text = isVersionId(uploadId) ? readText(infoPath(state, uploadId)) : undefined;
	return text === undefined ? undefined : (JSON.parse(text) as OpenUpload);
}
