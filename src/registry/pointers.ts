/** Changing what pointers name without publishing: deleting and rolling back. Manifests and data always stay. */
import { BaleError, isBaleError } from "../core/errors.ts";
import { layout } from "../core/layout.ts";
import type { PackageName } from "../core/names.ts";
import type { TopHash } from "../core/top-hash.ts";
import { packageNotFound, type Pointer, type Registry } from "./registry.ts";

const SWAP_ATTEMPTS = 50;

/** Which pointers go, and what `latest` names afterwards (null: the package is gone). */
export type Deletion = { readonly remove: readonly string[]; readonly latest: TopHash | null };

/**
 * Plans the deletion of a package, or of all pointers to one revision. Throws `PackageNotFound`, and
 * `RevisionNotFound` when no pointer of the package names `topHash`.
 */
export async function planDeletion(
	registry: Registry,
	name: PackageName,
	topHash: TopHash | undefined,
	signal?: AbortSignal,
): Promise<Deletion> {
	if (topHash === undefined) {
		const keys = await keysBelow(registry, layout.pointerPrefix(name), signal);
		if (keys.length === 0) throw packageNotFound(name, registry.location);
		return { remove: keys, latest: null };
	}

	const pointers = await registry.pointers(name, signal);
	const remove = pointers.filter((item) => item.topHash === topHash);
	if (remove.length === 0) {
		const isEmpty =
			pointers.length === 0 && (await keysBelow(registry, layout.pointerPrefix(name), signal)).length === 0;
		if (isEmpty) throw packageNotFound(name, registry.location);
		throw new BaleError("RevisionNotFound", `"${name}" in ${registry.location} has no revision ${topHash}`, {
			hint: `Run "bale log ${name}" to see its revisions`,
			details: { name, topHash, registry: registry.location },
		});
	}
	const kept = pointers.filter((item) => item.topHash !== topHash);
	return { remove: remove.map((item) => item.pointer), latest: latestAfter(kept) };
}

async function keysBelow(
	registry: Registry,
	prefix: string,
	signal: AbortSignal | undefined,
): Promise<string[]> {
	const keys: string[] = [];
	for await (const item of registry.store.list(prefix, { signal })) {
		if (!("prefix" in item)) keys.push(item.key.slice(prefix.length));
	}
	return keys;
}

/** What `latest` must name among the pointers that stay: itself, or the newest timestamp. */
function latestAfter(kept: readonly Pointer[]): TopHash | null {
	const latest = kept.find((item) => item.pointer === "latest");
	return (latest ?? kept.at(-1))?.topHash ?? null;
}

/** Carries a deletion out. `latest` is moved first, so that it never names what the history lacks. */
export async function deletePointers(
	registry: Registry,
	name: PackageName,
	deletion: Deletion,
	signal?: AbortSignal,
): Promise<void> {
	const timestamps = deletion.remove.filter((pointer) => pointer !== "latest");
	if (deletion.remove.includes("latest")) {
		if (deletion.latest === null) await registry.store.delete(layout.latest(name), { signal });
		else await moveLatest(registry, name, deletion.latest, signal);
	}
	for (const pointer of timestamps) {
		await registry.store.delete(layout.pointerPrefix(name) + pointer, { signal });
	}
}

/**
 * Lets `latest` name a revision that is there; no timestamp pointer is added. Throws `PackageNotFound`,
 * `RevisionNotFound`.
 */
export async function rollback(
	registry: Registry,
	name: PackageName,
	topHash: TopHash,
	signal?: AbortSignal,
): Promise<void> {
	if (!(await registry.has(topHash, signal))) {
		throw new BaleError("RevisionNotFound", `There is no revision ${topHash} in ${registry.location}`, {
			details: { hash: topHash, registry: registry.location },
		});
	}
	await moveLatest(registry, name, topHash, signal);
}

async function moveLatest(
	registry: Registry,
	name: PackageName,
	topHash: TopHash,
	signal: AbortSignal | undefined,
): Promise<void> {
	const key = layout.latest(name);
	for (let attempt = 1; ; attempt++) {
		const info = await registry.store.head(key, { signal });
		if (info === undefined) throw packageNotFound(name, registry.location);
		try {
			await registry.store.put(key, new TextEncoder().encode(topHash), {
				signal,
				condition: { ifEtag: info.etag },
			});
			return;
		} catch (error) {
			if (!isBaleError(error, "Conflict") || attempt === SWAP_ATTEMPTS) throw error;
		}
	}
}
