import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openBucket } from "../../../src/server/s3/files/bucket-files.ts";
import { temporaryDirectory } from "../../support/temporary.ts";
import { historyOf, newBucket, put } from "./folder-bucket.ts";

test("versions are kept until somebody says otherwise, for all processes", async () => {
	const { bucket, root } = await newBucket();
	const other = (await newBucket(root)).bucket;
	expect(await other.versioning()).toBe("enabled");
	await bucket.setVersioning(false);
	expect(await other.versioning()).toBe("suspended");
	expect((await put(other, "a", "1")).versionId).toBe("null");
	expect((await put(other, "a", "2")).versionId).toBe("null");
	expect(await historyOf(other, "a")).toEqual(["2"]);
	await bucket.setVersioning(true);
	await put(other, "a", "3");
	expect(await historyOf(other, "a")).toEqual(["3", "2"]);
});

test("who opens a folder says what is kept while nobody has", async () => {
	const root = temporaryDirectory();
	const bucket = await openBucket(root, "bucket", { versions: false });
	expect(await bucket.versioning()).toBe("none");
	await bucket.setVersioning(true);
	expect(await (await openBucket(root, "bucket", { versions: false })).versioning()).toBe("enabled");
});

test("what was kept stays when no more versions are", async () => {
	const { bucket } = await newBucket();
	const kept = await put(bucket, "a", "1");
	await bucket.setVersioning(false);
	await put(bucket, "a", "2");
	await put(bucket, "a", "3");
	expect(await historyOf(bucket, "a")).toEqual(["3", "1"]);
	expect(await bucket.delete("a")).toEqual({ versionId: "null", isDeleteMarker: true });
	expect(await historyOf(bucket, "a")).toEqual(["-", "1"]);
	await bucket.delete("a", "null");
	expect((await bucket.head("a"))?.versionId).toBe(kept.versionId);
});

test("the folder remembers the names under which it was written to, and nothing as long as it was only read", async () => {
	const { bucket, root } = await newBucket();
	const settings = join(root, ".bale/bucket/settings.json");
	await bucket.head("a");
	await bucket.list({ prefix: "", delimiter: "", limit: 10 });
	expect(await bucket.delete("a")).toBeUndefined();
	expect(existsSync(join(root, ".bale"))).toBe(false);
	await Promise.all([put(bucket, "a", "1"), put(bucket, "b", "1")]);
	expect(JSON.parse(readFileSync(settings, "utf8"))).toEqual({ names: ["bucket"] });
	await bucket.setVersioning(false);
	await put(await openBucket(root, "other", { durability: "process" }), "a", "1");
	expect(JSON.parse(readFileSync(settings, "utf8"))).toEqual({
		names: ["bucket", "other"],
		versioning: false,
	});
});

test("damaged settings make no version be lost", async () => {
	const { bucket, root } = await newBucket();
	mkdirSync(join(root, ".bale/bucket"), { recursive: true });
	for (const text of ["{", "null", "[]", '{"versioning":"no","names":[1]}']) {
		writeFileSync(join(root, ".bale/bucket/settings.json"), text);
		expect(await bucket.versioning()).toBe("enabled");
	}
	await put(bucket, "a", "1");
	expect((await put(bucket, "a", "2")).versionId).not.toBe("null");
});
