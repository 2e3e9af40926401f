import type { Entry } from "./entry.ts";
import type { Json } from "./json.ts";
import { compareNames } from "./logical-key.ts";
import type { Found, ManifestTable } from "./manifest-table.ts";
import { decodeUtf8, encodeUtf8, isWellFormed } from "./utf8.ts";

/** Lines that start in `[low, high)` of a manifest that hold all content of a directory; their keys begin with `skip` bytes of its own. */
export type Lines = {
	readonly table: ManifestTable;
	readonly low: number;
	readonly high: number;
	readonly skip: number;
};

/** A name of a directory in walk order; `from` and `to` are the lines that it takes the place of. */
export type Override = {
	readonly name: string;
	readonly from: number;
	readonly to: number;
};

/** The lines of a name; of a directory it is known that it is one. */
type Place = { readonly from: number; readonly to: number; readonly isDirectory?: true };

/** Places of directories that were only listed are kept while there are not more of them. */
const maxListedPlaces = 10_000;

/**
 * A directory of a package: files and directories by name, in the order in which they were set. One that comes
 * from a manifest is its lines there, and beside them only what was changed or looked into since.
 */
export class Directory {
	/** Metadata of the user; undefined when never set. */
	meta: Json | undefined;
	/** Grows with every change in the directories that come from the same lines. */
	readonly #changes: { count: number };
	/** What was found of it when there were so many changes. */
	#untouched: { readonly count: number; readonly isUntouched: boolean } | undefined;
	#lines: Lines | undefined;
	/** What is known by name; undefined: a name of the lines that was deleted. */
	readonly #nodes = new Map<string, Entry | Directory | undefined>();
	/** Where names are in the lines, which do not change: those of `#nodes`, and of directories that were listed. */
	readonly #places = new Map<string, Place>();
	/** Names of `#nodes` that are listed before and after those of the lines; all others of `#nodes` are in the lines. */
	#before: Set<string> | undefined;
	#after: Set<string> | undefined;

	constructor(lines?: Lines, changes = { count: 0 }) {
		this.#changes = changes;
		if (lines !== undefined) this.#useLines(lines);
	}

	/** Makes lines the content of a directory that has none yet. */
	fill(lines: Lines): void {
		if (this.#lines !== undefined || this.#nodes.size > 0) throw new TypeError("the directory is not empty");
		this.#useLines(lines);
		this.#changes.count++;
	}

	/** Differs from what it was when anything was changed in the lines, here or in a directory that they hold. */
	get changes(): number {
		return this.#changes.count;
	}

	/** The lines of a manifest that were not looked into, when the directory is nothing but them. */
	get lines(): Lines | undefined {
		return this.#lines;
	}

	get(name: string): Entry | Directory | undefined {
		const node = this.#nodes.get(name);
		if (node !== undefined || this.#lines === undefined || this.#nodes.has(name)) return node;
		const found = this.#find(name);
		return found && this.#open(name, found);
	}

	/** Puts something at a name; what is there is replaced and keeps its place. */
	set(name: string, node: Entry | Directory): void {
		if (this.#lines !== undefined) {
			const known = this.#nodes.has(name);
			const present = known ? this.#nodes.get(name) !== undefined : this.#find(name) !== undefined;
			if (!present) this.#after?.add(name);
		}
		this.#nodes.set(name, node);
		this.#changes.count++;
	}

	/** The directory at a name, which is made when needed and is listed before the names of the lines. */
	lead(name: string): Directory {
		const present = this.get(name);
		const directory = present instanceof Directory ? present : new Directory();
		this.#nodes.set(name, directory);
		this.#before?.add(name);
		this.#changes.count++;
		return directory;
	}

	/** False: there was nothing. */
	delete(name: string): boolean {
		const inLines = this.#lines !== undefined && this.#find(name) !== undefined;
		const present = this.#nodes.has(name) ? this.#nodes.get(name) !== undefined : inLines;
		if (!present) return false;
		if (inLines) this.#nodes.set(name, undefined);
		else {
			this.#nodes.delete(name);
			this.#places.delete(name);
		}
		this.#before?.delete(name);
		this.#after?.delete(name);
		this.#changes.count++;
		return true;
	}

	/** Names in the order in which they were set. */
	*names(): Generator<string> {
		const lines = this.#lines;
		if (lines === undefined) {
			yield* this.#nodes.keys();
			return;
		}
		yield* this.#before ?? [];
		for (let at = lines.low; at < lines.high;) {
			const { name: bytes, found } = lines.table.first(at, lines.high, lines.skip);
			at = found.high;
			const name = decodeUtf8(bytes);
			if (found.kind === "directory" && this.#places.size < maxListedPlaces) this.#keepPlace(name, found);
			const elsewhere = this.#before?.has(name) === true || this.#after?.has(name) === true;
			const gone = this.#nodes.has(name) && this.#nodes.get(name) === undefined;
			if (!elsewhere && !gone) yield name;
		}
		yield* this.#after ?? [];
	}

	*children(): Generator<[name: string, child: Entry | Directory]> {
		for (const name of this.names()) {
			const child = this.get(name);
			if (child !== undefined) yield [name, child];
		}
	}

	/** Names that are not just lines, in walk order, with the lines whose place they take. */
	overrides(): Override[] {
		const changed: string[] = [];
		for (const [name, node] of this.#nodes) if (!this.#isAsInLines(name, node)) changed.push(name);
		const names = sortNames(changed);
		const lines = this.#lines;
		if (lines === undefined) return names.map((name) => ({ name, from: 0, to: 0 }));
		const { table, low, high, skip } = lines;
		return names.map((name) => {
			let place = this.#places.get(name);
			if (place === undefined) {
				const from = table.lowerBound(low, high, skip, orderBytes(name));
				place = { from, to: this.#find(name)?.high ?? from };
				this.#places.set(name, place);
			}
			return { name, ...place };
		});
	}

	/** Names of directories that may have metadata, in walk order. */
	knownDirectories(): string[] {
		const names: string[] = [];
		for (const [name, node] of this.#nodes) if (node instanceof Directory) names.push(name);
		return sortNames(names);
	}

	/** An independent directory with copies of the directories in it. */
	clone(): Directory {
		const copy = new Directory(this.#lines);
		const open: [from: Directory, to: Directory][] = [[this, copy]];
		for (let pair = open.pop(); pair !== undefined; pair = open.pop()) {
			const [from, to] = pair;
			to.meta = from.meta;
			for (const [name, place] of from.#places) to.#places.set(name, place);
			for (const name of from.#before ?? []) to.#before?.add(name);
			for (const name of from.#after ?? []) to.#after?.add(name);
			for (const [name, node] of from.#nodes) {
				if (!(node instanceof Directory)) {
					to.#nodes.set(name, node);
					continue;
				}
				const made = new Directory(node.#lines, copy.#changes);
				to.#nodes.set(name, made);
				open.push([node, made]);
			}
		}
		return copy;
	}

	/** Whether what is known by a name is just what the lines say, however much of it was looked into. */
	#isAsInLines(name: string, node: Entry | Directory | undefined): boolean {
		if (!(node instanceof Directory) || node.#changes !== this.#changes) return false;
		const [own, place] = [node.#lines, this.#places.get(name)];
		return own !== undefined && own.low === place?.from && own.high === place.to && node.#isUntouched();
	}

	#isUntouched(): boolean {
		const { count } = this.#changes;
		if (this.#untouched?.count !== count) {
			const isUntouched = [...this.#nodes].every(([name, node]) => this.#isAsInLines(name, node));
			this.#untouched = { count, isUntouched };
		}
		return this.#untouched.isUntouched;
	}

	#useLines(lines: Lines): void {
		this.#lines = lines;
		this.#before = new Set();
		this.#after = new Set();
	}

	#find(name: string): Found | undefined {
		if (this.#lines === undefined || name.includes("/")) return undefined;
		const { table, low, high, skip } = this.#lines;
		const place = this.#places.get(name);
		if (place?.isDirectory === true) return { kind: "directory", low: place.from, high: place.to };
		return table.find(low, high, skip, orderBytes(name));
	}

	#keepPlace(name: string, { low, high }: Found): void {
		this.#places.set(name, { from: low, to: high, isDirectory: true });
	}

	/** Directories are kept, because they may be changed; entries are made anew. */
	#open(name: string, found: Found): Entry | Directory {
		const { table, skip } = this.#lines as Lines;
		const { low, high } = found;
		if (found.kind === "file") return table.entry(low);
		const inside = { table, low, high, skip: skip + encodeUtf8(name).length + 1 };
		const directory = new Directory(inside, this.#changes);
		this.#nodes.set(name, directory);
		this.#keepPlace(name, found);
		return directory;
	}
}

/** Bytes that order names by code point: UTF-8, in which halves of surrogate pairs take their own place. */
function orderBytes(name: string): Uint8Array {
	if (isWellFormed(name)) return encodeUtf8(name);
	const bytes: number[] = [];
	for (const char of name) {
		if (isWellFormed(char)) bytes.push(...encodeUtf8(char));
		else {
			const unit = char.charCodeAt(0);
			bytes.push(0xe0 | (unit >> 12), 0x80 | ((unit >> 6) & 0x3f), 0x80 | (unit & 0x3f));
		}
	}
	return Uint8Array.from(bytes);
}

/** Sorts in place; names that come from a manifest are nearly always sorted already. */
function sortNames(names: string[]): string[] {
	for (let i = 1; i < names.length; i++) {
		if (compareNames(names[i - 1] ?? "", names[i] ?? "") > 0) return names.sort(compareNames);
	}
	return names;
}
