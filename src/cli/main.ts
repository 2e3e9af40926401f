#!/usr/bin/env node
/**
 * The entry of the command `bale`. It only decides how little to load: the version needs one small
 * file, help and completion need the command table, and a command loads itself.
 */
import { writeSync } from "node:fs";
import type nodeModule from "node:module";

type Compiling = typeof nodeModule & { enableCompileCache?: (directory: string) => unknown };

const args = process.argv.slice(2);
// No `await` out here: the bundle is CommonJS.
void start();

async function start(): Promise<void> {
	if (args[0] === "--version" || args[0] === "-V") {
		const { version } = await import("./version.ts");
		print(`${version()}\n`);
	} else if (args[0] === "__complete") {
		const { complete } = await import("./completion/complete.ts");
		print(await complete(args.slice(1), process.env));
	} else if (!(await printScript())) {
		await keepCompiled();
		const { main } = await import("./run.ts");
		await main(args);
	}
}

/** Has what is compiled kept for the next call: by Node itself, from 22.1 on. A place that cannot be written does no harm. */
async function keepCompiled(): Promise<void> {
	const { enableCompileCache }: Compiling = process.getBuiltinModule("node:module");
	const { findPlaces } = await import("../node/places.ts");
	const directory = `${findPlaces().baleCache}/compiled`;
	if (enableCompileCache !== undefined) enableCompileCache(directory);
	else if (process.env["NODE_DISABLE_COMPILE_CACHE"] !== "1")
		(await import("./compiled.ts")).keepCompiled(directory);
}

/** Shells source `bale completion SHELL` whenever they start. False: that is not what is wanted, or it cannot be printed. */
async function printScript(): Promise<boolean> {
	const [command, shell, ...more] = args;
	if (command !== "completion" || shell === undefined || more.length > 0) return false;
	const { completionScript, isShell } = await import("./completion/scripts.ts");
	return isShell(shell) && write(Buffer.from(completionScript(shell))) === undefined;
}

function print(text: string): void {
	const rest = write(Buffer.from(text));
	if (rest !== undefined) process.stdout.write(rest);
}

/** Writes to stdout without the stream, which takes longer to make than to use; gives what it could not write. */
function write(bytes: Buffer): Buffer | undefined {
	let written = 0;
	try {
		while (written < bytes.length) written += writeSync(1, bytes, written);
		return undefined;
	} catch {
		// Nobody reads it, or the disk is full, or the pipe was made not to wait.
		return bytes.subarray(written);
	}
}
