/** A pseudo terminal (util-linux's `script`) with a program in it that one can type to. */
import { spawn } from "node:child_process";
import { onTestFinished } from "vitest";

export type Terminal = {
	/** Everything that was shown so far, escape sequences included. */
	screen(): string;
	/** Sends keys. */
	type(keys: string): void;
	/** Waits until what was shown after the last match fits, and returns the match. */
	see(pattern: RegExp, patienceMs?: number): Promise<RegExpExecArray>;
	/** Exit code of the program, when it has ended. */
	ended(): Promise<number | null>;
};

/** Starts a shell command line in a terminal of 100 columns. It is ended with the test. */
export function openTerminal(command: string, env: NodeJS.ProcessEnv, cwd: string): Terminal {
	const child = spawn("script", ["-qfec", `stty cols 100 rows 40; exec ${command}`, "/dev/null"], {
		cwd,
		env: { ...env, TERM: "xterm", SHELL: "/bin/sh" },
		stdio: ["pipe", "pipe", "pipe"],
	});
	let shown = "";
	let seen = 0;
	let wake = (): void => undefined;
	const show = (text: string): void => {
		shown += text;
		wake();
	};
	child.stdout.setEncoding("utf8").on("data", show);
	child.stderr.setEncoding("utf8").on("data", show);
	const end = new Promise<number | null>((resolve) => {
		child.on("close", (code) => {
			resolve(code);
			wake();
		});
	});
	onTestFinished(() => {
		child.kill("SIGKILL");
	});
	return {
		screen: () => shown,
		type: (keys) => void child.stdin.write(keys),
		async see(pattern, patienceMs = 20_000) {
			const deadline = Date.now() + patienceMs;
			for (;;) {
				const match = pattern.exec(shown.slice(seen));
				if (match !== null) {
					seen += match.index + match[0].length;
					return match;
				}
				const left = deadline - Date.now();
				if (left <= 0)
					throw new Error(`${String(pattern)} was not shown:\n${JSON.stringify(shown.slice(seen))}`);
				await new Promise<void>((resolve) => {
					const timer = setTimeout(resolve, left);
					wake = () => {
						clearTimeout(timer);
						resolve();
					};
				});
			}
		},
		ended: () => end,
	};
}
