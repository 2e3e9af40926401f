/** Hashes of what would be pushed, where it is not copied in the same step. */
import { BaleError } from "../core/errors.ts";
import { isKnownHashType, sameHash, type Hash, type HashType } from "../core/hash.ts";
import { hashSource } from "../transfer/hash-source.ts";
import { commonDirectory } from "./common-directory.ts";
import type { MoveOptions, RecallOptions } from "./platform.ts";
import type { Work } from "./push-selection.ts";
import { platform } from "./runtime.ts";

/** `sha2-256-chunked` of what would be pushed; entries that have another hash are checked against it. */
export async function contentHashes(
	works: readonly Work[],
	options: MoveOptions & RecallOptions,
): Promise<Hash[]> {
	const hashes = works.map(({ entry }) => (entry.hash?.type === "sha2-256-chunked" ? entry.hash : undefined));
	const missing = works.flatMap((work, index) => (hashes[index] === undefined ? [{ work, index }] : []));
	const local = missing.filter(({ work }) => "path" in work.from);
	const jobs = local.map(({ work }) => ({
		path: (work.from as { path: string }).path,
		size: work.size,
		type: "sha2-256-chunked" as const,
	}));
	const found = jobs.length === 0 ? [] : ((await platform().files?.hash(jobs, options)) ?? []);
	local.forEach(({ index }, job) => {
		hashes[index] = found[job];
	});
	for (const { work, index } of missing) {
		hashes[index] ??= await hashOf(work, "sha2-256-chunked", options);
		await checkLegacy(work, options);
	}
	return hashes as Hash[];
}

/** Where what is known of the local files of a push is kept together. */
export function localRoot(works: readonly Work[]): string | undefined {
	return commonDirectory(works.flatMap(({ from }) => ("path" in from ? [from] : [])));
}

async function hashOf(work: Work, type: HashType, options: MoveOptions): Promise<Hash | undefined> {
	const { files, createSha256 } = platform();
	if (!("path" in work.from)) {
		return hashSource(work.from.source, type, createSha256, { signal: options.signal });
	}
	const job = { path: work.from.path, size: work.size, type };
	return (await files?.hash([job], { signal: options.signal, cache: false }))?.[0];
}

/** An entry with another hash type is not published under a new hash unless its bytes fit the old one. */
async function checkLegacy(work: Work, options: MoveOptions): Promise<void> {
	const { hash } = work.entry;
	if (hash === undefined || !isKnownHashType(hash.type)) return;
	const found = await hashOf(work, hash.type, options);
	if (sameHash(found, hash)) return;
	throw new BaleError(
		"IntegrityMismatch",
		`The bytes of "${work.key}" are not those that the package names`,
		{
			details: { key: work.key, expected: hash, found },
		},
	);
}
