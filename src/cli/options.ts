/** Reads the words after a command's name by its specification. */
import { parseArgs } from "node:util";
import { BaleError } from "../core/errors.ts";
import { type CommandSpec, type OptionSpec, globalOptions, optionsOf } from "./command.ts";
import { suggest } from "./suggest.ts";

/** Values of the options of one call. Asking for an option that the command does not have is a `TypeError`. */
export class ParsedOptions {
	readonly #known: ReadonlySet<string>;
	readonly #values: ReadonlyMap<string, readonly string[]>;

	constructor(known: readonly OptionSpec[], values: ReadonlyMap<string, readonly string[]>) {
		this.#known = new Set(known.map((option) => option.name));
		this.#values = values;
	}

	/** Whether the option was given. */
	flag(name: string): boolean {
		return this.#given(name) !== undefined;
	}

	/** Its last value. */
	text(name: string): string | undefined {
		return this.#given(name)?.at(-1);
	}

	/** All its values. */
	list(name: string): readonly string[] {
		return this.#given(name) ?? [];
	}

	/** Its last value as a number; for options that say `least`. */
	integer(name: string): number | undefined {
		const text = this.text(name);
		return text === undefined ? undefined : Number(text);
	}

	#given(name: string): readonly string[] | undefined {
		if (!this.#known.has(name)) throw new TypeError(`The command has no option --${name}`);
		return this.#values.get(name);
	}
}

export type ParsedLine = { readonly words: readonly string[]; readonly options: ParsedOptions };

/**
 * Reads `args`, the words after the command's name: `--name value`, `--name=value`, short options, `--`.
 * With `lenient` nothing is refused (help wants to work whatever else is wrong).
 * Wrong usage is `InvalidArgument` with the nearest right spelling as hint.
 */
export function parseLine(spec: CommandSpec, args: readonly string[], lenient = false): ParsedLine {
	const known = optionsOf(spec);
	const byName = new Map(known.map((option) => [option.name, option]));
	const { tokens } = parseArgs({
		args: [...args],
		strict: false,
		tokens: true,
		allowPositionals: true,
		options: Object.fromEntries(
			known.map((option) => [
				option.name,
				{
					type: option.value === undefined ? "boolean" : "string",
					...(option.short === undefined ? {} : { short: option.short }),
				} as const,
			]),
		),
	});
	const words: string[] = [];
	const values = new Map<string, string[]>();
	let open: string[] | undefined;
	for (const token of tokens) {
		if (token.kind === "positional") {
			(open ?? words).push(token.value);
			continue;
		}
		open = undefined;
		if (token.kind === "option-terminator") continue;
		const option = byName.get(token.name);
		if (option === undefined) {
			if (lenient) continue;
			throw unknownOption(spec, token.rawName, known);
		}
		const list = values.get(option.name) ?? [];
		if (option.value === undefined) {
			if (token.value !== undefined && !lenient) {
				throw usageError(spec, `${token.rawName} takes no value`);
			}
			list.push("");
		} else {
			if (token.value === undefined || (!token.inlineValue && isKnownFlag(token.value, known))) {
				if (lenient) {
					if (token.value === "-h" || token.value === "--help") values.set("help", [""]);
					continue;
				}
				throw usageError(spec, `${token.rawName} needs a value (${option.value})`);
			}
			if (option.choices !== undefined && !option.choices.includes(token.value) && !lenient) {
				throw usageError(
					spec,
					`${token.rawName} "${token.value}" is not one of ${option.choices.join(", ")}`,
				);
			}
			if (option.least !== undefined && !isWholeNumber(token.value, option.least) && !lenient) {
				throw usageError(
					spec,
					`${token.rawName} "${token.value}" is no whole number of at least ${option.least}`,
				);
			}
			list.push(token.value);
			if (option.variadic === true) open = list;
		}
		values.set(option.name, list);
	}
	if (!lenient) checkWords(spec, words);
	return { words, options: new ParsedOptions(known, values) };
}

/** Whether `--json` and its like were given, read without knowing the command. */
export function hasGlobalFlag(args: readonly string[], name: string): boolean {
	const end = args.indexOf("--");
	const short = globalOptions.find((option) => option.name === name)?.short;
	return args
		.slice(0, end === -1 ? args.length : end)
		.some((word) => word === `--${name}` || (short !== undefined && word === `-${short}`));
}

/** An `InvalidArgument` that names the command's help. */
export function usageError(spec: CommandSpec, message: string, hint?: string): BaleError {
	return new BaleError("InvalidArgument", message, { hint: hint ?? `See "bale ${spec.name} --help"` });
}

function isKnownFlag(word: string, known: readonly OptionSpec[]): boolean {
	const [name] = word.split("=", 1);
	return known.some((option) => name === `--${option.name}` || (option.short && name === `-${option.short}`));
}

function isWholeNumber(text: string, least: number): boolean {
	return /^[0-9]+$/.test(text) && Number.isSafeInteger(Number(text)) && Number(text) >= least;
}

function unknownOption(spec: CommandSpec, raw: string, known: readonly OptionSpec[]): BaleError {
	const close = suggest(
		raw.replace(/^-+/, ""),
		known.map((option) => option.name),
	);
	return usageError(
		spec,
		`"bale ${spec.name}" has no option ${raw}`,
		close === undefined ? undefined : `Did you mean --${close}?`,
	);
}

function checkWords(spec: CommandSpec, words: readonly string[]): void {
	const missing = spec.arguments.find(
		(argument, index) => argument.optional !== true && words[index] === undefined,
	);
	if (missing !== undefined) {
		throw usageError(spec, `"bale ${spec.name}" needs ${missing.name}: ${lowerFirst(missing.what)}`);
	}
	const unlimited = spec.arguments.at(-1)?.repeat === true;
	const extra = words[spec.arguments.length];
	if (extra !== undefined && !unlimited) {
		const takesRegistry = spec.options.some((option) => option.name === "registry");
		throw usageError(
			spec,
			`"bale ${spec.name}" does not take the extra argument "${extra}"`,
			takesRegistry && /^(s3|file):\/\//.test(extra)
				? `Name the registry so: --registry ${extra}`
				: undefined,
		);
	}
	spec.arguments.forEach((argument, index) => {
		const word = words[index];
		if (word !== undefined && argument.choices !== undefined && !argument.choices.includes(word)) {
			const close = suggest(word, argument.choices);
			throw usageError(
				spec,
				`${argument.name} "${word}" is not one of ${argument.choices.join(", ")}`,
				close === undefined ? undefined : `Did you mean ${close}?`,
			);
		}
	});
}

function lowerFirst(text: string): string {
	return text.slice(0, 1).toLowerCase() + text.slice(1);
}
