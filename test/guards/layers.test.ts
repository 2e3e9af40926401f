import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { root } from "../support/repository.ts";
import { makeTemporaryDirectory, removeDirectory } from "../support/temporary.ts";

/** File -> a line that the file's layer must not contain. */
const violations = {
	"src/core/planted-node.ts": 'import { readFileSync } from "node:fs"; export const planted = readFileSync;',
	"src/core/planted-process.ts": "export const planted: unknown = process.env;",
	"src/core/planted-fetch.ts": "export const planted: unknown = fetch;",
	"src/core/planted-dom.ts": "export const planted: unknown = document;",
	"src/core/planted-upward.ts": 'export type { Store } from "../storage/store.ts";',
	"src/protocol/planted-node.ts": 'export { readFileSync } from "node:fs";',
	"src/storage/planted-node.ts": 'export { readFileSync } from "node:fs";',
	"src/storage/planted-buffer.ts": "export const planted: unknown = Buffer;",
	"src/storage/planted-upward.ts": 'export type { Platform } from "../client/platform.ts";',
	"src/transfer/planted-upward.ts": 'export type { Platform } from "../client/platform.ts";',
	"src/registry/planted-upward.ts": 'export type { Platform } from "../client/platform.ts";',
	"src/identity/planted-node.ts": "export const planted: unknown = process;",
	"src/client/planted-node.ts": 'export { readFileSync } from "node:fs";',
	"src/client/planted-upward.ts": 'export * from "../node/places.ts";',
	"src/node/planted-upward.ts": 'export * from "../cli/run.ts";',
};

const layers = ["core", "protocol", "storage", "transfer", "registry", "identity", "client", "node"];
const copy = makeTemporaryDirectory();

/** Compiles the copied layers one by one, also after errors, and returns what `tsc` says. */
function compile(): string {
	const compiler = join(root, "node_modules/typescript/bin/tsc");
	return layers
		.map((layer) => {
			const project = join(copy, "src", layer);
			// Declarations of the layers below come from the build; only this layer is checked.
			return spawnSync(process.execPath, [compiler, "-p", project, "--noEmit"], { encoding: "utf8" }).stdout;
		})
		.join("");
}

beforeAll(() => {
	mkdirSync(join(copy, "src"));
	for (const path of ["src", "dist", "tsconfig.base.json", "package.json"])
		cpSync(join(root, path), join(copy, path), { recursive: true, preserveTimestamps: true });
	symlinkSync(join(root, "node_modules"), join(copy, "node_modules"), "junction");
	return () => {
		removeDirectory(copy);
	};
});

it("tsc accepts the layers as they are", () => {
	expect(compile()).toBe("");
});

it("tsc refuses Node, the DOM and imports from layers above in the layers that must not have them", () => {
	for (const [path, text] of Object.entries(violations)) writeFileSync(join(copy, path), `${text}\n`);
	const output = compile().replaceAll("\\", "/");
	const unnoticed = Object.keys(violations).filter(
		(path) => !output.includes(`${path.slice("src/".length)}(`),
	);
	expect(unnoticed, output).toEqual([]);
});
