import { compareNames } from "../../../core/logical-key.ts";

export interface Walk {
	/** Sorted names in a folder; those of folders end in a slash. An empty name is the folder itself as an object. */
	readonly names: (base: string) => Promise<readonly string[]>;
	readonly prefix: string;
	/** Where to begin: with this key, if it is there. */
	readonly from: string | undefined;
	/** May be set while walking: everything that begins with it is left out from then on. */
	skip: string | undefined;
}

/**
 * Keys in the order of their UTF-8 bytes. Only folders are read that can hold keys with the prefix that are not before
 * `from` and not skipped, one at a time.
 */
export async function* walkKeys(walk: Walk): AsyncGenerator<string, void> {
	const base = walk.prefix.slice(0, walk.prefix.lastIndexOf("/") + 1);
	// Names such as `..` are not in any folder, but a path could have them.
	if (
		base !== "" &&
		base
			.slice(0, -1)
			.split("/")
			.some((segment) => ["", ".", ".."].includes(segment) || segment.includes("\0"))
	) {
		return;
	}
	yield* walkFolder(walk, base);
}

async function* walkFolder(walk: Walk, base: string): AsyncGenerator<string, void> {
	const { prefix, from } = walk;
	const names = await walk.names(base);
	for (let index = firstIndex(names, base, walk); index < names.length; index++) {
		const name = names[index] ?? "";
		const key = base + name;
		if (!key.startsWith(prefix)) return; // They are sorted, and the first one was the first with it.
		if (walk.skip !== undefined && key.startsWith(walk.skip)) continue;
		const isFolder = name.endsWith("/");
		if (from !== undefined && compareNames(key, from) < 0 && !(isFolder && from.startsWith(key))) continue;
		if (!isFolder) yield key;
		else yield* walkFolder(walk, key);
		if (walk.skip !== undefined && base.startsWith(walk.skip)) return;
	}
}

/** Index of the first name that can have keys with the prefix from `from` on. */
function firstIndex(names: readonly string[], base: string, { prefix, from }: Walk): number {
	const wanted = [prefix, from ?? ""].map((text) => (text.startsWith(base) ? text.slice(base.length) : ""));
	const [rest = "", start = ""] = wanted.map((text) => text.slice(0, text.indexOf("/") + 1) || text);
	const least = compareNames(rest, start) < 0 ? start : rest;
	let low = 0;
	for (let high = names.length; low < high;) {
		const middle = (low + high) >>> 1;
		if (compareNames(names[middle] ?? "", least) < 0) low = middle + 1;
		else high = middle;
	}
	return low;
}
