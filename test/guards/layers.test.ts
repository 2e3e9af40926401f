import { spawn } from "node:child_process";
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
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
	"src/client/planted-upward.ts": 'export * from "../node/file-url.ts";',
	"src/node/planted-upward.ts": 'export * from "../cli/version.ts";',
	"src/node/planted-server.ts": 'export * from "../server/s3/fault.ts";',
	"src/server/planted-upward.ts": 'export * from "../cli/version.ts";',
};

const layers = [
	"core",
	"protocol",
	"storage",
	"transfer",
	"registry",
	"identity",
	"client",
	"node",
	"server",
];
const copy = makeTemporaryDirectory();

/** Checks one copied layer against the built declarations of the layers below; the lines that `tsc` prints. */
async function compile(layer: string): Promise<string[]> {
	const compiler = join(root, "node_modules/typescript/bin/tsc");
	const child = spawn(process.execPath, [compiler, "-p", join(copy, "src", layer), "--noEmit"], {
		cwd: copy,
	});
	const output = await text(child.stdout);
	return output.split("\n").filter((line) => /^\S/.test(line));
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

it("tsc accepts core and storage as they are", async () => {
	expect(await Promise.all(["core", "storage"].map(compile))).toEqual([[], []]);
}, 300_000);

it("tsc refuses Node, the DOM and imports from layers above in the layers that must not have them", async () => {
	for (const [path, line] of Object.entries(violations)) writeFileSync(join(copy, path), `${line}\n`);
	const errors: string[] = [];
	for (let index = 0; index < layers.length; index += 2)
		errors.push(...(await Promise.all(layers.slice(index, index + 2).map(compile))).flat());
	const output = errors.join("\n").replaceAll("\\", "/");
	expect(
		Object.keys(violations).filter((path) => !output.includes(`${path}(`)),
		output,
	).toEqual([]);
}, 600_000);
