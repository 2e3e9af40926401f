/**
 * The shape of a command: what the table in `table.ts` says about it (help, documentation and
 * completion are made from that) and what its module does when it is run.
 */
import type { Output } from "./output.ts";
import type { ParsedOptions } from "./options.ts";

/** What a shell offers for a value. */
export type Completion =
	| "package"
	| "revision"
	| "registry"
	| "folder"
	| "file"
	| "hash"
	| "workflow"
	| "config-key"
	| "command"
	| "nothing";

/** A positional argument. */
export type ArgumentSpec = {
	/** As written in the usage line, in capitals. */
	readonly name: string;
	readonly what: string;
	readonly optional?: true;
	/** Takes all remaining words. */
	readonly repeat?: true;
	readonly choices?: readonly string[];
	readonly completes?: Completion;
};

/** An option; without `value` it is a switch. */
export type OptionSpec = {
	/** Without the dashes. */
	readonly name: string;
	readonly short?: string;
	/** Placeholder of the value, in capitals. */
	readonly value?: string;
	readonly what: string;
	/** May be given several times; all values count. */
	readonly repeat?: true;
	/** Also takes the words that follow, up to the next option. */
	readonly variadic?: true;
	readonly choices?: readonly string[];
	/** The value is a whole number of at least this. */
	readonly least?: number;
	readonly completes?: Completion;
};

export type Example = { readonly command: string; readonly what: string };

/** Headings of the command list, in the order of printing. */
export const groups = ["Publish", "Use", "Look", "Check", "Settings", "Help"] as const;

export type CommandSpec = {
	/** One word, or two for a command below another one. */
	readonly name: string;
	readonly aliases?: readonly string[];
	readonly group: (typeof groups)[number];
	/** One line, imperative, no period. */
	readonly summary: string;
	/** Paragraphs of the long help. */
	readonly details?: readonly string[];
	readonly arguments: readonly ArgumentSpec[];
	readonly options: readonly OptionSpec[];
	readonly examples: readonly Example[];
	/** Name of the document that `--json` prints. */
	readonly schema: string;
	/** It changes something: `--dry-run` is offered, and a closed pipe does not stop it. */
	readonly writes?: true;
	/** quilt3's spelling of something else: neither in the overview nor offered by completion. */
	readonly hidden?: true;
	readonly load: () => Promise<{ readonly run: Run }>;
};

/** What a command is given. */
export type Invocation = {
	readonly spec: CommandSpec;
	/** Positional arguments in order; as many as the specification demands at least. */
	readonly words: readonly string[];
	readonly options: ParsedOptions;
	readonly output: Output;
	/** Fires on Ctrl-C. */
	readonly signal: AbortSignal;
	readonly env: Readonly<Record<string, string | undefined>>;
};

/** What a command hands back; `report.ts` prints it. */
export type Report = {
	/** The document of `--json`, without its `schema`. */
	readonly document: Readonly<Record<string, unknown>>;
	/** Lines of `--quiet`: identifiers only. */
	readonly ids: readonly string[];
	/** Lines of data for people, on stdout. */
	readonly data?: readonly string[];
	/** Raw data for stdout instead of lines, also with `--quiet`. */
	readonly bytes?: AsyncIterable<Uint8Array>;
	/** What changed and what one can do next, on stderr; left out with `--quiet`. */
	readonly notes?: readonly string[];
	/** What goes on after the report was printed; the command ends with it. */
	readonly running?: () => Promise<void>;
	/** Default 0. */
	readonly exitCode?: number;
};

export type Run = (invocation: Invocation) => Promise<Report>;

/** Options that every command has. */
export const globalOptions: readonly OptionSpec[] = [
	{ name: "json", what: "Print one JSON document instead of text" },
	{ name: "quiet", short: "q", what: "Print identifiers only" },
	{ name: "debug", what: "Print the stack of an error" },
	{ name: "no-color", what: "Use no colour, as NO_COLOR does" },
	{ name: "help", short: "h", what: "Show what the command does" },
];

/** Added to every command that changes something. */
export const dryRun: OptionSpec = {
	name: "dry-run",
	short: "n",
	what: "Change nothing; say exactly what would happen",
};

/** Everything that can be given to `spec`, the global options last. */
export function optionsOf(spec: CommandSpec): readonly OptionSpec[] {
	return [...spec.options, ...(spec.writes === true ? [dryRun] : []), ...globalOptions];
}
