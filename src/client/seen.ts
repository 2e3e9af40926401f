/**
 * The revisions of a package in a registry that this user pushed or installed, and those that each folder's content comes
 * from: one file for each registry and name in the user's data directory. It is only a memory: what cannot be read is empty.
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
	/** Those that were pushed from no folder that is known; newest last. */
	readonly unplaced?: readonly string[];
	/**
	 * By the absolute path of a folder ("": no folder) the revisions that its content comes from, each from the next one;
	 * the folder of the last line was pushed or installed last.
	 */
	readonly bases?: readonly (readonly [folder: string, ...topHashes: string[]])[];
};

const LIMIT = 100;
const LIMIT_OF_FOLDER = 20;

/**
 * The revisions that a folder's content may replace: those that it comes from (the last one last), and those that this user
 * pushed from no folder that is known. Where it is not known what the folder comes from, all that this user has seen.
 */
export async function readReplaceable(
	registry: string,
	name: PackageName,
	folder: string | undefined,
): Promise<readonly string[]> {
	const seen = await read(registry, name);
	const own = folder === undefined ? [] : basesOf(seen, folder);
	return own.length > 0 ? [...(seen.unplaced ?? []), ...own.toReversed()] : seen.topHashes;
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

/** The last one first. */
function basesOf({ bases = [] }: Seen, folder: string): readonly string[] {
	return bases.findLast(([place]) => place === folder)?.slice(1) ?? [];
}

export type SeenOptions = {
	/** The folder that has the revision's content now. */
	readonly folder?: string | undefined;
	/** It was pushed, and from which folder is not known. */
	readonly unplaced?: boolean;
	/** Only remembers what `folder` (undefined: the package itself) comes from: who has seen it may not publish over it. */
	readonly seen?: false;
};

/** Adds a revision to what this user has seen. */
export async function addSeen(
	registry: string,
	name: PackageName,
	topHash: TopHash,
	options: SeenOptions = {},
): Promise<void> {
	const path = await seenPath(registry, name);
	if (path === undefined) return;
	await platform().files?.update(
		path,
		(text) => {
			const before = parse(text, registry, name);
			const next = JSON.stringify(withRevision(before, topHash, options));
			return next === JSON.stringify(before) ? undefined : `${next}\n`;
		},
		{ mode: 0o600 },
	);
}

function withRevision(before: Seen, topHash: TopHash, { folder = "", unplaced, seen }: SeenOptions): Seen {
	const append = (hashes: readonly string[]): string[] =>
		[...hashes.filter((hash) => hash !== topHash), topHash].slice(-LIMIT);
	const isSeen = seen !== false;
	// What was seen last is what the package itself comes from; it needs no line.
	const others = (before.bases ?? []).filter(([place]) => place !== folder && !(isSeen && place === ""));
	const line = basesOf(before, folder);
	// A folder that goes back to a revision does not come from those after it any more.
	const older = line.slice(line.indexOf(topHash) + 1);
	const own =
		isSeen && folder === "" ? [] : [[folder, topHash, ...older].slice(0, 1 + LIMIT_OF_FOLDER) as [string]];
	return {
		...before,
		topHashes: isSeen ? append(before.topHashes) : before.topHashes,
		...(unplaced === true ? { unplaced: append(before.unplaced ?? []) } : {}),
		bases: [...others, ...own].slice(-LIMIT),
	};
}

async function read(registry: string, name: PackageName): Promise<Seen> {
	const path = await seenPath(registry, name);
	return parse(path === undefined ? undefined : await platform().files?.readText(path), registry, name);
}

function parse(text: string | undefined, registry: string, name: PackageName): Seen {
	try {
		const seen = JSON.parse(text ?? "null") as Seen | null;
		const lists = [seen?.topHashes, seen?.unplaced ?? [], seen?.bases ?? [], ...(seen?.bases ?? [])];
		if (seen?.registry === registry && seen.name === name && lists.every(Array.isArray)) return seen;
	} catch {
		// Written by hand, or by a release to come.
	}
	return { registry, name, topHashes: [] };
}

async function seenPath(registry: string, name: string): Promise<string | undefined> {
	const directory = await platform().settings?.dataDirectory();
	return directory === undefined ? undefined : `${directory}/seen/${digestOf(`${registry}\n${name}`)}.json`;
}
