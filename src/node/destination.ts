import {
	closeSync,
	existsSync,
	lstatSync,
	openSync,
	realpathSync,
	statfsSync,
	statSync,
	unlinkSync,
} from "node:fs";
import { dirname } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { CopyFilesOptions, CopyJob, CopyResult, Destination, FileStat } from "../client/platform.ts";
import { display } from "../core/display.ts";
import { BaleError } from "../core/errors.ts";
import { parseLogicalKey } from "../core/logical-key.ts";
import { throwIfAborted } from "../storage/abort.ts";
import { CollisionSuspicion } from "./collision-suspicion.ts";
import { copyFiles, maxRememberedDirectories, type CopyEnvironment } from "./copy-files.ts";
import {
	checkDestinationKey,
	collisionError,
	currentSystem,
	findCollision,
	type Folding,
	type KeyRules,
} from "./destination-keys.ts";
import { makeDirectories, removeEmptyDirectories } from "./directories.ts";
import { errnoOf, fileError } from "./file-error.ts";
import { linkStatOf, statOf } from "./file-stat.ts";
import { slashed } from "./path-input.ts";
import { discard, temporaryName } from "./temporary-file.ts";

const keysPerTurn = 1000;

/** A directory of this machine that packages are installed into. */
export class DirectoryDestination implements Destination {
	readonly path: string;
	readonly #environment: CopyEnvironment;
	/** Directories that are known to be real and inside. */
	readonly #known = new Set<string>();
	#rules: KeyRules | undefined;

	/** `path` is absolute and resolved (no symlink in the part that exists), without a slash at its end. */
	constructor(path: string, environment: Pick<CopyEnvironment, "pool" | "durable">) {
		this.path = path;
		this.#environment = { ...environment, makeDirectory: (directory) => this.#makeDirectory(directory) };
	}

	pathOf(key: string): string {
		parseLogicalKey(key);
		return this.path === "/" ? `/${key}` : `${this.path}/${key}`;
	}

	async check(
		keys: Iterable<string>,
		{ signal, bytes = 0 }: { readonly signal?: AbortSignal | undefined; readonly bytes?: number } = {},
	): Promise<void> {
		const rules = this.#keyRules();
		const inTurns = async (work: (key: string) => void): Promise<void> => {
			let count = 0;
			for (const key of keys) {
				if (count++ % keysPerTurn === 0) {
					await nextTurn();
					throwIfAborted(signal);
				}
				work(key);
			}
		};
		const suspicion = new CollisionSuspicion();
		await inTurns((key) => {
			checkDestinationKey(key, rules);
			suspicion.add(key);
		});
		const suspects = suspicion.among(keys);
		// Keys that are apart when all is folded are apart everywhere.
		if (findCollision(suspects, { case: true, normalization: true }) !== undefined) {
			const exact = findCollision(suspects, { case: false, normalization: false });
			// The file system is only asked when its answer matters.
			const collision = exact ?? findCollision(suspects, probeFolding(this.path));
			if (collision !== undefined) throw collisionError(collision);
		}
		const looked = new Map<string, boolean>();
		await inTurns((key) => {
			this.#checkPlace(key, looked);
			if (looked.size >= maxRememberedDirectories) looked.clear();
		});
		checkSpace(this.path, bytes);
	}

	async stat(key: string): Promise<FileStat | undefined> {
		const path = this.pathOf(key);
		if (!makeDirectories(this.path, dirname(path), { create: false, links: "refuse" })) return undefined;
		return linkStatOf(path);
	}

	async write(
		jobs: readonly (Omit<CopyJob, "to"> & { readonly key: string })[],
		options?: CopyFilesOptions,
	): Promise<CopyResult[]> {
		const rules = this.#keyRules();
		let bytes = 0;
		const copies = jobs.map(({ key, ...job }): CopyJob => {
			checkDestinationKey(key, rules);
			bytes += job.size;
			return { ...job, to: this.pathOf(key) };
		});
		checkSpace(this.path, bytes);
		return copyFiles(copies, this.#environment, options);
	}

	async remove(key: string): Promise<void> {
		const path = this.pathOf(key);
		if (!makeDirectories(this.path, dirname(path), { create: false, links: "refuse" })) return;
		try {
			unlinkSync(path);
		} catch (error) {
			if (errnoOf(error) !== "ENOENT") throw fileError(error, "remove", path);
		}
		// Directories that are gone must be made again, and looked at again.
		this.#known.clear();
		removeEmptyDirectories(dirname(path), this.path);
	}

	#keyRules(): KeyRules {
		this.#rules ??= {
			directory: this.path,
			system: currentSystem(),
			inRegistry: isInRegistry(this.path),
		};
		return this.#rules;
	}

	/** What is there already must be what the key needs: directories on the way, no directory at its end. */
	#checkPlace(key: string, looked: Map<string, boolean>): void {
		const path = this.pathOf(key);
		const directory = dirname(path);
		let exists = looked.get(directory);
		if (exists === undefined) {
			exists = makeDirectories(this.path, directory, { create: false, links: "refuse" });
			looked.set(directory, exists);
		}
		if (!exists) return;
		try {
			if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return;
		} catch (error) {
			throw fileError(error, "read", path);
		}
		throw new BaleError("DestinationConflict", `Cannot write "${display(key)}": "${path}" is a directory`, {
			hint: "Move the directory away",
			details: { key, path },
		});
	}

	#makeDirectory(directory: string): readonly string[] {
		if (this.#known.size >= maxRememberedDirectories) this.#known.clear();
		makeDirectories(this.path, directory, { links: "refuse", known: this.#known });
		const touched: string[] = [];
		for (let current = directory; current.length > this.path.length; current = dirname(current)) {
			touched.push(dirname(current));
		}
		return touched;
	}
}

/** Whether a directory is a registry or lies in one: it or a directory above it has a `.quilt`. */
function isInRegistry(directory: string): boolean {
	for (let current = directory; ; current = dirname(current)) {
		if (existsSync(`${current === "/" ? "" : current}/.quilt`)) return true;
		if (dirname(current) === current) return false;
	}
}

/**
 * What the file system of a directory takes for the same name, found out by making two files in it (or
 * in the nearest directory above it that exists) and asking for them by other names.
 */
function probeFolding(directory: string): Folding {
	let existing = directory;
	while (statOf(existing)?.kind !== "directory" && dirname(existing) !== existing)
		existing = dirname(existing);
	const base = `${existing}/${temporaryName()}`;
	return {
		case: isSeenAs(`${base}-a`, `${base}-A`),
		normalization: isSeenAs(`${base}-\u00e9`, `${base}-e\u0301`),
	};
}

function isSeenAs(made: string, asked: string): boolean {
	try {
		closeSync(openSync(made, "wx"));
		return lstatSync(asked, { throwIfNoEntry: false }) !== undefined;
	} catch (error) {
		throw fileError(error, "write", made);
	} finally {
		discard(made);
	}
}

/** Throws `NoSpace` when a destination certainly cannot take this many bytes. */
function checkSpace(directory: string, neededBytes: number): void {
	let existing = directory;
	while (!existsSync(existing) && dirname(existing) !== existing) existing = dirname(existing);
	let freeBytes: number;
	try {
		const { bavail, bsize } = statfsSync(existing);
		freeBytes = bavail * bsize;
		// Some network and virtual file systems say 0 of 0.
		if (bsize === 0 || (freeBytes === 0 && statfsSync(existing).blocks === 0)) return;
	} catch {
		return;
	}
	if (neededBytes <= freeBytes) return;
	throw new BaleError(
		"NoSpace",
		`Cannot write into "${directory}": ${neededBytes} bytes are needed and ${freeBytes} are free`,
		{
			hint: "Free some space and run the same again",
			details: { path: directory, needed: neededBytes, free: freeBytes },
		},
	);
}

/** Opens a destination; `NotAFile` when something other than a directory has the name. */
export function openDestination(
	path: string,
	environment: Pick<CopyEnvironment, "pool" | "durable">,
): DirectoryDestination {
	try {
		const stat = statSync(path, { throwIfNoEntry: false });
		if (stat !== undefined && !stat.isDirectory()) {
			throw new BaleError("NotAFile", `Cannot write into "${path}": it is not a directory`, {
				details: { path },
			});
		}
		return new DirectoryDestination(
			stat === undefined ? path : slashed(realpathSync.native(path)),
			environment,
		);
	} catch (error) {
		throw fileError(error, "open", path);
	}
}
