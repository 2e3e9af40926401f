/** Questions to the person at the terminal. They are written to stderr, since stdout is for data. */
import { isCancel, text } from "@clack/prompts";
import { BaleError } from "../core/errors.ts";

/** Asks for a line. Ctrl-C is `Aborted`. */
export async function askText(message: string, signal: AbortSignal): Promise<string> {
	return answered(await text({ message, signal, output: process.stderr }));
}

function answered(answer: string | symbol | undefined): string {
	if (isCancel(answer) || answer === undefined)
		throw new BaleError("Aborted", "The question was not answered");
	return typeof answer === "string" ? answer : "";
}
