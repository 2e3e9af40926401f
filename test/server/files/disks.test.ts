import { readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { filesBelow } from "../../support/files.ts";
import { content, historyOf, keysIn, newBucket, put, stream } from "./folder-bucket.ts";
import { failing } from "./broken-disk.ts";

test.each(["EPERM", "ENOTSUP"])("a disk without hard links (%s) keeps copies", async (code) => {
	const { bucket, root } = await newBucket();
	await failing(["linkSync"], code, async () => {
		await put(bucket, "a/b", "one", { condition: { ifNoneMatch: "*" } });
		await expect(put(bucket, "a/b", "x", { condition: { ifNoneMatch: "*" } })).rejects.toMatchObject({
			code: "PreconditionFailed",
		});
		const { versionId } = await put(bucket, "a/b", "two");
		writeFileSync(join(root, "c"), "foreign");
		await put(bucket, "c", "ours");
		await bucket.delete("c");
		expect(await historyOf(bucket, "c")).toEqual(["-", "ours", "foreign"]);
		expect(await historyOf(bucket, "a/b")).toEqual(["two", "one"]);
		await bucket.delete("a/b", versionId);
		expect(await historyOf(bucket, "a/b")).toEqual(["one"]);
		await bucket.delete("a/b");
		const [marker] = (await bucket.listVersions({ prefix: "a/b", delimiter: "", limit: 1 })).versions;
		await bucket.delete("a/b", marker!.versionId);
		expect(await content(bucket, "a/b")).toBe("one");
		const start = { key: "d", headers: {}, algorithm: undefined, checksumType: undefined };
		const upload = await bucket.startUpload(start);
		const part = await bucket.putPart(
			upload,
			1,
			await bucket.receive(stream("part"), [], new AbortController().signal),
		);
		await bucket.completeUpload(upload, [part]);
		expect(await content(bucket, "d")).toBe("part");
	});
	expect(await keysIn(bucket)).toEqual(["a/b", "d"]);
	expect(filesBelow(join(root, ".bale/tmp"))).toEqual([]);
	expect(readdirSync(join(root, ".bale/locks"))).toEqual([]);
});

test("two versions that are kept by hard links take the space of one each", async () => {
	const { bucket, root } = await newBucket();
	await put(bucket, "a", "one");
	const { ino } = statSync(join(root, "a"));
	await put(bucket, "a", "two");
	const [kept] = filesBelow(join(root, ".bale/versions/a~")).filter((name) => !name.endsWith("@"));
	expect(statSync(join(root, ".bale/versions/a~", kept!))).toMatchObject({ ino, nlink: 1 });
});

test.each([
	["ENOSPC", "InsufficientStorage", 507],
	["EDQUOT", "InsufficientStorage", 507],
	["EACCES", "AccessDenied", 403],
	["EROFS", "AccessDenied", 403],
])("%s is told as %s, and the object stays as it was", async (errno, code, status) => {
	const { bucket } = await newBucket();
	await put(bucket, "a", "one");
	const received = await bucket.receive(stream("two"), [], new AbortController().signal);
	for (const call of ["renameSync", "writeFileSync"] as const) {
		await failing([call], errno, async () => {
			const writing = bucket.put("a", received, { headers: {}, checksum: undefined });
			await expect(writing).rejects.toMatchObject({ name: "S3Fault", code, status });
		});
		expect(await historyOf(bucket, "a")).toEqual(["one"]);
	}
	await failing(["openSync"], errno, async () => {
		const receiving = bucket.receive(stream("x"), [], new AbortController().signal);
		await expect(receiving).rejects.toMatchObject({ name: "S3Fault", code, status });
	});
	await bucket.put("a", received, { headers: {}, checksum: undefined });
	expect(await historyOf(bucket, "a")).toEqual(["two", "one"]);
});
