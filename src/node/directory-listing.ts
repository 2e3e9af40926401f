import { type Dirent, readdirSync } from "node:fs";
import { compareNames } from "../core/logical-key.ts";
import { errnoOf, fileError } from "./file-error.ts";
import { statOf } from "./file-stat.ts";

export type ListingOptions = {
	/** Any text. */
	readonly prefix: string;
	readonly delimiter: "/" | undefined;
	readonly startAfter: string | undefined;
	/** Directories that are not part of the store, as `a/b/`. */
	readonly hidden: ReadonlySet<string>;
};

/**
 * The keys (or with a delimiter also the common prefixes) of the files below a directory, in the order
 * of their UTF-8 bytes. Only directories that can hold matching keys are read, one at a time.
 */
export function* listDirectory(
	root: string,
	options: ListingOptions,
): Generator<{ readonly key: string } | { readonly prefix: string }, void> {
	const base = options.prefix.slice(0, options.prefix.lastIndexOf("/") + 1);
	const segments = base.split("/").slice(0, -1);
	if (segments.some((segment) => ["", ".", ".."].includes(segment) || segment.includes("\0"))) return;
	if (options.hidden.has(base)) return;
	yield* listBelow(root, base, options, 0);
}

/** Symlinked directories may lead in a circle; nothing real is nested as deeply. */
const maxDepth = 2048;

function* listBelow(
	root: string,
	base: string,
	options: ListingOptions,
	depth: number,
): Generator<{ readonly key: string } | { readonly prefix: string }, void> {
	const { prefix, delimiter, startAfter, hidden } = options;
	if (depth > maxDepth) return;
	for (const name of sortedNames(root, base)) {
		const key = base + name;
		if (!key.startsWith(prefix) || hidden.has(key)) continue;
		if (!key.endsWith("/")) {
			if (startAfter === undefined || compareNames(key, startAfter) > 0) yield { key };
			continue;
		}
		const partly = startAfter?.startsWith(key) === true;
		if (startAfter !== undefined && !partly && compareNames(key, startAfter) < 0) continue;
		const below = listBelow(root, key, { ...options, delimiter: undefined }, depth + 1);
		if (delimiter === undefined) yield* below;
		else if (below.next().done !== true) yield { prefix: key };
	}
}

/** Names in a directory in the order of the keys below it: a directory sorts, and is given, as `name/`. */
function sortedNames(root: string, base: string): string[] {
	const path = `${root}/${base}`;
	let entries: Dirent[];
	try {
		entries = readdirSync(path, { withFileTypes: true });
	} catch (error) {
		if (["ENOENT", "ENOTDIR", "ENAMETOOLONG", "ELOOP"].includes(errnoOf(error) ?? "")) return [];
		throw fileError(error, "list", path);
	}
	const names: string[] = [];
	for (const entry of entries) {
		if (entry.isFile()) names.push(entry.name);
		else if (entry.isDirectory()) names.push(`${entry.name}/`);
		else if (entry.isSymbolicLink()) {
			const kind = statOf(path + entry.name)?.kind;
			if (kind === "file") names.push(entry.name);
			else if (kind === "directory") names.push(`${entry.name}/`);
		}
	}
	return names.sort(compareNames);
}
