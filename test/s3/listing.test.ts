/** A prefix with a million objects: listed in bounded memory, with what was found at hand at once, and given up at once. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, expect, test, vi } from "vitest";
import { Package } from "../../src/index.ts";
import { makeKeys, serverAt } from "../support/s3/server.ts";
import { keyAt, startEndlessBucket, type EndlessBucket } from "../support/s3/endless-bucket.ts";

const mebibyte = 1024 * 1024;

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

function usedBytes(): number {
	collectGarbage();
	const { heapUsed, external } = process.memoryUsage();
	return heapUsed + external;
}

let bucket: EndlessBucket;
afterEach(() => bucket.stop());

async function open(objects: number) {
	bucket = await startEndlessBucket(objects);
	return serverAt(bucket.endpoint, makeKeys(), () => bucket.stop());
}

test("a million keys are listed one page at a time", async () => {
	const objects = 1_000_000;
	const store = (await open(objects)).openStore("endless");
	let before = 0;
	let most = 0;
	let count = 0;
	for await (const item of store.list("data/")) {
		if (!("key" in item) || item.key !== keyAt(count)) expect.fail(`${JSON.stringify(item)} at ${count}`);
		count++;
		// No page is asked for before it is needed.
		if (bucket.pages > Math.ceil(count / 1000) + 1) expect.fail(`${bucket.pages} pages for ${count} keys`);
		if (count === 50_000) before = usedBytes();
		else if (count % 190_000 === 0) most = Math.max(most, usedBytes());
	}
	expect(count).toBe(objects);
	expect(bucket.pages).toBe(objects / 1000);
	expect(most - before).toBeLessThan(16 * mebibyte);
}, 120_000);

test("a listing ends at once when it is aborted, and asks for nothing more", async () => {
	const store = (await open(1_000_000_000)).openStore("endless");
	const stop = new AbortController();
	let count = 0;
	const listing = (async () => {
		for await (const item of store.list("data/", { signal: stop.signal })) {
			if ("key" in item) count++;
			if (count === 12_345) stop.abort();
		}
	})();
	await expect(listing).rejects.toMatchObject({ code: "Aborted" });
	expect(count).toBe(12_345);
	expect(bucket.pages).toBe(13);
});

test("setDir() tells what it has found while it lists, and ends at once when it is aborted", async () => {
	const server = await open(1_000_000_000);
	for (const [name, value] of Object.entries(server.environment)) vi.stubEnv(name, value);
	const stop = new AbortController();
	const started = performance.now();
	let abortedMs = 0;
	setTimeout(() => {
		abortedMs = performance.now() - started;
		stop.abort();
	}, 300);
	let told = 0;
	const taken = new Package().setDir("", "s3://endless/data/", {
		signal: stop.signal,
		onProgress({ kind }) {
			if (kind === "advanced") told++;
		},
	});
	await expect(taken).rejects.toMatchObject({ code: "Aborted" });
	expect(told).toBeGreaterThan(1000);
	expect(told).toBeLessThanOrEqual(bucket.pages * 1000);
	// The event loop went on while the listing was read, and the listing ended soon after.
	expect(abortedMs).toBeLessThan(1_300);
	expect(performance.now() - started - abortedMs).toBeLessThan(1_000);
});
