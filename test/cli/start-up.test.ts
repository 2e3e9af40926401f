import {
	closeSync,
	existsSync,
	mkdirSync,
	openSync,
	readdirSync,
	readFileSync,
	statSync,
	writeFileSync,
} from "node:fs";
import * as nodeModule from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { childEnvironment, runCli } from "../support/cli.ts";
import { root } from "../support/repository.ts";
import { temporaryDirectory } from "../support/temporary.ts";

const modules = "dist/cli/main.js";
const bundle = "dist/bin/bale.js";

/** Modules that one call loads, by path below the repository; those of Node itself are left out. */
const loadedBy = (...args: string[]): Promise<string[]> => loadedFrom(modules, ...args);

async function loadedFrom(command: string, ...args: string[]): Promise<string[]> {
	const home = temporaryDirectory();
	const log = join(home, "loads");
	const hook =
		command === bundle
			? ["--require", join(root, "test/cli/record-requires.cjs")]
			: ["--import", pathToFileURL(join(root, "test/cli/record-loads.mjs")).href];
	const child = spawn(process.execPath, [...hook, join(root, command), ...args], {
		env: childEnvironment(home, { BALE_TEST_LOADS: log }),
		stdio: "ignore",
	});
	await once(child, "close");
	const base = pathToFileURL(`${root}/`).href;
	return readFileSync(log, "utf8")
		.split("\n")
		.filter((url) => url.startsWith(base))
		.map((url) => url.slice(base.length));
}

/** From 22.1 on Node itself keeps what it compiles, once it is told where. */
const nodeKeeps = "enableCompileCache" in nodeModule;

const table = [
	"dist/cli/command.js",
	"dist/cli/suggest.js",
	"dist/cli/table.js",
	"dist/cli/table/check.js",
	"dist/cli/table/help.js",
	"dist/cli/table/look.js",
	"dist/cli/table/publish.js",
	"dist/cli/table/serve.js",
	"dist/cli/table/settings.js",
	"dist/cli/table/shared.js",
	"dist/cli/table/use.js",
	"dist/cli/table/workflow.js",
];

describe("the start of bale", () => {
	it("loads one small module for --version", async () => {
		expect(await loadedBy("--version")).toEqual(["dist/cli/main.js", "dist/cli/version.js"]);
	});

	it("loads the command table and little more for --help and completion", async () => {
		const unordered = async (...args: string[]): Promise<Set<string>> => new Set(await loadedBy(...args));
		const help = [
			"dist/cli/main.js",
			"dist/cli/run.js",
			"dist/cli/color.js",
			"dist/cli/options.js",
			"dist/cli/help.js",
			"dist/cli/standard-stream.js",
			"dist/node/places.js",
			...(nodeKeeps ? [] : ["dist/cli/compiled.js", "dist/node/own-file.js"]),
		];
		expect(await unordered("--help")).toEqual(new Set([...help, ...table, "dist/core/errors.js"]));
		expect(await unordered("push", "--help")).toEqual(new Set([...help, ...table, "dist/core/errors.js"]));
		const completion = ["dist/cli/main.js", "dist/cli/completion/complete.js"];
		expect(await unordered("__complete", "--", "pu")).toEqual(new Set([...completion, ...table]));
		expect(await unordered("__complete", "--", "show", "ann/")).toEqual(
			new Set([...completion, ...table, "dist/cli/completion/registry-names.js", "dist/node/places.js"]),
		);
	});

	it("loads nothing but the script for the completion of a shell", async () => {
		const script = ["dist/cli/main.js", "dist/cli/completion/scripts.js"];
		expect(await loadedBy("completion", "zsh")).toEqual(script);
		expect(await loadedBy("completion", "tcsh")).toContain("dist/cli/run.js");
	});

	it("says that a script could not be written", () => {
		const full = openSync("/dev/full", "w");
		const { status, stderr } = spawnSync(process.execPath, [join(root, modules), "completion", "fish"], {
			env: childEnvironment(temporaryDirectory()),
			stdio: ["ignore", full, "pipe"],
			encoding: "utf8",
		});
		closeSync(full);
		expect([status === 0, stderr]).toEqual([false, expect.stringContaining("error: ")]);
	});

	it("loads YAML, schemas and patterns for a registry with workflows, and nothing of them for others", async () => {
		const folder = temporaryDirectory();
		const build = (registry: string): Promise<string[]> =>
			loadedBy("build", "ann/cats", "--dir", folder, "--registry", join(folder, registry));
		const needed = (paths: readonly string[]): string[] =>
			paths.filter((path) => path.startsWith("dist/core/workflow/") || path.includes("node_modules/yaml/"));
		expect(needed(await build("plain"))).toEqual([]);
		mkdirSync(join(folder, "ruled/.quilt/workflows"), { recursive: true });
		writeFileSync(join(folder, "ruled/.quilt/workflows/config.yml"), "{}");
		expect(needed(await build("ruled"))).toContain("dist/core/workflow/config.js");
	});

	it("loads no package for wrong usage or a list, and no verb of the client for config", async () => {
		const wrong = await loadedBy("push");
		expect(wrong.filter((path) => path.startsWith("node_modules/"))).toEqual([]);
		const list = await loadedBy("list", "nowhere");
		expect(list.filter((path) => path.startsWith("node_modules/"))).toEqual([]);
		const config = await loadedBy("config");
		expect(config.filter((path) => path.startsWith("dist/client/") || path === "dist/index.js")).toEqual([]);
	});

	it("loads a few files of the bundle that users get, made by `npm run build`", async () => {
		expect(await loadedFrom(bundle, "--version")).toHaveLength(2);
		expect((await loadedFrom(bundle, "--help")).length).toBeLessThanOrEqual(10);
		const folder = temporaryDirectory();
		const list = await loadedFrom(bundle, "list", folder);
		expect(list.filter((path) => !path.startsWith("dist/bin/"))).toEqual([]);
		expect(list.length).toBeLessThanOrEqual(20);
	});

	it("loads nothing of what moves files for commands that only look", async () => {
		const home = temporaryDirectory();
		const [data, registry] = [join(home, "data"), join(home, "registry")];
		mkdirSync(data);
		writeFileSync(join(data, "a.txt"), "a");
		const isMoving = (path: string): boolean => path.startsWith("dist/bin/files-");
		const build = ["build", "ann/cats", "--dir", data, "--registry", registry];
		expect((await loadedFrom(bundle, ...build)).filter(isMoving)).toHaveLength(1);
		for (const args of [
			["list", registry],
			["log", "ann/cats", "--registry", registry],
			["show", "ann/cats", "--registry", registry],
			["ls", "ann/cats", "--registry", registry],
			["ls", "ann/cats", "a.txt", "--registry", registry],
			["diff", "ann/cats", "ann/cats", "--registry", registry],
			["config"],
		]) {
			const loaded = await loadedFrom(bundle, ...args);
			expect(loaded.length, args.join(" ")).toBeGreaterThan(5);
			expect(loaded.filter(isMoving), args.join(" ")).toEqual([]);
		}
	});

	it("loads packages of others out of what was kept, too, where import() cannot work with Node 20", async () => {
		const [home, data] = [temporaryDirectory(), temporaryDirectory()];
		writeFileSync(join(data, "a.txt"), "a");
		const build = ["build", "ann/cats", "--dir", data, "--ignore", "git", "--include", "*.txt", "--quiet"];
		for (const turn of ["compiled", "kept", "kept"])
			expect(await runCli(build, { home }), turn).toMatchObject({ code: 0, stderr: "" });
		const files = readdirSync(join(root, "dist/bin")).filter((name) => name.endsWith(".js"));
		const importing = files.filter((name) =>
			/\bimport\(/.test(readFileSync(join(root, "dist/bin", name), "utf8")),
		);
		expect(importing).toEqual([]);
	});

	it("keeps what is compiled, and works without a place for it", async () => {
		const home = temporaryDirectory();
		const cache = join(home, "cache");
		const list = (env: Record<string, string>) => runCli(["list", home, "--quiet"], { home, env });
		expect((await list({ BALE_CACHE_DIR: cache, NODE_DISABLE_COMPILE_CACHE: "1" })).code).toBe(0);
		expect(existsSync(join(cache, "compiled"))).toBe(false);
		expect((await list({ BALE_CACHE_DIR: cache })).code).toBe(0);
		expect(existsSync(join(cache, "compiled"))).toBe(true);
		const none = join(home, "file");
		writeFileSync(none, "");
		expect(await list({ BALE_CACHE_DIR: none })).toMatchObject({ code: 0, stderr: "" });
	});

	describe("with what was compiled before", () => {
		const begin = async () => {
			const home = temporaryDirectory();
			const compiled = join(home, "cache/compiled");
			const run = async (...args: string[]): Promise<void> => {
				const env = { BALE_CACHE_DIR: join(home, "cache"), AWS_ENDPOINT_URL: "http://127.0.0.1:1" };
				const { code, stderr } = await runCli([...args, "--quiet"], { home, env });
				if (args[0] === "list") expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
				else expect(code).not.toBe(0);
			};
			const files = () =>
				readdirSync(compiled, { recursive: true, encoding: "utf8" })
					.map((name) => ({ name, path: join(compiled, name) }))
					.map(({ name, path }) => ({ name, path, stat: statSync(path) }))
					.filter(({ stat }) => stat.isFile())
					.map(({ name, path, stat }) => ({ name, path, inode: stat.ino }));
			await run("list", home);
			expect(files().length).toBeGreaterThan(3);
			return { home, run, files };
		};

		it("takes what was kept as it is, also after a command that sets flags of V8", async () => {
			const { home, run, files } = await begin();
			const before = files();
			await run("list", home);
			expect(files()).toEqual(before);
			await run("ls", "ann/cats", "--registry", "s3://no-bucket", "--no-sign-request");
			const names = before.map(({ name }) => name);
			expect(files().filter(({ name }) => names.includes(name))).toEqual(before);
			await run("list", home);
			expect(files().filter(({ name }) => names.includes(name))).toEqual(before);
		});

		it.each([
			["empty", () => Buffer.alloc(0)],
			["cut", (bytes: Buffer) => bytes.subarray(0, bytes.length >> 1)],
			["changed", (bytes: Buffer) => bytes.fill(0xa5, bytes.length - 100)],
			["something else", () => Buffer.from("nothing that V8 made")],
		])("makes it again when it is %s", async (_what, damage) => {
			const { home, run, files } = await begin();
			const damaged = files().map(({ path }) => {
				const bytes = damage(readFileSync(path));
				writeFileSync(path, bytes);
				return { path, bytes };
			});
			await run("list", home);
			for (const { path, bytes } of damaged) expect(readFileSync(path).equals(bytes), path).toBe(false);
			const again = files();
			await run("list", home);
			expect(files()).toEqual(again);
		});
	});

	it("imports no process from node:process, which would make all three standard streams", () => {
		const sources = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" });
		const importing = sources
			.filter((path) => /\.(ts|mjs)$/.test(path) && !path.endsWith(".test.ts"))
			.filter((path) => readFileSync(join(root, "src", path), "utf8").includes('from "node:process"'));
		expect(importing).toEqual([]);
	});

	/** Which modules of Node the bundle has had loaded in the end, besides those of an empty script. */
	function ofNode(home: string, ...args: string[]): string[] {
		const run = (code: string): string[] => {
			const script = `process.on("exit", () => process.stderr.write("\\n" + JSON.stringify(process.moduleLoadList))); ${code}`;
			const { stderr } = spawnSync(process.execPath, ["-e", script], {
				env: childEnvironment(home),
				encoding: "utf8",
			});
			return JSON.parse(stderr.split("\n").at(-1) ?? "") as string[];
		};
		const empty = new Set(run(""));
		const argv = `process.argv = [process.execPath, "bale", ...${JSON.stringify(args)}]`;
		return run(`${argv}; require(${JSON.stringify(join(root, bundle))})`).filter((name) => !empty.has(name));
	}

	it("loads Node's crypto for what hashes, and not for a list", () => {
		const folder = temporaryDirectory();
		expect(ofNode(folder, "list", folder)).not.toContain("NativeModule crypto");
	});

	it("loads next to nothing of Node for one file of a manifest that was read before", async () => {
		const home = temporaryDirectory();
		const [data, registry] = [join(home, "data"), join(home, "registry")];
		mkdirSync(data);
		writeFileSync(join(data, "a.txt"), "a");
		// A manifest of more than a mebibyte: smaller ones are read as a whole.
		for (let index = 0; index < 2000; index++) writeFileSync(join(data, `${"long ".repeat(40)}${index}`), "");
		const call = (...args: string[]) => runCli(args, { home });
		expect((await call("build", "ann/cats", "--dir", data, "--registry", registry)).code).toBe(0);
		// What is younger is not remembered: it could be changed without another time.
		await new Promise((resolve) => setTimeout(resolve, 2100));
		const ls = ["ls", "ann/cats", "a.txt", "--registry", registry];
		expect((await call(...ls)).code).toBe(0);
		const loaded = ofNode(home, ...ls);
		expect(loaded.length, loaded.join(" ")).toBeLessThanOrEqual(8);
		expect(loaded.filter((name) => /crypto|worker|stream|http|tls|net$/.test(name))).toEqual([]);
	});
});
