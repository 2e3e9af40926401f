import { linkSync, lstatSync, renameSync, rmdirSync } from "node:fs";
import { dirname } from "node:path";
import { isBaleError } from "../../../core/errors.ts";
import { makeDirectories } from "../../../node/directories.ts";
import { errnoOf, fileError } from "../../../node/file-error.ts";
import { linkStatOf } from "../../../node/file-stat.ts";
import { discard, syncDirectory } from "../../../node/temporary-file.ts";
import type { BucketState } from "./bucket-state.ts";
import { withoutHardLinks } from "./disk.ts";
import { faults } from "./faults.ts";
import { isMarked } from "./newest.ts";

const attempts = 20;

/**
 * Makes the folder of an object and looks whether its name can be a file: `KeyCollision` where the key of another object
 * is in the way, `AccessDenied` where a symbolic link or a special file is. Returns the folders that have new names.
 */
export function preparePlace(state: BucketState, key: string): Set<string> {
	const path = state.places.object(key);
	const changed = prepareFolder(state, key, dirname(path));
	const kind = linkStatOf(path)?.kind;
	if (kind === "other") {
		throw faults.accessDenied(`Cannot write "${key}": a symbolic link or a special file has that name`);
	}
	if (kind === "directory" && (isMarked(state.places, `${key}/`) || !removeEmptyFolder(path))) {
		throw faults.keyCollision(key, `"${key}/" is an object, or there are objects below it`);
	}
	return changed;
}

/** Makes a folder that `key` needs: `KeyCollision` where an object is in the way. Returns the folders that have new names, and itself. */
export function prepareFolder(state: BucketState, key: string, folder: string): Set<string> {
	const changed = new Set([folder]);
	try {
		makeDirectories(state.places.root, folder, {
			links: "refuse",
			onNewName: (parent) => changed.add(parent),
		});
	} catch (error) {
		if (!isBaleError(error, "DestinationConflict")) throw error;
		throw faults.keyCollision(key, "a part of its path is an object");
	}
	return changed;
}

/**
 * Gives the file `from` the name of the object: in place of the file there with `replace`; without, the name must be
 * free, and false is returned when it was taken meanwhile.
 */
export function place(state: BucketState, from: string, key: string, replace: boolean): boolean {
	const path = state.places.object(key);
	for (let attempt = 1; ; attempt++) {
		try {
			if (replace) {
				renameSync(from, path);
				discard(from); // It is still there when it was a second name of the same file.
				return true;
			}
			linkNew(from, path);
			return true;
		} catch (error) {
			const errno = errnoOf(error) ?? "";
			if (["EEXIST", "EISDIR", "ENOTEMPTY", "ENOTDIR"].includes(errno)) return false;
			// A deletion beside us may remove the folder that was just made.
			if (errno !== "ENOENT" || attempt === attempts) throw fileError(error, "write", path);
			preparePlace(state, key);
		}
	}
}

function linkNew(from: string, path: string): void {
	try {
		linkSync(from, path);
	} catch (error) {
		if (!withoutHardLinks.has(errnoOf(error) ?? "")) throw error;
		// The best that is left where there are no hard links.
		if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) {
			throw Object.assign(new Error("It exists already"), { code: "EEXIST" });
		}
		renameSync(from, path);
		return;
	}
	discard(from);
}

/** Makes names in these folders survive a power cut. */
export async function syncFolders(state: BucketState, folders: Iterable<string>): Promise<void> {
	if (!state.durable) return;
	await Promise.all([...folders].map((folder) => syncDirectory(folder)));
}

function removeEmptyFolder(path: string): boolean {
	try {
		rmdirSync(path);
		return true;
	} catch (error) {
		return errnoOf(error) === "ENOENT";
	}
}
