/** Objects whose key ends in a slash: folders that programs make by hand. */
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { content, keysIn, listAll, newBucket, put } from "./folder-bucket.ts";

const none = "d41d8cd98f00b204e9800998ecf8427e";

describe("an object whose key ends in a slash", () => {
	test("is a folder, and keeps its headers", async () => {
		const { bucket, root } = await newBucket();
		const headers = { "content-type": "application/x-directory", "x-amz-meta-a": "b" };
		expect(await put(bucket, "a/b/", "", { headers })).toMatchObject({ etag: `"${none}"`, size: 0 });
		expect(existsSync(join(root, "a/b"))).toBe(true);
		expect(await bucket.head("a/b/")).toMatchObject({ key: "a/b/", versionId: "null", size: 0, headers });
		expect(await bucket.head("a/b/", "null")).toBeDefined();
		expect(await bucket.head("a/b/", "0")).toBeUndefined();
		expect(await content(bucket, "a/b/")).toBe("");
		expect(await bucket.head("a/")).toBeUndefined();
		expect(await bucket.head("a/b")).toBeUndefined();
	});

	test("is listed before all that is in it, on pages of any length", async () => {
		const { bucket } = await newBucket();
		const keys = ["a", "b/", "b/c", "b/d/", "b/d/e", "b0"];
		for (const key of keys) await put(bucket, key, "");
		for (let limit = 1; limit <= keys.length; limit++) {
			expect(await keysIn(bucket, { limit })).toEqual(keys);
			expect((await listAll((page) => bucket.listVersions(page), { limit })).versions).toMatchObject(
				keys.map((key) => ({ key, isLatest: true })),
			);
		}
		for (const after of keys)
			expect(await keysIn(bucket, { after: { key: after } })).toEqual(keys.slice(keys.indexOf(after) + 1));
		const grouped = await listAll((page) => bucket.list(page), { prefix: "b/", delimiter: "/" });
		expect([grouped.versions.map(({ key }) => key), grouped.prefixes]).toEqual([["b/", "b/c"], ["b/d/"]]);
		expect(await keysIn(bucket, { prefix: "b/d" })).toEqual(["b/d/", "b/d/e"]);
		expect(await keysIn(bucket, { prefix: "b/c" })).toEqual(["b/c"]);
	});

	test("stays when the last object in it goes, and goes alone while there are some", async () => {
		const { bucket, root } = await newBucket();
		await put(bucket, "a/b/", "");
		await put(bucket, "a/b/c/d", "");
		await bucket.delete("a/b/c/d");
		expect(await keysIn(bucket)).toEqual(["a/b/"]);
		await put(bucket, "a/b/c", "");
		expect(await bucket.delete("a/b/", "null")).toEqual({ versionId: "null", isDeleteMarker: false });
		expect(await keysIn(bucket)).toEqual(["a/b/c"]);
		expect(await bucket.delete("a/b/")).toBeUndefined();
		await bucket.delete("a/b/c");
		expect(existsSync(join(root, "a"))).toBe(false);
	});

	test("removes its empty folder, and those above it, when it goes", async () => {
		const { bucket, root } = await newBucket();
		await put(bucket, "a/b/", "");
		expect(await bucket.delete("a/b/", "0")).toBeUndefined();
		expect(await keysIn(bucket)).toEqual(["a/b/"]);
		await bucket.delete("a/b/");
		expect(await keysIn(bucket)).toEqual([]);
		expect(existsSync(join(root, "a"))).toBe(false);
	});

	test("is gone when its folder is removed by hand; folders that others make are none", async () => {
		const { bucket, root } = await newBucket();
		await put(bucket, "a/", "");
		rmSync(join(root, "a"), { recursive: true });
		mkdirSync(join(root, "b"));
		expect(await bucket.head("a/")).toBeUndefined();
		expect(await bucket.head("b/")).toBeUndefined();
		expect(await keysIn(bucket)).toEqual([]);
	});

	test("has no content, and no object has its name without the slash", async () => {
		const { bucket } = await newBucket();
		await expect(put(bucket, "a/", "x")).rejects.toMatchObject({ code: "InvalidArgument", status: 400 });
		await put(bucket, "a/", "");
		await expect(put(bucket, "a", "x")).rejects.toMatchObject({ code: "KeyCollision", status: 409 });
		await put(bucket, "b", "x");
		await expect(put(bucket, "b/", "")).rejects.toMatchObject({ code: "KeyCollision", status: 409 });
		expect(await keysIn(bucket)).toEqual(["a/", "b"]);
	});

	test("is written under conditions", async () => {
		const { bucket } = await newBucket();
		const absent = { condition: { ifNoneMatch: "*" } } as const;
		await expect(put(bucket, "a/", "", { condition: { ifMatch: none } })).rejects.toMatchObject({
			code: "NoSuchKey",
		});
		await put(bucket, "a/", "", absent);
		await expect(put(bucket, "a/", "", absent)).rejects.toMatchObject({ code: "PreconditionFailed" });
		await put(bucket, "a/", "", { condition: { ifMatch: none } });
	});

	test.each(["/", "a//", "a/../", "../", ".bale/tmp/", ".bale/versions/a/"])(
		"cannot have the key %j",
		async (key) => {
			const { bucket, root } = await newBucket();
			await expect(put(bucket, key, "")).rejects.toMatchObject({ code: "InvalidArgument", status: 400 });
			expect(await bucket.head(key)).toBeUndefined();
			expect(await bucket.delete(key)).toBeUndefined();
			expect(existsSync(join(root, "a"))).toBe(false);
		},
	);
});
