import { appendFileSync, mkdirSync, unlinkSync } from "node:fs";
import { dirname } from "node:path";
import { isBaleError } from "../core/errors.ts";
import { commonDirectory } from "../client/common-directory.ts";
import type {
	CopyFilesOptions,
	CopyJob,
	CopyResult,
	FileSource,
	FileStat,
	FolderOptions,
	HashedFile,
	HashedFolder,
	HashJob,
	HashOptions,
	LocalFiles,
	RecallOptions,
	WalkedFile,
	WalkOptions,
} from "../client/platform.ts";
import type { Hash } from "../core/hash.ts";
import { collect } from "../storage/byte-source.ts";
import { copyFiles } from "./copy-files.ts";
import { type DirectoryDestination, openDestination } from "./destination.ts";
import { errnoOf, fileError } from "./file-error.ts";
import { fileSource } from "./file-source.ts";
import { linkStatOf, statOf } from "./file-stat.ts";
import { withFileLock } from "./file-lock.ts";
import { FileWriter } from "./file-writer.ts";
import { hashFiles } from "./hash-files.ts";
import { hashFolder } from "./hash-folder.ts";
import { realPathOf, resolveInput, slashed } from "./path-input.ts";
import { syncDirectory, temporaryName } from "./temporary-file.ts";
import { walkDirectory, walkInBatches } from "./walk-directory.ts";
import { StatCache } from "./stat-cache.ts";
import { WorkerPool } from "./worker-pool.ts";

export type NodeFilesOptions = {
	/** Most threads; default: the processors that this process may use, 2 to 8. */
	readonly threads?: number;
	/**
	 * `"power"` (default): copied data are on the disk when a copy is done; `"process"` (or the environment
	 * variable `BALE_DURABILITY=process`): they survive the end of the process, but not a power cut.
	 */
	readonly durability?: "power" | "process";
	/** Folder that remembers the hashes of untouched files, asked for at every use; absent: every file is read. */
	readonly cacheFolder?: () => string | undefined;
};

/** A lock that is kept longer was most likely left by somebody who is not there any more. */
const updateWaitMs = 2_000;

/** The files of this machine, by Node. */
export class NodeFiles implements LocalFiles {
	readonly #pool: WorkerPool;
	readonly #durable: boolean;
	readonly #cacheFolder: () => string | undefined;

	constructor(options: NodeFilesOptions = {}) {
		this.#pool = new WorkerPool(options.threads);
		this.#durable = (options.durability ?? process.env["BALE_DURABILITY"]) !== "process";
		this.#cacheFolder = options.cacheFolder ?? (() => undefined);
	}

	resolve(input: string): string {
		return resolveInput(input);
	}

	async stat(path: string): Promise<FileStat | undefined> {
		return statOf(path);
	}

	async realPath(path: string): Promise<string | undefined> {
		const real = realPathOf(path);
		return real === undefined ? undefined : slashed(real);
	}

	walk(directory: string, options?: WalkOptions): AsyncIterable<WalkedFile> {
		return walkDirectory(directory, options);
	}

	walkInBatches(directory: string, options?: WalkOptions): AsyncIterable<readonly WalkedFile[]> {
		return walkInBatches(directory, options);
	}

	async open(path: string): Promise<FileSource> {
		return fileSource(path);
	}

	/** UTF-8, with U+FFFD for what is not; undefined when there is no such file. */
	async readText(path: string): Promise<string | undefined> {
		if (statOf(path) === undefined && linkStatOf(path) === undefined) return undefined;
		return new TextDecoder().decode(await collect(fileSource(path).open()));
	}

	hash(
		jobs: readonly HashJob[] | AsyncIterable<readonly HashJob[]>,
		options: HashOptions = {},
	): Promise<Hash[]> {
		const root = options.root ?? ("length" in jobs ? commonDirectory(jobs) : undefined);
		const cache = this.#cache(root, options);
		return hashFiles("length" in jobs ? [jobs] : jobs, { pool: this.#pool, cache }, options);
	}

	hashFolder(directory: string, options: FolderOptions = {}): Promise<HashedFolder> {
		const cacheOf = (root: string): StatCache | undefined => this.#cache(root, options);
		return hashFolder(directory, { pool: this.#pool, cacheOf }, options);
	}

	recall(
		files: readonly { readonly path: string; readonly size: number }[],
		options: RecallOptions = {},
	): (Hash | undefined)[] {
		const cache = this.#cache(options.root ?? commonDirectory(files), options);
		return files.map(({ path, size }) => {
			const stat = cache === undefined || cache.size === 0 ? undefined : statOf(path);
			const value = stat?.size === size ? cache?.find(path, stat) : undefined;
			return value === undefined ? undefined : { type: "sha2-256-chunked", value };
		});
	}

	async remember(files: readonly HashedFile[], options: RecallOptions = {}): Promise<void> {
		const cache = this.#cache(options.root ?? commonDirectory(files), options);
		for (const { path, source, hash } of files) cache?.add(path, source.stat, hash.value, source.openedMs);
		cache?.save();
	}

	#cache(root: string | undefined, { cache }: RecallOptions): StatCache | undefined {
		const folder = cache === false ? undefined : this.#cacheFolder();
		return folder === undefined || root === undefined ? undefined : StatCache.open(folder, root);
	}

	copy(jobs: readonly CopyJob[], options?: CopyFilesOptions): Promise<CopyResult[]> {
		return copyFiles(jobs, { pool: this.#pool, durable: this.#durable }, options);
	}

	/** Always flushed: what is written here are records and settings. Directories that are missing are made. */
	async write(path: string, bytes: Uint8Array, options: { readonly mode?: number } = {}): Promise<void> {
		const directory = dirname(path);
		makeParent(path, options.mode);
		const writer = new FileWriter(`${directory}/${temporaryName()}`, path, options.mode ?? 0o644);
		try {
			await writer.write(bytes);
			await writer.finish(true);
			writer.publish(path, true);
		} finally {
			writer.close();
		}
		await syncDirectory(directory);
	}

	async update(
		path: string,
		change: (text: string | undefined) => string | undefined,
		options?: { readonly mode?: number },
	): Promise<void> {
		// Most changes are none, and need no place that can be written.
		if (change(await this.readText(path)) === undefined) return;
		const replace = async (): Promise<void> => {
			const text = change(await this.readText(path));
			if (text !== undefined) await this.write(path, new TextEncoder().encode(text), options);
		};
		makeParent(path, options?.mode);
		await withFileLock(`${path}.lock`, replace, { waitMs: updateWaitMs }).catch(async (error: unknown) => {
			if (!isBaleError(error, "Locked")) throw error;
			await replace();
		});
	}

	/** In one write call, so that lines of several processes do not mix. */
	async append(path: string, bytes: Uint8Array): Promise<void> {
		makeParent(path, undefined);
		try {
			appendFileSync(path, bytes);
		} catch (error) {
			throw fileError(error, "write", path);
		}
	}

	/** Removing what is not there is no error. */
	async remove(path: string): Promise<void> {
		try {
			unlinkSync(path);
		} catch (error) {
			if (errnoOf(error) !== "ENOENT") throw fileError(error, "remove", path);
		}
	}

	async destination(path: string): Promise<DirectoryDestination> {
		const resolved = resolveInput(path).replace(/(?<=.)\/+$/, "");
		return openDestination(resolved, { pool: this.#pool, durable: this.#durable });
	}

	close(): Promise<void> {
		return this.#pool.close();
	}
}

/** A file that only its owner may read gets directories that only its owner may enter. */
function makeParent(path: string, mode: number | undefined): void {
	const isPrivate = mode !== undefined && (mode & 0o077) === 0;
	try {
		mkdirSync(dirname(path), { recursive: true, ...(isPrivate ? { mode: 0o700 } : {}) });
	} catch (error) {
		throw fileError(error, "make", dirname(path));
	}
}
