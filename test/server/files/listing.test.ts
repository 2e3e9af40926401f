import { appendFileSync, mkdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { FolderNames } from "../../../src/server/s3/files/folder-names.ts";
import { Places } from "../../../src/server/s3/files/places.ts";
import { walkKeys } from "../../../src/server/s3/files/walk-keys.ts";
import { temporaryDirectory } from "../../support/temporary.ts";
import { content, keysIn, listAll, newBucket, put } from "./folder-bucket.ts";

/** A folder with these files, without a bucket. */
function folderOf(keys: readonly string[]): string {
	const root = temporaryDirectory();
	for (const key of keys) {
		mkdirSync(join(root, key, ".."), { recursive: true });
		writeFileSync(join(root, key), key);
	}
	return root;
}

describe("list()", () => {
	test("goes by the UTF-8 bytes of the whole key, folders among files", async () => {
		const keys = ["a!", "a/b", "a/b-c", "a/b0/c", "a0", "a\u{10000}", "aé", "a\uffee", "b"];
		const { bucket } = await newBucket(folderOf(keys));
		const sorted = [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
		for (const limit of [1, 2, 3, 1000]) expect(await keysIn(bucket, { limit })).toEqual(sorted);
		expect(sorted.slice(0, 3)).toEqual(["a!", "a/b", "a/b-c"]);
	});

	test("begins after any key, be it there or not", async () => {
		const keys = ["a", "b-", "b/1", "b/2/x", "b0", "c"];
		const { bucket } = await newBucket(folderOf(keys));
		for (const key of [
			"",
			"a",
			"aa",
			"b",
			"b-",
			"b/",
			"b/1",
			"b/2",
			"b/2/",
			"b/2/x",
			"b/3",
			"b/\u{10ffff}",
			"c",
			"d",
		]) {
			const { versions } = await bucket.list({ prefix: "", delimiter: "", after: { key }, limit: 10 });
			expect(
				versions.map((version) => version.key),
				key,
			).toEqual(keys.filter((item) => item > key));
		}
	});

	test("shows common prefixes by a slash and by any other text, once each", async () => {
		const { bucket } = await newBucket(folderOf(["a/1", "a/2", "a/b/3", "a-1", "a-2/x", "b", "c/d/e"]));
		const list = async (prefix: string, delimiter: string, limit: number) => {
			const { versions, prefixes } = await listAll((request) => bucket.list(request), {
				prefix,
				delimiter,
				limit,
			});
			return [versions.map(({ key }) => key), prefixes];
		};
		for (const limit of [1, 2, 1000]) {
			expect(await list("", "/", limit)).toEqual([
				["a-1", "b"],
				["a-2/", "a/", "c/"],
			]);
			expect(await list("a/", "/", limit)).toEqual([["a/1", "a/2"], ["a/b/"]]);
			expect(await list("a", "/", limit)).toEqual([["a-1"], ["a-2/", "a/"]]);
			expect(await list("", "-", limit)).toEqual([["a/1", "a/2", "a/b/3", "b", "c/d/e"], ["a-"]]);
			expect(await list("", "/b", limit)).toEqual([["a-1", "a-2/x", "a/1", "a/2", "b", "c/d/e"], ["a/b"]]);
			expect(await list("c", "d/", limit)).toEqual([[], ["c/d/"]]);
			expect(await list("c/", "/d", limit)).toEqual([["c/d/e"], []]);
			expect(await list("nothing", "/", limit)).toEqual([[], []]);
		}
	});

	test("shows no folder that has no objects, and none of deleted ones", async () => {
		const { bucket, root } = await newBucket();
		mkdirSync(join(root, "empty/deep"), { recursive: true });
		await put(bucket, "gone/a", "x");
		await bucket.delete("gone/a");
		await put(bucket, "there/a", "x");
		const all = (request: { delimiter?: string }) => listAll((page) => bucket.list(page), request);
		expect(await all({ delimiter: "/" })).toMatchObject({ versions: [], prefixes: ["there/"] });
		const versions = await listAll((page) => bucket.listVersions(page), { delimiter: "/" });
		expect(versions).toMatchObject({ versions: [], prefixes: ["gone/", "there/"] });
	});

	test("hides what the bucket and its folder keep for themselves", async () => {
		const own = ["tmp/x", "locks/x", "versions/x", "uploads/x", "bucket/x"].map((name) => `.bale/${name}`);
		const { bucket } = await newBucket(folderOf([...own, ".bale/objects/a", ".bale/conditions", "a"]));
		expect(await keysIn(bucket)).toEqual([".bale/conditions", ".bale/objects/a", "a"]);
		for (const key of own) expect(await keysIn(bucket, { prefix: key.slice(0, -1) })).toEqual([]);
	});

	test("gives no more than was asked for, and nothing when nothing was", async () => {
		const { bucket } = await newBucket(folderOf(["a", "b", "c"]));
		const page = await bucket.list({ prefix: "", delimiter: "", limit: 2 });
		expect(page).toMatchObject({ next: { key: "b" } });
		expect(page.versions).toHaveLength(2);
		expect(await bucket.list({ prefix: "", delimiter: "", limit: 3 })).toMatchObject({ next: undefined });
		expect(await bucket.list({ prefix: "", delimiter: "", limit: 0 })).toEqual({
			versions: [],
			commonPrefixes: [],
			next: undefined,
		});
	});

	test("shows what came and went since the page before", async () => {
		const names = Array.from({ length: 1500 }, (_, index) => `k/${String(index).padStart(4, "0")}`);
		const root = folderOf(names);
		const past = new Date(Date.now() - 60_000);
		utimesSync(join(root, "k"), past, past);
		const { bucket } = await newBucket(root);
		const first = await bucket.list({ prefix: "k/", delimiter: "", limit: 700 });
		writeFileSync(join(root, "k/0700-new"), "");
		rmSync(join(root, "k/0703"));
		const second = await bucket.list({ prefix: "k/", delimiter: "", limit: 5, after: first.next! });
		expect(second.versions.map(({ key }) => key)).toEqual([
			"k/0700",
			"k/0700-new",
			"k/0701",
			"k/0702",
			"k/0704",
		]);
	});
});

describe("a walk", () => {
	/** The folders that are read for the first `count` keys. */
	async function readFor(
		keys: readonly string[],
		request: { prefix?: string; from?: string; count: number },
	) {
		const folders = new FolderNames(new Places(folderOf(keys)));
		const read: string[] = [];
		const walk = {
			names: (base: string) => {
				read.push(base);
				return folders.ofObjects(base);
			},
			prefix: request.prefix ?? "",
			from: request.from,
			skip: undefined,
		};
		const found: string[] = [];
		for await (const key of walkKeys(walk)) {
			if (found.push(key) === request.count) break;
		}
		return { found, read };
	}

	test("reads no folder before the place where it begins, nor behind the one where it ends", async () => {
		const keys = ["a/1", "b/1", "c/x/1", "c/y/1", "d/1"];
		expect(await readFor(keys, { from: "c/y/", count: 1 })).toEqual({
			found: ["c/y/1"],
			read: ["", "c/", "c/y/"],
		});
		expect(await readFor(keys, { prefix: "c/x", count: 9 })).toEqual({
			found: ["c/x/1"],
			read: ["c/", "c/x/"],
		});
	});
});

describe("a folder with many names", () => {
	test("is read once for all pages as long as it does not change", async () => {
		const names = Array.from({ length: 1200 }, (_, index) => `k/${String(index).padStart(4, "0")}`);
		const root = folderOf(names);
		const folders = new FolderNames(new Places(root));
		// A folder that was just changed may change again without showing it.
		expect(await folders.ofObjects("k/")).not.toBe(await folders.ofObjects("k/"));
		await new Promise((resolve) => setTimeout(resolve, 2100));
		const old = await folders.ofObjects("k/");
		expect(await folders.ofObjects("k/")).toBe(old);
		appendFileSync(join(root, "k/new"), "");
		expect(await folders.ofObjects("k/")).toContain("new");
	});
});

describe("listVersions()", () => {
	test("shows the versions of all keys, the newest of each first, over any page borders", async () => {
		const { bucket } = await newBucket();
		for (const key of ["a", "a0/b", "c/d"]) {
			for (const text of ["1", "2", "3"]) await put(bucket, key, key + text);
		}
		await bucket.delete("a");
		await bucket.delete("c/d");
		await put(bucket, "c/d", "c/d4");
		for (const limit of [1, 2, 3, 4, 1000]) {
			const { versions } = await listAll((request) => bucket.listVersions(request), { limit });
			const shown = versions.map(async ({ key, versionId, isDeleteMarker, isLatest }) => {
				const text = isDeleteMarker ? `${key} marker` : await content(bucket, key, versionId);
				return isLatest ? `${text} latest` : text;
			});
			expect(await Promise.all(shown)).toEqual([
				...["a marker latest", "a3", "a2", "a1"],
				...["a0/b3 latest", "a0/b2", "a0/b1"],
				...["c/d4 latest", "c/d marker", "c/d3", "c/d2", "c/d1"],
			]);
		}
	});

	test("goes on where it was when everything on the page before was deleted", async () => {
		const { bucket, root } = await newBucket();
		for (let index = 0; index < 5; index++) await put(bucket, "a", String(index));
		writeFileSync(join(root, "a"), "foreign");
		await put(bucket, "a", "last");
		let request: Parameters<typeof bucket.listVersions>[0] = { prefix: "", delimiter: "", limit: 2 };
		let deleted = 0;
		for (;;) {
			const page = await bucket.listVersions(request);
			for (const { key, versionId } of page.versions) {
				await bucket.delete(key, versionId);
				deleted++;
			}
			if (page.next === undefined) break;
			request = { ...request, after: page.next };
		}
		expect(deleted).toBe(6);
		expect((await bucket.listVersions({ prefix: "", delimiter: "", limit: 2 })).versions).toEqual([]);
	});
});
