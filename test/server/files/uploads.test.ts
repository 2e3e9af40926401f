import { createHash } from "node:crypto";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { Bucket, OpenUpload, UploadedPart, UploadStart } from "../../../src/server/s3/bucket.ts";
import { createDigest } from "../../../src/server/s3/files/digests.ts";
import { filesBelow } from "../../support/files.ts";
import { content, historyOf, newBucket, put, stream } from "./folder-bucket.ts";

const mebibyte = 1024 * 1024;
const signal = new AbortController().signal;
const plain = { headers: {}, algorithm: undefined, checksumType: undefined } as const;

/** Parts of at least 5 MiB each, but for the last. */
let parts: Buffer[] = [];
beforeAll(() => {
	parts = [5 * mebibyte, 5 * mebibyte + 7, 3].map((size, index) => Buffer.alloc(size, `part ${index} `));
});

function base64(algorithm: UploadStart["algorithm"], ...pieces: Uint8Array[]): string {
	const digest = createDigest(algorithm!);
	for (const piece of pieces) digest.update(piece);
	return Buffer.from(digest.digest()).toString("base64");
}

function md5(...pieces: Uint8Array[]): Buffer {
	const hash = createHash("md5");
	for (const piece of pieces) hash.update(piece);
	return hash.digest();
}

async function send(
	bucket: Bucket,
	upload: OpenUpload,
	number: number,
	bytes: Uint8Array | string,
): Promise<UploadedPart> {
	const algorithms = upload.algorithm === undefined ? [] : [upload.algorithm];
	return bucket.putPart(upload, number, await bucket.receive(stream(bytes), algorithms, signal));
}

/** An upload of `parts`, and what a client names to complete it. */
async function sendAll(bucket: Bucket, start: Omit<UploadStart, "key">, key = "a/b") {
	const upload = await bucket.startUpload({ key, ...start });
	const named: UploadedPart[] = [];
	for (const [index, bytes] of parts.entries()) named.push(await send(bucket, upload, index + 1, bytes));
	return { upload, named };
}

describe("a completed upload", () => {
	test("is the object of its parts in order, with what the upload was started with", async () => {
		const { bucket, root } = await newBucket();
		await put(bucket, "a/b", "before");
		const headers = { "content-type": "text/x" };
		const { upload, named } = await sendAll(bucket, { ...plain, headers });
		const version = await bucket.completeUpload(upload, named);
		expect(version).toMatchObject({
			key: "a/b",
			isLatest: true,
			size: 10 * mebibyte + 10,
			etag: `"${md5(...parts.map((part) => md5(part))).toString("hex")}-3"`,
			headers,
			checksum: undefined,
			partSizes: parts.map((part) => part.length),
		});
		expect(await bucket.head("a/b")).toEqual(version);
		expect(await historyOf(bucket, "a/b")).toEqual([Buffer.concat(parts).toString(), "before"]);
		expect(readdirSync(join(root, ".bale/uploads"))).toEqual([]);
		await expect(bucket.listParts(upload, 0, 1)).rejects.toMatchObject({ code: "NoSuchUpload" });
	});

	test.each(["SHA256", "SHA1", "CRC32", "CRC32C"] as const)(
		"has a composite %s of its parts",
		async (algorithm) => {
			const { bucket } = await newBucket();
			const { upload, named } = await sendAll(bucket, { ...plain, algorithm });
			expect(upload.checksumType).toBe("COMPOSITE");
			const value = base64(algorithm, ...parts.map((part) => Buffer.from(base64(algorithm, part), "base64")));
			const wrong = { checksum: base64(algorithm, ...parts) };
			await expect(bucket.completeUpload(upload, named, wrong)).rejects.toMatchObject({ code: "BadDigest" });
			expect(await bucket.head("a/b")).toBeUndefined();
			const { checksum } = await bucket.completeUpload(upload, named, { checksum: `${value}-3` });
			expect(checksum).toEqual({ algorithm, type: "COMPOSITE", value: `${value}-3` });
		},
	);

	test.each(["CRC64NVME", "CRC32", "CRC32C"] as const)("has a %s of the whole", async (algorithm) => {
		const { bucket } = await newBucket();
		const { upload, named } = await sendAll(bucket, { ...plain, algorithm, checksumType: "FULL_OBJECT" });
		const value = base64(algorithm, ...parts);
		const wrong = { checksum: base64(algorithm, Buffer.from("other")) };
		await expect(bucket.completeUpload(upload, named, wrong)).rejects.toMatchObject({ code: "BadDigest" });
		const { checksum } = await bucket.completeUpload(upload, named, { checksum: value });
		expect(checksum).toEqual({ algorithm, type: "FULL_OBJECT", value });
	});

	test("of one part takes the part's file, with the checksum of the part for the whole", async () => {
		const { bucket, root } = await newBucket();
		const upload = await bucket.startUpload({ key: "a", ...plain, algorithm: "CRC64NVME" });
		const part = await send(bucket, upload, 7, "small");
		const file = readdirSync(join(root, ".bale/uploads", upload.uploadId)).find((name) =>
			name.includes("tmp"),
		);
		const { ino } = statSync(join(root, ".bale/uploads", upload.uploadId, file!));
		const version = await bucket.completeUpload(upload, [part]);
		expect(version.etag).toBe(`"${md5(md5(Buffer.from("small"))).toString("hex")}-1"`);
		expect(version.checksum).toEqual({
			algorithm: "CRC64NVME",
			type: "FULL_OBJECT",
			value: base64("CRC64NVME", Buffer.from("small")),
		});
		expect(statSync(join(root, "a")).ino).toBe(ino);
		expect(await content(bucket, "a")).toBe("small");
		expect(filesBelow(join(root, ".bale/tmp"))).toEqual([]);
	});

	test("leaves parts out that are not named, and takes the last that was sent of a number", async () => {
		const { bucket } = await newBucket();
		const upload = await bucket.startUpload({ key: "a", ...plain });
		const first = await send(bucket, upload, 1, "first");
		const second = await send(bucket, upload, 1, "second");
		await send(bucket, upload, 2, "not wanted");
		await expect(bucket.completeUpload(upload, [first])).rejects.toMatchObject({ code: "InvalidPart" });
		await bucket.completeUpload(upload, [second]);
		expect(await content(bucket, "a")).toBe("second");
	});

	test("obeys a condition, and can be completed otherwise when it did not hold", async () => {
		const { bucket } = await newBucket();
		await put(bucket, "a/b", "there");
		const { upload, named } = await sendAll(bucket, plain);
		const condition = { ifNoneMatch: "*" } as const;
		await expect(bucket.completeUpload(upload, named, { condition })).rejects.toMatchObject({
			code: "PreconditionFailed",
		});
		const { etag } = (await bucket.head("a/b"))!;
		await bucket.completeUpload(upload, named, { condition: { ifMatch: etag } });
		expect((await bucket.head("a/b"))?.size).toBe(10 * mebibyte + 10);
	});

	test("is made once when several complete it at the same time, and all hear of it", async () => {
		const { bucket, root } = await newBucket();
		const other = (await newBucket(root)).bucket;
		const { upload, named } = await sendAll(bucket, plain);
		const [first, ...more] = await Promise.all(
			[bucket, other, bucket, other].map((one) => one.completeUpload(upload, named)),
		);
		for (const version of more) expect(version).toEqual(first);
		expect(await historyOf(bucket, "a/b")).toHaveLength(1);
	});

	test("can be completed again by who did not hear of it, as long as nothing else was written", async () => {
		const { bucket } = await newBucket();
		const condition = { ifNoneMatch: "*" } as const;
		const { upload, named } = await sendAll(bucket, plain);
		const version = await bucket.completeUpload(upload, named, { condition });
		const again = await bucket.upload("a/b", upload.uploadId);
		expect(again).toMatchObject({ key: "a/b", uploadId: upload.uploadId });
		expect(await bucket.completeUpload(again, named, { condition })).toEqual(version);
		await expect(send(bucket, again, 1, "x")).rejects.toMatchObject({ code: "NoSuchUpload" });
		await expect(bucket.abortUpload(again)).rejects.toMatchObject({ code: "NoSuchUpload" });
		await put(bucket, "a/b", "other");
		await expect(bucket.upload("a/b", upload.uploadId)).rejects.toMatchObject({ code: "NoSuchUpload" });
		await expect(bucket.completeUpload(again, named)).rejects.toMatchObject({ code: "NoSuchUpload" });
		expect(await historyOf(bucket, "a/b")).toHaveLength(2);
	});
});

describe("an upload is not completed", () => {
	test.each([
		["without parts", "MalformedXML", () => []],
		["with parts out of order", "InvalidPartOrder", (all: UploadedPart[]) => [all[1]!, all[0]!]],
		["with a part twice", "InvalidPartOrder", (all: UploadedPart[]) => [all[0]!, all[0]!]],
		["with a part that was not sent", "InvalidPart", (all: UploadedPart[]) => [{ ...all[0]!, number: 9 }]],
		["with another ETag", "InvalidPart", (all: UploadedPart[]) => [{ ...all[0]!, etag: '"0"' }]],
		["with another checksum", "InvalidPart", (all: UploadedPart[]) => [{ ...all[0]!, checksum: "AAAA" }]],
		[
			"with a small part before the last",
			"EntityTooSmall",
			(all: UploadedPart[]) => [all[2]!, { ...all[3]! }],
		],
	] as const)("%s", async (_, code, change) => {
		const { bucket } = await newBucket();
		const { upload, named } = await sendAll(bucket, plain);
		const last = await send(bucket, upload, 4, "end");
		const failing = bucket.completeUpload(upload, change([...named, last]));
		await expect(failing).rejects.toMatchObject({ code, status: 400 });
		expect(await bucket.head("a/b")).toBeUndefined();
		expect((await bucket.listParts(upload, 0, 10)).parts).toHaveLength(4);
	});

	test("of another size than the client says", async () => {
		const { bucket } = await newBucket();
		const { upload, named } = await sendAll(bucket, plain);
		await expect(bucket.completeUpload(upload, named, { size: 5 })).rejects.toMatchObject({
			code: "InvalidRequest",
		});
		await bucket.completeUpload(upload, named, { size: 10 * mebibyte + 10 });
	});
});

describe("an upload", () => {
	test("is refused for keys that no object can have, and for checksums that do not go together", async () => {
		const { bucket } = await newBucket();
		const refused = [
			{ key: "a/../b", ...plain },
			{ key: "a", ...plain, algorithm: "SHA256", checksumType: "FULL_OBJECT" },
			{ key: "a", ...plain, algorithm: "CRC64NVME", checksumType: "COMPOSITE" },
			{ key: "a", ...plain, checksumType: "COMPOSITE" },
		] as const;
		for (const start of refused)
			await expect(bucket.startUpload(start)).rejects.toMatchObject({ status: 400 });
		expect((await bucket.listUploads({ prefix: "", delimiter: "", limit: 10 })).uploads).toEqual([]);
	});

	test("has part numbers from 1 to 10,000", async () => {
		const { bucket } = await newBucket();
		const upload = await bucket.startUpload({ key: "a", ...plain });
		for (const number of [0, 10_001, 1.5]) {
			await expect(send(bucket, upload, number, "x")).rejects.toMatchObject({ code: "InvalidArgument" });
		}
		await send(bucket, upload, 10_000, "x");
		expect((await bucket.listParts(upload, 0, 10)).parts.map(({ number }) => number)).toEqual([10_000]);
	});

	test("is found by its key and id only, also in another process", async () => {
		const { bucket, root } = await newBucket();
		const upload = await bucket.startUpload({ key: "a", ...plain, headers: { "content-type": "x/y" } });
		expect(await (await newBucket(root)).bucket.upload("a", upload.uploadId)).toMatchObject({
			key: "a",
			headers: { "content-type": "x/y" },
			initiated: upload.initiated,
		});
		for (const [key, id] of [
			["b", upload.uploadId],
			["a", "0".repeat(17)],
			["a", "../x"],
			["a", ""],
		] as const) {
			await expect(bucket.upload(key, id)).rejects.toMatchObject({ code: "NoSuchUpload", status: 404 });
		}
	});

	test("lists its parts in pages by number", async () => {
		const { bucket } = await newBucket();
		const upload = await bucket.startUpload({ key: "a", ...plain, algorithm: "SHA256" });
		for (const number of [10, 2, 1, 3]) await send(bucket, upload, number, `part ${number}`);
		const first = await bucket.listParts(upload, 0, 3);
		expect(first.parts.map(({ number, size }) => [number, size])).toEqual([
			[1, 6],
			[2, 6],
			[3, 6],
		]);
		expect(first.parts[0]).toMatchObject({
			etag: `"${md5(Buffer.from("part 1")).toString("hex")}"`,
			checksum: base64("SHA256", Buffer.from("part 1")),
		});
		expect(first.next).toBe(3);
		const second = await bucket.listParts(upload, 3, 3);
		expect(second.parts.map(({ number }) => number)).toEqual([10]);
		expect(second.next).toBeUndefined();
	});

	test("that was aborted leaves nothing, and takes no part any more", async () => {
		const { bucket, root } = await newBucket();
		const upload = await bucket.startUpload({ key: "a", ...plain });
		await send(bucket, upload, 1, "x");
		const late = await bucket.receive(stream("late"), [], signal);
		await bucket.abortUpload(upload);
		expect(readdirSync(join(root, ".bale/uploads"))).toEqual([]);
		await expect(bucket.putPart(upload, 2, late)).rejects.toMatchObject({ code: "NoSuchUpload" });
		await late.discard();
		await expect(bucket.abortUpload(upload)).rejects.toMatchObject({ code: "NoSuchUpload" });
		await expect(bucket.listParts(upload, 0, 1)).rejects.toMatchObject({ code: "NoSuchUpload" });
		expect(existsSync(join(root, ".bale/tmp")) ? readdirSync(join(root, ".bale/tmp")) : []).toEqual([]);
	});
});

describe("listUploads()", () => {
	test("goes by key and then by when they were started, in pages, with common prefixes", async () => {
		const { bucket } = await newBucket();
		const started: OpenUpload[] = [];
		for (const key of ["b", "a/2", "a/1", "a/1", "c/x"])
			started.push(await bucket.startUpload({ key, ...plain }));
		const sorted = [started[2]!, started[3]!, started[1]!, started[0]!, started[4]!];
		for (const limit of [1, 2, 10]) {
			const found: string[] = [];
			let request: Parameters<typeof bucket.listUploads>[0] = { prefix: "", delimiter: "", limit };
			for (;;) {
				const page = await bucket.listUploads(request);
				found.push(...page.uploads.map(({ uploadId }) => uploadId));
				if (page.next === undefined) break;
				request = { ...request, after: { key: page.next.key }, uploadIdAfter: page.next.uploadId };
			}
			expect(found).toEqual(sorted.map(({ uploadId }) => uploadId));
		}
		const grouped = await bucket.listUploads({ prefix: "", delimiter: "/", limit: 2 });
		expect(grouped.commonPrefixes).toEqual(["a/"]);
		expect(grouped.uploads.map(({ key }) => key)).toEqual(["b"]);
		const rest = await bucket.listUploads({
			prefix: "",
			delimiter: "/",
			limit: 2,
			after: { key: grouped.next!.key },
			uploadIdAfter: grouped.next!.uploadId,
		});
		expect(rest).toEqual({ uploads: [], commonPrefixes: ["c/"] });
		expect((await bucket.listUploads({ prefix: "a/1", delimiter: "", limit: 9 })).uploads).toHaveLength(2);
	});
});
