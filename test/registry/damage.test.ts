/**
 * Each document below `.quilt/` with any one bit of it another, where nothing keeps a checksum: what shows is an error with a
 * code, and what cannot show leaves something that is valid and differs in nothing that a top hash stands for.
 */
import { describe, expect, test } from "vitest";
import { isBaleError, type ErrorCode } from "../../src/core/errors.ts";
import { formatManifestJson } from "../../src/core/json.ts";
import { ManifestParser, type Manifest } from "../../src/core/manifest.ts";
import { parsePackageName } from "../../src/core/names.ts";
import { formatPhysicalKey, parsePhysicalKey, physicalKeyEquals } from "../../src/core/physical-key.ts";
import { createSha256 } from "../../src/core/sha256.ts";
import { isTopHash, type TopHash } from "../../src/core/top-hash.ts";
import { encodeUtf8 } from "../../src/core/utf8.ts";
import { damageCodes, Registry } from "../../src/registry/registry.ts";
import { parseConfigFile } from "../../src/registry/workflow-files.ts";
import { readWorkflowFile } from "../../src/registry/workflow-object.ts";
import { streamOf } from "../../src/storage/byte-source.ts";
import { MemoryStore } from "../../src/storage/memory-store.ts";

const name = parsePackageName("team/data");

const manifest = `{"version": "v0", "message": "für \\u00e9", "user_meta": {"a": [1, 2.5, null]}, "workflow": {"id": "x"}}
{"logical_key": "d/", "meta": {"b": true}}
{"logical_key": "a b.txt", "physical_keys": ["s3://bucket/team/data/a%20b.txt?versionId=V1.x_-"], "size": 5, "hash": {"type": "sha2-256-chunked", "value": "yI8ayM2JDR4K1A5c6FMz3Iy0ZnZ1nFhsA2J1DZzgYzI="}, "meta": {}}
{"logical_key": "d/c.bin", "physical_keys": ["file:///data/c.bin"], "size": 10, "hash": {"type": "SHA256", "value": "${"0a".repeat(32)}"}, "meta": {"user_meta": {"k": "v"}}}
`;

const config = `version: "1"
default_workflow: checked
is_workflow_required: yes
workflows:
  checked:
    name: Checked
    handle_pattern: ^team/
    metadata_schema: animal
  free:
    name: Free
schemas:
  animal:
    url: s3://bucket/animal.json
`;

/** A registry with one object, which comes with each of its bits flipped in turn. */
async function* flipped(
	key: string,
	text: string,
): AsyncGenerator<{ store: MemoryStore; bit: number }, void> {
	const bytes = encodeUtf8(text);
	const store = new MemoryStore();
	await store.put(key, bytes);
	const honest = store.get.bind(store);
	let damaged: Uint8Array;
	store.get = async (asked, options) => {
		const object = await honest(asked, options);
		return asked === key ? { ...object!, body: streamOf(damaged) } : object;
	};
	for (let bit = 0; bit < bytes.length * 8; bit++) {
		damaged = bytes.slice();
		damaged[bit >> 3]! ^= 1 << (bit & 7);
		yield { store, bit };
	}
}

/** What is read, or undefined when that is an error with one of the codes. */
async function readOr<T>(codes: readonly ErrorCode[], read: () => Promise<T>): Promise<T | undefined> {
	try {
		return await read();
	} catch (error) {
		if (!isBaleError(error, ...codes)) throw error;
		return undefined;
	}
}

const open = (store: MemoryStore): Registry => new Registry(store, { createSha256, now: () => 0 });

function parsed(text: string): Manifest & { readonly topHash?: TopHash } {
	const parser = new ManifestParser({ createSha256 });
	parser.push(encodeUtf8(text));
	return parser.end();
}

/** All that a top hash stands for. */
function content({ header, tree }: Manifest): unknown {
	const entries = [...tree.walk()].map(([key, { size, hash, meta }]) => [
		key,
		size,
		hash,
		formatManifestJson(meta),
	]);
	return [formatManifestJson(header), entries];
}

describe("one bit of", () => {
	const topHash = parsed(manifest).topHash!;

	test.each(["latest", "1700000000"])("the pointer %s: no top hash, or another one", async (pointer) => {
		let errors = 0;
		for await (const { store } of flipped(`.quilt/named_packages/team/data/${pointer}`, topHash)) {
			const found = await readOr(["CorruptPointer"], () => open(store).follow(name, pointer));
			if (found === undefined) errors++;
			else expect(isTopHash(found) && found !== topHash).toBe(true);
		}
		expect(errors).toBeGreaterThan(topHash.length * 4);
	});

	test("a manifest: an error, or another place of an entry or metadata of a directory", async () => {
		const expected = content(parsed(manifest));
		let errors = 0;
		let others = 0;
		for await (const { store } of flipped(`.quilt/packages/${topHash}`, manifest)) {
			const found = await readOr(damageCodes, () => open(store).read(topHash));
			if (found === undefined) {
				errors++;
				continue;
			}
			others++;
			expect(content(found)).toEqual(expected);
			for (const [, { physicalKey }] of found.tree.walk())
				expect(physicalKeyEquals(parsePhysicalKey(formatPhysicalKey(physicalKey)), physicalKey)).toBe(true);
		}
		expect(errors).toBeGreaterThan(manifest.length * 4);
		expect(others).toBeGreaterThan(0);
	});

	test("a workflow configuration: an error, or workflows", async () => {
		let errors = 0;
		let others = 0;
		for await (const { store } of flipped(".quilt/workflows/config.yml", config)) {
			const found = await readOr(["InvalidWorkflow"], async () =>
				parseConfigFile((await readWorkflowFile(store, undefined))!),
			);
			if (found === undefined) errors++;
			else {
				others++;
				expect(found.config.workflows.size).toBe(2);
			}
		}
		expect(errors).toBeGreaterThan(config.length);
		expect(others).toBeGreaterThan(0);
	});
});
