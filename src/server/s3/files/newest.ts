import { createHash } from "node:crypto";
import { closeSync, fstatSync, readSync } from "node:fs";
import { linkStatOf } from "../../../node/file-stat.ts";
import { statData } from "../../../node/file-work.mjs";
import { type FileStat, identityOf, openRegular, regularFile } from "./disk.ts";
import type { KeyRecords } from "./key-records.ts";
import type { Places } from "./places.ts";
import { type FileIdentity, historyName, markerRecord, md5Etag, type VersionRecord } from "./record.ts";
import { nullVersionId } from "./version-id.ts";

/** Files of others up to this size have the MD5 of their content as ETag, as it would be in S3: they are swapped by it. */
const hashedEtagBytes = 4096;

/** A file that is this much older than its last change of state was copied, with its times, to where it is. */
const copiedAfterNs = 10_000_000_000n;

const attempts = 50;

/** The newest version of a key. */
export interface Newest {
	readonly record: VersionRecord;
	/** Undefined for a delete marker. */
	readonly stat: FileStat | undefined;
	/** The record is not kept anywhere: the file was put there, or removed, by others than this bucket. */
	readonly foreign: boolean;
	/** What its version id is while versions are kept. */
	readonly versionId: string;
}

/**
 * Finds the newest version by looking at the file first and then at the records: while a version is being written the
 * records of both are there. Undefined when the key has none.
 */
export function findNewest(records: KeyRecords, versioning: boolean): Newest | undefined {
	const path = records.places.object(records.key);
	for (let attempt = 1; ; attempt++) {
		const stat = isReached(records.places, records.key) ? regularFile(path) : undefined;
		const candidates = records.candidates();
		const record = candidates.find(({ file }) =>
			stat === undefined ? file === undefined : file !== undefined && isSameFile(file, stat),
		);
		if (record !== undefined) return { record, stat, foreign: false, versionId: record.versionId };
		const foreign = describeForeign(records, stat, candidates, versioning);
		// Meanwhile another may have been put there, and the records may already be those of the next.
		const now = isReached(records.places, records.key) ? regularFile(path) : undefined;
		if (foreign !== "changed" && (attempt === attempts || sameState(stat, now))) return foreign;
	}
}

/** Whether all folders on the way to the object are folders and not links to some. */
export function isReached(places: Places, key: string): boolean {
	for (let end = key.indexOf("/"); end !== -1; end = key.indexOf("/", end + 1)) {
		if (linkStatOf(places.object(key.slice(0, end)))?.kind !== "directory") return false;
	}
	return true;
}

/** Whether somebody made an object of the folder `base`, which ends in a slash and is there. */
export function isMarked(places: Places, base: string): boolean {
	return base !== "" && regularFile(places.record(base)) !== undefined;
}

/** Whether a file is the one that a record was made for, or a copy of it that kept its times (a folder that was moved). */
export function isSameFile(file: FileIdentity, stat: FileStat): boolean {
	if (file.size !== stat.size || file.mtimeNs !== String(stat.mtimeNs)) return false;
	return file.inode === String(stat.inode) || stat.ctimeNs - stat.mtimeNs > copiedAfterNs;
}

function sameState(a: FileStat | undefined, b: FileStat | undefined): boolean {
	if (a === undefined || b === undefined) return a === b;
	return a.inode === b.inode && a.size === b.size && a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs;
}

function describeForeign(
	records: KeyRecords,
	stat: FileStat | undefined,
	candidates: readonly VersionRecord[],
	versioning: boolean,
): Newest | undefined | "changed" {
	if (stat !== undefined) return foreignFile(records, stat, versioning);
	// Others removed the file. What the bucket keeps of earlier versions is older than this.
	const older = records.historyNames().find((name) => records.readHistory(name) !== undefined);
	const modified = older === undefined ? undefined : records.readHistory(older)?.modified;
	if (older === undefined || modified === undefined) return undefined;
	const versionId = `d${stateHash([older, ...candidates.map(historyName)].join()).slice(0, 20)}`;
	return {
		record: markerRecord("", versioning ? versionId : nullVersionId, modified),
		stat: undefined,
		foreign: true,
		versionId,
	};
}

function foreignFile(records: KeyRecords, stat: FileStat, versioning: boolean): Newest | "changed" {
	const state = stateHash(`${stat.inode}-${stat.size}-${stat.mtimeNs}-${stat.ctimeNs}`);
	// With a dash, so that nobody takes it for the MD5 of the content.
	let etag = `"${state.slice(0, 32)}-1"`;
	if (stat.size <= hashedEtagBytes) {
		const md5 = hashSmall(records.places.object(records.key), stat);
		if (md5 === undefined) return "changed";
		etag = md5Etag(md5);
	}
	const versionId = `f${state.slice(0, 20)}`;
	const record: VersionRecord = {
		id: "",
		versionId: versioning ? versionId : nullVersionId,
		file: identityOf(stat),
		etag,
		modified: Number(stat.mtimeNs / 1_000_000n),
		checksum: undefined,
		headers: {},
		parts: undefined,
	};
	return { record, stat, foreign: true, versionId };
}

function stateHash(state: string): string {
	return createHash("sha256").update(state).digest("hex");
}

/** MD5 of the content of a small file; undefined when it is not in the state `expected` any more. */
function hashSmall(path: string, expected: FileStat): Uint8Array | undefined {
	const fd = openRegular(path);
	if (fd === undefined) return undefined;
	try {
		const buffer = Buffer.alloc(hashedEtagBytes + 1);
		let length = 0;
		for (let count = -1; count !== 0 && length < buffer.length; length += count) {
			count = readSync(fd, buffer, length, buffer.length - length, length);
		}
		if (!sameState(statData(fstatSync(fd, { bigint: true })), expected)) return undefined;
		return createHash("md5").update(buffer.subarray(0, length)).digest();
	} finally {
		closeSync(fd);
	}
}
