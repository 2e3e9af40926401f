import { createHash } from "node:crypto";
import {
	appendFileSync,
	cpSync,
	existsSync,
	linkSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	renameSync,
	rmSync,
	symlinkSync,
	utimesSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openBucket } from "../../../src/server/s3/files/bucket-files.ts";
import { createDigest } from "../../../src/server/s3/files/digests.ts";
import { filesBelow } from "../../support/files.ts";
import { temporaryDirectory } from "../../support/temporary.ts";
import { content, historyOf, keysIn, newBucket, put, stream } from "./folder-bucket.ts";

const signal = new AbortController().signal;

function md5(text: string): string {
	return createHash("md5").update(text).digest("hex");
}

describe("an object", () => {
	test("is the file of its key, with what was given with it", async () => {
		const { bucket, root } = await newBucket();
		const before = Date.now();
		const headers = { "content-type": "text/csv", "x-amz-meta-a": "é" };
		const written = await put(bucket, "a/b c/é.csv", "1,2\n", { headers });
		expect(readFileSync(join(root, "a/b c/é.csv"), "utf8")).toBe("1,2\n");
		expect(written).toMatchObject({
			isLatest: true,
			isDeleteMarker: false,
			size: 4,
			etag: `"${md5("1,2\n")}"`,
		});
		expect(written.lastModified).toBeGreaterThanOrEqual(before);
		expect(await bucket.head("a/b c/é.csv")).toEqual(written);
		expect(written.headers).toEqual(headers);
		expect((await openBucket(root, "again")).name).toBe("again");
		expect(await (await openBucket(root, "again")).head("a/b c/é.csv")).toEqual(written);
	});

	test("is read in ranges, and stays readable while it is replaced and deleted", async () => {
		const { bucket } = await newBucket();
		const { versionId } = await put(bucket, "a", "0123456789");
		const opened = await bucket.open("a");
		await put(bucket, "a", "other");
		await bucket.delete("a", versionId);
		const chunks: Buffer[] = [];
		for await (const chunk of opened!.read(3, 7)) chunks.push(Buffer.from(chunk));
		expect(Buffer.concat(chunks).toString()).toBe("3456");
		await opened!.close();
	});

	test("keeps a checksum that was verified", async () => {
		const { bucket } = await newBucket();
		const received = await bucket.receive(stream("ab", "c"), ["SHA256", "CRC32C"], signal);
		expect(received.size).toBe(3);
		expect(Buffer.from(received.md5).toString("hex")).toBe(md5("abc"));
		expect(Buffer.from(received.digests.SHA256!).toString("hex")).toBe(
			createHash("sha256").update("abc").digest("hex"),
		);
		const checksum = {
			algorithm: "CRC32C",
			type: "FULL_OBJECT",
			value: Buffer.from(received.digests.CRC32C!).toString("base64"),
		} as const;
		await bucket.put("a", received, { headers: {}, checksum });
		expect((await bucket.head("a"))?.checksum).toEqual(checksum);
	});

	test("has a version id that sorts after those before it", async () => {
		const { bucket } = await newBucket();
		const ids: string[] = [];
		for (let index = 0; index < 20; index++) ids.push((await put(bucket, "a", "x")).versionId);
		expect(ids).toEqual([...new Set(ids)].sort((a, b) => (a < b ? -1 : 1)));
	});

	test.each([
		"",
		"a//b",
		"/a",
		"a/",
		"a/./b",
		"../a",
		"a/..",
		"a\0b",
		"\ud800",
		"x".repeat(255),
		".bale/tmp",
		".bale/versions/a",
		".bale/uploads/a/b",
		".bale/locks/a",
		".bale/bucket/settings.json",
	])("cannot have the key %j", async (key) => {
		const { bucket, root } = await newBucket();
		await expect(put(bucket, key, "x")).rejects.toMatchObject({ code: "InvalidArgument", status: 400 });
		expect(await bucket.head(key)).toBeUndefined();
		expect(await bucket.open(key)).toBeUndefined();
		expect(await bucket.delete(key)).toBeUndefined();
		expect(await keysIn(bucket, { prefix: key })).toEqual([]);
		expect(filesBelow(root)).toEqual([]);
	});

	test("has a key of 1,024 bytes at most", async () => {
		const { bucket } = await newBucket();
		const key = `${"é".repeat(127)}/`.repeat(4) + "abcd";
		expect(Buffer.byteLength(key)).toBe(1024);
		await put(bucket, key, "x");
		await put(bucket, key, "y");
		expect(await keysIn(bucket)).toEqual([key]);
		expect(await historyOf(bucket, key)).toEqual(["y", "x"]);
		await expect(put(bucket, `${key}e`, "x")).rejects.toMatchObject({ code: "KeyTooLongError", status: 400 });
	});

	test.each([".bale/objects/a", ".bale/authors/a/b", ".bale/conditions", ".quilt/named_packages/a/b/latest"])(
		"can have the key %s, which bale uses",
		async (key) => {
			const { bucket } = await newBucket();
			await put(bucket, key, "x");
			expect(await keysIn(bucket)).toEqual([key]);
			expect(await content(bucket, key)).toBe("x");
		},
	);

	test("cannot be below another, nor above", async () => {
		const { bucket } = await newBucket();
		await put(bucket, "a/b/c", "1");
		await put(bucket, "d", "2");
		const collision = { code: "KeyCollision", status: 409 };
		await expect(put(bucket, "a/b", "x")).rejects.toMatchObject(collision);
		await expect(put(bucket, "d/e", "x")).rejects.toThrow('Cannot write "d/e"');
		await bucket.delete("a/b/c");
		await put(bucket, "a/b", "3");
		expect(await keysIn(bucket)).toEqual(["a/b", "d"]);
		expect(await historyOf(bucket, "a/b/c")).toEqual(["-", "1"]);
		// The version below cannot come back as long as its folder is an object.
		const [marker] = (await bucket.listVersions({ prefix: "a/b/c", delimiter: "", limit: 1 })).versions;
		await expect(bucket.delete("a/b/c", marker!.versionId)).rejects.toMatchObject(collision);
		await bucket.delete("a/b");
		await bucket.delete("a/b/c", marker!.versionId);
		expect(await content(bucket, "a/b/c")).toBe("1");
	});

	test("takes the place of an empty folder", async () => {
		const { bucket, root } = await newBucket();
		mkdirSync(join(root, "a"));
		await put(bucket, "a", "x");
		expect(await content(bucket, "a")).toBe("x");
	});
});

describe("receiving", () => {
	test("leaves nothing when the bytes do not arrive or are discarded", async () => {
		const { bucket, root } = await newBucket();
		const broken = async function* () {
			yield Buffer.from("abc");
			throw new Error("gone");
		};
		await expect(bucket.receive(broken(), [], signal)).rejects.toThrow("gone");
		const stop = new AbortController();
		const stopped = async function* () {
			yield Buffer.from("abc");
			stop.abort();
			yield Buffer.from("def");
		};
		await expect(bucket.receive(stopped(), [], stop.signal)).rejects.toMatchObject({ code: "Aborted" });
		await (await bucket.receive(stream("abc"), [], signal)).discard();
		expect(filesBelow(root)).toEqual([]);
	});

	test("does not mix up bytes that come at the same time", async () => {
		const { bucket } = await newBucket();
		const names = Array.from({ length: 20 }, (_, index) => `k${index}`);
		await Promise.all(names.map((name) => put(bucket, name, name.repeat(1000))));
		expect(await Promise.all(names.map((name) => content(bucket, name)))).toEqual(
			names.map((name) => name.repeat(1000)),
		);
	});
});

test.each([
	["SHA256", "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="],
	["SHA1", "qZk+NkcGgWq6PiVxeFDCbJzQ2J0="],
	["CRC32", "NSRBwg=="],
	["CRC32C", "Nks/tw=="],
	["CRC64NVME", "BeXKuz/B+us="],
] as const)("the %s of abc is that of others", (algorithm, value) => {
	const digest = createDigest(algorithm);
	digest.update(Buffer.from("abc"));
	expect(Buffer.from(digest.digest()).toString("base64")).toBe(value);
});

test("the CRC32C of 9 to 40 bytes is the same whether they come at once or one by one", () => {
	for (let length = 9; length <= 40; length++) {
		const bytes = Buffer.from(Array.from({ length }, (_, index) => (index * 37) & 255));
		const [whole, single] = [createDigest("CRC32C"), createDigest("CRC32C")];
		whole.update(bytes);
		for (const byte of bytes) single.update(Uint8Array.of(byte));
		expect(whole.digest()).toEqual(single.digest());
	}
});

describe("a file of somebody else", () => {
	test("is an object that stays the same as long as nobody touches it", async () => {
		const { bucket, root } = await newBucket();
		mkdirSync(join(root, "a"));
		writeFileSync(join(root, "a/small"), "pointer");
		writeFileSync(join(root, "a/large"), "x".repeat(5000));
		const small = await bucket.head("a/small");
		const large = await bucket.head("a/large");
		expect(small).toMatchObject({ size: 7, etag: `"${md5("pointer")}"`, headers: {}, checksum: undefined });
		expect(large?.etag).toMatch(/^"[0-9a-f]{32}-1"$/);
		expect(await (await openBucket(root, "again")).head("a/large")).toEqual(large);
		expect(await content(bucket, "a/small", small!.versionId)).toBe("pointer");
		appendFileSync(join(root, "a/large"), "y");
		const changed = await bucket.head("a/large");
		expect(changed?.versionId).not.toBe(large?.versionId);
		expect(changed?.etag).not.toBe(large?.etag);
		expect(await bucket.head("a/large", large!.versionId)).toBeUndefined();
	});

	test("is kept as a version when it is replaced or deleted", async () => {
		const { bucket, root } = await newBucket();
		writeFileSync(join(root, "a"), "one");
		const { versionId, etag } = (await bucket.head("a"))!;
		await put(bucket, "a", "two");
		expect(await content(bucket, "a", versionId)).toBe("one");
		expect(await bucket.head("a", versionId)).toMatchObject({ etag, isLatest: false });
		rmSync(join(root, "a"));
		writeFileSync(join(root, "a"), "three");
		await bucket.delete("a");
		expect(await historyOf(bucket, "a")).toEqual(["-", "three", "one"]);
	});

	test("that replaces an object takes its facts away, and its removal shows as a delete marker", async () => {
		const { bucket, root } = await newBucket();
		await put(bucket, "a", "first");
		const { versionId } = await put(bucket, "a", "same", { headers: { "content-type": "text/x" } });
		writeFileSync(join(root, "new"), "same");
		renameSync(join(root, "new"), join(root, "a"));
		expect(await bucket.head("a")).toMatchObject({ headers: {}, size: 4 });
		expect(await bucket.head("a", versionId)).toBeUndefined();
		rmSync(join(root, "a"));
		const marker = await bucket.head("a");
		expect(marker).toMatchObject({ isDeleteMarker: true, isLatest: true });
		expect(await bucket.head("a")).toEqual(marker);
		expect(await historyOf(bucket, "a")).toEqual(["-", "first"]);
		await bucket.delete("a", marker!.versionId);
		expect(await content(bucket, "a")).toBe("first");
	});

	test("that was written at the same time with the same size is not taken for ours", async () => {
		const { bucket, root } = await newBucket();
		const { versionId } = await put(bucket, "a", "x".repeat(5000));
		const stat = readFileSync(join(root, "a"));
		rmSync(join(root, "a"));
		writeFileSync(join(root, "b"), "keeps the inode");
		writeFileSync(join(root, "a"), stat.toString().replaceAll("x", "y"));
		expect((await bucket.head("a"))?.versionId).not.toBe(versionId);
	});

	test("that is a link, a pipe or in a linked folder is not there, and is not written through", async () => {
		const { bucket, root } = await newBucket();
		const outside = temporaryDirectory();
		writeFileSync(join(outside, "secret"), "secret");
		symlinkSync(join(outside, "secret"), join(root, "link"));
		symlinkSync(outside, join(root, "folder"));
		symlinkSync(join(root, "nothing"), join(root, "broken"));
		for (const key of ["link", "folder/secret", "broken"]) {
			expect(await bucket.head(key)).toBeUndefined();
			expect(await bucket.open(key)).toBeUndefined();
			expect(await bucket.delete(key)).toBeUndefined();
			await expect(put(bucket, key, "x")).rejects.toMatchObject({ code: "AccessDenied", status: 403 });
		}
		await expect(put(bucket, "folder/new", "x")).rejects.toMatchObject({ code: "AccessDenied" });
		expect(await keysIn(bucket)).toEqual([]);
		expect(await keysIn(bucket, { prefix: "folder/" })).toEqual([]);
		expect(await keysIn(bucket, { prefix: "folder/../folder/" })).toEqual([]);
		expect(readdirSync(outside)).toEqual(["secret"]);
		expect(readFileSync(join(outside, "secret"), "utf8")).toBe("secret");
		expect(existsSync(join(root, "nothing"))).toBe(false);
	});
});

test("a folder that was copied with its times keeps its versions", async () => {
	const { bucket, root } = await newBucket();
	await put(bucket, "a/b", "x".repeat(5000));
	const written = await put(bucket, "a/b", "y".repeat(5000), { headers: { "content-type": "text/x" } });
	// As if it had been written a minute ago; copies of what was just written are not told from what others write.
	const then = Math.floor(Date.now() / 1000) * 1000 - 60_000;
	utimesSync(join(root, "a/b"), new Date(then), new Date(then));
	const record = join(root, ".bale/versions/a=/b@");
	writeFileSync(
		record,
		readFileSync(record, "utf8").replaceAll(/"mtimeNs":"\d+"/g, `"mtimeNs":"${then}000000"`),
	);
	const copy = temporaryDirectory();
	cpSync(root, copy, { recursive: true, preserveTimestamps: true });
	const moved = await newBucket(copy);
	expect(await moved.bucket.head("a/b")).toEqual(written);
	expect(await historyOf(moved.bucket, "a/b")).toEqual(["y".repeat(5000), "x".repeat(5000)]);
	await moved.bucket.delete("a/b", written.versionId);
	expect(await historyOf(moved.bucket, "a/b")).toEqual(["x".repeat(5000)]);
});

test("what a hard link of a user shows does not change when the object is replaced", async () => {
	const { bucket, root } = await newBucket();
	await put(bucket, "a", "one");
	linkSync(join(root, "a"), join(root, "b"));
	await put(bucket, "a", "two");
	expect(await content(bucket, "b")).toBe("one");
});

test("only a folder can be a bucket", async () => {
	const root = temporaryDirectory();
	writeFileSync(join(root, "file"), "");
	await expect(openBucket(join(root, "file"), "x")).rejects.toMatchObject({ code: "NotAFile" });
	await expect(openBucket(join(root, "nothing"), "x")).rejects.toMatchObject({ code: "ObjectNotFound" });
});
