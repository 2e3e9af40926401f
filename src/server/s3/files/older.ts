/** The versions of a key beside the newest. */
import type { KeyRecords } from "./key-records.ts";
import type { Newest } from "./newest.ts";
import { historyName, parseHistoryName, type VersionRecord } from "./record.ts";
import { nullVersionId } from "./version-id.ts";

/** Names of all versions but the newest, newest first: the history, and delete markers that others wrote over. */
export function olderNames(records: KeyRecords, newest: Newest | undefined): string[] {
	const names = new Set(records.historyNames());
	if (newest?.foreign === true) {
		for (const record of records.candidates()) if (record.file === undefined) names.add(historyName(record));
	}
	if (newest !== undefined) names.delete(historyName(newest.record));
	// There is one version `null` at most; a file of somebody else becomes it without a look at the others.
	const isHidden = (name: string): boolean =>
		newest?.record.versionId === nullVersionId && parseHistoryName(name)?.versionId === nullVersionId;
	return [...names].filter((name) => !isHidden(name)).sort((a, b) => (a < b ? 1 : -1));
}

/** The record of one of `olderNames`; undefined when it was deleted meanwhile. */
export function readOlder(records: KeyRecords, name: string): VersionRecord | undefined {
	return (
		records.readHistory(name) ??
		records.candidates().find((record) => record.file === undefined && historyName(record) === name)
	);
}

/** The version with this id, if it is not the newest. */
export function findOlder(
	records: KeyRecords,
	newest: Newest | undefined,
	versionId: string,
): VersionRecord | undefined {
	const name = olderNames(records, newest).find((item) => parseHistoryName(item)?.versionId === versionId);
	return name === undefined ? undefined : readOlder(records, name);
}
