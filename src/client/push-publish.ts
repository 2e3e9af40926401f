/** The last step of a push: its manifest and pointers. */
import { metaJson } from "../core/entry.ts";
import { jsonEquals } from "../core/json.ts";
import { manifestPieces } from "../core/manifest-format.ts";
import type { Manifest } from "../core/manifest.ts";
import type { PackageName } from "../core/names.ts";
import { physicalKeyEquals } from "../core/physical-key.ts";
import { computeTopHash, type TopHash } from "../core/top-hash.ts";
import { ManifestText } from "../registry/bytes.ts";
import type { Base } from "../registry/base.ts";
import { publish, writeManifest, type Published } from "../registry/publish.ts";
import type { Registry } from "../registry/registry.ts";
import { lineLimit } from "./build.ts";
import { isInside, isUsable } from "./prepare.ts";
import type { PushOptions } from "./push.ts";
import { platform } from "./runtime.ts";

/** Publishes the manifest, or says in a dry run what that would change. */
export async function publishManifest(
	registry: Registry,
	name: PackageName,
	{ header, tree }: Manifest,
	base: Base,
	accept: "any" | ReadonlySet<string>,
	landed: ReadonlySet<string>,
	options: PushOptions,
): Promise<Published> {
	const topHash = computeTopHash(header, tree, platform().createSha256);
	const manifest = ManifestText.from(manifestPieces({ header, tree }, lineLimit()));
	if (options.dryRun === true) {
		return { topHash, pointer: undefined, changed: base.head?.topHash !== topHash };
	}
	return publish(registry, name, {
		manifest,
		topHash,
		accept,
		base,
		usable: async (existing) => {
			for (const [key, entry] of existing.tree.walk()) {
				const mine = tree.get(key);
				if (mine === undefined || !("physicalKey" in mine)) continue;
				const inside = isInside(registry.store.root, mine.physicalKey);
				if (inside && !isInside(registry.store.root, entry.physicalKey)) return false;
				if (landed.has(key) && !physicalKeyEquals(mine.physicalKey, entry.physicalKey)) return false;
			}
			return isUsable(registry, existing);
		},
		author: platform().author(),
		onWarning: (code, message) => options.onProgress?.({ kind: "warning", code, message }),
		signal: options.signal,
	});
}

/** Writes a manifest that no pointer names. */
export async function keepManifest(
	registry: Registry,
	{ header, tree }: Manifest,
	{ signal }: PushOptions,
): Promise<TopHash> {
	const topHash = computeTopHash(header, tree, platform().createSha256);
	const manifest = ManifestText.from(manifestPieces({ header, tree }, lineLimit()));
	await writeManifest(registry, { manifest, topHash, signal });
	return topHash;
}

/**
 * Whether this push, of a package that does not come from the latest revision, may be a repetition of the one that published
 * it: header, keys, sizes and metadata are the same. The hashes decide when it is published.
 */
export async function mayRepeat(
	registry: Registry,
	base: Base,
	ours: Manifest,
	signal: AbortSignal | undefined,
): Promise<boolean> {
	if (base.head === undefined) return false;
	const theirs =
		(await base.manifest(signal)) ??
		(await registry.read(base.head.topHash, { allowUnverified: true, signal }).catch(() => undefined));
	return theirs !== undefined && isAlike(ours, theirs);
}

function isAlike(ours: Manifest, theirs: Manifest): boolean {
	if (!jsonEquals(ours.header, theirs.header) || ours.tree.fileCount !== theirs.tree.fileCount) return false;
	for (const [key, entry] of ours.tree.walk()) {
		const other = theirs.tree.get(key);
		if (other === undefined || !("physicalKey" in other)) return false;
		if (other.size !== entry.size || !jsonEquals(metaJson(other), metaJson(entry))) return false;
	}
	return true;
}
