/** A machine for one test: a home, a registry, folders, and the built command. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type ErrorCode, errorTable } from "../../src/core/errors.ts";
import { documentSchemas } from "../../src/cli/schemas/documents.ts";
import { type CliResult, runCli } from "../support/cli.ts";
import { temporaryDirectory } from "../support/temporary.ts";
import { validate } from "./json-schema.ts";

export type Document = Readonly<Record<string, unknown>>;
export type Options = { readonly env?: Record<string, string>; readonly cwd?: string };

export type Sandbox = {
	/** Absolute path of the machine's only writable place. */
	readonly root: string;
	readonly home: string;
	/** quilt3's data directory there. */
	readonly data: string;
	/** Absolute path of a directory registry that is empty at first. */
	readonly registry: string;
	/** Path below the root. */
	path(...parts: string[]): string;
	/** Writes files (key: content) below a folder of the root and returns its absolute path. */
	folder(name: string, files: Readonly<Record<string, string>>): string;
	/** Runs `bale`. */
	bale(args: readonly string[], options?: Options): Promise<CliResult>;
	/** Runs `bale … --json`, which must end with `code`, and returns its document, checked against its schema. */
	json(args: readonly string[], code?: number, options?: Options): Promise<Document>;
	/** The error that `bale … --json` ends with; `exit` must be its exit code, in the table too. */
	error(
		args: readonly string[],
		exit: number,
		options?: Options,
	): Promise<{ code: string; message: string; hint: string }>;
};

/** A new machine; it is removed when the test ends. */
export function sandbox(): Sandbox {
	const root = temporaryDirectory();
	const home = join(root, "home");
	mkdirSync(home);
	const registry = join(root, "registry");
	mkdirSync(registry);
	const run = (args: readonly string[], options: Options = {}): Promise<CliResult> =>
		runCli(args, { home, cwd: root, ...options });
	return {
		root,
		home,
		data: join(home, ".local/share/Quilt"),
		registry,
		path: (...parts) => join(root, ...parts),
		folder(name, files) {
			const folder = join(root, name);
			mkdirSync(folder, { recursive: true });
			for (const [key, content] of Object.entries(files)) {
				mkdirSync(dirname(join(folder, key)), { recursive: true });
				writeFileSync(join(folder, key), content);
			}
			return folder;
		},
		bale: run,
		async json(args, code = 0, options = {}) {
			const result = await run([...args, "--json"], options);
			if (result.code !== code) throw new Error(describeRun(args, result));
			return checkDocument(result.stdout);
		},
		async error(args, exit, options = {}) {
			const document = await this.json(args, exit, options);
			const { code, message, hint } = document["error"] as {
				code: ErrorCode;
				message: string;
				hint?: string;
			};
			if (errorTable[code].exit !== exit) throw new Error(`${code} ends with ${String(exit)}`);
			return { code, message, hint: hint ?? "" };
		},
	};
}

/** Parses the one document of a run and checks it against the schema that it names. */
export function checkDocument(text: string): Document {
	const document = JSON.parse(text) as Document;
	const id = String(document["schema"]);
	const schema = documentSchemas[id];
	if (schema === undefined) throw new Error(`no schema ${id}`);
	const problems = validate(schema, document);
	if (problems.length > 0) throw new Error(`${id} does not fit its schema:\n${problems.join("\n")}\n${text}`);
	return document;
}

/** Everything about a run, for failures. */
export function describeRun(args: readonly string[], { code, stdout, stderr }: CliResult): string {
	return `bale ${args.join(" ")} ended with ${String(code)}\n--- stdout\n${stdout}\n--- stderr\n${stderr}`;
}
