/**
 * Bringing entries to a directory: decide for every file whether it is there already, may be replaced or would
 * be lost, then copy what is missing, each file verified before it appears.
 */
import { BaleError, isBaleError } from "../core/errors.ts";
import { isKnownHashType, sameHash, type Hash, type HashType } from "../core/hash.ts";
import type { RunOptions } from "../transfer/events.ts";
import { mapPool } from "../transfer/pool.ts";
import { installedFile, isUntouched, type InstalledFile } from "./installs.ts";
import { locate, type Candidate, type ClientEntry, type Origin } from "./origin.ts";
import type { Destination, FileStat } from "./platform.ts";
import { verifiableHash } from "./reading.ts";
import { platform } from "./runtime.ts";

const placesAtOnce = 16;

/** An entry to be brought to `key` below the destination; `source` is its logical key, for messages. */
export type Item = { readonly key: string; readonly source: string; readonly entry: ClientEntry };

export type MaterializeOptions = RunOptions & {
	/** Absolute path of the directory. */
	readonly dest: string;
	/** Replace files that the user has edited or that bale did not write. */
	readonly overwrite?: boolean | undefined;
	/** Also write entries that have no hash or one of an unknown type. */
	readonly allowUnverified?: boolean | undefined;
	readonly dryRun?: boolean | undefined;
	/** What was installed there before. */
	readonly known?: ReadonlyMap<string, InstalledFile> | undefined;
	/** Of these absolute paths, those that must never be replaced. */
	readonly protectedPaths?: (paths: readonly string[]) => Promise<readonly string[]>;
};

export type Materialized = {
	readonly dest: string;
	/** Keys that were (or, in a dry run, would be) written. */
	readonly written: readonly string[];
	/** How many files were there already. */
	readonly kept: number;
	/** Bytes of the files that were written. */
	readonly bytes: number;
	/** State of every file that can be told from an edited one later. */
	readonly files: ReadonlyMap<string, InstalledFile>;
};

/** An item whose size is known; without a hash it cannot be verified, and need not be. */
export type Checked = Item & {
	readonly size: number;
	readonly hash: (Hash & { type: HashType }) | undefined;
};

/**
 * Throws, before anything is written: `InvalidManifest`, `Unverifiable`, what `Destination.check` throws,
 * `DestinationConflict` (lists the files that would be lost), `ObjectNotFound`, `LocalReference`. Later:
 * `IntegrityMismatch`, `NoSpace`, `Aborted`; files that were finished until then stay.
 */
export async function materialize(
	items: readonly Item[],
	origin: Origin,
	options: MaterializeOptions,
): Promise<Materialized> {
	const { files } = platform();
	if (files === undefined) throw new BaleError("Unsupported", "A page cannot write files");
	const checked = items.map((item) => checkItem(item, options.allowUnverified === true));
	const destination = await files.destination(options.dest);
	await destination.check(
		checked.map((item) => item.key),
		{ signal: options.signal },
	);

	const kept = new Map<string, InstalledFile>();
	const absent: Checked[] = [];
	const differing: { item: Checked; mine: boolean }[] = [];
	await compare(checked, destination, options, { kept, absent, differing });
	await refuseLosses(differing, destination, options);

	const chosen = new Set([...absent, ...differing.map(({ item }) => item)]);
	const pending = checked.filter((item) => chosen.has(item));
	const bytes = pending.reduce((sum, item) => sum + item.size, 0);
	const written = pending.map((item) => item.key);
	if (options.dryRun === true) {
		return { dest: destination.path, written, kept: kept.size, bytes, files: kept };
	}
	const located: { item: Checked; candidates: Candidate[] }[] = [];
	for (const item of pending) {
		located.push({
			item,
			candidates: await locate(item.source, item.entry, origin, options.signal, { lazy: true }),
		});
	}
	const stats = await write(located, destination, bytes, origin, options);
	return { dest: destination.path, written, kept: kept.size, bytes, files: new Map([...kept, ...stats]) };
}

/** Throws `InvalidManifest` and `Unverifiable`. */
export function checkItem(item: Item, allowUnverified: boolean): Checked {
	const { entry } = item;
	if (entry.size === undefined) {
		throw new BaleError(
			"InvalidManifest",
			`Cannot write "${item.source}": its size in the manifest is no number of bytes`,
			{
				details: { key: item.source },
			},
		);
	}
	const known = entry.hash !== undefined && isKnownHashType(entry.hash.type);
	const hash = known || !allowUnverified ? verifiableHash(item.source, entry) : undefined;
	return { ...item, size: entry.size, hash };
}

/** Sorts the items by what is at their place: the same content, nothing, or something else. */
async function compare(
	items: readonly Checked[],
	destination: Destination,
	options: MaterializeOptions,
	into: {
		readonly kept: Map<string, InstalledFile>;
		readonly absent: Checked[];
		readonly differing: { item: Checked; mine: boolean }[];
	},
): Promise<void> {
	const unsure: { item: Checked; stat: FileStat; remembered: InstalledFile | undefined }[] = [];
	for (const item of items) {
		const stat = await destination.stat(item.key);
		const remembered = options.known?.get(item.key);
		if (stat === undefined) into.absent.push(item);
		else if (stat.kind !== "file") into.differing.push({ item, mine: false });
		else if (remembered !== undefined && isUntouched(remembered, stat)) {
			if (sameHash(remembered.hash, item.hash)) into.kept.set(item.key, remembered);
			else into.differing.push({ item, mine: true });
		} else unsure.push({ item, stat, remembered });
	}
	const found = await hashExisting(unsure, destination, options);
	for (const [index, { item, stat, remembered }] of unsure.entries()) {
		const hash = found[index];
		if (hash !== undefined && sameHash(hash, item.hash)) {
			into.kept.set(item.key, installedFile(hash, stat));
			options.onProgress?.({ kind: "settled", phase: "verify", key: item.key, how: "kept" });
		} else into.differing.push({ item, mine: remembered !== undefined && sameHash(remembered.hash, hash) });
	}
}

/** Hashes of the files that are there, by the type that the comparison needs; undefined where the size decides. */
async function hashExisting(
	unsure: readonly { item: Checked; stat: FileStat; remembered: InstalledFile | undefined }[],
	destination: Destination,
	options: MaterializeOptions,
): Promise<(Hash | undefined)[]> {
	const found = new Array<Hash | undefined>(unsure.length).fill(undefined);
	const indices: number[] = [];
	const jobs: { path: string; size: number; type: HashType }[] = [];
	for (const [index, { item, stat, remembered }] of unsure.entries()) {
		if (item.hash === undefined) continue;
		if (stat.size !== item.size && stat.size !== remembered?.size) continue;
		indices.push(index);
		jobs.push({ path: destination.pathOf(item.key), size: stat.size, type: item.hash.type });
	}
	if (jobs.length === 0) return found;
	const total = jobs.reduce((sum, job) => sum + job.size, 0);
	options.onProgress?.({ kind: "started", phase: "verify", files: jobs.length, bytes: total });
	const hashes = await platform().files?.hash(jobs, {
		signal: options.signal,
		concurrency: options.concurrency,
		cache: options.cache,
		onBytes: (_job, count) => options.onProgress?.({ kind: "advanced", phase: "verify", bytes: count }),
	});
	options.onProgress?.({ kind: "finished", phase: "verify" });
	indices.forEach((index, job) => {
		found[index] = hashes?.[job];
	});
	return found;
}

async function refuseLosses(
	differing: readonly { item: Checked; mine: boolean }[],
	destination: Destination,
	options: MaterializeOptions,
): Promise<void> {
	const paths = differing.map(({ item }) => destination.pathOf(item.key));
	const guarded = paths.length > 0 ? ((await options.protectedPaths?.(paths)) ?? []) : [];
	if (guarded.length > 0) {
		throw new BaleError(
			"DestinationConflict",
			`Cannot write to ${destination.path}: ${count(guarded.length, "file")} there ${guarded.length === 1 ? "is" : "are"} named by a package of that registry`,
			{
				hint: "Install to another directory with --dest",
				details: { dest: destination.path, files: guarded },
			},
		);
	}
	const foreign = differing.filter(({ mine }) => !mine).map(({ item }) => item.key);
	if (foreign.length === 0 || options.overwrite === true) return;
	const listed = foreign.slice(0, 5).map((key) => `"${key}"`);
	throw new BaleError(
		"DestinationConflict",
		`Cannot write to ${destination.path}: ${count(foreign.length, "file")} there would be lost (${listed.join(", ")}${foreign.length > 5 ? ", …" : ""})`,
		{
			hint: "Save or remove your changes, install elsewhere with --dest, or replace them with --overwrite",
			details: { dest: destination.path, files: foreign },
		},
	);
}

async function write(
	located: readonly { item: Checked; candidates: Candidate[] }[],
	destination: Destination,
	bytes: number,
	origin: Origin,
	options: MaterializeOptions,
): Promise<Map<string, InstalledFile>> {
	const written = new Map<string, InstalledFile>();
	if (located.length === 0) return written;
	options.onProgress?.({ kind: "started", phase: "copy", files: located.length, bytes });
	const run = async (batch: readonly { item: Checked; from: Candidate }[]): Promise<void> => {
		const results = await destination.write(
			batch.map(({ item, from }) => ({
				key: item.key,
				from,
				size: item.size,
				replace: true,
				...(item.hash === undefined ? {} : { expect: item.hash }),
			})),
			{
				signal: options.signal,
				concurrency: options.concurrency,
				onBytes: (index, counted) => {
					const key = batch[index]?.item.key;
					options.onProgress?.({
						kind: "advanced",
						phase: "copy",
						bytes: counted,
						...(key === undefined ? {} : { key }),
					});
				},
				onDone: (index) => {
					const key = batch[index]?.item.key;
					if (key !== undefined) options.onProgress?.({ kind: "settled", phase: "copy", key, how: "copied" });
				},
			},
		);
		batch.forEach(({ item }, index) => {
			const result = results[index];
			if (result !== undefined) written.set(item.key, installedFile(item.hash ?? result.hash, result.stat));
		});
	};
	try {
		await run(located.map(({ item, candidates }) => ({ item, from: candidates[0] as Candidate })));
	} catch (error) {
		if (!isWrongBytes(error)) throw error;
		await writeFromElsewhere(located, origin, run, error, options.signal);
	}
	options.onProgress?.({ kind: "finished", phase: "copy" });
	return written;
}

/** Bytes were not the right ones: every file again, from wherever its right bytes may be. */
async function writeFromElsewhere(
	located: readonly { item: Checked; candidates: Candidate[] }[],
	origin: Origin,
	run: (batch: readonly { item: Checked; from: Candidate }[]) => Promise<void>,
	failure: unknown,
	signal: AbortSignal | undefined,
): Promise<void> {
	const certain: { item: Checked; from: Candidate }[] = [];
	const uncertain: { item: Checked; candidates: Candidate[] }[] = [];
	const anywhere = await mapPool(located, placesAtOnce, async ({ item }) => ({
		item,
		candidates: await locate(item.source, item.entry, origin, signal, { everywhere: true }),
	}));
	let isTried = true;
	for (const [index, { item, candidates }] of anywhere.entries()) {
		isTried &&= candidates.length === 1 && isSameVersion(candidates[0], located[index]?.candidates[0]);
		if (candidates.length > 1) uncertain.push({ item, candidates });
		else certain.push({ item, from: candidates[0] as Candidate });
	}
	if (isTried) throw failure;
	await run(certain);
	for (const { item, candidates } of uncertain) {
		for (const [index, from] of candidates.entries()) {
			try {
				await run([{ item, from }]);
				break;
			} catch (error) {
				if (index === candidates.length - 1 || !isWrongBytes(error)) throw error;
			}
		}
	}
}

function isSameVersion(one: Candidate | undefined, other: Candidate | undefined): boolean {
	const [a, b] = [one, other].map((from) => (from && "source" in from ? from.object?.versionId : undefined));
	return a === b;
}

function isWrongBytes(error: unknown): boolean {
	return isBaleError(error, "IntegrityMismatch", "SourceChanged");
}

function count(n: number, noun: string): string {
	return `${n} ${noun}${n === 1 ? "" : "s"}`;
}
