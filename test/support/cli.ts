/** Runs the built command in a child process, with settings of its own. */
import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { isolatedEnvironment } from "../../scripts/isolation.mjs";
import { root } from "./repository.ts";

/** The file that `bale` runs: the bundle that users get when the runner of the tiers says so, otherwise what `tsc -b` made. */
export const cliFile = process.env["BALE_TEST_COMMAND"] ?? join(root, "dist/cli/main.js");

export type CliResult = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

export type CliOptions = {
	/** Home and settings of the run; made when absent. */
	readonly home: string;
	readonly cwd?: string;
	readonly env?: Record<string, string>;
	readonly signal?: AbortSignal;
	readonly killSignal?: NodeJS.Signals;
};

/** An environment in which nothing of the user's is seen, for a child process. */
export function childEnvironment(home: string, more: Record<string, string> = {}): NodeJS.ProcessEnv {
	mkdirSync(home, { recursive: true });
	return { ...process.env, ...isolatedEnvironment(process.env, home), ...more };
}

/** Runs `bale` with these arguments to its end. Never rejects for an exit code. */
export async function runCli(args: readonly string[], options: CliOptions): Promise<CliResult> {
	return new Promise((resolve, reject) => {
		const child = spawn(process.execPath, [cliFile, ...args], {
			cwd: options.cwd ?? options.home,
			env: childEnvironment(options.home, options.env),
			stdio: ["ignore", "pipe", "pipe"],
			...(options.killSignal === undefined ? {} : { killSignal: options.killSignal }),
		});
		let stdout = "";
		let stderr = "";
		child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
		child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
		const kill = () => child.kill(options.killSignal ?? "SIGTERM");
		options.signal?.addEventListener("abort", kill, { once: true });
		child.on("error", reject);
		child.on("close", (code) => {
			options.signal?.removeEventListener("abort", kill);
			resolve({ code, stdout, stderr });
		});
	});
}

/** Runs `bale … --json` and returns the document; a failure is an error with everything that was printed. */
export async function runCliJson(
	args: readonly string[],
	options: CliOptions,
): Promise<Record<string, unknown>> {
	const result = await runCli([...args, "--json"], options);
	if (result.code !== 0)
		throw new Error(`bale ${args.join(" ")} ended with ${result.code}\n${result.stdout}${result.stderr}`);
	return JSON.parse(result.stdout) as Record<string, unknown>;
}
