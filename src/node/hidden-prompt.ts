import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import { BaleError } from "../core/errors.ts";

/** Asks on the terminal without showing what is typed. `InvalidArgument` when there is no terminal. */
export async function promptHidden(question: string): Promise<string> {
	if (!process.stdin.isTTY) {
		throw new BaleError("InvalidArgument", "Cannot ask for the code: there is no terminal", {
			hint: "Log in with an API key (BALE_API_KEY), or pass the code",
		});
	}
	const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
	const reader = createInterface({ input: process.stdin, output: silent, terminal: true });
	// Only now does the terminal not echo.
	process.stderr.write(question);
	try {
		return await new Promise<string>((resolve, reject) => {
			reader.once("line", resolve);
			reader.once("SIGINT", () => reject(new BaleError("Aborted", "The login was interrupted")));
			reader.once("close", () =>
				reject(new BaleError("InvalidArgument", "Cannot log in: no code was given")),
			);
		});
	} finally {
		reader.close();
		process.stderr.write("\n");
	}
}
