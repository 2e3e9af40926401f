/** What copies that were killed have left in a registry: lines of text that were to keep their places. */
import { layout } from "../core/layout.ts";
import { formatPhysicalKey, joinPhysicalKey } from "../core/physical-key.ts";
import type { Registry } from "../registry/registry.ts";
import { throwIfAborted } from "../storage/abort.ts";
import { claimAt, claimBytes } from "../storage/s3/claim.ts";
import { namedObjects } from "./named-objects.ts";
import { openRegistry, type RegistryInput } from "./registries.ts";
import { platform } from "./runtime.ts";

export type LeftClaim = {
	readonly place: string;
	readonly modifiedAt: Date;
	/** Whether it was removed now. */
	readonly removed: boolean;
	/** Not every manifest can be read, so one of them may name the place: it is never removed. */
	readonly uncertain: boolean;
};

export type LeftClaimsOptions = {
	/** Remove those that are at least so many milliseconds old; default: none. A younger one may be in use. */
	readonly removeOlderThanMs?: number | undefined;
	readonly signal?: AbortSignal | undefined;
};

type Found = { readonly key: string; readonly etag: string; readonly modifiedAt: Date };

/**
 * The places in a registry that a copy had taken and was killed before it came to them, without those that a manifest
 * names. Lists everything in the registry; where there are any, every manifest is read.
 */
export async function* leftClaims(
	registry: RegistryInput,
	options: LeftClaimsOptions = {},
): AsyncGenerator<LeftClaim, void> {
	const opened = await openRegistry(registry);
	const { store } = opened;
	const { removeOlderThanMs, signal } = options;
	const found: Found[] = [];
	for await (const claim of claimsIn(opened, signal)) found.push(claim);
	if (found.length === 0) return;
	const places = found.map(({ key }) => key);
	const { keys: named, uncertain } = await namedObjects(opened, places, { signal });
	for (const claim of found) {
		throwIfAborted(signal);
		const { key, etag, modifiedAt } = claim;
		if (named.has(key)) continue;
		const isOld =
			removeOlderThanMs !== undefined && platform().now() - modifiedAt.getTime() >= removeOlderThanMs;
		const removed = isOld && !uncertain;
		// Reading all manifests may have taken long enough for a push to come to the place.
		if (removed) await store.delete(key, { ifEtag: etag, signal });
		const place = formatPhysicalKey(joinPhysicalKey(store.root, key));
		yield { place, modifiedAt, removed, uncertain };
	}
}

async function* claimsIn({ store }: Registry, signal: AbortSignal | undefined): AsyncGenerator<Found, void> {
	for await (const item of store.list("", { signal })) {
		if ("prefix" in item || item.size !== claimBytes || !isPlace(item.key)) continue;
		const { key, modifiedAt } = item;
		const claim = await claimAt(store, key, signal);
		if (claim !== undefined) yield { key, etag: claim.etag, modifiedAt };
	}
}

/** Whether files of packages are put there. */
function isPlace(key: string): boolean {
	return !/^\.(?:quilt|bale)\//.test(key) || key.startsWith(layout.objectsPrefix);
}
