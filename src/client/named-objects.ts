/** Which objects of a store the manifests of the registry in it name. */
import { BaleError, isBaleError } from "../core/errors.ts";
import { layout } from "../core/layout.ts";
import type { PhysicalKey } from "../core/physical-key.ts";
import { isTopHash } from "../core/top-hash.ts";
import type { Registry } from "../registry/registry.ts";

export type NamedObjects = {
	readonly keys: ReadonlySet<string>;
	/** Not every manifest can be read, so that one may name others, too. */
	readonly uncertain: boolean;
};

/** Those of `keys` that any manifest names, as `keysOf` tells of its physical keys. Reads every manifest. */
export async function namedObjects(
	registry: Registry,
	keys: Iterable<string>,
	keysOf: (physicalKey: PhysicalKey) => Iterable<string>,
	signal: AbortSignal | undefined,
): Promise<NamedObjects> {
	const wanted = new Set(keys);
	const named = new Set<string>();
	let uncertain = false;
	for await (const item of registry.store.list(layout.packagesPrefix, { signal })) {
		const hash = "prefix" in item ? "" : item.key.slice(layout.packagesPrefix.length);
		if (!isTopHash(hash)) continue;
		try {
			const { tree } = await registry.read(hash, { signal });
			for (const [, { physicalKey }] of tree.walk()) {
				for (const key of keysOf(physicalKey)) if (wanted.has(key)) named.add(key);
			}
		} catch (error) {
			if (!(error instanceof BaleError) || isBaleError(error, "Aborted")) throw error;
			uncertain = true;
		}
	}
	return { keys: named, uncertain };
}
