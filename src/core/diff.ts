import { commonBytes } from "./common-bytes.ts";
import { entryEquals } from "./entry.ts";
import type { Entry } from "./entry.ts";
import type { LineBlock } from "./line-blocks.ts";
import { compareLogicalKeys } from "./logical-key.ts";
import { sameContent } from "./manifest-line.ts";
import { entryOfText, keyOfLine } from "./manifest-table.ts";
import type { RandomBytes } from "./random-bytes.ts";
import type { Part, Tree } from "./tree.ts";
import { decodeUtf8 } from "./utf8.ts";

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
	const left = new Cursor(differingParts(from, to));
	const right = new Cursor(differingParts(to, from));
	while (!left.done || !right.done) {
		if (left.skipSame(right)) continue;
		const order = left.done ? 1 : right.done ? -1 : compareLogicalKeys(left.key, right.key);
		if (order < 0) diff.deleted.push(left.key);
		else if (order > 0) diff.added.push(right.key);
		else if (!left.isLike(right)) diff.modified.push(left.key);
		if (order <= 0) left.next();
		if (order >= 0) right.next();
	}
	return diff;
}

/** The parts of a tree, without lines that another one is known to have, too. */
function* differingParts(tree: Tree, other: Tree): Generator<Part> {
	const [lines, otherLines] = [onlyLines(tree), onlyLines(other)];
	const places =
		lines === undefined || otherLines === undefined
			? undefined
			: lines.table.comparison?.placesIn(lines.table, otherLines.table);
	if (lines === undefined || places === undefined) yield* tree.parts();
	else for (const [low, high] of places) yield { ...lines, low, high };
}

/** The lines of a manifest, if a tree is all of them and nothing else. */
function onlyLines(tree: Tree): (Part & { kind: "lines" }) | undefined {
	const [part, more] = tree.parts();
	if (part?.kind !== "lines" || more !== undefined || part.skip > 0) return undefined;
	return part.low === part.table.low && part.high === part.table.high ? part : undefined;
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
	/** Where the lines were read from, and a buffer for more of them. */
	#source: RandomBytes | undefined;
	#buffer: Uint8Array | undefined;

	constructor(parts: Iterator<Part>) {
		this.#parts = parts;
		this.next();
	}

	get key(): string {
		const part = this.#part as Part;
		this.#key ??= part.kind === "entry" ? part.key : part.prefix + keyOfLine(...this.#line, part.skip);
		return this.#key;
	}

	/** Whether size, hash and metadata are those of another one. */
	isLike(other: Cursor): boolean {
		const [line, otherLine] = [this.#text, other.#text];
		const known = line === undefined || otherLine === undefined ? undefined : sameContent(line, otherLine);
		return known ?? entryEquals(this.#entry(line), other.#entry(otherLine));
	}

	#entry(line: string | undefined): Entry {
		return line === undefined ? (this.#part as Part & { kind: "entry" }).entry : entryOfText(line);
	}

	/** The line; undefined for an entry that was changed. */
	get #text(): string | undefined {
		if (this.#part?.kind !== "lines") return undefined;
		const [bytes, start, end] = this.#line;
		return decodeUtf8(bytes.subarray(start, end));
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
			if (block.value.bytes.length > (this.#buffer?.length ?? 0)) this.#buffer = block.value.bytes;
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
		const { table, low, high } = this.#part;
		if (this.#source !== table.source) this.#buffer = undefined;
		this.#source = table.source;
		this.#blocks = table.blocks(low, high, this.#buffer);
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
		const common = commonBytes(mine.bytes, start, theirs.bytes, otherStart, length, this.#source?.equal);
		const end = common === 0 ? 0 : mine.bytes.lastIndexOf(lineFeed, start + common - 1) + 1;
		if (end <= start) return false;
		this.#end = end;
		other.#end = otherStart + end - start;
		this.next();
		other.next();
		return true;
	}

	/** Where the line is, without its line feed. */
	get #line(): [bytes: Uint8Array, start: number, end: number] {
		return [(this.#block as LineBlock).bytes, this.#start, this.#end - 1];
	}
}
