import { commonBytes } from "./common-bytes.ts";
import { entryEquals } from "./entry.ts";
import type { Entry } from "./entry.ts";
import type { LineBlock } from "./line-blocks.ts";
import { compareLogicalKeys } from "./logical-key.ts";
import type { RandomBytes } from "./random-bytes.ts";
import type { Part, Tree } from "./tree.ts";

const lineFeed = 0x0a;

/** Logical keys that differ between two trees, each list in walk order. */
export type TreeDiff = {
	readonly added: string[];
	readonly modified: string[];
	readonly deleted: string[];
};

/**
 * What changed from one tree to the other. Modified: size, hash or metadata of the entry differ;
 * physical keys and metadata of directories do not count.
 */
export function diffTrees(from: Tree, to: Tree): TreeDiff {
	const diff: TreeDiff = { added: [], modified: [], deleted: [] };
	const left = new Cursor(from);
	const right = new Cursor(to);
	while (!left.done || !right.done) {
		if (left.skipSame(right)) continue;
		const order = left.done ? 1 : right.done ? -1 : compareLogicalKeys(left.key, right.key);
		if (order < 0) diff.deleted.push(left.key);
		else if (order > 0) diff.added.push(right.key);
		else if (!entryEquals(left.entry(), right.entry())) diff.modified.push(left.key);
		if (order <= 0) left.next();
		if (order >= 0) right.next();
	}
	return diff;
}

/** One entry after the other of a walk. */
class Cursor {
	done = false;
	readonly #parts: Iterator<Part>;
	#part: Part | undefined;
	#blocks: Iterator<LineBlock> | undefined;
	/** The lines that are read now, and where in them the entry starts and ends (behind its line feed). */
	#block: LineBlock | undefined;
	#start = 0;
	#end = 0;
	#key: string | undefined;
	#equal: RandomBytes["equal"];

	constructor(tree: Tree) {
		this.#parts = tree.parts();
		this.next();
	}

	get key(): string {
		const part = this.#part as Part;
		this.#key ??= part.kind === "entry" ? part.key : part.prefix + part.table.key(this.#offset, part.skip);
		return this.#key;
	}

	entry(): Entry {
		const part = this.#part as Part;
		return part.kind === "entry" ? part.entry : part.table.entry(this.#offset);
	}

	next(): void {
		this.#key = undefined;
		this.#start = this.#end;
		if (this.#block !== undefined && this.#start < this.#block.end) {
			this.#end = this.#block.bytes.indexOf(lineFeed, this.#start) + 1;
			return;
		}
		const block = this.#blocks?.next();
		if (block !== undefined && block.done !== true) {
			this.#block = block.value;
			this.#end = block.value.start;
			this.next();
			return;
		}
		this.#block = undefined;
		this.#blocks = undefined;
		const part = this.#parts.next();
		this.done = part.done === true;
		this.#part = part.done === true ? undefined : part.value;
		if (this.#part?.kind !== "lines") return;
		this.#equal = this.#part.table.source.equal;
		this.#blocks = this.#part.table.blocks(this.#part.low, this.#part.high);
		this.next();
	}

	/** Skips lines that are the same bytes in both. False: there was none. */
	skipSame(other: Cursor): boolean {
		const [mine, theirs] = [this.#part, other.#part];
		if (mine?.kind !== "lines" || theirs?.kind !== "lines") return false;
		if (mine.skip !== theirs.skip || mine.prefix !== theirs.prefix) return false;
		let skipped = false;
		while (this.#part === mine && other.#part === theirs && this.#skipRun(other)) skipped = true;
		return skipped;
	}

	/** Skips the lines that are the same as far as both blocks go. */
	#skipRun(other: Cursor): boolean {
		const [mine, theirs] = [this.#block, other.#block];
		if (mine === undefined || theirs === undefined) return false;
		const [start, otherStart] = [this.#start, other.#start];
		const length = Math.min(mine.end - start, theirs.end - otherStart);
		const common = commonBytes(mine.bytes, start, theirs.bytes, otherStart, length, this.#equal);
		const end = common === 0 ? 0 : mine.bytes.lastIndexOf(lineFeed, start + common - 1) + 1;
		if (end <= start) return false;
		this.#end = end;
		other.#end = otherStart + end - start;
		this.next();
		other.next();
		return true;
	}

	get #offset(): number {
		return (this.#block as LineBlock).offset + this.#start;
	}
}
