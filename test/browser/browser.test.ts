import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Package } from "../../src/index.ts";
import { hostileNames } from "../interop/random-packages.ts";
import { contentsOf } from "../support/files.ts";
import { readRepositoryFile, root } from "../support/repository.ts";
import { makeTemporaryDirectory, removeDirectory } from "../support/temporary.ts";
import { openPage, type TestPage } from "./chromium.ts";
import { serve } from "./server.ts";

const directory = makeTemporaryDirectory();
const data = join(directory, "data");
const registry = join(directory, "registry");
const name = "lab/web";
let server: Awaited<ReturnType<typeof serve>>;
let page: TestPage;
let topHash: string;

/** Calls a function of `page.mjs` in the page. */
function call<T>(name: string, ...args: readonly unknown[]): Promise<T> {
	return page.call("/test/page.mjs", name, ...args);
}

beforeAll(async () => {
	for (const [index, segment] of hostileNames.entries()) {
		const path = join(data, `folder ${index % 3}`, segment);
		mkdirSync(dirname(path), { recursive: true });
		writeFileSync(path, `content of number ${index}`);
	}
	writeFileSync(join(data, "large.txt"), "0123456789".repeat(900_000));
	const made = await new Package().setDir(".", data, { meta: { from: "Node" } });
	({ topHash } = await made.push(name, registry));

	server = await serve({
		dist: join(root, "dist"),
		test: import.meta.dirname,
		golden: join(root, "test/golden"),
		registry,
	});
	writeFileSync(join(registry, "index.html"), "<!doctype html><title>bale</title>");
	page = await openPage(`${server.url}/registry/index.html`, [server.url]);
});

afterAll(async () => {
	await page.close();
	await server.stop();
	removeDirectory(directory);
});

it("the browser entry computes the top hash of every golden manifest in Chromium", async () => {
	const cases = JSON.parse(readRepositoryFile("test/golden/core/index.json")) as {
		id: string;
		top_hash: string;
	}[];
	const paths: Record<string, string> = {};
	for (const { id } of cases) {
		const files = ["manifest.jsonl", "input/manifest.jsonl"].map((file) => `core/cases/${id}/${file}`);
		const file = files.find((path) => existsSync(join(root, "test/golden", path)));
		if (file !== undefined) paths[id] = `/golden/${file}`;
	}
	expect(Object.keys(paths)).toHaveLength(cases.length);
	const expected = Object.fromEntries(cases.map(({ id, top_hash }) => [id, top_hash]));
	expect(await call("topHashes", paths)).toEqual(expected);
});

it("the browser entry computes the golden content hashes in Chromium", async () => {
	type Vector = { size: number; mul: number; add: number; period: number } & Record<string, string | number>;
	const { files } = JSON.parse(readRepositoryFile("test/golden/core/hashes.json")) as { files: Vector[] };
	const small = files.filter(({ size }) => size < 20 * 2 ** 20);
	expect(small.length).toBeGreaterThan(5);
	const found = await call<Record<string, string>[]>("contentHashes", small);
	for (const [index, values] of found.entries()) expect(small[index]).toMatchObject(values);
	expect(await call("crcOfDigits")).toBe("ae8b14860a799888");
}, 120_000);

it("Package.push() over a MemoryStore makes the same package in Chromium as on Node", async () => {
	type Built = {
		topHash: string;
		readBack: string;
		keys: string[];
		bytes: number[];
		text: string;
		json: unknown;
		manifest: string;
	};
	const built = await call<Built>("buildInMemory");
	expect(built).toMatchObject({
		readBack: built.topHash,
		keys: ["__proto__/value.json", "data/blob.txt", "data/bytes.bin"],
		bytes: [0, 1, 2, 255],
		text: "from a blob\n",
		json: { answer: 42 },
	});
	const loaded = await Package.load(built.manifest);
	expect(loaded.topHash).toBe(built.topHash);
	expect(loaded.message).toBe("from a page");
});

it("Package.browse() in Chromium reads a directory registry that a web server offers", async () => {
	const found = await call<{ topHash: string; contents: Record<string, string> }>(
		"readOverHttp",
		`${server.url}/registry`,
		name,
	);
	expect(found.topHash).toBe(topHash);
	expect(found.contents).toEqual({ ...contentsOf(data) });
	expect(await call("readPart", `${server.url}/registry`, name, "large.txt", 8_500_003, 12)).toBe(
		"345678901234",
	);
}, 60_000);

it("PackageEntry.bytes() in Chromium refuses bytes that the manifest does not describe", async () => {
	const [path] = Object.keys(contentsOf(registry)).filter((file) => file.endsWith("large.txt"));
	writeFileSync(join(registry, path!), `x${"0123456789".repeat(900_000).slice(1)}`);
	expect(await call("codeOfReading", `${server.url}/registry`, name, "large.txt")).toBe("IntegrityMismatch");
	expect(await call("codeOfReading", `${server.url}/registry`, "lab/none", "x")).toBe("PackageNotFound");
});

it("nothing in the page failed unseen, and it asked no other server", () => {
	expect(page.problems).toEqual([]);
});
