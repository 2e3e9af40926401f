import { createHash } from "node:crypto";
import { createReadStream, linkSync } from "node:fs";
import { formatBase64, parseBase64 } from "../../../core/base64.ts";
import { formatHex, parseHex } from "../../../core/hex.ts";
import { discard, temporaryName } from "../../../node/temporary-file.ts";
import type { CompleteExpectation, ObjectChecksum, ObjectVersion, OpenUpload } from "../bucket.ts";
import { S3Fault } from "../fault.ts";
import type { BucketState } from "./bucket-state.ts";
import { createDigest } from "./digests.ts";
import { faults } from "./faults.ts";
import { findNewest } from "./newest.ts";
import { isObjectKey } from "./places.ts";
import { receiveFile } from "./received-file.ts";
import { toVersion, type VersionRecord } from "./record.ts";
import { readPart, type StoredPart } from "./upload-parts.ts";
import { lockedUpload, readUpload, removeUpload, uploadFolder } from "./uploads.ts";
import { bareEtag, checkWrite, writeObject } from "./write-object.ts";

/** What a client says of a part. */
export interface NamedPart {
	readonly number: number;
	readonly etag: string;
	readonly checksum: string | undefined;
}

const minPartBytes = 5 * 1024 * 1024;
const readBytes = 1024 * 1024;

/** Makes the parts of an upload the newest version of its key, and ends the upload. */
export async function completeUpload(
	state: BucketState,
	upload: OpenUpload,
	named: readonly NamedPart[],
	expected: CompleteExpectation,
): Promise<ObjectVersion> {
	const { key, uploadId, headers } = upload;
	return lockedUpload(state, uploadId, async () => {
		const before = findCompleted(state, key, uploadId);
		if (before !== undefined) {
			removeUpload(state, uploadId); // Where the process that completed it did not come to it.
			return toVersion(key, before, true);
		}
		readUpload(state, key, uploadId);
		const parts = findParts(state, uploadId, named);
		checkWrite(state, key, expected.condition); // Before much is copied; again when it is placed.
		const size = parts.reduce((sum, part) => sum + part.size, 0);
		if (expected.size !== undefined && expected.size !== size) {
			throw faults.invalidRequest(`The parts have ${size} bytes, not ${expected.size}`);
		}
		const { path, digest } = await assemble(state, upload, parts);
		try {
			const checksum = checksumOf(upload, parts, digest);
			checkChecksum(upload, parts, expected.checksum, checksum);
			const version = await writeObject(state, key, {
				path,
				etag: etagOf(parts),
				headers,
				checksum,
				partSizes: parts.map((part) => part.size),
				uploadId,
				condition: expected.condition,
			});
			removeUpload(state, uploadId);
			return version;
		} finally {
			discard(path);
		}
	});
}

/** The record of the newest version of a key if it came from this upload. */
function findCompleted(state: BucketState, key: string, uploadId: string): VersionRecord | undefined {
	const record = findNewest(state.records(key), state.versioning())?.record;
	return record?.uploadId === uploadId ? record : undefined;
}

/**
 * The upload of a key; also one whose object is still the newest version, since its client may not have heard that it
 * was completed, and asks again. Throws `NoSuchUpload`.
 */
export function findUpload(state: BucketState, key: string, uploadId: string): OpenUpload {
	const record = isObjectKey(key) ? findCompleted(state, key, uploadId) : undefined;
	if (record === undefined) return readUpload(state, key, uploadId);
	const { headers, checksum, modified } = record;
	return {
		...{ key, headers, uploadId, initiated: modified },
		...{ algorithm: checksum?.algorithm, checksumType: checksum?.type },
	};
}

function findParts(state: BucketState, uploadId: string, named: readonly NamedPart[]): StoredPart[] {
	if (named.length === 0)
		throw new S3Fault("MalformedXML", 400, "An upload is completed with at least one part");
	const parts: StoredPart[] = [];
	for (const [index, { number, etag, checksum }] of named.entries()) {
		if (number <= (named[index - 1]?.number ?? 0)) {
			throw new S3Fault("InvalidPartOrder", 400, "The parts are not in ascending order of their numbers");
		}
		const part = readPart(state, uploadId, number);
		if (part === undefined || bareEtag(part.etag) !== bareEtag(etag)) {
			throw new S3Fault("InvalidPart", 400, `Part ${number} was not uploaded, or has another ETag`);
		}
		if (checksum !== undefined && checksum !== part.checksum) {
			throw new S3Fault("InvalidPart", 400, `Part ${number} has another checksum`);
		}
		if (part.size < minPartBytes && index < named.length - 1) {
			throw new S3Fault(
				"EntityTooSmall",
				400,
				`Part ${number} has less than ${minPartBytes} bytes and is not the last`,
			);
		}
		parts.push(part);
	}
	return parts;
}

/** A file of all parts one after the other, and its digest where one of the whole is needed. */
async function assemble(
	state: BucketState,
	upload: OpenUpload,
	parts: readonly StoredPart[],
): Promise<{ path: string; digest: Uint8Array | undefined }> {
	const folder = uploadFolder(state, upload.uploadId);
	const { algorithm, checksumType } = upload;
	const wanted = algorithm !== undefined && checksumType === "FULL_OBJECT" ? [algorithm] : [];
	const [only, ...more] = parts;
	if (only !== undefined && more.length === 0 && (wanted.length === 0 || only.checksum !== undefined)) {
		const path = `${state.places.temporary}/${temporaryName()}`;
		if (tryLink(`${folder}/${only.file}`, path)) return { path, digest: parseBase64(only.checksum ?? "") };
	}
	const received = await receiveFile(state.places, contentOf(folder, parts), wanted, {
		durable: state.durable,
	});
	return { path: received.path, digest: algorithm === undefined ? undefined : received.digests[algorithm] };
}

function tryLink(from: string, to: string): boolean {
	try {
		linkSync(from, to);
		return true;
	} catch {
		return false; // It is copied then, which tells what is wrong if that fails too.
	}
}

async function* contentOf(folder: string, parts: readonly StoredPart[]): AsyncGenerator<Uint8Array, void> {
	for (const part of parts) {
		let size = 0;
		for await (const chunk of createReadStream(`${folder}/${part.file}`, { highWaterMark: readBytes })) {
			const bytes = chunk as Uint8Array;
			size += bytes.length;
			yield bytes;
		}
		if (size !== part.size) throw new S3Fault("InvalidPart", 400, `Part ${part.number} is damaged`);
	}
}

function etagOf(parts: readonly StoredPart[]): string {
	const hash = createHash("md5");
	for (const part of parts) hash.update(parseHex(part.md5) ?? "");
	return `"${formatHex(hash.digest())}-${parts.length}"`;
}

function checksumOf(
	{ algorithm, checksumType }: OpenUpload,
	parts: readonly StoredPart[],
	digest: Uint8Array | undefined,
): ObjectChecksum | undefined {
	if (algorithm === undefined || checksumType === undefined) return undefined;
	if (checksumType === "FULL_OBJECT") {
		return digest === undefined ? undefined : { algorithm, type: checksumType, value: formatBase64(digest) };
	}
	const outer = createDigest(algorithm);
	for (const part of parts) {
		if (part.checksum === undefined)
			throw new S3Fault("InvalidPart", 400, `Part ${part.number} has no ${algorithm} checksum`);
		outer.update(parseBase64(part.checksum) ?? new Uint8Array());
	}
	return { algorithm, type: checksumType, value: `${formatBase64(outer.digest())}-${parts.length}` };
}

function checkChecksum(
	{ algorithm, checksumType }: OpenUpload,
	parts: readonly StoredPart[],
	expected: string | undefined,
	found: ObjectChecksum | undefined,
): void {
	if (expected === undefined) return;
	if (found === undefined) throw faults.invalidRequest("The upload was started without a checksum algorithm");
	// Some clients leave the number of parts away.
	const whole =
		checksumType === "COMPOSITE" && !expected.includes("-") ? `${expected}-${parts.length}` : expected;
	if (whole !== found.value) {
		throw new S3Fault("BadDigest", 400, `The ${algorithm} of the object is ${found.value}, not ${expected}`);
	}
}
