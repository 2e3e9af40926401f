/**
 * Everything in README.md that a reader can type is run here, in the order of the text, in one
 * directory with sample data, with the built command as `bale`.
 *
 * `sh` blocks: every command must succeed. `ts` blocks are type-checked against the published types, then run.
 * `text` blocks are output and are not compared. Other languages are refused, so that nothing escapes.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import ts from "typescript";
import { beforeAll, expect, it } from "vitest";
import { childEnvironment, cliFile } from "../support/cli.ts";
import { readRepositoryFile, root } from "../support/repository.ts";
import { makeTemporaryDirectory, removeDirectory } from "../support/temporary.ts";
import { codeBlocks } from "./code-blocks.ts";

/** Commands for a checkout: that they exist is checked; other tests run what they do. */
const ofCheckout = /^(git clone |cd bale$|npm (start|test|install|ci)\b|npm run |npx )/;

/** What the reader's folder `data/` holds: a file of the data set -> its place. */
const sample = {
	"seattle-weather.csv": "weather.csv",
	"cars.json": "cars.json",
	"7zip.png": "images/logo.png",
};

const directory = makeTemporaryDirectory();
const work = join(directory, "work");
const blocks = codeBlocks(readRepositoryFile("README.md"));

function environment(): NodeJS.ProcessEnv {
	const base = childEnvironment(join(directory, "home"));
	return { ...base, PATH: `${join(directory, "bin")}${delimiter}${base["PATH"] ?? ""}` };
}

function typeErrors(file: string): string {
	const options: ts.CompilerOptions = {
		strict: true,
		noEmit: true,
		target: ts.ScriptTarget.ES2023,
		module: ts.ModuleKind.NodeNext,
		moduleResolution: ts.ModuleResolutionKind.NodeNext,
		moduleDetection: ts.ModuleDetectionKind.Force,
		skipLibCheck: true,
		types: ["node"],
		typeRoots: [join(root, "node_modules/@types")],
	};
	const found = ts.getPreEmitDiagnostics(ts.createProgram([file], options));
	return ts.formatDiagnostics(found, {
		getCurrentDirectory: () => work,
		getCanonicalFileName: (name) => name,
		getNewLine: () => "\n",
	});
}

beforeAll(() => {
	for (const folder of ["bin", "work/node_modules"]) mkdirSync(join(directory, folder), { recursive: true });
	const command = join(directory, "bin/bale");
	writeFileSync(command, `#!/bin/sh\nexec "${process.execPath}" "${cliFile}" "$@"\n`);
	chmodSync(command, 0o755);
	writeFileSync(join(work, "package.json"), '{ "type": "module" }\n');
	symlinkSync(root, join(work, "node_modules/bale"), "junction");
	mkdirSync(join(work, "data/images"), { recursive: true });
	for (const [name, to] of Object.entries(sample))
		cpSync(join(root, "node_modules/vega-datasets/data", name), join(work, "data", to));
	return () => {
		removeDirectory(directory);
	};
});

it("README.md has code blocks, and only of languages that are run", () => {
	expect(blocks.length).toBeGreaterThan(0);
	expect(blocks.filter(({ language }) => !["sh", "ts", "text"].includes(language))).toEqual([]);
});

it("README.md names only npm scripts that exist", () => {
	const { scripts } = JSON.parse(readRepositoryFile("package.json")) as { scripts: Record<string, string> };
	const named = [
		...readRepositoryFile("README.md").matchAll(/npm (?:run )?(start|test\b(?!:)|(?<=run )[\w:-]+)/g),
	];
	expect(named.map((match) => match[1] ?? "").filter((name) => !(name in scripts))).toEqual([]);
});

const runnable = blocks
	.filter(({ language }) => language !== "text")
	.map((block) => [block.line, block] as const);

it.each(runnable)(
	"README.md, line %i: the block works as it is written",
	(line, block) => {
		if (block.language === "sh") {
			const lines = block.text.split("\n").map((text) => text.replace(/^\$ /, ""));
			const script = lines.filter((text) => !ofCheckout.test(text)).join("\n");
			const result = spawnSync("bash", ["--norc", "-euo", "pipefail", "-c", script], {
				cwd: work,
				env: environment(),
				encoding: "utf8",
			});
			expect(result.status, `${script}\n${result.stdout}${result.stderr}`).toBe(0);
			return;
		}
		const file = join(work, `block-${line}.ts`);
		writeFileSync(file, block.text);
		expect(typeErrors(file)).toBe("");
		const options = {
			module: ts.ModuleKind.ESNext,
			target: ts.ScriptTarget.ES2023,
			verbatimModuleSyntax: true,
		};
		const script = join(work, `block-${line}.mjs`);
		writeFileSync(script, ts.transpileModule(block.text, { compilerOptions: options }).outputText);
		const result = spawnSync(process.execPath, [script], { cwd: work, env: environment(), encoding: "utf8" });
		expect(result.status, `${block.text}\n${result.stdout}${result.stderr}`).toBe(0);
	},
	120_000,
);
