import { lstatSync, statSync } from "node:fs";
import type { FileStat } from "../client/platform.ts";
import { errnoOf, fileError } from "./file-error.ts";
import { statData } from "./file-work.mjs";

/** Errors of a stat call that mean that there is nothing of that name. */
const nothingThere = new Set(["ENOENT", "ENOTDIR", "ELOOP", "ENAMETOOLONG"]);

/** State of what `path` names, symlinks followed; undefined when there is nothing (or only a broken link). */
export function statOf(path: string): FileStat | undefined {
	return attempt(() => statData(statSync(path, { bigint: true })), path);
}

/** State of `path` itself: a symlink is `other`. */
export function linkStatOf(path: string): FileStat | undefined {
	return attempt(() => statData(lstatSync(path, { bigint: true })), path);
}

function attempt(read: () => FileStat, path: string): FileStat | undefined {
	try {
		return read();
	} catch (error) {
		if (nothingThere.has(errnoOf(error) ?? "")) return undefined;
		throw fileError(error, "read", path);
	}
}
