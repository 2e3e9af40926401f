import type { CommandSpec } from "../command.ts";

export const helpCommands: readonly CommandSpec[] = [
	{
		name: "completion",
		group: "Help",
		summary: "Print the completion script for a shell",
		details: [
			"bash: put  source <(bale completion bash)  into ~/.bashrc.",
			"zsh: put  source <(bale completion zsh)  into ~/.zshrc, after compinit.",
			"fish: bale completion fish > ~/.config/fish/completions/bale.fish",
		],
		arguments: [{ name: "SHELL", what: "bash, zsh or fish", choices: ["bash", "zsh", "fish"] }],
		options: [],
		examples: [{ command: "bale completion bash", what: "Print it" }],
		schema: "bale.completion/1",
		load: () => import("../commands/completion.ts"),
	},
	{
		name: "help",
		group: "Help",
		summary: "Show what a command does",
		arguments: [{ name: "COMMAND", what: "The command", optional: true, repeat: true, completes: "command" }],
		options: [],
		examples: [{ command: "bale help push", what: "The same as bale push --help" }],
		schema: "bale.help/1",
		load: () => import("../commands/help.ts"),
	},
];
