/** The calls that the tutorials of Quilt show, in TypeScript. */
import { readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { deletePackage, listPackageVersions, Package } from "../../src/index.ts";
import { failure } from "./support/failure.ts";
import { listed, readFiles } from "./support/files.ts";
import { newMachine } from "./support/machine.ts";

const printed = "2a5a67156ca9238c14d12042db51c5b52260fdd5511b61ea89b58929d6e1769b";

describe("the tutorial's calls", () => {
	test("build() of a new package returns the printed top hash", async () => {
		newMachine();
		expect(await new Package().build("username/packagename")).toBe(printed);
	});

	test("topHash is the printed one after build()", async () => {
		newMachine();
		const p = new Package();
		await p.build("username/packagename");
		expect(p.topHash).toBe(printed);
		expect(String(p)).toBe(printed);
	});

	test("topHash of a package that was never built is that of its bare header", () => {
		newMachine();
		expect(new Package().topHash).toBe("7a67ff45a4a4c4814ea89d82bb9fb6fbf06caebc79d6507121b549213c747537");
	});

	test("build() without a registry writes to the local one", async () => {
		const machine = newMachine();
		await new Package().build("username/packagename");
		expect(readFiles(machine.localRegistry, [".bale"])).toEqual({
			[`.quilt/packages/${printed}`]: '{"version": "v0", "message": null}\n',
			".quilt/named_packages/username/packagename/1700000000": printed,
			".quilt/named_packages/username/packagename/latest": printed,
		});
	});

	test("build() again with other data gives another hash and keeps both revisions", async () => {
		const machine = newMachine();
		const p = new Package();
		const first = await p.build("username/packagename");
		await p.set("a.txt", machine.folder("data", { "a.txt": "a" }) + "/a.txt");
		const second = await p.build("username/packagename");
		expect(second).not.toBe(first);
		const versions = await listed(listPackageVersions("username/packagename"));
		expect(versions).toEqual([
			["1700000000", first],
			["1700000001", second],
			["latest", second],
		]);
	});

	test("push() to a directory with a message copies data to <directory>/<name>", async () => {
		const machine = newMachine();
		const p = new Package();
		await p.set("a.txt", machine.folder("data", { "a.txt": "a" }) + "/a.txt");
		const somewhere = `${machine.path("to/somewhere")}/`;
		const pushed = await p.push("username/packagename", somewhere, { message: "Updated version my package" });
		expect(pushed.message).toBe("Updated version my package");
		const files = readFiles(machine.path("to/somewhere"), [".bale"]);
		expect(files["username/packagename/a.txt"]).toBe("a");
		expect(files[".quilt/named_packages/username/packagename/latest"]).toBe(pushed.topHash);
	});

	test("push() resolves to a package whose text and topHash are the top hash", async () => {
		const machine = newMachine();
		const topHash = await new Package().push("username/packagename", machine.path("registry"));
		expect(String(topHash)).toBe(printed);
		expect(topHash.topHash).toBe(printed);
	});

	test("push() without a registry uses default_remote_registry", async () => {
		const machine = newMachine();
		machine.folder("home/Quilt", {
			"config.yml": `default_remote_registry: file://${machine.path("remote")}\n`,
		});
		await new Package().push("username/packagename");
		expect(readFiles(machine.path("remote"), [".bale"])).toHaveProperty([
			".quilt/named_packages/username/packagename/latest",
		]);
	});

	test("push() with dest and no registry puts files below dest, without the package's name", async () => {
		const machine = newMachine();
		machine.folder("home/Quilt", {
			"config.yml": `default_remote_registry: file://${machine.path("remote")}\n`,
		});
		const p = new Package();
		await p.set("a.txt", machine.folder("data", { "a.txt": "a" }) + "/a.txt");
		await p.push("username/packagename", undefined, { dest: machine.path("remote/foo/bar") });
		expect(readFiles(machine.path("remote"), [".bale", ".quilt"])).toEqual({ "foo/bar/a.txt": "a" });
	});

	test("build() with a registry writes the manifest there and leaves physical keys and data alone", async () => {
		const machine = newMachine();
		const p = new Package();
		await p.set("a.txt", machine.folder("data", { "a.txt": "a" }) + "/a.txt");
		const before = p.get("a.txt");
		await p.build("username/packagename", machine.path("registry"));
		expect(p.get("a.txt")).toBe(before);
		expect(readdirSync(machine.path("registry")).filter((name) => !name.startsWith("."))).toEqual([]);
		const there = await Package.browse("username/packagename", { registry: machine.path("registry") });
		expect(there.get("a.txt")).toBe(before);
	});

	test("deletePackage() deletes from the local registry, or from the one that is named", async () => {
		const machine = newMachine();
		await new Package().build("username/packagename");
		await new Package().build("username/packagename", machine.path("registry"));
		await deletePackage("username/packagename");
		await failure(Package.browse("username/packagename"), "PackageNotFound");
		await deletePackage("username/packagename", machine.path("registry"));
		await failure(
			Package.browse("username/packagename", { registry: machine.path("registry") }),
			"PackageNotFound",
		);
	});

	test("a top hash refers to its revision for ever", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const p = new Package();
		const first = await p.build("username/packagename", registry, { message: "one" });
		await p.build("username/packagename", registry, { message: "two" });
		await deletePackage("username/packagename", registry);
		const found = await Package.browse("username/packagename", { registry, topHash: first });
		expect(found.message).toBe("one");
	});
});
