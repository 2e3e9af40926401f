/** Giving every entry of a tree its hash. */
import { BaleError, isBaleError } from "../core/errors.ts";
import type { Tree } from "../core/tree.ts";
import { changedHints } from "../storage/byte-source.ts";
import type { RunOptions } from "../transfer/events.ts";
import { hashSource } from "../transfer/hash-source.ts";
import { mapPool } from "../transfer/pool.ts";
import type { Candidate, ClientEntry, Origin } from "./origin.ts";
import { locate } from "./origin.ts";
import { platform } from "./runtime.ts";

const SOURCES_AT_ONCE = 8;

type Pending = {
	readonly key: string;
	readonly entry: ClientEntry;
	readonly from: Candidate;
	readonly size: number;
};

/**
 * Hashes (`sha2-256-chunked`) the entries that have no hash and puts the results into the tree; the others are
 * not read. Returns files and bytes that were read. Throws `SourceChanged`, `ObjectNotFound`, `Aborted`; the tree
 * is then as it was.
 */
export async function hashMissing(
	tree: Tree,
	origin: Origin,
	options: RunOptions,
): Promise<{ files: number; bytes: number }> {
	const unhashed: [string, ClientEntry][] = [];
	for (const [key, entry] of tree.looseEntries()) {
		if (entry.hash === undefined && entry.raw?.hash === undefined) unhashed.push([key, entry]);
	}
	if (unhashed.length === 0) return { files: 0, bytes: 0 };
	const pending = await mapPool(
		unhashed,
		SOURCES_AT_ONCE,
		async ([key, entry]): Promise<Pending> => {
			const [from] = await locate(key, entry, origin, options.signal);
			if (from === undefined || entry.size === undefined) {
				throw new BaleError("Unverifiable", `Cannot hash "${key}": its size is not known`, {
					details: { key },
				});
			}
			return { key, entry, from, size: entry.size };
		},
		options.signal,
	);
	const bytes = pending.reduce((sum, { size }) => sum + size, 0);
	options.onProgress?.({ kind: "started", phase: "hash", files: pending.length, bytes });
	const hashed = await hashAll(pending, options);
	pending.forEach(({ key, entry }, index) => {
		const known: ClientEntry = { ...entry, ...hashed[index] };
		tree.set(key, known);
	});
	options.onProgress?.({ kind: "finished", phase: "hash" });
	return { files: pending.length, bytes };
}

type Hashed = Pick<ClientEntry, "hash" | "hashedAt">;

async function hashAll(pending: readonly Pending[], options: RunOptions): Promise<Hashed[]> {
	const hashes = new Array<Hashed>(pending.length);
	const local: number[] = [];
	const streamed: number[] = [];
	pending.forEach(({ from }, index) => ("path" in from ? local : streamed).push(index));
	const settle = (index: number, how: "hashed" | "kept"): void => {
		options.onProgress?.({
			kind: "settled",
			phase: "hash",
			key: (pending[index] as Pending).key,
			how,
		});
	};
	const { files, createSha256 } = platform();
	if (local.length > 0 && files !== undefined) {
		const jobs = local.map((index) => {
			const { from, size } = pending[index] as Pending;
			return { path: (from as { path: string }).path, size, type: "sha2-256-chunked" as const };
		});
		await files.hash(jobs, {
			signal: options.signal,
			concurrency: options.concurrency,
			cache: options.cache,
			onBytes: (job, count) => {
				const key = pending[local[job] as number]?.key;
				options.onProgress?.({
					kind: "advanced",
					phase: "hash",
					bytes: count,
					...(key === undefined ? {} : { key }),
				});
			},
			onHashed: (job, hash, state, how) => {
				const index = local[job] as number;
				const { entry } = pending[index] as Pending;
				hashes[index] = entry.origin?.kind === "user" ? { hash, hashedAt: state } : { hash };
				settle(index, how);
			},
		});
	}
	await mapPool(
		streamed,
		options.concurrency ?? SOURCES_AT_ONCE,
		async (index) => {
			const { key, from, size } = pending[index] as Pending;
			if (!("source" in from)) throw new TypeError("a local path without local files");
			if (from.source.size !== size) {
				throw new BaleError(
					"SourceChanged",
					`"${key}" has ${from.source.size} bytes where ${size} were recorded`,
					{ hint: changedHints.since, details: { key } },
				);
			}
			const onBytes = (count: number): void =>
				options.onProgress?.({ kind: "advanced", phase: "hash", key, bytes: count });
			if (from.hash !== undefined) onBytes(size);
			const hash =
				from.hash ??
				(await hashSource(from.source, "sha2-256-chunked", createSha256, {
					signal: options.signal,
					onBytes,
				}).catch((error: unknown) => {
					throw isBaleError(error, "SourceChanged") ? nameKey(error, key) : error;
				}));
			hashes[index] = { hash };
			settle(index, "hashed");
		},
		options.signal,
	);
	return hashes;
}

function nameKey(error: BaleError, key: string): BaleError {
	return new BaleError(error.code, `Cannot hash "${key}": ${error.message}`, {
		hint: changedHints.since,
		details: { ...error.details, key },
		cause: error,
	});
}
