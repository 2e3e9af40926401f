/** Running programs so that the kernel tells what they cost: `runner.py` waits for each and asks. */
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

/**
 * @typedef {object} Run What one run cost.
 * @property {number} code exit code; negative: the signal that ended it
 * @property {number} wall in seconds
 * @property {number} cpu user and system time, in seconds
 * @property {number} rss peak resident memory, in bytes
 * @property {number} [read] what went through read calls, in bytes, if the system tells
 * @property {string} stdout
 * @property {string} stderr
 */

/** One program after the other, in processes of their own. */
export class Runner {
	#directory;
	#child;
	#answers;

	/** @param {string} python @param {string} directory for output, made if need be */
	constructor(python, directory) {
		mkdirSync(directory, { recursive: true });
		this.#directory = directory;
		this.#child = spawn(python, [join(import.meta.dirname, "runner.py")], {
			stdio: ["pipe", "pipe", "inherit"],
		});
		this.#answers = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
	}

	/**
	 * @param {readonly string[]} argv
	 * @param {{ cwd: string, env: Record<string, string>, timeoutSeconds?: number }} options
	 * @returns {Promise<Run>}
	 */
	async run(argv, { cwd, env, timeoutSeconds = 1200 }) {
		const [stdout, stderr] = ["stdout", "stderr"].map((name) => join(this.#directory, name));
		this.#child.stdin.write(
			`${JSON.stringify({ argv, cwd, env, stdout, stderr, timeout: timeoutSeconds })}\n`,
		);
		const { value, done } = await this.#answers.next();
		if (done) throw new Error("the measuring process ended");
		const { code, wall, user, system, rss, read } = JSON.parse(value);
		return {
			code,
			wall,
			cpu: user + system,
			rss,
			...(read === null ? {} : { read }),
			stdout: readFileSync(stdout, "utf8"),
			stderr: readFileSync(stderr, "utf8"),
		};
	}

	close() {
		this.#child.stdin.end();
	}
}

/** CPU time that a running process and its threads have used, in seconds; undefined where the system does not tell. */
export function cpuOf(pid) {
	try {
		const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
			.replace(/^.*\) /s, "")
			.split(" ");
		return (Number(fields[11]) + Number(fields[12])) / 100;
	} catch {
		return undefined;
	}
}

/** What a running process has read and written through calls, from and to files and connections, in bytes. */
export function transferOf(pid) {
	try {
		const [read, written] = readFileSync(`/proc/${pid}/io`, "utf8").match(/\d+/g).map(Number);
		return read + written;
	} catch {
		return undefined;
	}
}

/** Middle value; of an even number the mean of the two in the middle. */
export function median(values) {
	const sorted = values.toSorted((a, b) => a - b);
	const middle = sorted.length >> 1;
	return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
