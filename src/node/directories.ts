import { lstatSync, mkdirSync, realpathSync, rmdirSync } from "node:fs";
import { dirname } from "node:path";
import { BaleError } from "../core/errors.ts";
import { errnoOf, fileError } from "./file-error.ts";
import { syncDirectory } from "./temporary-file.ts";

export type MakeOptions = {
	/** False: only look; a directory that is missing ends the look. */
	readonly create?: boolean;
	/** `"refuse"`: any symlink below the root is unsafe; `"inside"` (default): one that stays inside is followed. */
	readonly links?: "refuse" | "inside";
	/** Directories that were found good before, and are not looked at again. */
	readonly known?: Set<string>;
};

/**
 * Makes `directory`, which is `root` or lies below it by its path, one segment after the other, without
 * ever leaving the real `root` through a symlink (`UnsafeDestination`). A file in the way is
 * `DestinationConflict`. The root itself may be reached through links. Returns whether the directory is there.
 *
 * Node cannot hold a directory open while working below it, so a hostile process that swaps directories
 * for links at the right moment is not stopped.
 */
export function makeDirectories(root: string, directory: string, options: MakeOptions = {}): boolean {
	const { create = true, links = "inside", known } = options;
	if (known?.has(directory) === true) return true;
	if (directory === root || !directory.startsWith(root === "/" ? "/" : `${root}/`)) {
		if (!makeRoot(root, create)) return false;
		known?.add(root);
		return true;
	}
	if (!makeDirectories(root, dirname(directory), options)) return false;
	try {
		let kind = kindOf(directory);
		if (kind === "nothing") {
			if (!create) return false;
			makeOne(directory);
			kind = kindOf(directory);
			// A link may have been put in our place since the parent was looked at.
			checkInside(root, directory);
		}
		if (kind === "link") {
			if (links === "refuse") throw unsafe(root, directory);
			checkInside(root, directory);
		} else if (kind !== "directory") {
			throw inTheWay(directory);
		}
	} catch (error) {
		throw fileError(error, "write", directory);
	}
	known?.add(directory);
	return true;
}

function makeRoot(root: string, create: boolean): boolean {
	try {
		if (create) mkdirSync(root, { recursive: true });
		return lstatSync(root, { throwIfNoEntry: false }) !== undefined;
	} catch (error) {
		if (errnoOf(error) === "EEXIST") throw inTheWay(root);
		throw fileError(error, "make", root);
	}
}

function makeOne(directory: string): void {
	try {
		mkdirSync(directory);
	} catch (error) {
		if (errnoOf(error) !== "EEXIST") throw error;
	}
}

function kindOf(path: string): "nothing" | "link" | "directory" | "other" {
	const stat = lstatSync(path, { throwIfNoEntry: false });
	if (stat === undefined) return "nothing";
	return stat.isSymbolicLink() ? "link" : stat.isDirectory() ? "directory" : "other";
}

function checkInside(root: string, directory: string): void {
	const realRoot = realpathSync.native(root);
	const real = realpathSync.native(directory);
	if (real !== realRoot && !real.startsWith(realRoot === "/" ? "/" : `${realRoot}/`)) {
		throw unsafe(root, directory);
	}
}

function unsafe(root: string, directory: string): BaleError {
	return new BaleError(
		"UnsafeDestination",
		`Cannot write below "${directory}": it is a symbolic link inside of "${root}"`,
		{ hint: "Replace the link by a directory, or choose another destination", details: { path: directory } },
	);
}

function inTheWay(path: string): BaleError {
	return new BaleError("DestinationConflict", `Cannot make the directory "${path}": a file has that name`, {
		hint: "Move the file away",
		details: { path },
	});
}

/** Removes `directory` and those above it, below `root`, as long as they are empty. Never fails. */
export function removeEmptyDirectories(directory: string, root: string): void {
	let current = directory;
	while (current.length > root.length && current.startsWith(root)) {
		try {
			rmdirSync(current);
		} catch (error) {
			if (errnoOf(error) !== "ENOENT") return;
		}
		current = dirname(current);
	}
}

/** Makes the names in `directory` and in those above it, up to `root`, survive a power cut. */
export async function syncDirectories(root: string, directory: string): Promise<void> {
	let current = directory;
	while (current.length >= root.length) {
		await syncDirectory(current);
		if (current === root || current === dirname(current)) return;
		current = dirname(current);
	}
}
