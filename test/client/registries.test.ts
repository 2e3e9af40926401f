/** What registries hold: browsing, history, deleting, rolling back, and the settings that name them. */
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { describe, expect, test, vi } from "vitest";
import { setPlatform } from "../../src/client/runtime.ts";
import {
	config,
	copy,
	deletePackage,
	DirectoryStore,
	listPackages,
	listPackageVersions,
	Package,
	revisions,
} from "../../src/index.ts";
import { nodePlatform } from "../../src/node/platform.ts";
import { failure } from "./support/failure.ts";
import { listed, readFiles, snapshot } from "./support/files.ts";
import { newMachine, type Machine } from "./support/machine.ts";

/** Builds one revision for each message, ten seconds apart; the top hashes. */
async function buildAll(machine: Machine, registry: string, messages: readonly string[]): Promise<string[]> {
	const hashes: string[] = [];
	for (const message of messages) {
		hashes.push(await new Package().build("team/data", registry, { message }));
		machine.clock.now += 10_000;
	}
	return hashes;
}

describe("Package.browse()", () => {
	test("reads latest, a timestamp, a top hash or a prefix of one", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const [one] = await buildAll(machine, registry, ["one", "two"]);
		const message = async (options: object): Promise<unknown> =>
			(await Package.browse("team/data", { registry, ...options })).message;
		expect(await message({})).toBe("two");
		expect(await message({ pointer: "latest" })).toBe("two");
		expect(await message({ pointer: "1700000000" })).toBe("one");
		expect(await message({ topHash: one })).toBe("one");
		expect(await message({ topHash: one!.slice(0, 6) })).toBe("one");
		await failure(message({ topHash: one, pointer: "latest" }), "InvalidArgument");
	});

	test("reads the local registry by default", async () => {
		const machine = newMachine();
		await buildAll(machine, machine.localRegistry, ["local"]);
		expect((await Package.browse("team/data")).message).toBe("local");
	});

	test("takes a registry as path, file URL, URL or store", async () => {
		const machine = newMachine();
		const registry = machine.path("my registry");
		await buildAll(machine, registry, ["one"]);
		const url = `file://${registry.replace(" ", "%20")}`;
		for (const input of [registry, `${registry}/`, url, new URL(url), new DirectoryStore(registry)]) {
			expect((await Package.browse("team/data", { registry: input })).message).toBe("one");
		}
		await failure(Package.browse("team/data", { registry: "" }), "InvalidUrl");
		await failure(Package.browse("team/data", { registry: "ftp://x/y" }), "UnsupportedScheme");
		await failure(Package.browse("team/data", { registry: "s3://bucket/x?versionId=1" }), "InvalidUrl");
	});

	test("with a top hash the name is not compared, as in quilt3", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const [one] = await buildAll(machine, registry, ["one"]);
		expect((await Package.browse("any/name", { registry, topHash: one })).message).toBe("one");
	});

	test("tells a missing registry or package, revision and pointer apart", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const error = await failure(Package.browse("team/data", { registry }), "PackageNotFound");
		expect(error.message).toContain("team/data");
		expect(error.message).toContain(registry);
		await buildAll(machine, registry, ["one"]);
		await failure(Package.browse("team/data", { registry, topHash: "f".repeat(64) }), "RevisionNotFound");
		await failure(Package.browse("team/data", { registry, topHash: "ffffff" }), "RevisionNotFound");
		await failure(Package.browse("team/data", { registry, pointer: "5" }), "RevisionNotFound");
		await failure(Package.browse("team/data", { registry, topHash: "xyz" }), "InvalidHash");
		expect(readFiles(registry, [".quilt", ".bale"])).toEqual({});
	});

	test("a dangling pointer names the newest revision that is there", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const [one, two, three] = await buildAll(machine, registry, ["one", "two", "three"]);
		for (const hash of [two, three]) rmSync(`${registry}/.quilt/packages/${hash}`);
		const error = await failure(Package.browse("team/data", { registry }), "DanglingPointer");
		expect(error.exitCode).toBe(13);
		expect(error.message).toContain(three!);
		expect(error.details["newestGood"]).toBe(one);
		expect(error.hint).toContain(one!);
		const again = await failure(Package.browse("team/data", { registry, pointer: "1700000010" }));
		expect(again.code).toBe("DanglingPointer");
	});

	test("refuses a manifest whose content does not give its name, unless allowUnverified", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const [one] = await buildAll(machine, registry, ["one"]);
		writeFileSync(`${registry}/.quilt/packages/${one}`, '{"version": "v0", "message": "changed"}\n');
		const error = await failure(Package.browse("team/data", { registry }), "TopHashMismatch");
		expect(error.hint).toContain("--allow-unverified");
		const read = await Package.browse("team/data", { registry, allowUnverified: true });
		expect(read.message).toBe("changed");
	});

	test("writes nothing, not even in an empty place", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		await failure(Package.browse("team/data", { registry }), "PackageNotFound");
		expect(await listed(listPackages(registry))).toEqual([]);
		expect(await listed(listPackageVersions("team/data", registry))).toEqual([]);
		expect(snapshot(registry)).toEqual({});
		expect(snapshot(machine.root)).toEqual({});
	});

	test("reading what another client wrote: no .bale folder, spaces after the hash", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const [one] = await buildAll(machine, registry, ["one"]);
		rmSync(`${registry}/.bale`, { recursive: true });
		writeFileSync(`${registry}/.quilt/named_packages/team/data/latest`, `${one}\n`);
		expect((await Package.browse("team/data", { registry })).message).toBe("one");
	});
});

describe("Package.resolveHash()", () => {
	test("gives the one revision that begins so", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const [one] = await buildAll(machine, registry, ["one"]);
		expect(await Package.resolveHash("team/data", registry, one!.slice(0, 8))).toBe(one);
		expect(await Package.resolveHash("team/data", registry, one!)).toBe(one);
		writeFileSync(`${registry}/.quilt/packages/${one!.slice(0, 10)}${"0".repeat(54)}`, "");
		const error = await failure(
			Package.resolveHash("team/data", registry, one!.slice(0, 8)),
			"AmbiguousHash",
		);
		expect(error.details["candidates"]).toHaveLength(2);
		await failure(Package.resolveHash("noslash", registry, one!), "InvalidName");
	});
});

describe("history", () => {
	test("listPackages() gives names, listPackageVersions() pointers oldest first and latest last", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const [one, two] = await buildAll(machine, registry, ["one", "two"]);
		await new Package().build("a/b", registry);
		machine.folder("registry/.quilt/named_packages", {
			stray: "x",
			"team/.DS_Store": "x",
			"team/data/note.txt": "x",
		});
		expect(await listed(listPackages(registry))).toEqual(["a/b", "team/data"]);
		expect(await listed(listPackageVersions("team/data", registry))).toEqual([
			["1700000000", one],
			["1700000010", two],
			["latest", two],
		]);
		expect(await listed(listPackageVersions("team/none", registry))).toEqual([]);
		await failure(listed(listPackageVersions("none", registry)), "InvalidName");
	});

	test("listPackages() is lazy", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		await buildAll(machine, registry, ["one"]);
		for await (const name of listPackages(registry)) {
			expect(name).toBe("team/data");
			break;
		}
	});

	test("revisions() tells who, when and what, newest first", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const [one, two] = await buildAll(machine, registry, ["one", "two"]);
		rmSync(`${registry}/.bale/authors/team/data/1700000000`);
		expect(await listed(revisions("team/data", registry))).toEqual([
			{
				pointer: "1700000010",
				topHash: two,
				publishedAt: new Date(1_700_000_010_000),
				author: "ada@example",
				message: "two",
				latest: true,
			},
			{
				pointer: "1700000000",
				topHash: one,
				publishedAt: new Date(1_700_000_000_000),
				message: "one",
				latest: false,
			},
		]);
		await failure(listed(revisions("team/none", registry)), "PackageNotFound");
	});

	test("revisions() goes on over a manifest that is gone", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const [one] = await buildAll(machine, registry, ["one", "two"]);
		rmSync(`${registry}/.quilt/packages/${one}`);
		expect((await listed(revisions("team/data", registry))).map(({ message }) => message)).toEqual([
			"two",
			undefined,
		]);
	});
});

describe("Package.rollback()", () => {
	test("lets latest name an older revision; no pointer is added", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const [one, two] = await buildAll(machine, registry, ["one", "two"]);
		await Package.rollback("team/data", registry, one!.slice(0, 10));
		expect(await listed(listPackageVersions("team/data", registry))).toEqual([
			["1700000000", one],
			["1700000010", two],
			["latest", one],
		]);
		await failure(Package.rollback("team/none", registry, one!), "PackageNotFound");
		await failure(Package.rollback("team/data", registry, "f".repeat(64)), "RevisionNotFound");
		await failure(Package.rollback("team/data", "", one!), "InvalidUrl");
	});
});

describe("deletePackage()", () => {
	test("removes pointers, never manifests or data", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		await new Package()
			.setDir(".", machine.folder("data", { a: "a" }))
			.then((p) => p.push("team/data", registry));
		const before = readFiles(registry, [".bale", ".quilt/named_packages"]);
		const result = await deletePackage("team/data", registry);
		expect(result).toEqual({
			name: "team/data",
			registry: `file://${registry}`,
			topHash: null,
			pointers: ["1700000000", "latest"],
			latest: null,
			dryRun: false,
		});
		expect(readFiles(registry, [".bale"])).toEqual(before);
		expect(snapshot(registry)).not.toHaveProperty([".quilt/named_packages/team"]);
		expect(await listed(listPackages(registry))).toEqual([]);
	});

	test("with a top hash removes that revision, and moves latest to the newest that remains", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const [one, two, three] = await buildAll(machine, registry, ["one", "two", "three"]);
		expect((await deletePackage("team/data", registry, { topHash: three!.slice(0, 8) })).latest).toBe(two);
		expect((await deletePackage("team/data", registry, { topHash: one })).pointers).toEqual(["1700000000"]);
		expect(await listed(listPackageVersions("team/data", registry))).toEqual([
			["1700000010", two],
			["latest", two],
		]);
		expect((await deletePackage("team/data", registry, { topHash: two })).latest).toBeNull();
		expect(await listed(listPackages(registry))).toEqual([]);
		expect((await Package.browse("team/data", { registry, topHash: one })).message).toBe("one");
	});

	test("dryRun says the same and removes nothing", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		await buildAll(machine, registry, ["one", "two"]);
		const before = snapshot(registry);
		const planned = await deletePackage("team/data", registry, { dryRun: true });
		expect(planned).toMatchObject({ pointers: ["1700000000", "1700000010", "latest"], dryRun: true });
		expect(snapshot(registry)).toEqual(before);
	});

	test("of what is not there is one clear error", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		await failure(deletePackage("team/data", registry), "PackageNotFound");
		const [one] = await buildAll(machine, registry, ["one"]);
		const other = await new Package().build("other/data", registry, { message: "other" });
		await failure(deletePackage("team/none", registry), "PackageNotFound");
		await failure(deletePackage("team/data", registry, { topHash: other }), "RevisionNotFound");
		await failure(deletePackage("team/data", registry, { topHash: "ffffff" }), "RevisionNotFound");
		expect(await listed(listPackageVersions("team/data", registry))).toHaveLength(2);
		expect(one).toBeTruthy();
	});

	test("works when latest is damaged or dangling", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		await buildAll(machine, registry, ["one"]);
		writeFileSync(`${registry}/.quilt/named_packages/team/data/latest`, "");
		await deletePackage("team/data", registry);
		expect(await listed(listPackages(registry))).toEqual([]);
	});
});

describe("copy()", () => {
	test("copies file to file, file into directory, directory to directory", async () => {
		const machine = newMachine();
		const folder = machine.folder("data", { "a b": "a", "d/e": "e" });
		const there = machine.path("there");
		expect(await copy(`${folder}/a b`, `${there}/x`)).toEqual({ files: 1, bytes: 1 });
		await copy(`file://${folder}/a%20b`, `${there}/y/`);
		await copy(`${folder}/`, `${there}/all/`);
		expect(readFiles(there)).toEqual({ x: "a", "y/a b": "a", "all/a b": "a", "all/d/e": "e" });
	});

	test("replaces by default, and not with overwrite false", async () => {
		const machine = newMachine();
		const folder = machine.folder("data", { a: "new", b: "old" });
		await failure(copy(`${folder}/a`, `${folder}/b`, { overwrite: false }), "DestinationConflict");
		expect(readFileSync(`${folder}/b`, "utf8")).toBe("old");
		await copy(`${folder}/a`, `${folder}/b`);
		expect(readFileSync(`${folder}/b`, "utf8")).toBe("new");
	});

	test("refuses directories without slash, empty and missing sources, and other schemes", async () => {
		const machine = newMachine();
		const folder = machine.folder("data", { a: "a" });
		const there = machine.path("there");
		await failure(copy(`${folder}/`, there), "InvalidArgument");
		await failure(copy(folder, there), "NotAFile");
		await failure(copy(`${folder}/none`, there), "ObjectNotFound");
		await failure(copy(`${folder}/none/`, `${there}/`), "ObjectNotFound");
		await failure(copy("http://x/y", there), "UnsupportedScheme");
		expect(readFiles(there)).toEqual({});
	});
});

describe("settings", () => {
	test("default_local_registry decides where build() and browse() go", async () => {
		const machine = newMachine();
		machine.folder("home/Quilt", {
			"config.yml": `default_local_registry: file://${machine.path("mine")}\n`,
		});
		await new Package().build("team/data");
		expect(await listed(listPackages(machine.path("mine")))).toEqual(["team/data"]);
		expect(await listed(listPackages())).toEqual(["team/data"]);
	});

	test("without default_remote_registry push() and install() say how to set it", async () => {
		const machine = newMachine();
		for (const work of [() => new Package().push("team/data"), () => Package.install("team/data")]) {
			const error = await failure(work, "InvalidConfig");
			expect(error.exitCode).toBe(2);
			expect(error.hint).toContain("default_remote_registry");
		}
		expect(snapshot(machine.root)).toEqual({});
	});

	test("config() sets what push() and install() use", async () => {
		const machine = newMachine();
		vi.stubEnv("XDG_DATA_HOME", machine.path("xdg"));
		vi.stubEnv("BALE_DATA_DIR", machine.path("bale"));
		setPlatform(nodePlatform());
		await config({ default_remote_registry: `file://${machine.path("remote")}` });
		await new Package().push("team/data");
		const installed = await Package.install("team/data", { dest: machine.path("there") });
		expect(await listed(listPackages(machine.path("remote")))).toEqual(["team/data"]);
		expect(await listed(listPackages(machine.path("xdg/Quilt/packages")))).toEqual(["team/data"]);
		expect(installed.topHash).toMatch(/^2a5a67/);
		expect((await config()).defaultRemoteRegistry).toBe(`file://${machine.path("remote")}`);
	});
});

test("a registry may be renamed between two calls", async () => {
	const machine = newMachine();
	await buildAll(machine, machine.path("before"), ["one"]);
	renameSync(machine.path("before"), machine.path("after"));
	expect((await Package.browse("team/data", { registry: machine.path("after") })).message).toBe("one");
});
