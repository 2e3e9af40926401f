import { renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { describeRun, type Sandbox, sandbox } from "./sandbox.ts";

/** A machine whose registry has two revisions of ann/cats. */
async function withCats(): Promise<{ box: Sandbox; first: string; second: string }> {
	const box = sandbox();
	const folder = box.folder("cats", { "a.txt": "a\n", "sub/b.txt": "b\n", "sub/deep/c.txt": "c\n" });
	const push = ["push", "ann/cats", "--dir", "cats", "--registry", "registry"];
	const first = String((await box.json([...push, "-m", "first", "--meta", '{"v": 1.0}']))["topHash"]);
	writeFileSync(join(folder, "a.txt"), "A\n");
	renameSync(join(folder, "sub/b.txt"), join(folder, "sub/d.txt"));
	const second = String((await box.json([...push, "-m", "second\u001b[31m"]))["topHash"]);
	return { box, first, second };
}

const at = ["--registry", "registry"];

describe("bale list", () => {
	it("lists the packages of a registry, sorted, as list-packages does", async () => {
		const { box } = await withCats();
		await box.json(["push", "ann/Dogs", "--dir", "cats", ...at]);
		for (const args of [
			["list", "registry"],
			["list-packages", "registry"],
			["list", ...at],
			["list", "registry", "-q"],
		]) {
			expect((await box.bale(args)).stdout).toBe("ann/Dogs\nann/cats\n");
		}
		expect(await box.json(["list", `file://${box.registry}`])).toMatchObject({
			packages: ["ann/Dogs", "ann/cats"],
		});
		const none = await box.bale(["list", "nowhere"]);
		expect(none).toMatchObject({ code: 0, stdout: "" });
		expect((await box.error(["list", "registry", "--registry", "other"], 2)).code).toBe("InvalidArgument");
	});
});

describe("bale log", () => {
	it("lists the revisions, newest first", async () => {
		const { box, first, second } = await withCats();
		const { revisions } = await box.json(["log", "ann/cats", ...at]);
		expect(revisions).toMatchObject([
			{ topHash: second, latest: true, message: "second\u001b[31m" },
			{ topHash: first, latest: false, message: "first" },
		]);
		expect((await box.json(["log", "ann/cats", ...at, "--limit", "1"]))["revisions"]).toHaveLength(1);
		expect((await box.bale(["log", "ann/cats", ...at, "-q"])).stdout).toBe(`${second}\n${first}\n`);
		const { stdout } = await box.bale(["log", "ann/cats", ...at]);
		expect(stdout).toContain("second\\u001b[31m");
		expect(stdout).not.toContain("\u001b");
		expect((await box.error(["log", "ann/dogs", ...at], 10)).code).toBe("PackageNotFound");
		expect((await box.error(["log", "ann/cats", ...at, "--limit", "0"], 2)).code).toBe("InvalidArgument");
	});
});

describe("bale show", () => {
	it("shows message, metadata with exact numbers, size and tree", async () => {
		const { box, first } = await withCats();
		const result = await box.bale(["show", `ann/cats@${first.slice(0, 8)}`, ...at]);
		expect(result.stdout, describeRun([], result)).toContain(first);
		for (const text of ["first", '{ "v": 1.0 }', "3 files, 6 B", "a.txt", "deep/"])
			expect(result.stdout).toContain(text);
		const document = await box.json(["show", `ann/cats@${first}`, ...at]);
		expect(document).toMatchObject({
			topHash: first,
			message: "first",
			meta: { v: 1 },
			files: 3,
			bytes: 6,
			workflow: null,
		});
		expect((await box.bale(["inspect", "ann/cats", ...at])).stdout).toContain("second\\u001b[31m");
	});
});

describe("bale ls", () => {
	it("lists one level, everything, one directory or one file", async () => {
		const { box } = await withCats();
		const keys = async (...args: string[]): Promise<string> =>
			(await box.bale(["ls", "ann/cats", ...args, ...at])).stdout;
		expect(await keys()).toBe("a.txt\nsub/\n");
		expect(await keys("-r")).toBe("a.txt\nsub/d.txt\nsub/deep/c.txt\n");
		expect(await keys("sub/")).toBe("sub/d.txt\nsub/deep/\n");
		expect(await keys("sub/deep/c.txt")).toBe("sub/deep/c.txt\n");
		expect(await keys("-l", "a.txt")).toMatch(/^2 {2}sha2-256-chunked:[A-Za-z0-9+/]{43}= {2}a\.txt\n$/);
		const { entries } = await box.json(["ls", "ann/cats", ...at]);
		expect(entries).toMatchObject([
			{ key: "a.txt", kind: "file", size: 2, hash: { type: "sha2-256-chunked" } },
			{ key: "sub/", kind: "directory", size: null, hash: null },
		]);
		expect((await box.error(["ls", "ann/cats", "nope", ...at], 10)).code).toBe("EntryNotFound");
	});
});

describe("bale diff", () => {
	it("compares two revisions", async () => {
		const { box, first, second } = await withCats();
		const changes = { added: ["sub/d.txt"], modified: ["a.txt"], deleted: ["sub/b.txt"], different: true };
		for (const to of [[], [`@${second}`], [":latest"], [`ann/cats@${second.slice(0, 7)}`]]) {
			expect(await box.json(["diff", `ann/cats@${first}`, ...to, ...at])).toMatchObject({
				...changes,
				from: { topHash: first },
				to: { topHash: second },
			});
		}
		const human = await box.bale(["diff", `ann/cats@${first}`, ...at, "--exit-code"]);
		expect(human).toMatchObject({ code: 4, stdout: "~ a.txt\n- sub/b.txt\n+ sub/d.txt\n" });
		expect(await box.json(["diff", "ann/cats", ":latest", ...at, "--exit-code"])).toMatchObject({
			different: false,
		});
	});

	it("compares a revision with a folder", async () => {
		const { box } = await withCats();
		expect(await box.json(["diff", "ann/cats", "./cats", ...at])).toMatchObject({
			different: false,
			to: { dir: "./cats" },
		});
		expect((await box.bale(["diff", "ann/cats", "cats", ...at])).stderr).toBe("No file differs\n");
		writeFileSync(box.path("cats/ignored.log"), "");
		writeFileSync(box.path("cats/.quiltignore"), "*.log\nc.txt\n");
		const plan = await box.json(["push", "ann/cats", "--dir", "cats", ...at, "--dry-run"]);
		const { added, modified, deleted } = await box.json(["diff", "ann/cats", "cats", ...at]);
		expect(plan["changes"]).toMatchObject({ added, modified, deleted });
		expect({ added, modified, deleted }).toEqual({
			added: [".quiltignore"],
			modified: [],
			deleted: ["sub/deep/c.txt"],
		});
		rmSync(box.path("cats/.quiltignore"));
		rmSync(box.path("cats/ignored.log"));
		writeFileSync(box.path("cats/a.txt"), "other\n");
		writeFileSync(box.path("cats/new.txt"), "");
		expect(await box.json(["diff", "ann/cats", "--dir", "cats", ...at, "--exit-code"], 4)).toMatchObject({
			added: ["new.txt"],
			modified: ["a.txt"],
			deleted: [],
		});
		expect((await box.error(["diff", "ann/cats", "ann/cats", "--dir", "cats", ...at], 2)).code).toBe(
			"InvalidArgument",
		);
	});
});
