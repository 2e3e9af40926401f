/**
 * The revision that a push is about to make, where the registry has it already: under another name, or before the latest. The
 * store can copy its files.
 */
import { BaleError } from "../core/errors.ts";
import { layout } from "../core/layout.ts";
import type { Manifest } from "../core/manifest.ts";
import type { Tree } from "../core/tree.ts";
import { computeTopHash } from "../core/top-hash.ts";
import type { Base } from "../registry/base.ts";
import { localRoot } from "./push-content.ts";
import type { Work } from "./push-selection.ts";
import type { PushOptions } from "./push.ts";
import { platform } from "./runtime.ts";

/**
 * Looks for a manifest with the content of `draft`, of which `works` are to move. Only where all hashes are known without
 * reading a file; the latest revision itself is not looked for.
 */
export async function findSame(
	{ registry, head }: Base,
	{ header, tree }: Manifest,
	works: readonly Work[],
	{ cache, signal }: PushOptions,
): Promise<Tree | undefined> {
	if (works.length === 0) return undefined;
	const hashed = tree.clone();
	const unknown = works.filter(({ entry }) => entry.hash === undefined);
	const paths = unknown.flatMap(({ from, size }) => ("path" in from ? [{ path: from.path, size }] : []));
	if (paths.length < unknown.length) return undefined;
	const recalled = platform().files?.recall(paths, { cache, root: localRoot(unknown) }) ?? [];
	for (const [index, { key, entry }] of unknown.entries()) {
		const hash = recalled[index];
		if (hash === undefined) return undefined;
		hashed.set(key, { ...entry, hash });
	}
	// What moves gets a hash of this type.
	if (works.some(({ entry }) => (entry.hash?.type ?? "sha2-256-chunked") !== "sha2-256-chunked"))
		return undefined;
	for (const [, entry] of hashed.looseEntries()) {
		if (entry.hash === undefined && entry.raw?.hash === undefined) return undefined;
	}
	const topHash = computeTopHash(header, hashed, platform().createSha256);
	if (topHash === head?.topHash) return undefined;
	try {
		if ((await registry.store.head(layout.manifest(topHash), { signal })) === undefined) return undefined;
		return (await registry.read(topHash, { signal })).tree;
	} catch (error) {
		// One that cannot be read is written anew.
		if (!(error instanceof BaleError) || error.code === "Aborted") throw error;
		return undefined;
	}
}
