/** Where a folder that is served as a bucket (`bale serve --s3`) keeps what both of its faces must find. Keys below its root. */

/** A JSON document; `names`: the names that the folder has or had as a bucket. */
export const servedFolderSettings = ".bale/bucket/settings.json";

const versionsFolder = ".bale/versions/";
/** Marks at the end of the names of folders, and of those that hold the older versions of one key. */
export const folderMark = "=";
export const historyMark = "~";

/** Folder of the records of keys below `base`, which is empty or ends in a slash. */
export function versionsBelow(base: string): string {
	return versionsFolder + base.replaceAll("/", `${folderMark}/`);
}

/**
 * Folder of the older versions of a key, with a final slash. In it the content of a version has its versionId as name, or
 * `<id>.<versionId>`.
 */
export function olderVersionsOf(key: string): string {
	const base = key.slice(0, key.lastIndexOf("/") + 1);
	return `${versionsBelow(base)}${key.slice(base.length)}${historyMark}/`;
}
