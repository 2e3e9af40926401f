/** Which objects of a store the manifests of the registry in it name. */
import { BaleError, isBaleError } from "../core/errors.ts";
import { layout } from "../core/layout.ts";
import { isFixedVersion, keyBelow, type PhysicalKey } from "../core/physical-key.ts";
import { isTopHash } from "../core/top-hash.ts";
import type { Registry } from "../registry/registry.ts";
import type { Store } from "../storage/store.ts";
import { isServedAs } from "./served-folder.ts";

export type NamedObjects = {
	readonly keys: ReadonlySet<string>;
	/** Not every manifest can be read, or gives its hash, so that one may name others, too. */
	readonly uncertain: boolean;
};

export type NamedObjectsOptions = {
	/**
	 * Whether a place elsewhere, which ends in one of the keys, may be the object with that key: a registry can have been
	 * moved, or have several names. Default: always.
	 */
	readonly mayBe?: (physicalKey: PhysicalKey, key: string) => boolean | Promise<boolean>;
	/** Leave out what is named with a version of its own in this bucket: that stays when the key is written over. */
	readonly withoutVersions?: boolean;
	readonly signal?: AbortSignal | undefined;
};

/** Those of `keys` that any manifest names. Reads every manifest, as far as it can be read. */
export async function namedObjects(
	registry: Registry,
	keys: Iterable<string>,
	{ mayBe, withoutVersions = false, signal }: NamedObjectsOptions = {},
): Promise<NamedObjects> {
	const { store } = registry;
	const wanted = new Set(keys);
	const named = new Set<string>();
	let uncertain = false;
	for await (const item of store.list(layout.packagesPrefix, { signal })) {
		const hash = "prefix" in item ? "" : item.key.slice(layout.packagesPrefix.length);
		if (!isTopHash(hash)) continue;
		const manifest = await registry
			.read(hash, { signal })
			.catch((error: unknown) => {
				if (!isBaleError(error, "TopHashMismatch", "Unverifiable")) throw error;
				uncertain = true;
				return registry.read(hash, { allowUnverified: true, signal });
			})
			.catch((error: unknown) => {
				if (!(error instanceof BaleError) || isBaleError(error, "Aborted")) throw error;
				uncertain = true;
				return undefined;
			});
		for (const [, { physicalKey }] of manifest?.tree.walk() ?? []) {
			const inStore = await keysInStore(store, physicalKey, withoutVersions, signal);
			for (const key of inStore ?? endsOf(physicalKey)) {
				if (!wanted.has(key) || named.has(key)) continue;
				if (inStore !== undefined || mayBe === undefined || (await mayBe(physicalKey, key))) named.add(key);
			}
		}
	}
	return { keys: named, uncertain };
}

/** The key of what a manifest names in this store, or none when that is not to be told; undefined: it is elsewhere. */
function keysInStore(
	store: Store,
	physicalKey: PhysicalKey,
	withoutVersions: boolean,
	signal: AbortSignal | undefined,
): readonly string[] | undefined | Promise<readonly string[] | undefined> {
	const { root } = store;
	if (physicalKey.kind === "s3" && root.kind === "file")
		return isServedAs(store, physicalKey.bucket, signal).then((is) => (is ? [physicalKey.key] : undefined));
	const isInBucket = physicalKey.kind === "s3" && root.kind === "s3" && physicalKey.bucket === root.bucket;
	if (isInBucket && withoutVersions && isFixedVersion(physicalKey.versionId)) return [];
	const key = keyBelow(root, physicalKey);
	if (key !== undefined) return [key];
	return isInBucket ? [] : undefined;
}

/** A key or path, and what follows each of its slashes. */
function* endsOf(physicalKey: PhysicalKey): Generator<string, void> {
	const place = physicalKey.kind === "s3" ? physicalKey.key : physicalKey.path;
	yield place;
	for (let at = place.indexOf("/"); at !== -1; at = place.indexOf("/", at + 1)) yield place.slice(at + 1);
}
