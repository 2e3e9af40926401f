/**
 * The revisions of a package in a registry that this user pushed or installed, and those that each folder has held: one
 * file for each registry and name in the user's data directory. It is only a memory: what cannot be read is empty.
 */
import type { PackageName } from "../core/names.ts";
import { isTopHash, type TopHash } from "../core/top-hash.ts";
import { digestOf } from "./installs.ts";
import { platform } from "./runtime.ts";

type Seen = {
	readonly registry: string;
	readonly name: string;
	/** Newest last. */
	readonly topHashes: readonly string[];
	/**
	 * By the absolute path of a folder ("": no folder) the revisions that it comes from: the last one first; the folder
	 * of the last line was pushed or installed last.
	 */
	readonly bases?: readonly (readonly [folder: string, ...topHashes: string[]])[];
};

const LIMIT = 100;
const LIMIT_OF_FOLDER = 20;

/**
 * The revisions that a folder's content may replace, newest last: those that were installed in it or pushed from it;
 * where none of them is known, all that this user pushed or installed.
 */
export async function readReplaceable(
	registry: string,
	name: PackageName,
	folder: string | undefined,
): Promise<readonly string[]> {
	const seen = await read(registry, name);
	const own = folder === undefined ? [] : basesOf(seen, folder);
	return own.length > 0 ? own.toReversed() : seen.topHashes;
}

/** The revision that a folder (undefined: the package itself) comes from, as far as it is known. */
export async function readBase(
	registry: string,
	name: PackageName,
	folder: string | undefined,
): Promise<TopHash | undefined> {
	const seen = await read(registry, name);
	const base = basesOf(seen, folder ?? "")[0] ?? seen.topHashes.at(-1);
	return base !== undefined && isTopHash(base) ? base : undefined;
}

/** Newest first. */
function basesOf({ bases = [] }: Seen, folder: string): readonly string[] {
	return bases.findLast(([place]) => place === folder)?.slice(1) ?? [];
}

/**
 * Adds a revision to what this user has seen, and remembers that `folder` (undefined: the package itself) comes from it.
 * With `seen: false` only the latter: the revision may not be published over by whoever has only seen it.
 */
export async function addSeen(
	registry: string,
	name: PackageName,
	topHash: TopHash,
	options: { readonly folder?: string | undefined; readonly seen?: boolean } = {},
): Promise<void> {
	const path = await seenPath(registry, name);
	if (path === undefined) return;
	const before = await read(registry, name);
	const isSeen = options.seen !== false;
	const { folder = "" } = options;
	// What was seen last is what the package itself comes from; it needs no line.
	const kept = (before.bases ?? []).filter(([place]) => place !== folder && !(isSeen && place === ""));
	const older = basesOf(before, folder).filter((hash) => hash !== topHash);
	const own =
		isSeen && folder === "" ? [] : [[folder, topHash, ...older].slice(0, 1 + LIMIT_OF_FOLDER) as [string]];
	const bases = [...kept, ...own].slice(-LIMIT);
	const topHashes = isSeen
		? [...before.topHashes.filter((hash) => hash !== topHash), topHash].slice(-LIMIT)
		: before.topHashes;
	const next: Seen = { registry, name, topHashes, bases };
	const text = JSON.stringify(next);
	if (text === JSON.stringify(before)) return;
	await platform().files?.write(path, new TextEncoder().encode(`${text}\n`), { mode: 0o600 });
}

async function read(registry: string, name: PackageName): Promise<Seen> {
	const path = await seenPath(registry, name);
	const text = path === undefined ? undefined : await platform().files?.readText(path);
	try {
		const seen = JSON.parse(text ?? "null") as Seen | null;
		if (seen?.registry === registry && seen.name === name) return seen;
	} catch {
		// Written by hand, or by a release to come.
	}
	return { registry, name, topHashes: [] };
}

async function seenPath(registry: string, name: string): Promise<string | undefined> {
	const directory = await platform().settings?.dataDirectory();
	return directory === undefined ? undefined : `${directory}/seen/${digestOf(`${registry}\n${name}`)}.json`;
}
