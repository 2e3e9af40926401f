/**
 * Completion as a person meets it: an interactive shell on a pseudo terminal, real key presses. The `bale` that
 * these shells find is the built command for its own completion and else writes down its arguments.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Package } from "../../../src/index.ts";
import { childEnvironment, cliFile } from "../../support/cli.ts";
import { makeTemporaryDirectory, removeDirectory } from "../../support/temporary.ts";

const directory = makeTemporaryDirectory();
const home = join(directory, "home");
const work = join(directory, "work");
let topHash: string;

/** How each shell is started with the completion of bale and the prompt that `type.zsh` waits for. */
const shells = {
	bash: {
		file: ".bashrc",
		text: "PS1='ready> '\nsource <(bale completion bash)\n",
		command: ["bash", "--noprofile", "--rcfile", join(home, ".bashrc"), "-i"],
	},
	zsh: {
		file: ".zshrc",
		text: "PS1='ready> '\nautoload -Uz compinit\ncompinit -u\nsource <(bale completion zsh)\n",
		command: ["zsh", "-i"],
	},
	fish: {
		file: ".config/fish/config.fish",
		text: "function fish_prompt\n\techo 'ready> '\nend\nset -g fish_greeting\nbale completion fish | source\n",
		command: ["fish", "-i"],
	},
};

/** Keys (`\t` is the tabulator) -> the arguments that `bale` gets when they are typed, without the trailing newline. */
const cases: [keys: string, args: () => string[]][] = [
	["bale roll\t", () => ["rollback"]],
	["bale completion f\t", () => ["completion", "fish"]],
	["bale push --reg\tsha\t", () => ["push", "--registry", "shared"]],
	["bale log --registry shared la\t", () => ["log", "--registry", "shared", "lab/cats"]],
	[
		"bale show --registry shared lab/cats@\t",
		() => ["show", "--registry", "shared", `lab/cats@${topHash.slice(0, 12)}`],
	],
	["bale show --registry shared lab/cats:l\t", () => ["show", "--registry", "shared", "lab/cats:latest"]],
	["bale config get telemetry_d\t", () => ["config", "get", "telemetry_disabled"]],
	["bale verify --dir two\t", () => ["verify", "--dir", "two words"]],
];

beforeAll(async () => {
	for (const folder of ["bin", "home/.config/fish", "work/shared", "work/two words"])
		mkdirSync(join(directory, folder), { recursive: true });
	const bale = `#!/bin/sh
case $1 in
	__complete | completion) if [ "$2" != fish ] || [ -z "$TYPED" ]; then exec "${process.execPath}" "${cliFile}" "$@"; fi ;;
esac
printf '%s\\n' "$@" > "$TYPED.part" && mv "$TYPED.part" "$TYPED"
`;
	writeFileSync(join(directory, "bin/bale"), bale);
	chmodSync(join(directory, "bin/bale"), 0o755);
	for (const { file, text } of Object.values(shells)) writeFileSync(join(home, file), text);
	topHash = await new Package().build("lab/cats", join(work, "shared"));
});

afterAll(() => {
	removeDirectory(directory);
});

function type(shell: keyof typeof shells, keys: string): { args: string[] | undefined; screen: string } {
	const typed = join(directory, "typed");
	removeDirectory(typed);
	const env = childEnvironment(home);
	const result = spawnSync(
		"zsh",
		[
			"-f",
			join(import.meta.dirname, "type.zsh"),
			typed,
			`export TYPED=${typed}\n${keys}\n`,
			...shells[shell].command,
		],
		{
			cwd: work,
			env: { ...env, PATH: `${join(directory, "bin")}${delimiter}${env["PATH"] ?? ""}`, TERM: "xterm" },
			encoding: "utf8",
		},
	);
	const written = existsSync(typed) ? readFileSync(typed, "utf8").split("\n").slice(0, -1) : undefined;
	// zsh takes the slash of a completed folder away again when the line ends.
	return {
		args: written?.map((word) => word.replace(/\/$/, "")),
		screen: `${result.stdout}${result.stderr}`,
	};
}

const combinations = Object.keys(shells).flatMap((shell) =>
	cases.map(([keys, args]) => [shell as keyof typeof shells, keys, args] as const),
);

it.each(combinations)(
	"%s completes %j",
	(shell, keys, args) => {
		const { args: typed, screen } = type(shell, keys);
		expect(typed, screen).toEqual(args());
	},
	60_000,
);
