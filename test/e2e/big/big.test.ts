/** Very many files, and a very large one, through the built command; memory must not grow with either. */
import { randomBytes } from "node:crypto";
import {
	closeSync,
	mkdirSync,
	openSync,
	readFileSync,
	statSync,
	truncateSync,
	writeFileSync,
	writeSync,
} from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, expect, it } from "vitest";
import { type CliOptions, runCliJson } from "../../support/cli.ts";
import { filesBelow } from "../../support/files.ts";
import { startTestGateway } from "../../support/s3/gateway.ts";
import { makeTemporaryDirectory, removeDirectory } from "../../support/temporary.ts";

const mebibyte = 2 ** 20;
const directory = makeTemporaryDirectory();
const home = join(directory, "home");
const registry = join(directory, "registry");

afterAll(() => {
	removeDirectory(directory);
});

/** Runs the command and checks the most memory that it had. */
async function run(
	args: readonly string[],
	mebibytes: number,
	environment: Readonly<Record<string, string>> = {},
): Promise<Record<string, unknown>> {
	const measured = join(directory, "measured");
	const preload = pathToFileURL(join(import.meta.dirname, "measure.mjs")).href;
	const env = { ...environment, NODE_OPTIONS: `--import=${preload}`, BALE_TEST_MEASURE: measured };
	const options: CliOptions = { home, cwd: directory, env };
	const start = performance.now();
	const document = await runCliJson(args, options);
	const used = Number(readFileSync(measured, "utf8")) / mebibyte;
	const seconds = (performance.now() - start) / 1000;
	console.log(`bale ${args.slice(0, 2).join(" ")}: ${seconds.toFixed(1)} s, at most ${used.toFixed(0)} MiB`);
	expect(used).toBeGreaterThan(10);
	expect(used).toBeLessThan(mebibytes);
	return document;
}

/** The life of a package: built, published, published again, installed twice, verified. */
async function live(name: string, files: number, bytes: number, mebibytes: number): Promise<void> {
	const folder = join(directory, name.replace("/", "-"));
	const content = ["--dir", folder];
	const built = await run(["build", name, ...content], mebibytes);
	expect(built).toMatchObject({ files, bytes });
	const pushed = await run(["push", name, ...content, "--registry", registry], mebibytes);
	expect(pushed).toMatchObject({ topHash: built["topHash"], copied: { files, bytes } });
	const again = await run(["push", name, ...content, "--registry", registry], mebibytes);
	expect(again).toMatchObject({ topHash: built["topHash"], copied: { files: 0, bytes: 0 } });

	const dest = join(directory, "installed");
	const revision = [`${name}@${String(built["topHash"])}`, "--registry", registry];
	await run(["install", ...revision, "--dest", dest], mebibytes);
	expect(filesBelow(dest)).toHaveLength(files);
	expect(await run(["install", ...revision, "--dest", dest], mebibytes)).toMatchObject({ kept: files });
	expect(await run(["verify", ...revision, "--dir", dest], mebibytes)).toMatchObject({ ok: true });
	removeDirectory(dest);
	removeDirectory(folder);
}

it("20,000 files are built, published, installed and verified", async () => {
	const count = 20_000;
	let bytes = 0;
	for (let index = 0; index < count; index += 1) {
		const folder = join(directory, "many-files", `folder ${index % 200}`);
		if (index < 200) mkdirSync(folder, { recursive: true });
		const text = `file number ${index}\n`.repeat(1 + (index % 40));
		bytes += text.length;
		writeFileSync(join(folder, `file ${index}.txt`), text);
	}
	await live("many/files", count, bytes, 350);
}, 400_000);

it("a file of 768 MiB goes to a bucket and comes back", async () => {
	const server = await startTestGateway();
	try {
		const size = 768 * mebibyte;
		const folder = join(directory, "bucket-file");
		mkdirSync(folder);
		writeFileSync(join(folder, "zeros"), "");
		truncateSync(join(folder, "zeros"), size);
		const registry = `s3://${await server.makeBucket()}`;
		const options = ["--registry", registry];
		const most = 128;
		const pushed = await run(["push", "big/file", "--dir", folder, ...options], most, server.environment);
		expect(pushed).toMatchObject({ copied: { files: 1, bytes: size } });
		const dest = join(directory, "from-bucket");
		await run(["install", "big/file", ...options, "--dest", dest], most, server.environment);
		expect(statSync(join(dest, "zeros")).size).toBe(size);
		removeDirectory(dest);
		removeDirectory(folder);
	} finally {
		await server.stop();
	}
}, 400_000);

it("a file of 2 GiB is built, published, installed and verified", async () => {
	mkdirSync(join(directory, "large-file"));
	const path = join(directory, "large-file", "2GiB.bin");
	const block = randomBytes(mebibyte);
	const file = openSync(path, "wx");
	for (let index = 0; index < 2048; index += 1) {
		block.writeUInt32LE(index, 4096);
		writeSync(file, block);
	}
	closeSync(file);
	expect(statSync(path).size).toBe(2 ** 31);
	await live("large/file", 1, 2 ** 31, 200);
}, 400_000);
