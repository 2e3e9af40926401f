/** The text of `--help`, made from the command table. */
import type { Paint } from "./color.ts";
import { type CommandSpec, type OptionSpec, dryRun, globalOptions, groups } from "./command.ts";
import { commands } from "./table.ts";

/** `NAME [HASH] [options]` */
export function usage(spec: CommandSpec): string {
	const words = spec.arguments.map((argument) => {
		const text = argument.repeat === true ? `${argument.name}...` : argument.name;
		return argument.optional === true ? `[${text}]` : text;
	});
	return ["bale", spec.name, ...words, "[options]"].join(" ");
}

/** `-m, --message TEXT` */
export function optionTitle(option: OptionSpec): string {
	const short = option.short === undefined ? "" : `-${option.short}, `;
	return `${short}--${option.name}${option.value === undefined ? "" : ` ${option.value}`}`;
}

/** The page of `bale --help`. */
export function overview(paint: Paint): string {
	const lines = [
		"bale keeps versions of data: it publishes folders as packages and installs exactly the version you ask for.",
		"",
		"  bale push ann/cats --dir ./cats --registry /data/lab -m 'First cats'",
		"  bale install ann/cats --registry /data/lab --dest ./copy",
		"",
		`${paint.bold("Usage")}: bale COMMAND [options]`,
	];
	const shown = commands.filter((spec) => spec.hidden !== true);
	const width = Math.max(...shown.map((spec) => spec.name.length));
	for (const group of groups) {
		const members = shown.filter((spec) => spec.group === group);
		const rows = members.map((spec) => [spec.name, spec.summary] as const);
		lines.push("", paint.bold(group), ...table(rows, width));
	}
	lines.push(
		"",
		paint.bold("Options of every command"),
		...table(globalOptions.map((option) => [optionTitle(option), option.what])),
		"",
		'See "bale COMMAND --help" for one command. Data goes to stdout, everything else to stderr.',
	);
	return `${lines.join("\n")}\n`;
}

/** The page of `bale COMMAND --help`. */
export function commandHelp(spec: CommandSpec, paint: Paint): string {
	const lines = [`${spec.summary}.`, ""];
	for (const example of spec.examples) lines.push(`  ${example.command}`, paint.dim(`      ${example.what}`));
	lines.push("", `${paint.bold("Usage")}: ${usage(spec)}`);
	if (spec.aliases !== undefined) lines.push(`${paint.bold("Also")}: bale ${spec.aliases.join(", bale ")}`);
	const below = commands.filter((other) => other.name.startsWith(`${spec.name} `));
	if (below.length > 0) {
		lines.push("", paint.bold("Commands"), ...table(below.map((other) => [other.name, other.summary])));
	}
	for (const paragraph of spec.details ?? []) lines.push("", ...wrap(paragraph, 96, ""));
	if (spec.arguments.length > 0) {
		lines.push(
			"",
			paint.bold("Arguments"),
			...table(spec.arguments.map((argument) => [argument.name, argument.what])),
		);
	}
	const own = [...spec.options, ...(spec.writes === true ? [dryRun] : [])];
	if (own.length > 0) {
		lines.push("", paint.bold("Options"), ...table(own.map((option) => [optionTitle(option), option.what])));
	}
	lines.push(
		"",
		paint.bold("Options of every command"),
		...table(globalOptions.map((option) => [optionTitle(option), option.what])),
		"",
		`${paint.bold("--json")} prints the document ${spec.schema}; docs/cli.md describes it.`,
	);
	return `${lines.join("\n")}\n`;
}

function table(
	rows: readonly (readonly [string, string])[],
	width = Math.min(28, Math.max(...rows.map(([title]) => title.length))),
): string[] {
	return rows.flatMap(([title, what]) => {
		const [first = "", ...rest] = wrap(what, 94 - width, " ".repeat(width + 4));
		const text = first.trimStart();
		return title.length > width
			? [`  ${title}`, `${" ".repeat(width + 4)}${text}`, ...rest]
			: [`  ${title.padEnd(width)}  ${text}`, ...rest];
	});
}

function wrap(text: string, width: number, indent: string): string[] {
	const lines: string[] = [];
	let line = "";
	for (const word of text.split(" ")) {
		if (line !== "" && line.length + word.length + 1 > width) {
			lines.push(indent + line);
			line = word;
		} else {
			line = line === "" ? word : `${line} ${word}`;
		}
	}
	return [...lines, indent + line];
}
