import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { isBaleError } from "../../../src/core/errors.ts";
import { DirectoryStore } from "../../../src/node/directory-store.ts";
import type { Bucket } from "../../../src/server/s3/bucket.ts";
import { S3Fault } from "../../../src/server/s3/fault.ts";
import { runScript } from "../../support/child.ts";
import { temporaryDirectory } from "../../support/temporary.ts";
import { content, historyOf, newBucket, put } from "./folder-bucket.ts";

const failed = { code: "PreconditionFailed", status: 412 };

describe("a condition of a deletion", () => {
	test("If-Match holds for the newest version, and where there is one", async () => {
		const { bucket } = await newBucket();
		const remove = (key: string, ifMatch: string): Promise<unknown> =>
			bucket.delete(key, undefined, { ifMatch });
		for (const key of ["a", "folder/", "no/such//key"])
			await expect(remove(key, "*")).rejects.toMatchObject({ code: "NoSuchKey", status: 404 });
		const { etag } = await put(bucket, "a", "1");
		const second = await put(bucket, "a", "2");
		await expect(remove("a", etag)).rejects.toMatchObject(failed);
		expect(await historyOf(bucket, "a")).toEqual(["2", "1"]);
		await remove("a", second.etag);
		expect(await historyOf(bucket, "a")).toEqual(["-", "2", "1"]);
		await expect(remove("a", second.etag)).rejects.toMatchObject({ code: "NoSuchKey" });
	});

	test("holds for the markers of folders", async () => {
		const { bucket } = await newBucket();
		const { etag } = await put(bucket, "folder/", "");
		await expect(bucket.delete("folder/", undefined, { ifMatch: '"other"' })).rejects.toMatchObject(failed);
		await bucket.delete("folder/", undefined, { ifMatch: etag });
		expect(await bucket.head("folder/")).toBeUndefined();
	});

	test("of many who delete and write at once, none deletes what another has written", async () => {
		const { bucket } = await newBucket();
		for (let round = 0; round < 20; round++) {
			const { etag } = await put(bucket, "a", `before ${round}`);
			const [deletion] = await Promise.allSettled([
				bucket.delete("a", undefined, { ifMatch: etag }),
				put(bucket, "a", `after ${round}`),
			]);
			expect(await content(bucket, "a"), deletion.status).toBe(`after ${round}`);
		}
	});
});

describe("a condition of a write", () => {
	test("If-None-Match: * holds where there is no object, or a delete marker", async () => {
		const { bucket } = await newBucket();
		const condition = { ifNoneMatch: "*" } as const;
		await put(bucket, "a", "1", { condition });
		await expect(put(bucket, "a", "2", { condition })).rejects.toMatchObject(failed);
		await bucket.delete("a");
		await put(bucket, "a", "3", { condition });
		expect(await historyOf(bucket, "a")).toEqual(["3", "-", "1"]);
	});

	test("If-Match holds for the ETag of the newest version, with and without quotes", async () => {
		const { bucket } = await newBucket();
		await expect(put(bucket, "a", "1", { condition: { ifMatch: "*" } })).rejects.toMatchObject({
			code: "NoSuchKey",
			status: 404,
		});
		const { etag } = await put(bucket, "a", "1");
		await put(bucket, "a", "2", { condition: { ifMatch: etag } });
		await expect(put(bucket, "a", "3", { condition: { ifMatch: etag } })).rejects.toMatchObject(failed);
		await put(bucket, "a", "4", { condition: { ifMatch: (await bucket.head("a"))!.etag.slice(1, -1) } });
		expect(await content(bucket, "a")).toBe("4");
		await bucket.delete("a");
		await expect(put(bucket, "a", "5", { condition: { ifMatch: etag } })).rejects.toMatchObject({
			code: "NoSuchKey",
		});
	});

	test("sees what was put into the folder by others", async () => {
		const { bucket, root } = await newBucket();
		const store = new DirectoryStore(root, { durability: "process" });
		const { etag } = await put(bucket, "a", "1");
		await store.put("a", Buffer.from("2"));
		await expect(put(bucket, "a", "3", { condition: { ifMatch: etag } })).rejects.toMatchObject(failed);
		await expect(put(bucket, "a", "3", { condition: { ifNoneMatch: "*" } })).rejects.toMatchObject(failed);
		const found = await store.head("a");
		await put(bucket, "a", "3", { condition: { ifMatch: (await bucket.head("a"))!.etag } });
		await expect(store.put("a", Buffer.from("4"), { condition: { ifEtag: found!.etag } })).rejects.toSatisfy(
			(error) => isBaleError(error, "Conflict"),
		);
	});
});

/** Adds one to a number in a bucket, as long as others are quicker. */
async function increment(bucket: Bucket, times: number): Promise<void> {
	for (let done = 0; done < times;) {
		const version = (await bucket.head("counter"))!;
		const text = (await content(bucket, "counter", version.versionId)) ?? "";
		try {
			await put(bucket, "counter", String(Number(text) + 1), { condition: { ifMatch: version.etag } });
			done++;
		} catch (error) {
			if (!(error instanceof S3Fault && error.code === "PreconditionFailed")) throw error;
		}
	}
}

async function incrementInStore(store: DirectoryStore, times: number): Promise<void> {
	for (let done = 0; done < times;) {
		const info = (await store.head("counter"))!;
		const text = readFileSync(store.localPath("counter"), "utf8");
		try {
			await store.put("counter", Buffer.from(String(Number(text) + 1)), { condition: { ifEtag: info.etag } });
			done++;
		} catch (error) {
			if (!isBaleError(error, "Conflict")) throw error;
		}
	}
}

describe("parallel writers", () => {
	test("of one bucket and of a directory store lose no increment, and no version", async () => {
		const { bucket, root } = await newBucket();
		const store = new DirectoryStore(root, { durability: "process" });
		await put(bucket, "counter", "0");
		await Promise.all([
			...Array.from({ length: 6 }, () => increment(bucket, 5)),
			...Array.from({ length: 2 }, () => incrementInStore(store, 5)),
		]);
		expect(await content(bucket, "counter")).toBe("40");
		const history = (await historyOf(bucket, "counter")).map(Number);
		expect(history).toEqual([...history].sort((a, b) => b - a));
		expect(history).not.toContain(NaN);
	});

	test("in 4 processes, half of them through directory stores, lose no increment", async () => {
		const root = temporaryDirectory();
		const { bucket } = await newBucket(root);
		await put(bucket, "counter", "0");
		await Promise.all(
			Array.from({ length: 4 }, (_, index) =>
				index % 2 === 0
					? runScript("test/server/files/increment-process.ts", [root, "10"])
					: runScript("test/contract/increment-process.ts", [root, "10"]),
			),
		);
		expect(await content(bucket, "counter")).toBe("40");
	}, 60_000);

	test("that want to be the first: one of them is, also beside directory stores", async () => {
		const { bucket, root } = await newBucket();
		const store = new DirectoryStore(root, { durability: "process" });
		for (let round = 0; round < 10; round++) {
			const key = `round/${round}`;
			const condition = { ifNoneMatch: "*" } as const;
			const results = await Promise.allSettled([
				...Array.from({ length: 4 }, (_, index) => put(bucket, key, `b${index}`, { condition })),
				...Array.from({ length: 4 }, (_, index) =>
					store.put(key, Buffer.from(`s${index}`), { condition: { ifAbsent: true } }),
				),
			]);
			expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
			expect(await historyOf(bucket, key)).toHaveLength(1);
		}
	});

	test("without conditions keep one version each", async () => {
		const { bucket } = await newBucket();
		await Promise.all(Array.from({ length: 8 }, (_, index) => put(bucket, "a/b", `writer ${index}`)));
		const history = await historyOf(bucket, "a/b");
		expect(history.map((text) => text).sort((a, b) => (a < b ? -1 : 1))).toEqual(
			Array.from({ length: 8 }, (_, index) => `writer ${index}`),
		);
	});

	test("and deleters of one folder do not disturb each other", async () => {
		const { bucket, root } = await newBucket();
		const other = (await newBucket(root)).bucket;
		await Promise.all(
			Array.from({ length: 8 }, async (_, index) => {
				for (let round = 0; round < 10; round++) {
					const from = index % 2 === 0 ? bucket : other;
					const { versionId } = await put(from, `a/b/${index}`, "x");
					await from.delete(`a/b/${index}`, versionId);
				}
			}),
		);
		const page = await bucket.listVersions({ prefix: "", delimiter: "", limit: 10 });
		expect(page.versions).toEqual([]);
	});
});

test("a reader beside a writer sees whole versions only, with their own facts", async () => {
	const { bucket, root } = await newBucket();
	await put(bucket, "a", "0".repeat(100), { headers: { "x-amz-meta-n": "0" } });
	const ended = new AbortController();
	const writer = runScript("test/server/files/rewrite-process.ts", [root, "150"]).finally(() => {
		ended.abort();
	});
	let reads = 0;
	const seen = new Set<number>();
	while (!ended.signal.aborted) {
		const opened = (await bucket.open("a"))!;
		const n = Number(opened.version.headers["x-amz-meta-n"]);
		expect(opened.version.size).toBe(100 + n);
		const chunks: Uint8Array[] = [];
		for await (const chunk of opened.read(0, opened.version.size)) chunks.push(chunk);
		expect(Buffer.concat(chunks).toString()).toBe(String(n % 10).repeat(100 + n));
		expect([undefined, String(n % 10).repeat(100 + n)]).toContain(
			await content(bucket, "a", opened.version.versionId),
		);
		seen.add(n);
		reads++;
	}
	await writer;
	expect(reads).toBeGreaterThan(10);
	expect(seen.size).toBeGreaterThan(3);
});
