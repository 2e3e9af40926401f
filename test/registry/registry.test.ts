/** Reading a registry: names, pointers, hashes, and what lies there that is none of these. */
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { diffTrees } from "../../src/core/diff.ts";
import { parseManifest } from "../../src/core/manifest.ts";
import { parsePackageName } from "../../src/core/names.ts";
import type { RandomBytes } from "../../src/core/random-bytes.ts";
import { createSha256 } from "../../src/core/sha256.ts";
import type { TopHash } from "../../src/core/top-hash.ts";
import { deletePointers, planDeletion, rollback } from "../../src/registry/pointers.ts";
import { DirectoryStore } from "../../src/node/directory-store.ts";
import { createNodeSha256 } from "../../src/node/node-digest.ts";
import { Registry } from "../../src/registry/registry.ts";
import { HttpStore } from "../../src/storage/http-store.ts";
import { MemoryStore } from "../../src/storage/memory-store.ts";
import { failure } from "../client/support/failure.ts";
import { listed } from "../client/support/files.ts";
import { RecordingStore } from "../client/support/recording-store.ts";
import { temporaryDirectory } from "../support/temporary.ts";

const name = parsePackageName("team/data");
const pointers = ".quilt/named_packages/team/data/";
const hash = (digit: string): TopHash => digit.repeat(64) as TopHash;
/** The top hash of the bare header. */
const bare = "7a67ff45a4a4c4814ea89d82bb9fb6fbf06caebc79d6507121b549213c747537" as TopHash;

async function registryWith(
	objects: Record<string, string>,
): Promise<{ registry: Registry; store: RecordingStore }> {
	const store = new RecordingStore(new MemoryStore());
	for (const [key, text] of Object.entries(objects)) {
		await store.inner.put(key, new TextEncoder().encode(text));
	}
	return { store, registry: new Registry(store, { createSha256, now: () => 0 }) };
}

describe("Registry.location", () => {
	test("is where the store begins, and for a web server its address", () => {
		const options = { createSha256, now: () => 0 };
		expect(new Registry(new MemoryStore(), options).location).toBe("s3://memory/");
		expect(new Registry(new HttpStore("https://host/data/"), options).location).toBe("https://host/data");
	});
});

describe("Registry.read()", () => {
	test("names the manifest that cannot be read, and says what to do", async () => {
		const { registry } = await registryWith({ [`.quilt/packages/${hash("a")}`]: '{"cut' });
		const error = await failure(registry.read(hash("a")), "InvalidManifest");
		expect(error.message).toContain(`Cannot read the manifest ${hash("a")} in ${registry.location}: line 1`);
		expect(error.details).toMatchObject({ topHash: hash("a"), line: 1 });
		expect(error.hint).toContain("bale doctor");
	});

	test("reads a manifest again whose bytes came damaged, and reports what comes damaged again and again", async () => {
		const text = new TextEncoder().encode('{"version": "v0"}\n');
		for (let bit = 0; bit < text.length * 8; bit++) {
			const damaged = text.slice();
			damaged[bit >> 3]! ^= 1 << (bit & 7);
			const store = new MemoryStore();
			const key = `.quilt/packages/${bare}`;
			await store.put(key, text);
			const honest = store.get.bind(store);
			let damages = 2;
			store.get = async (asked, options) => {
				const object = await honest(asked, options);
				return damages-- > 0 ? { ...object!, body: new Blob([damaged]).stream() } : object;
			};
			const registry = new Registry(store, { createSha256, now: () => 0 });
			expect((await registry.read(bare)).header.get("version")).toBe("v0");
			damages = 3;
			const { code } = await failure(registry.read(bare));
			expect(["InvalidManifest", "TopHashMismatch"]).toContain(code);
		}
	});
});

describe("Registry.readAhead()", () => {
	/** A directory registry with two manifests that differ in one of 8,000 lines, and how much is read of them. */
	function twoRevisions() {
		const root = temporaryDirectory();
		const path = (topHash: string): string => join(root, ".quilt/packages", topHash);
		mkdirSync(path(""), { recursive: true });
		const texts = ["old", "new"].map((value) => {
			const lines = Array.from({ length: 8000 }, (_, index) => {
				const digest = index === 4321 ? value : "x".repeat(40);
				return `{"logical_key": "d/${index + 1000}", "physical_keys": ["s3://b/k"], "size": 1, "hash": {"type": "t", "value": "${digest}"}, "meta": {}}\n`;
			});
			return `{"version": "v0"}\n${lines.join("")}`;
		});
		const hashes = texts.map((text) => {
			const { topHash } = parseManifest(Buffer.from(text), { createSha256: createNodeSha256 });
			writeFileSync(path(topHash ?? ""), text);
			return topHash as TopHash;
		});
		const store = new DirectoryStore(root);
		const read = { bytes: 0 };
		const open = store.openBytes.bind(store);
		store.openBytes = (key) => {
			const opened = open(key);
			if (opened === undefined) return undefined;
			const { bytes } = opened;
			const counted: RandomBytes = {
				size: bytes.size,
				read(start, end, buffer) {
					read.bytes += end - start;
					return bytes.read(start, end, buffer);
				},
			};
			return { ...opened, bytes: counted };
		};
		const registry = new Registry(store, { createSha256: createNodeSha256, now: () => 0 });
		return { registry, read, path, texts, hashes: hashes as [TopHash, TopHash] };
	}

	test("reads two manifests once, and comparing them reads no more than what differs", async () => {
		const { registry, read, texts, hashes } = twoRevisions();
		await registry.readAhead(...hashes);
		const readAhead = read.bytes;
		expect(readAhead).toBeLessThan(1.1 * texts.join("").length);
		const [before, after] = [await registry.read(hashes[0]), await registry.read(hashes[1])];
		expect(diffTrees(before.tree, after.tree)).toEqual({ added: [], modified: ["d/5321"], deleted: [] });
		expect(read.bytes - readAhead).toBeLessThan(1000);
	});

	test.each([0, 1])("leaves it to read() to refuse a manifest that is damaged: number %i", async (number) => {
		const { registry, path, texts, hashes } = twoRevisions();
		const damaged = hashes[number] as TopHash;
		writeFileSync(path(damaged), (texts[number] ?? "").replace('"size": 1, ', '"size": 2, '));
		await registry.readAhead(...hashes);
		await failure(registry.read(damaged), "TopHashMismatch");
		const { tree } = await registry.read(hashes[1 - number] as TopHash);
		expect(tree.fileCount).toBe(8000);
		const { tree: damagedTree } = await registry.read(damaged, { allowUnverified: true });
		expect(damagedTree.fileCount).toBe(8000);
	});

	test("does nothing where a manifest is missing, or there is but one", async () => {
		const { registry, read, hashes } = twoRevisions();
		await registry.readAhead(hashes[0], hash("a"));
		await registry.readAhead(hashes[0], hashes[0]);
		expect(read.bytes).toBe(0);
		await failure(registry.read(hash("a")), "RevisionNotFound");
	});
});

async function namesIn(registry: Registry): Promise<string[]> {
	return (await listed(registry.names())).flat();
}

describe("Registry.names()", () => {
	test("gives every package once, in order, without opening manifests", async () => {
		const { registry } = await registryWith({
			[`${pointers}1`]: hash("a"),
			[`${pointers}latest`]: hash("a"),
			".quilt/named_packages/a/z/latest": hash("a"),
			".quilt/named_packages/日本/語/latest": hash("a"),
		});
		expect(await namesIn(registry)).toEqual(["a/z", "team/data", "日本/語"]);
	});

	test("gives none for a registry that does not exist", async () => {
		const { registry } = await registryWith({});
		expect(await namesIn(registry)).toEqual([]);
	});

	test("passes over text that is in no package's folder", async () => {
		const { registry } = await registryWith({
			".quilt/named_packages/stray": "x",
			".quilt/named_packages/team/stray": "x",
			".quilt/packages/x": "x",
		});
		expect(await namesIn(registry)).toEqual([]);
	});

	test("needs no latest in a directory, but something in the folder of a package", async () => {
		const root = temporaryDirectory();
		const named = join(root, ".quilt/named_packages");
		for (const folder of ["a/empty", "b/nested/deep", "b/old", "b/usual"])
			mkdirSync(join(named, folder), { recursive: true });
		for (const file of ["b/nested/deep/1", "b/old/1", "b/usual/latest", "stray"])
			writeFileSync(join(named, file), hash("a"));
		symlinkSync("..", join(named, "b/circle"));
		const registry = new Registry(new DirectoryStore(root), { createSha256, now: () => 0 });
		expect(await namesIn(registry)).toEqual(["b/nested", "b/old", "b/usual"]);
	});

	test("gives many names a thousand at a time, and stops when it is told to", async () => {
		const keys = Array.from({ length: 2500 }, (_, index) => `.quilt/named_packages/a/${index + 1000}/latest`);
		const { registry } = await registryWith(Object.fromEntries(keys.map((key) => [key, hash("a")])));
		const pages = await listed(registry.names());
		expect(pages.map((page) => page.length)).toEqual([1000, 1000, 500]);
		expect(new Set(pages.flat()).size).toBe(2500);
		await failure(listed(registry.names(AbortSignal.abort())), "Aborted");
	});
});

describe("Registry.pointers()", () => {
	test("sorts by number, latest last, and passes over strays", async () => {
		const { registry } = await registryWith({
			[`${pointers}latest`]: hash("c"),
			[`${pointers}10`]: hash("c"),
			[`${pointers}9`]: hash("b"),
			[`${pointers}latest.bak`]: "?",
			[`${pointers}.DS_Store`]: "?",
			[`${pointers}tag`]: hash("d"),
			[`${pointers}9/deeper`]: hash("d"),
			[`${pointers}-5`]: hash("d"),
			[`${pointers}11`]: "damaged",
		});
		const found = await registry.pointers(name);
		expect(found.map(({ pointer, topHash }) => [pointer, topHash])).toEqual([
			["9", hash("b")],
			["10", hash("c")],
			["latest", hash("c")],
		]);
	});

	test("trims white space around the hash", async () => {
		const { registry } = await registryWith({ [`${pointers}latest`]: `${hash("c")}\r\n` });
		expect((await registry.head(name))?.topHash).toBe(hash("c"));
		expect(await registry.follow(name, "latest")).toBe(hash("c"));
	});

	test.for(["", "0".repeat(63), "z".repeat(64), "A".repeat(64), "../../x", "x".repeat(5000)])(
		"a pointer that holds %j is CorruptPointer, never used as a path",
		async (text) => {
			const { registry } = await registryWith({ [`${pointers}latest`]: text });
			for (const read of [() => registry.head(name), () => registry.follow(name, "latest")]) {
				const error = await failure(read, "CorruptPointer");
				expect(error.exitCode).toBe(13);
				expect(error.message).toContain("team/data");
				expect(error.hint).toBeTruthy();
			}
		},
	);

	test("waits for another client that is rewriting latest in place", async () => {
		const { registry, store } = await registryWith({ [`${pointers}latest`]: "" });
		setTimeout(() => void store.put(`${pointers}latest`, new TextEncoder().encode(hash("a"))), 60);
		expect(await registry.follow(name, "latest")).toBe(hash("a"));
	});

	test("follow() finds latest and timestamps only", async () => {
		const { registry } = await registryWith({
			[`${pointers}latest`]: hash("a"),
			[`${pointers}5`]: hash("b"),
		});
		expect(await registry.follow(name, "5")).toBe(hash("b"));
		await failure(registry.follow(name, "6"), "RevisionNotFound");
		for (const pointer of ["tag", "../latest", "latest/..", "-1", "5.0", ""]) {
			await failure(registry.follow(name, pointer), "RevisionNotFound");
		}
		await failure(registry.follow(parsePackageName("team/none"), "latest"), "PackageNotFound");
	});
});

describe("Registry.resolve()", () => {
	const manifests = {
		[`.quilt/packages/${"a".repeat(64)}`]: "",
		[`.quilt/packages/${"a".repeat(10)}${"b".repeat(54)}`]: "",
		[`.quilt/packages/${"c".repeat(64)}`]: "",
		[`.quilt/packages/${"c".repeat(64)}.bak`]: "",
		[`.quilt/packages/${"c".repeat(20)}`]: "",
	};

	test("finds the one hash that begins so, among all manifests, and no strays", async () => {
		const { registry } = await registryWith(manifests);
		expect(await registry.resolve("cccccc")).toBe(hash("c"));
		expect(await registry.resolve("aaaaaaaaaab")).toBe("a".repeat(10) + "b".repeat(54));
	});

	test("names the candidates of an ambiguous prefix", async () => {
		const { registry } = await registryWith(manifests);
		const error = await failure(registry.resolve("aaaaaa"), "AmbiguousHash");
		expect(error.exitCode).toBe(10);
		expect(error.details["candidates"]).toEqual([hash("a"), "a".repeat(10) + "b".repeat(54)]);
	});

	test("takes 64 digits as they are, and refuses what is no hash", async () => {
		const { registry } = await registryWith(manifests);
		expect(await registry.resolve(hash("d"))).toBe(hash("d"));
		await failure(registry.resolve("dddddd"), "RevisionNotFound");
		for (const text of ["", "abcde", "ABCDEF", "../../x", "z".repeat(64), "a/".repeat(32), "a".repeat(65)]) {
			const error = await failure(registry.resolve(text), "InvalidHash");
			expect(error.exitCode).toBe(2);
		}
	});

	test("shorten() gives the shortest unique prefix of at least 7 digits", async () => {
		const { registry } = await registryWith(manifests);
		expect(await registry.shorten(hash("a"))).toBe("a".repeat(11));
		expect(await registry.shorten(hash("d"))).toBe("d".repeat(7));
	});
});

describe("Registry.read()", () => {
	test("checks that the content gives the name, unless told not to", async () => {
		const { registry } = await registryWith({
			[`.quilt/packages/${bare}`]: '{"version":"v0"}',
			[`.quilt/packages/${hash("a")}`]: '{"version":"v0"}',
		});
		expect((await registry.read(bare)).header.get("version")).toBe("v0");
		const error = await failure(registry.read(hash("a")), "TopHashMismatch");
		expect(error.details).toMatchObject({ expected: hash("a"), found: bare });
		expect((await registry.read(hash("a"), { allowUnverified: true })).header.get("version")).toBe("v0");
		await failure(registry.read(hash("b")), "RevisionNotFound");
	});
});

describe("deleting pointers", () => {
	const three = {
		[`${pointers}9`]: hash("a"),
		[`${pointers}10`]: hash("b"),
		[`${pointers}11`]: hash("c"),
		[`${pointers}latest`]: hash("c"),
		[`.quilt/packages/${hash("a")}`]: "",
	};

	test("of the latest revision moves latest to the numerically greatest that remains, first", async () => {
		const { registry, store } = await registryWith(three);
		const plan = await planDeletion(registry, name, hash("c"));
		expect(plan).toEqual({ remove: ["11", "latest"], latest: hash("b") });
		await deletePointers(registry, name, plan);
		expect(store.log).toEqual([`put ${pointers}latest`, `delete ${pointers}11`]);
	});

	test("of an older revision leaves latest alone", async () => {
		const { registry, store } = await registryWith(three);
		await deletePointers(registry, name, await planDeletion(registry, name, hash("a")));
		expect(store.log).toEqual([`delete ${pointers}9`]);
	});

	test("of everything leaves manifests", async () => {
		const { registry, store } = await registryWith({ ...three, [`${pointers}stray`]: "?" });
		await deletePointers(registry, name, await planDeletion(registry, name, undefined));
		expect(store.log[0]).toBe(`delete ${pointers}latest`);
		expect(await listed(store.list(""))).toMatchObject([{ key: `.quilt/packages/${hash("a")}` }]);
	});

	test("of what is not there is one clear error", async () => {
		const { registry } = await registryWith(three);
		await failure(planDeletion(registry, name, hash("d")), "RevisionNotFound");
		await failure(planDeletion(registry, parsePackageName("team/none"), undefined), "PackageNotFound");
		await failure(planDeletion(registry, parsePackageName("team/none"), hash("a")), "PackageNotFound");
	});

	test("rollback() rewrites latest only, and needs manifest and package", async () => {
		const { registry, store } = await registryWith(three);
		await rollback(registry, name, hash("a"));
		expect(store.log).toEqual([`put ${pointers}latest`]);
		expect((await registry.head(name))?.topHash).toBe(hash("a"));
		await failure(rollback(registry, name, hash("b")), "RevisionNotFound");
		await failure(rollback(registry, parsePackageName("team/none"), hash("a")), "PackageNotFound");
	});
});
