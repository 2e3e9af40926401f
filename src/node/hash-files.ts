import type { FileState, HashJob, HashOptions } from "../client/platform.ts";
import { chunkedHashValue, type Hash, partSize } from "../core/hash.ts";
import { BaleError } from "../core/errors.ts";
import { throwIfAborted } from "../storage/abort.ts";
import { changedHints } from "../storage/byte-source.ts";
import { workError } from "./file-error.ts";
import { hashByStreaming } from "./file-source.ts";
import { statOf } from "./file-stat.ts";
import { stateFields, type TaskOutput } from "./file-work.mjs";
import { createNodeSha256 } from "./node-digest.ts";
import type { StatCache } from "./stat-cache.ts";
import { type Assignment, runAssignments } from "./task-runner.ts";
import type { WorkerPool } from "./worker-pool.ts";

/**
 * Starting a thread costs about as much as hashing this many bytes, and opening a file about as much as
 * hashing `costOfFileBytes`; less work than this stays on the main thread.
 */
const workWorthThreadBytes = 8 * 1024 * 1024;
export const costOfFileBytes = 16 * 1024;

/** Files are given to threads in batches of about this cost, so that messages do not count. */
export const batchBytes = 4 * 1024 * 1024;
const batchFiles = 128;

export type HashEnvironment = {
	readonly pool: WorkerPool;
	/** What is known of the files already. */
	readonly cache?: StatCache | undefined;
};

/** Whether it pays to start threads for files of these sizes. */
export function worthThreads(jobs: readonly { readonly size: number }[]): boolean {
	let cost = 0;
	for (const { size } of jobs) {
		cost += size + costOfFileBytes;
		if (cost > workWorthThreadBytes) return true;
	}
	return false;
}

/**
 * Hashes files in threads while their names still come: small files in batches, large ones part by part, so that
 * one large file keeps all processors busy. Memory does not depend on the sizes. Order and errors: see `LocalFiles.hash`.
 */
export async function hashFiles(
	batches: Iterable<readonly HashJob[]> | AsyncIterable<readonly HashJob[]>,
	{ pool, cache }: HashEnvironment,
	options: HashOptions = {},
): Promise<Hash[]> {
	throwIfAborted(options.signal);
	const run = new HashRun(cache, options);
	await runPlanned(run.plan(batches), pool, options);
	await run.stream();
	cache?.save();
	return run.results;
}

/** Runs assignments while they are still planned: in threads, unless there is little to do. */
export async function runPlanned(
	planned: AsyncGenerator<Costed, void>,
	pool: WorkerPool,
	options: Pick<HashOptions, "concurrency" | "signal">,
): Promise<void> {
	const ahead: Assignment[] = [];
	let cost = 0;
	let more = true;
	while (more && cost <= workWorthThreadBytes) {
		const next = await planned.next();
		if (next.done === true) more = false;
		else {
			ahead.push(next.value);
			cost += next.value.cost;
		}
	}
	await runAssignments(chain(ahead, planned), {
		pool: more || cost > workWorthThreadBytes ? pool : undefined,
		concurrency: options.concurrency,
		takesPart: true,
		signal: options.signal,
	});
}

async function* chain<T>(first: readonly T[], rest: AsyncGenerator<T, void>): AsyncGenerator<T, void> {
	yield* first;
	yield* rest;
}

/** An assignment with about what it costs, in bytes hashed. */
export type Costed = Assignment & { readonly cost: number };
const none: readonly Costed[] = [];

/** Files of one type that are hashed by one task. */
class Batch {
	readonly plain: boolean;
	readonly indexes: number[] = [];
	readonly jobs: HashJob[] = [];
	cost = 0;

	constructor(plain: boolean) {
		this.plain = plain;
	}

	add(index: number, job: HashJob): boolean {
		this.indexes.push(index);
		this.jobs.push(job);
		this.cost += job.size + costOfFileBytes;
		return this.cost >= batchBytes || this.jobs.length === batchFiles;
	}
}

class HashRun {
	readonly results: Hash[] = [];
	readonly #cache: StatCache | undefined;
	readonly #options: HashOptions;
	#chunked = new Batch(false);
	#plain = new Batch(true);
	/** Jobs of a type that the threads do not know. */
	readonly #streamed: { readonly index: number; readonly job: HashJob }[] = [];

	constructor(cache: StatCache | undefined, options: HashOptions) {
		this.#cache = cache;
		this.#options = options;
	}

	/** The tasks for the jobs that are not known already. */
	async *plan(
		batches: Iterable<readonly HashJob[]> | AsyncIterable<readonly HashJob[]>,
	): AsyncGenerator<Costed, void> {
		let count = 0;
		for await (const jobs of batches) {
			for (const job of jobs) yield* this.#take(count++, job);
		}
		for (const batch of [this.#chunked, this.#plain]) if (batch.jobs.length > 0) yield this.#hashBatch(batch);
	}

	/** The tasks that a job gives or completes: mostly none. */
	#take(index: number, given: HashJob): readonly Costed[] {
		const job = this.#cache === undefined || given.stat !== undefined ? given : look(given);
		const { size, type } = job;
		if (type === "CRC64NVME") {
			this.#streamed.push({ index, job });
			return none;
		}
		if (type === "SHA256") {
			if (!this.#plain.add(index, job)) return none;
			const full = this.#plain;
			this.#plain = new Batch(true);
			return [this.#hashBatch(full)];
		}
		if (this.#recall(index, job)) return none;
		const part = partSize(size);
		if (size > part) return this.#hashLargeFile(job, index, part);
		if (!this.#chunked.add(index, job)) return none;
		const full = this.#chunked;
		this.#chunked = new Batch(false);
		return [this.#hashBatch(full)];
	}

	/** Hashes what the threads cannot. */
	async stream(): Promise<void> {
		for (const { index, job } of this.#streamed) {
			const { hash, size } = await hashByStreaming(job.path, "CRC64NVME", {
				signal: this.#options.signal,
				onBytes: (bytes) => this.#options.onBytes?.(index, bytes),
			});
			if (size !== job.size) throw otherSize(job, size);
			this.results[index] = hash;
			this.#options.onDone?.(index);
		}
	}

	#recall(index: number, { path, size, stat }: HashJob): boolean {
		if (this.#cache === undefined || stat?.size !== size) return false;
		const value = this.#cache.find(path, stat);
		if (value === undefined) return false;
		this.#settle(index, { type: "sha2-256-chunked", value }, stat, "kept");
		if (size > 0) this.#options.onBytes?.(index, size);
		this.#options.onDone?.(index);
		return true;
	}

	#settle(index: number, hash: Hash, state: FileState, how: "hashed" | "kept"): void {
		this.results[index] = hash;
		this.#options.onHashed?.(index, hash, state, how);
	}

	/** A result of a thread, which began to read at `startedMs`; `undefined`: it is not to be remembered. */
	#settleRead(
		index: number,
		{ path, type }: HashJob,
		value: string,
		state: FileState,
		startedMs: number | undefined,
	): void {
		if (type === "sha2-256-chunked" && startedMs !== undefined) {
			this.#cache?.add(path, state, value, startedMs);
		}
		this.#settle(index, { type, value }, state, "hashed");
	}

	#hashBatch({ plain, indexes, jobs, cost }: Batch): Costed {
		const { onBytes, onDone } = this.#options;
		const told = new Map<number, number>();
		return {
			cost,
			task: {
				kind: "hash",
				plain,
				seen: jobs.every(({ stat }) => stat !== undefined),
				base: "",
				paths: jobs.map(({ path }) => path).join("\0"),
				sizes: jobs.map(({ size }) => size),
			},
			onBytes: (item, bytes) => {
				told.set(item, (told.get(item) ?? 0) + bytes);
				onBytes?.(indexes[item] as number, bytes);
			},
			settle: ({ hashes = [], states = new BigInt64Array(), startedMs = 0 }) => {
				for (const [item, outcome] of hashes.entries()) {
					if (typeof outcome !== "string") throw workError(outcome, "hash");
					const index = indexes[item] as number;
					const job = jobs[item] as HashJob;
					this.#settleRead(index, job, outcome, stateAt(states, item), startedMs);
					const rest = job.size - (told.get(item) ?? 0);
					if (rest > 0) onBytes?.(index, rest);
					onDone?.(index);
				}
			},
		};
	}

	#hashLargeFile(job: HashJob, index: number, length: number): Costed[] {
		const { path, size } = job;
		const { onBytes, onDone } = this.#options;
		const digests = new Array<Uint8Array>(Math.ceil(size / length));
		let missing = digests.length;
		let state: string | undefined;
		let seen: FileState | undefined;
		let isStable = true;
		let oldestMs = Infinity;
		const settle =
			(part: number, bytes: number) =>
			({ part: outcome, states = new BigInt64Array(), startedMs = 0 }: TaskOutput): void => {
				if (outcome === undefined || "reason" in outcome) throw failureOfPart(outcome, path);
				state ??= outcome.state;
				oldestMs = Math.min(oldestMs, startedMs);
				const now = stateAt(states, 0);
				// Another ctime may be another content with its mtime set back.
				isStable &&= seen === undefined || seen.ctimeNs === now.ctimeNs;
				seen = now;
				if (state !== outcome.state) {
					throw new BaleError("SourceChanged", `Cannot hash "${path}": it was written to while it was read`, {
						hint: changedHints.meanwhile,
						details: { path },
					});
				}
				digests[part] = outcome.digest;
				onBytes?.(index, bytes);
				if (--missing > 0) return;
				const value = chunkedHashValue(digests, createNodeSha256);
				this.#settleRead(index, job, value, now, isStable ? oldestMs : undefined);
				onDone?.(index);
			};
		return Array.from(digests, (_, part): Costed => {
			const offset = part * length;
			const bytes = Math.min(length, size - offset);
			return {
				cost: bytes,
				task: { kind: "part", path, size, offset, length: bytes },
				settle: settle(part, bytes),
				onBytes: () => undefined,
			};
		});
	}
}

/** The state of a file in columns of them. */
export function stateAt(states: BigInt64Array, item: number): FileState {
	const at = item * stateFields;
	const [device = 0n, inode = 0n, size = 0n, mtimeNs = 0n, ctimeNs = 0n] = states.subarray(
		at,
		at + stateFields,
	);
	return { size: Number(size), device, inode, mtimeNs, ctimeNs };
}

/** The job with the state of its file; without, when that cannot be told: whoever opens it says why. */
function look(job: HashJob): HashJob {
	try {
		const stat = statOf(job.path);
		return stat?.kind === "file" ? { ...job, stat } : job;
	} catch {
		return job;
	}
}

function failureOfPart(outcome: TaskOutput["part"], path: string): BaleError {
	if (outcome !== undefined && "reason" in outcome) return workError(outcome, "hash");
	return new BaleError("Unexpected", `Cannot hash "${path}": a thread gave no result`);
}

function otherSize({ path, size }: HashJob, found: number): BaleError {
	return new BaleError(
		"SourceChanged",
		`Cannot hash "${path}": it has ${found} bytes where ${size} were expected`,
		{ hint: changedHints.since, details: { path, expected: size, found } },
	);
}
