/** Putting files into a package and taking them out again. */
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { Float, Package, PackageEntry } from "../../src/index.ts";
import { failure } from "./support/failure.ts";
import { chunkedHash } from "./support/files.ts";
import { newMachine } from "./support/machine.ts";

async function textOf(of: Package, key: string): Promise<string> {
	return of.entry(key).text();
}

describe("Package.set()", () => {
	test("takes a path, and records the size now and no hash", async () => {
		const machine = newMachine();
		const folder = machine.folder("data", { "a.txt": "hello" });
		const p = await new Package().set("x/a.txt", `${folder}/a.txt`);
		expect(p.get("x/a.txt")).toBe(`file://${folder}/a.txt`);
		expect(p.entry("x/a.txt").size).toBe(5);
		expect(p.entry("x/a.txt").hash).toBeUndefined();
		expect(p.entry("x/a.txt").meta).toEqual({});
		expect(p.message).toBeUndefined();
	});

	test("takes a URL, as text or URL, also with escapes", async () => {
		const machine = newMachine();
		const folder = machine.folder("data", { "ä b.txt": "hello" });
		const url = `file://${folder}/%C3%A4%20b.txt`;
		const p = await new Package().set("a", url);
		await p.set("b", new URL(url));
		expect([p.get("a"), p.get("b")]).toEqual([url, url]);
		expect(await textOf(p, "a")).toBe("hello");
	});

	test("resolves symlinks in the path", async () => {
		const machine = newMachine();
		const folder = machine.folder("data", { real: "hello" });
		symlinkSync(`${folder}/real`, `${folder}/link`);
		const p = await new Package().set("a", `${folder}/link`);
		expect(p.get("a")).toBe(`file://${folder}/real`);
	});

	test("without a source takes the key as a path", async () => {
		const machine = newMachine({
			files: (files) => ({
				resolve: (input) => (input.startsWith("/") ? files.resolve(input) : machine.path("data", input)),
			}),
		});
		machine.folder("data", { "x/a.txt": "hello" });
		const p = await new Package().set("x/a.txt");
		expect(p.get("x/a.txt")).toBe(`file://${machine.path("data/x/a.txt")}`);
	});

	test("keeps user metadata beside nothing else", async () => {
		const machine = newMachine();
		const folder = machine.folder("data", { a: "a" });
		const p = await new Package().set("a", `${folder}/a`, { meta: { n: 1, f: 1.5, big: 2n ** 70n } });
		expect(p.entry("a").meta).toEqual({ n: 1, f: 1.5, big: 2n ** 70n });
		expect(p.entry("a").toJSON().meta).toEqual({ user_meta: { n: 1, f: 1.5, big: 2n ** 70n } });
	});

	test("tells no metadata from empty metadata, as quilt3 does", async () => {
		const machine = newMachine();
		const folder = machine.folder("data", { a: "a" });
		const p = await new Package().set("a", `${folder}/a`);
		await p.set("b", `${folder}/a`, { meta: {} });
		await p.set("c", `${folder}/a`, { meta: null });
		expect(["a", "b", "c"].map((key) => p.entry(key).toJSON().meta)).toEqual([{}, { user_meta: {} }, {}]);
	});

	test("forgets the metadata and hash of the entry that it replaces, which keeps its place", async () => {
		const machine = newMachine();
		const folder = machine.folder("data", { a: "a", b: "b" });
		const p = await new Package().set("a", `${folder}/a`, { meta: { old: true } });
		await p.set("b", `${folder}/b`);
		await p.build("test/set", machine.path("registry"));
		await p.set("a", `${folder}/b`);
		expect([p.entry("a").meta, p.entry("a").hash]).toEqual([{}, undefined]);
		expect(p.keys()).toEqual(["a", "b"]);
	});

	test("copies an entry of another package with size, hash and metadata; the copies are independent", async () => {
		const machine = newMachine();
		const folder = machine.folder("data", { a: "a" });
		const from = await new Package().set("a", `${folder}/a`, { meta: { n: 1 } });
		await from.build("test/from", machine.path("registry"));
		const to = await new Package().set("b/c", from.entry("a"));
		expect(to.entry("b/c").equals(from.entry("a"))).toBe(true);
		to.entry("b/c").setMeta({ n: 2 });
		expect(from.entry("a").meta).toEqual({ n: 1 });
		const error = await failure(to.set("d", from.entry("a"), { meta: {} }), "InvalidArgument");
		expect(error.message).toContain('"d"');
	});

	test.for([
		["x.json", { b: [1, 2.5, null], a: "é" }, String.raw`{"b": [1, 2.5, null], "a": "\u00e9"}`],
		["noextension", [1, new Float(1), true], "[1, 1.0, true]"],
		["dir/n.json", 42, "42"],
		["dir/big.json", 2n ** 64n, "18446744073709551616"],
	] as const)("stores a value as JSON in quilt3's spelling: %s", async ([key, value, text]) => {
		newMachine();
		const p = await new Package().set(key, value);
		expect(await textOf(p, key)).toBe(text);
		expect(p.entry(key).size).toBe(text.length);
		expect(p.entry(key).toJSON().meta).toEqual({ format: { name: "json" }, target: "json" });
	});

	test("stores bytes as .bin, and text with setText()", async () => {
		newMachine();
		const p = await new Package().set("x.bin", new Uint8Array([1, 2, 255]), { meta: { unit: "m" } });
		await p.setText("README.md", "# Grüße");
		expect([...(await p.entry("x.bin").bytes())]).toEqual([1, 2, 255]);
		expect(p.entry("x.bin").toJSON().meta).toEqual({
			format: { name: "bytes" },
			target: "bytes",
			user_meta: { unit: "m" },
		});
		expect(await p.readme().text()).toBe("# Grüße");
	});

	test("stores a Blob as it is, under any name", async () => {
		newMachine();
		const p = await new Package().set("pic.png", new Blob(["not really"]));
		expect(await textOf(p, "pic.png")).toBe("not really");
		expect(p.entry("pic.png").toJSON().meta).toEqual({});
	});

	test("bytes are taken as they are at the call", async () => {
		newMachine();
		const bytes = new Uint8Array([1]);
		const p = await new Package().set("x.bin", bytes);
		bytes[0] = 9;
		expect([...(await p.entry("x.bin").bytes())]).toEqual([1]);
	});

	test("saves a value at location, whose extension decides, or in the scratch directory", async () => {
		const machine = newMachine();
		const p = await new Package().set("x.csv", { a: 1 }, { location: machine.path("saved/x.json") });
		expect(readFileSync(machine.path("saved/x.json"), "utf8")).toBe('{"a": 1}');
		expect(p.get("x.csv")).toBe(`file://${machine.path("saved/x.json")}`);
		await p.set("y.json", { a: 2 });
		expect(readdirSync(`${machine.data}/tempfiles`)).toHaveLength(1);
		expect(p.get("y.json")).toMatch(/\/tempfiles\/[^/]+\.json$/);
	});

	test.for([
		["x.csv", { a: 1 }],
		["x.json", new Uint8Array(1)],
		["x.JSON", { a: 1 }],
	] as const)("refuses a value under a name of another format: %s", async ([key, value]) => {
		const machine = newMachine();
		const error = await failure(new Package().set(key, value), "InvalidArgument");
		expect(error.message).toContain(key);
		expect(() => readdirSync(`${machine.data}/tempfiles`)).toThrow();
	});

	test.for([
		["a function", () => 1, "a function"],
		["a date", new Date(0), "Date"],
		["undefined inside", { deep: [undefined] }, "undefined"],
	] as const)("refuses what JSON cannot express: %s", async ([, value, named]) => {
		newMachine();
		const error = await failure(new Package().set("x.json", value), "InvalidMetadata");
		expect(error.message).toContain(named);
	});

	test("refuses a file where a directory is, and below a file, naming the place; nothing is saved", async () => {
		const machine = newMachine();
		const p = await new Package().set("a/b", { x: 1 });
		const saved = readdirSync(`${machine.data}/tempfiles`);
		const first = await failure(p.set("a", { x: 2 }), "KeyCollision");
		expect(first.message).toContain('"a" is a directory');
		const second = await failure(p.set("a/b/c", { x: 2 }), "KeyCollision");
		expect(second.message).toContain('"a/b" is a file');
		expect(p.keys()).toEqual(["a"]);
		expect(readdirSync(`${machine.data}/tempfiles`)).toEqual(saved);
	});

	test.for(["", "a/", "/a", "a//b", ".", "..", "a/./b", "a/../b", "\ud800"])(
		"refuses the key %j",
		async (key) => {
			const machine = newMachine();
			const folder = machine.folder("data", { a: "a" });
			const p = new Package();
			const error = await failure(p.set(key, `${folder}/a`), "InvalidKey");
			expect(error.details["key"]).toBe(key);
			expect(p.size).toBe(0);
		},
	);

	test.for([
		"a b",
		"a\\b",
		"C:/x",
		"~",
		"x\u0001y",
		"__proto__",
		"constructor/prototype",
		"10",
		"CON",
		"e\u0301",
	])("accepts the key %j", async (key) => {
		const machine = newMachine();
		const folder = machine.folder("data", { a: "a" });
		const p = await new Package().set(key, `${folder}/a`);
		expect(Array.from(p.walk(), ([name]) => name)).toEqual([key]);
		expect(p.has(key)).toBe(true);
	});

	test("tells a missing file, a directory and a special file apart", async () => {
		const machine = newMachine();
		const folder = machine.folder("data", { "d/a": "a" });
		const p = new Package();
		expect((await failure(p.set("x", `${folder}/none`), "ObjectNotFound")).message).toContain("/none");
		expect((await failure(p.set("x", `${folder}/d`), "NotAFile")).hint).toContain("setDir");
		expect((await failure(p.set("x", `${folder}/d/`), "NotAFile")).hint).toContain("setDir");
		await failure(p.set("x", "/dev/null"), "NotAFile");
		expect(p.size).toBe(0);
	});

	test("takes a text with a scheme for a URL", async () => {
		newMachine();
		await failure(new Package().set("x", "http://example.com/x"), "UnsupportedScheme");
		await failure(new Package().set("x", "data:text/plain,x"), "UnsupportedScheme");
		await failure(new Package().set("x", "s3:///x"), "InvalidUrl");
		await failure(new Package().set("x", ""), "InvalidUrl");
	});
});

describe("Package.setMeta() and meta", () => {
	test("start as an empty object and take anything that JSON can express", () => {
		newMachine();
		const p = new Package();
		expect(p.meta).toEqual({});
		for (const meta of [{ a: [1] }, null, "text", 5, [1, 2], false]) {
			expect(p.setMeta(meta)).toBe(p);
			expect(p.meta).toEqual(meta);
		}
	});

	test("give back exactly the JSON of a manifest, floats and order included", async () => {
		newMachine();
		const text = '{"version": "v0", "user_meta": {"b": 1.0, "10": 1e+100, "a": -0.0, "2": 1}}\n';
		const p = await Package.load(text);
		const other = new Package().setMeta(p.meta);
		expect(await new Response(other.dump()).text()).toBe(text);
	});

	test("setMeta() changes the top hash, and refuses what JSON cannot express", async () => {
		newMachine();
		const p = new Package();
		const before = p.topHash;
		p.setMeta({ a: 1 });
		expect(p.topHash).not.toBe(before);
		const error = await failure(() => p.setMeta({ deep: { at: () => 1 } }), "InvalidMetadata");
		expect(error.message).toContain("deep.at");
		expect(p.meta).toEqual({ a: 1 });
	});

	test("metadata given by meta cannot be changed in place", () => {
		newMachine();
		const p = new Package().setMeta({ a: { b: 1 } });
		expect(Object.isFrozen(p.meta)).toBe(true);
		expect(Object.isFrozen((p.meta as { a: object }).a)).toBe(true);
	});

	test("the object that was given can be changed without changing the package", () => {
		newMachine();
		const given = { a: 1 };
		const p = new Package().setMeta(given);
		given.a = 2;
		expect(p.meta).toEqual({ a: 1 });
	});
});

describe("Package.delete(), has(), get(), entry(), at()", () => {
	async function sample(): Promise<Package> {
		newMachine();
		const p = new Package();
		for (const key of ["b/y.json", "b/x.json", "a.json"]) await p.set(key, { key });
		return p;
	}

	test("delete() removes a file or a directory with everything in it", async () => {
		const p = await sample();
		expect(p.delete("b")).toBe(p);
		expect(p.keys()).toEqual(["a.json"]);
		p.delete("a.json");
		expect(p.size).toBe(0);
	});

	test("delete() leaves an emptied directory with its metadata", async () => {
		const p = await sample();
		(p.at("b") as Package).setMeta({ d: 1 });
		p.delete("b/x.json").delete("b/y.json");
		expect(p.has("b")).toBe(true);
		expect(p.subpackage("b").meta).toEqual({ d: 1 });
		expect([...p.manifest()]).toContainEqual({ logical_key: "b/", meta: { d: 1 } });
	});

	test.for(["", "none", "b/", "b/none", "a.json/x", "/a.json"])(
		"delete(), entry(), get(), at() and subpackage() do not find %j",
		async (key) => {
			const p = await sample();
			for (const look of [
				() => p.delete(key),
				() => p.entry(key),
				() => p.get(key),
				() => p.at(key),
				() => p.subpackage(key),
			]) {
				expect((await failure(look, "EntryNotFound")).details["key"]).toBe(key);
			}
			expect(p.has(key)).toBe(false);
		},
	);

	test("has() finds files and directories, and nothing of Object.prototype", async () => {
		const p = await sample();
		expect(["a.json", "b", "b/x.json"].map((key) => p.has(key))).toEqual([true, true, true]);
		expect(["__proto__", "constructor", "toString"].map((key) => p.has(key))).toEqual([false, false, false]);
	});

	test("get() and entry() refuse a directory, subpackage() a file", async () => {
		const p = await sample();
		await failure(() => p.get("b"), "InvalidArgument");
		await failure(() => p.entry("b"), "InvalidArgument");
		await failure(() => p.subpackage("a.json"), "EntryNotFound");
	});

	test("at() gives an entry or a sub-package, for a path or its segments", async () => {
		const p = await sample();
		expect(p.at("a.json")).toBeInstanceOf(PackageEntry);
		expect(p.at("b")).toBeInstanceOf(Package);
		expect(p.at(["b", "x.json"])).toBeInstanceOf(PackageEntry);
		expect((p.at("b") as Package).at("x.json")).toBeInstanceOf(PackageEntry);
	});

	test("readme() is the file README.md", async () => {
		const p = await sample();
		await failure(() => p.readme(), "EntryNotFound");
		await p.setText("README.md", "hello");
		expect(await p.readme().text()).toBe("hello");
	});
});

describe("sub-packages", () => {
	test("are live views: changes show on both sides", async () => {
		newMachine();
		const p = await new Package().set("d/e/a.json", { a: 1 });
		const sub = p.subpackage("d/e");
		await sub.set("b.json", { b: 1 });
		expect(Array.from(p.walk(), ([key]) => key)).toEqual(["d/e/a.json", "d/e/b.json"]);
		p.delete("d/e/a.json");
		expect(sub.keys()).toEqual(["b.json"]);
		sub.entry("b.json").setMeta({ n: 1 });
		expect(p.entry("d/e/b.json").meta).toEqual({ n: 1 });
	});

	test("have the directory's metadata as theirs, which is written as a directory line", async () => {
		newMachine();
		const p = await new Package().set("d/a.json", { a: 1 });
		expect(p.subpackage("d").meta).toEqual({});
		p.subpackage("d").setMeta({ unit: "m" });
		expect(p.subpackage("d").meta).toEqual({ unit: "m" });
		expect(p.meta).toEqual({});
		expect([...p.manifest()][1]).toEqual({ logical_key: "d/", meta: { unit: "m" } });
	});

	test("can be built by themselves, and give their hashes to the whole", async () => {
		const machine = newMachine();
		const p = await new Package().set("d/a.json", { a: 1 });
		await p.set("b.json", { b: 1 });
		const sub = p.subpackage("d").setMeta({ unit: "m" });
		const topHash = await sub.build("test/sub", machine.path("registry"), { message: "only d" });
		expect(sub.message).toBe("only d");
		expect(p.message).toBeUndefined();
		expect(p.entry("d/a.json").hash?.value).toBe(chunkedHash('{"a": 1}'));
		expect(p.entry("b.json").hash).toBeUndefined();
		const found = await Package.browse("test/sub", { registry: machine.path("registry") });
		expect([found.topHash, found.keys(), found.meta]).toEqual([topHash, ["a.json"], { unit: "m" }]);
	});

	test("setDir() on their root sets the directory's metadata, not the whole package's", async () => {
		const machine = newMachine();
		const folder = machine.folder("data", { a: "a" });
		const p = await new Package().set("d/x.json", { a: 1 });
		await p.subpackage("d").setDir(".", folder, { meta: { m: 1 } });
		expect(p.meta).toEqual({});
		expect(p.subpackage("d").meta).toEqual({ m: 1 });
		expect(p.has("d/a")).toBe(true);
	});
});

test("an empty directory of the file system is no part of a package", async () => {
	const machine = newMachine();
	const folder = machine.folder("data", { a: "a" });
	mkdirSync(`${folder}/empty`);
	writeFileSync(`${folder}/.hidden`, "h");
	const p = await new Package().setDir(".", folder);
	expect(p.keys().sort((a, b) => (a < b ? -1 : 1))).toEqual([".hidden", "a"]);
});
