import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import {
	deletePackage,
	installPackage,
	listPackages,
	listPackageVersions,
	Package,
	pushPackage,
	revisions,
	type ProgressEvent,
} from "../../src/index.ts";
import { compareNames } from "../../src/core/logical-key.ts";
import { nodeTransport } from "../../src/node/s3-transport.ts";
import { S3Store } from "../../src/storage/s3/s3-store.ts";
import { temporaryDirectory } from "../support/temporary.ts";
import { claimBytes } from "../support/s3/claims.ts";
import { onEachServer } from "../support/s3/servers.ts";

const files: Record<string, string> = {
	"a.txt": "alpha",
	"data/b c+d%.csv": "x,y\n1,2\n",
	"data/ü/日本.txt": "unicode",
	empty: "",
	"same.txt": "alpha",
};

function writeFiles(directory: string, contents: Record<string, string | Uint8Array>): void {
	for (const [name, content] of Object.entries(contents)) {
		const path = join(directory, name);
		mkdirSync(dirname(path), { recursive: true });
		writeFileSync(path, content);
	}
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
	const found: T[] = [];
	for await (const item of items) found.push(item);
	return found;
}

async function folder(contents: Record<string, string | Uint8Array> = files): Promise<Package> {
	const directory = temporaryDirectory();
	writeFiles(directory, contents);
	return new Package().setDir("", directory, { meta: { made: "here" } });
}

onEachServer((server) => {
	describe.each([true, false])("with versions %s, a package on S3", (versions) => {
		test("goes there and back with every verb", async () => {
			const bucket = await server().makeBucket({ versions });
			const registry = `s3://${bucket}`;
			const made = await folder();
			const result = await pushPackage(made, "team/data", { registry, message: "first" });
			expect(result).toMatchObject({
				changed: true,
				copied: { files: 5 },
				reused: { files: 0 },
				displaced: [],
			});
			for (const [key, entry] of result.package.walk()) {
				expect(entry.physicalKey).toContain(`s3://${bucket}/team/data/`);
				expect(entry.physicalKey.includes("?versionId="), key).toBe(versions);
			}
			expect(await all(listPackages(registry))).toEqual(["team/data"]);
			expect((await all(listPackageVersions("team/data", registry))).map(([, hash]) => hash)).toEqual([
				result.topHash,
				result.topHash,
			]);
			const dest = temporaryDirectory();
			const installed = await installPackage("team/data", { registry, dest });
			expect(installed.topHash).toBe(result.topHash);
			for (const [name, content] of Object.entries(files)) {
				expect(readFileSync(join(dest, name), "utf8")).toBe(content);
			}
			const browsed = await Package.browse("team/data", { registry });
			expect(browsed.topHash).toBe(result.topHash);
			expect(await browsed.entry("data/ü/日本.txt").text()).toBe("unicode");
			expect((await browsed.verify(dest)).ok).toBe(true);
			expect(await Package.resolveHash("team/data", registry, result.topHash.slice(0, 8))).toBe(
				result.topHash,
			);

			writeFiles(dest, { "a.txt": "changed", new: "new" });
			const next = await new Package().setDir("", dest, { meta: { made: "here" } });
			const refused = pushPackage(next, "team/data", { registry, message: "second" });
			await expect(refused).rejects.toMatchObject({ code: "Conflict" });
			const second = await pushPackage(next, "team/data", { registry, message: "second", force: true });
			expect(second).toMatchObject({ copied: { files: 2 }, reused: { files: 4 } });
			expect(second.displaced).toHaveLength(versions ? 0 : 1);
			expect(await (await Package.browse("team/data", { registry })).entry("a.txt").text()).toBe("changed");
			const old = await Package.browse("team/data", { registry, topHash: result.topHash });
			expect(await old.entry("a.txt").text()).toBe("alpha");
			expect(old.diff(second.package)).toEqual({ added: ["new"], modified: ["a.txt"], deleted: [] });
			expect((await all(revisions("team/data", registry))).map(({ message }) => message)).toEqual([
				"second",
				"first",
			]);

			await Package.rollback("team/data", registry, result.topHash);
			expect((await Package.browse("team/data", { registry })).topHash).toBe(result.topHash);
			await deletePackage("team/data", registry, { topHash: second.topHash });
			expect(await all(listPackages(registry))).toEqual(["team/data"]);
			await deletePackage("team/data", registry);
			expect(await all(listPackageVersions("team/data", registry))).toEqual([]);
			// versitygw lists prefixes that have nothing but markers of deleted objects.
			if (!versions) expect(await all(listPackages(registry))).toEqual([]);
			await pushPackage(made, "team/data", { registry, message: "again", force: true });
			expect((await Package.browse("team/data", { registry })).topHash).not.toBe("");
		});

		test("is not sent again when nothing changed", async () => {
			const registry = `s3://${await server().makeBucket({ versions })}`;
			const contents = { ...files, "large.bin": new Uint8Array(9 * 1024 * 1024).fill(7) };
			const first = await pushPackage(await folder(contents), "team/data", { registry });
			const again = await pushPackage(await folder(contents), "team/data", { registry, force: true });
			expect(again).toMatchObject({ changed: false, topHash: first.topHash, copied: { files: 0 } });
			expect(again.reused.files).toBe(6);
			const keys = (pkg: Package) => [...pkg.walk()].map(([, entry]) => entry.physicalKey);
			expect(keys(again.package)).toEqual(keys(first.package));
		});

		test("keeps its objects when it is pushed to another bucket by the server itself", async () => {
			const [one, two] = [await server().makeBucket({ versions }), await server().makeBucket({ versions })];
			const first = await pushPackage(await folder(), "team/data", { registry: `s3://${one}` });
			const browsed = await Package.browse("team/data", { registry: `s3://${one}` });
			const second = await pushPackage(browsed, "other/name", { registry: `s3://${two}` });
			expect(second.topHash).toBe(first.topHash);
			expect(second.copied.files).toBe(5);
			for (const [, entry] of second.package.walk())
				expect(entry.physicalKey).toContain(`s3://${two}/other/name/`);
			expect(await second.package.entry("a.txt").text()).toBe("alpha");
		});

		test("takes objects where they are", async () => {
			const bucket = await server().makeBucket({ versions });
			const store = server().openStore(bucket);
			const encoder = new TextEncoder();
			await store.put("in/x y.txt", encoder.encode("one"));
			await store.put("in/sub/z", encoder.encode("two"));
			await store.put("inside", encoder.encode("not this"));
			const taken = await new Package().setDir("", `s3://${bucket}/in`);
			expect(taken.keys()).toEqual(["sub", "x y.txt"]);
			const { versionId } = (await store.head("in/x y.txt"))!;
			expect(taken.get("x y.txt")).toBe(`s3://${bucket}/in/x%20y.txt?versionId=${versionId ?? "null"}`);
			await taken.set("single", `s3://${bucket}/inside`);
			expect(taken.get("single").includes("?versionId=")).toBe(versions);
			const plain = await new Package().setDir("", `s3://${bucket}/in/`, { unversioned: true });
			expect(plain.get("x y.txt")).toBe(`s3://${bucket}/in/x%20y.txt`);
			const topHash = await taken.build("team/taken", `s3://${bucket}`);
			const pushed = await pushPackage(taken, "team/taken", { registry: `s3://${bucket}` });
			expect(pushed).toMatchObject({ topHash, copied: { files: 0 }, changed: false });
			await expect(new Package().set("x", `s3://${bucket}/none`)).rejects.toMatchObject({
				code: "ObjectNotFound",
			});
		});
	});

	/** What a store sends: method and key of every request that carries or fetches an object's bytes or asks for a copy. */
	function watched(bucket: string): { registry: S3Store; sent: () => string[] } {
		const log: string[] = [];
		const registry = server().openStore(bucket, {
			transport: (request, signal) => {
				const key = decodeURIComponent(request.target.slice(bucket.length + 2).replace(/\?.*/, ""));
				const isClaim = request.body?.length === claimBytes;
				const isData = key.startsWith("team/") && request.method !== "HEAD" && !isClaim;
				const kind = "x-amz-copy-source" in request.headers ? "COPY" : request.method;
				if (isData) log.push(`${kind} ${key.slice("team/data/".length)}`);
				return nodeTransport(request, signal);
			},
		});
		return { registry, sent: () => log.splice(0).toSorted(compareNames) };
	}

	describe.each([true, false])("with versions %s, push()", (versions) => {
		test("sends equal files once, and renamed and unchanged ones not at all", async () => {
			const { registry, sent } = watched(await server().makeBucket({ versions }));
			await pushPackage(await folder({ a: "one", b: "two", c: "one", d: "longer" }), "team/data", {
				registry,
			});
			expect(sent()).toEqual(["COPY c", "PUT a", "PUT b", "PUT d"]);
			await pushPackage(await folder({ a: "one", b: "two", c: "one", d: "longer" }), "team/data", {
				registry,
				message: "again",
				force: true,
			});
			expect(sent()).toEqual([]);
			const moved = await folder({ a: "one", "e/renamed": "longer", f: "new" });
			const { package: third } = await pushPackage(moved, "team/data", { registry, force: true });
			expect(sent()).toEqual(["COPY e/renamed", "PUT f"]);
			expect(await third.entry("e/renamed").text()).toBe("longer");
		});

		test("moves a package to another bucket without its bytes", async () => {
			const one = await server().makeBucket({ versions });
			await pushPackage(await folder({ a: "one", b: "two" }), "team/data", { registry: `s3://${one}` });
			const { registry, sent } = watched(await server().makeBucket({ versions }));
			await pushPackage(await Package.browse("team/data", { registry: `s3://${one}` }), "team/data", {
				registry,
			});
			expect(sent()).toEqual(["COPY a", "COPY b"]);
		});
	});

	test("build() of objects reads none whose hash the store has", async () => {
		const bucket = await server().makeBucket({ versions: true });
		const { registry, sent } = watched(bucket);
		for (const key of ["a", "b", "empty"]) {
			await registry.put(`team/data/${key}`, new TextEncoder().encode(key === "empty" ? "" : key));
		}
		await registry.put("team/data/large", new Uint8Array(9 * 1024 * 1024));
		sent();
		const local = await folder({ a: "a", b: "b", empty: "", large: new Uint8Array(9 * 1024 * 1024) });
		const taken = await new Package().setDir("", `s3://${bucket}/team/data`, { meta: { made: "here" } });
		const log = vi.spyOn(S3Store.prototype, "get");
		const topHash = await taken.build("team/data", registry);
		expect(log.mock.calls.map(([key]) => key).filter((key) => key.startsWith("team/"))).toEqual([
			"team/data/large",
		]);
		await local.build("team/data", temporaryDirectory());
		expect(topHash).toBe(local.topHash);
	});

	test("build() into a bucket warns of files that only this machine has: names ten of them, and lists all", async () => {
		const registry = `s3://${await server().makeBucket()}`;
		const warnings: ProgressEvent[] = [];
		const onProgress = (event: ProgressEvent): void => {
			if (event.kind === "warning") warnings.push(event);
		};
		await (await folder()).build("team/data", registry, { onProgress });
		const many = Array.from({ length: 12 }, (_, index) => String.fromCharCode(97 + index));
		const made = await folder(Object.fromEntries(many.map((name) => [name, name])));
		await made.build("team/many", registry, { onProgress });
		expect(warnings).toMatchObject([
			{ code: "LocalFiles", details: { count: 5 } },
			{ code: "LocalFiles", details: { count: 12, keys: many } },
		]);
		expect(warnings[1]).toMatchObject({
			message: expect.stringMatching(/^12 files .*"a", "b", .*"j" and 2 more\. Push/) as string,
		});
		await expect(installPackage("team/data", { registry, dest: temporaryDirectory() })).rejects.toMatchObject(
			{
				code: "LocalReference",
			},
		);
		const pushed = await made.push("team/many", registry);
		await pushed.build("team/again", registry, { onProgress });
		expect(warnings).toHaveLength(2);
	});

	test("isMaterialized() tells whether every file is in the registry", async () => {
		const [one, two] = [`s3://${await server().makeBucket()}`, `s3://${await server().makeBucket()}`];
		const made = await folder({ a: "one", b: "two" });
		expect(await made.isMaterialized(one)).toBe(false);
		const pushed = await made.push("team/data", one);
		expect([await pushed.isMaterialized(one), await pushed.isMaterialized(two)]).toEqual([true, false]);
		const browsed = await Package.browse("team/data", { registry: one });
		expect(await browsed.isMaterialized(new URL(one))).toBe(true);
		const linked = await browsed.push("team/data", two, { selector: "none" });
		expect([await linked.isMaterialized(one), await linked.isMaterialized(two)]).toEqual([true, false]);
		await linked.set("c", new TextEncoder().encode("in memory"));
		expect(await linked.isMaterialized(one)).toBe(false);
		expect(await new Package().isMaterialized(one)).toBe(true);
		await expect(made.isMaterialized()).rejects.toMatchObject({ code: "InvalidConfig" });
	});

	test.each([
		["missing", ["file", "elsewhere"]],
		["all", ["file", "elsewhere", "here"]],
		["local", ["file"]],
		["none", []],
		[(key: string) => key === "elsewhere", ["elsewhere"]],
	] as const)("push() copies what the selector %s says, and leaves the others", async (selector, copied) => {
		const [bucket, other] = [await server().makeBucket({ versions: true }), await server().makeBucket()];
		await server().openStore(bucket).put("raw/here", new TextEncoder().encode("here"));
		await server().openStore(other).put("raw/elsewhere", new TextEncoder().encode("elsewhere"));
		const made = await folder({ file: "file" });
		await made.set("here", `s3://${bucket}/raw/here`);
		await made.set("elsewhere", `s3://${other}/raw/elsewhere`);
		const before = new Map(Array.from(made.walk(), ([key, { physicalKey }]) => [key, physicalKey]));
		const pushed = await made.push("team/data", `s3://${bucket}`, { selector });
		for (const [key, { physicalKey, hash }] of pushed.walk()) {
			if (copied.some((name) => name === key))
				expect(physicalKey).toContain(`s3://${bucket}/team/data/${key}?versionId=`);
			else expect(physicalKey).toBe(before.get(key));
			expect(hash).toBeDefined();
		}
	});

	test("push() lands where dest says", async () => {
		const bucket = await server().makeBucket({ versions: true });
		const made = await folder({ "a.txt": "alpha" });
		const one = await made.push("team/data", `s3://${bucket}/foo/bar/`);
		expect(one.get("a.txt")).toContain(`s3://${bucket}/foo/bar/a.txt?versionId=`);
		const two = await made.push("team/other", `s3://${bucket}`, {
			dest: (key) => `s3://${bucket}/by/function/${key}`,
		});
		expect(two.get("a.txt")).toContain(`s3://${bucket}/by/function/a.txt?versionId=`);
		const three = await made.push("team/third", undefined, { dest: `s3://${bucket}/only/dest` });
		expect(three.get("a.txt")).toContain(`s3://${bucket}/only/dest/a.txt?versionId=`);
		const four = await made.push("team/fourth", undefined, {
			dest: (key) => `s3://${bucket}/only/function/${key}`,
		});
		expect(four.get("a.txt")).toContain(`s3://${bucket}/only/function/a.txt?versionId=`);
		const five = await made.push("team/fifth", new URL(`s3://${bucket}/as/url`));
		expect(five.get("a.txt")).toContain(`s3://${bucket}/as/url/a.txt?versionId=`);
		expect(await all(listPackages(`s3://${bucket}`))).toEqual([
			"team/data",
			"team/fifth",
			"team/fourth",
			"team/other",
			"team/third",
		]);
	});

	test("push() refuses places that are none, with nothing written", async () => {
		const bucket = await server().makeBucket({ versions: true });
		const made = await folder({ "a.txt": "alpha" });
		const registry = `s3://${bucket}`;
		const refused = [
			[registry, "s3://another/x"],
			[registry, "/tmp/x"],
			[registry, `${registry}/x?versionId=1`],
			[registry, (key: string) => `${registry}/${key}?versionId=1`],
			[registry, (key: string) => `s3://another/${key}`],
			[`${registry}/one`, `${registry}/two`],
			[`${registry}/one?versionId=1`, undefined],
		] as const;
		for (const [target, dest] of refused) {
			const options = dest === undefined ? {} : { dest };
			await expect(made.push("team/data", target, options), String(dest)).rejects.toMatchObject({
				code: "InvalidArgument",
				hint: expect.any(String) as string,
			});
		}
		expect(await all(server().openStore(bucket).list(""))).toEqual([]);
	});

	test("push() of two at once loses nothing", async () => {
		const registry = `s3://${await server().makeBucket({ versions: true })}`;
		const packages = await Promise.all(
			Array.from({ length: 6 }, (_, index) => folder({ "a.txt": `content ${index}`, [`${index}`]: "own" })),
		);
		const results = await Promise.all(
			packages.map((made) => pushPackage(made, "team/data", { registry, force: true })),
		);
		const history = await all(revisions("team/data", registry));
		expect(new Set(history.map(({ topHash }) => topHash))).toEqual(
			new Set(results.map(({ topHash }) => topHash)),
		);
		for (const [index, { topHash }] of results.entries()) {
			const found = await Package.browse("team/data", { registry, topHash });
			expect(await found.entry("a.txt").text()).toBe(`content ${index}`);
		}
	});
});
