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
import { createHash, hash as hashOnce } from "node:crypto";
import {
	closeSync,
	fstatSync,
	mkdirSync,
	openSync,
	readdirSync,
	readFileSync,
	renameSync,
	statSync,
	unlinkSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { FileState } from "../client/platform.ts";
import { discard, removeLeftovers, temporaryName } from "./temporary-file.ts";

const magic = 0x656c_6162; // "bale"
const formatVersion = 1;
const headerBytes = 64;
const checksumAt = 32;
/** 64-bit integers for each file: device, inode, size, mtimeNs, ctimeNs. */
const stateFields = 5;
const digestBytes = 32;

/** Two changes within this time can have one time stamp; kernels tick every 1 to 16 ms. */
const clockGrainMs = 100;
/** The same on file systems that keep whole seconds, even ones at worst. */
const coarseGrainMs = 2100;
const secondNs = 1_000_000_000n;

/** Files that were not seen this time are kept up to the number of those that were, and this many more. */
const unseenKept = 10_000;
/** All trees together; the least recently written ones go first. */
const maxFolderBytes = 512 * 1024 * 1024;

type Added = { readonly name: string; readonly state: FileState; readonly value: string };

/** What is known of the files below one directory. */
export class StatCache {
	readonly #folder: string;
	readonly #root: string;
	#names: readonly string[] = [];
	#states: BigInt64Array = new BigInt64Array();
	#digests: Buffer = Buffer.alloc(0);
	/** Where each name is; made when files come in another order than last time. */
	#places: Map<string, number> | undefined;
	#next = 0;
	/** 1: looked for and unchanged. */
	#seen = new Uint8Array();
	#added: Added[] = [];

	private constructor(folder: string, root: string) {
		this.#folder = folder;
		this.#root = root;
	}

	/** Reads what was kept in `folder` about the files below `root`, an absolute path. Never fails. */
	static open(folder: string, root: string): StatCache {
		const cache = new StatCache(folder, root.endsWith("/") ? root : `${root}/`);
		try {
			cache.#load(readOwn(cache.#path));
		} catch {
			// Absent, or not to be used: nothing is known.
		}
		return cache;
	}

	/** The `sha2-256-chunked` value of the file when it was last read, if its state is still the same. */
	find(path: string, state: FileState): string | undefined {
		const index = this.#indexOf(path);
		if (index === undefined) return undefined;
		const at = index * stateFields;
		if (
			this.#states[at] !== state.device ||
			this.#states[at + 1] !== state.inode ||
			this.#states[at + 2] !== BigInt(state.size) ||
			this.#states[at + 3] !== state.mtimeNs ||
			this.#states[at + 4] !== state.ctimeNs
		) {
			return undefined;
		}
		this.#seen[index] = 1;
		return this.#digests.toString("base64", index * digestBytes, (index + 1) * digestBytes);
	}

	/** `state` was the file's before and after it was read; `readAtMs` is a time before that, since the epoch. */
	add(path: string, state: FileState, value: string, readAtMs: number): void {
		if (!path.startsWith(this.#root) || isRacy(state, readAtMs)) return;
		this.#added.push({ name: path.slice(this.#root.length), state, value });
	}

	/** Writes what has been added; without anything new, nothing. Never fails. */
	save(): void {
		if (this.#added.length === 0) return;
		const temporary = join(this.#folder, temporaryName());
		try {
			mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
			writeFileSync(temporary, this.#encode(), { mode: 0o600, flag: "wx" });
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
		const expected = this.#names[this.#next];
		if (expected !== undefined && path.length === length + expected.length && path.endsWith(expected)) {
			if (path.startsWith(this.#root)) return this.#next++;
		}
		if (this.#names.length === 0 || !path.startsWith(this.#root)) return undefined;
		this.#places ??= new Map(this.#names.map((name, index) => [name, index]));
		const index = this.#places.get(path.slice(length));
		if (index !== undefined) this.#next = index + 1;
		return index;
	}

	/** Throws, or leaves everything as it was, for what is no cache of this root. */
	#load(file: Buffer): void {
		const header = new Uint32Array(file.buffer, file.byteOffset, headerBytes / 4);
		const [found, version, count = 0, nameBytes = 0, rootBytes = 0] = header;
		if (found !== magic || version !== formatVersion) return;
		const statesAt = headerBytes;
		const digestsAt = statesAt + count * stateFields * 8;
		const rootAt = digestsAt + count * digestBytes;
		const namesAt = rootAt + rootBytes;
		if (file.length !== namesAt + nameBytes) return;
		if (!checksumOf(file).equals(file.subarray(checksumAt, headerBytes))) return;
		if (file.toString("utf8", rootAt, namesAt) !== this.#root) return;
		const names = count === 0 ? [] : file.toString("utf8", namesAt).split("\0");
		if (names.length !== count) return;
		this.#states = new BigInt64Array(file.buffer, file.byteOffset + statesAt, count * stateFields);
		this.#digests = file.subarray(digestsAt, rootAt);
		this.#seen = new Uint8Array(count);
		this.#names = names;
	}

	#encode(): Buffer {
		const added = new Map(this.#added.map((file) => [file.name, file]));
		const kept = this.#kept(added);
		const files = [...added.values()];
		const names = Buffer.from([...kept.map((index) => this.#names[index]), ...added.keys()].join("\0"));
		const root = Buffer.from(this.#root);
		const count = kept.length + files.length;
		const statesBytes = count * stateFields * 8;
		const file = Buffer.alloc(headerBytes + statesBytes + count * digestBytes + root.length + names.length);
		file.set(
			new Uint8Array(new Uint32Array([magic, formatVersion, count, names.length, root.length]).buffer),
		);
		const states = new BigInt64Array(count * stateFields);
		const digestsAt = headerBytes + statesBytes;
		for (const [place, index] of kept.entries()) {
			states.set(this.#states.subarray(index * stateFields, (index + 1) * stateFields), place * stateFields);
			this.#digests.copy(
				file,
				digestsAt + place * digestBytes,
				index * digestBytes,
				(index + 1) * digestBytes,
			);
		}
		for (const [number, { state, value }] of files.entries()) {
			const place = kept.length + number;
			const at = place * stateFields;
			states[at] = state.device;
			states[at + 1] = state.inode;
			states[at + 2] = BigInt(state.size);
			states[at + 3] = state.mtimeNs;
			states[at + 4] = state.ctimeNs;
			file.write(value, digestsAt + place * digestBytes, "base64");
		}
		file.set(new Uint8Array(states.buffer), headerBytes);
		file.set(root, digestsAt + count * digestBytes);
		file.set(names, digestsAt + count * digestBytes + root.length);
		file.set(checksumOf(file), checksumAt);
		return file;
	}

	/** Which of the files read from disk are written again: all that were seen, and a bounded number of others. */
	#kept(added: ReadonlyMap<string, Added>): number[] {
		let seen = added.size;
		for (const mark of this.#seen) seen += mark;
		let unseenLeft = seen + unseenKept;
		const kept: number[] = [];
		for (const [index, name] of this.#names.entries()) {
			if (added.has(name)) continue;
			if (this.#seen[index] === 1 || unseenLeft-- > 0) kept.push(index);
		}
		return kept;
	}
}

/** Whether a file changed so shortly before it was read that another change could leave its times as they are. */
function isRacy({ mtimeNs, ctimeNs }: FileState, readAtMs: number): boolean {
	const youngest = mtimeNs > ctimeNs ? mtimeNs : ctimeNs;
	const isCoarse = mtimeNs % secondNs === 0n && ctimeNs % secondNs === 0n;
	return Number(youngest / 1_000_000n) + (isCoarse ? coarseGrainMs : clockGrainMs) > readAtMs;
}

/** A file of this user, at the start of its own memory. Others must not be able to tell us what files contain. */
function readOwn(path: string): Buffer {
	const fd = openSync(path, "r");
	try {
		const stat = fstatSync(fd);
		if (!stat.isFile() || (process.getuid !== undefined && stat.uid !== process.getuid()))
			return Buffer.alloc(0);
		const bytes = readFileSync(fd);
		return bytes.byteOffset % 8 === 0 ? bytes : Buffer.from(new Uint8Array(bytes).buffer);
	} finally {
		closeSync(fd);
	}
}

/** SHA-256 of everything but the place of the checksum itself. */
function checksumOf(file: Buffer): Buffer {
	return createHash("sha256")
		.update(file.subarray(0, checksumAt))
		.update(file.subarray(headerBytes))
		.digest();
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
