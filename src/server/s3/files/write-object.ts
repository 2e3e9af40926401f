import type { ObjectChecksum, ObjectHeaders, ObjectVersion, WriteCondition } from "../bucket.ts";
import { S3Fault } from "../fault.ts";
import type { BucketState } from "./bucket-state.ts";
import { identityOf, regularFile } from "./disk.ts";
import { faults } from "./faults.ts";
import type { KeptVersion, KeyRecords } from "./key-records.ts";
import { findNewest, type Newest } from "./newest.ts";
import { checkObjectKey } from "./places.ts";
import { place, preparePlace, syncFolders } from "./placing.ts";
import { countParts, parseHistoryName, toVersion, type VersionRecord } from "./record.ts";
import { newVersionId, nullVersionId } from "./version-id.ts";

/** What is known of an object that is written, beside its bytes. */
export interface NewObject {
	/** A whole file under a temporary name of the bucket. */
	readonly path: string;
	readonly etag: string;
	readonly headers: ObjectHeaders;
	readonly checksum: ObjectChecksum | undefined;
	readonly partSizes?: readonly number[];
	/** The upload that is completed by this. */
	readonly uploadId?: string;
	readonly condition: WriteCondition | undefined;
}

const attempts = 20;

/**
 * Makes a file the newest version of a key. A kill at any point leaves the old or the new version as the newest, and
 * the old one is in the history before its name is taken away.
 */
export async function writeObject(
	state: BucketState,
	key: string,
	object: NewObject,
): Promise<ObjectVersion> {
	checkObjectKey(key);
	await state.remembered();
	const written = await state.locked(key, async () => {
		const records = state.records(key);
		for (let attempt = 1; ; attempt++) {
			const versioning = state.versioning();
			const newest = findNewest(records, versioning);
			checkCondition(key, object.condition, newest?.stat && newest.record);
			const folders = preparePlace(state, key);
			const { record, before } = describeNew(records, object, newest, versioning);
			const kept = toKeep(records, newest, before, versioning);
			for (const folder of await records.write([record, ...before], kept)) folders.add(folder);
			if (place(state, object.path, key, newest?.stat !== undefined)) {
				if (!versioning) removeNullVersions(records);
				return { record, folders };
			}
			// Somebody who takes no lock was quicker: what is there now is looked at and kept as well.
			if (attempt === attempts)
				throw new S3Fault("OperationAborted", 409, `Cannot write "${key}": others are writing it`);
		}
	});
	await syncFolders(state, written.folders);
	return toVersion(key, written.record, true);
}

/** Throws what `writeObject` would for this key and condition as things are now. */
export function checkWrite(state: BucketState, key: string, condition: WriteCondition | undefined): void {
	checkObjectKey(key);
	const newest = findNewest(state.records(key), state.versioning());
	checkCondition(key, condition, newest?.stat && newest.record);
}

function describeNew(
	records: KeyRecords,
	object: NewObject,
	newest: Newest | undefined,
	versioning: boolean,
): { record: VersionRecord; before: VersionRecord[] } {
	const stat = regularFile(object.path);
	if (stat === undefined) throw new TypeError("The received file is gone");
	const before = asKept(records, newest);
	const id = newVersionId(before[0]?.id ?? newestId(records));
	return {
		before,
		record: {
			id,
			versionId: versioning ? id : nullVersionId,
			file: identityOf(stat),
			etag: object.etag,
			modified: Date.now(),
			checksum: object.checksum,
			headers: object.headers,
			parts: object.partSizes === undefined ? undefined : countParts(object.partSizes),
			uploadId: object.uploadId,
		},
	};
}

/**
 * The candidates that stay beside a new one: the newest version, with a place in the history if others made it, and
 * delete markers that those others wrote over.
 */
export function asKept(records: KeyRecords, newest: Newest | undefined): VersionRecord[] {
	if (newest === undefined) return [];
	if (!newest.foreign) return [newest.record];
	const markers = records.candidates().filter(({ file }) => file === undefined);
	return [{ ...newest.record, id: newVersionId(newestId(records)) }, ...markers];
}

/** The id of a key after which new ones must sort. */
export function newestId(records: KeyRecords): string | undefined {
	const ids = records.candidates().map(({ id }) => id);
	// The history has nothing newer than what once was the newest version.
	if (ids.length === 0) return parseHistoryName(records.historyNames()[0] ?? "")?.id;
	return ids.reduce((last, id) => (id > last ? id : last));
}

/** What goes to the history when something takes the place of these candidates, as far as it is to be kept. */
export function toKeep(
	records: KeyRecords,
	newest: Newest | undefined,
	before: readonly VersionRecord[],
	versioning: boolean,
): KeptVersion[] {
	const path = newest?.stat === undefined ? undefined : records.places.object(records.key);
	return before
		.map((record, index) => ({ record, from: index === 0 ? path : undefined }))
		.filter(({ record }) => isKept(record, newest, versioning));
}

/** While no versions are kept, those stay that have an id from when they were. */
export function isKept(record: VersionRecord, newest: Newest | undefined, versioning: boolean): boolean {
	return versioning || (record.versionId !== nullVersionId && newest?.foreign !== true);
}

/** There is one version `null` at most. */
export function removeNullVersions(records: KeyRecords): void {
	for (const name of records.historyNames()) {
		if (parseHistoryName(name)?.versionId === nullVersionId) records.remove(name);
	}
}

/** Throws `PreconditionFailed` and `NoSuchKey` when the condition does not hold for what is `there`. */
export function checkCondition(
	key: string,
	condition: WriteCondition | undefined,
	there: Pick<VersionRecord, "etag"> | undefined,
): void {
	if (condition === undefined) return;
	if ("ifNoneMatch" in condition) {
		if (there !== undefined) throw faults.preconditionFailed(key, "it exists already");
		return;
	}
	if (there === undefined) throw faults.noSuchKey(key);
	if (condition.ifMatch !== "*" && bareEtag(condition.ifMatch) !== bareEtag(there.etag)) {
		throw faults.preconditionFailed(key, "it was changed by somebody else");
	}
}

/** Clients send ETags with and without their quotes. */
export function bareEtag(etag: string): string {
	return etag.replaceAll('"', "");
}
