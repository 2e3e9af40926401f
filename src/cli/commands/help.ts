import { BaleError } from "../../core/errors.ts";
import type { CommandSpec, Invocation, Report } from "../command.ts";
import { commandHelp, overview } from "../help.ts";
import { optionsOf } from "../command.ts";
import { commands, matchCommand, suggestCommand } from "../table.ts";

/** `bale help [COMMAND]` */
export function run({ words, output }: Invocation): Promise<Report> {
	const paint = output.paint.data;
	const matched = words.length === 0 ? undefined : matchCommand(words);
	if (words.length > 0 && matched === undefined) {
		const close = suggestCommand(words[0] ?? "");
		throw new BaleError("InvalidArgument", `bale has no command "${words.join(" ")}"`, {
			hint: close === undefined ? 'See "bale --help"' : `Did you mean "bale help ${close}"?`,
		});
	}
	const specs = matched === undefined ? commands : [matched.spec];
	const text = matched === undefined ? overview(paint) : commandHelp(matched.spec, paint);
	return Promise.resolve({
		document: { commands: specs.filter((spec) => spec.hidden !== true).map(describe) },
		ids: specs.map((spec) => spec.name),
		data: [text.trimEnd()],
	});
}

function describe(spec: CommandSpec): Record<string, unknown> {
	return {
		name: spec.name,
		aliases: spec.aliases ?? [],
		summary: spec.summary,
		arguments: spec.arguments.map(({ name, what, optional }) => ({
			name,
			what,
			optional: optional === true,
		})),
		options: optionsOf(spec).map(({ name, short, value, what, choices }) => ({
			name,
			short: short ?? null,
			value: value ?? null,
			what,
			choices: choices ?? null,
		})),
		schema: spec.schema,
	};
}
