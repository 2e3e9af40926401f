/** Every command of bale: the one source of help, documentation, completion and dispatch. */
import type { CommandSpec } from "./command.ts";
import { suggest } from "./suggest.ts";
import { checkCommands } from "./table/check.ts";
import { helpCommands } from "./table/help.ts";
import { lookCommands } from "./table/look.ts";
import { publishCommands } from "./table/publish.ts";
import { serveCommands } from "./table/serve.ts";
import { settingsCommands } from "./table/settings.ts";
import { useCommands } from "./table/use.ts";
import { workflowCommands } from "./table/workflow.ts";

export const commands: readonly CommandSpec[] = [
	...publishCommands,
	...useCommands,
	...serveCommands,
	...lookCommands,
	...checkCommands,
	...workflowCommands,
	...settingsCommands,
	...helpCommands,
];

/** The command with exactly this name or alias. */
export function findCommand(name: string): CommandSpec | undefined {
	return commands.find((spec) => spec.name === name || spec.aliases?.includes(name) === true);
}

/** The command that `words` begin with, the longer name first, and the words after it. */
export function matchCommand(
	words: readonly string[],
): { readonly spec: CommandSpec; readonly rest: readonly string[] } | undefined {
	for (const length of [2, 1]) {
		const spec = words.length < length ? undefined : findCommand(words.slice(0, length).join(" "));
		if (spec !== undefined) return { spec, rest: words.slice(length) };
	}
	return undefined;
}

/** The name that an unknown one was probably meant to be. */
export function suggestCommand(name: string): string | undefined {
	return suggest(
		name,
		commands.flatMap((spec) => [spec.name, ...(spec.aliases ?? [])]),
	);
}
