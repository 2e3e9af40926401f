import { lstatSync, mkdirSync, realpathSync, rmdirSync } from "node:fs";
import { dirname } from "node:path";
import { BaleError } from "../core/errors.ts";
import { errnoOf, fileError } from "./file-error.ts";
import { slashed } from "./path-input.ts";

export type MakeOptions = {
	/** False: only look; a directory that is missing ends the look. */
	readonly create?: boolean;
	/** `"refuse"`: any symlink below the root is unsafe; `"inside"` (default): one that stays inside is followed. */
	readonly links?: "refuse" | "inside";
	/** Directories that were found good before, and are not looked at again. */
	readonly known?: Set<string>;
	/** Called with the parent of every directory that was made: it has a new name to make durable. */
	readonly onNewName?: (parent: string) => void;
};

/**
 * Makes `directory`, which is `root` or lies below it by its path, one segment after the other, without
 * ever leaving the real `root` through a symlink (`UnsafeDestination`). A file in the way is
 * `DestinationConflict`. The root itself may be reached through links. Returns whether the directory is
 * there; `ObjectNotFound` when somebody removes it while it is made.
 *
 * Node cannot hold a directory open while working below it, so a hostile process that swaps directories
 * for links at the right moment is not stopped.
 */
export function makeDirectories(root: string, directory: string, options: MakeOptions = {}): boolean {
	const { create = true, links = "inside", known } = options;
	if (known?.has(directory) === true) return true;
	if (directory === root || !directory.startsWith(root === "/" ? "/" : `${root}/`)) {
		if (!makeRoot(root, options)) return false;
		known?.add(root);
		return true;
	}
	if (!makeDirectories(root, dirname(directory), options)) return false;
	try {
		let kind = kindOf(directory);
		if (kind === "nothing") {
			if (!create) return false;
			makeOne(directory);
			options.onNewName?.(dirname(directory));
			kind = kindOf(directory);
			if (kind === "nothing") throw removedMeanwhile(directory);
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

function makeRoot(root: string, { create = true, onNewName }: MakeOptions): boolean {
	try {
		const first = create ? mkdirSync(root, { recursive: true }) : undefined;
		for (let made = root; first !== undefined && made.length >= first.length; made = dirname(made)) {
			onNewName?.(dirname(made));
		}
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
	const realRoot = slashed(realpathSync.native(root));
	const real = slashed(realpathSync.native(directory));
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

function removedMeanwhile(path: string): BaleError {
	return new BaleError("ObjectNotFound", `Cannot make the directory "${path}": somebody removed it at once`, {
		details: { path },
	});
}

function inTheWay(path: string): BaleError {
	return new BaleError("DestinationConflict", `Cannot make the directory "${path}": a file has that name`, {
		hint: "Move the file away",
		details: { path },
	});
}

/**
 * Removes `directory` and those above it, below `root`, as long as they are empty; returns the first that
 * stays. Those stay that `mayRemove` says no of. Never fails.
 */
export function removeEmptyDirectories(
	directory: string,
	root: string,
	mayRemove: (directory: string) => boolean = () => true,
): string {
	let current = directory;
	while (current.length > root.length && current.startsWith(root)) {
		if (!mayRemove(current)) return current;
		try {
			rmdirSync(current);
		} catch (error) {
			if (errnoOf(error) !== "ENOENT") return current;
		}
		current = dirname(current);
	}
	return current;
}
