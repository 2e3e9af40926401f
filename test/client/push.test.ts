/** Pushing to a directory registry: where files land, and what is never touched. */
import {
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	rmSync,
	statSync,
	symlinkSync,
	utimesSync,
	writeFileSync,
} from "node:fs";
import { describe, expect, test } from "vitest";
import { MemoryStore, Package, pushPackage, type ProgressEvent } from "../../src/index.ts";
import { failure } from "./support/failure.ts";
import { chunkedHash, entryLine, readFiles, sha256, snapshot, type Files } from "./support/files.ts";
import { newMachine, type Machine } from "./support/machine.ts";

const ours = [".bale/", ".quilt/"];

/** Where a file with this content is displaced to. */
function displaced(key: string, content: string, name = "team/data"): string {
	return `.bale/objects/${name}/${sha256(content).slice(0, 16)}/${key}`;
}

async function packageOf(machine: Machine, folder: string, files: Files): Promise<Package> {
	return new Package().setDir(".", machine.folder(folder, files), { meta: {} });
}

/** The files of a revision, as an install elsewhere finds them. */
async function installed(
	machine: Machine,
	registry: string,
	topHash: string,
): Promise<Record<string, string>> {
	const dest = machine.path(`installed-${topHash}`);
	rmSync(dest, { recursive: true, force: true });
	await Package.install("team/data", { registry, topHash, dest, destRegistry: machine.path("record") });
	return readFiles(dest);
}

describe("Package.push()", () => {
	test("copies files to <registry>/<name>/<key> and points the entries there", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const p = await packageOf(machine, "data", { "a b.txt": "a", "d/e": "e", empty: "" });
		const pushed = await p.push("team/data", registry, { message: "m" });
		expect(readFiles(registry, ours)).toEqual({
			"team/data/a b.txt": "a",
			"team/data/d/e": "e",
			"team/data/empty": "",
		});
		expect(pushed.get("a b.txt")).toBe(`file://${registry}/team/data/a%20b.txt`);
		expect(pushed.entry("d/e").hash).toEqual({ type: "sha2-256-chunked", value: chunkedHash("e") });
		expect(await pushed.entry("d/e").text()).toBe("e");
		const browsed = await Package.browse("team/data", { registry });
		expect(browsed.topHash).toBe(pushed.topHash);
		expect(browsed.get("d/e")).toBe(`file://${registry}/team/data/d/e`);
	});

	test("leaves the pushing package with its own files, and gives it hashes and header", async () => {
		const machine = newMachine();
		const p = await packageOf(machine, "data", { a: "a" });
		const pushed = await p.push("team/data", machine.path("registry"), { message: "m" });
		expect(p.get("a")).toBe(`file://${machine.path("data")}/a`);
		expect([p.message, p.topHash]).toEqual(["m", pushed.topHash]);
		pushed.setMeta({ other: true });
		expect(p.meta).toEqual({});
	});

	test("makes what other programs can read: ordinary files, no partial ones left", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		await (await packageOf(machine, "data", { a: "a" })).push("team/data", registry);
		expect(statSync(`${registry}/team/data/a`).mode).toBe(statSync(machine.path("data/a")).mode);
		expect(readdirSync(`${registry}/.bale/tmp`)).toEqual([]);
	});

	test("again copies nothing and hashes nothing that the latest revision has", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const p = await packageOf(machine, "data", { a: "a", "d/e": "e" });
		await p.push("team/data", registry);
		// A file as young as the revision is read again, since its time could hide a change.
		for (const key of ["a", "d/e"]) utimesSync(`${registry}/team/data/${key}`, 1e9, 1e9);
		const before = snapshot(registry);
		machine.moved.reset();
		const { package: pushed, ...result } = await pushPackage(p, "team/data", { registry });
		expect(result).toMatchObject({
			changed: false,
			copied: { files: 0, bytes: 0 },
			reused: { files: 2, bytes: 2 },
			displaced: [],
		});
		expect(machine.moved).toMatchObject({ copied: 0, hashed: 0 });
		expect(pushed.topHash).toBe(p.topHash);
		expect(snapshot(registry)).toEqual(before);
	});

	test("uses files that are there by chance or from an interrupted push, after comparing them", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		machine.folder("registry/team/data", { a: "a", b: "X" });
		const p = await packageOf(machine, "data", { a: "a", b: "b" });
		const { copied, reused } = await pushPackage(p, "team/data", { registry });
		expect([copied.files, reused.files]).toEqual([1, 1]);
		expect(readFiles(registry, ours)).toEqual({ "team/data/a": "a", "team/data/b": "X" });
		expect(readFiles(registry)[displaced("b", "b")]).toBe("b");
	});

	test("tells name, top hash, registry, pointer, files, bytes and what was copied", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const p = await packageOf(machine, "data", { a: "abc", b: "d" });
		const { package: pushed, ...result } = await pushPackage(p, "team/data", { registry });
		expect(result).toEqual({
			name: "team/data",
			topHash: pushed.topHash,
			registry: `file://${registry}`,
			pointer: "1700000000",
			changed: true,
			dryRun: false,
			files: 2,
			bytes: 4,
			copied: { files: 2, bytes: 4 },
			reused: { files: 0, bytes: 0 },
			displaced: [],
		});
	});

	describe("of content that the registry has under another name", () => {
		const files = { a: "alpha", "d/b": "beta" };
		const keysOf = (p: Package): string[] => [...p.walk()].map(([, { physicalKey }]) => physicalKey);

		test("copies it to its own place, which the manifest then names for both", async () => {
			const machine = newMachine();
			const registry = machine.path("registry");
			const one = await pushPackage(await packageOf(machine, "data", files), "team/one", { registry });
			const two = await pushPackage(await packageOf(machine, "data", files), "team/two", { registry });
			expect(two).toMatchObject({ topHash: one.topHash, changed: true, copied: { files: 2 } });
			expect(keysOf(two.package)).toEqual([
				`file://${registry}/team/two/a`,
				`file://${registry}/team/two/d/b`,
			]);
			for (const name of ["team/one", "team/two"]) {
				const browsed = await Package.browse(name, { registry });
				expect(keysOf(browsed)).toEqual(keysOf(two.package));
				expect(await browsed.isMaterialized(registry)).toBe(true);
			}
			const again = await pushPackage(one.package, "team/one", { registry });
			expect(again).toMatchObject({ changed: false, copied: { files: 0 } });
			expect(keysOf(again.package)).toEqual(keysOf(two.package));
		});

		test("copies what the manifest that is there names outside of the registry, which is written anew", async () => {
			const machine = newMachine();
			const registry = machine.path("registry");
			const p = await packageOf(machine, "data", files);
			await p.build("team/one", registry);
			const one = await pushPackage(p, "team/two", { registry });
			expect(one).toMatchObject({ changed: true, copied: { files: 2 } });
			const browsed = await Package.browse("team/one", { registry });
			expect(await browsed.isMaterialized(registry)).toBe(true);
		});
	});

	describe("with a dest that has no effect", () => {
		const warnings = async (
			p: Package,
			registry: string,
			dest: string | ((key: string) => string),
		): Promise<string[]> => {
			const codes: string[] = [];
			await pushPackage(p, "team/data", {
				registry,
				dest,
				force: true,
				onProgress: (event) => event.kind === "warning" && codes.push(event.code),
			});
			return codes;
		};

		test("says so when nothing is copied", async () => {
			const machine = newMachine();
			const registry = machine.path("registry");
			const p = await packageOf(machine, "data", { a: "alpha" });
			expect(await warnings(p, registry, `${registry}/one`)).toEqual([]);
			utimesSync(`${registry}/one/a`, 1, 1);
			for (const made of [p, await packageOf(machine, "data", { a: "alpha" })]) {
				expect(await warnings(made, registry, `${registry}/one`)).toEqual([]);
				expect(await warnings(made, registry, `${registry}/two`)).toEqual(["DestUnused"]);
				expect(await warnings(made, registry, (key) => `file://${registry}/2/${key}`)).toEqual([
					"DestUnused",
				]);
			}
			const browsed = await Package.browse("team/data", { registry });
			expect(await warnings(browsed, registry, `${registry}/one`)).toEqual([]);
			expect(await warnings(browsed, registry, `${registry}/two`)).toEqual(["DestUnused"]);
			expect(await warnings(new Package().setMeta({ empty: true }), registry, `${registry}/x`)).toEqual([]);
			expect(Object.keys(readFiles(registry, ours))).toEqual(["one/a"]);
		});

		test.for([
			["/.quilt/x", "ReservedKey"],
			["/.bale", "ReservedKey"],
			[`/${"n".repeat(300)}`, "UnportableKey"],
			["-elsewhere", "InvalidArgument"],
		] as const)("refuses %s below the registry although nothing is to be copied", async ([dest, code]) => {
			const machine = newMachine();
			const registry = machine.path("registry");
			const pushed = await (await packageOf(machine, "data", { a: "alpha" })).push("team/data", registry);
			for (const made of [pushed, new Package()]) {
				await failure(made.push("team/data", registry, { dest: registry + dest, force: true }), code);
			}
		});
	});

	test("dryRun writes nothing and gives the same top hash and places", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		await (await packageOf(machine, "old", { a: "old" })).push("team/data", registry);
		const p = await packageOf(machine, "data", { a: "new", b: "b" });
		const before = snapshot(machine.root);
		const planned = await pushPackage(p, "team/data", { registry, dryRun: true, force: true, message: "m" });
		expect(snapshot(machine.root)).toEqual(before);
		expect(p.message).toBeUndefined();
		const done = await pushPackage(p, "team/data", { registry, force: true, message: "m" });
		expect(planned).toMatchObject({ topHash: done.topHash, dryRun: true, changed: true });
		expect([planned.copied, planned.displaced]).toEqual([done.copied, done.displaced]);
	});

	test("keeps metadata of package, directories and entries", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const p = await packageOf(machine, "data", { "d/a": "a" });
		p.setMeta({ p: 1 }).subpackage("d").setMeta({ d: 1 });
		p.entry("d/a").setMeta({ e: 1.5 });
		const pushed = await p.push("team/data", registry);
		for (const read of [pushed, await Package.browse("team/data", { registry })]) {
			expect([read.meta, read.subpackage("d").meta, read.entry("d/a").meta]).toEqual([
				{ p: 1 },
				{ d: 1 },
				{ e: 1.5 },
			]);
		}
	});

	test("gives copied entries of old packages the chunked hash, and leaves others", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const folder = machine.folder("data", { a: "a" });
		machine.folder("registry/team/data", { b: "b" });
		const legacy = (key: string, path: string): string =>
			JSON.stringify({ ...entryLine(key, path, key), hash: { type: "SHA256", value: sha256(key) } });
		const p = await Package.load(
			['{"version": "v0"}', legacy("a", `${folder}/a`), legacy("b", `${registry}/team/data/b`)].join("\n"),
		);
		const pushed = await p.push("team/data", registry);
		expect(pushed.entry("a").hash).toEqual({ type: "sha2-256-chunked", value: chunkedHash("a") });
		expect(pushed.entry("b").hash).toEqual({ type: "SHA256", value: sha256("b") });
	});

	test("does not publish bytes that do not fit the hash of a loaded entry", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const folder = machine.folder("data", { a: "evil" });
		for (const hash of [
			{ type: "SHA256", value: sha256("good") },
			{ type: "sha2-256-chunked", value: chunkedHash("good") },
		]) {
			const line = { ...entryLine("a", `${folder}/a`, "good"), hash };
			const p = await Package.load(`{"version": "v0"}\n${JSON.stringify(line)}\n`);
			const error = await failure(p.push("team/data", registry), "IntegrityMismatch");
			expect(`${error.message}${JSON.stringify(error.details)}`).toContain("a");
		}
		expect(readFiles(registry, [".bale/locks"])).toEqual({});
	});

	test("saves serialised values and releases their scratch files", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const p = await new Package().set("x.json", { a: 1 });
		await p.set("kept.json", { b: 1 }, { location: machine.path("mine/kept.json") });
		await p.push("team/data", registry);
		expect(readdirSync(`${machine.data}/tempfiles`)).toEqual([]);
		expect(p.get("x.json")).toBe(`file://${registry}/team/data/x.json`);
		expect(readFiles(machine.path("mine"))).toEqual({ "kept.json": '{"b": 1}' });
		expect(await p.entry("x.json").json()).toEqual({ a: 1 });
	});

	test("tells progress whose bytes add up", async () => {
		const machine = newMachine();
		const p = await packageOf(machine, "data", { a: "abc", b: "de" });
		const events: ProgressEvent[] = [];
		await p.push("team/data", machine.path("registry"), { onProgress: (event) => events.push(event) });
		const copy = events.filter((event) => "phase" in event && event.phase === "copy");
		expect(copy[0]).toEqual({ kind: "started", phase: "copy", files: 2, bytes: 5 });
		expect(copy.at(-1)).toEqual({ kind: "finished", phase: "copy" });
		expect(copy.reduce((sum, event) => sum + (event.kind === "advanced" ? event.bytes : 0), 0)).toBe(5);
		expect(copy).toContainEqual({ kind: "settled", phase: "copy", key: "b", how: "copied" });
	});

	test("counts what it has put beside files that an interrupted push had put already", async () => {
		const store = new MemoryStore();
		const machine = newMachine();
		await (await packageOf(machine, "before", { a: "old" })).push("team/data", store);
		await store.put("team/data/there", new TextEncoder().encode("there"));
		await store.put("team/data/twin", new TextEncoder().encode("other"));
		const p = await packageOf(machine, "data", { a: "new", there: "there", other: "other", twin: "other" });
		const events: ProgressEvent[] = [];
		const { copied, reused, displaced } = await pushPackage(p, "team/data", {
			registry: store,
			force: true,
			onProgress: (event) => events.push(event),
		});
		expect([copied, reused]).toEqual([
			{ files: 2, bytes: 8 },
			{ files: 2, bytes: 10 },
		]);
		expect(displaced.map(({ key }) => key)).toEqual(["a"]);
		expect(events.reduce((sum, event) => sum + (event.kind === "advanced" ? event.bytes : 0), 0)).toBe(18);
		const settled = events.flatMap((event) => (event.kind === "settled" ? [[event.key, event.how]] : []));
		expect(Object.fromEntries(settled)).toEqual({
			a: "copied",
			other: "copied",
			there: "reused",
			twin: "reused",
		});
		expect(settled).toHaveLength(4);
	});

	test("stops at the signal with no pointer", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const p = await packageOf(machine, "data", { a: "a" });
		await failure(p.push("team/data", registry, { signal: AbortSignal.abort() }), "Aborted");
		expect(readFiles(registry)).toEqual({});
	});

	test("works on any store, and reads back from it", async () => {
		const machine = newMachine();
		const store = new MemoryStore();
		const p = await packageOf(machine, "data", { "d/a b": "a" });
		const pushed = await p.push("team/data", store, { message: "m" });
		expect(pushed.get("d/a b")).toBe("s3://memory/team/data/d/a%20b");
		expect(await pushed.entry("d/a b").text()).toBe("a");
		const browsed = await Package.browse("team/data", { registry: store });
		expect(await browsed.entry("d/a b").text()).toBe("a");
		machine.moved.reset();
		expect((await pushPackage(browsed, "team/data", { registry: store })).changed).toBe(true);
		expect(machine.moved.copied).toBe(0);
	});
});

describe("push() from one registry to another", () => {
	test.for(["directory", "store"] as const)("copies from a %s", async (kind) => {
		const machine = newMachine();
		const from = kind === "store" ? new MemoryStore() : machine.path("from");
		await (await packageOf(machine, "data", { a: "a" })).push("team/data", from);
		rmSync(machine.path("data"), { recursive: true });
		const browsed = await Package.browse("team/data", { registry: from });
		const pushed = await browsed.push("team/data", machine.path("to"));
		expect(readFiles(machine.path("to"), ours)).toEqual({ "team/data/a": "a" });
		expect(pushed.topHash).toBe(browsed.topHash);
	});

	test.for(["directory", "store"] as const)(
		"without copying leaves a package that reads from the first %s",
		async (kind) => {
			const machine = newMachine();
			const from =
				kind === "store"
					? new MemoryStore({ root: { kind: "s3", bucket: "from", key: "" } })
					: machine.path("from");
			await (await packageOf(machine, "data", { a: "a" })).push("team/data", from);
			const browsed = await Package.browse("team/data", { registry: from });
			const pushed = await browsed.push("team/data", new MemoryStore(), { selector: "none" });
			expect(pushed.get("a")).toBe(browsed.get("a"));
			expect(await pushed.entry("a").text()).toBe("a");
			const again = await new Package().set("b", pushed.entry("a"));
			expect(await again.entry("b").text()).toBe("a");
		},
	);
});

describe("push() never overwrites", () => {
	test("a changed file lands beside, and the old revision still installs its bytes", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const p = await packageOf(machine, "data", { "d/a": "one", b: "b" });
		const one = (await p.push("team/data", registry)).topHash;
		await p.set("d/a", machine.folder("more", { a: "two" }) + "/a");
		const result = await pushPackage(p, "team/data", { registry });
		const place = displaced("d/a", "two");
		expect(result.displaced).toEqual([{ key: "d/a", physicalKey: `file://${registry}/${place}` }]);
		expect(readFiles(registry, [".bale/authors", ".quilt"])).toEqual({
			"team/data/d/a": "one",
			"team/data/b": "b",
			[place]: "two",
		});
		expect(await installed(machine, registry, one)).toEqual({ "d/a": "one", b: "b" });
		expect(await installed(machine, registry, result.topHash)).toEqual({ "d/a": "two", b: "b" });
	});

	test("going back and forth uses what is there", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const folders = { one: machine.folder("one", { a: "one" }), two: machine.folder("two", { a: "two" }) };
		const p = new Package();
		for (const which of ["one", "two", "one", "two"] as const) {
			await p.set("a", `${folders[which]}/a`);
			const pushed = await p.push("team/data", registry);
			expect(await pushed.entry("a").text()).toBe(which);
		}
		expect(readFiles(registry, [".bale/authors", ".quilt"])).toEqual({
			"team/data/a": "one",
			[displaced("a", "two")]: "two",
		});
	});

	test("a displaced file stays where it is when the next push changes others", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const p = await packageOf(machine, "data", { a: "one", b: "one" });
		await p.push("team/data", registry);
		await p.set("a", machine.folder("two", { a: "two" }) + "/a");
		await p.push("team/data", registry);
		await p.set("b", machine.folder("three", { b: "three" }) + "/b");
		const { copied, reused } = await pushPackage(p, "team/data", { registry });
		expect([copied.files, reused.files]).toEqual([1, 1]);
	});

	test("a file where an older revision has a directory, and the reverse, lands beside", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const first = await packageOf(machine, "first", { "a/b": "below", c: "file" });
		const one = (await first.push("team/data", registry)).topHash;
		const second = await packageOf(machine, "second", { a: "file now", "c/d": "below now" });
		const two = (await second.push("team/data", registry, { force: true })).topHash;
		expect(readFiles(registry, [".bale/authors", ".quilt"])).toEqual({
			"team/data/a/b": "below",
			"team/data/c": "file",
			[displaced("a", "file now")]: "file now",
			[displaced("c/d", "below now")]: "below now",
		});
		expect(await installed(machine, registry, one)).toEqual({ "a/b": "below", c: "file" });
		expect(await installed(machine, registry, two)).toEqual({ a: "file now", "c/d": "below now" });
	});

	test("a file of the registry that was changed by hand is noticed and not used", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const p = await packageOf(machine, "data", { a: "good" });
		await p.push("team/data", registry);
		writeFileSync(`${registry}/team/data/a`, "evil");
		const { package: pushed } = await pushPackage(p, "team/data", { registry });
		expect(await pushed.entry("a").text()).toBe("good");
		expect(readFileSync(`${registry}/team/data/a`, "utf8")).toBe("evil");
		expect(await (await Package.browse("team/data", { registry })).entry("a").text()).toBe("good");
	});

	test("a file of the registry that is gone is put back", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const p = await packageOf(machine, "data", { a: "good" });
		await p.push("team/data", registry);
		rmSync(`${registry}/team/data/a`);
		await p.push("team/data", registry);
		expect(readFileSync(`${registry}/team/data/a`, "utf8")).toBe("good");
	});

	test("a symlink out of the registry is not followed", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const outside = machine.folder("outside", { kept: "kept" });
		mkdirSync(`${registry}/team`, { recursive: true });
		symlinkSync(outside, `${registry}/team/data`);
		const p = await packageOf(machine, "data", { a: "a" });
		await failure(p.push("team/data", registry), "UnsafeDestination");
		expect(readFiles(outside)).toEqual({ kept: "kept" });
		expect(readFiles(registry, [".bale/", "team/data/"])).toEqual({ "team/data": `-> ${outside}` });
	});
});

describe("push() with dest", () => {
	test.for(["", "/"])("a prefix gets the keys without the package's name (slash: %j)", async (slash) => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const p = await packageOf(machine, "data", { "d/a": "a" });
		await p.push("team/data", registry, { dest: `${registry}/some/where${slash}` });
		expect(readFiles(registry, ours)).toEqual({ "some/where/d/a": "a" });
	});

	test("the registry's root itself is a prefix", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const p = await packageOf(machine, "data", { "d/a": "a" });
		await p.push("team/data", registry, { dest: `file://${registry}` });
		expect(readFiles(registry, ours)).toEqual({ "d/a": "a" });
	});

	test("a function gives each file's URL", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const p = await packageOf(machine, "data", { "d/a": "abc", b: "b" });
		await p.push("team/data", registry, {
			dest: (key, { size, physicalKey }) => {
				expect(physicalKey).toContain("/data/");
				return `file://${registry}/by-size/${size}/${key.replaceAll("/", "-")}`;
			},
		});
		expect(readFiles(registry, ours)).toEqual({ "by-size/3/d-a": "abc", "by-size/1/b": "b" });
	});

	test.for([
		["outside of the registry", (registry: string) => `${registry}-2/x`, "InvalidArgument"],
		["a bucket", () => "s3://bucket/x", "InvalidArgument"],
		["a function that gives no text", () => () => 5, "InvalidArgument"],
		["a function that gives a path", () => (key: string) => `/tmp/${key}`, "UnsupportedScheme"],
		[
			"a function that leads outside",
			(registry: string) => (key: string) => `file://${registry}/../${key}`,
			"InvalidArgument",
		],
		["two files at one place", (registry: string) => () => `file://${registry}/x`, "KeyCollision"],
	] as const)("refuses %s, with nothing copied", async ([, dest, code]) => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const p = await packageOf(machine, "data", { a: "a", b: "b" });
		await failure(p.push("team/data", registry, { dest: dest(registry) as string }), code);
		expect(readFiles(registry)).toEqual({});
	});

	test("refuses a name that the directory cannot keep before anything is copied", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const p = new Package();
		const folder = machine.folder("data", { a: "a" });
		await p.set("a", `${folder}/a`);
		await p.set("n".repeat(300), `${folder}/a`);
		await failure(p.push("team/data", registry), "UnportableKey");
		expect(existsSync(`${registry}/team`)).toBe(false);
	});

	test.for([".quilt/packages", ".bale/objects", ".quilt"])(
		"refuses places in the registry's own folder %s",
		async (place) => {
			const machine = newMachine();
			const registry = machine.path("registry");
			const p = await packageOf(machine, "data", { a: "a" });
			await failure(p.push("team/data", registry, { dest: `${registry}/${place}` }), "ReservedKey");
			expect(readFiles(registry)).toEqual({});
		},
	);

	test("refuses two registries at once", async () => {
		const machine = newMachine();
		await failure(
			new Package().push("team/data", machine.path("one"), { registry: machine.path("two") }),
			"InvalidArgument",
		);
	});
});

describe("push() with a selector", () => {
	test.for([
		["missing", ["outside", "object"]],
		["all", ["outside", "object", "inside"]],
		["local", ["outside", "object"]],
		["none", []],
		[(key: string) => key === "outside", ["outside"]],
	] as const)("%s copies what it says and leaves other physical keys", async ([selector, copied]) => {
		const machine = newMachine();
		const registry = machine.path("registry");
		machine.folder("registry/shared", { inside: "i" });
		const p = await packageOf(machine, "data", { outside: "o" });
		await p.set("inside", `${registry}/shared/inside`);
		await p.set("object", new Blob(["x"]));
		const before = new Map(Array.from(p.walk(), ([key, entry]) => [key, entry.physicalKey]));
		const pushed = await p.push("team/data", registry, { selector });
		for (const [key, entry] of pushed.walk()) {
			const here = `file://${registry}/team/data/${key}`;
			expect([key, entry.physicalKey]).toEqual([key, copied.includes(key as never) ? here : before.get(key)]);
			expect(entry.hash).toBeDefined();
		}
	});
});

describe("conflicts of push()", () => {
	test("a package that does not come from the latest revision conflicts, unless forced", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const theirs = await new Package().push("team/data", registry, { message: "theirs" });
		const p = await packageOf(machine, "data", { a: "a" });
		const before = snapshot(registry);
		const error = await failure(p.push("team/data", registry), "Conflict");
		expect(error.details).toMatchObject({
			found: theirs.topHash,
			publishedBy: "ada@example",
			message: "theirs",
		});
		expect(snapshot(registry)).toEqual(before);
		await p.push("team/data", registry, { force: true });
		expect((await Package.browse("team/data", { registry })).has("a")).toBe(true);
	});

	test("a package that was browsed, installed or pushed may follow its revision", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const first = await new Package().push("team/data", registry);
		await first.setMeta({ n: 1 }).push("team/data", registry);
		const browsed = await Package.browse("team/data", { registry });
		const after = await browsed.setMeta({ n: 2 }).push("team/data", registry);
		await browsed.setMeta({ n: 3 }).push("team/data", registry);
		await failure(
			after
				.setMeta({ n: 4 })
				.filter(() => true)
				.push("team/data", registry),
			"Conflict",
		);
		const own = await Package.install("team/data", { registry, dest: machine.path("there") });
		await own.setMeta({ n: 5 }).push("team/data", registry);
		expect((await Package.browse("team/data", { registry })).meta).toEqual({ n: 5 });
	});

	test("latest that moves during the copying is a conflict, and no pointer names the new manifest", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const base = await new Package().push("team/data", registry);
		await base.set("a", machine.folder("data", { a: "a" }) + "/a");
		const moved = base.push("team/data", registry, {
			onProgress: (event) => {
				if (event.kind !== "started" || event.phase !== "copy") return;
				// Another client, in the meantime.
				writeFileSync(`${registry}/.quilt/named_packages/team/data/latest`, "f".repeat(64));
			},
		});
		await failure(moved, "Conflict");
		const left = readFiles(`${registry}/.quilt/named_packages`);
		expect(Object.keys(left)).toEqual(["team/data/1700000000", "team/data/latest"]);
	});

	test("pushing again what is latest already succeeds, also from a new process", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const files = { a: "a", "d/b": "b" };
		const first = await (
			await packageOf(machine, "data", files)
		).push("team/data", registry, { message: "m" });
		// As after a crash between the last write and the answer: nobody remembers the first push.
		const again = await packageOf(machine, "data", files);
		const before = snapshot(`${registry}/.quilt`);
		const result = await pushPackage(again, "team/data", { registry, message: "m" });
		expect([result.topHash, result.changed]).toEqual([first.topHash, false]);
		expect(snapshot(`${registry}/.quilt`)).toEqual(before);
		await failure(
			(await packageOf(machine, "data", { a: "A" })).push("team/data", registry, { message: "m" }),
			"Conflict",
		);
	});

	test("dedupe gives the same object back when nothing changed", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const p = await (await packageOf(machine, "data", { a: "a" })).push("team/data", registry);
		expect(await p.push("team/data", registry, { dedupe: true })).toBe(p);
		expect(await p.push("team/data", registry)).not.toBe(p);
	});
});

describe("push() of a source that changed after set()", () => {
	test.for([
		["grew", (path: string) => writeFileSync(path, "longer than before"), "SourceChanged"],
		["shrank", (path: string) => writeFileSync(path, "x"), "SourceChanged"],
		["vanished", (path: string) => rmSync(path), "ObjectNotFound"],
		[
			"became a directory",
			(path: string) => {
				rmSync(path);
				mkdirSync(path);
			},
			"NotAFile",
		],
	] as const)("%s: a typed error that names it, and no manifest or pointer", async ([, change, code]) => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const p = await packageOf(machine, "data", { "some/file": "content" });
		change(machine.path("data/some/file"));
		const error = await failure(p.push("team/data", registry), code);
		expect(`${error.message} ${JSON.stringify(error.details)}`).toContain("some/file");
		expect(readFiles(registry, [".bale/"])).toEqual({});
	});

	test("content of the same size that changed after build() is hashed again and published as it is now", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const p = await packageOf(machine, "data", { a: "one" });
		await p.build("team/data", machine.path("local"));
		writeFileSync(machine.path("data/a"), "two");
		const pushed = await p.push("team/data", registry);
		expect(pushed.entry("a").hash?.value).toBe(chunkedHash("two"));
		expect(await pushed.entry("a").text()).toBe("two");
	});

	test("content that changed after browse() is not what is published", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		await (await packageOf(machine, "data", { a: "one" })).build("team/data", machine.path("local"));
		writeFileSync(machine.path("data/a"), "two");
		const browsed = await Package.browse("team/data", { registry: machine.path("local") });
		await failure(browsed.push("team/data", registry), "IntegrityMismatch");
		expect(readFiles(registry, [".bale/"])).toEqual({});
	});
});

describe("push() refuses before anything is copied", () => {
	test("a key with NUL", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const p = await packageOf(machine, "data", { a: "a" });
		await p.set("x\0y", { b: 1 });
		const before = snapshot(machine.root);
		for (const work of [() => p.push("team/data", registry), () => p.build("team/data", registry)]) {
			const error = await failure(work(), "InvalidKey");
			expect(error.message).toContain("x\\u0000y");
		}
		expect(snapshot(machine.root)).toEqual(before);
	});

	test.for(["../x", "a//b", "/abs", "a/", ""])("a loaded manifest with the key %j", async (key) => {
		const machine = newMachine();
		const folder = machine.folder("data", { a: "a" });
		const p = await Package.load(
			`{"version": "v0"}\n${JSON.stringify(entryLine(key, `${folder}/a`, "a"))}\n`,
		);
		expect((await failure(p.push("team/data", machine.path("registry")), "InvalidKey")).details["key"]).toBe(
			key,
		);
		expect(readFiles(machine.path("registry"))).toEqual({});
	});
});
