import { spawn } from "node:child_process";
import { once } from "node:events";
import {
	closeSync,
	existsSync,
	openSync,
	readFileSync,
	readdirSync,
	truncateSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { commands } from "../../src/cli/table.ts";
import { optionsOf } from "../../src/cli/command.ts";
import { documentSchemas } from "../../src/cli/schemas/documents.ts";
import { childEnvironment, cliFile } from "../support/cli.ts";
import { readRepositoryFile } from "../support/repository.ts";
import { checkDocument, sandbox } from "./sandbox.ts";

describe("bale", () => {
	it("prints its version", async () => {
		const box = sandbox();
		const { version } = JSON.parse(readRepositoryFile("package.json")) as { version: string };
		for (const flag of ["--version", "-V"]) {
			expect(await box.bale([flag])).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
		}
	});

	it("prints its help on stdout when asked, on stderr with exit code 2 when nothing was said", async () => {
		const box = sandbox();
		const asked = await box.bale(["--help"]);
		expect(asked).toMatchObject({ code: 0, stderr: "" });
		const silent = await box.bale([]);
		expect(silent).toMatchObject({ code: 2, stdout: "" });
		expect(silent.stderr).toBe(asked.stdout);
		for (const spec of commands.filter((command) => command.hidden !== true)) {
			expect(asked.stdout).toContain(`  ${spec.name} `);
		}
		expect((await box.bale(["help"])).stdout).toBe(asked.stdout);
		expect((await box.bale(["--frob"])).code).toBe(2);
	});

	it("helps with every command, example first, whatever else is given", async () => {
		const box = sandbox();
		for (const spec of commands) {
			const { code, stdout, stderr } = await box.bale([...spec.name.split(" "), "--help", "--json"]);
			expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
			expect(stdout.indexOf(spec.examples[0]?.command ?? "?")).toBeGreaterThan(0);
			expect(stdout.indexOf(spec.examples[0]?.command ?? "?")).toBeLessThan(stdout.indexOf("Usage"));
			for (const option of optionsOf(spec)) expect(stdout).toContain(`--${option.name}`);
		}
		expect((await box.bale(["push", "--dir", "--nonsense", "-h"])).code).toBe(0);
		expect((await box.bale(["help", "config", "set"])).stdout).toContain("bale config set KEY VALUE");
		expect((await box.error(["help", "pusch"], 2)).hint).toContain("bale help push");
	});

	it("refuses unknown commands and options with exit code 2 and the right spelling", async () => {
		const box = sandbox();
		const hints: [string[], string][] = [
			[["frobnicate"], 'See "bale --help"'],
			[["inst"], 'Did you mean "bale install"?'],
			[["pusch", "a/b"], 'Did you mean "bale push"?'],
			[["push", "a/b", "--registy", "x"], "Did you mean --registry?"],
			[["push", "a/b", "--top-hash", "x"], 'See "bale push --help"'],
			[["push", "a/b", "--dir"], 'See "bale push --help"'],
			[["push", "a/b", "--dir", "--force"], 'See "bale push --help"'],
			[["push", "a/b", "--force=yes"], 'See "bale push --help"'],
			[["push"], 'See "bale push --help"'],
			[["push", "a/b", "c/d"], 'See "bale push --help"'],
			[["push", "a/b", "--dir", ".", "--ignore", "svn"], 'See "bale push --help"'],
			[["push", "a/b", "--dir", ".", "--concurrency", "0"], 'See "bale push --help"'],
			[["completion", "bsh"], "Did you mean bash?"],
		];
		for (const [args, hint] of hints) {
			expect(await box.error(args, 2)).toMatchObject({ code: "InvalidArgument", hint });
			const { code, stdout, stderr } = await box.bale(args);
			expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
			expect(stderr).toMatch(/^error: .*\nhint: .*\n$/);
		}
	});

	it("takes global flags before the command, options before and after arguments, and -- as their end", async () => {
		const box = sandbox();
		box.folder("cats", { "a.txt": "a" });
		checkDocument((await box.bale(["--json", "build", "--dir=cats", "ann/cats", "-mfirst"])).stdout);
		expect((await box.bale(["-q", "list"])).stdout).toBe("ann/cats\n");
		expect((await box.bale(["show", "--", "--json"])).stderr).toContain('"--json" is not a package name');
	});

	it("says in one sentence what failed, with a stack only with --debug", async () => {
		const box = sandbox();
		const plain = await box.bale(["show", "ann/cats"]);
		expect(plain.stderr).toBe(
			`error: There is no package "ann/cats" in file://${box.data}/packages\nhint: Run "bale list" with that registry to see its packages\n`,
		);
		const debug = await box.bale(["show", "ann/cats", "--debug"]);
		expect(debug.stderr).toContain("BaleError: There is no package");
		expect(debug.stderr).toMatch(/\n\s+at /);
	});

	it("escapes control characters in what it prints for people", async () => {
		const box = sandbox();
		const { stderr, code } = await box.bale(["show", "ann/\u001b[31mcats\u202e"]);
		expect(code).toBe(2);
		expect(stderr).not.toMatch(/[\u001b\u202e]/);
		expect(stderr).toContain("\\u001b[31m");
	});

	it("colours by FORCE_COLOR and not by NO_COLOR, --no-color or into a pipe", async () => {
		const box = sandbox();
		const colored = async (env: Record<string, string>, ...more: string[]): Promise<boolean> =>
			(await box.bale(["show", "ann/cats", ...more], { env })).stderr.includes("\u001b[");
		expect(await colored({ NO_COLOR: "" })).toBe(false);
		expect(await colored({ NO_COLOR: "", FORCE_COLOR: "1" })).toBe(true);
		expect(await colored({ NO_COLOR: "", FORCE_COLOR: "0" })).toBe(false);
		expect(await colored({ NO_COLOR: "1", FORCE_COLOR: "1" })).toBe(false);
		expect(await colored({ NO_COLOR: "", FORCE_COLOR: "1" }, "--no-color")).toBe(false);
	});

	it("is silent when whoever reads its output goes away", async () => {
		const box = sandbox();
		const folder = box.folder("cats", {});
		for (let index = 0; index < 3000; index++)
			writeFileSync(join(folder, `file-${String(index)}-${"x".repeat(200)}`), "");
		writeFileSync(join(folder, "big"), "");
		truncateSync(join(folder, "big"), 20_000_000);
		await box.json(["build", "ann/cats", "--dir", "cats"]);
		for (const args of [
			["ls", "ann/cats"],
			["cat", "ann/cats", "big"],
		]) {
			const child = spawn(process.execPath, [cliFile, ...args], { env: childEnvironment(box.home) });
			let stderr = "";
			child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
			child.stdout.once("data", () => child.stdout.destroy());
			const [code] = (await once(child, "close")) as [number];
			expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
		}
	});

	it("says so when its output cannot be written", async () => {
		const box = sandbox();
		const full = openSync("/dev/full", "w");
		const child = spawn(process.execPath, [cliFile, "config"], {
			env: childEnvironment(box.home),
			stdio: ["ignore", full, "pipe"],
		});
		let stderr = "";
		child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text));
		const [code] = (await once(child, "close")) as [number];
		closeSync(full);
		expect({ code, stderr }).toEqual({
			code: 15,
			stderr:
				"error: Cannot write the output: the disk is full\nhint: Free some space, then run the same command again\n",
		});
	});

	it("ends with 130 on Ctrl-C, leaves nothing half-written, and finishes when run again", async () => {
		const box = sandbox();
		const folder = box.folder("cats", { "a.txt": "a" });
		writeFileSync(join(folder, "big"), "");
		truncateSync(join(folder, "big"), 3_000_000_000);
		const args = ["push", "ann/cats", "--dir", "cats", "--registry", "registry"];
		const child = spawn(process.execPath, [cliFile, ...args], {
			cwd: box.root,
			env: childEnvironment(box.home),
		});
		let output = "";
		for (const stream of [child.stdout, child.stderr])
			stream.setEncoding("utf8").on("data", (text: string) => (output += text));
		const temporary = join(box.registry, ".bale/tmp");
		while (!existsSync(temporary) || readdirSync(temporary).length === 0) {
			await new Promise((resolve) => setTimeout(resolve, 5));
			if (child.exitCode !== null) throw new Error(`it was too fast: ${output}`);
		}
		child.kill("SIGINT");
		const [code] = (await once(child, "close")) as [number];
		expect(code).toBe(130);
		expect(output).toContain("error: ");
		expect(output).not.toMatch(/\n\s+at /);
		expect(readdirSync(temporary)).toEqual([]);
		expect(existsSync(join(box.registry, ".quilt/named_packages"))).toBe(false);
		expect(existsSync(join(box.registry, "ann/cats/big"))).toBe(false);
		truncateSync(join(folder, "big"), 1000);
		expect(await box.json(args)).toMatchObject({ files: 2, changed: true });
	});

	it("honours the limits of the environment, and refuses nonsense there", async () => {
		const box = sandbox();
		box.folder("cats", { "a.txt": "a" });
		const build = ["build", "ann/cats", "--dir", "cats"];
		expect((await box.error(build, 2, { env: { QUILT_TRANSFER_MAX_CONCURRENCY: "x" } })).code).toBe(
			"InvalidConfig",
		);
		expect((await box.error(build, 2, { env: { QUILT_MANIFEST_MAX_RECORD_SIZE: "10" } })).code).toBe(
			"LimitExceeded",
		);
		await box.json([...build, "--concurrency", "1"], 0, { env: { BALE_TRANSFER_MAX_CONCURRENCY: "2" } });
	});
});

describe("the documents", () => {
	it("are described for every command", () => {
		for (const spec of commands) expect(documentSchemas).toHaveProperty([spec.schema]);
		expect(documentSchemas).toHaveProperty(["bale.error/1"]);
	});

	it("describe the commands themselves", async () => {
		const box = sandbox();
		const { commands: described } = await box.json(["help"]);
		expect(described).toHaveLength(commands.filter((spec) => spec.hidden !== true).length);
		for (const shell of ["bash", "zsh", "fish"]) {
			expect(await box.json(["completion", shell])).toMatchObject({
				shell,
				script: expect.stringContaining("__complete") as string,
			});
		}
	});

	it("and docs/cli.md are what the generator makes", async () => {
		const child = spawn(process.execPath, ["scripts/generate-cli-docs.mjs", "--check"], {
			stdio: ["ignore", "ignore", "pipe"],
		});
		let stderr = "";
		child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
		await once(child, "close");
		expect(stderr).toBe("");
		expect(readFileSync("docs/cli.md", "utf8")).toContain("## Exit codes");
	});
});
