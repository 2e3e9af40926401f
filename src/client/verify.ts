import { BaleError } from "../core/errors.ts";
import type { Hash } from "../core/hash.ts";
import type { Tree } from "../core/tree.ts";
import type { RunOptions } from "../transfer/events.ts";
import type { HashJob } from "./platform.ts";
import { verifiableHash } from "./reading.ts";
import { platform } from "./runtime.ts";
import { parseLocation } from "./sources.ts";

export type VerifyOptions = RunOptions & { readonly extraFilesOk?: boolean | undefined };

/** A file that is there with other content. */
export type Changed = {
	readonly key: string;
	readonly reason: "size" | "hash";
	readonly expected: number | Hash;
	readonly found: number | Hash;
};

export type VerifyReport = {
	readonly ok: boolean;
	readonly missing: readonly string[];
	/** Files that the package does not name; they only count without `extraFilesOk`. */
	readonly extra: readonly string[];
	readonly changed: readonly Changed[];
};

/**
 * Compares a directory, local or a prefix of a bucket, with a tree, every file by its own hash type; all differences
 * are told. A directory that is not there lacks every file. Throws `Unverifiable` for entries that cannot be checked,
 * `NotAFile`, `InvalidArgument` for a directory with a version.
 */
export async function verifyTree(
	tree: Tree,
	directory: string,
	options: VerifyOptions = {},
): Promise<VerifyReport> {
	const location = parseLocation(directory);
	if (location.kind === "file") {
		return verifyFolder(tree, location.path.replace(/(?<=.)\/+$/, ""), options);
	}
	const { verifyBucket } = await import("./verify-bucket.ts");
	return verifyBucket(tree, location, options);
}

/** The report of these differences. */
export function verifyReport(
	differences: Pick<VerifyReport, "missing" | "extra" | "changed">,
	{ extraFilesOk }: VerifyOptions,
): VerifyReport {
	const { missing, extra, changed } = differences;
	const ok = missing.length === 0 && changed.length === 0 && (extraFilesOk === true || extra.length === 0);
	return { ok, missing, extra, changed };
}

async function verifyFolder(tree: Tree, root: string, options: VerifyOptions): Promise<VerifyReport> {
	const { files } = platform();
	if (files === undefined) throw new BaleError("Unsupported", "A page cannot read local directories");
	const found = new Map<string, { path: string; size: number }>();
	const state = await files.stat(root);
	if (state !== undefined && state.kind !== "directory") {
		throw new BaleError("NotAFile", `Cannot verify ${root}: it is no directory`, { details: { path: root } });
	}
	if (state !== undefined) {
		for await (const file of files.walk(root, { signal: options.signal })) {
			found.set(file.relativePath, { path: file.path, size: file.stat.size });
		}
	}
	const missing: string[] = [];
	const changed: Changed[] = [];
	const jobs: HashJob[] = [];
	const keys: string[] = [];
	for (const [key, entry] of tree.walk()) {
		const hash = verifiableHash(key, entry);
		const file = found.get(key) ?? (await fileAt(root, key));
		found.delete(key);
		if (file === undefined) missing.push(key);
		else if (entry.size !== undefined && file.size !== entry.size) {
			changed.push({ key, reason: "size", expected: entry.size, found: file.size });
		} else {
			keys.push(key);
			jobs.push({ path: file.path, size: file.size, type: hash.type });
		}
	}
	const bytes = jobs.reduce((sum, job) => sum + job.size, 0);
	options.onProgress?.({ kind: "started", phase: "verify", files: jobs.length, bytes });
	const hashes = await files.hash(jobs, {
		signal: options.signal,
		concurrency: options.concurrency,
		// Whoever verifies wants to know what the disk holds, not what is remembered of it.
		cache: options.cache ?? false,
		onBytes: (_index, count) => options.onProgress?.({ kind: "advanced", phase: "verify", bytes: count }),
		onDone: (index) =>
			options.onProgress?.({ kind: "settled", phase: "verify", key: keys[index] as string, how: "verified" }),
	});
	for (const [index, key] of keys.entries()) {
		const entry = tree.get(key);
		const hash = hashes[index] as Hash;
		if (entry === undefined || !("physicalKey" in entry)) continue;
		const expected = verifiableHash(key, entry);
		if (hash.value !== expected.value) changed.push({ key, reason: "hash", expected, found: hash });
	}
	options.onProgress?.({ kind: "finished", phase: "verify" });
	return verifyReport({ missing, extra: [...found.keys()], changed }, options);
}

/** Files that a walk leaves out (below `.quilt` or `.bale`) can be named by a package all the same. */
async function fileAt(root: string, key: string): Promise<{ path: string; size: number } | undefined> {
	if (key.split("/").some((part) => part === "" || part === "." || part === "..") || key.includes("\0"))
		return undefined;
	const path = `${root}/${key}`;
	const stat = await platform().files?.stat(path);
	return stat?.kind === "file" ? { path, size: stat.size } : undefined;
}
