import { readFile } from "node:fs/promises";
import { text as readAll } from "node:stream/consumers";
import { BaleError } from "../core/errors.ts";
import { type Json, JsonSyntaxError, formatManifestJson, parseJson } from "../core/json.ts";

/**
 * The value of `--meta`: JSON text whose numbers are kept exactly, or `@FILE` (`@-`: standard input).
 * Text that is no JSON is `InvalidArgument`; NaN and what else a manifest cannot hold, `InvalidMetadata`.
 */
export async function readMetadata(argument: string): Promise<Json> {
	const text = argument.startsWith("@") ? await readSource(argument.slice(1)) : argument;
	const value = parse(text);
	formatManifestJson(value);
	return value;
}

function parse(text: string): Json {
	try {
		return parseJson(text);
	} catch (error) {
		if (!(error instanceof JsonSyntaxError)) throw error;
		throw new BaleError("InvalidArgument", `The value of --meta is no JSON: ${error.message}`, {
			hint: `Quote it for the shell: --meta '{"species": "cat"}'`,
			details: { offset: error.offset },
			cause: error,
		});
	}
}

async function readSource(path: string): Promise<string> {
	try {
		return path === "-" ? await readAll(process.stdin) : await readFile(path, "utf8");
	} catch (error) {
		throw new BaleError("InvalidArgument", `Cannot read the metadata from "${path}"`, { cause: error });
	}
}
