import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Sandbox, sandbox } from "./sandbox.ts";

const cats = { "a.txt": "a\n", "sub/b.txt": "b\n", "README.md": "# Cats\n" };

/** A machine whose registry has one revision of ann/cats. */
async function withCats(): Promise<{ box: Sandbox; topHash: string; folder: string }> {
	const box = sandbox();
	const folder = box.folder("cats", cats);
	const { topHash } = await box.json([
		"push",
		"ann/cats",
		"--dir",
		"cats",
		"--registry",
		"registry",
		"-m",
		"first",
	]);
	return { box, topHash: String(topHash), folder };
}

const install = ["install", "ann/cats", "--registry", "registry", "--dest", "copy"];

describe("bale install", () => {
	it("brings the files, and moves nothing the second time", async () => {
		const { box, topHash } = await withCats();
		const first = await box.json(install);
		expect(first).toMatchObject({
			name: "ann/cats",
			topHash,
			registry: `file://${box.registry}`,
			dest: box.path("copy"),
			files: 3,
			bytes: 11,
			written: ["README.md", "a.txt", "sub/b.txt"],
			kept: 0,
			dryRun: false,
		});
		expect(readFileSync(box.path("copy/sub/b.txt"), "utf8")).toBe("b\n");
		expect(await box.json(install)).toMatchObject({ written: [], kept: 3 });
		const quiet = await box.bale([...install, "--quiet"]);
		expect(quiet).toMatchObject({ stdout: `${topHash}\n`, stderr: "" });
		expect((await box.json(["list"]))["packages"]).toEqual(["ann/cats"]);
	});

	it("writes nothing with --dry-run", async () => {
		const { box, topHash } = await withCats();
		expect(await box.json([...install, "--dry-run"])).toMatchObject({
			topHash,
			dryRun: true,
			written: ["README.md", "a.txt", "sub/b.txt"],
		});
		expect(existsSync(box.path("copy"))).toBe(false);
	});

	it("takes a revision as NAME@HASH, NAME:POINTER, --top-hash or address, and a part with --path", async () => {
		const { box, topHash, folder } = await withCats();
		writeFileSync(join(folder, "a.txt"), "changed\n");
		await box.json(["push", "ann/cats", "--dir", "cats", "--registry", "registry"]);
		const { revisions } = await box.json(["log", "ann/cats", "--registry", "registry"]);
		const oldest = (revisions as { pointer: string }[]).at(-1)?.pointer ?? "";
		const address = `quilt+file://${box.registry}#package=ann/cats@${topHash}&path=sub`;
		const of = async (name: string, ...more: string[]): Promise<unknown> =>
			(await box.json(["install", name, "--dest", "out", "--overwrite", ...more]))["topHash"];
		expect(await of(`ann/cats@${topHash.slice(0, 8)}`, "--registry", "registry")).toBe(topHash);
		expect(await of(`ann/cats:${oldest}`, "--registry", "registry")).toBe(topHash);
		expect(await of("ann/cats", "--registry", "registry", "--top-hash", topHash)).toBe(topHash);
		expect(await of("ann/cats:latest", "--registry", "registry")).not.toBe(topHash);
		expect(await box.json(["install", address, "--dest", "part"])).toMatchObject({
			files: 1,
			written: ["b.txt"],
		});
		expect(await box.json([...install, "--path", "sub/b.txt"])).toMatchObject({ written: ["b.txt"] });
		const both = ["install", `ann/cats@${topHash}`, "--top-hash", topHash, "--registry", "registry"];
		expect((await box.error(both, 2)).code).toBe("InvalidArgument");
	});

	it("does not overwrite what was changed, and lists it", async () => {
		const { box } = await withCats();
		await box.json(install);
		writeFileSync(box.path("copy/a.txt"), "mine\n");
		const refused = await box.bale(install);
		expect(refused.code).toBe(13);
		expect(refused.stderr).toContain("a.txt");
		expect(refused.stderr).toContain("--overwrite");
		expect(readFileSync(box.path("copy/a.txt"), "utf8")).toBe("mine\n");
		expect(await box.json([...install, "--overwrite"])).toMatchObject({ written: ["a.txt"] });
		expect(readFileSync(box.path("copy/a.txt"), "utf8")).toBe("a\n");
	});

	it("removes files of the revision before with --prune", async () => {
		const { box, folder } = await withCats();
		await box.json(install);
		rmSync(join(folder, "a.txt"));
		await box.json(["push", "ann/cats", "--dir", "cats", "--registry", "registry"]);
		expect(await box.json(install)).toMatchObject({ stale: ["a.txt"], pruned: [] });
		const dry = await box.bale([...install, "--prune", "--dry-run"]);
		expect(dry.stderr).toContain("1 to remove");
		expect(existsSync(box.path("copy/a.txt"))).toBe(true);
		const pruned = await box.bale([...install, "--prune"]);
		expect(pruned.stderr).toContain("1 removed");
		expect(pruned.stderr).not.toContain("left from the revision before");
		expect(existsSync(box.path("copy/a.txt"))).toBe(false);
	});

	it("says what is not there, each with its code", async () => {
		const { box } = await withCats();
		const from = ["--registry", "registry", "--dest", "copy"];
		expect((await box.error(["install", "ann/dogs", ...from], 10)).code).toBe("PackageNotFound");
		expect((await box.error(["install", "ann/cats@abcdef0", ...from], 10)).code).toBe("RevisionNotFound");
		expect((await box.error(["install", "ann/cats:123", ...from], 10)).code).toBe("RevisionNotFound");
		expect((await box.error(["install", "ann/cats", ...from, "--path", "nope"], 10)).code).toBe(
			"EntryNotFound",
		);
		expect((await box.error(["install", "ann/cats@abc", ...from], 2)).code).toBe("InvalidHash");
		expect((await box.error(["install", "cats", ...from], 2)).code).toBe("InvalidName");
		expect((await box.error(["install", "https://x/y", ...from], 2)).code).toBe("UnsupportedScheme");
	});

	it("refuses bytes that are not what the manifest says, and leaves nothing", async () => {
		const { box } = await withCats();
		writeFileSync(join(box.registry, "ann/cats/a.txt"), "b\n");
		expect((await box.error(install, 13)).code).toBe("IntegrityMismatch");
		expect(existsSync(box.path("copy/a.txt"))).toBe(false);
	});
});

describe("bale fetch", () => {
	it("copies everything, one directory or one file, and records nothing", async () => {
		const { box, topHash } = await withCats();
		const fetch = ["fetch", "ann/cats", "--registry", "registry"];
		expect(await box.json([...fetch, "--dest", "all"])).toMatchObject({
			files: 3,
			bytes: 11,
			topHash,
			key: "",
		});
		expect(await box.json([...fetch, "sub", "--dest", "part"])).toMatchObject({ files: 1, key: "sub" });
		expect(await box.json([...fetch, "sub/b.txt", "--dest", "one"])).toMatchObject({ files: 1, bytes: 2 });
		expect(await box.json([...fetch, "--dest", "none", "--dry-run"])).toMatchObject({
			files: 3,
			dryRun: true,
		});
		expect(readFileSync(box.path("all/sub/b.txt"), "utf8")).toBe("b\n");
		expect(readFileSync(box.path("part/b.txt"), "utf8")).toBe("b\n");
		expect(readFileSync(box.path("one/b.txt"), "utf8")).toBe("b\n");
		expect(existsSync(box.path("none"))).toBe(false);
		expect((await box.json(["list"]))["packages"]).toEqual([]);
		expect((await box.error(["status", "all"], 10)).code).toBe("PackageNotFound");
		const { stderr } = await box.bale([...fetch, "--dest", "next"]);
		const next = /Next: bale (.+)/.exec(stderr)?.[1]?.split(" ") ?? [];
		expect((await box.bale(next)).code).toBe(0);
		writeFileSync(box.path("all/a.txt"), "mine\n");
		expect((await box.error([...fetch, "--dest", "all"], 13)).code).toBe("DestinationConflict");
		expect((await box.error([...fetch, "nope", "--dest", "all"], 10)).code).toBe("EntryNotFound");
	});
});

describe("bale cat", () => {
	it("prints one file, or a part of it, byte for byte", async () => {
		const { box } = await withCats();
		const cat = ["cat", "ann/cats", "README.md", "--registry", "registry"];
		const print = async (...more: string[]): Promise<string> => (await box.bale([...cat, ...more])).stdout;
		expect(await print()).toBe("# Cats\n");
		expect(await print("--quiet")).toBe("# Cats\n");
		expect(await print("--range", "2-3")).toBe("Ca");
		expect(await print("--range", "2-")).toBe("Cats\n");
		expect(await print("--range", "2-9999")).toBe("Cats\n");
		expect(await print("--range", "-3")).toBe("ts\n");
		expect(await print("--range", "7-")).toBe("");
		expect(await box.json([...cat, "--range", "2-3"])).toMatchObject({
			size: 7,
			offset: 2,
			encoding: "utf-8",
			content: "Ca",
		});
		for (const [range, help] of [
			["x", "bale cat --help"],
			["5-2", "the first byte before the last"],
			["8-", "number 0"],
			["1", "bale cat --help"],
			["--", "bale cat --help"],
		] as const) {
			const { code, hint } = await box.error([...cat, `--range=${range}`], 2);
			expect([code, hint]).toEqual(["InvalidArgument", expect.stringContaining(help)]);
		}
		expect((await box.error(["cat", "ann/cats", "--registry", "registry"], 2)).message).toContain("KEY");
		expect((await box.error(["cat", "ann/cats", "sub", "--registry", "registry"], 2)).hint).toContain(
			"bale ls",
		);
		expect((await box.error(["cat", "ann/cats", "nope", "--registry", "registry"], 10)).code).toBe(
			"EntryNotFound",
		);
	});

	it("gives bytes that are no text as base64, and takes the file from an address", async () => {
		const box = sandbox();
		const folder = box.folder("cats", {});
		writeFileSync(join(folder, "x.bin"), Buffer.from([0xff, 0xfe, 0x00]));
		await box.json(["push", "ann/cats", "--dir", "cats", "--registry", "registry"]);
		const address = `quilt+file://${box.registry}#package=ann/cats&path=x.bin`;
		expect(await box.json(["cat", address])).toMatchObject({ encoding: "base64", content: "//4A" });
	});

	it("ends with an error when the bytes are not what the manifest says", async () => {
		const { box } = await withCats();
		writeFileSync(join(box.registry, "ann/cats/a.txt"), "b\n");
		expect((await box.error(["cat", "ann/cats", "a.txt", "--registry", "registry"], 13)).code).toBe(
			"IntegrityMismatch",
		);
	});
});

describe("bale status", () => {
	it("compares a folder with what was installed there", async () => {
		const { box, topHash } = await withCats();
		await box.json(install);
		expect(await box.json(["status", "copy", "--exit-code"])).toMatchObject({ topHash, different: false });
		writeFileSync(box.path("copy/a.txt"), "A\n");
		rmSync(box.path("copy/README.md"));
		writeFileSync(box.path("copy/new.txt"), "");
		const different = { different: true, modified: ["a.txt"], missing: ["README.md"], extra: ["new.txt"] };
		expect(await box.json(["status", "copy"])).toMatchObject(different);
		expect(await box.json(["status", "--exit-code"], 4, { cwd: box.path("copy") })).toMatchObject(different);
		const { stdout, stderr } = await box.bale(["status", "copy"]);
		expect(stdout).toBe("- README.md\n~ a.txt\n+ new.txt\n");
		expect(stderr).toContain("1 changed, 1 missing, 1 not of the package");
		expect((await box.error(["status", "cats"], 10)).code).toBe("PackageNotFound");
	});
});

describe("bale verify", () => {
	it("names every missing, extra and changed file and exits with 13", async () => {
		const { box, topHash } = await withCats();
		await box.json(install);
		const verify = ["verify", "ann/cats", "--registry", "registry", "--top-hash", topHash, "--dir", "copy"];
		expect(await box.json(verify)).toMatchObject({ ok: true, missing: [], extra: [], changed: [] });
		writeFileSync(box.path("copy/extra.txt"), "");
		expect(await box.json(verify, 13)).toMatchObject({ ok: false, extra: ["extra.txt"] });
		expect(await box.json([...verify, "--extra-files-ok"])).toMatchObject({ ok: true });
		writeFileSync(box.path("copy/a.txt"), "A\n");
		rmSync(box.path("copy/README.md"));
		const human = await box.bale(verify);
		expect(human.code).toBe(13);
		expect(human.stdout).toBe("missing  README.md\nchanged  a.txt (hash)\nextra    extra.txt\n");
		expect(human.stderr).toContain("does not match");
		expect((await box.bale([...verify, "-q"])).stdout).toBe("README.md\na.txt\nextra.txt\n");
		expect(
			await box.json(["verify", "ann/cats", "--registry", "registry", "--dir", "nowhere"], 13),
		).toMatchObject({
			missing: ["README.md", "a.txt", "sub/b.txt"],
		});
	});
});
