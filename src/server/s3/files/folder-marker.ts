/**
 * Objects whose key ends in a slash: folders that programs made by hand. They have no content and no versions; the folder
 * itself is there, and a record below `.bale/versions/` tells it from those that only have objects in them.
 */
import { dirname } from "node:path";
import { removeEmptyDirectories } from "../../../node/directories.ts";
import type {
	DeleteCondition,
	ObjectChecksum,
	ObjectHeaders,
	ObjectVersion,
	OpenedObject,
	WriteCondition,
} from "../bucket.ts";
import { S3Fault } from "../fault.ts";
import type { BucketState } from "./bucket-state.ts";
import { readText, removeFile, writeText } from "./disk.ts";
import { faults } from "./faults.ts";
import { isMarked, isReached } from "./newest.ts";
import { checkObjectKey, isObjectKey, type Places } from "./places.ts";
import { prepareFolder, syncFolders } from "./placing.ts";
import { formatRecords, parseRecords, toVersion, type VersionRecord } from "./record.ts";
import { newVersionId, nullVersionId } from "./version-id.ts";
import { checkCondition } from "./write-object.ts";

const attempts = 20;

/** Whether a key is one of a folder. */
export function isFolderKey(key: string): boolean {
	return key.endsWith("/");
}

/** The object; undefined when there is none. */
export function readMarker(
	{ places }: BucketState,
	key: string,
	versionId: string = nullVersionId,
): ObjectVersion | undefined {
	const record = versionId === nullVersionId ? findRecord(places, key) : undefined;
	return record && toVersion(key, record, true);
}

/** `Bucket.open` of such an object. */
export function openMarker(state: BucketState, key: string, versionId?: string): OpenedObject | undefined {
	const version = readMarker(state, key, versionId);
	if (version === undefined) return undefined;
	return {
		version,
		async *read() {
			// It has no content.
		},
		close: () => Promise.resolve(),
	};
}

/** Makes the folder and the object. `InvalidArgument` for a key that none can have, and for content. */
export async function writeMarker(
	state: BucketState,
	key: string,
	object: {
		readonly size: number;
		readonly etag: string;
		readonly headers: ObjectHeaders;
		readonly checksum: ObjectChecksum | undefined;
		readonly condition: WriteCondition | undefined;
	},
): Promise<ObjectVersion> {
	checkObjectKey(key.slice(0, -1));
	const { size, etag, headers, checksum, condition } = object;
	if (size > 0)
		throw faults.invalidArgument(`Cannot keep "${key}" in a folder: it ends in "/" and has content`);
	const { places, durable } = state;
	const record: VersionRecord = {
		id: newVersionId(undefined),
		versionId: nullVersionId,
		file: { inode: "0", size: 0, mtimeNs: "0" },
		etag,
		modified: Date.now(),
		checksum,
		headers,
		parts: undefined,
	};
	const folders = await state.locked(key, async () => {
		checkCondition(key, condition, findRecord(places, key));
		for (let attempt = 1; attempt <= attempts; attempt++) {
			const made = prepareFolder(state, key, places.object(key.slice(0, -1)));
			await writeText(places.record(key), formatRecords([record]), {
				temporaryFolder: places.temporary,
				durable,
			});
			// A deletion beside us may have removed the folder before it had its record.
			if (findRecord(places, key) !== undefined) return made;
		}
		throw new S3Fault("OperationAborted", 409, `Cannot write "${key}": others are writing it`);
	});
	await syncFolders(state, [...folders, dirname(places.record(key))]);
	return toVersion(key, record, true);
}

/** Removes the object, and the folder if it is empty. `Bucket.delete` of such an object. */
export async function deleteMarker(
	state: BucketState,
	key: string,
	versionId: string | undefined,
	condition: DeleteCondition | undefined,
): Promise<{ versionId: string; isDeleteMarker: boolean } | undefined> {
	const marker = readMarker(state, key, versionId);
	if (marker === undefined) {
		checkCondition(key, condition, undefined);
		return undefined;
	}
	const { places } = state;
	const record = places.record(key);
	await state.locked(key, async () => {
		checkCondition(key, condition, readMarker(state, key, versionId));
		removeFile(record);
		removeEmptyDirectories(dirname(record), places.versions);
		await syncFolders(state, [removeEmptyFolders(places, key)]);
	});
	return versionId === undefined ? undefined : { versionId, isDeleteMarker: false };
}

/** Removes the folder `base` and those above it as long as they are empty and no objects; returns the first that stays. */
export function removeEmptyFolders(places: Places, base: string): string {
	return removeEmptyDirectories(
		places.object(base).slice(0, -1),
		places.root,
		(folder) => !isMarked(places, `${folder.slice(places.root.length + 1)}/`),
	);
}

function findRecord(places: Places, key: string): VersionRecord | undefined {
	if (!isObjectKey(key.slice(0, -1)) || !isReached(places, key)) return undefined;
	return parseRecords(readText(places.record(key)) ?? "")[0];
}
