/** Which objects of a store the manifests of the registry in it name. */
import { BaleError, isBaleError } from "../core/errors.ts";
import { layout } from "../core/layout.ts";
import type { Manifest } from "../core/manifest.ts";
import { isFixedVersion, type PhysicalKey } from "../core/physical-key.ts";
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
	readonly mayBe?: (physicalKey: PhysicalKey, key: string) => Promise<boolean>;
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
		const read = (allowUnverified: boolean): Promise<Manifest | undefined> =>
			registry.read(hash, { allowUnverified, signal }).catch((error: unknown) => {
				if (!(error instanceof BaleError) || isBaleError(error, "Aborted")) throw error;
				uncertain = true;
				return undefined;
			});
		const manifest = (await read(false)) ?? (await read(true));
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
	if (physicalKey.kind === "file") {
		const base = root.kind === "file" ? root.path.replace(/\/*$/, "/") : undefined;
		if (base === undefined || !physicalKey.path.startsWith(base)) return undefined;
		return [physicalKey.path.slice(base.length)];
	}
	if (root.kind === "file")
		return isServedAs(store, physicalKey.bucket, signal).then((is) => (is ? [physicalKey.key] : undefined));
	if (physicalKey.bucket !== root.bucket) return undefined;
	const base = root.key === "" ? "" : root.key.replace(/\/*$/, "/");
	const stays = withoutVersions && isFixedVersion(physicalKey.versionId);
	return stays || !physicalKey.key.startsWith(base) ? [] : [physicalKey.key.slice(base.length)];
}

/** A key or path, and what follows each of its slashes. */
function* endsOf(physicalKey: PhysicalKey): Generator<string, void> {
	const place = physicalKey.kind === "s3" ? physicalKey.key : physicalKey.path;
	yield place;
	for (let at = place.indexOf("/"); at !== -1; at = place.indexOf("/", at + 1)) yield place.slice(at + 1);
}
