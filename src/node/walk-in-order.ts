import type { Dirent } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { WalkedFile, WalkOptions } from "../client/platform.ts";
import { compareNames } from "../core/logical-key.ts";
import { throwIfAborted } from "../storage/abort.ts";
import { DirectoryVisit, refuseInvalidNames } from "./walk-directory.ts";

/** Files that follow one another in the order of a package's entries. */
export type NamedFiles = {
	/** `/`-separated paths below the root. */
	readonly keys: readonly string[];
	/** By their number: those that are reached through a link, and have been looked at. */
	readonly links: ReadonlyMap<number, WalkedFile>;
};

/** A directory whose names are being gone through. */
type Level = { readonly visit: DirectoryVisit; readonly entries: readonly Dirent[]; next: number };

/** After this many names the event loop gets its turn. */
const namesPerTurn = 512;

/**
 * The same files as `walkDirectory`, by their names alone and in the order of `compareLogicalKeys`. Each directory is
 * read at once; nothing but links is looked at. `root` is a real path.
 */
export async function* walkInOrder(
	root: string,
	options: WalkOptions,
	batchFiles: number,
): AsyncGenerator<NamedFiles, void> {
	const invalidNames: string[] = [];
	const enter = (relative: string): Level => {
		throwIfAborted(options.signal);
		const visit = new DirectoryVisit(root, relative, options, invalidNames);
		return { visit, entries: sortEntries(visit.all()), next: 0 };
	};
	const open = [enter("")];
	let names = 0;
	let keys: string[] = [];
	let links = new Map<number, WalkedFile>();
	for (let level = open.at(-1); level !== undefined; level = open.at(-1)) {
		const { visit, entries } = level;
		const entry = entries[level.next++];
		if (entry === undefined) {
			open.pop();
			continue;
		}
		if (++names % namesPerTurn === 0) {
			await nextTurn();
			throwIfAborted(options.signal);
		}
		if (visit.isLeftOut(entry)) continue;
		if (entry.isDirectory()) {
			open.push(enter(visit.base + entry.name));
			continue;
		}
		if (!entry.isFile()) {
			const link = visit.lookThrough(entry);
			if (link === undefined) continue;
			links.set(keys.length, link);
		}
		if (keys.push(visit.base + entry.name) < batchFiles) continue;
		yield { keys, links };
		keys = [];
		links = new Map();
	}
	if (keys.length > 0) yield { keys, links };
	refuseInvalidNames(root, invalidNames);
}

function sortEntries(entries: Dirent[]): Dirent[] {
	return entries.sort((a, b) => compareNames(a.name, b.name));
}
