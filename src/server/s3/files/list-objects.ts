import { setImmediate as nextTurn } from "node:timers/promises";
import type { ListedPage, ListRequest, ObjectVersion } from "../bucket.ts";
import type { BucketState } from "./bucket-state.ts";
import { isFolderKey, readMarker } from "./folder-marker.ts";
import type { FolderNames } from "./folder-names.ts";
import { findNewest } from "./newest.ts";
import { olderNames, readOlder } from "./older.ts";
import { toVersion } from "./record.ts";
import { isVersionId } from "./version-id.ts";
import { type Walk, walkKeys } from "./walk-keys.ts";

/** So many keys are looked at before others have their turn. */
const keysInTurn = 32;

/** The objects of a page: the newest versions that are no delete markers. */
export async function listObjects(
	state: BucketState,
	folders: FolderNames,
	request: ListRequest,
): Promise<ListedPage> {
	const versioning = state.versioning();
	const { after, ...rest } = request;
	const keysOnly = after === undefined ? rest : { ...rest, after: { key: after.key } };
	const page = await listPage(
		keysOnly,
		(base) => folders.ofObjects(base),
		function* (key) {
			if (isFolderKey(key)) {
				yield* markerOf(state, key);
				return;
			}
			const newest = findNewest(state.records(key), versioning);
			if (newest?.stat !== undefined) yield toVersion(key, newest.record, true);
		},
	);
	return { ...page, next: page.next && { key: page.next.key } };
}

/** All versions and delete markers of a page. */
export function listVersions(
	state: BucketState,
	folders: FolderNames,
	request: ListRequest,
): Promise<ListedPage> {
	const { after } = request;
	const versioning = state.versioning();
	return listPage(
		request,
		(base) => folders.ofVersions(base),
		(key) => {
			const versions = versionsOf(state, key, versioning);
			return after?.key === key && after.versionId !== undefined
				? versionsAfter(versions, after.versionId)
				: versions;
		},
	);
}

function markerOf(state: BucketState, key: string): ObjectVersion[] {
	const marker = readMarker(state, key);
	return marker === undefined ? [] : [marker];
}

function* versionsOf(state: BucketState, key: string, versioning: boolean): Generator<ObjectVersion, void> {
	if (isFolderKey(key)) {
		yield* markerOf(state, key);
		return;
	}
	const records = state.records(key);
	const newest = findNewest(records, versioning);
	const names = olderNames(records, newest);
	if (newest !== undefined) yield toVersion(key, newest.record, true);
	for (const name of names) {
		const record = readOlder(records, name);
		if (record !== undefined) yield toVersion(key, record, false);
	}
}

/** The versions that come after one that may have been deleted since it was listed. */
function* versionsAfter(
	versions: Iterable<ObjectVersion>,
	versionId: string,
): Generator<ObjectVersion, void> {
	const all = [...versions];
	const index = all.findIndex((version) => version.versionId === versionId);
	if (index !== -1 || !isVersionId(versionId)) yield* all.slice(index + 1);
	else yield* all.slice(all.findLastIndex((version) => isNewer(version.versionId, versionId)) + 1);
}

function isNewer(versionId: string, than: string): boolean {
	return isVersionId(versionId) && versionId > than;
}

async function listPage(
	request: ListRequest,
	names: Walk["names"],
	versionsOfKey: (key: string) => Iterable<ObjectVersion>,
): Promise<ListedPage> {
	const { prefix, delimiter, after, limit } = request;
	const versions: ObjectVersion[] = [];
	const commonPrefixes: string[] = [];
	let last: ListedPage["next"];
	if (limit <= 0) return { versions, commonPrefixes, next: undefined };
	const isGroup = after !== undefined && commonPrefix(after.key, prefix, delimiter) === after.key;
	const walk: Walk = { names, prefix, from: after?.key, skip: isGroup ? after.key : undefined };
	let untilTurn = keysInTurn;
	for await (const key of walkKeys(walk)) {
		if (--untilTurn === 0) {
			await nextTurn();
			untilTurn = keysInTurn;
		}
		if (key === after?.key && after.versionId === undefined) continue;
		const group = commonPrefix(key, prefix, delimiter);
		for (const version of versionsOfKey(key)) {
			if (versions.length + commonPrefixes.length === limit) return { versions, commonPrefixes, next: last };
			if (group === undefined) {
				versions.push(version);
				last = { key, versionId: version.versionId };
				continue;
			}
			commonPrefixes.push(group);
			last = { key: group };
			walk.skip = group;
			break;
		}
	}
	return { versions, commonPrefixes, next: undefined };
}

/** What a listing shows in place of all keys that begin so. */
export function commonPrefix(key: string, prefix: string, delimiter: string): string | undefined {
	if (delimiter === "" || !key.startsWith(prefix)) return undefined;
	const at = key.indexOf(delimiter, prefix.length);
	return at === -1 ? undefined : key.slice(0, at + delimiter.length);
}
