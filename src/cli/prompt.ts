/** Questions to the person at the terminal. They are written to stderr, since stdout is for data. */
import { BaleError } from "../core/errors.ts";

/** Asks for a line. Ctrl-C is `Aborted`. */
export async function askText(message: string, signal: AbortSignal): Promise<string> {
	const { text } = await import("@clack/prompts");
	const answer: unknown = await text({ message, signal, output: process.stderr });
	if (typeof answer === "string") return answer;
	throw new BaleError("Aborted", "The question was not answered");
}
