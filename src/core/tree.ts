import { Directory, type Override } from "./directory.ts";
import { display } from "./display.ts";
import type { Entry } from "./entry.ts";
import { BaleError } from "./errors.ts";
import { isTruthy } from "./json.ts";
import type { Json } from "./json.ts";
import type { ManifestTable } from "./manifest-table.ts";

export { Directory } from "./directory.ts";

/** A part of a walk: lines of a manifest that nothing was done to, or one entry. */
export type Part =
	| {
			readonly kind: "lines";
			readonly table: ManifestTable;
			readonly low: number;
			readonly high: number;
			/** Bytes of the lines' keys that are not part of the keys here. */
			readonly skip: number;
			readonly directory: Directory;
			readonly prefix: string;
	  }
	| { readonly kind: "entry"; readonly key: string; readonly entry: Entry };

/** Entries that follow one another in a walk. */
export type EntryRun = {
	readonly keys: readonly string[];
	/** A function that makes an entry as it is now; undefined when it is no longer there. */
	opener(index: number): (() => Entry) | undefined;
};

/** Segments that a key may have at most. */
const maxSegments = 2000;

/**
 * The content of a package: directories and entries by name, with metadata of directories. Keys are
 * any text here (`a//b` and the empty key exist in manifests): a key is split at each `/` and nothing
 * else is looked at. Whoever makes new keys checks them with `parseLogicalKey`.
 */
export class Tree {
	readonly root: Directory;

	constructor(root: Directory = new Directory()) {
		this.root = root;
	}

	/**
	 * Puts an entry at `key`; one that is there is replaced and keeps its place. Throws `KeyCollision`
	 * when `key` is a directory or leads through a file, `LimitExceeded` for more than 2,000 segments.
	 */
	set(key: string, entry: Entry): void {
		const slash = key.lastIndexOf("/");
		const parent = slash < 0 ? this.root : this.makeDirectory(key.slice(0, slash));
		const name = key.slice(slash + 1);
		if (parent.get(name) instanceof Directory) throw collision(key, key, "directory");
		parent.set(name, entry);
	}

	/** The entry or directory at `key` (`x/y`, without final slash), or undefined. */
	get(key: string): Entry | Directory | undefined {
		let node: Entry | Directory | undefined = this.root;
		for (const name of key.split("/")) {
			if (!(node instanceof Directory)) return undefined;
			node = node.get(name);
		}
		return node;
	}

	has(key: string): boolean {
		return this.get(key) !== undefined;
	}

	/** Removes an entry or a whole directory; a directory that becomes empty stays. False: nothing there. */
	delete(key: string): boolean {
		const slash = key.lastIndexOf("/");
		const parent = slash < 0 ? this.root : this.get(key.slice(0, slash));
		return parent instanceof Directory && parent.delete(key.slice(slash + 1));
	}

	/** The directory at `key`, made with all that lead to it when it is not there. Errors: as `set`. */
	makeDirectory(key: string): Directory {
		const segments = key.split("/", maxSegments);
		if (segments.length === maxSegments) throw tooDeep(key);
		let directory = this.root;
		for (const [index, name] of segments.entries()) {
			const child = directory.get(name);
			if (child instanceof Directory) {
				directory = child;
			} else if (child === undefined) {
				const made = new Directory();
				directory.set(name, made);
				directory = made;
			} else {
				throw collision(key, segments.slice(0, index + 1).join("/"), "file");
			}
		}
		return directory;
	}

	/** Sets the metadata of the directory at `key` (no final slash), which is made when needed. Errors: as `set`. */
	setDirectoryMeta(key: string, meta: Json | undefined): void {
		if (key === "") throw new RangeError("the root has its metadata in the header");
		this.makeDirectory(key).meta = meta;
	}

	/** Metadata of the directory at `key` (no final slash); undefined also when there is no such directory. */
	directoryMeta(key: string): Json | undefined {
		const directory = this.get(key);
		return directory instanceof Directory ? directory.meta : undefined;
	}

	/** A live view: changes show in both trees. Throws `EntryNotFound` when there is no directory at `key`. */
	subtree(key: string): Tree {
		const directory = this.get(key);
		if (directory instanceof Directory) return new Tree(directory);
		const state = directory === undefined ? "there is nothing" : "it is a file";
		throw new BaleError("EntryNotFound", `Cannot open directory "${display(key)}": ${state}`, {
			details: { key },
		});
	}

	/** The first level, in the order in which it was set. */
	children(): Iterable<[name: string, child: Entry | Directory]> {
		return this.root.children();
	}

	/** Names of the first level, in the order in which they were set. */
	names(): Iterable<string> {
		return this.root.names();
	}

	/** All entries, directory by directory, names in code-point order (the order of `compareLogicalKeys`). */
	*walk(): Generator<[key: string, entry: Entry]> {
		for (const [key, open] of this.walkLazily()) yield [key, open()];
	}

	/** As `walk`, with functions that make the entries as they were when their keys were given. */
	*walkLazily(): Generator<[key: string, open: () => Entry]> {
		for (const run of this.walkRuns()) {
			for (let index = 0; index < run.keys.length; index++) {
				const open = run.opener(index);
				if (open !== undefined) yield [run.keys[index] as string, open];
			}
		}
	}

	/** The same walk in runs of entries, which cost less than one step for each of them. */
	*walkRuns(): Generator<EntryRun> {
		for (const part of this.parts()) {
			if (part.kind === "entry") {
				const { key, entry } = part;
				yield { keys: [key], opener: () => () => entry };
				continue;
			}
			const { table, low, high, skip, directory, prefix } = part;
			const { changes } = directory;
			for (let start = low; start < high;) {
				const { starts, keys: names, next } = table.keysFrom(start, high, skip);
				const opener = (index: number): (() => Entry) | undefined => {
					const at = starts[index] as number;
					if (directory.changes === changes) return entryAt(table, at);
					// Whoever changes the tree meanwhile sees the rest of it changed.
					const node = new Tree(directory).get(names[index] as string);
					return node === undefined || node instanceof Directory ? undefined : () => node;
				};
				yield { keys: prefix === "" ? names : names.map((name) => prefix + name), opener };
				start = next;
			}
		}
	}

	/**
	 * In walk order the entries that cannot be left as lines of a manifest that bale wrote or could have written just
	 * so: changed ones, and those of lines of another form or of more than `maxLineBytes` bytes. All others have hash
	 * and size, a key without NUL, and metadata that can be written.
	 */
	*looseEntries(maxLineBytes = Infinity): Generator<[key: string, entry: Entry]> {
		for (const part of this.parts({ oddApart: true })) {
			if (part.kind === "entry") yield [part.key, part.entry];
			else if (part.table.longestLine > maxLineBytes) {
				const { table, skip, prefix } = part;
				for (let start = part.low; start < part.high; start = table.next(start)) {
					yield [prefix + table.key(start, skip), table.entry(start)];
				}
			}
		}
	}

	/**
	 * The entries in walk order, with as many as possible left as the lines that they came as. With `oddApart`, lines
	 * that may not be copied or scanned come as entries.
	 */
	*parts(options: { readonly oddApart?: boolean } = {}): Generator<Part> {
		const open = [level("", this.root)];
		for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
			const { directory, prefix } = top;
			const override = top.overrides[top.next++];
			const lines = directory.lines;
			if (lines !== undefined) {
				const to = override === undefined ? lines.high : override.from;
				const run: Part & { kind: "lines" } = {
					kind: "lines",
					...lines,
					low: top.at,
					high: to,
					directory,
					prefix,
				};
				if (top.at < to) yield* options.oddApart === true ? withoutOdd(run) : [run];
				top.at = Math.max(to, override?.to ?? 0);
			}
			if (override === undefined) {
				open.pop();
				continue;
			}
			const child = directory.get(override.name);
			if (child instanceof Directory) open.push(level(`${prefix}${override.name}/`, child));
			else if (child !== undefined) yield { kind: "entry", key: prefix + override.name, entry: child };
		}
	}

	/**
	 * Directories with metadata that Python calls true, parents before their content, names in
	 * code-point order. Keys end in `/`.
	 */
	*directories(): Generator<[key: string, meta: Json]> {
		const open = [directoryLevel("", this.root)];
		for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
			const name = top.names[top.next++];
			if (name === undefined) {
				open.pop();
				continue;
			}
			const directory = top.directory.get(name);
			if (!(directory instanceof Directory)) continue;
			const key = `${top.prefix}${name}/`;
			if (directory.meta !== undefined && isTruthy(directory.meta)) yield [key, directory.meta];
			open.push(directoryLevel(key, directory));
		}
	}

	/** Number of entries; counted anew, so takes time in proportion to what was changed. */
	get fileCount(): number {
		let count = 0;
		for (const part of this.parts())
			count += part.kind === "entry" ? 1 : part.table.count(part.low, part.high);
		return count;
	}

	/** An independent tree; the entries themselves never change and are shared. */
	clone(): Tree {
		return new Tree(this.root.clone());
	}
}

/** Keeps nothing of the lines around it. */
function entryAt(table: ManifestTable, start: number): () => Entry {
	return () => table.entry(start);
}

/** A directory that is being walked; `at` is the next of its lines. */
type Level = {
	readonly prefix: string;
	readonly directory: Directory;
	readonly overrides: readonly Override[];
	next: number;
	at: number;
};

function level(prefix: string, directory: Directory): Level {
	return { prefix, directory, overrides: directory.overrides(), next: 0, at: directory.lines?.low ?? 0 };
}

function directoryLevel(
	prefix: string,
	directory: Directory,
): {
	readonly prefix: string;
	readonly directory: Directory;
	readonly names: readonly string[];
	next: number;
} {
	return { prefix, directory, names: directory.knownDirectories(), next: 0 };
}

function* withoutOdd(run: Part & { kind: "lines" }): Generator<Part> {
	const { table, low, high, skip, prefix } = run;
	let start = low;
	for (const odd of table.oddLines(low, high)) {
		if (start < odd) yield { ...run, low: start, high: odd };
		yield { kind: "entry", key: prefix + table.key(odd, skip), entry: table.entry(odd) };
		start = table.next(odd);
	}
	if (start < high) yield { ...run, low: start, high };
}

function collision(key: string, at: string, kind: "file" | "directory"): BaleError {
	const state = key === at ? `it is a ${kind}` : `"${display(at)}" is a ${kind}`;
	return new BaleError("KeyCollision", `Cannot put anything at "${display(key)}": ${state}`, {
		hint: "Delete the one or choose another key",
		details: { key, at },
	});
}

function tooDeep(key: string): BaleError {
	return new BaleError("LimitExceeded", `A logical key has more than ${maxSegments} segments`, {
		details: { key: key.slice(0, 100), limit: maxSegments },
	});
}
