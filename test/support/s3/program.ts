/** S3 servers that are programs: started on a free port of loopback, and ended whatever happens. */
import { spawn, type ChildProcess } from "node:child_process";
import { createServer } from "node:net";
import { findTool } from "../../../scripts/tools.mjs";
import { makeTemporaryDirectory, removeDirectory } from "../temporary.ts";
import { makeKeys, serverAt, type S3Server, type ServerKeys } from "./server.ts";

const startMs = 60_000;

export type ServerProgram = {
	readonly tool: "versitygw" | "minio";
	/** Variable in which the tier's set-up leaves the path of the program. */
	readonly variable: string;
	/** Path that answers 200 when the server is ready. */
	readonly health: string;
	/** How to run it with its data below `directory`, which is empty. */
	command(address: string, directory: string, keys: ServerKeys): ProgramCommand;
};

export type ProgramCommand = {
	readonly args: readonly string[];
	readonly env: Readonly<Record<string, string>>;
};

/** Path of the program: as the tier's set-up found it, or found now. */
function pathOf({ tool, variable }: ServerProgram): string {
	const named = process.env[variable];
	if (named !== undefined) return named;
	const found = findTool(tool);
	if (found.missing !== undefined) throw new Error(`${found.missing}. ${found.fix}.`);
	const path = found.env[variable];
	if (path === undefined) throw new Error(`the set-up of ${tool} names no program`);
	return path;
}

/** Starts a server of its own for the caller, who stops it. */
export async function startProgram(program: ServerProgram): Promise<S3Server> {
	const path = pathOf(program);
	const keys = makeKeys();
	for (let attempt = 1; ; attempt++) {
		const directory = makeTemporaryDirectory();
		const address = `127.0.0.1:${await freePort()}`;
		const { args, env } = program.command(address, directory, keys);
		const child = spawn(path, args, {
			env: { ...process.env, ...env },
			stdio: ["ignore", "pipe", "pipe"],
		});
		const output: string[] = [];
		for (const stream of [child.stdout, child.stderr]) {
			stream.setEncoding("utf8").on("data", (text: string) => output.push(text));
		}
		const kill = (): void => void child.kill("SIGKILL");
		process.once("exit", kill);
		const stop = async (): Promise<void> => {
			await end(child);
			process.off("exit", kill);
			removeDirectory(directory);
		};
		const endpoint = `http://${address}`;
		if (await answers(child, endpoint + program.health)) return serverAt(endpoint, keys, stop);
		await stop();
		if (attempt === 3) throw new Error(`${program.tool} did not start: ${output.join("").slice(-2000)}`);
	}
}

async function freePort(): Promise<number> {
	const server = createServer();
	await new Promise<void>((resolve, reject) => {
		server.once("error", reject).listen(0, "127.0.0.1", resolve);
	});
	const address = server.address();
	await new Promise((resolve) => server.close(resolve));
	if (address === null || typeof address === "string") throw new Error("no port");
	return address.port;
}

async function answers(child: ChildProcess, url: string): Promise<boolean> {
	const deadline = Date.now() + startMs;
	while (child.exitCode === null && Date.now() < deadline) {
		const response = await fetch(url).catch(() => undefined);
		await response?.body?.cancel();
		if (response?.ok === true) return true;
		await new Promise((resolve) => setTimeout(resolve, 25));
	}
	return false;
}

async function end(child: ChildProcess): Promise<void> {
	if (child.exitCode !== null || child.signalCode !== null) return;
	const ended = new Promise((resolve) => child.once("exit", resolve));
	child.kill("SIGTERM");
	const timer = setTimeout(() => child.kill("SIGKILL"), 5_000);
	await ended;
	clearTimeout(timer);
}
