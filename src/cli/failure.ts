/** Prints a failure: one sentence and one hint for people, or the document `bale.error/1` for programs. */
import process from "node:process";
import { display } from "../core/display.ts";
import { BaleError, errorTable } from "../core/errors.ts";
import { paintFor } from "./color.ts";

export type FailureOptions = { readonly json: boolean; readonly debug: boolean; readonly noColor: boolean };

/** Prints `error` and returns the exit code that belongs to it. */
export async function reportFailure(error: unknown, options: FailureOptions): Promise<number> {
	const known = error instanceof BaleError ? error : unexpected(error);
	if (options.json) {
		const document = { schema: "bale.error/1", error: known.toJSON() };
		process.stdout.write(`${JSON.stringify(document, plainValue, 2)}\n`);
	} else {
		const paint = paintFor(process.stderr.isTTY, process.env, options.noColor);
		process.stderr.write(`${paint.red("error:")} ${display(known.message)}\n`);
		for (const line of detailLines(known)) process.stderr.write(`  ${display(line)}\n`);
		if (known.hint !== undefined) process.stderr.write(`${paint.bold("hint:")} ${display(known.hint)}\n`);
	}
	if (options.debug) process.stderr.write(`${stackOf(error).split("\n").map(display).join("\n")}\n`);
	return errorTable[known.code].exit;
}

/** At most this many lines of details are printed; all of them are in the document. */
const detailLimit = 20;

/** Lists in the details, such as files that would be lost, one line each. */
function detailLines(error: BaleError): string[] {
	const lines = Object.values(error.details).flatMap((value) =>
		Array.isArray(value) && value.length > 1 ? value.filter((item) => typeof item === "string") : [],
	);
	return lines.length <= detailLimit
		? lines
		: [...lines.slice(0, detailLimit), `and ${lines.length - detailLimit} more`];
}

function unexpected(error: unknown): BaleError {
	const message = error instanceof Error ? error.message : String(error);
	return new BaleError("Unexpected", `bale failed in a way that it did not foresee: ${firstLine(message)}`, {
		hint: "Run the same command with --debug and report what it prints",
		cause: error,
	});
}

function firstLine(text: string): string {
	return text.split("\n", 1)[0] ?? "";
}

function plainValue(_key: string, value: unknown): unknown {
	return typeof value === "bigint" ? String(value) : value;
}

function stackOf(error: unknown): string {
	const lines: string[] = [];
	for (
		let current = error;
		current !== undefined;
		current = current instanceof Error ? current.cause : undefined
	) {
		const text = current instanceof Error ? (current.stack ?? current.message) : "something that is no error";
		lines.push(`${lines.length === 0 ? "" : "caused by: "}${text}`);
	}
	return lines.join("\n");
}
