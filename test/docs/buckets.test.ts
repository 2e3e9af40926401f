import { expect, it } from "vitest";
import { registrySettingNames } from "../../src/core/registry-setting-names.ts";
import { runCli } from "../support/cli.ts";
import { readRepositoryFile } from "../support/repository.ts";
import { temporaryDirectory } from "../support/temporary.ts";
import { codeBlocks } from "./code-blocks.ts";

const document = readRepositoryFile("docs/buckets.md");

it("docs/buckets.md has commands that work", async () => {
	const home = temporaryDirectory();
	const [commands] = codeBlocks(document).filter(({ language }) => language === "sh");
	const lines = commands?.text.split("\n") ?? [];
	expect(lines.length).toBeGreaterThan(2);
	for (const line of lines) {
		const { code, stderr } = await runCli(line.split(" ").slice(1), { home, cwd: home });
		expect([line, code, code === 0 ? "" : stderr]).toEqual([line, 0, ""]);
	}
	const { stdout } = await runCli(["config", "registry"], { home, cwd: home });
	expect(stdout).toContain("s3://vault\n  encryption: aws:kms\n  kms-key-id: alias/vault");
});

it("docs/buckets.md names every setting of a bucket", () => {
	const named = document.split("\n").flatMap((line) => /^\| `(\w+)` +\| (?!`s3:)/.exec(line)?.[1] ?? []);
	expect(named).toEqual([...registrySettingNames]);
});
