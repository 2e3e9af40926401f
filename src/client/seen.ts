/**
 * The revisions of a package in a registry that this user pushed or installed, and those that each folder's content comes
 * from: one file for each registry and name in the user's data directory. It is only a memory: what cannot be read is empty.
 */
import { BaleError } from "../core/errors.ts";
import type { PackageName } from "../core/names.ts";
import { isTopHash, type TopHash } from "../core/top-hash.ts";
import type { OnProgress } from "../transfer/events.ts";
import { digestOf } from "./installs.ts";
import { platform } from "./runtime.ts";

type Seen = {
	readonly registry: string;
	readonly name: string;
	/** Newest last. */
	readonly topHashes: readonly string[];
	/**
	 * By the absolute path of a folder ("": no folder) the revisions that its content comes from, the last one first; none:
	 * it has never had a whole one. The folder of the last line was pushed or installed last.
	 */
	readonly bases?: readonly (readonly [folder: string, ...topHashes: string[]])[];
};

const LIMIT = 100;
const LIMIT_OF_FOLDER = 20;

/**
 * The revisions that a folder's content may replace: those that it comes from, the last one last. Where nothing is known of
 * the folder, all that this user has seen.
 */
export async function readReplaceable(
	registry: string,
	name: PackageName,
	folder: string | undefined,
): Promise<readonly string[]> {
	const seen = await read(registry, name);
	const own = folder === undefined ? undefined : basesOf(seen, folder);
	return own?.toReversed() ?? seen.topHashes;
}

/** The revision that a folder (undefined: the package itself) comes from, as far as it is known. */
export async function readBase(
	registry: string,
	name: PackageName,
	folder: string | undefined,
): Promise<TopHash | undefined> {
	const seen = await read(registry, name);
	const own = basesOf(seen, folder ?? "");
	const base = own === undefined ? seen.topHashes.at(-1) : own[0];
	return base !== undefined && isTopHash(base) ? base : undefined;
}

/** The last one first; undefined: nothing is known of the folder. */
function basesOf({ bases = [] }: Seen, folder: string): readonly string[] | undefined {
	return bases.findLast(([place]) => place === folder)?.slice(1);
}

export type SeenOptions = {
	/** The folder that has the revision's content now; undefined: the package itself. */
	readonly folder?: string | undefined;
	/** The folder has only a part of it, and comes from what it came from before. */
	readonly isPart?: boolean | undefined;
	/** The folder came to this revision by going back: it does not come from later ones any more. */
	readonly isReturn?: boolean | undefined;
	/** Only remembers what the folder comes from: who has seen the revision may not publish over it. */
	readonly seen?: false;
	/** Told (`NotRemembered`) when it cannot be remembered, which is no failure of what was done. */
	readonly onProgress?: OnProgress | undefined;
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
	const change = (text: string | undefined): string | undefined => {
		const before = parse(text, registry, name);
		const next = JSON.stringify(withRevision(before, topHash, options));
		return next === JSON.stringify(before) ? undefined : `${next}\n`;
	};
	await platform()
		.files?.update(path, change, { mode: 0o600 })
		.catch((error: unknown) => {
			if (!(error instanceof BaleError)) throw error;
			options.onProgress?.({
				kind: "warning",
				code: "NotRemembered",
				message: `It cannot be remembered that ${name} is at ${topHash.slice(0, 10)}, so a later push may be a conflict: ${error.message}`,
			});
		});
}

function withRevision(before: Seen, topHash: TopHash, options: SeenOptions): Seen {
	const { folder = "", isPart = false, isReturn = false } = options;
	const isSeen = options.seen !== false;
	const without = (hashes: readonly string[]): string[] => hashes.filter((hash) => hash !== topHash);
	// What was seen last is what the package itself comes from; it needs no line.
	const others = (before.bases ?? []).filter(([place]) => place !== folder && !(isSeen && place === ""));
	const line = basesOf(before, folder) ?? [];
	const older = isReturn ? olderThan(line, topHash) : without(line);
	const now = isPart ? line : [topHash, ...older];
	const own = isSeen && folder === "" ? [] : [[folder, ...now.slice(0, LIMIT_OF_FOLDER)] as const];
	return {
		...before,
		topHashes: isSeen ? [...without(before.topHashes), topHash].slice(-LIMIT) : before.topHashes,
		bases: [...others, ...own].slice(-LIMIT),
	};
}

/** What a line holds after a revision; nothing where it does not hold that. */
function olderThan(line: readonly string[], topHash: string): readonly string[] {
	const at = line.indexOf(topHash);
	return at === -1 ? [] : line.slice(at + 1);
}

async function read(registry: string, name: PackageName): Promise<Seen> {
	const path = await seenPath(registry, name);
	return parse(path === undefined ? undefined : await platform().files?.readText(path), registry, name);
}

function parse(text: string | undefined, registry: string, name: PackageName): Seen {
	try {
		const seen = JSON.parse(text ?? "null") as Seen | null;
		const lists = [seen?.topHashes, seen?.bases ?? [], ...(seen?.bases ?? [])];
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
