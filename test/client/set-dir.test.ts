/** Whole directories as packages. */
import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { Package, type ProgressEvent } from "../../src/index.ts";
import { failure } from "./support/failure.ts";
import type { Files } from "./support/files.ts";
import { newMachine } from "./support/machine.ts";

function keysOf(p: Package): string[] {
	return Array.from(p.walk(), ([key]) => key);
}

describe("Package.setDir()", () => {
	test("takes all files below, hidden ones too, under the key", async () => {
		const machine = newMachine();
		const folder = machine.folder("data", { "a.txt": "a", ".hidden": "h", "x/y/z": "z" });
		const p = new Package();
		expect(await p.setDir("in/there", folder)).toBe(p);
		expect(keysOf(p)).toEqual(["in/there/.hidden", "in/there/a.txt", "in/there/x/y/z"]);
		expect(p.get("in/there/x/y/z")).toBe(`file://${folder}/x/y/z`);
	});

	test.for([".", "", "/", "./"])("sets the root for the key %j", async (key) => {
		const machine = newMachine();
		const folder = machine.folder("data", { a: "a" });
		const p = await new Package().setDir(key === "./" ? "." : key, folder);
		expect(keysOf(p)).toEqual(["a"]);
	});

	test("leaves out a registry that lies in the folder, and says so", async () => {
		const machine = newMachine();
		const folder = machine.folder("data", { a: "a", "reg/team/data/a": "a", "region/b": "b" });
		const events: ProgressEvent[] = [];
		const without = [`${folder}/reg/`, machine.path("elsewhere")];
		const p = await new Package().setDir(".", folder, { without, onProgress: (event) => events.push(event) });
		expect(keysOf(p)).toEqual(["a", "region/b"]);
		expect(events).toContainEqual(expect.objectContaining({ kind: "warning", code: "DirectoryLeftOut" }));
	});

	test("does not count slashes around the key", async () => {
		const machine = newMachine();
		const folder = machine.folder("data", { a: "a" });
		expect(keysOf(await new Package().setDir("/x/y//", folder))).toEqual(["x/y/a"]);
	});

	test("without a path takes the key as the path", async () => {
		const machine = newMachine({
			files: (files) => ({
				resolve: (input) => (input.startsWith("/") ? files.resolve(input) : machine.path(input)),
			}),
		});
		machine.folder("data/x", { a: "a" });
		expect(keysOf(await new Package().setDir("data/x/"))).toEqual(["data/x/a"]);
	});

	test("takes a file URL, and a path with a slash at its end", async () => {
		const machine = newMachine();
		const folder = machine.folder("my data", { a: "a" });
		expect(keysOf(await new Package().setDir(".", `file://${folder.replace(" ", "%20")}/`))).toEqual(["a"]);
		expect(keysOf(await new Package().setDir(".", `${folder}/`))).toEqual(["a"]);
	});

	test("writes null as the root's metadata when none is given, as quilt3 does", async () => {
		const machine = newMachine();
		const folder = machine.folder("data", { a: "a" });
		const p = new Package().setMeta({ was: "there" });
		await p.setDir(".", folder);
		expect(p.meta).toBeNull();
		expect([...p.manifest()][0]).toEqual({ version: "v0", user_meta: null });
	});

	test("sets a directory's metadata, and forgets it when none is given", async () => {
		const machine = newMachine();
		const folder = machine.folder("data", { a: "a" });
		const p = await new Package().setDir("d", folder, { meta: { n: 1.5 } });
		expect(p.subpackage("d").meta).toEqual({ n: 1.5 });
		await p.setDir("d", folder);
		expect(p.subpackage("d").meta).toBeNull();
		expect([...p.manifest()]).toHaveLength(2);
	});

	test("updatePolicy incoming replaces entries and their metadata, existing keeps them", async () => {
		const machine = newMachine();
		const old = machine.folder("old", { a: "old" });
		const incoming = machine.folder("new", { a: "new!", b: "b" });
		for (const [policy, size, meta] of [
			["existing", 3, { keep: 1 }],
			["incoming", 4, {}],
		] as const) {
			const p = await new Package().set("d/a", `${old}/a`, { meta: { keep: 1 } });
			await p.setDir("d", incoming, { updatePolicy: policy });
			expect([p.entry("d/a").size, p.entry("d/a").meta]).toEqual([size, meta]);
			expect(p.has("d/b")).toBe(true);
		}
		await failure(
			new Package().setDir(".", incoming, { updatePolicy: "newest" as "incoming" }),
			"InvalidArgument",
		);
	});

	test("follows links to files, skips broken links and special files with a warning, never enters linked directories", async () => {
		const machine = newMachine();
		const folder = machine.folder("data", { real: "r" });
		const outside = machine.folder("outside", { "sub/x": "x", target: "t" });
		symlinkSync(`${outside}/target`, `${folder}/link`);
		symlinkSync(`${outside}/sub`, `${folder}/linked-directory`);
		symlinkSync(`${folder}/nothing`, `${folder}/dangling`);
		symlinkSync(`${folder}/loop`, `${folder}/loop`);
		symlinkSync(folder, `${folder}/self`);
		execFileSync("mkfifo", [`${folder}/fifo`]);
		const events: ProgressEvent[] = [];
		const p = await new Package().setDir(".", folder, { onProgress: (event) => events.push(event) });
		expect(keysOf(p)).toEqual(["link", "real"]);
		expect(p.get("link")).toBe(`file://${outside}/target`);
		const warned = events.flatMap((event) => (event.kind === "warning" ? [event.message] : []));
		expect(warned.sort((a, b) => (a < b ? -1 : 1))).toEqual([
			'"dangling" is left out: it is a link to nothing',
			'"fifo" is left out: it is no regular file',
			'"loop" is left out: it is a link to nothing',
		]);
	});

	test("leaves out .quilt and .bale at any depth", async () => {
		const machine = newMachine();
		const folder = machine.folder("data", { a: "a", ".quilt/packages/x": "x", "d/.bale/y": "y", "d/z": "z" });
		expect(keysOf(await new Package().setDir(".", folder))).toEqual(["a", "d/z"]);
	});

	test("changes nothing when a file of the directory collides with an entry", async () => {
		const machine = newMachine();
		const folder = machine.folder("data", { a: "a", "b/c": "c" });
		const p = await new Package().set("d/b", `${folder}/a`);
		const before = [...p.manifest()];
		await failure(p.setDir("d", folder, { meta: { m: 1 } }), "KeyCollision");
		await failure(p.setDir("d/b", folder), "KeyCollision");
		expect([...p.manifest()]).toEqual(before);
	});

	test("refuses what is no directory, and keys that are none", async () => {
		const machine = newMachine();
		const folder = machine.folder("data", { a: "a" });
		const p = new Package();
		expect((await failure(p.setDir(".", `${folder}/none`), "NotAFile")).message).toContain("/none");
		await failure(p.setDir(".", `${folder}/a`), "NotAFile");
		for (const key of ["..", "a/../b", "a//b", "a/./b"]) await failure(p.setDir(key, folder), "InvalidKey");
		expect(p.meta).toEqual({});
	});

	test("refuses names that are not UTF-8, listing them escaped", async () => {
		const machine = newMachine();
		const folder = machine.folder("data", { a: "a" });
		execFileSync("sh", ["-c", String.raw`printf x > "$(printf 'bad\377name')"`], { cwd: folder });
		const p = new Package();
		const error = await failure(p.setDir(".", folder), "InvalidKey");
		expect(error.message).toContain(String.raw`bad\xffname`);
		expect(p.size).toBe(0);
	});

	test("stops at the signal", async () => {
		const machine = newMachine();
		const folder = machine.folder("data", { a: "a" });
		const p = new Package();
		await failure(p.setDir(".", folder, { signal: AbortSignal.abort() }), "Aborted");
		expect(p.size).toBe(0);
	});
});

describe("Package.setDir() with .quiltignore", () => {
	const files: Files = {
		"a.tmp": "1",
		"# no comment": "2",
		"!not negated": "3",
		"data/x": "4",
		"deep/data/y": "5",
		"deep/a.tmp": "6",
		"logs/z": "7",
		"deep/logs": "8",
	};

	async function keysWith(rules: string, ignore?: "quilt" | "git" | "none"): Promise<string[]> {
		const machine = newMachine();
		const folder = machine.folder("data", { ...files, ".quiltignore": rules });
		return keysOf(await new Package().setDir(".", folder, ignore === undefined ? {} : { ignore }));
	}

	test("matches rules at any depth, without comments or negation, and keeps the file itself", async () => {
		expect(await keysWith("*.tmp\n\n# no comment\n!not negated\nlogs/\n")).toEqual([
			".quiltignore",
			"data/x",
			"deep/data/y",
			"deep/logs",
		]);
	});

	test("matches the path below the source, not the folders above it", async () => {
		// The source itself is a folder called data.
		expect(await keysWith("data/*\n")).toEqual([
			"!not negated",
			"# no comment",
			".quiltignore",
			"a.tmp",
			"deep/a.tmp",
			"deep/logs",
			"logs/z",
		]);
	});

	test("only the one in the source's root counts", async () => {
		const machine = newMachine();
		const folder = machine.folder("data", { "d/.quiltignore": "*\n", "d/a": "a" });
		expect(keysOf(await new Package().setDir(".", folder))).toEqual(["d/.quiltignore", "d/a"]);
	});

	test("ignore git reads it as gitignore, ignore none does not read it", async () => {
		expect(await keysWith("/a.tmp\n# no comment\nlogs\n!deep/logs\n", "git")).toEqual([
			"!not negated",
			"# no comment",
			".quiltignore",
			"data/x",
			"deep/a.tmp",
			"deep/data/y",
			"deep/logs",
		]);
		expect(await keysWith("*\n", "none")).toHaveLength(9);
	});

	test("include and exclude choose by globs on the path below the source", async () => {
		const machine = newMachine();
		const folder = machine.folder("data", { ...files, ".hidden/a.tmp": "9" });
		const include = ["**/*.tmp", "logs/**"];
		expect(keysOf(await new Package().setDir("k", folder, { include }))).toEqual([
			"k/.hidden/a.tmp",
			"k/a.tmp",
			"k/deep/a.tmp",
			"k/logs/z",
		]);
		const exclude = ["deep/**", "*not*", "# *"];
		expect(keysOf(await new Package().setDir(".", folder, { exclude }))).toEqual([
			".hidden/a.tmp",
			"a.tmp",
			"data/x",
			"logs/z",
		]);
		expect(keysOf(await new Package().setDir(".", folder, { include, exclude }))).toEqual([
			".hidden/a.tmp",
			"a.tmp",
			"logs/z",
		]);
	});
});

test("setDir() tells its progress", async () => {
	const machine = newMachine();
	const folder = machine.folder("data", { a: "abc", "d/b": "b" });
	mkdirSync(`${folder}/empty`);
	const events: ProgressEvent[] = [];
	await new Package().setDir("k", folder, { onProgress: (event) => events.push(event) });
	expect(events[0]).toEqual({ kind: "started", phase: "walk", files: 0, bytes: 0 });
	expect(events.at(-1)).toEqual({ kind: "finished", phase: "walk" });
	expect(events).toContainEqual({ kind: "advanced", phase: "walk", key: "k/a", bytes: 3 });
});
