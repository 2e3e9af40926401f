/** Installing: what lands where, what is kept, what is refused, and what can be found again. */
import {
	cpSync,
	linkSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	renameSync,
	rmSync,
	statSync,
	symlinkSync,
	utimesSync,
	writeFileSync,
} from "node:fs";
import { describe, expect, test } from "vitest";
import {
	DirectoryStore,
	installPackage,
	listPackages,
	listPackageVersions,
	MemoryStore,
	Package,
	statusOf,
	type InstallResult,
	type ProgressEvent,
} from "../../src/index.ts";
import { servedFolderSettings } from "../../src/core/served-folder.ts";
import { failure } from "./support/failure.ts";
import {
	chunkedHash,
	entryLine,
	listed,
	plantRevision,
	readFiles,
	sha256,
	snapshot,
	type Files,
} from "./support/files.ts";
import { newMachine, type Machine } from "./support/machine.ts";

const name = "team/data";

/** Pushes one revision of these files; its top hash. */
async function push(
	machine: Machine,
	registry: string,
	files: Files,
	folder = `source-${sha256(JSON.stringify(files))}`,
) {
	const p = await new Package().setDir(".", machine.folder(folder, files), { meta: {} });
	return (await p.push(name, registry, { force: true })).topHash;
}

async function install(
	machine: Machine,
	options: Parameters<typeof installPackage>[1] = {},
): Promise<InstallResult> {
	return installPackage(name, {
		registry: machine.path("registry"),
		dest: machine.path("there"),
		...options,
	});
}

describe("Package.install()", () => {
	test("brings the files of the latest revision to dest", async () => {
		const machine = newMachine();
		const topHash = await push(machine, machine.path("registry"), { "a b": "a", "d/e/f": "f", empty: "" });
		const installed = await Package.install(name, {
			registry: machine.path("registry"),
			dest: machine.path("there"),
		});
		expect(installed.topHash).toBe(topHash);
		expect(readFiles(machine.path("there"))).toEqual({ "a b": "a", "d/e/f": "f", empty: "" });
	});

	test("brings an older revision by top hash, prefix or timestamp", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const one = await push(machine, registry, { a: "one" });
		machine.clock.now += 10_000;
		await push(machine, registry, { a: "two" });
		for (const [index, which] of [
			{ topHash: one },
			{ topHash: one.slice(0, 7) },
			{ pointer: "1700000000" },
		].entries()) {
			const dest = machine.path(`there-${index}`);
			expect((await install(machine, { ...which, dest })).topHash).toBe(one);
			expect(readFiles(dest)).toEqual({ a: "one" });
		}
	});

	test("goes to the local registry's folder by default, or to default_install_location", async () => {
		const machine = newMachine();
		await push(machine, machine.path("registry"), { a: "a" });
		const { dest } = await installPackage(name, { registry: machine.path("registry") });
		expect(dest).toBe(`${machine.localRegistry}/team/data`);
		expect(readFiles(machine.localRegistry, [".bale", ".quilt"])).toEqual({ "team/data/a": "a" });
		machine.folder("home/Quilt", {
			"config.yml": `default_install_location: file://${machine.path("installs")}\n`,
		});
		await installPackage(name, { registry: machine.path("registry") });
		expect(readFiles(machine.path("installs"))).toEqual({ "team/data/a": "a" });
	});

	test("records the package in the local registry, or in destRegistry, with the manifest's bytes unchanged", async () => {
		const machine = newMachine();
		const topHash = await push(machine, machine.path("registry"), { a: "a" });
		await install(machine);
		await install(machine, { destRegistry: machine.path("record") });
		const manifest = readFileSync(machine.path("registry/.quilt/packages", topHash));
		for (const record of [machine.localRegistry, machine.path("record")]) {
			expect(readFileSync(`${record}/.quilt/packages/${topHash}`)).toEqual(manifest);
			expect(await listed(listPackageVersions(name, record))).toEqual([
				["1700000000", topHash],
				["latest", topHash],
			]);
		}
	});

	test.for([
		["without message", { version: "v0" }, []],
		["with fields that bale does not know", { version: "v0", later: [1], message: "m" }, []],
		["with other spelling, order and line ends", '{"message":null,  "version":"v0"}\r', []],
		["with NaN in its metadata", '{"version": "v0", "user_meta": NaN}', []],
		["with a line of more than a megabyte", { version: "v0", user_meta: "x".repeat(1_200_000) }, []],
	] as const)("records a manifest %s byte for byte", async ([, header]) => {
		const machine = newMachine();
		const registry = machine.path("registry");
		machine.folder("registry/files", { a: "a", b: "b" });
		const topHash = plantRevision(
			registry,
			name,
			[entryLine("b", `${registry}/files/b`, "b"), entryLine("a", `${registry}//files/./a`, "a")],
			{ header },
		);
		const result = await install(machine);
		expect(result.topHash).toBe(topHash);
		expect(readFiles(machine.path("there"))).toEqual({ a: "a", b: "b" });
		expect(sha256(readFileSync(`${machine.localRegistry}/.quilt/packages/${topHash}`))).toBe(
			sha256(readFileSync(`${registry}/.quilt/packages/${topHash}`)),
		);
		expect((await Package.browse(name)).topHash).toBe(topHash);
	});

	test("keeps what was installed where in the user's data directory, never in dest", async () => {
		const machine = newMachine();
		await push(machine, machine.path("registry"), { a: "a" });
		await install(machine);
		expect(readdirSync(machine.path("there"))).toEqual(["a"]);
		expect(readdirSync(`${machine.baleData}/installs`)).toHaveLength(1);
	});

	test("path brings one file to dest/<its name>, or a directory's files to dest; the record is complete", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const topHash = await push(machine, registry, { "d/e/f": "f", "d/g": "g", h: "h" });
		await install(machine, { path: "d/e/f", dest: machine.path("file") });
		expect(readFiles(machine.path("file"))).toEqual({ f: "f" });
		const result = await install(machine, { path: "d", dest: machine.path("directory") });
		expect(readFiles(machine.path("directory"))).toEqual({ "e/f": "f", g: "g" });
		expect([result.files, result.bytes]).toEqual([2, 2]);
		expect((await Package.browse(name)).keys()).toEqual(["d", "h"]);
		expect((await Package.browse(name)).topHash).toBe(topHash);
		for (const path of ["none", "d/", "", "d/none", "/h"]) {
			const error = await failure(install(machine, { path, dest: machine.path("none") }), "EntryNotFound");
			expect(error.details["path"]).toBe(path);
		}
		expect(readFiles(machine.path("none"))).toEqual({});
	});

	test("tells what was written, kept and left over", async () => {
		const machine = newMachine();
		const topHash = await push(machine, machine.path("registry"), { a: "abc", "d/b": "de" });
		machine.folder("there", { a: "abc" });
		const { package: p, ...result } = await install(machine);
		expect(result).toEqual({
			name,
			topHash,
			registry: `file://${machine.path("registry")}`,
			dest: machine.path("there"),
			files: 2,
			bytes: 5,
			written: ["d/b"],
			kept: 1,
			stale: [],
			pruned: [],
			dryRun: false,
		});
		expect(p.keys()).toEqual(["a", "d"]);
	});

	test("tells progress whose bytes add up, and stops at the signal", async () => {
		const machine = newMachine();
		await push(machine, machine.path("registry"), { a: "abc", "d/b": "de" });
		await failure(install(machine, { signal: AbortSignal.abort() }), "Aborted");
		expect(readFiles(machine.path("there"))).toEqual({});
		const events: ProgressEvent[] = [];
		await install(machine, { onProgress: (event) => events.push(event) });
		expect(events[0]).toEqual({ kind: "started", phase: "copy", files: 2, bytes: 5 });
		expect(events.reduce((sum, event) => sum + (event.kind === "advanced" ? event.bytes : 0), 0)).toBe(5);
		expect(events.at(-1)).toEqual({ kind: "finished", phase: "copy" });
	});

	test("dryRun says the same and writes nothing at all", async () => {
		const machine = newMachine();
		await push(machine, machine.path("registry"), { a: "abc", "d/b": "de" });
		machine.folder("there", { a: "abc" });
		const before = snapshot(machine.root);
		const planned = await install(machine, { dryRun: true });
		expect(snapshot(machine.root)).toEqual(before);
		const done = await install(machine);
		expect([planned.topHash, planned.written, planned.kept, planned.dryRun]).toEqual([
			done.topHash,
			done.written,
			done.kept,
			true,
		]);
	});

	test("installs from a store, and from the local registry itself", async () => {
		const machine = newMachine();
		const store = new MemoryStore();
		const p = await new Package().setDir(".", machine.folder("data", { "d/a": "a" }));
		await p.push(name, store);
		await install(machine, { registry: store });
		expect(readFiles(machine.path("there"))).toEqual({ "d/a": "a" });
		await p.build(name, undefined, { message: "built here" });
		await install(machine, { registry: machine.localRegistry, dest: machine.path("again") });
		expect(readFiles(machine.path("again"))).toEqual({ "d/a": "a" });
	});

	test("refuses a dest or destRegistry that is no local directory", async () => {
		const machine = newMachine();
		await push(machine, machine.path("registry"), { a: "a" });
		await failure(install(machine, { dest: "s3://bucket/x" }), "InvalidArgument");
		await failure(install(machine, { destRegistry: new MemoryStore() }), "InvalidArgument");
		machine.folder(".", { "a file": "x" });
		await failure(install(machine, { dest: machine.path("a file") }), "NotAFile");
		expect(readFiles(machine.localRegistry)).toEqual({});
	});
});

describe("install() over what is there", () => {
	test("a second install of the same revision moves and reads no bytes", async () => {
		const machine = newMachine();
		await push(machine, machine.path("registry"), { a: "a", "d/b": "b" });
		await install(machine);
		const before = statSync(machine.path("there/d/b"), { bigint: true });
		machine.moved.reset();
		const again = await install(machine);
		expect([again.written, again.kept]).toEqual([[], 2]);
		expect(machine.moved).toMatchObject({ copied: 0, hashed: 0 });
		const after = statSync(machine.path("there/d/b"), { bigint: true });
		expect([after.ino, after.mtimeNs]).toEqual([before.ino, before.mtimeNs]);
		expect(await listed(listPackageVersions(name))).toHaveLength(2);
	});

	test("another revision replaces unedited files, adds new ones, and lists those it does not have", async () => {
		const machine = newMachine();
		await push(machine, machine.path("registry"), { a: "one", b: "same", "d/gone": "x" });
		await install(machine);
		await push(machine, machine.path("registry"), { a: "two", b: "same", c: "new" });
		const result = await install(machine);
		expect(result).toMatchObject({ written: ["a", "c"], kept: 1, stale: ["d/gone"], pruned: [] });
		expect(readFiles(machine.path("there"))).toEqual({ a: "two", b: "same", c: "new", "d/gone": "x" });
	});

	test("prune removes what the revision does not have, unless it was edited", async () => {
		const machine = newMachine();
		await push(machine, machine.path("registry"), { a: "a", "d/gone": "x", edited: "x" });
		await install(machine);
		machine.folder("there", { edited: "mine!", unknown: "u" });
		await push(machine, machine.path("registry"), { a: "a" });
		expect(await install(machine)).toMatchObject({ stale: ["d/gone", "edited"], pruned: [] });
		for (const dryRun of [true, false]) {
			expect(await install(machine, { prune: true, dryRun })).toMatchObject({
				stale: ["d/gone", "edited"],
				pruned: ["d/gone"],
			});
		}
		expect(readFiles(machine.path("there"))).toEqual({ a: "a", edited: "mine!", unknown: "u" });
		expect(readdirSync(machine.path("there"))).not.toContain("d");
	});

	test("edited files are not overwritten: the error lists them and nothing is changed", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		await push(machine, registry, { a: "one", b: "one", c: "one" });
		await install(machine);
		machine.folder("there", { a: "my work", b: "two" });
		await push(machine, registry, { a: "two", b: "two", c: "two" });
		const before = snapshot(machine.root);
		const error = await failure(install(machine), "DestinationConflict");
		expect(error.exitCode).toBe(13);
		expect(error.message).toContain('"a"');
		expect(error.details["files"]).toEqual(["a"]);
		expect(error.hint).toContain("--overwrite");
		expect(snapshot(machine.root)).toEqual(before);
		await install(machine, { overwrite: true });
		expect(readFiles(machine.path("there"))).toEqual({ a: "two", b: "two", c: "two" });
	});

	test("an edit that keeps size and time is noticed all the same", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		await push(machine, registry, { a: "one" });
		await install(machine);
		const { atime, mtime } = statSync(machine.path("there/a"));
		writeFileSync(machine.path("there/a"), "ONE");
		utimesSync(machine.path("there/a"), atime, mtime);
		await push(machine, registry, { a: "two" });
		await failure(install(machine), "DestinationConflict");
		expect(readFiles(machine.path("there"))).toEqual({ a: "ONE" });
	});

	test("a file that was only touched counts as unedited", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		await push(machine, registry, { a: "one" });
		await install(machine);
		writeFileSync(machine.path("there/a"), "one");
		await push(machine, registry, { a: "two" });
		await install(machine);
		expect(readFiles(machine.path("there"))).toEqual({ a: "two" });
	});

	test("files that bale did not write are not overwritten either, equal ones are taken over", async () => {
		const machine = newMachine();
		await push(machine, machine.path("registry"), { a: "one", b: "b" });
		machine.folder("there", { a: "mine", b: "b", other: "o" });
		await failure(install(machine), "DestinationConflict");
		expect(readFiles(machine.path("there"))).toEqual({ a: "mine", b: "b", other: "o" });
	});

	test("an install after a lost record only compares", async () => {
		const machine = newMachine();
		await push(machine, machine.path("registry"), { a: "one" });
		await install(machine);
		rmSync(`${machine.baleData}/installs`, { recursive: true });
		machine.moved.reset();
		expect(await install(machine)).toMatchObject({ written: [], kept: 1 });
		expect(machine.moved).toMatchObject({ copied: 0, hashed: 1 });
	});

	test("a record that cannot be read is none", async () => {
		const machine = newMachine();
		await push(machine, machine.path("registry"), { a: "one" });
		await install(machine);
		const [file] = readdirSync(`${machine.baleData}/installs`);
		for (const text of ["", "{", "null\n", '{"dest": 5}\n', "[]\n{}\n"]) {
			writeFileSync(`${machine.baleData}/installs/${file}`, text);
			expect(await install(machine)).toMatchObject({ written: [], kept: 1 });
		}
	});

	test("a symlinked or hard-linked file is replaced, its target keeps its content", async () => {
		const machine = newMachine();
		await push(machine, machine.path("registry"), { a: "one", b: "one" });
		const outside = machine.folder("outside", { target: "kept", linked: "kept" });
		mkdirSync(machine.path("there"));
		symlinkSync(`${outside}/target`, machine.path("there/a"));
		linkSync(`${outside}/linked`, machine.path("there/b"));
		expect((await failure(install(machine), "DestinationConflict")).details["files"]).toEqual(["a", "b"]);
		await install(machine, { overwrite: true });
		expect(readFiles(machine.path("there"))).toEqual({ a: "one", b: "one" });
		expect(readFiles(outside)).toEqual({ target: "kept", linked: "kept" });
	});

	test("a symlinked directory on the way is refused, its target untouched", async () => {
		const machine = newMachine();
		await push(machine, machine.path("registry"), { "d/a": "one" });
		const outside = machine.folder("outside", { a: "kept" });
		mkdirSync(machine.path("there"));
		symlinkSync(outside, machine.path("there/d"));
		const error = await failure(install(machine, { overwrite: true }), "UnsafeDestination");
		expect(error.message).toContain(machine.path("there/d"));
		expect(readFiles(outside)).toEqual({ a: "kept" });
	});

	test("dest itself may be a link", async () => {
		const machine = newMachine();
		await push(machine, machine.path("registry"), { a: "one" });
		mkdirSync(machine.path("real"));
		symlinkSync(machine.path("real"), machine.path("there"));
		await install(machine);
		expect(readFiles(machine.path("real"))).toEqual({ a: "one" });
	});

	test.for([
		["a directory where a file must go", { "a/x": "mine" }, { a: "a" }],
		["a file where a directory must go", { d: "mine" }, { "d/a": "a" }],
	] as const)("%s is refused before anything is written, also with overwrite", async ([, there, files]) => {
		const machine = newMachine();
		await push(machine, machine.path("registry"), { ...files, z: "z" });
		machine.folder("there", there);
		const before = snapshot(machine.root);
		for (const overwrite of [false, true]) {
			await failure(install(machine, { overwrite }), "DestinationConflict");
			expect(snapshot(machine.root)).toEqual(before);
		}
	});
});

describe("install() verifies", () => {
	test.for([
		["with other bytes", "evil"],
		["cut off", "goo"],
		["too long", "good and more"],
		["empty", ""],
	] as const)("a data file %s is an error and leaves nothing under the final name", async ([, text]) => {
		const machine = newMachine();
		const registry = machine.path("registry");
		await push(machine, registry, { "d/a": "good" });
		writeFileSync(`${registry}/team/data/d/a`, text);
		const error = await failure(install(machine));
		expect(["IntegrityMismatch", "SourceChanged"]).toContain(error.code);
		expect(error.exitCode).toBe(13);
		expect(`${error.message}${JSON.stringify(error.details)}`).toContain("d/a");
		expect(readFiles(machine.path("there"))).toEqual({});
		expect(await listed(listPackages())).toEqual([]);
	});

	test("a failure keeps the file that was there, and the next install finishes", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		await push(machine, registry, { a: "one" });
		await install(machine);
		await push(machine, registry, { a: "two", b: "new" });
		const place = `${registry}/.bale/objects/team/data/${sha256("two").slice(0, 16)}/a`;
		writeFileSync(place, "bad");
		await failure(install(machine), "IntegrityMismatch");
		expect(readFiles(machine.path("there"))["a"]).toBe("one");
		expect((await Package.browse(name)).entry("a").hash?.value).toBe(chunkedHash("one"));
		writeFileSync(place, "two");
		await install(machine);
		expect(readFiles(machine.path("there"))).toEqual({ a: "two", b: "new" });
	});

	test("by every hash type that is known", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		machine.folder("registry/files", { a: "123456789" });
		const hashes = [
			{ type: "SHA256", value: sha256("123456789") },
			{ type: "CRC64NVME", value: "rosUhgp5mIg=" },
			{ type: "sha2-256-chunked", value: chunkedHash("123456789") },
		];
		for (const hash of hashes) {
			const line = { ...entryLine("a", `${registry}/files/a`, "123456789"), hash };
			plantRevision(registry, name, [line]);
			const dest = machine.path(hash.type);
			await install(machine, { dest });
			expect(readFiles(dest)).toEqual({ a: "123456789" });
			plantRevision(registry, name, [{ ...line, hash: { ...hash, value: hash.value.replace(/^./, "0") } }]);
			await failure(install(machine, { dest: `${dest}-wrong` }), "IntegrityMismatch");
			expect(readFiles(`${dest}-wrong`)).toEqual({});
		}
	});

	test.for([[null], [{ type: "md9", value: "x" }], ["text"], [{ type: "SHA256" }]] as const)(
		"an entry with the hash %j is refused, unless allowUnverified",
		async ([hash]) => {
			const machine = newMachine();
			const registry = machine.path("registry");
			machine.folder("registry/files", { a: "a" });
			plantRevision(registry, name, [{ ...entryLine("a", `${registry}/files/a`, "a"), hash }]);
			const error = await failure(install(machine), "Unverifiable");
			expect(error.message).toContain('"a"');
			expect(readFiles(machine.path("there"))).toEqual({});
			await install(machine, { allowUnverified: true });
			expect(readFiles(machine.path("there"))).toEqual({ a: "a" });
		},
	);

	test("a manifest that does not give its name is refused, unless allowUnverified", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		machine.folder("registry/files", { a: "a" });
		plantRevision(registry, name, [entryLine("a", `${registry}/files/a`, "a")], { topHash: "0".repeat(64) });
		await failure(install(machine), "TopHashMismatch");
		expect(readFiles(machine.path("there"))).toEqual({});
		await install(machine, { allowUnverified: true });
		expect(readFiles(machine.path("there"))).toEqual({ a: "a" });
	});
});

describe("install() from a registry that was moved", () => {
	const files = { "d/a b": "a", b: "b" };

	test("finds the files below the new root", async () => {
		const machine = newMachine();
		await push(machine, machine.path("before"), files);
		renameSync(machine.path("before"), machine.path("after"));
		await install(machine, { registry: machine.path("after") });
		expect(readFiles(machine.path("there"))).toEqual(files);
	});

	test("deeper, under another name, and with displaced files", async () => {
		const machine = newMachine();
		const one = await push(machine, machine.path("before"), files);
		const two = await push(machine, machine.path("before"), { ...files, b: "B" });
		mkdirSync(machine.path("mnt/disk"), { recursive: true });
		renameSync(machine.path("before"), machine.path("mnt/disk/copy of it"));
		const registry = machine.path("mnt/disk/copy of it");
		for (const [topHash, b] of [
			[one, "b"],
			[two, "B"],
		] as const) {
			const dest = machine.path(topHash);
			await install(machine, { registry, topHash, dest });
			expect(readFiles(dest)).toEqual({ ...files, b });
		}
	});

	test("the hash decides when another file is at the recorded path", async () => {
		const machine = newMachine();
		await push(machine, machine.path("before"), files);
		cpSync(machine.path("before"), machine.path("after"), { recursive: true });
		machine.folder("before/team/data", { b: "X" });
		await install(machine, { registry: machine.path("after") });
		expect(readFiles(machine.path("there"))).toEqual(files);
		machine.folder("before/team/data", { b: "longer" });
		await install(machine, { registry: machine.path("after"), dest: machine.path("again") });
		expect(readFiles(machine.path("again"))).toEqual(files);
	});

	test("wrong bytes at every place are an error", async () => {
		const machine = newMachine();
		await push(machine, machine.path("before"), files);
		renameSync(machine.path("before"), machine.path("after"));
		machine.folder("after/team/data", { b: "X" });
		await failure(install(machine, { registry: machine.path("after") }), "IntegrityMismatch");
		rmSync(machine.path("after/team/data/b"));
		const error = await failure(install(machine, { registry: machine.path("after") }), "ObjectNotFound");
		expect(error.message).toContain('"b"');
	});

	test("publishing goes on in the new place", async () => {
		const machine = newMachine();
		const one = await push(machine, machine.path("before"), files);
		renameSync(machine.path("before"), machine.path("after"));
		const p = await Package.browse(name, { registry: machine.path("after") });
		await p.set("c", machine.folder("more", { c: "c" }) + "/c");
		const two = await p.push(name, machine.path("after"));
		expect(two.get("b")).toBe(`file://${machine.path("after")}/team/data/b`);
		for (const topHash of [one, two.topHash]) {
			await install(machine, { registry: machine.path("after"), topHash, dest: machine.path(topHash) });
		}
	});
});

describe("install() never touches what a registry's manifests name", () => {
	test("installing into the registry's own folder keeps its files, and refuses to replace them", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const one = await push(machine, registry, { a: "one", b: "b" });
		const own = { registry, dest: `${registry}/team/data`, destRegistry: registry };
		expect(await install(machine, own)).toMatchObject({ written: [], kept: 2 });
		await push(machine, registry, { a: "two", b: "b" });
		const before = readFiles(registry);
		for (const overwrite of [false, true]) {
			const error = await failure(install(machine, { ...own, overwrite }), "DestinationConflict");
			expect(error.details["files"]).toEqual([`${registry}/team/data/a`]);
			expect(error.hint).toContain("--dest");
		}
		expect(readFiles(registry)).toEqual(before);
		await install(machine, { registry, topHash: one, dest: machine.path("there") });
		expect(readFiles(machine.path("there"))).toEqual({ a: "one", b: "b" });
	});

	test("also when the registry was moved, but files that an install put there are replaced", async () => {
		const machine = newMachine();
		await push(machine, machine.path("before"), { a: "one" });
		renameSync(machine.path("before"), machine.path("after"));
		await push(machine, machine.path("other"), { a: "two" });
		const dest = `${machine.path("after")}/team/data`;
		await failure(
			install(machine, { registry: machine.path("other"), dest, overwrite: true }),
			"DestinationConflict",
		);
		expect(readFiles(dest)).toEqual({ a: "one" });

		await install(machine, {
			registry: machine.path("other"),
			destRegistry: machine.path("mine"),
			dest: undefined,
		});
		renameSync(machine.path("other"), machine.path("moved"));
		await push(machine, machine.path("moved"), { a: "three" });
		await install(machine, {
			registry: machine.path("moved"),
			destRegistry: machine.path("mine"),
			dest: undefined,
		});
		expect(readFiles(`${machine.path("mine")}/team/data`)).toEqual({ a: "three" });
	});

	test("prune does not remove a file that another revision of the registry needs", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const one = await push(machine, registry, { a: "a", b: "b" });
		const own = { registry, dest: `${registry}/team/data`, destRegistry: registry };
		await install(machine, own);
		await push(machine, registry, { a: "a" });
		expect(await install(machine, { ...own, prune: true })).toMatchObject({ stale: ["b"], pruned: [] });
		await install(machine, { registry, topHash: one, dest: machine.path("there") });
		expect(readFiles(machine.path("there"))).toEqual({ a: "a", b: "b" });
	});

	test("also when dest is another folder of that registry, or the registry lies above", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const folder = machine.folder("registry/work/here", { a: "built from" });
		await (await new Package().setDir(".", folder)).build("other/data", registry);
		await push(machine, machine.path("elsewhere"), { a: "two" });
		await failure(
			install(machine, { registry: machine.path("elsewhere"), dest: folder, overwrite: true }),
			"DestinationConflict",
		);
		expect(readFileSync(`${folder}/a`, "utf8")).toBe("built from");
	});

	test("also when it names them as objects of the bucket that the folder is served as", async () => {
		const machine = newMachine();
		const registry = machine.path("lab");
		machine.folder("lab/team/data", { a: "named" });
		machine.folder("lab", { [servedFolderSettings]: JSON.stringify({ names: ["lab"] }) });
		plantRevision(registry, name, [entryLine("a", "s3://lab/team/data/a?versionId=v1", "named")]);
		await push(machine, machine.path("elsewhere"), { a: "two" });
		const dest = `${registry}/team/data`;
		await failure(
			install(machine, { registry: machine.path("elsewhere"), dest, overwrite: true }),
			"DestinationConflict",
		);
		expect(readFiles(dest)).toEqual({ a: "named" });
	});

	test("keys below .quilt and .bale are refused where a registry is", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		machine.folder("registry/files", { a: "a" });
		mkdirSync(machine.path("there/.quilt"), { recursive: true });
		for (const key of [".quilt/packages/zzz", ".bale/x", ".QUILT/x"]) {
			plantRevision(registry, name, [entryLine(key, `${registry}/files/a`, "a")]);
			await failure(install(machine), "ReservedKey");
			await failure(install(machine, { dest: undefined }), "ReservedKey");
		}
		expect(readFiles(machine.path("there"))).toEqual({});
	});
});

describe("install() of a manifest that names local files", () => {
	async function plant(machine: Machine, path: string, content: string): Promise<void> {
		const line = entryLine("a", "/x", content, {
			physical_keys: [/^\w+:/.test(path) ? path : `file://${path}`],
		});
		plantRevision(machine.path("registry"), name, [line]);
	}

	test("follows the user's own files from the user's own registry", async () => {
		const machine = newMachine();
		await plant(machine, `${machine.folder("data", { a: "mine" })}/a`, "mine");
		await install(machine);
		expect(readFiles(machine.path("there"))).toEqual({ a: "mine" });
	});

	test.for(["file", "registry"] as const)(
		"refuses when the %s belongs to somebody else, unless allowLocalFiles",
		async (foreign) => {
			const machine = newMachine({
				files: (files) => ({
					async stat(path) {
						const stat = await files.stat(path);
						const theirs = path.endsWith(foreign === "file" ? "/secret" : "/registry");
						return stat === undefined ? undefined : { ...stat, owned: !theirs };
					},
				}),
			});
			await plant(machine, `${machine.folder("data", { secret: "secret" })}/secret`, "secret");
			const error = await failure(install(machine), "LocalReference");
			expect(error.exitCode).toBe(12);
			expect(error.message).toContain(machine.path("data/secret"));
			expect(error.hint).toContain("--allow-local-files");
			await failure(
				Package.browse(name, { registry: machine.path("registry") }).then((p) => p.entry("a").bytes()),
				"LocalReference",
			);
			await failure(
				Package.browse(name, { registry: machine.path("registry") }).then((p) =>
					p.push(name, machine.path("other")),
				),
				"LocalReference",
			);
			expect(readFiles(machine.path("there"))).toEqual({});
			expect(readFiles(machine.path("other"))).toEqual({});
			expect(machine.moved).toMatchObject({ copied: 0, hashed: 0 });
			await install(machine, { allowLocalFiles: true });
			expect(readFiles(machine.path("there"))).toEqual({ a: "secret" });
		},
	);

	test("a foreign registry may name its own files", async () => {
		const machine = newMachine({
			files: (files) => ({
				async stat(path) {
					const stat = await files.stat(path);
					return stat === undefined ? undefined : { ...stat, owned: false };
				},
			}),
		});
		await push(machine, machine.path("registry"), { a: "a" });
		await install(machine);
		expect(readFiles(machine.path("there"))).toEqual({ a: "a" });
	});

	test("refuses from a registry on another machine, whatever the file is", async () => {
		const machine = newMachine();
		const store = new MemoryStore({ root: { kind: "s3", bucket: "theirs", key: "" } });
		const folder = machine.folder("data", { secret: "secret" });
		plantRevision(machine.path("model"), name, [entryLine("a", `${folder}/secret`, "secret")]);
		for (const [key, text] of Object.entries(readFiles(machine.path("model")))) {
			await store.put(key, Buffer.from(text));
		}
		for (const options of [{}, { overwrite: true }, { allowUnverified: true }]) {
			await failure(install(machine, { registry: store, ...options }), "LocalReference");
		}
		const p = await Package.browse(name, { registry: store });
		await failure(p.push(name, machine.path("other")), "LocalReference");
		await failure(p.entry("a").bytes(), "LocalReference");
		await failure(p.fetch(machine.path("there")), "LocalReference");
		expect(readFiles(machine.path("there"))).toEqual({});
		expect(machine.moved).toMatchObject({ copied: 0, hashed: 0 });
	});

	test.for([
		["/dev/zero", "NotAFile"],
		["/dev", "NotAFile"],
		["http://example.com/x", "UnsupportedScheme"],
		["javascript:alert(1)", "UnsupportedScheme"],
		["file://host/x", "InvalidUrl"],
		["s3:///x", "InvalidUrl"],
		["/none/at/all", "ObjectNotFound"],
	] as const)("refuses %s without opening it", async ([path, code]) => {
		const machine = newMachine();
		await plant(machine, path, "x");
		await failure(install(machine), code);
		expect(readFiles(machine.path("there"))).toEqual({});
	});
});

describe("statusOf()", () => {
	test("compares a folder with what was installed there", async () => {
		const machine = newMachine();
		const topHash = await push(machine, machine.path("registry"), {
			a: "a",
			b: "b",
			"d/c": "c",
			touched: "t",
		});
		await install(machine);
		const clean = {
			name,
			topHash,
			registry: `file://${machine.path("registry")}`,
			dest: machine.path("there"),
		};
		expect(await statusOf(machine.path("there"))).toEqual({ ...clean, modified: [], missing: [], extra: [] });
		machine.folder("there", { a: "A", b: "longer", "e/new": "n", touched: "t" });
		rmSync(machine.path("there/d/c"));
		const status = await statusOf(`${machine.path("there")}/`);
		expect({ ...status, modified: [...status.modified].sort((x, y) => (x < y ? -1 : 1)) }).toEqual({
			...clean,
			modified: ["a", "b"],
			missing: ["d/c"],
			extra: ["e/new"],
		});
		rmSync(machine.path("there"), { recursive: true });
		expect((await statusOf(machine.path("there"))).missing).toHaveLength(4);
		await failure(statusOf(machine.path("registry")), "PackageNotFound");
	});
});

describe("Package.verify()", () => {
	test("tells every missing, extra and changed file", async () => {
		const machine = newMachine();
		const p = await Package.browse(name, {
			registry: new DirectoryStore(machine.path("registry")),
			topHash: await push(machine, machine.path("registry"), { a: "a", b: "b", "d/c": "c", d2: "x" }),
		});
		await install(machine);
		const there = machine.path("there");
		expect(await p.verify(there)).toEqual({ ok: true, missing: [], extra: [], changed: [] });
		machine.folder("there", { a: "A", b: "longer", new: "n" });
		rmSync(`${there}/d/c`);
		const type = "sha2-256-chunked";
		expect(await p.verify(there)).toEqual({
			ok: false,
			missing: ["d/c"],
			extra: ["new"],
			changed: [
				{ key: "b", reason: "size", expected: 1, found: 6 },
				{
					key: "a",
					reason: "hash",
					expected: { type, value: chunkedHash("a") },
					found: { type, value: chunkedHash("A") },
				},
			],
		});
		expect((await p.verify(machine.path("none"))).missing).toHaveLength(4);
		await failure(p.verify(`${there}/a`), "NotAFile");
		await failure(p.fetch("s3://bucket/there"), "Unsupported");
	});

	test("extraFilesOk passes over extra files", async () => {
		const machine = newMachine();
		const p = await new Package().setDir(".", machine.folder("data", { a: "a" }));
		await failure(p.verify(machine.path("data")), "Unverifiable");
		await p.build(name);
		machine.folder("data", { extra: "e" });
		expect((await p.verify(machine.path("data"))).ok).toBe(false);
		expect(await p.verify(machine.path("data"), { extraFilesOk: true })).toMatchObject({
			ok: true,
			extra: ["extra"],
		});
	});
});

describe("Package.fetch()", () => {
	test("copies the files and gives a package of the copies, without metadata of package and directories", async () => {
		const machine = newMachine();
		const p = await new Package().setDir("d", machine.folder("data", { a: "a", "e/f": "f" }), {
			meta: { d: 1 },
		});
		p.setMeta({ p: 1 }).entry("d/a").setMeta({ e: 1 });
		await p.build(name, machine.path("registry"), { message: "m" });
		const copies = await p.fetch(machine.path("there"));
		expect(readFiles(machine.path("there"))).toEqual({ "d/a": "a", "d/e/f": "f" });
		expect(copies.get("d/a")).toBe(`file://${machine.path("there")}/d/a`);
		expect([copies.meta, copies.message, copies.subpackage("d").meta, copies.entry("d/a").meta]).toEqual([
			{},
			undefined,
			{},
			{ e: 1 },
		]);
		expect(copies.entry("d/a").equals(p.entry("d/a"))).toBe(true);
		await p.subpackage("d").fetch(`${machine.path("only")}/`);
		expect(readFiles(machine.path("only"))).toEqual({ a: "a", "e/f": "f" });
	});

	test("never overwrites other content without being told to", async () => {
		const machine = newMachine();
		const p = await new Package().setDir(".", machine.folder("data", { a: "a", b: "b" }));
		await p.build(name, machine.path("registry"));
		machine.folder("there", { a: "mine" });
		await failure(p.fetch(machine.path("there")), "DestinationConflict");
		expect(readFiles(machine.path("there"))).toEqual({ a: "mine" });
		await p.fetch(machine.path("there"), { overwrite: true });
		expect(readFiles(machine.path("there"))).toEqual({ a: "a", b: "b" });
	});

	test("needs hashes, unless allowUnverified", async () => {
		const machine = newMachine();
		const p = await new Package().setDir(".", machine.folder("data", { a: "a" }));
		await failure(p.fetch(machine.path("there")), "Unverifiable");
		await p.fetch(machine.path("there"), { allowUnverified: true });
		expect(readFiles(machine.path("there"))).toEqual({ a: "a" });
	});
});
