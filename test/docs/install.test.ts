/** The two ways of README.md to use a clone elsewhere: the command on the path, the library in a project. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, expect, it } from "vitest";
import { childEnvironment } from "../support/cli.ts";
import { readRepositoryFile, root } from "../support/repository.ts";
import { makeTemporaryDirectory, removeDirectory } from "../support/temporary.ts";

const directory = makeTemporaryDirectory();
const env = { ...childEnvironment(join(directory, "home")), npm_config_update_notifier: "false" };

afterAll(() => {
	removeDirectory(directory);
});

function run(command: string, args: readonly string[], cwd: string): string {
	const { status, stdout, stderr } = spawnSync(command, args, { cwd, env, encoding: "utf8" });
	expect(stderr + stdout + String(status)).toMatch(/0$/);
	return stdout;
}

it("README.md: npm install --global . puts bale on the path", () => {
	expect(readRepositoryFile("README.md")).toContain("npm install --global .");
	const prefix = join(directory, "prefix");
	run("npm", ["install", "--global", ".", "--prefix", prefix, "--offline"], root);
	expect(run(join(prefix, "bin/bale"), ["--version"], directory)).toMatch(/^\d+\.\d+\.\d+\n$/);
});

it("README.md: npm install ../bale brings the library into a project", () => {
	expect(readRepositoryFile("README.md")).toContain("npm install ../bale");
	const project = join(directory, "project");
	mkdirSync(project);
	writeFileSync(join(project, "package.json"), '{ "type": "module" }\n');
	run("npm", ["install", root, "--offline", "--no-audit"], project);
	const script = `import { Package } from "bale"; console.log(await new Package().build("a/b", "registry"));`;
	writeFileSync(join(project, "main.js"), script);
	expect(run(process.execPath, ["main.js"], project)).toBe(
		"2a5a67156ca9238c14d12042db51c5b52260fdd5511b61ea89b58929d6e1769b\n",
	);

	// A large file is hashed by threads, which are started by the address of a file of bale's.
	mkdirSync(join(project, "data"));
	writeFileSync(join(project, "data/large.bin"), Buffer.alloc(40 * 1024 * 1024, "bale"));
	const build = `import { Package } from "bale"; const data = await new Package().setDir("", "data"); console.log(await data.build("a/b", "registry"));`;
	writeFileSync(join(project, "main.js"), build);
	expect(run(process.execPath, ["main.js"], project)).toBe(
		"1b688e2e3ba2a16cb336a4f6434437ca46f9a7d3d24cf320bff768defb9afe24\n",
	);
});

it("what a program of Node imports is a few files that export what the modules export", async () => {
	const files = readdirSync(join(root, "dist/library"));
	expect(files.length).toBeLessThan(15);
	const load = (path: string): Promise<object> =>
		import(pathToFileURL(join(root, path)).href) as Promise<object>;
	const [joined, modules] = [await load("dist/library/index.js"), await load("dist/index.js")];
	expect(new Set(Object.keys(joined))).toEqual(new Set(Object.keys(modules)));
});
