import { display } from "./display.ts";
import type { Entry } from "./entry.ts";
import { BaleError } from "./errors.ts";
import { isTruthy } from "./json.ts";
import type { Json } from "./json.ts";
import { compareNames } from "./logical-key.ts";

/** A directory of a package: files and directories by name, in the order in which they were set. */
export class Directory {
	readonly children = new Map<string, Entry | Directory>();
	/** Metadata of the user; undefined when never set. */
	meta: Json | undefined;
}

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
		if (parent.children.get(name) instanceof Directory) throw collision(key, key, "directory");
		parent.children.set(name, entry);
	}

	/** The entry or directory at `key` (`x/y`, without final slash), or undefined. */
	get(key: string): Entry | Directory | undefined {
		let node: Entry | Directory | undefined = this.root;
		for (const name of key.split("/")) {
			if (!(node instanceof Directory)) return undefined;
			node = node.children.get(name);
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
		return parent instanceof Directory && parent.children.delete(key.slice(slash + 1));
	}

	/** The directory at `key`, made with all that lead to it when it is not there. Errors: as `set`. */
	makeDirectory(key: string): Directory {
		const segments = key.split("/", maxSegments);
		if (segments.length === maxSegments) throw tooDeep(key);
		let directory = this.root;
		for (const [index, name] of segments.entries()) {
			const child = directory.children.get(name);
			if (child instanceof Directory) {
				directory = child;
			} else if (child === undefined) {
				const made = new Directory();
				directory.children.set(name, made);
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
		return this.root.children;
	}

	/** All entries, directory by directory, names in code-point order (the order of `compareLogicalKeys`). */
	*walk(): Generator<[key: string, entry: Entry]> {
		const open = [level("", this.root)];
		for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
			const name = top.names[top.next++];
			if (name === undefined) {
				open.pop();
				continue;
			}
			const child = top.children.get(name);
			if (child instanceof Directory) open.push(level(`${top.prefix}${name}/`, child));
			else if (child !== undefined) yield [top.prefix + name, child];
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
			const directory = top.children.get(name);
			if (!(directory instanceof Directory)) continue;
			const key = `${top.prefix}${name}/`;
			if (directory.meta !== undefined && isTruthy(directory.meta)) yield [key, directory.meta];
			open.push(directoryLevel(key, directory));
		}
	}

	/** Number of entries; counted anew, so takes time in proportion to it. */
	get fileCount(): number {
		let count = 0;
		const open = [this.root];
		for (let directory = open.pop(); directory !== undefined; directory = open.pop()) {
			for (const child of directory.children.values()) {
				if (child instanceof Directory) open.push(child);
				else count++;
			}
		}
		return count;
	}

	/** An independent tree; the entries themselves never change and are shared. */
	clone(): Tree {
		const copy = new Tree();
		const open: [from: Directory, to: Directory][] = [[this.root, copy.root]];
		for (let pair = open.pop(); pair !== undefined; pair = open.pop()) {
			const [from, to] = pair;
			to.meta = from.meta;
			for (const [name, child] of from.children) {
				if (child instanceof Directory) {
					const made = new Directory();
					to.children.set(name, made);
					open.push([child, made]);
				} else {
					to.children.set(name, child);
				}
			}
		}
		return copy;
	}
}

/** A directory that is being walked. */
type Level = {
	readonly prefix: string;
	readonly children: ReadonlyMap<string, Entry | Directory>;
	readonly names: readonly string[];
	next: number;
};

function level(prefix: string, { children }: Directory): Level {
	return { prefix, children, names: sortNames([...children.keys()]), next: 0 };
}

function directoryLevel(prefix: string, { children }: Directory): Level {
	const names: string[] = [];
	for (const [name, child] of children) if (child instanceof Directory) names.push(name);
	return { prefix, children, names: sortNames(names), next: 0 };
}

/** Sorts in place; names that come from a manifest are nearly always sorted already. */
function sortNames(names: string[]): string[] {
	for (let i = 1; i < names.length; i++) {
		if (compareNames(names[i - 1] ?? "", names[i] ?? "") > 0) return names.sort(compareNames);
	}
	return names;
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
