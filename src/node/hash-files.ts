import type { HashJob, MoveOptions } from "../client/platform.ts";
import { chunkedHashValue, type Hash, partSize } from "../core/hash.ts";
import { BaleError } from "../core/errors.ts";
import { workError } from "./file-error.ts";
import { hashByStreaming } from "./file-source.ts";
import type { HashItem, TaskOutput } from "./file-work.mjs";
import { createNodeSha256 } from "./node-digest.ts";
import { type Assignment, runAssignments } from "./task-runner.ts";
import type { WorkerPool } from "./worker-pool.ts";

/**
 * Starting a thread costs about as much as hashing this many bytes, and opening a file about as much as
 * hashing `costOfFileBytes`; less work than this stays on the main thread.
 */
const workWorthThreadBytes = 8 * 1024 * 1024;
const costOfFileBytes = 16 * 1024;

/** Files are given to threads in batches of about this cost, so that messages do not count. */
const batchBytes = 4 * 1024 * 1024;
const batchFiles = 128;

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
 * Hashes files in threads: small files in batches, large ones part by part, so that one large file keeps
 * all processors busy. Memory does not depend on the sizes. Order and errors: see `LocalFiles.hash`.
 */
export async function hashFiles(
	jobs: readonly HashJob[],
	pool: WorkerPool,
	options: MoveOptions = {},
): Promise<Hash[]> {
	const results = new Array<Hash>(jobs.length);
	const threads = worthThreads(jobs) ? pool : undefined;
	await runAssignments(planHashing(jobs, results, options), {
		pool: threads,
		// Two for each thread: the next task is there when the last one ends.
		concurrency: options.concurrency ?? pool.size * 2,
		signal: options.signal,
	});
	for (const [index, job] of jobs.entries()) {
		if (job.type !== "CRC64NVME") continue;
		const { hash, size } = await hashByStreaming(job.path, job.type, {
			signal: options.signal,
			onBytes: (bytes) => options.onBytes?.(index, bytes),
		});
		if (size !== job.size) throw otherSize(job, size);
		results[index] = hash;
		options.onDone?.(index);
	}
	return results;
}

function* planHashing(
	jobs: readonly HashJob[],
	results: Hash[],
	options: MoveOptions,
): Generator<Assignment, void> {
	let batch: number[] = [];
	let cost = 0;
	for (const [index, job] of jobs.entries()) {
		if (job.type === "CRC64NVME") continue;
		const part = partSize(job.size);
		if (job.type === "sha2-256-chunked" && job.size > part) {
			yield* hashLargeFile(job, index, part, results, options);
			continue;
		}
		batch.push(index);
		cost += job.size + costOfFileBytes;
		if (cost >= batchBytes || batch.length === batchFiles) {
			yield hashBatch(batch, jobs, results, options);
			batch = [];
			cost = 0;
		}
	}
	if (batch.length > 0) yield hashBatch(batch, jobs, results, options);
}

function hashBatch(
	indexes: readonly number[],
	jobs: readonly HashJob[],
	results: Hash[],
	{ onBytes, onDone }: MoveOptions,
): Assignment {
	const told = new Array<number>(indexes.length).fill(0);
	const jobAt = (item: number): [number, HashJob] => {
		const index = indexes[item] as number;
		return [index, jobs[index] as HashJob];
	};
	const items: HashItem[] = indexes.map((_, item) => {
		const { path, size, type } = jobAt(item)[1];
		return { path, size, type: type === "SHA256" ? type : "sha2-256-chunked", partSize: partSize(size) };
	});
	return {
		task: { kind: "hash", items },
		onBytes: (item, bytes) => {
			told[item] = (told[item] ?? 0) + bytes;
			onBytes?.(jobAt(item)[0], bytes);
		},
		settle: ({ hashes = [] }) => {
			for (const [item, outcome] of hashes.entries()) {
				if (typeof outcome !== "string") throw workError(outcome, "hash");
				const [index, job] = jobAt(item);
				results[index] = { type: job.type, value: outcome };
				const rest = job.size - (told[item] ?? 0);
				if (rest > 0) onBytes?.(index, rest);
				onDone?.(index);
			}
		},
	};
}

function* hashLargeFile(
	{ path, size, type }: HashJob,
	index: number,
	length: number,
	results: Hash[],
	{ onBytes, onDone }: MoveOptions,
): Generator<Assignment, void> {
	const digests = new Array<Uint8Array>(Math.ceil(size / length));
	let missing = digests.length;
	let state: string | undefined;
	const settle =
		(part: number, bytes: number) =>
		({ part: outcome }: TaskOutput): void => {
			if (outcome === undefined || "reason" in outcome) throw failureOfPart(outcome, path);
			state ??= outcome.state;
			if (state !== outcome.state) {
				throw new BaleError("SourceChanged", `Cannot hash "${path}": it was written to while it was read`, {
					details: { path },
				});
			}
			digests[part] = outcome.digest;
			onBytes?.(index, bytes);
			if (--missing > 0) return;
			results[index] = { type, value: chunkedHashValue(digests, createNodeSha256) };
			onDone?.(index);
		};
	for (let part = 0; part < digests.length; part++) {
		const offset = part * length;
		const bytes = Math.min(length, size - offset);
		yield {
			task: { kind: "part", path, size, offset, length: bytes },
			settle: settle(part, bytes),
			onBytes: () => undefined,
		};
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
		{ details: { path, expected: size, found } },
	);
}
