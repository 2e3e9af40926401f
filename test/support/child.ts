import { spawn, type ChildProcess } from "node:child_process";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { root } from "./repository.ts";

const hooks = pathToFileURL(join(root, "test/support/typescript/register.mjs")).href;

/** Arguments with which Node runs a TypeScript file of this repository. */
export function scriptCommand(file: string, args: readonly string[] = []): string[] {
	return ["--import", hooks, join(root, file), ...args];
}

/** Starts a TypeScript file of this repository in a process of its own. */
export function startScript(
	file: string,
	args: readonly string[] = [],
	env: Readonly<Record<string, string>> = {},
): ChildProcess {
	return spawn(process.execPath, scriptCommand(file, args), {
		env: { ...process.env, ...env },
		stdio: ["ignore", "pipe", "pipe"],
	});
}

/** Runs a TypeScript file of this repository to its end; gives what it printed, and throws when it failed. */
export function runScript(
	file: string,
	args: readonly string[] = [],
	env: Readonly<Record<string, string>> = {},
): Promise<string> {
	return new Promise((resolve, reject) => {
		const child = startScript(file, args, env);
		let output = "";
		let errors = "";
		child.stdout?.setEncoding("utf8").on("data", (text: string) => (output += text));
		child.stderr?.setEncoding("utf8").on("data", (text: string) => (errors += text));
		child.on("error", reject);
		child.on("close", (code, signal) => {
			if (code === 0) resolve(output);
			else reject(new Error(`${file} ended with ${code ?? signal ?? "nothing"}\n${output}${errors}`));
		});
	});
}
