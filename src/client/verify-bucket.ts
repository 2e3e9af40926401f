/** Comparing what lies below a prefix of a bucket with a package. */
import { BaleError, isBaleError } from "../core/errors.ts";
import type { Hash, HashType } from "../core/hash.ts";
import type { PhysicalKey } from "../core/physical-key.ts";
import type { Tree } from "../core/tree.ts";
import { toldHash } from "../storage/s3/checksum.ts";
import type { Store } from "../storage/store.ts";
import { hashSource } from "../transfer/hash-source.ts";
import { mapPool } from "../transfer/pool.ts";
import { bucketDirectory, objectsBelow } from "./bucket-directory.ts";
import { objectSource } from "./object-source.ts";
import { verifiableHash } from "./reading.ts";
import { platform } from "./runtime.ts";
import { verifyReport, type Changed, type VerifyOptions, type VerifyReport } from "./verify.ts";

type Expected = Hash & { readonly type: HashType };
type Job = { readonly key: string; readonly size: number; readonly hash: Expected };

/**
 * As `verifyTree`, for the latest versions of objects. What an object's checksum proves or refutes is not read; the
 * others are read once. Objects that only stand for a folder do not count.
 */
export async function verifyBucket(
	tree: Tree,
	location: PhysicalKey & { readonly kind: "s3" },
	options: VerifyOptions,
): Promise<VerifyReport> {
	const { signal, onProgress } = options;
	const directory = bucketDirectory(location);
	const store = await platform().openStore(`s3://${directory.bucket}`);
	const { sizes, extra } = await look(tree, store, directory, options);
	const missing: string[] = [];
	const changed: Changed[] = [];
	const jobs: Job[] = [];
	for (const [key, entry] of tree.walk()) {
		const hash = verifiableHash(key, entry);
		const size = sizes.get(key);
		if (size === undefined) missing.push(key);
		else if (entry.size !== undefined && size !== entry.size) {
			changed.push({ key, reason: "size", expected: entry.size, found: size });
		} else jobs.push({ key, size, hash });
	}
	const bytes = jobs.reduce((sum, { size }) => sum + size, 0);
	onProgress?.({ kind: "started", phase: "verify", files: jobs.length, bytes });
	const found = await mapPool(
		jobs,
		options.concurrency ?? platform().lanes,
		async (job) => {
			const hash = await hashOf(store, directory.prefix + job.key, job, options);
			onProgress?.({ kind: "settled", phase: "verify", key: job.key, how: "verified" });
			return hash;
		},
		signal,
	);
	for (const [index, { key, hash: expected }] of jobs.entries()) {
		const hash = found[index];
		if (hash === undefined) missing.push(key);
		else if (hash.value !== expected.value) changed.push({ key, reason: "hash", expected, found: hash });
	}
	onProgress?.({ kind: "finished", phase: "verify" });
	return verifyReport({ missing, extra, changed }, options);
}

/** Sizes of the objects that the package has, and the keys of all others; of those, nothing else is kept. */
async function look(
	tree: Tree,
	store: Store,
	directory: { readonly bucket: string; readonly prefix: string },
	{ signal, onProgress }: VerifyOptions,
): Promise<{ sizes: ReadonlyMap<string, number>; extra: string[] }> {
	const sizes = new Map<string, number>();
	const extra: string[] = [];
	onProgress?.({ kind: "started", phase: "walk", files: 0, bytes: 0 });
	for await (const { key, object } of objectsBelow(store, directory, { signal, onProgress })) {
		const entry = tree.get(key);
		if (entry !== undefined && "physicalKey" in entry) sizes.set(key, object.size);
		else extra.push(key);
		onProgress?.({ kind: "advanced", phase: "walk", key, bytes: object.size });
	}
	onProgress?.({ kind: "finished", phase: "walk" });
	return { sizes, extra };
}

/** Hash of an object, of the expected one's type; undefined when it is gone. */
async function hashOf(
	store: Store,
	at: string,
	{ key, size, hash }: Job,
	{ signal, onProgress }: VerifyOptions,
): Promise<Hash | undefined> {
	const advance = (bytes: number): void => onProgress?.({ kind: "advanced", phase: "verify", key, bytes });
	const info = await store.head(at, { signal });
	if (info === undefined) return undefined;
	if (info.size !== size) throw changedMeanwhile(key);
	const told = toldHash(info, hash, platform().createSha256);
	if (told !== undefined) {
		advance(size);
		return told;
	}
	const source = objectSource(store, at, info.versionId, size, () => changedMeanwhile(key));
	try {
		return await hashSource(source, hash.type, platform().createSha256, { signal, onBytes: advance });
	} catch (error) {
		throw isBaleError(error, "IntegrityMismatch") ? changedMeanwhile(key) : error;
	}
}

function changedMeanwhile(key: string): BaleError {
	return new BaleError("SourceChanged", `Cannot verify "${key}": it was replaced meanwhile`, {
		hint: "Run the same again",
		details: { key },
	});
}
