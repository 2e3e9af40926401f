/**
 * Scans usual entry lines many at once, ten times faster than `LineScanner` does, where the machine allows it: a WebAssembly module
 * with vectors ([decision 49](../../docs/decisions/0049-manifest-lines-are-scanned-by-webassembly.md)).
 */
import { moduleBase64 } from "./manifest-lines-module.ts";
import { instantiate } from "./webassembly.ts";

/** The bytes of a key: `bytes[start, end)`. */
export type KeyBytes = { readonly bytes: Uint8Array; readonly start: number; readonly end: number };

/** One line or more that were taken together. */
export type Run = {
	/** Where the first line starts that was not taken. */
	readonly end: number;
	readonly entries: number;
	/** In bytes, without line feed. */
	readonly longestLine: number;
	/** Sum of the sizes in the lines. */
	readonly sizeBytes: number;
	/** The canonical text of the lines; valid until more lines are scanned. */
	readonly canonical: Uint8Array;
	/** The key of the last line is `bytes[keyStart, keyEnd)`. */
	readonly keyStart: number;
	readonly keyEnd: number;
};

type Counter = { readonly value: number };
type Place = { value: number };

type Exports = {
	readonly memory: { readonly buffer: ArrayBuffer };
	readonly keyStart: Place;
	readonly keyEnd: Place;
	readonly barrierStart: Place;
	readonly barrierEnd: Place;
	readonly written: Counter;
	readonly taken: Counter;
	readonly longest: Counter;
	readonly total: Counter;
	scan(at: number, end: number, to: number): number;
	readKeys(at: number, end: number, skip: number, to: number, table: number): number;
};

type Module = { readonly exports: Exports; readonly memory: Uint8Array };

/** Places in the module's memory. Lines do not start where a page does, so that copying them there is not slow. */
const keyAt = 0x8000;
const barrierAt = 0x9000;
const linesAt = 0x10040;
const textAt = 0x51000;
const tableAt = 0x91000;

/** Lines that are scanned at once, in bytes: as many as a manifest is read in. */
const blockBytes = 256 * 1024;
const leastWindow = 2 * 1024;
const longestPause = 63;

/** Longer keys, in bytes, could have too many segments: they are not taken as bytes. */
export const maxKeyBytes = 2000;

/** So much must lie ahead before the module is made, which takes a millisecond. */
const worthMaking = 128 * 1024;

const lineFeed = 0x0a;

/** `undefined`: it was not tried yet. */
let made: Module | "cannot be made" | undefined;

/** Scans the lines of one manifest. */
export class RunScanner {
	/** How many bytes are tried at once: few where unusual lines are near, since all of them are copied. */
	#window = blockBytes;
	/** How often not to try, since lines of this manifest were unusual one after the other. */
	#pause = 0;
	#nextPause = 0;

	/**
	 * Takes lines of `bytes[start, end)`, the last of which ends with its line feed, up to the first one that is unusual, does not
	 * follow the one before it or has a key that is not before `barrier`; mostly not all of them at once. `previous`: the
	 * key of the line before them. Undefined: none can be taken.
	 */
	scan(
		bytes: Uint8Array,
		start: number,
		end: number,
		{ previous, barrier }: { readonly previous?: KeyBytes; readonly barrier?: Uint8Array | undefined } = {},
	): Run | undefined {
		if (made === undefined && end - start >= worthMaking) made = make() ?? "cannot be made";
		if (typeof made !== "object") return undefined;
		if (this.#pause > 0) {
			this.#pause--;
			return undefined;
		}
		const limit = start + this.#window;
		const blockEnd = end <= limit ? end : bytes.lastIndexOf(lineFeed, limit - 1) + 1;
		const barrierBytes = barrier?.length ?? 0;
		if (blockEnd <= start || barrierBytes > maxKeyBytes) return undefined;

		const { exports, memory } = made;
		const previousBytes = previous === undefined ? 0 : previous.end - previous.start;
		if (previous !== undefined) memory.set(previous.bytes.subarray(previous.start, previous.end), keyAt);
		exports.keyStart.value = keyAt;
		exports.keyEnd.value = keyAt + previousBytes;
		if (barrier !== undefined) memory.set(barrier, barrierAt);
		exports.barrierStart.value = barrierAt;
		exports.barrierEnd.value = barrierAt + barrierBytes;
		memory.set(bytes.subarray(start, blockEnd), linesAt);

		const stopped = exports.scan(linesAt, linesAt + blockEnd - start, textAt);
		const moved = start - linesAt;
		const runEnd = stopped + moved;
		this.#window = runEnd < blockEnd ? leastWindow : Math.min(4 * this.#window, blockBytes);
		if (runEnd === start) {
			this.#pause = this.#nextPause;
			this.#nextPause = Math.min(2 * this.#nextPause + 1, longestPause);
			return undefined;
		}
		this.#nextPause = 0;
		return {
			end: runEnd,
			entries: exports.taken.value,
			longestLine: exports.longest.value,
			sizeBytes: exports.total.value,
			canonical: memory.subarray(textAt, exports.written.value),
			keyStart: exports.keyStart.value + moved,
			keyEnd: exports.keyEnd.value + moved,
		};
	}
}

/** The keys of lines that follow one another. */
export type Keys = {
	readonly count: number;
	/** One key behind the other; valid, as `places` is, until more lines are read or scanned. */
	readonly text: Uint8Array;
	/** Two numbers for each: how long its line is, with the line feed, and where its key ends in `text`. */
	readonly places: ArrayLike<number>;
};

/** Reads the keys of lines, many at once. */
export class KeyReader {
	/** As for `RunScanner`. */
	#window = blockBytes;

	/**
	 * The keys of lines of `bytes[start, end)`, without their first `skip` bytes, up to the first line that has no line feed there, does not
	 * begin as bale writes it or has an escape in its key; mostly not of all at once. Undefined: the machine does not allow it.
	 */
	read(bytes: Uint8Array, start: number, end: number, skip: number): Keys | undefined {
		if (made === undefined && end - start >= worthMaking) made = make() ?? "cannot be made";
		if (typeof made !== "object") return undefined;
		const blockEnd = Math.min(end, start + this.#window);
		const { exports, memory } = made;
		memory.set(bytes.subarray(start, blockEnd), linesAt);
		const stopped = exports.readKeys(linesAt, linesAt + blockEnd - start, skip, textAt, tableAt);
		const count = exports.taken.value;
		// Few are tried where unusual lines are near.
		const isShort = stopped - linesAt < (blockEnd - start) / 2;
		this.#window = isShort ? leastWindow : Math.min(4 * this.#window, blockBytes);
		return {
			count,
			text: memory.subarray(textAt, exports.written.value),
			places: new Uint32Array(memory.buffer, tableAt, 2 * count),
		};
	}
}

function make(): Module | undefined {
	const exports = instantiate(moduleBase64) as Exports | undefined;
	return exports && { exports, memory: new Uint8Array(exports.memory.buffer) };
}
