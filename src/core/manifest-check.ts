/**
 * Follows the lines of a manifest in one pass: their order, which names they take, and the text of the top hash.
 * A manifest whose lines are in walk order, each key once, needs no more than this; any other one is left to the
 * parser that builds it name by name.
 */
import { CanonicalBlocks } from "./canonical-blocks.ts";
import { canonicalEntry } from "./canonical-entry.ts";
import type { CreateDigest } from "./hash.ts";
import { equalBytes } from "./common-bytes.ts";
import { formatCanonicalJson } from "./json.ts";
import type { Json } from "./json.ts";
import { compareKeyBytes, followsKeyBytes } from "./key-bytes.ts";
import { parseHeaderLine, parseManifestLine } from "./manifest-line.ts";
import { maxKeyBytes, type Run, RunScanner } from "./manifest-lines.ts";
import { keyOffset, LineScanner } from "./manifest-scan.ts";
import type { TableFacts } from "./manifest-table.ts";
import type { TopHash } from "./top-hash.ts";
import { decodeUtf8, encodeUtf8, isWellFormed } from "./utf8.ts";

const lineFeed = 0x0a;

/** No usual line has more bytes. */
const longestUsualLine = 64 * 1024;

/** Lines that are taken one after the other where they are not usual, in bytes, before it is tried again to take many. */
const someLinesBytes = 4 * 1024;

export class ManifestCheck {
	/** Undefined until the first line was read. */
	header: Map<string, Json> | undefined;
	/** Lines of directories: keys without final slash, in the order of the lines. */
	readonly directories: { readonly key: string; readonly meta: Json }[] = [];
	/** Before there is an entry, where it would start. */
	#low = 0;
	#entries = 0;
	#longestLine = 0;
	readonly #odd: number[] = [];
	readonly #maxLineBytes: number;
	readonly #runs = new RunScanner();
	#isOdd = false;
	readonly #scanner = new LineScanner();
	readonly #blocks: CanonicalBlocks;
	#key: Uint8Array = new Uint8Array(0);
	#keyStart = 0;
	#keyEnd = 0;
	/** Keys of all directories that lines name or lead through, in order, and the first that is not before the last entry. */
	#reserved: Uint8Array[] = [];
	#nextReserved = 0;

	/** Without `createSha256` nothing is hashed. */
	constructor(maxLineBytes: number, createSha256?: CreateDigest) {
		this.#maxLineBytes = maxLineBytes;
		this.#blocks = new CanonicalBlocks(createSha256);
	}

	/**
	 * Takes the lines in `bytes[start, end)`, the last of which ends with its line feed and whose first one is at `offset` in the
	 * manifest. The bytes must stay until the next call or `release`. False: this manifest is not for this class,
	 * which is of no more use.
	 */
	addLines(bytes: Uint8Array, start: number, end: number, offset: number): boolean {
		for (let at = start; at < end;) {
			at = this.#addRuns(bytes, at, end);
			if (at === end) break;
			const lineEnd = this.#addLine(bytes, at);
			const length = lineEnd - at;
			if (lineEnd < 0 || length > this.#maxLineBytes) return false;
			if (this.#entries === 0) this.#low = offset + lineEnd + 1 - start;
			else if (length > this.#longestLine) this.#longestLine = length;
			if (this.#isOdd) this.#odd.push(offset + at - start);
			at = lineEnd + 1;
		}
		return true;
	}

	/**
	 * Takes lines as `addLines` does, for itself and for another manifest, in which the same ones start at `twinOffset`: what
	 * can be is scanned once for both.
	 */
	addLinesWith(
		twin: ManifestCheck,
		bytes: Uint8Array,
		start: number,
		end: number,
		offset: number,
		twinOffset: number,
	): boolean {
		for (let at = start; at < end;) {
			const run = this.#isLevelWith(twin) ? this.#scanRun(bytes, at, end) : undefined;
			if (run !== undefined) {
				this.#takeRun(run, bytes);
				twin.#takeRun(run, bytes);
				at = run.end;
				continue;
			}
			const next = endOfSomeLines(bytes, at, end);
			const done = at - start;
			if (!this.addLines(bytes, at, next, offset + done)) return false;
			if (!twin.addLines(bytes, at, next, twinOffset + done)) return false;
			at = next;
		}
		return true;
	}

	/** Whether what may come next is the same for both: it follows the same key, and the same keys are taken. */
	#isLevelWith(twin: ManifestCheck): boolean {
		if (twin.#entries === 0) return false;
		const [barrier, twinBarrier] = [this.#reserved[this.#nextReserved], twin.#reserved[twin.#nextReserved]];
		if ((barrier === undefined) !== (twinBarrier === undefined)) return false;
		return (
			equalBytes(
				this.#key.subarray(this.#keyStart, this.#keyEnd),
				twin.#key.subarray(twin.#keyStart, twin.#keyEnd),
			) &&
			(barrier === undefined || twinBarrier === undefined || equalBytes(barrier, twinBarrier))
		);
	}

	/** Takes usual lines, many at once, and returns where it stopped. */
	#addRuns(bytes: Uint8Array, start: number, end: number): number {
		let at = start;
		for (;;) {
			const run = this.#scanRun(bytes, at, end);
			if (run === undefined) return at;
			this.#takeRun(run, bytes);
			at = run.end;
		}
	}

	#scanRun(bytes: Uint8Array, start: number, end: number): Run | undefined {
		if (this.#entries === 0 || this.#maxLineBytes < longestUsualLine) return undefined;
		return this.#runs.scan(bytes, start, end, {
			previous: { bytes: this.#key, start: this.#keyStart, end: this.#keyEnd },
			barrier: this.#reserved[this.#nextReserved],
		});
	}

	#takeRun(run: Run, bytes: Uint8Array): void {
		this.#blocks.addBytes(run.canonical);
		this.#entries += run.entries;
		if (run.longestLine > this.#longestLine) this.#longestLine = run.longestLine;
		this.#key = bytes;
		this.#keyStart = run.keyStart;
		this.#keyEnd = run.keyEnd;
	}

	/** Takes the line at `start` and returns where its line feed is; -1: it is not for this class. */
	#addLine(bytes: Uint8Array, start: number): number {
		this.#isOdd = false;
		if (this.header !== undefined && this.#blocks.scan(this.#scanner, bytes, start)) {
			return this.#addKey(bytes, start + keyOffset, this.#scanner.keyEnd) ? this.#scanner.end : -1;
		}
		const end = bytes.indexOf(lineFeed, start);
		const taken =
			this.header === undefined ? this.#addHeader(bytes, start, end) : this.#addOdd(bytes, start, end);
		return taken ? end : -1;
	}

	/** What the lines so far have shown. */
	get facts(): TableFacts {
		return { low: this.#low, entries: this.#entries, longestLine: this.#longestLine, odd: this.#odd };
	}

	/** Keeps nothing of the bytes of earlier lines. */
	release(): void {
		// Not `slice`, which copies nothing when these are Node's buffers.
		this.#key = new Uint8Array(this.#key.subarray(this.#keyStart, this.#keyEnd));
		this.#keyEnd = this.#key.length;
		this.#keyStart = 0;
	}

	/** The top hash, or undefined when an entry has no hash or size, or nothing was hashed. */
	finish(): TopHash | undefined {
		if (this.#entries === 0 && this.header !== undefined) this.#blocks.add(formatCanonicalJson(this.header));
		return this.#blocks.digest();
	}

	#addHeader(bytes: Uint8Array, start: number, end: number): boolean {
		try {
			this.header = parseHeaderLine(decodeUtf8(bytes.subarray(start, end)));
			return true;
		} catch {
			return false;
		}
	}

	/** The first entry: the header can no longer change, and no directory may follow. */
	#begin(): void {
		const keys = new Set<string>();
		for (const { key } of this.directories) {
			for (let end = key.length; end >= 0; end = end === 0 ? -1 : key.lastIndexOf("/", end - 1)) {
				keys.add(key.slice(0, end));
			}
		}
		this.#reserved = Array.from(keys, encodeUtf8).sort((a, b) =>
			compareKeyBytes(a, 0, a.length, b, 0, b.length),
		);
		this.#blocks.addFirst(formatCanonicalJson(this.header as Map<string, Json>));
	}

	#addOdd(bytes: Uint8Array, start: number, end: number): boolean {
		try {
			const line = parseManifestLine(decodeUtf8(bytes.subarray(start, end)));
			if (!isWellFormed(line.key) || line.key.length > maxKeyBytes) return false;
			if (line.kind === "directory") return this.#addDirectory(line.key, line.meta);
			const { hash, size, raw } = line.entry;
			const complete = (hash ?? raw?.hash) !== undefined && (size ?? raw?.size) !== undefined;
			if (complete) this.#blocks.add(canonicalEntry(line.key, line.entry));
			else this.#blocks.forget();
			const key = encodeUtf8(line.key);
			this.#isOdd = true;
			return this.#addKey(key, 0, key.length);
		} catch {
			return false;
		}
	}

	#addDirectory(key: string, meta: Json): boolean {
		if (this.#entries > 0) return false;
		const end = key.lastIndexOf("/");
		if (end < 0) this.header?.set("user_meta", meta);
		else this.directories.push({ key: key.slice(0, end), meta });
		return true;
	}

	#addKey(bytes: Uint8Array, start: number, end: number): boolean {
		if (end - start > maxKeyBytes) return false;
		if (this.#entries++ === 0) this.#begin();
		else if (!followsKeyBytes(this.#key, this.#keyStart, this.#keyEnd, bytes, start, end)) return false;
		for (; this.#nextReserved < this.#reserved.length; this.#nextReserved++) {
			const reserved = this.#reserved[this.#nextReserved] as Uint8Array;
			const order = compareKeyBytes(reserved, 0, reserved.length, bytes, start, end);
			if (order > 0) break;
			if (order === 0) return false;
		}
		this.#key = bytes;
		this.#keyStart = start;
		this.#keyEnd = end;
		return true;
	}
}

/** The end of the line that has the byte `someLinesBytes` behind `start`. */
function endOfSomeLines(bytes: Uint8Array, start: number, end: number): number {
	if (end - start <= someLinesBytes) return end;
	return bytes.indexOf(lineFeed, start + someLinesBytes) + 1;
}
