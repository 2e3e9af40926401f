/** One folder, two faces: what is pushed through the one can be installed through the other. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { compareNames } from "../../src/core/logical-key.ts";
import { installPackage, Package, pushPackage } from "../../src/index.ts";
import { DirectoryStore } from "../../src/node/directory-store.ts";
import { beginUpload } from "../../src/storage/s3/uploads.ts";
import type { Store } from "../../src/storage/store.ts";
import { contentsOf } from "../support/files.ts";
import { startTestGateway, type TestGateway } from "../support/s3/gateway.ts";
import { temporaryDirectory } from "../support/temporary.ts";

let server: TestGateway;
beforeAll(async () => {
	server = await startTestGateway();
});
afterAll(() => server.stop());
beforeEach(() => {
	for (const [name, value] of Object.entries(server.environment)) vi.stubEnv(name, value);
	vi.stubEnv("XDG_DATA_HOME", temporaryDirectory());
});

const name = "lab/cats";
const files = { "a.txt": "first", "deep/odd key+%?#ü": "odd", "same.txt": "first", empty: "" };

/** A package of new files, with one more whose content is `text`. */
async function packageOf(text: string): Promise<Package> {
	const folder = temporaryDirectory();
	const made = new Package();
	for (const [key, content] of Object.entries({ ...files, "changed.txt": text })) {
		const path = join(folder, String(Object.keys(files).indexOf(key)));
		writeFileSync(path, content);
		await made.set(key, path);
	}
	return made;
}

/** What a folder with the package must hold, as `contentsOf` tells it. */
const installedFiles = (text: string): Record<string, string> =>
	Object.fromEntries(
		Object.entries({ ...files, "changed.txt": text }).map(([key, content]) => [
			key,
			createHash("sha256").update(content).digest("hex"),
		]),
	);

/** Nothing can be asked of any bucket. */
function withoutServer(): void {
	vi.stubEnv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9");
}

test.each([true, false])(
	"a package that was pushed through S3 is installed from the folder without S3 (versions: %s)",
	async (versions) => {
		const bucket = await server.makeBucket({ versions });
		const registry = `s3://${bucket}`;
		const one = await pushPackage(await packageOf("one"), name, { registry, message: "one" });
		const two = await pushPackage(await packageOf("second"), name, { registry, message: "two", force: true });
		expect(one.package.entry("a.txt").physicalKey).toMatch(new RegExp(`^s3://${bucket}/lab/cats/a.txt`));
		withoutServer();
		for (const [{ topHash }, text] of [
			[one, "one"],
			[two, "second"],
		] as const) {
			const dest = temporaryDirectory();
			const installed = await installPackage(name, { registry: server.folderOf(bucket), topHash, dest });
			expect(installed.topHash).toBe(topHash);
			expect(contentsOf(dest)).toEqual(installedFiles(text));
		}
	},
);

test.each(["another length", "other"])(
	"a package from before the folder kept versions is installed from it when others have put %j over it through S3",
	async (others) => {
		const bucket = await server.makeBucket();
		const { topHash } = await pushPackage(await packageOf("one"), name, { registry: `s3://${bucket}` });
		await server.setVersioning(bucket, "Enabled");
		await server.openStore(bucket).put(`${name}/a.txt`, Buffer.from(others));
		withoutServer();
		const dest = temporaryDirectory();
		expect((await installPackage(name, { registry: server.folderOf(bucket), dest })).topHash).toBe(topHash);
		expect(contentsOf(dest)).toEqual(installedFiles("one"));
	},
);

test("content that is not what the manifest says is not installed, and a missing one is asked of the bucket", async () => {
	const bucket = await server.makeBucket();
	const registry = `s3://${bucket}`;
	await pushPackage(await packageOf("one"), name, { registry });
	writeFileSync(join(server.folderOf(bucket), name, "a.txt"), "other");
	await expect(
		installPackage(name, { registry: server.folderOf(bucket), dest: temporaryDirectory() }),
	).rejects.toMatchObject({ code: "IntegrityMismatch" });
	rmSync(join(server.folderOf(bucket), name, "a.txt"));
	withoutServer();
	await expect(
		installPackage(name, { registry: server.folderOf(bucket), dest: temporaryDirectory() }),
	).rejects.toMatchObject({ code: "StoreUnavailable" });
});

test.each([true, false])(
	"a package that was pushed into the folder is installed through S3 (versions: %s)",
	async (versions) => {
		const bucket = await server.makeBucket({ versions });
		const folder = server.folderOf(bucket);
		const one = await pushPackage(await packageOf("one"), name, { registry: folder, message: "one" });
		const two = await pushPackage(await packageOf("second"), name, {
			registry: folder,
			message: "two",
			force: true,
		});
		const stored = readFileSync(join(folder, ".quilt/packages", one.topHash), "utf8");
		expect(stored).toContain("file://");
		for (const [{ topHash }, text] of [
			[one, "one"],
			[two, "second"],
		] as const) {
			const dest = temporaryDirectory();
			const installed = await installPackage(name, { registry: `s3://${bucket}`, topHash, dest });
			expect(installed.topHash).toBe(topHash);
			expect(contentsOf(dest)).toEqual(installedFiles(text));
			const browsed = await Package.browse(name, { registry: `s3://${bucket}`, topHash });
			for (const [, entry] of browsed.walk())
				expect(entry.physicalKey).toMatch(new RegExp(`^s3://${bucket}/`));
		}
		expect(readFileSync(join(folder, ".quilt/packages", one.topHash), "utf8")).toBe(stored);
	},
);

test("a manifest is told alike by HEAD, GET and ranges of it", async () => {
	const bucket = await server.makeBucket({ versions: true });
	const { topHash } = await pushPackage(await packageOf("one"), name, { registry: server.folderOf(bucket) });
	const store = server.openStore(bucket);
	const key = `.quilt/packages/${topHash}`;
	const read = async (range?: { offset: number; length: number }): Promise<string> => {
		const object = await store.get(key, range === undefined ? {} : { range });
		return await new Response(object?.body).text();
	};
	const whole = await read();
	expect(whole).not.toContain("file:");
	expect(await store.head(key)).toMatchObject({ size: Buffer.byteLength(whole) });
	expect((await store.get(key))?.info.etag).toBe((await store.head(key))?.etag);
	for (const [start, end] of [
		[0, 10],
		[100, 700],
		[whole.length - 5, whole.length],
	] as const)
		expect(await read({ offset: start, length: end - start })).toBe(
			Buffer.from(whole).subarray(start, end).toString(),
		);
});

describe("what the folder keeps as a bucket", () => {
	/** A bucket with a package whose first file was pushed twice, an object beside it and an upload that was not finished. */
	async function used(versions: boolean): Promise<string> {
		const bucket = await server.makeBucket({ versions });
		const registry = `s3://${bucket}`;
		await pushPackage(await packageOf("one"), name, { registry });
		await pushPackage(await packageOf("second"), name, { registry, force: true });
		await beginUpload(server.client(bucket), "lab/large", { checksums: false, signal: undefined });
		const kept = readdirSync(join(server.folderOf(bucket), ".bale"));
		expect(kept).toEqual(
			expect.arrayContaining(["bucket", "uploads", ...(versions ? ["versions"] : ["objects"])]),
		);
		return bucket;
	}

	test.each([true, false])(
		"is in no listing and no package of either face (versions: %s)",
		async (versions) => {
			const bucket = await used(versions);
			const folder = server.folderOf(bucket);
			const data = [...Object.keys(files), "changed.txt"]
				.map((key) => `${name}/${key}`)
				.toSorted(compareNames);
			const through = await new Package().setDir("", `s3://${bucket}/`);
			const keys = [...through.walk()].map(([key]) => key);
			expect(keys.filter((key) => !/^\.(bale|quilt)\//.test(key))).toEqual(data);
			const ours = keys.filter((key) => key.startsWith(".bale/"));
			expect(ours.filter((key) => !/^\.bale\/((authors|objects)\/|conditions$)/.test(key))).toEqual([]);
			const stores = [server.openStore(bucket), new DirectoryStore(folder)];
			for (const store of stores)
				expect(await keysBelow(store, ".bale/")).toEqual(ours.toSorted(compareNames));
			const direct = await new Package().setDir("", folder);
			expect([...direct.walk()].map(([key]) => key).toSorted(compareNames)).toEqual(data);
		},
	);

	test("can be asked for by no key, while objects that stand for others can", async () => {
		const bucket = await used(false);
		const folder = server.folderOf(bucket);
		const [displaced = ""] = await keysBelow(server.openStore(bucket), ".bale/objects/");
		expect(displaced).toMatch(/^\.bale\/objects\/lab\/cats\/[0-9a-f]{16}\/changed\.txt$/);
		for (const registry of [`s3://${bucket}`, folder]) {
			const found = await Package.browse(name, { registry });
			expect(await found.entry("changed.txt").text()).toBe("second");
		}
		const taken = await new Package().set("k", `s3://${bucket}/${displaced}`);
		expect(await taken.entry("k").text()).toBe("second");
		await expect(new Package().set("k", `s3://${bucket}/.bale/bucket/settings.json`)).rejects.toMatchObject({
			code: "ObjectNotFound",
		});
	});
});

/** The keys of all objects below a prefix, in the order of their names. */
async function keysBelow(store: Store, prefix: string): Promise<string[]> {
	const keys: string[] = [];
	for await (const item of store.list(prefix)) if ("key" in item) keys.push(item.key);
	return keys.toSorted(compareNames);
}
