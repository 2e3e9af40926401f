/** Reading a registry's bucket as it is, without the verbs under test. */
import { expect } from "vitest";
import { createHasher, type HashType } from "../../../src/core/hash.ts";
import { parseManifest } from "../../../src/core/manifest.ts";
import { computeTopHash } from "../../../src/core/top-hash.ts";
import { createNodeSha256 } from "../../../src/node/node-digest.ts";
import { collect } from "../../../src/storage/byte-source.ts";
import type { S3Store } from "../../../src/storage/s3/s3-store.ts";

/** What a name's pointers say: pointer -> top hash. */
export type Pointers = ReadonlyMap<string, string>;

/** The bytes of an object; fails the test when there is none. */
async function read(store: S3Store, key: string, versionId?: string): Promise<Uint8Array> {
	const object = await store.get(key, versionId === undefined ? {} : { versionId });
	expect(object, key).toBeDefined();
	return collect(object!.body);
}

/** The pointers of a package, read one by one. */
export async function readPointers(store: S3Store, name: string): Promise<Pointers> {
	const prefix = `.quilt/named_packages/${name}/`;
	const pointers = new Map<string, string>();
	for await (const item of store.list(prefix)) {
		if ("prefix" in item) continue;
		const text = new TextDecoder().decode(await read(store, item.key));
		expect(text, item.key).toMatch(/^[0-9a-f]{64}$/);
		pointers.set(item.key.slice(prefix.length), text);
	}
	return pointers;
}

/**
 * Expects that everything is right that a package's pointers name: each manifest has the content of its top hash, and each
 * file the bytes of its hash. Gives the pointers and, by top hash, the physical keys and text contents below 1 KiB.
 */
export async function expectSound(
	store: S3Store,
	name: string,
): Promise<{
	readonly pointers: Pointers;
	readonly contents: ReadonlyMap<string, ReadonlyMap<string, string>>;
}> {
	const pointers = await readPointers(store, name);
	const contents = new Map<string, ReadonlyMap<string, string>>();
	const known = new Map<string, string>();
	for (const topHash of new Set(pointers.values())) {
		const { header, tree } = parseManifest(await read(store, `.quilt/packages/${topHash}`));
		expect(computeTopHash(header, tree, createNodeSha256)).toBe(topHash);
		const texts = new Map<string, string>();
		for (const [key, { physicalKey, hash, size }] of tree.walk()) {
			if (physicalKey.kind !== "s3" || hash === undefined) throw new TypeError(`"${key}" is not in a bucket`);
			const id = JSON.stringify([physicalKey, hash, size]);
			if (!known.has(id)) {
				const bytes = await read(store, physicalKey.key, physicalKey.versionId);
				expect(bytes.length, key).toBe(size);
				const hasher = createHasher(hash.type as HashType, bytes.length, createNodeSha256);
				hasher.update(bytes);
				expect(hasher.digest(), key).toEqual(hash);
				known.set(id, bytes.length < 1024 ? new TextDecoder().decode(bytes) : "");
			}
			texts.set(key, known.get(id)!);
		}
		contents.set(topHash, texts);
	}
	return { pointers, contents };
}
