/** A prefix with a million objects: what is made of it needs little more memory than its keys. */
import { afterEach, expect, test } from "vitest";
import { runScript } from "../../support/child.ts";
import { startEndlessBucket, type EndlessBucket } from "../../support/s3/endless-bucket.ts";
import { makeKeys, serverAt } from "../../support/s3/server.ts";
import { temporaryDirectory } from "../../support/temporary.ts";

const objects = 1_000_000;

let bucket: EndlessBucket;
afterEach(() => bucket.stop());

test.each([
	["setDir", 800],
	["verify", 160],
	["copy", 160],
])(
	"%s() of a million objects gets by with a heap of %i MiB",
	async (verb, mebibytes) => {
		bucket = await startEndlessBucket(objects);
		const { environment } = serverAt(bucket.endpoint, makeKeys(), () => bucket.stop());
		const env = { ...environment, NODE_OPTIONS: `--max-old-space-size=${mebibytes}` };
		const output = await runScript("test/e2e/big/listing-process.ts", [verb, temporaryDirectory()], env);
		const told = JSON.parse(output) as { found: number; endedMs: number; usedMebibytes: number };
		console.log(`${verb}() of a million objects: at most ${told.usedMebibytes} MiB`);
		expect(told.found).toBe(objects);
		expect(told.usedMebibytes).toBeLessThan(mebibytes + 400);
		expect(told.endedMs).toBeLessThan(3_000);
	},
	240_000,
);
