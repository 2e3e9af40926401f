/** A prefix with a million objects: listed in bounded memory, with what was found at hand at once, and given up at once. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, expect, test, vi } from "vitest";
import { Package, copy, type ProgressEvent } from "../../src/index.ts";
import { makeKeys, serverAt } from "../support/s3/server.ts";
import { keyAt, startEndlessBucket, type EndlessBucket } from "../support/s3/endless-bucket.ts";
import { temporaryDirectory } from "../support/temporary.ts";

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

type Work = (options: {
	readonly signal: AbortSignal;
	readonly onProgress: (event: ProgressEvent) => void;
	readonly folder: string;
}) => Promise<unknown>;

test.each<[string, "walk" | "copy", Work]>([
	["setDir()", "walk", (options) => new Package().setDir("", "s3://endless/data/", options)],
	["verify()", "walk", (options) => new Package().verify("s3://endless/data/", options)],
	[
		"copy() to a folder",
		"walk",
		({ folder, ...options }) => copy("s3://endless/data/", `${folder}/`, options),
	],
	["copy() to a bucket", "copy", (options) => copy("s3://endless/data/", "s3://other/data/", options)],
])(
	"%s tells what it has found while it lists, and ends at once when it is aborted",
	async (_name, phase, work) => {
		const server = await open(1_000_000_000);
		for (const [name, value] of Object.entries(server.environment)) vi.stubEnv(name, value);
		const folder = join(temporaryDirectory(), "new");
		const stop = new AbortController();
		const enough = 1500;
		let told = 0;
		let abortedAt = 0;
		let toldThen = 0;
		const onProgress = (event: ProgressEvent): void => {
			if (event.kind !== "advanced" || event.phase !== phase || ++told !== enough) return;
			setTimeout(() => {
				abortedAt = performance.now();
				toldThen = told;
				stop.abort();
			});
		};
		await expect(work({ signal: stop.signal, onProgress, folder })).rejects.toMatchObject({
			code: "Aborted",
		});
		expect(performance.now() - abortedAt).toBeLessThan(2_000);
		expect(told).toBeLessThanOrEqual(bucket.pages * 1000);
		// What is copied keeps up with the listing.
		if (phase === "copy") expect(bucket.pages).toBeLessThanOrEqual(told / 1000 + 1);
		// The event loop went on while the listing was read, and the work ended with it.
		expect(toldThen).toBeLessThan(enough + 5_000);
		expect(told).toBeLessThan(toldThen + 1_000);
		expect(existsSync(folder)).toBe(false);
	},
);
