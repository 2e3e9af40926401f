/** The two ways of README.md to use a clone elsewhere: the command on the path, the library in a project. */
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
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
});
