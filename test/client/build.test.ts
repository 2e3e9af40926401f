/** Building: what is written, what is refused, and who conflicts with whom. */
import { readFileSync, rmSync, statSync, writeFileSync, symlinkSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import {
	buildPackage,
	DirectoryStore,
	listPackageVersions,
	MemoryStore,
	Package,
	type ProgressEvent,
} from "../../src/index.ts";
import { failure } from "./support/failure.ts";
import { chunkedHash, listed, readFiles, snapshot } from "./support/files.ts";
import { newMachine } from "./support/machine.ts";
import { RecordingStore } from "./support/recording-store.ts";

describe("Package.build()", () => {
	test("hashes what has no hash, copies nothing and changes no physical key", async () => {
		const machine = newMachine();
		const folder = machine.folder("data", { a: "a", empty: "" });
		const p = await new Package().setDir(".", folder);
		const registry = machine.path("registry");
		const topHash = await p.build("team/data", registry, { message: "first" });
		expect(p.topHash).toBe(topHash);
		expect([p.message, p.get("a")]).toEqual(["first", `file://${folder}/a`]);
		expect(p.entry("a").hash).toEqual({ type: "sha2-256-chunked", value: chunkedHash("a") });
		expect(p.entry("empty").hash?.value).toBe("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
		expect(machine.moved).toMatchObject({ hashed: 2, copied: 0 });
		expect(Object.keys(readFiles(registry, [".bale"]))).toEqual([
			".quilt/named_packages/team/data/1700000000",
			".quilt/named_packages/team/data/latest",
			`.quilt/packages/${topHash}`,
		]);
		expect(readFileSync(`${registry}/.quilt/named_packages/team/data/latest`, "utf8")).toBe(topHash);
	});

	test("hashes again only the files that were touched since", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const folder = machine.folder("data", { a: "one", b: "one" });
		const p = await new Package().setDir(".", folder, { meta: {} });
		await p.build("team/data", registry);
		machine.moved.reset();
		await p.build("team/data", registry, { message: "again" });
		expect(machine.moved.hashed).toBe(0);
		writeFileSync(`${folder}/a`, "two");
		await p.build("team/data", registry);
		expect(machine.moved.hashed).toBe(1);
		expect(p.entry("a").hash?.value).toBe(chunkedHash("two"));
	});

	test("reads only files that were touched, also when another package object is made of them", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const folder = machine.folder("data", { a: "one", "b/c": "one", "b/d": "two" });
		await sleep(200);
		const build = async (options: { hash?: boolean; cache?: boolean } = {}): Promise<string> => {
			machine.moved.reset();
			const p = await new Package().setDir(".", folder, options);
			return p.build("team/data", registry, options);
		};
		const first = await build();
		expect(machine.moved.hashed).toBe(3);
		for (const options of [{}, { hash: true }]) {
			expect(await build(options)).toBe(first);
			expect(machine.moved.hashed).toBe(0);
		}
		expect(await build({ cache: false })).toBe(first);
		expect(machine.moved.hashed).toBe(3);
		writeFileSync(`${folder}/b/c`, "two");
		const second = await build({ hash: true });
		expect(machine.moved.hashed).toBe(1);
		expect(second).not.toBe(first);
		expect(await build({ hash: true, cache: false })).toBe(second);
	});

	test("setDir() with hash gives the hashes of the files, in the order of a walk or not", async () => {
		const machine = newMachine();
		const files = Object.fromEntries(
			Array.from({ length: 700 }, (_, n) => [`d${n % 7}/f${n}`, `content ${n}`]),
		);
		const folder = machine.folder("data", files);
		const events: ProgressEvent[] = [];
		const p = await new Package().setDir("x", folder, {
			hash: true,
			exclude: ["d3/*"],
			onProgress: (event) => events.push(event),
		});
		const kept = Object.entries(files).filter(([key]) => !key.startsWith("d3/"));
		expect([...p.walk()]).toHaveLength(kept.length);
		for (const [key, text] of kept) expect(p.entry(`x/${key}`).hash?.value).toBe(chunkedHash(text));
		expect(events.filter(({ kind }) => kind === "settled")).toHaveLength(kept.length);
		writeFileSync(`${folder}/d0/f0`, "changed 0");
		await p.build("team/data", machine.path("registry"));
		expect(p.entry("x/d0/f0").hash?.value).toBe(chunkedHash("changed 0"));
	});

	test("a folder that was set hashed is the same package as one set and hashed at the build", async () => {
		const machine = newMachine();
		const outside = machine.folder("outside", { "with space": "w" });
		const folder = machine.folder("data", {
			"a b": "1",
			"a/b": "2",
			"a-b": "3",
			'q"uo\\te\n': "4",
			"é/\u{1f600}": "5",
			"é/\uff5e": "6",
			"%41?#": "",
			"deep/er/x": "7",
		});
		symlinkSync(`${outside}/with space`, `${folder}/link`);
		const plain = await new Package().setDir(".", folder);
		const quick = await new Package().setDir(".", folder, { hash: true });
		const registry = machine.path("registry");
		const topHash = await plain.build("team/plain", registry);
		expect(await quick.build("team/quick", registry)).toBe(topHash);
		expect([...quick.manifest()]).toEqual([...plain.manifest()]);
		expect(quick.diff(plain)).toEqual({ added: [], modified: [], deleted: [] });
		expect(quick.get("link")).toBe(plain.get("link"));
		quick.delete("a/b");
		await quick.set("deep/er/y", `${folder}/a b`);
		expect(await quick.build("team/quick", registry)).not.toBe(topHash);
		expect(Array.from(quick.walk(), ([key]) => key)).toContain("deep/er/y");
	});

	test("a hashed folder, and what was taken from it, notices files that were touched since", async () => {
		const machine = newMachine();
		const folder = machine.folder("data", { a: "one", "b/c": "one" });
		const p = await new Package().setDir(".", folder, { hash: true });
		const part = p.filter((key) => key === "b/c");
		writeFileSync(`${folder}/b/c`, "two");
		for (const of of [p, part]) {
			await of.build("team/data", machine.path("registry"));
			expect(of.entry("b/c").hash?.value).toBe(chunkedHash("two"));
		}
		expect(p.entry("a").hash?.value).toBe(chunkedHash("one"));
	});

	test("two folders that are set hashed at once are both in the package", async () => {
		const machine = newMachine();
		const p = new Package();
		const [one, two] = [machine.folder("one", { a: "a", b: "1" }), machine.folder("two", { b: "2", c: "c" })];
		await Promise.all([p.setDir(".", one, { hash: true }), p.setDir(".", two, { hash: true })]);
		expect(Array.from(p.walk(), ([key]) => key)).toEqual(["a", "b", "c"]);
	});

	test("never hashes what came with a hash", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const p = await new Package().setDir(".", machine.folder("data", { a: "one" }), { meta: {} });
		const topHash = await p.build("team/data", registry);
		writeFileSync(machine.path("data/a"), "two");
		machine.moved.reset();
		const browsed = await Package.browse("team/data", { registry });
		expect(await browsed.build("team/data", machine.path("other"))).toBe(topHash);
		expect(machine.moved.hashed).toBe(0);
	});

	test("writes manifest, timestamp and latest in this order", async () => {
		const machine = newMachine();
		const store = new RecordingStore(new DirectoryStore(machine.path("registry")));
		const topHash = await new Package().build("team/data", store);
		expect(store.log.filter((line) => line.includes(".quilt"))).toEqual([
			`put .quilt/packages/${topHash}`,
			"put .quilt/named_packages/team/data/1700000000",
			"put .quilt/named_packages/team/data/latest",
		]);
	});

	test("the same content again adds no pointer and no file", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const p = await new Package().set("a.json", { a: 1 });
		await p.build("team/data", registry, { message: "m" });
		const before = snapshot(registry);
		machine.clock.now += 60_000;
		const again = await buildPackage(p, "team/data", registry, { message: "m" });
		expect([again.changed, again.pointer]).toEqual([false, undefined]);
		expect(snapshot(registry)).toEqual(before);
	});

	test("adds a pointer for the same revision when another one was latest", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		for (const message of ["one", "two", "one"])
			await new Package().build("team/data", registry, { message });
		expect(await listed(listPackageVersions("team/data", registry))).toHaveLength(4);
	});

	test("message: a text is stored, null and absent are null, header fields keep their order", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const p = new Package();
		const header = (): unknown => [...p.manifest()][0];
		await p.build("team/data", registry);
		expect(header()).toEqual({ version: "v0", message: null });
		await p.setMeta({ a: 1 }).build("team/data", registry, { message: "two" });
		expect(Object.keys(header() as object)).toEqual(["version", "message", "user_meta"]);
		await failure(p.build("team/data", registry, { message: 5 as unknown as string }), "InvalidArgument");
		expect(p.message).toBe("two");
	});

	test("works on any store, here in memory", async () => {
		newMachine();
		const store = new MemoryStore();
		const topHash = await new Package().setMeta({ a: 1 }).build("team/data", store);
		expect((await Package.browse("team/data", { registry: store })).topHash).toBe(topHash);
	});

	test("builds what it loaded, with foreign physical keys and old hashes, as it is", async () => {
		const machine = newMachine();
		const line =
			'{"logical_key": "a", "physical_keys": ["s3://bucket/a?versionId=v"], "size": 1, "hash": {"type": "SHA256", "value": "ff"}, "meta": {}}';
		const p = await Package.load(`{"version": "v0", "message": null}\n${line}\n`);
		const topHash = await p.build("team/data", machine.path("registry"));
		expect(readFileSync(machine.path("registry/.quilt/packages", topHash), "utf8")).toContain(`${line}\n`);
	});

	test("tells progress, and stops at the signal with nothing written", async () => {
		const machine = newMachine();
		const p = await new Package().setDir(".", machine.folder("data", { a: "abc" }));
		const registry = machine.path("registry");
		await failure(p.build("team/data", registry, { signal: AbortSignal.abort() }), "Aborted");
		expect(readFiles(registry)).toEqual({});
		const events: ProgressEvent[] = [];
		await p.build("team/data", registry, { onProgress: (event) => events.push(event) });
		expect(events[0]).toEqual({ kind: "started", phase: "hash", files: 1, bytes: 3 });
		expect(events).toContainEqual({ kind: "settled", phase: "hash", key: "a", how: "hashed" });
		const counted = events.reduce((sum, event) => sum + (event.kind === "advanced" ? event.bytes : 0), 0);
		expect(counted).toBe(3);
		expect(events.at(-1)).toEqual({ kind: "finished", phase: "hash" });
	});

	test("dryRun says the top hash and writes nothing", async () => {
		const machine = newMachine();
		const p = await new Package().setDir(".", machine.folder("data", { a: "a" }));
		const registry = machine.path("registry");
		const planned = await buildPackage(p, "team/data", registry, { dryRun: true, message: "m" });
		expect(planned).toMatchObject({ changed: true, dryRun: true, files: 1, bytes: 1, name: "team/data" });
		expect(readFiles(registry)).toEqual({});
		expect([p.entry("a").hash, p.message]).toEqual([undefined, undefined]);
		expect(await p.build("team/data", registry, { message: "m" })).toBe(planned.topHash);
		const again = await buildPackage(p, "team/data", registry, { dryRun: true, message: "m" });
		expect(again.changed).toBe(false);
	});

	test("buildPackage() tells name, top hash, registry, pointer, files and bytes", async () => {
		const machine = newMachine();
		const p = await new Package().setDir("d", machine.folder("data", { a: "abc", b: "d" }));
		const { package: published, ...result } = await buildPackage(p, "team/data", machine.path("registry"));
		expect(result).toEqual({
			name: "team/data",
			topHash: p.topHash,
			registry: `file://${machine.path("registry")}`,
			pointer: "1700000000",
			changed: true,
			dryRun: false,
			files: 2,
			bytes: 4,
		});
		expect(published.topHash).toBe(p.topHash);
	});
});

describe("build() of a source that changed after set()", () => {
	test.for([
		["grew", (path: string) => writeFileSync(path, "longer than before"), "SourceChanged"],
		["shrank", (path: string) => writeFileSync(path, ""), "SourceChanged"],
		["vanished", (path: string) => rmSync(path), "ObjectNotFound"],
	] as const)("%s: a typed error that names it, no manifest and no pointer", async ([, change, code]) => {
		const machine = newMachine();
		const folder = machine.folder("data", { "some/file": "content" });
		const p = await new Package().setDir(".", folder);
		change(`${folder}/some/file`);
		const error = await failure(p.build("team/data", machine.path("registry")), code);
		expect(`${error.message} ${JSON.stringify(error.details)}`).toContain("some/file");
		expect(readFiles(machine.path("registry"))).toEqual({});
		expect(p.entry("some/file").hash).toBeUndefined();
	});
});

describe("conflicts of build()", () => {
	test("a new package adds a revision after whatever is there", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const hashes: string[] = [];
		for (const message of ["one", "two", "three"]) {
			hashes.push(await new Package().build("team/data", registry, { message }));
		}
		expect((await listed(listPackageVersions("team/data", registry))).map(([, topHash]) => topHash)).toEqual([
			...hashes,
			hashes.at(-1),
		]);
	});

	test("a package that was browsed conflicts when latest moved meanwhile, unless forced", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const base = await new Package().build("team/data", registry, { message: "base" });
		const mine = await Package.browse("team/data", { registry });
		machine.clock.now += 30_000;
		const theirs = await new Package().build("team/data", registry, { message: "theirs" });
		const before = snapshot(registry);
		const error = await failure(mine.setMeta({ a: 1 }).build("team/data", registry), "Conflict");
		expect(error.details).toEqual({
			name: "team/data",
			registry: `file://${registry}`,
			found: theirs,
			expected: [base],
			publishedAt: "2023-11-14T22:13:50.000Z",
			publishedBy: "ada@example",
			message: "theirs",
			changes: { added: 0, modified: 0, deleted: 0, keys: [] },
		});
		expect(snapshot(registry)).toEqual(before);
		expect(mine.message).toBe("base");
		await mine.build("team/data", registry, { force: true });
		expect((await Package.browse("team/data", { registry })).meta).toEqual({ a: 1 });
	});

	test("a package may be built again and again by who built it", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		await new Package().build("team/data", registry);
		const p = await Package.browse("team/data", { registry });
		for (const n of [1, 2, 3]) await p.setMeta({ n }).build("team/data", registry);
		expect((await Package.browse("team/data", { registry })).meta).toEqual({ n: 3 });
	});

	test("what was browsed from one registry adds a revision in another", async () => {
		const machine = newMachine();
		await new Package().build("team/data", machine.path("one"));
		await new Package().build("team/data", machine.path("two"), { message: "other" });
		const p = await Package.browse("team/data", { registry: machine.path("one") });
		await p.setMeta({ n: 1 }).build("team/data", machine.path("two"));
		expect((await Package.browse("team/data", { registry: machine.path("two") })).meta).toEqual({ n: 1 });
	});

	test("a package that was deleted meanwhile is no conflict", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		await new Package().build("team/data", registry);
		const p = await Package.browse("team/data", { registry });
		rmSync(`${registry}/.quilt/named_packages`, { recursive: true });
		await p.setMeta({ n: 1 }).build("team/data", registry);
	});
});

describe("build() over damage", () => {
	test("writes a damaged manifest anew when the same content is built", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const topHash = await new Package().build("team/data", registry);
		const manifest = `${registry}/.quilt/packages/${topHash}`;
		for (const damage of ["", '{"version": "v0"', "garbage"]) {
			writeFileSync(manifest, damage);
			const warned: ProgressEvent[] = [];
			await new Package().build("team/data", registry, { onProgress: (event) => warned.push(event) });
			expect(readFileSync(manifest, "utf8")).toBe('{"version": "v0", "message": null}\n');
			expect(warned.filter(({ kind }) => kind === "warning")).toHaveLength(1);
		}
	});

	test("keeps a good manifest as it is: older pointers name it too", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const p = await new Package().setDir(".", machine.folder("one", { a: "a" }), { meta: {} });
		const topHash = await p.build("team/data", registry);
		const manifest = `${registry}/.quilt/packages/${topHash}`;
		const { ino } = statSync(manifest);
		const q = await new Package().setDir(".", machine.folder("two", { a: "a" }), { meta: {} });
		expect(await q.build("team/data", registry)).toBe(topHash);
		expect(statSync(manifest).ino).toBe(ino);
		expect(readFileSync(manifest, "utf8")).toContain("/one/a");
	});

	test("points a manifest to the new files when the old ones are gone", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const p = await new Package().setDir(".", machine.folder("one", { a: "a" }), { meta: {} });
		const topHash = await p.build("team/data", registry);
		rmSync(machine.path("one"), { recursive: true });
		const q = await new Package().setDir(".", machine.folder("two", { a: "a" }), { meta: {} });
		await q.build("team/data", registry);
		expect(readFileSync(`${registry}/.quilt/packages/${topHash}`, "utf8")).toContain("/two/a");
		expect(await listed(listPackageVersions("team/data", registry))).toHaveLength(2);
	});

	test.for(["", "garbage"])("writes a latest anew that holds %j", async (text) => {
		const machine = newMachine();
		const registry = machine.path("registry");
		await new Package().build("team/data", registry, { message: "one" });
		const p = await Package.browse("team/data", { registry });
		writeFileSync(`${registry}/.quilt/named_packages/team/data/latest`, text);
		await failure(Package.browse("team/data", { registry }), "CorruptPointer");
		await p.setMeta({ n: 1 }).build("team/data", registry);
		expect((await Package.browse("team/data", { registry })).meta).toEqual({ n: 1 });
	});
});

describe("workflow", () => {
	test("asking for one where none is configured is refused, also for null", async () => {
		const machine = newMachine();
		for (const workflow of ["checked", null]) {
			const error = await failure(
				new Package().build("team/data", machine.path("registry"), { workflow }),
				"InvalidArgument",
			);
			expect(error.message).toContain("workflow");
		}
		expect(readFiles(machine.path("registry"))).toEqual({});
	});

	test("an old one is taken out of the header", async () => {
		const machine = newMachine();
		const p = await Package.load('{"version": "v0", "workflow": {"id": "x"}, "message": "m"}\n');
		await p.build("team/data", machine.path("registry"));
		expect(p.workflow).toBeUndefined();
	});

	test("a registry with a configuration that cannot be used can be read but not written", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		await new Package().build("team/data", registry);
		machine.folder("registry/.quilt/workflows", { "config.yml": "version: '1'\n" });
		const before = snapshot(registry);
		const p = await Package.browse("team/data", { registry });
		const error = await failure(p.setMeta({ n: 1 }).build("team/data", registry), "InvalidWorkflow");
		expect(error.exitCode).toBe(14);
		await failure(p.push("team/data", registry), "InvalidWorkflow");
		expect(snapshot(registry)).toEqual(before);
	});
});
