import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { interpreter } from "../../interop/quilt3.ts";
import { startTestGateway, type TestGateway } from "../../support/s3/gateway.ts";
import { temporaryDirectory } from "../../support/temporary.ts";

const run = promisify(execFile);
let server: TestGateway;
beforeAll(async () => {
	server = await startTestGateway();
});
afterAll(() => server.stop());

async function boto3(bucket: string, folder: string): Promise<unknown> {
	const env = { ...process.env, ...server.environment, PYTHONUTF8: "1" };
	const script = join(import.meta.dirname, "boto3-client.py");
	const { stdout } = await run(interpreter(), ["-W", "ignore", script, bucket, folder], { env });
	return JSON.parse(stdout);
}

describe("boto3", () => {
	test("reads and writes a folder that is served, as it does with a bucket", async () => {
		const bucket = await server.makeBucket({ versions: true });
		writeFileSync(join(server.folderOf(bucket), "foreign.txt"), "written by another program");
		expect(await boto3(bucket, temporaryDirectory())).toEqual({
			"sums/SHA256": [true, "hello", { who: "me" }],
			"sums/SHA1": [true, "hello", { who: "me" }],
			"sums/CRC32": [true, "hello", { who: "me" }],
			"bad digest": [400, "BadDigest"],
			parts: [true, true, true],
			part: ["bytes 16777216-20971519/20971520", 3, 4_194_304],
			attributes: [20_971_520, 3],
			range: "llo",
			"no range": [416, "InvalidRange"],
			"if match": [412, "PreconditionFailed"],
			"if none match": [304, "304"],
			"if absent": [412, "PreconditionFailed"],
			copy: { who: "me" },
			replaced: { who: "you" },
			"copied parts": true,
			folders: ["copies/", "parts/", "sums/"],
			v1: ["copies/a b+c%ü", "copies/large", "copies/other"],
			marker: true,
			gone: [404, "NoSuchKey"],
			old: "one",
			"named marker": [405, "MethodNotAllowed"],
			versions: [2, 1, true],
			back: "two",
			deleted: ["never/was", "v"],
			"listed part": true,
			uploads: ["left"],
			aborted: [404, "NoSuchUpload"],
			presigned: "hello",
			given: "from away",
			forged: 403,
			"missing bucket": [404, "NoSuchBucket"],
			"missing key": [404, "NoSuchKey"],
			location: null,
			buckets: true,
		});
		const read = (key: string): string => readFileSync(join(server.folderOf(bucket), key), "utf8");
		expect([read("foreign.txt"), read("copies/a b+c%ü"), read("given")]).toEqual([
			"written by another program",
			"hello",
			"from away",
		]);
	}, 120_000);
});
