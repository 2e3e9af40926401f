/** The completion scripts in the real shells: keys are typed, and what the shell makes of them is read. */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { delimiter } from "node:path";
import { describe, expect, it } from "vitest";
import { type Sandbox, sandbox } from "../../cli/sandbox.ts";
import { childEnvironment, cliFile } from "../../support/cli.ts";
import { openTerminal } from "./terminal.ts";

/** A machine with `bale` on its path and one package in a registry and in the local one. */
async function machine(): Promise<{ box: Sandbox; env: NodeJS.ProcessEnv; topHash: string }> {
	const box = sandbox();
	box.folder("cats", { "a.txt": "a" });
	box.folder("my photos", {});
	box.folder("registry/.quilt/workflows", { "config.yml": workflows });
	const { topHash } = await box.json(["push", "ann/cats", "--dir", "cats", "--registry", "registry"]);
	await box.json(["build", "bob/local", "--dir", "cats"]);
	mkdirSync(box.path("bin"));
	writeFileSync(box.path("bin/bale"), `#!/bin/sh\nexec "${process.execPath}" "${cliFile}" "$@"\n`);
	chmodSync(box.path("bin/bale"), 0o755);
	const base = childEnvironment(box.home);
	return {
		box,
		env: { ...base, PATH: `${box.path("bin")}${delimiter}${base["PATH"] ?? ""}` },
		topHash: String(topHash),
	};
}

const workflows = `version: "1"
is_workflow_required: false
workflows:
  # the lab's
  checked:
    name: Checked by two people
    is_message_required: true
  "raw":
    name: Raw data
`;

/** Typed text, Tab, and what the line must be then; `H` stands for the first 12 digits of the hash. */
const lines: readonly (readonly [typed: string, completed: string])[] = [
	["bale pu", "bale push "],
	["bale list-", "bale list-"],
	["bale push --keep", "bale push --keep-meta "],
	["bale show bo", "bale show bob/local "],
	["bale show --registry registry an", "bale show --registry registry ann/cats "],
	["bale show --registry registry ann/cats@", "bale show --registry registry ann/cats@H "],
	["bale show --registry registry ann/cats:la", "bale show --registry registry ann/cats:latest "],
	[
		"bale install --registry registry ann/cats --top-hash ",
		"bale install --registry registry ann/cats --top-hash H ",
	],
	[
		"bale push ann/cats --registry registry --workflow ch",
		"bale push ann/cats --registry registry --workflow checked ",
	],
	["bale workflow show --registry registry ra", "bale workflow show --registry registry raw "],
	["bale config se", "bale config set "],
	["bale config get default_re", "bale config get default_re"],
	["bale push ann/cats --ignore=q", "bale push ann/cats --ignore=quilt "],
	["bale push ann/cats --dir ca", "bale push ann/cats --dir cats/"],
	["bale completion f", "bale completion fish "],
];

/** The candidates that must be offered after these words, by the same table. */
const unique = lines.filter(([typed, completed]) => typed !== completed);

describe.each([
	["bash", "bash --norc --noprofile -i", "PS1='> '; source <(bale completion bash)"],
	["zsh", "zsh -f -i", "PS1='> '; autoload -Uz compinit; compinit -u -D; source <(bale completion zsh)"],
])("completion in %s", (_shell, command, setUp) => {
	it("completes commands, options, names, hashes, pointers, choices and folders", async () => {
		const { box, env, topHash } = await machine();
		const terminal = openTerminal(command, env, box.root);
		terminal.type(`${setUp}; echo READ''Y\n`);
		await terminal.see(/READY/);
		for (const [typed, completed] of unique) {
			const wanted = completed.replace("H", topHash.slice(0, 12));
			terminal.type(`\u0015${typed}\t`);
			const added = wanted.slice(typed.length).trimEnd();
			// Colours may change between any two characters.
			await terminal.see(new RegExp(Array.from(added, escape).join("(?:\u001b\\[[0-9;]*m)*")));
		}
		terminal.type("\u0015exit 0\n");
		expect(await terminal.ended()).toBe(0);
	});
});

describe("completion in fish", () => {
	it("completes commands, options, names, hashes, pointers, choices and folders", async () => {
		const { box, env, topHash } = await machine();
		for (const [typed, completed] of unique) {
			const word = completed.replace("H", topHash.slice(0, 12)).trimEnd().split(" ").at(-1) ?? "";
			const script = `bale completion fish | source; complete -C ${JSON.stringify(typed)}`;
			const { stdout, stderr, status } = spawnSync("fish", ["--no-config", "-c", script], {
				cwd: box.root,
				env,
				encoding: "utf8",
			});
			expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
			expect(stdout.split("\n").map((line) => line.split("\t")[0])).toEqual([word, ""]);
		}
	});

	it("describes what it offers", async () => {
		const { box, env } = await machine();
		const { stdout } = spawnSync(
			"fish",
			["--no-config", "-c", "bale completion fish | source; complete -C 'bale ro'"],
			{
				cwd: box.root,
				env,
				encoding: "utf8",
			},
		);
		expect(stdout).toBe("rollback\tMake an earlier revision the latest one again\n");
	});
});

function escape(text: string): string {
	return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
