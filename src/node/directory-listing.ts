import { existsSync, readdirSync } from "node:fs";
import { compareNames, sortNames } from "../core/logical-key.ts";
import { errnoOf, fileError } from "./file-error.ts";
import { statOf } from "./file-stat.ts";
import { realPathOf } from "./path-input.ts";

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
	yield* listBelow(root, base, options, []);
}

/** `left` are the real directories that symlinks were followed out of, on the way to `base`. */
function* listBelow(
	root: string,
	base: string,
	options: ListingOptions,
	left: readonly string[],
): Generator<{ readonly key: string } | { readonly prefix: string }, void> {
	const { prefix, delimiter, startAfter, hidden } = options;
	for (const { name, link } of sortedNames(`${root}/${base}`)) {
		const key = base + name;
		if (!key.startsWith(prefix) || hidden.has(key)) continue;
		if (!key.endsWith("/")) {
			if (startAfter === undefined || compareNames(key, startAfter) > 0) yield { key };
			continue;
		}
		const partly = startAfter?.startsWith(key) === true;
		if (startAfter !== undefined && !partly && compareNames(key, startAfter) < 0) continue;
		const leaving = link ? followLink(root, base, name, left) : left;
		if (leaving === undefined) continue;
		const below = listBelow(root, key, { ...options, delimiter: undefined }, leaving);
		if (delimiter === undefined) yield* below;
		else if (below.next().done !== true) yield { prefix: key };
	}
}

/** Names of the directories (also through links) right below one, in the order of keys; `prefix` ends in `/`. */
export function foldersBelow(root: string, prefix: string): string[] {
	const folders: string[] = [];
	for (const { name, link } of sortedNames(`${root}/${prefix}`)) {
		if (!name.endsWith("/") || (link && followLink(root, prefix, name, []) === undefined)) continue;
		folders.push(name.slice(0, -1));
	}
	return folders;
}

/**
 * As `foldersBelow`, but only those with a file below them. What holds the file `likely` is a directory with a file, so nothing
 * else of it is looked at.
 */
export function foldersHolding(root: string, prefix: string, likely: string): string[] {
	const path = `${root}/${prefix}`;
	const names = namesIn(path);
	const certain = names.filter((name) => existsSync(`${path}${name}/${likely}`));
	if (certain.length === names.length)
		return sortNames(certain.map((name) => `${name}/`)).map((key) => key.slice(0, -1));
	const known = new Set(certain);
	const unknown = { delimiter: undefined, startAfter: undefined, hidden: new Set<string>() };
	return foldersBelow(root, prefix).filter(
		(name) =>
			known.has(name) ||
			listDirectory(root, { ...unknown, prefix: `${prefix}${name}/` }).next().done !== true,
	);
}

/** Undefined for a link that leads in a circle: to a directory that the way to it has come through. */
function followLink(
	root: string,
	base: string,
	name: string,
	left: readonly string[],
): readonly string[] | undefined {
	const target = realPathOf(`${root}/${base}${name}`);
	const here = realPathOf(`${root}/${base}`);
	if (target === undefined || here === undefined) return undefined;
	const way = [...left, here];
	return way.some((directory) => `${directory}/`.startsWith(`${target}/`)) ? undefined : way;
}

/** Names in a directory in the order of the keys below it: a directory sorts, and is given, as `name/`. */
function sortedNames(path: string): { readonly name: string; readonly link: boolean }[] {
	const names: { name: string; link: boolean }[] = [];
	for (const entry of read(path, () => readdirSync(path, { withFileTypes: true }))) {
		const { name } = entry;
		const link = entry.isSymbolicLink();
		const kind = link
			? statOf(path + name)?.kind
			: entry.isFile()
				? "file"
				: entry.isDirectory()
					? "directory"
					: "other";
		if (kind === "file") names.push({ name, link });
		else if (kind === "directory") names.push({ name: `${name}/`, link });
	}
	return names.sort((a, b) => compareNames(a.name, b.name));
}

function namesIn(path: string): string[] {
	return read(path, () => readdirSync(path));
}

/** Nothing for a directory that is not there. */
function read<T>(path: string, list: () => T[]): T[] {
	try {
		return list();
	} catch (error) {
		if (["ENOENT", "ENOTDIR", "ENAMETOOLONG", "ELOOP"].includes(errnoOf(error) ?? "")) return [];
		throw fileError(error, "list", path);
	}
}
