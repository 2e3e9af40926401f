/**
 * The entry lines of a manifest, in walk order, by the bytes where they start. Nothing is kept of them but where the
 * first one starts: keys are found by bisection, and entries made when they are asked for.
 */
import type { Entry } from "./entry.ts";
import type { JsonObject } from "./json.ts";
import { lineBlocks, type LineBlock } from "./line-blocks.ts";
import { parseManifestLine } from "./manifest-line.ts";
import { KeyReader, type Keys } from "./manifest-lines.ts";
import { keyOffset, startsWithKey, viewOf } from "./manifest-scan.ts";
import type { RandomBytes } from "./random-bytes.ts";
import type { TopHash } from "./top-hash.ts";
import { decodeUtf8, encodeUtf8 } from "./utf8.ts";

const quote = 0x22;
const slash = 0x2f;
const backslash = 0x5c;
const lineFeed = 0x0a;

/** Bytes that are read around a place whose neighbours are looked at, too. */
const windowBytes = 16 * 1024;
/** Bytes that are read to see the line at one place among many. */
const probeBytes = 4 * 1024;
/** More lines are not remembered. */
const maxLandmarks = 32 * 1024;
/** How often `windowBytes` is doubled for who reads on from where the window ends. */
const maxDoublings = 4;

/** More places where manifests differ are not kept, as numbers. */
const maxPlaces = 400_000;

/** What a pass over a manifest has found. */
export type TableFacts = {
	/** Where the first entry line starts; for none of them the end. */
	readonly low: number;
	readonly entries: number;
	/** In bytes, without line feed. */
	readonly longestLine: number;
	/** Where the lines start that are not as bale would write them, ascending. */
	readonly odd: readonly number[];
};

/** What all entries of a table add to the text of a top hash, and the sum of their sizes in bytes. */
export type CanonicalText = { readonly bytes: Uint8Array; readonly totalSize: number };

/** What a name is in a directory: the line at `low`, or a directory of the lines that start in `[low, high)`. */
export type Found = { readonly kind: "file" | "directory"; readonly low: number; readonly high: number };

/** Lines that follow one another: where they start, their keys, and where the line after them starts. */
export type KeyRun = {
	readonly starts: readonly number[];
	readonly keys: readonly string[];
	readonly next: number;
};

/** Where two manifests have other lines than one another; all lines between these places are the same in both. */
export class Comparison {
	#tables: readonly [ManifestTable, ManifestTable] | undefined;
	/** Four places for each: where the lines start and end in the one, and in the other. */
	#places: number[] | undefined = [];

	add(leftStart: number, leftEnd: number, rightStart: number, rightEnd: number): void {
		const places = this.#places;
		if (places === undefined) return;
		const last = places.length - 4;
		if (places[last + 1] === leftStart && places[last + 3] === rightStart) {
			places[last + 1] = leftEnd;
			places[last + 3] = rightEnd;
		} else if (last + 4 >= maxPlaces) this.#places = undefined;
		else places.push(leftStart, leftEnd, rightStart, rightEnd);
	}

	/** Where the lines of `table` are that `other` does not have so; undefined when it is not known. */
	placesIn(
		table: ManifestTable,
		other: ManifestTable,
	): readonly (readonly [low: number, high: number])[] | undefined {
		const [left, right] = this.#tables ?? [];
		const isLeft = left === table && right === other;
		if (!isLeft && !(left === other && right === table)) return undefined;
		const places = this.#places ?? [];
		const found: [number, number][] = [];
		for (let at = isLeft ? 0 : 2; at < places.length; at += 4) {
			const [low, high] = [Math.max(table.low, places[at] as number), places[at + 1] as number];
			if (low < high) found.push([low, high]);
		}
		return found;
	}

	/** These are the tables of the two manifests. */
	link(left: ManifestTable, right: ManifestTable): void {
		if (this.#places === undefined) return;
		this.#tables = [left, right];
		left.comparison = this;
		right.comparison = this;
	}
}

/** A line that was found: where it and the next one start, and its key. */
type Landmark = { readonly start: number; readonly next: number; readonly key: Uint8Array };

export class ManifestTable implements TableFacts {
	readonly low: number;
	readonly high: number;
	readonly entries: number;
	readonly longestLine: number;
	readonly odd: readonly number[];
	/** The top hash of all lines below this header, when it is known. */
	known: { readonly header: JsonObject; readonly topHash: TopHash } | undefined;
	/** The canonical text of all lines, where it is known. */
	canonical: CanonicalText | undefined;
	/** How it differs from another manifest, where that is known. */
	comparison: Comparison | undefined;
	/** All of the manifest. */
	readonly source: RandomBytes;
	/** The part of the manifest that is being looked at, and where it starts. */
	#window: Uint8Array;
	#windowStart = 0;
	#view: DataView;
	/** How often in a row a line was looked at that the window had cut off. */
	#readOn = 0;
	/** Lines that were found at places between which bisections halve what is left, by the number of the place. */
	readonly #landmarks = new Map<number, Landmark>();
	readonly #landmarkBytes: number;
	/** The line that was looked at last: where it starts and ends (at its line feed), and its key. */
	#lineStart = -1;
	#lineEnd = 0;
	#key: Uint8Array;
	#keyStart = 0;
	#keyEnd = 0;
	readonly #keyReader = new KeyReader();
	#keyTexts = new Uint8Array(0);

	/** Each line of `source` ends in a line feed. */
	constructor(source: RandomBytes, facts: TableFacts) {
		this.source = source;
		this.#window = new Uint8Array(0);
		this.#view = viewOf(this.#window);
		this.#key = this.#window;
		this.low = facts.low;
		this.high = source.size;
		this.entries = facts.entries;
		this.longestLine = facts.longestLine;
		this.odd = facts.odd;
		this.#landmarkBytes = Math.max(windowBytes, Math.ceil(source.size / maxLandmarks));
	}

	/** The logical key of the line at `start`, without its first `skip` bytes. */
	key(start: number, skip: number): string {
		this.#look(start);
		return decodeUtf8(this.#key.subarray(this.#keyStart + skip, this.#keyEnd));
	}

	/**
	 * Lines from that at `start` on, which is before `high`: those whose keys can be read at once, with the keys without their first
	 * `skip` bytes.
	 */
	keysFrom(start: number, high: number, skip: number): KeyRun {
		const starts = [start];
		const keys = [this.key(start, skip)];
		let next = this.#lineEnd + 1;
		const [window, base] = [this.#window, this.#windowStart];
		const windowEnd = Math.min(high - base, window.length);
		const many = this.#keyReader.read(window, next - base, windowEnd, skip);
		const { count, text, places } =
			many !== undefined && many.count > 0 ? many : this.#readKeys(next - base, windowEnd, skip);
		// The keys alone are made one text, so that whoever keeps one of them does not keep the lines, too.
		const all = decodeUtf8(text);
		const isAscii = all.length === text.length;
		let place = this.#placeFrom(next);
		let from = 0;
		for (let index = 0; index < count; index++) {
			const end = places[2 * index + 1] as number;
			keys.push(isAscii ? all.slice(from, end) : decodeUtf8(text.subarray(from, end)));
			starts.push(next);
			const line = next - base;
			next += places[2 * index] as number;
			if (next > place) {
				this.#keepLandmark(place, line, line + keyOffset + skip + end - from, next);
				place = this.#placeFrom(next);
			}
			from = end;
		}
		return { starts, keys, next };
	}

	/** What `KeyReader` does, where it cannot. */
	#readKeys(start: number, windowEnd: number, skip: number): Keys {
		const window = this.#window;
		const room = Math.max(0, windowEnd - start);
		if (this.#keyTexts.length < room) this.#keyTexts = new Uint8Array(room);
		const texts = this.#keyTexts;
		const places: number[] = [];
		let to = 0;
		for (let line = start; line < windowEnd;) {
			const lineEnd = window.indexOf(lineFeed, line);
			if (lineEnd < 0 || lineEnd >= windowEnd || !startsWithKey(this.#view, line)) break;
			const behind = line + keyOffset + skip;
			let end = line + keyOffset;
			let text = to;
			for (let byte = window[end]; byte !== quote && byte !== backslash; byte = window[++end])
				if (end >= behind) texts[text++] = byte as number;
			if (window[end] === backslash) break;
			to = text;
			places.push(lineEnd + 1 - line, to);
			line = lineEnd + 1;
		}
		return { count: places.length / 2, text: texts.subarray(0, to), places };
	}

	entry(start: number): Entry {
		this.#look(start);
		return entryOfLine(this.#window, start - this.#windowStart, this.#lineEnd - this.#windowStart);
	}

	/** Where the line after that at `start` starts. */
	next(start: number): number {
		this.#look(start);
		return this.#lineEnd + 1;
	}

	/** The first line in `[low, high)` whose name behind `skip` bytes is not before `name` (UTF-8); `high` when there is none. */
	lowerBound(low: number, high: number, skip: number, name: Uint8Array): number {
		return this.#bisect(low, high, skip, (order) => order < 0, name);
	}

	/** What `name` (UTF-8) is among the lines `[low, high)`, whose keys have `skip` bytes in common. */
	find(low: number, high: number, skip: number, name: Uint8Array): Found | undefined {
		const start = this.lowerBound(low, high, skip, name);
		if (start === high || this.#compareName(start, skip, name) !== 0) return undefined;
		return this.#describe(start, high, skip, name);
	}

	/** The name behind `skip` bytes of the line at `low`, and what it is among the lines `[low, high)`. */
	first(low: number, high: number, skip: number): { readonly name: Uint8Array; readonly found: Found } {
		this.#look(low);
		const start = this.#keyStart + skip;
		const end = this.#key.indexOf(slash, start);
		const nameEnd = end < 0 || end > this.#keyEnd ? this.#keyEnd : end;
		const name = new Uint8Array(this.#key.subarray(start, nameEnd));
		return { name, found: this.#describe(low, high, skip, name) };
	}

	/** The lines in `[low, high)` that are not as bale would write them: they may be neither copied nor scanned. */
	oddLines(low: number, high: number): readonly number[] {
		return this.odd.slice(this.#oddFrom(low), this.#oddFrom(high));
	}

	/** Number of lines in `[low, high)`. */
	count(low: number, high: number): number {
		if (low === this.low && high === this.high) return this.entries;
		let count = 0;
		for (const { bytes, start, end } of this.blocks(low, high)) {
			for (let at = start; at < end; at = bytes.indexOf(lineFeed, at) + 1) count++;
		}
		return count;
	}

	/** The lines `[low, high)`, many at once; a block may change when the next one is asked for. `buffer`: as for `RandomBytes`. */
	blocks(low: number, high: number, buffer?: Uint8Array): Generator<LineBlock> {
		return lineBlocks(this.source, low, high, Infinity, buffer);
	}

	#oddFrom(start: number): number {
		let [first, end] = [0, this.odd.length];
		while (first < end) {
			const middle = (first + end) >>> 1;
			if ((this.odd[middle] as number) < start) first = middle + 1;
			else end = middle;
		}
		return first;
	}

	#describe(start: number, high: number, skip: number, name: Uint8Array): Found {
		this.#look(start);
		const next = this.#lineEnd + 1;
		if (this.#keyStart + skip + name.length === this.#keyEnd) return { kind: "file", low: start, high: next };
		// Most directories are small beside what follows.
		let [from, step] = [start, this.#landmarkBytes];
		while (from + step < high) {
			const landmark = this.#landmarkBefore(from + step);
			if (landmark.start > from) {
				if (compareKey(landmark.key, 0, landmark.key.length, skip, name) !== 0) break;
				from = landmark.start;
			}
			step *= 2;
		}
		const end = this.#bisect(from, Math.min(high, from + step), skip, (order) => order === 0, name);
		return { kind: "directory", low: start, high: end };
	}

	/** The first line that starts in `[low, high)` and is not before; `high` or later when there is none. */
	#bisect(
		low: number,
		high: number,
		skip: number,
		isBefore: (order: number) => boolean,
		name: Uint8Array,
	): number {
		let [first, end] = [low, high];
		while (end - first > 2 * this.#landmarkBytes) {
			const landmark = this.#landmarkBefore(first + Math.floor((end - first) / 2));
			if (landmark.start <= first) break;
			if (isBefore(compareKey(landmark.key, 0, landmark.key.length, skip, name))) first = landmark.next;
			else end = landmark.start;
		}
		while (first < end) {
			if (end - first <= windowBytes) this.#cover(first, end);
			const middle = this.#startOfLine(first + Math.floor((end - first) / 2), first);
			if (isBefore(this.#compareName(middle, skip, name))) first = this.next(middle);
			else end = middle;
		}
		return first;
	}

	/** The first place for a landmark that is not before `at`. */
	#placeFrom(at: number): number {
		return this.low + Math.ceil((at - this.low) / this.#landmarkBytes) * this.#landmarkBytes;
	}

	/** Remembers a line of the window with that place in it, whose key ends at `keyEnd` there. */
	#keepLandmark(place: number, line: number, keyEnd: number, next: number): void {
		const number = Math.floor((place - this.low) / this.#landmarkBytes);
		if (this.#landmarks.has(number)) return;
		const key = new Uint8Array(this.#window.subarray(line + keyOffset, keyEnd));
		this.#landmarks.set(number, { start: line + this.#windowStart, next, key });
	}

	/** A line at some place not far before `at`. */
	#landmarkBefore(at: number): Landmark {
		const number = Math.floor((at - this.low) / this.#landmarkBytes);
		let landmark = this.#landmarks.get(number);
		if (landmark === undefined) {
			const start = this.#startOfLine(this.low + number * this.#landmarkBytes, this.low);
			this.#look(start);
			const key = new Uint8Array(this.#key.subarray(this.#keyStart, this.#keyEnd));
			landmark = { start, next: this.#lineEnd + 1, key };
			this.#landmarks.set(number, landmark);
		}
		return landmark;
	}

	/** Where the line that has the byte `at` starts; not before `low`, which is the start of a line. */
	#startOfLine(at: number, low: number): number {
		for (let before = probeBytes / 2; ; before *= 4) {
			const from = Math.max(low, at - before);
			this.#cover(from, Math.min(this.high, at + 1), probeBytes);
			const found = this.#window.subarray(0, at - this.#windowStart).lastIndexOf(lineFeed);
			if (found >= 0 && this.#windowStart + found >= low) return this.#windowStart + found + 1;
			if (from === low) return low;
		}
	}

	#compareName(start: number, skip: number, name: Uint8Array): number {
		this.#look(start);
		return compareKey(this.#key, this.#keyStart, this.#keyEnd, skip, name);
	}

	/** Finds end and key of the line at `start`. */
	#look(start: number): void {
		if (start === this.#lineStart) return;
		for (let length = windowBytes / 2; ; length *= 4) {
			this.#cover(start, Math.min(this.high, start + 1));
			const end = this.#window.indexOf(lineFeed, start - this.#windowStart);
			if (end >= 0) {
				this.#lineEnd = this.#windowStart + end;
				break;
			}
			const more =
				start > this.#windowStart ? windowBytes << Math.min(this.#readOn++, maxDoublings) : 2 * length;
			this.#load(start, Math.min(this.high, start + more));
		}
		this.#lineStart = start;
		const at = start - this.#windowStart;
		if (startsWithKey(this.#view, at)) {
			let end = at + keyOffset;
			while (this.#window[end] !== quote && this.#window[end] !== backslash) end++;
			if (this.#window[end] === quote) {
				this.#key = this.#window;
				this.#keyStart = at + keyOffset;
				this.#keyEnd = end;
				return;
			}
		}
		const text = decodeUtf8(this.#window.subarray(at, this.#lineEnd - this.#windowStart));
		this.#key = encodeUtf8(parseManifestLine(text).key);
		this.#keyStart = 0;
		this.#keyEnd = this.#key.length;
	}

	/** Has the bytes `[start, end)` in the window. */
	#cover(start: number, end: number, length = windowBytes): void {
		const windowEnd = this.#windowStart + this.#window.length;
		if (start >= this.#windowStart && end <= windowEnd) return;
		if (start !== windowEnd) this.#readOn = 0;
		this.#load(start, Math.min(this.high, Math.max(end, start + length)));
	}

	#load(start: number, end: number): void {
		this.#lineStart = -1;
		this.#window = this.source.read(start, end, this.#window);
		this.#windowStart = start;
		this.#view = viewOf(this.#window);
	}
}

/** Orders the first segment behind `skip` bytes of the key `key[start, end)` beside a name. */
function compareKey(key: Uint8Array, start: number, end: number, skip: number, name: Uint8Array): number {
	let at = start + skip;
	for (let i = 0; ; i++, at++) {
		const over = at >= end || key[at] === slash;
		if (i === name.length) return over ? 0 : 1;
		if (over) return -1;
		const order = (key[at] as number) - (name[i] as number);
		if (order !== 0) return order;
	}
}

/** The entry in the line `bytes[start, end)`. */
export function entryOfLine(bytes: Uint8Array, start: number, end: number): Entry {
	return entryOfText(decodeUtf8(bytes.subarray(start, end)));
}

/** The entry in a line. */
export function entryOfText(text: string): Entry {
	const line = parseManifestLine(text);
	if (line.kind !== "entry") throw new TypeError("a line of the table is no entry");
	return line.entry;
}

/** The logical key in the line `bytes[start, end)`, without its first `skip` bytes. */
export function keyOfLine(bytes: Uint8Array, start: number, end: number, skip: number): string {
	const from = start + keyOffset;
	let to = from;
	while (to < end && bytes[to] !== quote && bytes[to] !== backslash) to++;
	const view = new DataView(bytes.buffer, bytes.byteOffset + start, end - start);
	if (bytes[to] === quote && startsWithKey(view, 0)) return decodeUtf8(bytes.subarray(from + skip, to));
	const key = encodeUtf8(parseManifestLine(decodeUtf8(bytes.subarray(start, end))).key);
	return decodeUtf8(key.subarray(skip));
}
