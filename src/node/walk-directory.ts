import { type Dir, type Dirent, lstatSync, opendirSync, readdirSync, realpathSync, statSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { WalkedFile, WalkOptions } from "../client/platform.ts";
import { BaleError } from "../core/errors.ts";
import { throwIfAborted } from "../storage/abort.ts";
import { errnoOf, fileError } from "./file-error.ts";
import { statOf } from "./file-stat.ts";
import { statData } from "./file-work.mjs";
import { slashed } from "./path-input.ts";
import { isTemporaryName } from "./temporary-file.ts";

/** Directories of registries, which are never part of a package. */
const registryDirectories = new Set([".bale", ".quilt"]);

/** After this many names the event loop gets its turn. */
const namesPerTurn = 512;
const maxNamesTold = 1000;

/**
 * All regular files below a directory, hidden ones too. Links to files are followed and give the target's
 * path; linked directories are not entered; broken links and special files are passed over with a
 * warning, `.bale` and `.quilt` directories and bale's own temporary files silently. One directory is
 * open at a time, and it is read piece by piece, so memory does not grow with the number of files.
 *
 * Throws `ObjectNotFound` or `NotAFile` when there is no such directory, and at the end `InvalidKey` when
 * there were names that are not UTF-8, listing them: they cannot be keys.
 *
 * Source: quilt3 8.0.0 behaviour of `set_dir`, but for the `.bale` and `.quilt` directories.
 */
export async function* walkDirectory(
	directory: string,
	options: WalkOptions = {},
): AsyncGenerator<WalkedFile, void> {
	// One at a time: what is found is looked at when it is asked for, not before.
	for await (const batch of walkInBatches(directory, options, 1)) yield* batch;
}

/** As `walkDirectory`, some files at a time: a turn of an async generator costs as much as looking at a file. */
export async function* walkInBatches(
	directory: string,
	options: WalkOptions = {},
	batchFiles = 128,
): AsyncGenerator<readonly WalkedFile[], void> {
	const root = realDirectory(directory);
	const invalidNames: string[] = [];
	const pending = [""];
	let names = 0;
	let batch: WalkedFile[] = [];
	for (let relative = pending.pop(); relative !== undefined; relative = pending.pop()) {
		throwIfAborted(options.signal);
		const visit = new DirectoryVisit(root, relative, options, invalidNames);
		visit.open();
		try {
			for (let entry = visit.next(); entry !== null; entry = visit.next()) {
				if (++names % namesPerTurn === 0) {
					await nextTurn();
					throwIfAborted(options.signal);
				}
				const found = visit.look(entry);
				if (typeof found === "string") pending.push(found);
				else if (found !== undefined && batch.push(found) === batchFiles) {
					yield batch;
					batch = [];
				}
			}
		} finally {
			visit.close();
		}
	}
	if (batch.length > 0) yield batch;
	refuseInvalidNames(root, invalidNames);
}

/** Real path of a directory. Throws `ObjectNotFound` or `NotAFile` when there is none. */
export function realDirectory(directory: string): string {
	const stat = statOf(directory);
	if (stat?.kind === "directory") return slashed(realpathSync.native(directory));
	const state = stat === undefined ? "it does not exist" : "it is not a directory";
	throw new BaleError(
		stat === undefined ? "ObjectNotFound" : "NotAFile",
		`Cannot list the files in "${directory}": ${state}`,
		{ details: { path: directory } },
	);
}

/** The reading of one directory. */
export class DirectoryVisit {
	readonly #path: string;
	/** What stands in front of its names in relative paths. */
	readonly base: string;
	readonly #options: WalkOptions;
	readonly #invalidNames: string[];
	#handle: Dir | undefined;
	#rawNames: RawNames | undefined;

	constructor(root: string, relative: string, options: WalkOptions, invalidNames: string[]) {
		this.base = relative === "" ? "" : `${relative}/`;
		this.#path = `${root === "/" ? "" : root}/${this.base}`;
		this.#options = options;
		this.#invalidNames = invalidNames;
	}

	/** For `next()`; to be closed. */
	open(): void {
		this.#handle = this.#attempt(() => opendirSync(this.#path));
	}

	/** All that `next()` would give. */
	all(): Dirent[] {
		return this.#attempt(() => readdirSync(this.#path, { withFileTypes: true })) ?? [];
	}

	next(): Dirent | null {
		try {
			return this.#handle?.readSync() ?? null;
		} catch (error) {
			throw fileError(error, "list", this.#path);
		}
	}

	close(): void {
		this.#handle?.closeSync();
	}

	/** A file, the relative path of a directory to visit, or undefined for what is left out. */
	look(entry: Dirent): WalkedFile | string | undefined {
		const { name } = entry;
		const relativePath = this.base + name;
		if (this.isLeftOut(entry)) return undefined;
		if (entry.isDirectory()) return relativePath;
		if (!entry.isFile()) return this.lookThrough(entry);
		return this.#attempt(() => {
			const path = this.#path + name;
			return { relativePath, path, stat: statData(lstatSync(path, { bigint: true })) };
		}, name);
	}

	/** Whether a name is passed over whatever it names. */
	isLeftOut(entry: Dirent): boolean {
		const { name } = entry;
		const isDirectory = entry.isDirectory();
		if (isDirectory ? registryDirectories.has(name) : isTemporaryName(name)) return true;
		if (this.#options.ignore?.(this.base + name, isDirectory) === true) return true;
		return name.includes("\ufffd") && !this.#isValid(name);
	}

	/** The file that a link leads to; undefined, with a warning, for anything else that is no regular file. */
	lookThrough(entry: Dirent): WalkedFile | undefined {
		return this.#attempt(() => this.#follow(entry), entry.name);
	}

	/** Undefined for what was removed since its name was read. */
	#attempt<T>(look: () => T, name?: string): T | undefined {
		try {
			return look();
		} catch (error) {
			if (errnoOf(error) === "ENOENT") return undefined;
			throw fileError(error, name === undefined ? "list" : "read", this.#path + (name ?? ""));
		}
	}

	#follow(entry: Dirent): WalkedFile | undefined {
		const path = this.#path + entry.name;
		const relativePath = this.base + entry.name;
		if (!entry.isSymbolicLink()) {
			this.#options.onWarning?.({ relativePath, reason: "special-file" });
			return undefined;
		}
		try {
			const stat = statData(statSync(path, { bigint: true }));
			if (stat.kind === "file") return { relativePath, path: slashed(realpathSync.native(path)), stat };
			if (stat.kind === "other") this.#options.onWarning?.({ relativePath, reason: "special-file" });
		} catch (error) {
			if (!["ENOENT", "ENOTDIR", "ELOOP"].includes(errnoOf(error) ?? "")) throw error;
			this.#options.onWarning?.({ relativePath, reason: "dangling-link" });
		}
		return undefined;
	}

	/** Whether a name with a replacement character really has one, or stands for bytes that are not UTF-8. */
	#isValid(name: string): boolean {
		this.#rawNames ??= readRawNames(this.#path);
		const { valid = false, escaped = [] } = this.#rawNames.get(name) ?? {};
		for (const text of escaped.splice(0)) {
			if (this.#invalidNames.length < maxNamesTold) this.#invalidNames.push(this.base + text);
		}
		return valid;
	}
}

type RawNames = Map<string, { valid: boolean; readonly escaped: string[] }>;

/** What the names in a directory are in bytes, by the text that they are decoded to. */
function readRawNames(path: string): RawNames {
	const names: RawNames = new Map();
	for (const bytes of readdirSync(path, { encoding: "buffer" })) {
		const text = bytes.toString();
		const found = names.get(text) ?? { valid: false, escaped: [] };
		if (Buffer.from(text).equals(bytes)) found.valid = true;
		else found.escaped.push(escapeBytes(bytes));
		names.set(text, found);
	}
	return names;
}

/** Printable ASCII as it is, other bytes as `\xNN`. */
function escapeBytes(bytes: Buffer): string {
	return bytes
		.toString("latin1")
		.replace(/[^\x20-\x7e]/g, (byte) => `\\x${byte.charCodeAt(0).toString(16).padStart(2, "0")}`);
}

/** Throws `InvalidKey` that lists names which are not UTF-8, if there are any. */
export function refuseInvalidNames(root: string, names: readonly string[]): void {
	if (names.length === 0) return;
	const shown = names.slice(0, 5).map((name) => `"${name}"`);
	const more = names.length > shown.length ? ` and ${names.length - shown.length} more` : "";
	throw new BaleError(
		"InvalidKey",
		`Cannot use files in "${root}": names that are not UTF-8: ${shown.join(", ")}${more}`,
		{ hint: "Rename these files, or leave them out", details: { directory: root, names } },
	);
}
