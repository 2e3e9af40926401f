/**
 * A directory registry that is also served as a bucket (`bale serve --s3`): what was pushed through the bucket is named
 * `s3://<bucket>/<key>?versionId=…` in manifests, and is a file below the registry's root.
 */
import type { PhysicalKey } from "../core/physical-key.ts";
import { olderVersionsOf, servedFolderSettings } from "../core/served-folder.ts";
import { decodeUtf8 } from "../core/utf8.ts";
import { collect } from "../storage/byte-source.ts";
import type { Store } from "../storage/store.ts";

const settingsBytes = 64 * 1024;
const names = new WeakMap<Store, Promise<ReadonlySet<string>>>();

/**
 * Keys below the root of the store that may hold an object of the bucket that it is served as, best first: the version that is
 * kept aside under this id, else the file itself. None when the store is not that bucket.
 */
export async function keysOfServed(
	store: Store,
	physicalKey: PhysicalKey & { kind: "s3" },
	signal: AbortSignal | undefined,
): Promise<string[]> {
	const { bucket, key, versionId } = physicalKey;
	if (key.split("/").some((segment) => ["", ".", ".."].includes(segment))) return [];
	if (!(await isServedAs(store, bucket, signal))) return [];
	const found: string[] = [];
	if (versionId !== undefined) {
		for await (const item of store.list(olderVersionsOf(key), { signal })) {
			if (!("key" in item)) continue;
			const name = item.key.slice(olderVersionsOf(key).length);
			if (name === versionId || name.endsWith(`.${versionId}`)) found.push(item.key);
		}
	}
	return [...found, key];
}

/** Whether the store is a folder that is served as this bucket. */
export async function isServedAs(
	store: Store,
	bucket: string,
	signal: AbortSignal | undefined,
): Promise<boolean> {
	let known = names.get(store);
	if (known === undefined) {
		known = bucketNames(store, signal);
		names.set(store, known);
		known.catch(() => names.delete(store));
	}
	return (await known).has(bucket);
}

async function bucketNames(store: Store, signal: AbortSignal | undefined): Promise<ReadonlySet<string>> {
	const object = await store.get(servedFolderSettings, { signal });
	if (object === undefined) return new Set();
	const bytes = await collect(object.body, settingsBytes);
	try {
		const settings = JSON.parse(decodeUtf8(bytes)) as { names?: unknown } | null;
		const found = Array.isArray(settings?.names) ? (settings.names as unknown[]) : [];
		return new Set(found.filter((name) => typeof name === "string"));
	} catch {
		return new Set();
	}
}
