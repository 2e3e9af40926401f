import type { DeleteCondition } from "../bucket.ts";
import type { BucketState } from "./bucket-state.ts";
import { identityOf, regularFile, removeFile } from "./disk.ts";
import { faults } from "./faults.ts";
import { removeEmptyFolders } from "./folder-marker.ts";
import type { KeyRecords } from "./key-records.ts";
import { findNewest, type Newest } from "./newest.ts";
import { isObjectKey } from "./places.ts";
import { place, preparePlace, syncFolders } from "./placing.ts";
import { historyName, markerRecord, type VersionRecord } from "./record.ts";
import {
	asKept,
	checkCondition,
	checkWrite,
	isKept,
	newestId,
	removeNullVersions,
	toKeep,
} from "./write-object.ts";
import { newVersionId, nullVersionId } from "./version-id.ts";
import { findOlder, olderNames, readOlder } from "./older.ts";

/** What was deleted, or the delete marker that was made. */
export interface Deleted {
	readonly versionId: string;
	readonly isDeleteMarker: boolean;
}

/**
 * Hides a key behind a delete marker; where no versions are kept and none are left from before, it is just removed.
 * Throws `NoSuchKey` and `PreconditionFailed` when the newest version is not the one of the condition.
 */
export async function hideObject(
	state: BucketState,
	key: string,
	condition?: DeleteCondition,
): Promise<Deleted | undefined> {
	if (!isObjectKey(key)) {
		checkCondition(key, condition, undefined);
		return undefined;
	}
	// Nothing is locked where nothing is there.
	if (condition !== undefined) checkWrite(state, key, condition);
	return changing(state, key, async (records) => {
		const versioning = state.versioning();
		const newest = findNewest(records, versioning);
		checkCondition(key, condition, newest?.stat && newest.record);
		if (newest === undefined) {
			records.removeCandidates(); // Records of files that others removed are of no use to anybody.
			return undefined;
		}
		if (newest.stat === undefined) return told(newest.record);
		const before = asKept(records, newest);
		const [displaced] = before;
		const keeps = displaced !== undefined && isKept(displaced, newest, versioning);
		if (!versioning) removeNullVersions(records);
		if (!keeps && records.historyNames().length === 0) {
			removeFile(state.places.object(key));
			records.removeCandidates();
			return undefined;
		}
		const id = newVersionId(displaced?.id ?? newestId(records));
		const marker = markerRecord(id, versioning ? id : nullVersionId, Date.now());
		await syncFolders(
			state,
			await records.write([marker, ...before], toKeep(records, newest, before, versioning)),
		);
		removeFile(state.places.object(key));
		return told(marker);
	});
}

/** Deletes one version for ever. When it is the newest, the one before it takes its place. */
export async function deleteVersion(
	state: BucketState,
	key: string,
	versionId: string,
): Promise<Deleted | undefined> {
	if (!isObjectKey(key)) return undefined;
	return changing(state, key, async (records) => {
		const newest = findNewest(records, state.versioning());
		if (newest === undefined) {
			records.removeCandidates(); // Records of files that others removed are of no use to anybody.
			return undefined;
		}
		if (newest.record.versionId === versionId || newest.versionId === versionId) {
			await deleteNewest(state, records, newest);
			return told(newest.record);
		}
		const older = findOlder(records, newest, versionId);
		if (older === undefined) return undefined;
		records.remove(historyName(older));
		await forgetMarker(records, older);
		return told(older);
	});
}

async function deleteNewest(state: BucketState, records: KeyRecords, newest: Newest): Promise<void> {
	const { key } = records;
	const path = state.places.object(key);
	const previous = findPrevious(records, newest);
	if (previous === undefined) {
		removeFile(path);
		records.removeCandidates();
		return;
	}
	const { name, record: before } = previous;
	const candidates = newest.foreign ? [before] : [before, newest.record];
	if (before.file === undefined) {
		await syncFolders(state, await records.write(candidates));
		removeFile(path);
	} else {
		const folders = preparePlace(state, key);
		await syncFolders(state, await records.write(candidates));
		if (!place(state, records.contentPath(name), key, newest.stat !== undefined)) {
			throw faults.keyCollision(key, "somebody else is writing it");
		}
		await syncFolders(state, folders);
	}
	await records.write([before]);
	records.remove(name);
}

/** The version before the newest, as it will be when it is put in place again. */
function findPrevious(
	records: KeyRecords,
	newest: Newest,
): { name: string; record: VersionRecord } | undefined {
	for (const name of olderNames(records, newest)) {
		const record = readOlder(records, name);
		if (record === undefined) continue;
		if (record.file === undefined) return { name, record };
		const stat = regularFile(records.contentPath(name));
		if (stat !== undefined) return { name, record: { ...record, file: identityOf(stat) } };
	}
	return undefined;
}

async function forgetMarker(records: KeyRecords, marker: VersionRecord): Promise<void> {
	const candidates = records.candidates();
	const left = candidates.filter(({ id }) => id !== marker.id);
	if (left.length === 0) records.removeCandidates();
	else if (left.length < candidates.length) await records.write(left);
}

function told({ versionId, file }: VersionRecord): Deleted {
	return { versionId, isDeleteMarker: file === undefined };
}

/** Runs what removes a name under the lock of its key, and clears up behind it. */
async function changing(
	state: BucketState,
	key: string,
	work: (records: KeyRecords) => Promise<Deleted | undefined>,
): Promise<Deleted | undefined> {
	const records = state.records(key);
	if (records.candidates().length === 0 && findNewest(records, true) === undefined) return undefined;
	const { deleted, folder } = await state.locked(key, async () => {
		const result = await work(records);
		records.tidy();
		return {
			deleted: result,
			folder: removeEmptyFolders(state.places, key.slice(0, key.lastIndexOf("/") + 1)),
		};
	});
	await syncFolders(state, [folder]);
	return deleted;
}
