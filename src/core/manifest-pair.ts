/** Opening two manifests that mostly have the same lines. */
import { commonBytes } from "./common-bytes.ts";
import type { CreateDigest } from "./hash.ts";
import { compareKeyBytes } from "./key-bytes.ts";
import { lineBlocks, type LineBlock } from "./line-blocks.ts";
import { ManifestCheck } from "./manifest-check.ts";
import { passedManifest, type PassedManifest } from "./manifest-open.ts";
import { keyOffset, startsWithKey, viewOf } from "./manifest-scan.ts";
import { Comparison } from "./manifest-table.ts";
import { manifestLimits } from "./manifest.ts";
import type { RandomBytes } from "./random-bytes.ts";

const lineFeed = 0x0a;
const quote = 0x22;

/**
 * One pass over two manifests, as `ManifestPass` makes over each. Lines that both have are scanned once for both, and where there
 * are others is remembered, so that `diffTrees` reads nothing else.
 */
export class ManifestPairPass {
	readonly #left: Side;
	readonly #right: Side;
	readonly #comparison = new Comparison();
	#isInOrder = true;

	constructor(left: RandomBytes, right: RandomBytes, createSha256: CreateDigest) {
		this.#left = new Side(left, createSha256);
		this.#right = new Side(right, createSha256);
	}

	/** Reads on for a while. False: everything was read, or a manifest is not in order. */
	step(): boolean {
		const [left, right] = [this.#left, this.#right];
		// A check may have its last key in the lines of the other manifest.
		if (left.isAtEnd || right.isAtEnd) {
			left.check.release();
			right.check.release();
		}
		const [isLeft, isRight] = [left.fill(), right.fill()];
		if (!isLeft && !isRight) return false;
		const same = isLeft && isRight ? commonLines(left, right) : 0;
		this.#isInOrder =
			same > 0
				? left.check.addLinesWith(right.check, left.bytes, left.at, left.at + same, left.offset, right.offset)
				: this.#takeOthers();
		left.at += same;
		right.at += same;
		return this.#isInOrder;
	}

	/** After `step` gave false: both manifests, or undefined when one is not in order, or has no top hash. */
	finish(): readonly [PassedManifest, PassedManifest] | undefined {
		if (!this.#isInOrder || !this.#left.isRead || !this.#right.isRead) return undefined;
		const [left, right] = [this.#left, this.#right].map(({ source, check }) => passedManifest(source, check));
		if (left?.topHash === undefined || right?.topHash === undefined) return undefined;
		this.#comparison.link(left.table, right.table);
		return [left, right];
	}

	/** Takes lines until both go on with the same one, as far as they were read. */
	#takeOthers(): boolean {
		const [left, right] = [this.#left, this.#right];
		let [l, r] = [left.at, right.at];
		if (left.isAtEnd) r = right.end;
		else if (right.isAtEnd) l = left.end;
		while (l < left.end && r < right.end) {
			const [lEnd, rEnd] = [left.endOfLine(l), right.endOfLine(r)];
			const order = compareKeys(left, l, right, r);
			if (order === 0 && lEnd - l === rEnd - r) {
				if (commonBytes(left.bytes, l, right.bytes, r, lEnd - l) === lEnd - l) break;
			}
			if (order <= 0) l = lEnd;
			if (order >= 0) r = rEnd;
		}
		const [leftStart, rightStart] = [left.offset, right.offset];
		const isTaken = left.take(l) && right.take(r);
		this.#comparison.add(leftStart, left.offset, rightStart, right.offset);
		return isTaken;
	}
}

/** One of the two manifests, and how far it was read. */
class Side {
	readonly source: RandomBytes;
	readonly check: ManifestCheck;
	/** Where the lines start in `bytes` that were not taken. */
	at = 0;
	view = viewOf(new Uint8Array(0));
	readonly #blocks: Generator<LineBlock>;
	#block: LineBlock = { bytes: new Uint8Array(0), start: 0, end: 0, offset: 0 };

	constructor(source: RandomBytes, createSha256: CreateDigest) {
		this.source = source;
		this.check = new ManifestCheck(manifestLimits.lineBytes, createSha256);
		this.#blocks = lineBlocks(source, 0, source.size, manifestLimits.lineBytes);
	}

	get bytes(): Uint8Array {
		return this.#block.bytes;
	}

	get end(): number {
		return this.#block.end;
	}

	get offset(): number {
		return this.#block.offset + this.at - this.#block.start;
	}

	get isAtEnd(): boolean {
		return this.at === this.end;
	}

	get isRead(): boolean {
		return this.offset === this.source.size;
	}

	/** Has lines, if there are more. */
	fill(): boolean {
		if (!this.isAtEnd) return true;
		const next = this.#blocks.next();
		// Without its last line feed a manifest is not read here.
		if (next.done === true || next.value.bytes[next.value.end - 1] !== lineFeed) return false;
		this.#block = next.value;
		this.at = next.value.start;
		this.view = viewOf(this.bytes);
		return true;
	}

	endOfLine(start: number): number {
		return this.bytes.indexOf(lineFeed, start) + 1;
	}

	/** Takes the lines before `end`. */
	take(end: number): boolean {
		const isTaken = this.check.addLines(this.bytes, this.at, end, this.offset);
		this.at = end;
		return isTaken;
	}
}

/** How many bytes of whole lines both go on with. */
function commonLines(left: Side, right: Side): number {
	const length = Math.min(left.end - left.at, right.end - right.at);
	const { equal } = left.source;
	const common = commonBytes(left.bytes, left.at, right.bytes, right.at, length, equal);
	if (common === 0) return 0;
	return Math.max(0, left.bytes.lastIndexOf(lineFeed, left.at + common - 1) + 1 - left.at);
}

/** Orders the keys of two lines; 0 where there are none. A wrong order would not matter: fewer lines were found to be the same. */
function compareKeys(left: Side, leftStart: number, right: Side, rightStart: number): number {
	if (!startsWithKey(left.view, leftStart) || !startsWithKey(right.view, rightStart)) return 0;
	const [l, r] = [leftStart + keyOffset, rightStart + keyOffset];
	const [lEnd, rEnd] = [left.bytes.indexOf(quote, l), right.bytes.indexOf(quote, r)];
	return compareKeyBytes(left.bytes, l, lEnd, right.bytes, r, rEnd);
}
