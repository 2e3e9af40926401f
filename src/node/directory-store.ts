import { createHash } from "./crypto.mjs";
import { closeSync, fstatSync, rmdirSync, unlinkSync } from "node:fs";
import { dirname } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { BaleError, isBaleError } from "../core/errors.ts";
import { isFixedVersion, type PhysicalKey } from "../core/physical-key.ts";
import { unportableReason } from "../core/portable-key.ts";
import { throwIfAborted } from "../storage/abort.ts";
import { checkRange, chunksOf, sliceOf, streamOf, toByteSource } from "../storage/byte-source.ts";
import { checkCondition, conflict } from "../storage/condition.ts";
import { checkStoreKey } from "../storage/store-key.ts";
import type {
	ByteSource,
	DeleteOptions,
	ListItem,
	ListOptions,
	LocalBytes,
	ObjectBody,
	ObjectInfo,
	ReadOptions,
	Store,
	WriteOptions,
} from "../storage/store.ts";
import {
	describeObject,
	hashedEtagBytes,
	openObject,
	smallContent,
	type OpenObject,
} from "./directory-object.ts";
import { foldersBelow, foldersHolding, listDirectory } from "./directory-listing.ts";
import { makeDirectories, removeEmptyDirectories } from "./directories.ts";
import { openFileBytes } from "./file-bytes.ts";
import { errnoOf, fileError } from "./file-error.ts";
import { withFileLock } from "./file-lock.ts";
import { descriptorStream } from "./file-source.ts";
import { linkStatOf, statOf } from "./file-stat.ts";
import { FileWriter } from "./file-writer.ts";
import { isDeliverable, receive } from "./receive-file.ts";
import { removeLeftovers, syncDirectory, temporaryName } from "./temporary-file.ts";

/** Directories below the root that belong to the store itself. */
const temporaryPrefix = ".bale/tmp/";
const lockPrefix = ".bale/locks/";
/** Those that belong to the folder as a bucket, when it is served: they can be read, but a listing must ask for them. */
const servedPrefixes = [".bale/versions/", ".bale/uploads/", ".bale/bucket/"];
const unlisted: ReadonlySet<string> = new Set([temporaryPrefix, lockPrefix, ...servedPrefixes]);

const nothingThere = new Set(["ENOENT", "ENOTDIR", "ENAMETOOLONG", "ELOOP"]);
const maxPublishAttempts = 20;

export type DirectoryStoreOptions = {
	/** `"power"` (default): what is acknowledged survives a power cut; `"process"`: only the end of the process. */
	readonly durability?: "power" | "process";
};

/**
 * A directory as a store: the object `a/b` is the file `a/b`. Writes are made in `.bale/tmp/` and put in
 * place whole; conditional ones are decided under a lock file in `.bale/locks/`. Works beside programs
 * that write the same files without locks, except that they may overwrite what they did not see.
 *
 * `a` and `a/b` cannot both be objects here: `KeyCollision`. No space is `NoSpace`, no permission
 * `AccessDenied`, a name that the file system cannot hold `UnportableKey`, and a symlink that leads out
 * of the root `UnsafeDestination` for writing (reading follows it).
 */
export class DirectoryStore implements Store {
	readonly root: PhysicalKey;
	readonly features = { versions: false, conditions: true, writable: true } as const;
	readonly #root: string;
	readonly #durable: boolean;
	#prepared = false;
	/** Directories with new names that a power cut might still lose, and the number of the newest one. */
	readonly #unsynced = new Map<string, number>();
	#names = 0;

	/** `root` is an absolute real path; the directory is made when something is first written. */
	constructor(root: string, options: DirectoryStoreOptions = {}) {
		this.#root = root.length > 1 ? root.replace(/\/+$/, "") : root;
		this.root = { kind: "file", path: this.#root };
		this.#durable = options.durability !== "process";
	}

	/** Absolute path of the file of an object. Throws `InvalidKey`. */
	localPath(key: string): string {
		checkStoreKey(key);
		refuseBelow([temporaryPrefix, lockPrefix], key);
		if (process.platform === "win32") checkPortable(key, "windows");
		return `${this.#root === "/" ? "" : this.#root}/${key}`;
	}

	async get(key: string, options: ReadOptions = {}): Promise<ObjectBody | undefined> {
		const opened = this.#open(key, options);
		if (opened === undefined) return undefined;
		const { info, bytes, fd } = opened;
		const { range = { offset: 0, length: info.size }, signal } = options;
		if (bytes !== undefined) return { info, body: streamOf(sliceOf(bytes, range)) };
		try {
			checkRange(range, info.size);
		} catch (error) {
			closeSync(fd);
			throw error;
		}
		const check = (): void => {
			if (fstatSync(fd).size === info.size) return;
			throw new BaleError("SourceChanged", `Cannot read "${key}": it was written to while it was read`);
		};
		return {
			info,
			body: descriptorStream({ path: this.localPath(key), range, open: () => fd, check }, signal),
		};
	}

	openBytes(key: string): LocalBytes | undefined {
		return openFileBytes(this.localPath(key));
	}

	readSmall(key: string, limitBytes: number): Uint8Array | undefined {
		return smallContent(this.localPath(key), limitBytes);
	}

	folders(prefix: string, holding?: string): readonly string[] {
		if (holding === undefined) return foldersBelow(this.#root, prefix);
		return foldersHolding(this.#root, prefix, holding);
	}

	async head(key: string, options: ReadOptions = {}): Promise<ObjectInfo | undefined> {
		const opened = this.#open(key, options);
		if (opened?.fd !== undefined) closeSync(opened.fd);
		return opened?.info;
	}

	async put(key: string, source: ByteSource | Uint8Array, options: WriteOptions = {}): Promise<ObjectInfo> {
		const path = this.localPath(key);
		refuseBelow(servedPrefixes, key);
		checkPortable(key, "posix");
		throwIfAborted(options.signal);
		const info = await this.#write(key, path, source, options);
		this.#noteName(dirname(path));
		await this.#syncNames();
		return info;
	}

	async #write(
		key: string,
		path: string,
		source: ByteSource | Uint8Array,
		{ condition, signal }: WriteOptions,
	): Promise<ObjectInfo> {
		const writer = new FileWriter(this.#newTemporary(), path);
		try {
			const { size, digest } = await writeBody(writer, toByteSource(source), signal);
			await writer.finish(this.#durable);
			throwIfAborted(signal);
			const place = (replace: boolean): ObjectInfo => {
				const stat = this.#place(writer, key, path, replace);
				return describeObject(key, { ...stat, size }, digest);
			};
			if (condition !== undefined && "ifAbsent" in condition) {
				this.#checkAbsent(key);
				return place(false);
			}
			return await this.#locked(key, signal, () => {
				if (condition !== undefined) checkCondition(key, condition, this.#etagOf(key));
				return place(true);
			});
		} finally {
			writer.close();
		}
	}

	async delete(key: string, { ifEtag, signal }: DeleteOptions = {}): Promise<void> {
		const path = this.localPath(key);
		refuseBelow(servedPrefixes, key);
		throwIfAborted(signal);
		if (linkStatOf(path) === undefined) return;
		await this.#locked(key, signal, () => {
			if (ifEtag !== undefined && this.#etagOf(key) !== ifEtag) return;
			try {
				this.#checkInside(path);
				unlinkSync(path);
			} catch (error) {
				const errno = errnoOf(error) ?? "";
				if (nothingThere.has(errno) || statOf(path)?.kind === "directory") return;
				throw fileError(error, "delete", path);
			}
			this.#noteName(removeEmptyDirectories(dirname(path), this.#root));
		});
		await this.#syncNames();
	}

	async *list(prefix: string, options: ListOptions = {}): AsyncGenerator<ListItem, void> {
		const { delimiter, startAfter, signal } = options;
		let untilTurn = 256;
		throwIfAborted(signal);
		for (const item of listDirectory(this.#root, { prefix, delimiter, startAfter, hidden: unlisted })) {
			if (--untilTurn === 0) {
				await nextTurn();
				untilTurn = 256;
			}
			throwIfAborted(signal);
			if ("prefix" in item) {
				yield item;
				continue;
			}
			const info = await this.head(item.key);
			if (info !== undefined) yield info;
		}
	}

	#open(key: string, options: ReadOptions): OpenObject | undefined {
		const path = this.localPath(key);
		throwIfAborted(options.signal);
		if (isFixedVersion(options.versionId)) return undefined;
		return openObject(key, path);
	}

	#etagOf(key: string): string | undefined {
		const opened = this.#open(key, {});
		if (opened?.fd !== undefined) closeSync(opened.fd);
		return opened?.info.etag;
	}

	#checkAbsent(key: string): void {
		const etag = this.#etagOf(key);
		if (etag !== undefined) throw conflict(key, "it exists already", { found: etag });
	}

	/**
	 * Makes all new names durable, also those that another write of this store is just making: this one's
	 * object may lie below them.
	 */
	async #syncNames(): Promise<void> {
		if (!this.#durable) return;
		const found = [...this.#unsynced];
		await Promise.all(found.map(([directory]) => syncDirectory(directory)));
		for (const [directory, newest] of found) {
			if (this.#unsynced.get(directory) === newest) this.#unsynced.delete(directory);
		}
	}

	#noteName(directory: string): void {
		if (this.#durable) this.#unsynced.set(directory, ++this.#names);
	}

	/** A temporary file's path; its directory exists after this, and leftovers of dead processes do not. */
	#newTemporary(): string {
		const directory = `${this.#root}/${temporaryPrefix.slice(0, -1)}`;
		makeDirectories(this.#root, directory);
		if (!this.#prepared) {
			removeLeftovers(directory);
			removeLeftovers(`${this.#root}/${lockPrefix.slice(0, -1)}`);
			this.#prepared = true;
		}
		return `${directory}/${temporaryName()}`;
	}

	/** A deletion beside us may remove the directory that we have just made: then it is made again. */
	#place(writer: FileWriter, key: string, path: string, replace: boolean): ReturnType<FileWriter["publish"]> {
		for (let attempt = 1; ; attempt++) {
			try {
				this.#makeParents(key, path);
				return writer.publish(path, replace);
			} catch (error) {
				const again = attempt < maxPublishAttempts;
				if (isBaleError(error, "ObjectNotFound") && again) continue;
				if (!isBaleError(error, "DestinationConflict")) throw error;
				if (linkStatOf(path)?.kind !== "directory") throw conflict(key, "it exists already");
				if (again && removeEmptyTree(path)) continue;
				throw new BaleError("KeyCollision", `Cannot write "${key}": there are objects below "${key}/"`, {
					details: { key },
				});
			}
		}
	}

	#makeParents(key: string, path: string): void {
		try {
			makeDirectories(this.#root, dirname(path), { onNewName: (parent) => this.#noteName(parent) });
		} catch (error) {
			if (isBaleError(error, "DestinationConflict")) {
				throw new BaleError("KeyCollision", `Cannot write "${key}": a part of its path is an object`, {
					details: { key },
					cause: error,
				});
			}
			throw error;
		}
	}

	#checkInside(path: string): void {
		makeDirectories(this.#root, dirname(path), { create: false });
	}

	#locked<T>(key: string, signal: AbortSignal | undefined, work: () => T): Promise<T> {
		const name = createHash("sha256").update(key).digest("hex");
		return withFileLock(`${this.#root}/${lockPrefix}${name}.lock`, work, { signal, subject: key });
	}
}

function refuseBelow(prefixes: readonly string[], key: string): void {
	if (!prefixes.some((prefix) => `${key}/`.startsWith(prefix))) return;
	throw new BaleError("InvalidKey", `Cannot use "${key}" as a key: the store keeps its own files there`, {
		details: { key },
	});
}

async function writeBody(
	writer: FileWriter,
	source: ByteSource,
	signal: AbortSignal | undefined,
): Promise<{ size: number; digest: string | undefined }> {
	const hash = source.size <= hashedEtagBytes ? createHash("sha256") : undefined;
	const { size } = source;
	if (isDeliverable(source)) {
		await receive(source, undefined, writer, hash === undefined ? [] : [hash], { signal });
		return { size, digest: hash?.digest("hex") };
	}
	for await (const chunk of chunksOf(source, signal)) {
		hash?.update(chunk);
		await writer.write(chunk);
	}
	return { size, digest: hash?.digest("hex") };
}

/** Removes a directory if it is empty; a deletion may have left it for a moment. */
function removeEmptyTree(path: string): boolean {
	try {
		rmdirSync(path);
		return true;
	} catch (error) {
		return errnoOf(error) === "ENOENT";
	}
}

function checkPortable(key: string, system: "posix" | "windows"): void {
	const reason = unportableReason(key, system);
	if (reason === undefined) return;
	throw new BaleError("UnportableKey", `Cannot keep "${key}" in a file: ${reason}`, { details: { key } });
}
