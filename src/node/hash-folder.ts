/**
 * Hashing everything below a directory for its manifest. Files are numbered in the order of the entries and kept as columns:
 * an object for each of them, and a look at each before it is opened anyway, would cost as much as hashing small ones.
 */
import { lstatSync } from "node:fs";
import type { FileState, FolderOptions, HashedFolder, HashJob, WalkedFile } from "../client/platform.ts";
import { partSize } from "../core/hash.ts";
import { throwIfAborted } from "../storage/abort.ts";
import { errnoOf, fileError, workError } from "./file-error.ts";
import { stateFields } from "./file-work.mjs";
import { batchBytes, type Costed, costOfFileBytes, hashFiles, runPlanned, stateAt } from "./hash-files.ts";
import { isRacy, type StatCache } from "./stat-cache.ts";
import { realDirectory } from "./walk-directory.ts";
import { walkInOrder } from "./walk-in-order.ts";
import type { WorkerPool } from "./worker-pool.ts";

/** Files that are found, and given to a thread, at once. */
const batchFiles = 256;
/** So many files are looked at first, so that threads only start for work that is worth it. */
const filesLookedAt = 512;
/** Larger files are hashed part by part. */
const wholeBytes = partSize(0);

export type FolderEnvironment = {
	readonly pool: WorkerPool;
	/** What is known of the files below a directory (a real path). */
	readonly cacheOf: (root: string) => StatCache | undefined;
};

/** Contract and errors: `LocalFiles.hashFolder`. */
export async function hashFolder(
	directory: string,
	{ pool, cacheOf }: FolderEnvironment,
	options: FolderOptions = {},
): Promise<HashedFolder> {
	throwIfAborted(options.signal);
	const root = realDirectory(directory);
	const cache = cacheOf(root);
	const run = new FolderRun(root, cache, options);
	await runPlanned(run.plan(), pool, options);
	const apart = run.apart();
	await hashFiles(
		[apart.map(({ job }) => job)],
		{ pool },
		{
			signal: options.signal,
			concurrency: options.concurrency,
			onBytes: (_job, bytes) => options.onBytes?.(bytes),
			onHashed: (job, hash, state) => apart[job]?.settle(hash.value, state),
		},
	);
	run.remember();
	return run;
}

class FolderRun implements HashedFolder {
	readonly root: string;
	readonly keys: string[] = [];
	readonly paths = new Map<number, string>();
	readonly hashes: string[] = [];
	states: BigInt64Array = new BigInt64Array(1024 * stateFields);
	readonly #cache: StatCache | undefined;
	readonly #options: FolderOptions;
	/** What stands in front of a key. */
	readonly #base: string;
	readonly #startedMs = Date.now();
	/** Files that no batch takes. */
	readonly #apart: number[] = [];
	/** 1: may be remembered. */
	#isGood = new Uint8Array(1024);
	#news = 0;

	constructor(root: string, cache: StatCache | undefined, options: FolderOptions) {
		this.root = root;
		this.#base = root === "/" ? "/" : `${root}/`;
		this.#cache = cache;
		this.#options = options;
	}

	/** Finds the files, and gives the tasks for those that must be read. */
	async *plan(): AsyncGenerator<Costed, void> {
		const { select } = this.#options;
		const isKnown = this.#cache !== undefined && this.#cache.size > 0;
		let batch = new Batch();
		for await (const { keys, links } of walkInOrder(this.root, this.#options, batchFiles)) {
			for (let number = 0; number < keys.length; number++) {
				const key = keys[number] as string;
				if (select?.(key) === false) continue;
				const index = this.keys.length;
				const link = links.size === 0 ? undefined : links.get(number);
				let size = 0;
				if (isKnown || link !== undefined || index < filesLookedAt) {
					const state = link?.stat ?? lookAt(this.#base + key);
					if (state === undefined) continue; // gone since its name was read
					if (this.#take(index, key, state, link)) continue;
					size = state.size;
				} else this.keys.push(key);
				if (!batch.add(index, key, size)) continue;
				yield this.#assign(batch);
				batch = new Batch();
			}
		}
		if (batch.indexes.length > 0) yield this.#assign(batch);
	}

	/** The files that are to be hashed one by one, and what is to be done with each result. */
	apart(): { readonly job: HashJob; readonly settle: (value: string, state: FileState) => void }[] {
		return this.#apart.map((index) => {
			const stat = stateAt(this.states, index);
			const path = this.paths.get(index) ?? this.#base + (this.keys[index] ?? "");
			return {
				job: { path, size: stat.size, type: "sha2-256-chunked", stat },
				settle: (value, state) => {
					this.#putState(index, state);
					this.#settleRead(index, value);
				},
			};
		});
	}

	remember(): void {
		this.states = this.states.subarray(0, this.keys.length * stateFields);
		this.#cache?.record({
			names: this.keys,
			states: this.states,
			values: this.hashes,
			isGood: this.#isGood.subarray(0, this.keys.length),
			news: this.#news,
		});
		this.#cache?.save();
	}

	/** Adds a file that was looked at. False: it is to be read in a batch. */
	#take(index: number, key: string, state: FileState, link: WalkedFile | undefined): boolean {
		this.keys.push(key);
		this.#putState(index, state);
		if (link !== undefined) this.paths.set(index, link.path);
		const value = this.#cache?.find(this.#base + key, state);
		if (value !== undefined) {
			this.#isGood[index] = 1;
			this.#settle(index, value, "kept");
			this.#options.onBytes?.(state.size);
			return true;
		}
		if (link === undefined && state.size <= wholeBytes) return false;
		this.#apart.push(index);
		return true;
	}

	#assign({ indexes, names, cost }: Batch): Costed {
		const task = { kind: "hash", plain: false, seen: true, sizes: undefined, wholeBytes } as const;
		return {
			cost,
			task: { ...task, base: this.#base, paths: names.join("\0") },
			onBytes: () => undefined,
			settle: ({ hashes = [], states = new BigInt64Array() }) => {
				this.#putStates(indexes, states);
				let bytes = 0;
				for (let item = 0; item < hashes.length; item++) {
					const outcome = hashes[item] ?? "";
					if (typeof outcome !== "string") throw workError(outcome, "hash");
					const index = indexes[item] as number;
					if (outcome === "") this.#apart.push(index);
					else {
						this.#settleRead(index, outcome);
						bytes += this.#sizeOf(index);
					}
				}
				this.#options.onBytes?.(bytes);
			},
		};
	}

	#settleRead(index: number, value: string): void {
		const at = index * stateFields;
		const [mtimeNs, ctimeNs] = [this.states[at + 3] as bigint, this.states[at + 4] as bigint];
		if (!isRacy({ mtimeNs, ctimeNs }, this.#startedMs)) {
			this.#isGood[index] = 1;
			this.#news++;
		}
		this.#settle(index, value, "hashed");
	}

	#settle(index: number, value: string, how: "hashed" | "kept"): void {
		this.hashes[index] = value;
		const { onFile } = this.#options;
		onFile?.(this.keys[index] ?? "", this.#sizeOf(index), how);
	}

	#sizeOf(index: number): number {
		return Number(this.states[index * stateFields + 2]);
	}

	#putState(index: number, state: FileState): void {
		this.#makeRoom(index);
		const at = index * stateFields;
		this.states[at] = state.device;
		this.states[at + 1] = state.inode;
		this.states[at + 2] = BigInt(state.size);
		this.states[at + 3] = state.mtimeNs;
		this.states[at + 4] = state.ctimeNs;
	}

	#putStates(indexes: readonly number[], states: BigInt64Array): void {
		const [first = 0, last = 0] = [indexes[0], indexes.at(-1)];
		this.#makeRoom(last);
		if (last - first === indexes.length - 1) {
			this.states.set(states, first * stateFields);
			return;
		}
		for (const [item, index] of indexes.entries()) {
			const at = item * stateFields;
			this.states.set(states.subarray(at, at + stateFields), index * stateFields);
		}
	}

	#makeRoom(index: number): void {
		const have = this.#isGood.length;
		if (index < have) return;
		const room = Math.max(index + 1, 2 * have);
		const [states, isGood] = [new BigInt64Array(room * stateFields), new Uint8Array(room)];
		states.set(this.states);
		isGood.set(this.#isGood);
		this.states = states;
		this.#isGood = isGood;
	}
}

/** Files that one task hashes. */
class Batch {
	readonly indexes: number[] = [];
	readonly names: string[] = [];
	cost = 0;

	/** True: that is enough. A size that is not known counts as 0. */
	add(index: number, name: string, size: number): boolean {
		this.indexes.push(index);
		this.names.push(name);
		this.cost += size + costOfFileBytes;
		return this.cost >= batchBytes || this.names.length === batchFiles;
	}
}

/** The state of a file, or undefined when it has gone. */
function lookAt(path: string): FileState | undefined {
	try {
		const { size, mtimeNs, ctimeNs, ino, dev } = lstatSync(path, { bigint: true });
		return { size: Number(size), mtimeNs, ctimeNs, inode: ino, device: dev };
	} catch (error) {
		if (errnoOf(error) === "ENOENT") return undefined;
		throw fileError(error, "read", path);
	}
}
