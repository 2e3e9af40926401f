/** docs/from-quilt3.md says what the code does: its names exist, its calls work, its differences are so. */
import { spawnSync } from "node:child_process";
import {
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	renameSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { beforeEach, describe, expect, it } from "vitest";
import { commands } from "../../src/cli/table.ts";
import * as bale from "../../src/index.ts";
import { Float, Package, listPackageVersions } from "../../src/index.ts";
import { childEnvironment } from "../support/cli.ts";
import { readRepositoryFile, root } from "../support/repository.ts";
import { temporaryDirectory } from "../support/temporary.ts";
import { codeBlocks } from "./code-blocks.ts";

const text = readRepositoryFile("docs/from-quilt3.md");
const quilt3 = JSON.parse(readRepositoryFile("test/docs/quilt3-names.json")) as {
	readonly names: readonly string[];
	readonly commands: readonly string[];
};

/** The right-hand cells of the tables between two headings. */
function ourCells(from: string, to: string): string[] {
	const part = text.slice(text.indexOf(`\n${from}\n`), text.indexOf(`\n${to}\n`));
	return [...part.matchAll(/^\|[^|]*\|([^|]*)\|/gm)].map((match) => match[1] ?? "").slice(2);
}

describe("docs/from-quilt3.md", () => {
	it("mentions every public name and command of quilt3", () => {
		const names = quilt3.names.map((name) => name.slice(name.lastIndexOf(".") + 1));
		expect(names.filter((name) => !text.includes(name))).toEqual([]);
		expect(quilt3.commands.filter((name) => !text.includes(`quilt3 ${name}`))).toEqual([]);
	});

	it("names only commands and options of bale that exist", () => {
		const unknown = [...text.matchAll(/`bale ([a-z][a-z-]*)((?: [^`]*)?)`/g)].flatMap(
			([line, name, rest]) => {
				const words = `${name ?? ""}${rest ?? ""} `;
				const found = commands.filter(
					(spec) => words.startsWith(`${spec.name} `) || spec.aliases?.includes(name ?? ""),
				);
				const known = commands
					.filter((spec) => spec.name.startsWith(name ?? ""))
					.flatMap((spec) => spec.options);
				const options = [...(rest ?? "").matchAll(/--([a-z-]+)/g)].map((match) => match[1]);
				const strange = options.filter((option) => !known.some((spec) => spec.name === option));
				return found.length === 0 || strange.length > 0 ? [line] : [];
			},
		);
		expect(unknown).toEqual([]);
	});

	it.each([
		["### Module", "### Package", bale],
		["### Package", "### PackageEntry", { ...members(Package), ...statics(Package) }],
		["### PackageEntry", "## The calls of the tutorials", members(bale.PackageEntry)],
	])("under %s names only members that exist", (from, to, owner) => {
		const called = ourCells(from, to).flatMap((cell) =>
			[...cell.matchAll(/`(?:Package\.)?([a-z]\w*)\(/g)].map((match) => match[1] ?? ""),
		);
		expect(called.length).toBeGreaterThan(8);
		expect(called.filter((name) => !(name in owner))).toEqual([]);
	});

	it("links only to files that exist", () => {
		const links = [...text.matchAll(/\]\(([^)#]+)/g)].map((match) => match[1] ?? "");
		expect(links.filter((link) => !existsSync(join(root, "docs", link)))).toEqual([]);
	});

	it("has calls that work as they are written", () => {
		const directory = temporaryDirectory();
		mkdirSync(join(directory, "node_modules"));
		symlinkSync(root, join(directory, "node_modules/bale"), "junction");
		const [block] = codeBlocks(text).filter(({ language }) => language === "ts");
		const source = (block?.text ?? "").replaceAll("/tmp/somewhere/", `${directory}/somewhere/`);
		const options = {
			module: ts.ModuleKind.ESNext,
			target: ts.ScriptTarget.ES2023,
			verbatimModuleSyntax: true,
		};
		const script = join(directory, "calls.mjs");
		writeFileSync(script, ts.transpileModule(source, { compilerOptions: options }).outputText);
		const env = childEnvironment(join(directory, "home"));
		const result = spawnSync(process.execPath, [script], { cwd: directory, env, encoding: "utf8" });
		expect(result.stderr).toBe("");
		expect(result.stdout).toContain(
			"true 2a5a67156ca9238c14d12042db51c5b52260fdd5511b61ea89b58929d6e1769b\n",
		);
	});
});

function members(of: { readonly prototype: object }): object {
	return Object.getOwnPropertyDescriptors(of.prototype);
}

function statics(of: object): object {
	return Object.getOwnPropertyDescriptors(of);
}

describe("a difference to quilt3", () => {
	let directory: string;
	let registry: string;
	let file: string;

	beforeEach(() => {
		directory = temporaryDirectory();
		registry = join(directory, "registry");
		file = join(directory, "file.txt");
		writeFileSync(file, "one");
	});

	const withFile = (): Promise<Package> => new Package().set("a.txt", file);
	const pointers = async (name: string): Promise<string[]> => {
		const found: string[] = [];
		for await (const [pointer] of listPackageVersions(name, registry)) found.push(pointer);
		return found;
	};

	it("push() copies to a directory and keeps metadata of directories", async () => {
		const pkg = new Package();
		mkdirSync(join(directory, "data"));
		writeFileSync(join(directory, "data/x"), "x");
		await pkg.setDir("d", join(directory, "data"), { meta: { a: 1.5 } });
		const pushed = await pkg.push("a/b", registry);
		expect(readFileSync(join(registry, "a/b/d/x"), "utf8")).toBe("x");
		expect(pushed.subpackage("d").meta).toEqual({ a: 1.5 });
		expect((await Package.browse("a/b", { registry })).subpackage("d").meta).toEqual({ a: 1.5 });
	});

	it("push() never overwrites: other content goes to .bale/objects", async () => {
		const pkg = await withFile();
		const first = (await pkg.push("a/b", registry)).topHash;
		writeFileSync(file, "two");
		await pkg.set("a.txt", file);
		const second = await pkg.push("a/b", registry);
		expect(second.get("a.txt")).toContain("/.bale/objects/a/b/");
		const old = await Package.browse("a/b", { registry, topHash: first });
		expect(await old.entry("a.txt").text()).toBe("one");
	});

	it("the same content as the latest adds no pointer, and quick builds keep apart", async () => {
		const pkg = new Package();
		for (const n of [1, 2, 2, 3]) await pkg.setMeta({ n }).build("a/b", registry);
		expect(await pointers("a/b")).toHaveLength(4);
	});

	it("push() gives the pushed object its hashes; a changed file must be set again", async () => {
		const pkg = await withFile();
		const { topHash } = await pkg.push("a/b", registry, { message: "m" });
		expect([pkg.topHash, pkg.message]).toEqual([topHash, "m"]);
		expect(pkg.get("a.txt")).not.toContain("registry");
	});

	it("a size that changed since set() is SourceChanged", async () => {
		const pkg = await withFile();
		writeFileSync(file, "longer");
		await expect(pkg.build("a/b", registry)).rejects.toMatchObject({ code: "SourceChanged" });
	});

	it("push() and build() conflict over a revision that they do not come from; a new build adds one", async () => {
		const pkg = await withFile();
		await pkg.build("a/b", registry);
		await new Package().build("a/b", registry);
		pkg.setMeta({ edited: true });
		await expect(pkg.build("a/b", registry)).rejects.toMatchObject({ code: "Conflict" });
		await expect((await withFile()).push("a/b", registry)).rejects.toMatchObject({ code: "Conflict" });
		expect(await pointers("a/b")).toHaveLength(3);
	});

	it("all that a workflow refuses is told, hostile patterns end, and choices have codes", async () => {
		const demand = (lines: string): void => {
			mkdirSync(join(registry, ".quilt/workflows"), { recursive: true });
			const config = `version: "1"\nworkflows:\n  w:\n    name: W\n${lines}`;
			writeFileSync(join(registry, ".quilt/workflows/config.yml"), config);
		};
		demand("    is_message_required: true\n    handle_pattern: ^lab/\n");
		const build = async (workflow?: string): Promise<unknown> =>
			new Package().build("a/b", registry, workflow === undefined ? {} : { workflow });
		await expect(build("w")).rejects.toMatchObject({
			code: "WorkflowRejected",
			details: { violations: [{ about: "message" }, { about: "name" }] },
		});
		await expect(build()).rejects.toMatchObject({ code: "WorkflowRejected" });
		await expect(build("other")).rejects.toMatchObject({ code: "InvalidArgument" });
		demand("    handle_pattern: '('\n");
		await expect(build("w")).rejects.toMatchObject({ code: "InvalidWorkflow" });
		demand("    handle_pattern: '^(.|a)+(.|/)+(.|b)+$(?!)'\ndefault_workflow: ghost\n");
		await expect(build("w")).rejects.toMatchObject({ code: "WorkflowRejected" });
		await expect(build()).rejects.toMatchObject({ code: "InvalidWorkflow" });
	});

	it("a registry that was moved still gives its files", async () => {
		await (await withFile()).push("a/b", registry);
		const moved = join(directory, "moved");
		renameSync(registry, moved);
		writeFileSync(file, "changed");
		expect(await (await Package.browse("a/b", { registry: moved })).entry("a.txt").text()).toBe("one");
	});

	it("install() keeps edited files and the top hash of manifests without message", async () => {
		const { topHash } = await Package.load('{"version": "v0"}\n');
		mkdirSync(join(registry, ".quilt/packages"), { recursive: true });
		writeFileSync(join(registry, ".quilt/packages", topHash), '{"version": "v0"}\n');
		const dest = join(directory, "dest");
		await Package.install("a/b", { registry, topHash, dest });
		expect((await Package.browse("a/b")).topHash).toBe(topHash);
		await (await withFile()).push("a/c", registry);
		await Package.install("a/c", { registry, dest });
		writeFileSync(join(dest, "a.txt"), "mine");
		await expect(Package.install("a/c", { registry, dest })).rejects.toMatchObject({
			code: "DestinationConflict",
		});
	});

	it("a manifest whose content does not give its name is refused", async () => {
		const topHash = await new Package().build("a/b", registry);
		writeFileSync(join(registry, ".quilt/packages", topHash), '{"version": "v0"}\n');
		await expect(Package.browse("a/b", { registry })).rejects.toMatchObject({ code: "TopHashMismatch" });
	});

	it("reads are checked", async () => {
		const pkg = await withFile();
		await pkg.build("a/b", registry);
		writeFileSync(file, "two");
		await expect(pkg.entry("a.txt").text()).rejects.toMatchObject({ code: "IntegrityMismatch" });
	});

	it("numbers without fraction are integers, and metadata given back keep theirs", async () => {
		const hash = (meta: unknown): string => new Package().setMeta(meta).topHash;
		expect(hash({ a: 1 })).not.toBe(hash({ a: new Float(1) }));
		await new Package().setMeta({ a: new Float(1) }).build("a/b", registry);
		const { meta } = await Package.browse("a/b", { registry });
		expect(meta).toEqual({ a: 1 });
		expect(Object.isFrozen(meta)).toBe(true);
		expect(hash(meta)).toBe(hash({ a: new Float(1) }));
	});

	it("an entry is copied, re-pointed and fetched as one would think", async () => {
		const pkg = await withFile();
		const other = await new Package().set("b.txt", pkg.entry("a.txt"));
		other.entry("b.txt").setMeta({ b: 1 });
		expect(pkg.entry("a.txt").meta).toEqual({});
		await pkg.build("a/b", registry);
		writeFileSync(join(directory, "longer.txt"), "longer");
		await pkg.entry("a.txt").set({ path: join(directory, "longer.txt"), meta: { c: 1 } });
		expect([pkg.entry("a.txt").size, pkg.entry("a.txt").meta]).toEqual([6, { c: 1 }]);
		await pkg.build("a/b", registry);
		const fetched = await pkg.entry("a.txt").fetch(`${join(directory, "out")}/`);
		expect(fetched.physicalKey).toMatch(/\/out\/a\.txt$/);
	});

	it("set() and has() on the way through a file are answered", async () => {
		const pkg = await withFile();
		expect(pkg.has("a.txt/b")).toBe(false);
		await expect(pkg.setDir("a.txt", directory)).rejects.toMatchObject({ code: "KeyCollision" });
	});

	it("setDir() leaves .quilt and .bale out, ignores relative paths, and sets null on the root", async () => {
		const data = join(directory, "data");
		for (const folder of [".quilt", ".bale"]) mkdirSync(join(data, folder), { recursive: true });
		for (const name of [".quilt/x", ".bale/y", "kept"]) writeFileSync(join(data, name), "");
		writeFileSync(join(data, ".quiltignore"), "data/*\n");
		const pkg = await new Package().setDir(".", data);
		expect(new Set(pkg.keys())).toEqual(new Set([".quiltignore", "kept"]));
		expect(pkg.meta).toBeNull();
		expect(readdirSync(data)).toContain(".quilt");
	});

	it("filter() takes a refused directory away", async () => {
		const pkg = await new Package().set("d/a.txt", file);
		await pkg.set("a.txt", file);
		expect(pkg.filter((key) => key !== "d/", { includeDirectories: true }).keys()).toEqual(["a.txt"]);
	});
});
