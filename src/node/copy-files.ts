import { setMaxListeners } from "node:events";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import type { CopyFilesOptions, CopyJob, CopyResult } from "../client/platform.ts";
import { BaleError, isBaleError } from "../core/errors.ts";
import { type Hash, type HashType, isKnownHashType, partSize } from "../core/hash.ts";
import { changedHints } from "../storage/byte-source.ts";
import { mapPool } from "../transfer/pool.ts";
import { fileError, workError } from "./file-error.ts";
import { fileSource } from "./file-source.ts";
import type { CopyItem } from "./file-work.mjs";
import { FileWriter } from "./file-writer.ts";
import { worthThreads } from "./hash-files.ts";
import { PartialFile } from "./partial-file.ts";
import { lanes } from "./lanes.ts";
import {
	comesInParts,
	type Deliverable,
	receiveFile,
	receiveParts,
	Slots,
	writeStream,
} from "./receive-file.ts";
import { type Assignment, runAssignments } from "./task-runner.ts";
import { removeLeftovers, syncDirectory, temporaryName } from "./temporary-file.ts";
import type { WorkerPool } from "./worker-pool.ts";

/** A batch is held open together (one descriptor for each file), so it is small. */
const batchFiles = 32;
const batchBytes = 4 * 1024 * 1024;
const syncsAtOnce = 8;
/** Directories that are known to need nothing more; with more, it is found out again. */
export const maxRememberedDirectories = 10_000;

export type CopyEnvironment = {
	readonly pool: WorkerPool;
	/** Whether files must be on the disk before they get their names, and the names when the copy is done. */
	readonly durable: boolean;
	/** Makes a directory, and returns the directories that have got new names by that. */
	readonly makeDirectory?: (directory: string) => readonly string[];
};

/**
 * Copies files so that each appears whole and verified or not at all; see `LocalFiles.copy`. Local files
 * are read, hashed and written in one pass by threads, bytes from elsewhere on this thread. The first
 * failure ends the run; what was published before stays.
 */
export async function copyFiles(
	jobs: readonly CopyJob[],
	environment: CopyEnvironment,
	options: CopyFilesOptions = {},
): Promise<CopyResult[]> {
	for (const job of jobs) checkExpectation(job);
	const results = new Array<CopyResult>(jobs.length);
	const directories = new TouchedDirectories(environment.makeDirectory, options.prepared);
	const indexes = jobs.map((_, index) => index);
	const local = indexes.filter((index) => isForThreads(jobs[index] as CopyJob));
	const streamed = indexes.filter((index) => !isForThreads(jobs[index] as CopyJob));
	const run: CopyRun = { jobs, results, directories, durable: environment.durable, options };
	try {
		await runAssignments(planCopies(local, run), {
			pool: worthThreads(local.map((index) => jobs[index] as CopyJob)) ? environment.pool : undefined,
			concurrency: options.concurrency ?? environment.pool.size * 2,
			signal: options.signal,
		});
		await copyStreams(streamed, run);
	} finally {
		// Also after a failure: what was published is there to stay.
		if (environment.durable) await directories.sync();
	}
	return results;
}

type CopyRun = {
	readonly jobs: readonly CopyJob[];
	readonly results: CopyResult[];
	readonly directories: TouchedDirectories;
	readonly durable: boolean;
	readonly options: CopyFilesOptions;
};

/** CRC64NVME is computed here only: the threads know nothing but SHA-256. */
function isForThreads({ from, expect }: CopyJob): boolean {
	return "path" in from && expect?.type !== "CRC64NVME";
}

function checkExpectation({ to, expect }: CopyJob): void {
	if (expect === undefined || isKnownHashType(expect.type)) return;
	throw new BaleError(
		"Unverifiable",
		`Cannot verify "${to}": its hash is of the unknown type "${expect.type}"`,
		{
			details: { path: to, type: expect.type },
		},
	);
}

/** Directories that files were put into: made, cleaned of leftovers, and made durable once. */
class TouchedDirectories {
	readonly #make: (directory: string) => readonly string[];
	readonly #prepared: Set<string>;
	readonly #touched = new Set<string>();

	constructor(
		make: (directory: string) => readonly string[] = makeDirectoryTree,
		prepared = new Set<string>(),
	) {
		this.#make = make;
		this.#prepared = prepared;
	}

	prepare(directory: string): void {
		this.#touched.add(directory);
		if (this.#prepared.has(directory)) return;
		for (const touched of this.#make(directory)) this.#touched.add(touched);
		removeLeftovers(directory);
		if (this.#prepared.size === maxRememberedDirectories) this.#prepared.clear();
		this.#prepared.add(directory);
	}

	async sync(): Promise<void> {
		await mapPool([...this.#touched], syncsAtOnce, syncDirectory);
	}
}

function makeDirectoryTree(directory: string): readonly string[] {
	let first: string | undefined;
	try {
		first = mkdirSync(directory, { recursive: true });
	} catch (error) {
		throw fileError(error, "make", directory);
	}
	if (first === undefined) return [];
	const touched: string[] = [];
	for (let current = directory; current.length >= first.length; current = dirname(current)) {
		touched.push(dirname(current));
	}
	return touched;
}

function temporaryFor(job: CopyJob, directories: TouchedDirectories): string {
	const directory = dirname(job.to);
	directories.prepare(directory);
	if (job.temporaryDirectory !== undefined) directories.prepare(job.temporaryDirectory);
	return `${job.temporaryDirectory ?? directory}/${temporaryName()}`;
}

function* planCopies(indexes: readonly number[], run: CopyRun): Generator<Assignment, void> {
	let batch: number[] = [];
	let bytes = 0;
	for (const index of indexes) {
		batch.push(index);
		bytes += run.jobs[index]?.size ?? 0;
		if (bytes >= batchBytes || batch.length === batchFiles) {
			yield copyBatch(batch, run);
			batch = [];
			bytes = 0;
		}
	}
	if (batch.length > 0) yield copyBatch(batch, run);
}

function copyBatch(indexes: readonly number[], run: CopyRun): Assignment {
	const { onBytes, onDone } = run.options;
	const told = new Array<number>(indexes.length).fill(0);
	const items = indexes.map((index): CopyItem => {
		const job = run.jobs[index] as CopyJob;
		return {
			from: "path" in job.from ? job.from.path : "",
			to: job.to,
			temporary: temporaryFor(job, run.directories),
			size: job.size,
			partSize: partSize(job.size),
			...(job.expect === undefined ? {} : { expect: job.expect }),
			replace: job.replace,
		};
	});
	return {
		task: { kind: "copy", items, durable: run.durable },
		onBytes: (item, bytes) => {
			told[item] = (told[item] ?? 0) + bytes;
			onBytes?.(indexes[item] as number, bytes);
		},
		settle: ({ copies = [] }) => {
			for (const [item, outcome] of copies.entries()) {
				if ("reason" in outcome) throw workError(outcome, "copy");
				const index = indexes[item] as number;
				const { value, stat } = outcome;
				run.results[index] = {
					hash: { type: "sha2-256-chunked", value },
					stat,
				};
				const rest = stat.size - (told[item] ?? 0);
				if (rest > 0) onBytes?.(index, rest);
				onDone?.(index);
			}
		},
	};
}

/** The first failure also ends the streams that are under way. */
async function copyStreams(indexes: readonly number[], run: CopyRun): Promise<void> {
	if (indexes.length === 0) return;
	const failed = new AbortController();
	const outer = run.options.signal;
	const signal = outer === undefined ? failed.signal : AbortSignal.any([outer, failed.signal]);
	// Each stream listens, and there may be many.
	setMaxListeners(0, signal);
	let first: { readonly error: unknown } | undefined;
	const atOnce = run.options.concurrency ?? lanes;
	const slots = new Slots(atOnce);
	const copy = async (index: number): Promise<void> => {
		try {
			run.results[index] = await copyStream(index, run, slots, signal);
			run.options.onDone?.(index);
		} catch (error) {
			first ??= { error };
			failed.abort();
			throw error;
		}
	};
	try {
		await mapPool(indexes, atOnce, copy, signal);
	} catch (error) {
		throw first === undefined ? error : first.error;
	}
}

async function copyStream(
	index: number,
	run: CopyRun,
	slots: Slots,
	signal: AbortSignal,
): Promise<CopyResult> {
	const job = run.jobs[index] as CopyJob;
	const { from, to, size, expect, replace } = job;
	const source = "path" in from ? fileSource(from.path) : from.source;
	const isLocal = "path" in from;
	if (source.size !== size) throw otherSize(job, source.size, isLocal);
	const types = new Set<HashType>(["sha2-256-chunked"]);
	if (expect !== undefined) types.add(expect.type as HashType);
	const options = { slots, signal, onBytes: (bytes: number): void => run.options.onBytes?.(index, bytes) };
	const inParts = source.deliver !== undefined && comesInParts(size, [...types]);
	const temporary = temporaryFor(job, run.directories);
	const partial =
		inParts && expect !== undefined
			? await PartialFile.open({ directory: dirname(temporary), target: to, size, expect, signal })
			: undefined;
	const writer = partial?.writer ?? new FileWriter(temporary, to);
	try {
		const hashes = inParts
			? await receiveParts(source as Deliverable, writer, partial, options)
			: source.deliver === undefined
				? await writeStream(source, writer, [...types], options)
				: await receiveFile(source as Deliverable, writer, [...types], options);
		const found = (type: string): Hash | undefined => hashes.find((hash) => hash.type === type);
		if (expect !== undefined && found(expect.type)?.value !== expect.value) {
			throw otherHash(to, expect, found(expect.type));
		}
		await writer.finish(run.durable);
		const stat = writer.publish(to, replace);
		return { hash: found("sha2-256-chunked") as Hash, stat };
	} catch (error) {
		// What fails for a passing reason is gone on with the next time.
		if (isBaleError(error, "Aborted", "StoreUnavailable", "LoginExpired")) partial?.leave();
		// A stream of another length than it was said to have: for bytes from elsewhere, a broken copy.
		if (!isLocal && isBaleError(error, "SourceChanged")) {
			throw new BaleError("IntegrityMismatch", `Cannot write "${to}": ${error.message}`, {
				details: { path: to, ...error.details },
				cause: error,
			});
		}
		if (partial?.isResumed !== true || !isBaleError(error, "IntegrityMismatch")) throw error;
	} finally {
		writer.close();
		partial?.close();
	}
	// The parts that were left may be those of a damaged object: everything anew.
	return copyStream(index, run, slots, signal);
}

function otherSize({ to, size }: CopyJob, found: number, isLocal: boolean): BaleError {
	return new BaleError(
		isLocal ? "SourceChanged" : "IntegrityMismatch",
		`Cannot write "${to}": the source has ${found} bytes where ${size} were expected`,
		{ ...(isLocal ? { hint: changedHints.since } : {}), details: { path: to, expected: size, found } },
	);
}

function otherHash(to: string, expected: Hash, found: Hash | undefined): BaleError {
	const details = { path: to, type: expected.type, expected: expected.value, found: found?.value };
	return new BaleError(
		"IntegrityMismatch",
		`Cannot write "${to}": the ${expected.type} hash of its bytes is ${found?.value ?? "unknown"}, not ${expected.value}`,
		{ details },
	);
}
