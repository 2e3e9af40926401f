/** Joining what two writers made of one revision, key by key. */
import { entryEquals, type Entry } from "./entry.ts";
import { jsonEquals, type Json } from "./json.ts";
import { compareLogicalKeys } from "./logical-key.ts";
import type { Manifest } from "./manifest.ts";
import { Directory, Tree } from "./tree.ts";

/** What both sides have changed, each in its own way. Undefined: it is not there (any more). */
export type MergeConflict =
	| {
			/** A file; or a file on one side at or above the place of files of the other side. */
			readonly kind: "entry";
			readonly key: string;
			readonly base: Entry | undefined;
			readonly ours: Entry | undefined;
			readonly theirs: Entry | undefined;
	  }
	| {
			/** Metadata: of the package (key "") or of a directory (key ends in `/`). */
			readonly kind: "meta";
			readonly key: string;
			readonly base: Json | undefined;
			readonly ours: Json | undefined;
			readonly theirs: Json | undefined;
	  };

export type Merge = {
	/** Complete only without conflicts; what conflicts is left out. */
	readonly manifest: Manifest;
	/** In walk order. */
	readonly conflicts: readonly MergeConflict[];
};

/**
 * Three-way merge: what only one side has changed since `base` is taken from that side, and what both have changed
 * alike is no conflict. Where neither differs from the other, the result has their entry (with its physical key).
 * The header is ours but for the metadata of the package. No side is modified.
 */
export function mergeManifests(base: Manifest, ours: Manifest, theirs: Manifest): Merge {
	const conflicts: MergeConflict[] = [];
	const tree = mergeEntries(base.tree, ours.tree, theirs.tree, conflicts);
	mergeDirectories(base.tree, ours.tree, theirs.tree, tree, conflicts);

	const header = new Map(ours.header);
	const metas = sides(base.header, ours.header, theirs.header, "user_meta");
	const meta = choose(metas, sameJson);
	if (meta === undefined) conflicts.push({ kind: "meta", key: "", ...metas });
	else if (meta.value === undefined) header.delete("user_meta");
	else header.set("user_meta", meta.value);
	tree.root.meta = header.get("user_meta");
	conflicts.sort((a, b) => compareLogicalKeys(a.key, b.key));
	return { manifest: { header, tree }, conflicts };
}

type Sides<T> = {
	readonly base: T | undefined;
	readonly ours: T | undefined;
	readonly theirs: T | undefined;
};

function sides<T>(
	base: ReadonlyMap<string, T>,
	ours: ReadonlyMap<string, T>,
	theirs: ReadonlyMap<string, T>,
	key: string,
): Sides<T> {
	return { base: base.get(key), ours: ours.get(key), theirs: theirs.get(key) };
}

/** The side that counts, in a box because "gone" is a value too; undefined: they conflict. */
function choose<T>(
	{ base, ours, theirs }: Sides<T>,
	same: (a: T | undefined, b: T | undefined) => boolean,
): { readonly value: T | undefined } | undefined {
	if (same(ours, theirs) || same(ours, base)) return { value: theirs };
	return same(theirs, base) ? { value: ours } : undefined;
}

function mergeEntries(base: Tree, ours: Tree, theirs: Tree, conflicts: MergeConflict[]): Tree {
	const [inBase, inOurs, inTheirs] = [new Map(base.walk()), new Map(ours.walk()), new Map(theirs.walk())];
	const merged = new Tree();
	const conflicting = (key: string, at: Sides<Entry>): void =>
		void conflicts.push({ kind: "entry", key, ...at });
	for (const key of new Set([...inTheirs.keys(), ...inOurs.keys()])) {
		const at = sides(inBase, inOurs, inTheirs, key);
		const chosen = choose(at, sameEntry);
		if (chosen === undefined) conflicting(key, at);
		else if (chosen.value !== undefined) {
			if (fits(merged, key)) merged.set(key, chosen.value);
			else conflicting(key, at);
		}
	}
	return merged;
}

/** Whether a file can be at `key`: no directory is there, and no file on the way. */
function fits(tree: Tree, key: string): boolean {
	if (tree.get(key) instanceof Directory) return false;
	for (let cut = key.lastIndexOf("/"); cut >= 0; cut = key.lastIndexOf("/", cut - 1)) {
		const above = tree.get(key.slice(0, cut));
		if (above !== undefined) return above instanceof Directory;
		if (cut === 0) break;
	}
	return true;
}

function mergeDirectories(
	base: Tree,
	ours: Tree,
	theirs: Tree,
	merged: Tree,
	conflicts: MergeConflict[],
): void {
	const [inBase, inOurs, inTheirs] = [
		new Map(base.directories()),
		new Map(ours.directories()),
		new Map(theirs.directories()),
	];
	for (const key of new Set([...inTheirs.keys(), ...inOurs.keys()])) {
		const at = sides(inBase, inOurs, inTheirs, key);
		const chosen = choose(at, sameJson);
		const name = key.slice(0, -1);
		if (chosen?.value === undefined) {
			if (chosen === undefined) conflicts.push({ kind: "meta", key, ...at });
		} else if (merged.get(name) instanceof Directory || fits(merged, name)) {
			merged.setDirectoryMeta(name, chosen.value);
		} else conflicts.push({ kind: "meta", key, ...at });
	}
}

function sameEntry(a: Entry | undefined, b: Entry | undefined): boolean {
	return a === b || (a !== undefined && b !== undefined && entryEquals(a, b));
}

function sameJson(a: Json | undefined, b: Json | undefined): boolean {
	return a === b || (a !== undefined && b !== undefined && jsonEquals(a, b));
}
