/**
 * What a shell offers for the word under the cursor. Answers within the time of a key press: reads the
 * command table and, for names and hashes, the folders of a directory registry; asks no server.
 */
import { type Completion, type CommandSpec, type OptionSpec, optionsOf } from "../command.ts";
import { commands, matchCommand } from "../table.ts";

type Environment = Readonly<Record<string, string | undefined>>;
type Candidate = { readonly value: string; readonly what: string };

/** Lines for the completion scripts: `value TAB description`, and `:files` or `:folders` for file names. */
export async function complete(args: readonly string[], env: Environment): Promise<string> {
	try {
		const words = args[0] === "--" ? args.slice(1) : args;
		const lines = await candidates(words.slice(0, -1), words.at(-1) ?? "", env);
		return lines.map((line) => `${line}\n`).join("");
	} catch {
		return "";
	}
}

async function candidates(before: readonly string[], current: string, env: Environment): Promise<string[]> {
	const matched = matchCommand(before);
	if (matched === undefined)
		return before.length > 0 && !before.every(isFlag) ? [] : filter(commandNames(), current);
	const { spec, rest } = matched;
	const place = locate(spec, rest);
	if (place.option !== undefined) return await values(place.option, current, spec, rest, env);
	const inline = /^(--[^=]+)=(.*)$/s.exec(current);
	if (inline !== null) {
		const [, flag = "", value = ""] = inline;
		const option = optionsOf(spec).find(({ name }) => `--${name}` === flag);
		const found = option?.value === undefined ? [] : await values(option, value, spec, rest, env);
		return found.map((line) => (line.startsWith(":") ? line : `${flag}=${line}`));
	}
	if (current.startsWith("-") && !place.ended) return filter(flags(spec), current);
	const argument = spec.arguments[Math.min(place.words, spec.arguments.length - 1)];
	const below = rest.length === 0 ? subcommands(spec) : [];
	const usable = argument !== undefined && (place.words < spec.arguments.length || argument.repeat === true);
	const offered = usable
		? await values({ ...argument, value: argument.name }, current, spec, rest, env)
		: below.length === 0
			? filter(flags(spec), current)
			: [];
	return [...filter(below, current), ...offered];
}

/** Where the cursor stands after `rest`: behind an option that wants a value, or at the n-th argument. */
function locate(
	spec: CommandSpec,
	rest: readonly string[],
): { readonly option: OptionSpec | undefined; readonly words: number; readonly ended: boolean } {
	const known = optionsOf(spec);
	let open: OptionSpec | undefined;
	let words = 0;
	let ended = false;
	for (const word of rest) {
		if (open !== undefined && (open.variadic !== true || !word.startsWith("-"))) {
			if (open.variadic !== true) open = undefined;
		} else if (word === "--") {
			ended = true;
		} else if (isFlag(word) && !ended) {
			const option = known.find(({ name, short }) => word === `--${name}` || word === `-${short ?? name}`);
			open = option?.value === undefined ? undefined : option;
		} else {
			words++;
		}
	}
	return { option: open, words, ended };
}

type Wanted = { readonly completes?: Completion; readonly choices?: readonly string[] };

async function values(
	wanted: Wanted & { readonly value?: string },
	current: string,
	spec: CommandSpec,
	rest: readonly string[],
	env: Environment,
): Promise<string[]> {
	if (wanted.choices !== undefined) {
		return filter(
			wanted.choices.map((value) => ({ value, what: "" })),
			current,
		);
	}
	switch (wanted.completes) {
		case "file":
			return [":files"];
		case "folder":
		case "registry":
			return [":folders"];
		case "command":
			return filter(commandNames(), current);
		case "config-key":
			return filter(await settings(), current);
		case "package":
		case "revision":
		case "hash":
		case "workflow":
			return await fromRegistry(wanted.completes, current, spec, rest, env);
		default:
			return [];
	}
}

async function fromRegistry(
	kind: "package" | "revision" | "hash" | "workflow",
	current: string,
	spec: CommandSpec,
	rest: readonly string[],
	env: Environment,
): Promise<string[]> {
	const { findRegistry, packageNames, revisionNames, workflowNames } = await import("./registry-names.ts");
	const registry = findRegistry(optionValue(rest, "--registry"), usesRemote(spec), env);
	if (registry === undefined) return kind === "revision" && /^[./~]/.test(current) ? [":folders"] : [];
	if (kind === "workflow") return filter(workflowNames(registry), current);
	if (kind === "hash") {
		const name = rest.find((word) => /^[^-/@:]+\/[^/@:]+$/.test(word));
		return name === undefined ? [] : filter(revisionNames(registry, name, "hash"), current);
	}
	const split = /^(.*?)([@:])/.exec(current);
	if (kind === "revision" && split !== null) {
		const [, name = "", mark = ""] = split;
		const found = revisionNames(registry, name, mark === "@" ? "hash" : "pointer");
		return filter(
			found.map(({ value, what }) => ({ value: `${name}${mark}${value}`, what })),
			current,
		);
	}
	const names = filter(packageNames(registry), current);
	return kind === "revision" && /^[./~]/.test(current) ? [...names, ":folders"] : names;
}

/** Commands whose default is the registry that is shared with others. */
function usesRemote(spec: CommandSpec): boolean {
	return /^(push|install|workflow .*)$/.test(spec.name);
}

function optionValue(rest: readonly string[], flag: string): string | undefined {
	const inline = rest.find((word) => word.startsWith(`${flag}=`));
	if (inline !== undefined) return inline.slice(flag.length + 1);
	const index = rest.indexOf(flag);
	return index === -1 ? undefined : rest[index + 1];
}

function commandNames(): Candidate[] {
	return commands
		.filter((spec) => spec.hidden !== true && !spec.name.includes(" "))
		.map((spec) => ({ value: spec.name, what: spec.summary }));
}

function subcommands(spec: CommandSpec): Candidate[] {
	return commands
		.filter((other) => other.name.startsWith(`${spec.name} `))
		.map((other) => ({ value: other.name.slice(spec.name.length + 1), what: other.summary }));
}

function flags(spec: CommandSpec): Candidate[] {
	return optionsOf(spec).map((option) => ({ value: `--${option.name}`, what: option.what }));
}

async function settings(): Promise<Candidate[]> {
	const { configKeys } = await import("../../core/config-keys.ts");
	return configKeys.map((value) => ({ value, what: "" }));
}

function filter(candidates: readonly Candidate[], current: string): string[] {
	return candidates
		.filter(({ value }) => value.startsWith(current) && !/[\p{Cc}]/u.test(value))
		.map(({ value, what }) => (what === "" ? value : `${value}\t${what.replace(/\p{Cc}/gu, " ")}`));
}

function isFlag(word: string): boolean {
	return word.startsWith("-") && word !== "-";
}
