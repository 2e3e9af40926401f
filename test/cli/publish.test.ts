import { readdirSync, readFileSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { sandbox } from "./sandbox.ts";

const cats = { "a.txt": "a\n", "sub/b.txt": "b\n", "README.md": "# Cats\n" };

describe("bale build", () => {
	it("records a folder in the local registry and prints a reference", async () => {
		const box = sandbox();
		box.folder("cats", cats);
		const document = await box.json(["build", "ann/cats", "--dir", "cats", "--message", "first"]);
		expect(document).toMatchObject({ name: "ann/cats", files: 3, bytes: 11, changed: true, dryRun: false });
		expect(document["registry"]).toBe(`file://${box.data}/packages`);
		const again = await box.bale(["build", "ann/cats", "--dir", "cats", "--message", "first"]);
		expect(again.stdout).toBe(`ann/cats@${String(document["topHash"])}\n`);
		expect(again.stderr).toContain("Recorded a revision of ann/cats");
	});

	it("gives the top hash that quilt3 gives for the folder, with null as metadata", async () => {
		const box = sandbox();
		box.folder("tree", { "a.txt": "a", "sub/b.txt": "b" });
		const { stdout } = await box.bale(["build", "u/p", "--dir", "tree", "--message", "m1", "-q"]);
		expect(stdout).toBe("09dd0e73e8176bf1b054401b191135f0145667c4400f1815541aab296250a7c5\n");
	});

	it("only computes the top hash with --dry-run", async () => {
		const box = sandbox();
		box.folder("cats", cats);
		const dry = await box.json(["build", "ann/cats", "--dir", "cats", "--dry-run"]);
		expect(dry).toMatchObject({ dryRun: true, changed: true });
		expect((await box.json(["list"]))["packages"]).toEqual([]);
		const real = await box.json(["build", "ann/cats", "--dir", "cats"]);
		expect(real["topHash"]).toBe(dry["topHash"]);
	});

	it("keeps the exact numbers of --meta", async () => {
		const box = sandbox();
		box.folder("cats", cats);
		await box.bale([
			"build",
			"ann/cats",
			"--dir",
			"cats",
			"--meta",
			'{"v": 1.0, "n": 12345678901234567890, "é": [1e400]}',
		]);
		const broken = await box.error(["show", "ann/cats"], 10);
		expect(broken.code).toBe("PackageNotFound");
		await box.bale(["build", "ann/number", "--dir", "cats", "--meta", "1.0"]);
		expect((await box.bale(["show", "ann/number", "--json"])).stdout).toContain('"meta": 1.0,');
		const hash = async (meta: string): Promise<unknown> =>
			(await box.json(["build", "ann/cats", "--dir", "cats", "--dry-run", "--meta", meta]))["topHash"];
		expect(await hash("1.0")).not.toBe(await hash("1"));
		await box.bale(["build", "ann/cats", "--dir", "cats", "--meta", '{"v": 1.0, "n": 12345678901234567890}']);
		const { stdout } = await box.bale(["show", "ann/cats", "--json"]);
		expect(stdout).toContain('"v": 1.0');
		expect(stdout).toContain('"n": 12345678901234567890');
	});

	it("refuses bad metadata before it looks at anything", async () => {
		const box = sandbox();
		const missing = ["build", "ann/cats", "--dir", "not-there"];
		expect((await box.error([...missing, "--meta", "{a:1}"], 2)).code).toBe("InvalidArgument");
		expect((await box.error([...missing, "--meta", '{"a": NaN}'], 2)).code).toBe("InvalidMetadata");
		expect((await box.error([...missing, "--meta", "@no-file"], 2)).code).toBe("InvalidArgument");
		expect((await box.error([...missing, "--meta", "1", "--keep-meta"], 2)).code).toBe("InvalidArgument");
		expect((await box.error(missing, 2)).code).toBe("NotAFile");
		expect((await box.error(["build", "ann/cats"], 2)).message).toContain("--dir");
	});

	it("takes the metadata from a file with --meta @FILE", async () => {
		const box = sandbox();
		box.folder("cats", cats);
		writeFileSync(box.path("meta.json"), '{"from": "file"}');
		await box.json(["build", "ann/cats", "--dir", "cats", "--meta", "@meta.json"]);
		expect((await box.json(["show", "ann/cats"]))["meta"]).toEqual({ from: "file" });
	});

	it("selects files by --include, --exclude and --ignore", async () => {
		const box = sandbox();
		box.folder("cats", { ...cats, "c.log": "c", ".quiltignore": "*.log\n" });
		const keys = async (...flags: string[]): Promise<unknown> => {
			await box.json(["build", "ann/cats", "--dir", "cats", ...flags]);
			const { entries } = await box.json(["ls", "ann/cats", "-r"]);
			return (entries as { key: string }[]).map(({ key }) => key);
		};
		expect(await keys()).toEqual([".quiltignore", "README.md", "a.txt", "sub/b.txt"]);
		expect(await keys("--ignore", "none", "--include", "*.log", "--include", "sub/**")).toEqual([
			"c.log",
			"sub/b.txt",
		]);
		expect(await keys("--ignore=git", "--exclude=**/*.txt", "--exclude=.*")).toEqual(["README.md"]);
	});
});

describe("bale push", () => {
	it("copies the data, publishes and says what changed and what one can do next", async () => {
		const box = sandbox();
		const folder = box.folder("cats", cats);
		const first = await box.json(["push", "ann/cats", "--dir", "cats", "--registry", "registry"]);
		expect(first).toMatchObject({
			name: "ann/cats",
			registry: `file://${box.registry}`,
			changed: true,
			copied: { files: 3, bytes: 11 },
			reused: { files: 0, bytes: 0 },
			displaced: [],
			changes: null,
		});
		expect(readFileSync(join(box.registry, "ann/cats/a.txt"), "utf8")).toBe("a\n");
		writeFileSync(join(folder, "a.txt"), "changed\n");
		writeFileSync(join(folder, "new.txt"), "new\n");
		rmSync(join(folder, "README.md"));
		const plan = await box.json(["push", "ann/cats", "--dir", "cats", "--registry", "registry", "--dry-run"]);
		const human = await box.bale(["push", "ann/cats", "--dir", "cats", "--registry", "registry"]);
		expect(human.stdout).toBe(`ann/cats@${String(plan["topHash"])}\n`);
		expect(human.stderr).toContain("1 added, 1 changed, 1 removed since");
		expect(human.stderr).toContain("Next: bale install ann/cats --registry registry");
		expect(plan["changes"]).toEqual({
			from: first["topHash"],
			added: ["new.txt"],
			modified: ["a.txt"],
			deleted: ["README.md"],
		});
		expect(plan["displaced"]).toEqual([
			{ key: "a.txt", physicalKey: expect.stringContaining("/.bale/objects/") as string },
		]);
		expect(readFileSync(join(box.registry, "ann/cats/a.txt"), "utf8")).toBe("a\n");
	});

	it("says of a revision that was built there that its files were copied, and of a dest that nothing went to", async () => {
		const box = sandbox();
		box.folder("cats", cats);
		const push = ["push", "ann/cats", "--dir", "cats", "--registry", "registry"];
		await box.json(["build", "ann/cats", "--dir", "cats", "--registry", "registry"]);
		const dry = await box.bale([...push, "--dry-run"]);
		expect(dry.stderr).toContain("as its latest already; its files would be copied there");
		const filled = await box.bale(push);
		expect(filled.stderr).toContain("as its latest already; its files were copied there");
		expect(filled.stderr).toContain("copied 3 files");
		expect(filled.stderr).not.toContain("nothing to publish");
		const other = ["push", "ann/dogs", "--dir", "cats", "--registry", "registry", "-m", "dogs"];
		await box.json(other);
		for (const file of Object.keys(cats)) utimesSync(join(box.registry, "ann/dogs", file), 1, 1);
		const again = await box.json([...other, "--dest", join(box.registry, "elsewhere")]);
		expect(again).toMatchObject({ changed: false, copied: { files: 0 }, warnings: [{ code: "DestUnused" }] });
		expect((await box.error([...push, "--dest", join(box.registry, ".quilt")], 2)).code).toBe("ReservedKey");
	});

	it("writes nothing with --dry-run", async () => {
		const box = sandbox();
		box.folder("cats", cats);
		const dry = await box.json(["push", "ann/cats", "--dir", "cats", "--registry", "new", "--dry-run"]);
		expect(dry).toMatchObject({ dryRun: true, copied: { files: 3, bytes: 11 } });
		expect((await box.json(["list", "new"]))["packages"]).toEqual([]);
		const real = await box.json(["push", "ann/cats", "--dir", "cats", "--registry", "new"]);
		expect(real["topHash"]).toBe(dry["topHash"]);
	});

	it("is a Conflict when somebody else published, and publishes with --force", async () => {
		const box = sandbox();
		box.folder("cats", cats);
		const push = ["push", "ann/cats", "--dir", "cats", "--registry", "registry"];
		await box.json([...push, "-m", "mine"]);
		await box.json([...push, "-m", "mine again"]);
		const other = { env: { BALE_DATA_DIR: box.path("other-user") } };
		const conflict = await box.json([...push, "-m", "theirs"], 11, other);
		expect(conflict["error"]).toMatchObject({ code: "Conflict" });
		await box.json([...push, "-m", "theirs", "--force"], 0, other);
		expect((await box.error([...push, "-m", "mine"], 11)).code).toBe("Conflict");
		await box.json(["install", "ann/cats", "--registry", "registry", "--dest", "copy"]);
		expect((await box.error([...push, "-m", "mine"], 11)).hint).toContain("--dest");
		await box.json([...push, "-m", "after installing", "--dir", "copy"]);
		const { revisions } = await box.json(["log", "ann/cats", "--registry", "registry"]);
		expect((revisions as { message: string }[]).map(({ message }) => message)).toEqual([
			"after installing",
			"theirs",
			"mine again",
			"mine",
		]);
	});

	it("says that metadata are dropped, keeps them with --keep-meta, and keeps files with --update", async () => {
		const box = sandbox();
		const folder = box.folder("cats", cats);
		const push = ["push", "ann/cats", "--dir", "cats", "--registry", "registry"];
		await box.json([...push, "--meta", '{"v": 1.0}']);
		const dropping = await box.json([...push, "--dry-run"]);
		expect(dropping["warnings"]).toEqual([
			{ code: "MetadataDropped", message: expect.stringContaining("--keep-meta") as string },
		]);
		expect((await box.bale([...push, "--dry-run"])).stderr).toContain(
			"warning: The metadata of the previous revision",
		);
		rmSync(join(folder, "a.txt"));
		const kept = await box.json([...push, "--keep-meta", "--update"]);
		expect(kept).toMatchObject({ files: 3, changed: false });
		expect(kept).not.toHaveProperty("warnings");
		await box.json(push);
		expect(await box.json(["show", "ann/cats", "--registry", "registry"])).toMatchObject({
			meta: null,
			files: 2,
		});
	});

	it("publishes the package of the local registry without --dir", async () => {
		const box = sandbox();
		box.folder("cats", cats);
		const built = await box.json(["build", "ann/cats", "--dir", "cats", "-m", "m", "--meta", "{}"]);
		const pushed = await box.json(["push", "ann/cats", "--registry", "registry"]);
		expect(pushed["topHash"]).toBe(built["topHash"]);
		const renamed = await box.json(["push", "ann/cats", "--registry", "registry", "-m", "other"]);
		expect(renamed["topHash"]).not.toBe(built["topHash"]);
		expect((await box.error(["push", "ann/cats", "--registry", "registry", "--update"], 2)).code).toBe(
			"InvalidArgument",
		);
		expect((await box.error(["push", "ann/dogs", "--registry", "registry"], 10)).code).toBe(
			"PackageNotFound",
		);
	});

	it("publishes nothing twice", async () => {
		const box = sandbox();
		box.folder("cats", cats);
		const push = ["push", "ann/cats", "--dir", "cats", "--registry", "registry", "--dedupe"];
		await box.json(push);
		expect(await box.json(push)).toMatchObject({ changed: false });
		expect((await box.json(["log", "ann/cats", "--registry", "registry"]))["revisions"]).toHaveLength(1);
	});

	it("puts the data below --dest, and refuses --no-copy for local files and places elsewhere", async () => {
		const box = sandbox();
		box.folder("cats", cats);
		const push = ["push", "ann/cats", "--dir", "cats", "--registry", "registry"];
		await box.json([...push, "--dest", join(box.registry, "here")]);
		expect(readFileSync(join(box.registry, "here/a.txt"), "utf8")).toBe("a\n");
		expect((await box.error([...push, "--dest", box.path("elsewhere")], 2)).code).toBe("InvalidArgument");
		expect((await box.error([...push, "--no-copy"], 2)).message).toContain("--no-copy");
	});

	it("needs a registry, and takes default_remote_registry", async () => {
		const box = sandbox();
		box.folder("cats", cats);
		const push = ["push", "ann/cats", "--dir", "cats"];
		expect((await box.error(push, 2)).hint).toContain("--registry");
		await box.json(["config", "set", "default_remote_registry", box.registry]);
		expect(await box.json(push)).toMatchObject({ registry: `file://${box.registry}` });
	});

	it("takes an address as the package, and refuses revisions and contradictions", async () => {
		const box = sandbox();
		box.folder("cats", cats);
		const address = `quilt+file://${box.registry}#package=ann/cats`;
		expect(await box.json(["push", address, "--dir", "cats"])).toMatchObject({ name: "ann/cats" });
		expect((await box.json(["list", "registry"]))["packages"]).toEqual(["ann/cats"]);
		expect((await box.error(["push", address, "--dir", "cats", "--registry", "other"], 2)).code).toBe(
			"InvalidArgument",
		);
		expect((await box.error(["push", "ann/cats@abcdef0", "--dir", "cats"], 2)).code).toBe("InvalidArgument");
	});

	it("refuses a workflow where there are none, and a configuration that cannot be used", async () => {
		const box = sandbox();
		box.folder("cats", cats);
		const push = ["push", "ann/cats", "--dir", "cats", "--registry", "registry"];
		expect((await box.error([...push, "--workflow", "x"], 2)).code).toBe("InvalidArgument");
		expect((await box.error([...push, "--workflow", ""], 2)).code).toBe("InvalidArgument");
		box.folder("registry/.quilt/workflows", { "config.yml": "version: '1'\n" });
		expect((await box.error(push, 14)).code).toBe("InvalidWorkflow");
	});
});

describe("bale rollback", () => {
	it("makes an earlier revision the latest one", async () => {
		const box = sandbox();
		const folder = box.folder("cats", cats);
		const push = ["push", "ann/cats", "--dir", "cats", "--registry", "registry"];
		const first = String((await box.json(push))["topHash"]);
		writeFileSync(join(folder, "a.txt"), "changed\n");
		const second = String((await box.json(push))["topHash"]);
		const latest = async (): Promise<unknown> =>
			(await box.json(["show", "ann/cats", "--registry", "registry"]))["topHash"];
		const rollback = ["rollback", "ann/cats", first.slice(0, 10), "--registry", "registry"];
		expect(await box.json([...rollback, "--dry-run"])).toMatchObject({
			topHash: first,
			previous: second,
			changed: true,
		});
		expect(await latest()).toBe(second);
		const done = await box.bale(rollback);
		expect(done.stdout).toBe(`ann/cats@${first}\n`);
		expect(done.stderr).toContain(`To undo: bale rollback ann/cats ${second.slice(0, 10)}`);
		expect(await latest()).toBe(first);
		expect(await box.json([`rollback`, `ann/cats@${first}`, "--registry", "registry"])).toMatchObject({
			changed: false,
		});
		expect((await box.error(["rollback", "ann/cats", "--registry", "registry"], 2)).code).toBe(
			"InvalidArgument",
		);
		expect((await box.error(["rollback", "ann/cats", "ffffff", "--registry", "registry"], 10)).code).toBe(
			"RevisionNotFound",
		);
	});
});

describe("bale delete", () => {
	it("says what will break, needs --yes without a terminal, and keeps the data", async () => {
		const box = sandbox();
		const folder = box.folder("cats", cats);
		const push = ["push", "ann/cats", "--dir", "cats", "--registry", "registry"];
		const first = String((await box.json(push))["topHash"]);
		writeFileSync(join(folder, "a.txt"), "changed\n");
		const second = String((await box.json(push))["topHash"]);
		const del = ["delete", "ann/cats", "--registry", "registry"];
		expect((await box.error(del, 2)).hint).toContain("--yes");
		const dry = await box.bale([...del, "--dry-run"]);
		expect(dry.code).toBe(0);
		expect(dry.stderr).toContain("will find nothing");
		expect(
			await box.json(["delete", `ann/cats@${second.slice(0, 8)}`, "--registry", "registry", "--yes"]),
		).toMatchObject({
			topHash: second,
			latest: first,
			pointers: expect.arrayContaining(["latest"]) as string[],
		});
		expect(await box.json([...del, "-y"])).toMatchObject({ latest: null });
		expect((await box.error([...del, "--yes"], 10)).code).toBe("PackageNotFound");
		expect((await box.error(["delete", "ann/cats:latest", "--yes", "--registry", "registry"], 2)).code).toBe(
			"InvalidArgument",
		);
		expect(readFileSync(join(box.registry, "ann/cats/a.txt"), "utf8")).toBe("a\n");
		const revived = await box.json([
			"install",
			"ann/cats",
			"--top-hash",
			first,
			"--registry",
			"registry",
			"--dest",
			"out",
		]);
		expect(revived["files"]).toBe(3);
	});
});

describe("bale push --rebase", () => {
	const work = async (): Promise<{ box: ReturnType<typeof sandbox>; push: (dir: string) => string[] }> => {
		const box = sandbox();
		box.folder("ann", cats);
		const push = (dir: string): string[] => ["push", "ann/cats", "--dir", dir, "--registry", "registry"];
		await box.json([...push("ann"), "--meta", '{"by": "ann"}']);
		await box.json(["install", "ann/cats", "--registry", "registry", "--dest", "bob"]);
		writeFileSync(box.path("bob/b.txt"), "bob\n");
		return { box, push };
	};

	it("joins what two folders have changed, and keeps the metadata", async () => {
		const { box, push } = await work();
		const theirs = await box.json([...push("bob"), "--keep-meta"]);
		writeFileSync(box.path("ann/a.txt"), "ann\n");
		rmSync(box.path("ann/README.md"));
		const planned = await box.json([...push("ann"), "--rebase", "--dry-run"]);
		const joined = await box.json([...push("ann"), "--rebase"]);
		expect(joined).toMatchObject({
			topHash: planned["topHash"],
			files: 3,
			rebased: { onto: theirs["topHash"] },
			changes: { added: [], modified: ["a.txt"], deleted: ["README.md"] },
		});
		expect((await box.json(["show", "ann/cats", "--registry", "registry"]))["meta"]).toEqual({ by: "ann" });
		await box.json(["install", "ann/cats", "--registry", "registry", "--dest", "all"]);
		expect(readFileSync(box.path("all/b.txt"), "utf8")).toBe("bob\n");
		expect(readFileSync(box.path("all/a.txt"), "utf8")).toBe("ann\n");
	});

	it("is what a folder needs that lacks what the same user has published from another one", async () => {
		const { box, push } = await work();
		await box.json(push("bob"));
		const theirs = await box.json([...push("bob"), "-m", "from bob"]);
		const { message, hint } = await box.error(push("ann"), 11);
		expect(message).toContain(String(theirs["topHash"]).slice(0, 10));
		expect(message).toMatch(/published by .+ at .+ with the message "from bob", changing 1 file: "b.txt"/);
		expect(hint).toContain("--rebase");
		await box.error([...push("ann"), "--dry-run"], 11);
		await box.json([...push("ann"), "--rebase"]);
		const list = await box.json(["ls", "ann/cats", "-r", "--registry", "registry"]);
		expect((list["entries"] as { key: string }[]).map(({ key }) => key)).toContain("b.txt");
		// What is joined is not in ann's folder either.
		await box.error(push("ann"), 11);
		await box.json([...push("ann"), "--force"]);
	});

	it("is not needed after a rollback or a deletion to what the folder held before", async () => {
		const { box, push } = await work();
		const first = String((await box.json(push("ann")))["topHash"]);
		writeFileSync(box.path("ann/a.txt"), "second");
		await box.json(push("ann"));
		await box.json(["rollback", "ann/cats", first.slice(0, 10), "--registry", "registry"]);
		writeFileSync(box.path("ann/a.txt"), "third");
		const third = String((await box.json(push("ann")))["topHash"]);
		await box.json(["delete", `ann/cats@${third.slice(0, 10)}`, "--registry", "registry", "--yes"]);
		writeFileSync(box.path("ann/a.txt"), "fourth");
		await box.json(push("ann"));
	});

	/** Bob publishes a change that Ann's folder lacks. */
	const published = async (): ReturnType<typeof work> => {
		const one = await work();
		await one.box.json(one.push("bob"));
		return one;
	};

	it("is needed, too, when a part of the latest revision was installed in the folder", async () => {
		const { box, push } = await published();
		const part = ["--registry", "registry", "--path", "b.txt", "--overwrite", "--dest"];
		await box.json(["install", "ann/cats", ...part, "ann"]);
		rmSync(box.path("ann/b.txt"));
		await box.error(push("ann"), 11);
		await box.json([...push("ann"), "--rebase"]);
		expect((await box.bale(["cat", "ann/cats", "b.txt", "--registry", "registry"])).stdout).toBe("bob\n");
		// Of a folder that never had a whole revision there is nothing to join.
		await box.json(["install", "ann/cats", ...part, "new"]);
		await box.error(push("new"), 11);
		await box.error([...push("new"), "--rebase"], 11);
	});

	it("is needed, too, when files of the folder were put over the latest revision", async () => {
		const { box, push } = await published();
		writeFileSync(box.path("ann/a.txt"), "ann\n");
		await box.json([...push("ann"), "--update"]);
		await box.error(push("ann"), 11);
		await box.json([...push("ann"), "--update"]);
		box.folder("few", { "c.txt": "few\n" });
		await box.json([...push("few"), "--update"]);
		await box.error(push("few"), 11);
		// A folder that has all of it comes from it, also by links.
		symlinkSync(box.path("few/c.txt"), box.path("ann/c.txt"));
		writeFileSync(box.path("ann/b.txt"), "bob\n");
		await box.json([...push("ann"), "--update", "-m", "again"]);
		await box.json(push("ann"));
	});

	it("is needed, too, after a folder went back to an earlier revision", async () => {
		const { box, push } = await work();
		const { topHash: first } = await box.json(["show", "ann/cats", "--registry", "registry"]);
		await box.json(push("bob"));
		const install = ["--registry", "registry", "--overwrite", "--prune", "--dest"];
		await box.json(["install", "ann/cats", ...install, "ann"]);
		await box.json(["install", `ann/cats@${String(first)}`, ...install, "ann"]);
		await box.error(push("ann"), 11);
		await box.json(["install", "ann/cats", ...install, "new"]);
		await box.json(["install", `ann/cats@${String(first)}`, ...install, "new"]);
		await box.error(push("new"), 11);
	});

	it("is not needed after the folder's package was built and pushed, but after another one was", async () => {
		const { box, push } = await work();
		await box.json(push("ann"));
		writeFileSync(box.path("ann/a.txt"), "built");
		await box.json(["build", "ann/cats", "--dir", "ann"]);
		await box.json(["push", "ann/cats", "--registry", "registry"]);
		writeFileSync(box.path("ann/a.txt"), "pushed");
		await box.json(push("ann"));
		await box.json(["build", "ann/cats", "--dir", "bob"]);
		await box.error(["push", "ann/cats", "--registry", "registry"], 11);
		await box.json(["push", "ann/cats", "--registry", "registry", "--force"]);
		await box.error(push("ann"), 11);
	});

	it("is not needed after a change was undone, and that was rolled back", async () => {
		const { box, push } = await work();
		const texts = ["one", "two", "one"];
		const hashes: string[] = [];
		for (const text of texts) {
			writeFileSync(box.path("ann/a.txt"), text);
			hashes.push(String((await box.json(push("ann")))["topHash"]));
		}
		await box.json(["rollback", "ann/cats", String(hashes[1]), "--registry", "registry"]);
		writeFileSync(box.path("ann/a.txt"), "three");
		await box.json(push("ann"));
	});

	it("goes on where it cannot be remembered, and says so", async () => {
		const { box, push } = await work();
		const data = box.path("own");
		const own = { env: { BALE_DATA_DIR: data } };
		await box.json([...push("ann"), "--force", "-m", "first"], 0, own);
		expect(statSync(join(data, "seen")).mode & 0o777).toBe(0o700);
		const [record = ""] = readdirSync(join(data, "seen"));
		writeFileSync(join(data, "seen", `${record}.lock`), JSON.stringify({ host: "another" }));
		await box.json([...push("ann"), "-m", "second"], 0, own);
		await box.json([...push("ann"), "-m", "third"], 0, own);
		rmSync(join(data, "seen"), { recursive: true });
		writeFileSync(join(data, "seen"), "no folder");
		const { warnings } = await box.json([...push("ann"), "-m", "fourth", "--force"], 0, own);
		expect(warnings).toMatchObject([{ code: "NotRemembered" }]);
	});

	it("is not needed where several folders were brought up to date at once", async () => {
		const { box, push } = await work();
		const folders = ["one", "two", "three", "four"];
		const install = (dest: string): Promise<unknown> =>
			box.json(["install", "ann/cats", "--registry", "registry", "--dest", dest, "--overwrite"]);
		for (const folder of folders) await install(folder);
		await box.json(push("bob"));
		await Promise.all(folders.map(install));
		for (const folder of folders) await box.json([...push(folder), "--dry-run", "-m", "not stale"]);
	});

	it("goes on from the folder's own last push", async () => {
		const { box, push } = await work();
		await box.json(push("bob"));
		for (const text of ["one", "two", "three"]) {
			writeFileSync(box.path("ann/a.txt"), text);
			await box.json([...push("ann"), "--rebase"]);
		}
		const list = await box.json(["ls", "ann/cats", "-r", "--registry", "registry"]);
		expect((list["entries"] as { key: string }[]).map(({ key }) => key)).toContain("b.txt");
		expect((await box.bale(["cat", "ann/cats", "a.txt", "--registry", "registry"])).stdout).toBe("three");
	});

	it("names the files that both have changed", async () => {
		const { box, push } = await work();
		writeFileSync(box.path("bob/a.txt"), "bob\n");
		await box.json(push("bob"));
		writeFileSync(box.path("ann/a.txt"), "ann\n");
		const { code, message, hint } = await box.error([...push("ann"), "--rebase"], 11);
		expect([code, message]).toEqual(["Conflict", expect.stringContaining('"a.txt"')]);
		expect(hint).toContain("bale diff");
		expect(message).toMatch(/published by .+ at /);
		expect((await box.bale([...push("ann"), "--rebase", "--force"])).code).toBe(2);
	});
});
