/**
 * Remembers the hashes of files by their state, so that a file which has not been touched is not read again.
 *
 * It is a memory and nothing else: it may be deleted at any time, and a file of it that is damaged, foreign or of
 * another format counts as absent. One file for each directory tree, replaced as a whole; of several processes
 * that write one, the last one's stays.
 *
 * A file counts as untouched when path, device, inode, size, mtime and ctime (both in nanoseconds) are the same.
 * Setting mtime back does not help, since that changes ctime. Only what was read when its times were older than
 * the grain of the clock is remembered ("racy" files otherwise): a later change then has another time.
 */
import { hashOnce } from "./crypto.mjs";
import { mkdirSync, readdirSync, renameSync, statSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { FileState } from "../client/platform.ts";
import { stateFields } from "./file-work.mjs";
import { readOwn } from "./own-file.ts";
import {
	decodeColumns,
	encodeColumns,
	patchColumns,
	type StatColumns,
	valueBytes,
} from "./stat-cache-file.ts";
import { discard, removeLeftovers, temporaryName } from "./temporary-file.ts";

/** Two changes within this time can have one time stamp; kernels tick every 1 to 16 ms. */
const clockGrainMs = 100;
/** The same on file systems that keep whole seconds, even ones at worst. */
const coarseGrainMs = 2100;
const secondNs = 1_000_000_000n;

/** Files that were not seen this time are kept up to the number of those that were, and this many more. */
const unseenKept = 10_000;
/** Looked for never, with the same state, with another state. */
const [notSeen, unchanged, changed] = [0, 1, 2];
/** All trees together; the least recently written ones go first. */
const maxFolderBytes = 512 * 1024 * 1024;

/** Files by number as a folder was hashed; names are below the root, and hashes base64. */
export type RecordedFiles = {
	readonly names: readonly string[];
	readonly states: BigInt64Array;
	readonly values: readonly string[];
	/** 1: may be remembered (`isRacy` says which may not). */
	readonly isGood: Uint8Array;
	/** How many of those that may be remembered were not before. */
	readonly news: number;
};

type Added = { readonly name: string; readonly state: FileState; readonly value: string };

/** What is known of the files below one directory. */
export class StatCache {
	readonly #folder: string;
	readonly #root: string;
	#columns: StatColumns = { names: [], states: new BigInt64Array(), values: Buffer.alloc(0) };
	/** What the columns were read from. */
	#file: Buffer | undefined;
	/** Where each name is; made when files come in another order than last time. */
	#places: Map<string, number> | undefined;
	#next = 0;
	/** What became of each: `notSeen`, `unchanged` or `changed`. */
	#seen = new Uint8Array();
	#seenCount = 0;
	#added: Added[] = [];
	#recorded: RecordedFiles | undefined;

	private constructor(folder: string, root: string) {
		this.#folder = folder;
		this.#root = root;
	}

	/** Reads what was kept in `folder` about the files below `root`, an absolute path. Never fails. */
	static open(folder: string, root: string): StatCache {
		const cache = new StatCache(folder, root.endsWith("/") ? root : `${root}/`);
		try {
			const file = readOwn(cache.#path);
			const columns = decodeColumns(file, cache.#root);
			if (columns !== undefined) [cache.#file, cache.#columns] = [file, columns];
			cache.#seen = new Uint8Array(cache.size);
		} catch {
			// Absent, or not to be used: nothing is known.
		}
		return cache;
	}

	/** Number of files of which something is known. */
	get size(): number {
		return this.#columns.names.length;
	}

	/** The `sha2-256-chunked` value of the file when it was last read, if its state is still the same. */
	find(path: string, state: FileState): string | undefined {
		const index = this.#indexOf(path);
		if (index === undefined) return undefined;
		const at = index * stateFields;
		const { states } = this.#columns;
		if (
			states[at] !== state.device ||
			states[at + 1] !== state.inode ||
			Number(states[at + 2]) !== state.size ||
			states[at + 3] !== state.mtimeNs ||
			states[at + 4] !== state.ctimeNs
		) {
			this.#seen[index] = changed;
			return undefined;
		}
		if (this.#seen[index] !== unchanged) this.#seenCount++;
		this.#seen[index] = unchanged;
		return this.#valueAt(index);
	}

	/** `state` was the file's before and after it was read; `readAtMs` is a time before that, since the epoch. */
	add(path: string, state: FileState, value: string, readAtMs: number): void {
		if (!path.startsWith(this.#root) || isRacy(state, readAtMs)) return;
		this.#added.push({ name: path.slice(this.#root.length), state, value });
	}

	/** All files that were looked for and found unchanged, and all new ones, in the order in which they come next time. */
	record(files: RecordedFiles): void {
		this.#recorded = files;
	}

	/** Writes what has been added or recorded; without anything new, nothing. Never fails. */
	save(): void {
		if (this.#added.length === 0 && (this.#recorded?.news ?? 0) === 0) return;
		const temporary = join(this.#folder, temporaryName());
		try {
			mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
			writeFileSync(temporary, this.#patched() ?? this.#encode(), { mode: 0o600, flag: "wx" });
			renameSync(temporary, this.#path);
			removeLeftovers(this.#folder);
			dropOldest(this.#folder, maxFolderBytes);
		} catch {
			discard(temporary);
		}
	}

	get #path(): string {
		return join(this.#folder, hashOnce("sha256", this.#root, "hex").slice(0, 32));
	}

	#indexOf(path: string): number | undefined {
		const { length } = this.#root;
		const expected = this.#columns.names[this.#next];
		if (expected !== undefined && path.length === length + expected.length && path.endsWith(expected)) {
			if (path.startsWith(this.#root)) return this.#next++;
		}
		if (this.#columns.names.length === 0 || !path.startsWith(this.#root)) return undefined;
		this.#places ??= new Map(this.#columns.names.map((name, index) => [name, index]));
		const index = this.#places.get(path.slice(length));
		if (index !== undefined) this.#next = index + 1;
		return index;
	}

	/** Where the same files are known as before, what was read with what has changed; making it anew costs ten times as much. */
	#patched(): Buffer | undefined {
		const [file, recorded] = [this.#file, this.#recorded];
		if (file === undefined || recorded === undefined || this.#added.length > 0) return undefined;
		const { names, states, values, isGood } = recorded;
		if (isGood.includes(0) || !areSame(names, this.#columns.names)) return undefined;
		const others: [number, string][] = [];
		for (let index = 0; index < names.length; index++) {
			if (this.#seen[index] !== unchanged) others.push([index, values[index] ?? ""]);
		}
		patchColumns(file, this.#columns, states, others);
		return file;
	}

	#encode(): Buffer {
		const added = new Map(this.#added.map((file) => [file.name, file]));
		const { names, values, states: found, numbers } = goodOf(this.#recorded);
		const kept = this.#kept(names, added);
		const states = new BigInt64Array((names.length + kept.length + added.size) * stateFields);
		copyStates(found, numbers, states, 0);
		copyStates(this.#columns.states, kept, states, names.length);
		let at = (names.length + kept.length) * stateFields;
		for (const { state } of added.values()) {
			states[at++] = state.device;
			states[at++] = state.inode;
			states[at++] = BigInt(state.size);
			states[at++] = state.mtimeNs;
			states[at++] = state.ctimeNs;
		}
		const texts = [
			...values,
			...kept.map((index) => this.#valueAt(index)),
			...Array.from(added.values(), ({ value }) => value),
		];
		return encodeColumns(
			{
				names: [...names, ...kept.map((index) => this.#columns.names[index] ?? ""), ...added.keys()],
				states,
				values: Buffer.from(texts.join(""), "latin1"),
			},
			this.#root,
		);
	}

	#valueAt(index: number): string {
		return this.#columns.values.toString("latin1", index * valueBytes, (index + 1) * valueBytes);
	}

	/** Which of the files read from disk are written again beside these: all that were seen, and a bounded number of others. */
	#kept(recorded: readonly string[], added: ReadonlyMap<string, Added>): number[] {
		const { names } = this.#columns;
		const seen = this.#seen;
		const isKept = this.#recorded === undefined ? (index: number) => seen[index] === unchanged : () => false;
		const candidates = new Map<string, number>();
		for (let index = 0; index < seen.length; index++) {
			if (seen[index] === notSeen || isKept(index)) candidates.set(names[index] ?? "", index);
		}
		if (candidates.size > 0) for (const name of recorded) candidates.delete(name);
		for (const name of added.keys()) candidates.delete(name);
		let unseenLeft = recorded.length + added.size + this.#seenCount + unseenKept;
		return [...candidates.values()].filter((index) => isKept(index) || unseenLeft-- > 0);
	}
}

type GoodFiles = Pick<RecordedFiles, "names" | "values" | "states"> & {
	/** Where the state of each is. */
	readonly numbers: readonly number[];
};

/** Those that may be remembered. */
function goodOf(files: RecordedFiles | undefined): GoodFiles {
	if (files === undefined) return { names: [], values: [], states: new BigInt64Array(), numbers: [] };
	const { names, values, states, isGood } = files;
	const numbers = numbersOf(isGood);
	if (numbers.length === names.length) return { names, values, states, numbers };
	const pick = (texts: readonly string[]): string[] => numbers.map((index) => texts[index] ?? "");
	return { names: pick(names), values: pick(values), states, numbers };
}

function areSame(a: readonly string[], b: readonly string[]): boolean {
	return a.length === b.length && a.every((text, index) => text === b[index]);
}

/** Where there is a 1. */
function numbersOf(marks: Uint8Array): number[] {
	const numbers: number[] = [];
	for (let index = 0; index < marks.length; index++) if (marks[index] === 1) numbers.push(index);
	return numbers;
}

/** Copies states by number, runs of them at once. */
function copyStates(from: BigInt64Array, indexes: readonly number[], to: BigInt64Array, place: number): void {
	for (let item = 0; item < indexes.length;) {
		const first = indexes[item] as number;
		let count = 1;
		while (indexes[item + count] === first + count) count++;
		const run = from.subarray(first * stateFields, (first + count) * stateFields);
		to.set(run, (place + item) * stateFields);
		item += count;
	}
}

/** Whether a file changed so shortly before it was read that another change could leave its times as they are. */
export function isRacy(
	{ mtimeNs, ctimeNs }: Pick<FileState, "mtimeNs" | "ctimeNs">,
	readAtMs: number,
): boolean {
	const youngestMs = Number(mtimeNs > ctimeNs ? mtimeNs : ctimeNs) / 1e6;
	if (youngestMs + coarseGrainMs <= readAtMs) return false;
	const isCoarse = mtimeNs % secondNs === 0n && ctimeNs % secondNs === 0n;
	return youngestMs + (isCoarse ? coarseGrainMs : clockGrainMs) > readAtMs;
}

/** Removes the files of a folder that were written longest ago, until the others have at most so many bytes. */
function dropOldest(folder: string, maxBytes: number): void {
	const files = readdirSync(folder).map((name) => {
		const path = join(folder, name);
		const { mtimeMs, size } = statSync(path);
		return { path, mtimeMs, size };
	});
	let bytes = files.reduce((sum, { size }) => sum + size, 0);
	for (const { path, size } of files.sort((a, b) => a.mtimeMs - b.mtimeMs)) {
		if (bytes <= maxBytes) return;
		unlinkSync(path);
		bytes -= size;
	}
}
