/** `push({ rebase: true })`: two writers of one package, and what becomes of both sides' changes. */
import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { MemoryStore, Package, pushPackage, type PushOptions } from "../../src/index.ts";
import { failure } from "./support/failure.ts";
import { readFiles, type Files } from "./support/files.ts";
import { newMachine, type Machine } from "./support/machine.ts";

const name = "team/data";

async function packageOf(machine: Machine, folder: string, files: Files): Promise<Package> {
	return new Package().setDir(".", machine.folder(folder, files), { meta: { v: 1 } });
}

async function contents(registry: string | MemoryStore): Promise<Record<string, string>> {
	const found: Record<string, string> = {};
	for (const [key, entry] of (await Package.browse(name, { registry })).walk())
		found[key] = await entry.text();
	return found;
}

/** A registry with a first revision, and a package of it for each of two writers. */
async function twoWriters(machine: Machine, files: Files, registry: string | MemoryStore) {
	await (await packageOf(machine, "first", files)).push(name, registry, { message: "first" });
	machine.clock.now += 1_000;
	const [ours, theirs] = [await Package.browse(name, { registry }), await Package.browse(name, { registry })];
	return { ours, theirs };
}

describe.each(["directory", "memory"])("push({ rebase: true }) to a %s", (kind) => {
	const place = (machine: Machine): string | MemoryStore =>
		kind === "memory" ? new MemoryStore() : machine.path("registry");

	test("joins changes of different files, metadata and deletions", async () => {
		const machine = newMachine();
		const registry = place(machine);
		const { ours, theirs } = await twoWriters(machine, { a: "a", b: "b", c: "c", "d/e": "e" }, registry);
		theirs.setMeta({ v: 2 }).delete("c");
		await theirs.set("theirs", new Blob(["t"]));
		const second = await theirs.push(name, registry, { message: "second" });
		await ours.set("a", new Blob(["A"]));
		ours.delete("b");
		const result = await pushPackage(ours, name, { registry, rebase: true, message: "third" });
		expect(result.rebased).toMatchObject({ onto: second.topHash });
		expect(await contents(registry)).toEqual({ a: "A", "d/e": "e", theirs: "t" });
		const latest = await Package.browse(name, { registry });
		expect([latest.topHash, latest.meta, latest.message]).toEqual([result.topHash, { v: 2 }, "third"]);
		expect(result.package.topHash).toBe(result.topHash);
	});

	test("goes on from the package that was pushed, and from the one that it gave", async () => {
		const machine = newMachine();
		const registry = place(machine);
		const { ours, theirs } = await twoWriters(machine, { a: "a" }, registry);
		await (await theirs.set("t", new Blob(["1"]))).push(name, registry);
		const published = await (await ours.set("a", new Blob(["A"]))).push(name, registry, { rebase: true });
		// `ours` knows nothing of `t`: without a rebase it would be lost.
		await failure((await ours.set("a", new Blob(["B"]))).push(name, registry), "Conflict");
		await ours.push(name, registry, { rebase: true });
		expect(await contents(registry)).toEqual({ a: "B", t: "1" });
		await failure(published.push(name, registry), "Conflict");
		await (await published.set("u", new Blob(["U"]))).push(name, registry, { rebase: true });
		expect(await contents(registry)).toEqual({ a: "B", t: "1", u: "U" });
	});

	test("lists what both have changed, before anything is copied", async () => {
		const machine = newMachine();
		const registry = place(machine);
		const { ours, theirs } = await twoWriters(machine, { a: "a", b: "b", same: "s" }, registry);
		await theirs.set("a", new Blob(["theirs"]));
		await theirs.set("same", new Blob(["equal"]));
		await theirs.delete("b").setMeta({ v: 2 }).push(name, registry, { message: "mine" });
		for (const [key, text] of [
			["a", "ours"],
			["b", "B"],
			["same", "equal"],
			["new", "new"],
		] as const)
			await ours.set(key, new Blob([text]));
		ours.setMeta({ v: 3 });
		const copied = machine.moved.copied;
		const error = await failure(ours.push(name, registry, { rebase: true }), "Conflict");
		expect(machine.moved.copied).toBe(copied);
		expect(error.message).toContain("by ada@example");
		expect(error.message).toContain('"a"');
		expect(error.details).toMatchObject({
			publishedBy: "ada@example",
			message: "mine",
			conflictCount: 3,
			conflicts: [
				{ kind: "meta", key: "", base: { v: 1 }, ours: { v: 3 }, theirs: { v: 2 } },
				{ kind: "entry", key: "a", base: { size: 1 }, ours: { size: 4 }, theirs: { size: 6 } },
				{ kind: "entry", key: "b", ours: { size: 1 }, theirs: null },
			],
		});
		expect(await contents(registry)).toEqual({ a: "theirs", same: "equal" });
	});

	test("is an ordinary push when nobody was faster", async () => {
		const machine = newMachine();
		const registry = place(machine);
		const { ours } = await twoWriters(machine, { a: "a" }, registry);
		await ours.set("b", new Blob(["b"]));
		const result = await pushPackage(ours, name, { registry, rebase: true });
		expect(result.rebased).toBeUndefined();
		expect(await contents(registry)).toEqual({ a: "a", b: "b" });
		await (await ours.set("c", new Blob(["c"]))).push(name, registry);
		expect(Object.keys(await contents(registry))).toEqual(["a", "b", "c"]);
	});

	test("loses nothing of eight writers at once", async () => {
		const machine = newMachine();
		const registry = place(machine);
		await (await packageOf(machine, "first", { "0": "0" })).push(name, registry);
		const writers = await Promise.all(
			Array.from({ length: 8 }, async (_, index) => {
				const mine = await Package.browse(name, { registry });
				return mine.set(`w${index}`, new Blob([String(index)]));
			}),
		);
		await Promise.all(writers.map((writer) => writer.push(name, registry, { rebase: true })));
		expect(Object.keys(await contents(registry))).toEqual(["0", ...writers.map((_, index) => `w${index}`)]);
	}, 60_000);
});

describe("push({ rebase: true })", () => {
	test("dryRun tells the top hash of both sides' changes and writes nothing", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const { ours, theirs } = await twoWriters(machine, { a: "a" }, registry);
		await (await theirs.set("t", new Blob(["t"]))).push(name, registry);
		await ours.set("o", new Blob(["o"]));
		const before = readFiles(registry);
		const planned = await pushPackage(ours, name, { registry, rebase: true, dryRun: true });
		expect(readFiles(registry)).toEqual(before);
		const done = await pushPackage(ours, name, { registry, rebase: true });
		expect([planned.topHash, planned.rebased]).toEqual([done.topHash, done.rebased]);
		expect(planned.package.has("t")).toBe(true);
	});

	test("needs a revision that the package comes from", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		await (await packageOf(machine, "first", { a: "a" })).push(name, registry);
		const unrelated = await packageOf(machine, "second", { b: "b" });
		await failure(unrelated.push(name, registry, { rebase: true }), "Conflict");
		await failure(unrelated.push(name, registry, { rebase: true, force: true }), "InvalidArgument");
	});

	test("each folder goes on from its own last revision, also in a new process", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const pushFolder = async (folder: string, more: Partial<PushOptions> = {}) =>
			pushPackage(await new Package().setDir(".", folder, { meta: null }), name, {
				registry,
				rebase: true,
				acceptSeen: true,
				folder,
				...more,
			});
		const one = machine.folder("one", { a: "a", b: "b" });
		await pushFolder(one);
		const two = machine.path("two");
		await Package.install(name, { registry, dest: two });
		writeFileSync(`${two}/b`, "B");
		await pushFolder(two);
		// The first folder has never seen that.
		writeFileSync(`${one}/a`, "A");
		await pushFolder(one);
		expect(await contents(registry)).toEqual({ a: "A", b: "B" });
		writeFileSync(`${one}/a`, "AA");
		await pushFolder(one);
		expect(await contents(registry)).toEqual({ a: "AA", b: "B" });
		writeFileSync(`${two}/a`, "conflict");
		await failure(pushFolder(two), "Conflict");
		expect(readFileSync(`${one}/b`, "utf8")).toBe("b");
	});

	test("so does a package that is in no folder", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const pushValues = async (values: Readonly<Record<string, string>>) => {
			const p = new Package();
			for (const [key, text] of Object.entries(values)) await p.set(key, new Blob([text]));
			return pushPackage(p, name, { registry, rebase: true, acceptSeen: true });
		};
		await pushValues({ a: "a", b: "b" });
		// Another client, which this user knows nothing of.
		const theirs = await (await Package.browse(name, { registry })).set("t", new Blob(["t"]));
		const { topHash } = await theirs.push("team/other", registry, { force: true });
		writeFileSync(`${registry}/.quilt/named_packages/${name}/latest`, topHash);
		for (const text of ["A", "AA"]) await pushValues({ a: text, b: "b" });
		expect(await contents(registry)).toEqual({ a: "AA", b: "b", t: "t" });
	});

	test("sends data once, however often it must try", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const { ours } = await twoWriters(machine, { a: "a" }, registry);
		// A revision that is there but not the latest one.
		const other = await Package.browse(name, { registry });
		const rival = (
			await (await other.set("r", new Blob(["r"]))).push("team/other", registry, { force: true })
		).topHash;
		await ours.set("big", machine.folder("more", { big: "x".repeat(1000) }) + "/big");
		machine.moved.reset();
		let rivals = 0;
		const pushed = await pushPackage(ours, name, {
			registry,
			rebase: true,
			onProgress: (event) => {
				if (event.kind !== "finished" || event.phase !== "copy") return;
				rivals += 1;
				// Another client, in the meantime, that does not look.
				const pointers = `${registry}/.quilt/named_packages/team/data`;
				writeFileSync(`${pointers}/latest`, rival);
			},
		});
		expect(rivals).toBe(1);
		expect(pushed.rebased?.onto).toBe(rival);
		expect(machine.moved.copied).toBe(1);
		expect(Object.keys(await contents(registry))).toEqual(["a", "big", "r"]);
	});

	test("publishes what was the latest revision before and is no more", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const { ours, theirs } = await twoWriters(machine, { a: "a" }, registry);
		const first = theirs.topHash;
		const second = await (await theirs.set("a", new Blob(["same"]))).push(name, registry);
		await ours.set("a", new Blob(["same"]));
		const pushed = await pushPackage(ours, name, {
			registry,
			rebase: true,
			onProgress: (event) => {
				if (event.kind !== "finished" || event.phase !== "copy") return;
				// Another client, in the meantime, takes theirs back.
				writeFileSync(`${registry}/.quilt/named_packages/team/data/latest`, first);
			},
		});
		expect(pushed).toMatchObject({ topHash: second.topHash, changed: true });
		expect((await Package.browse(name, { registry })).topHash).toBe(second.topHash);
	});
});
