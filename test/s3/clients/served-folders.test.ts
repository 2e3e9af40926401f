/** docs/served-folders.md, done as it says, with bale's own server on a free port. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { codeBlocks, type CodeBlock } from "../../docs/code-blocks.ts";
import { childEnvironment, cliFile } from "../../support/cli.ts";
import { contentsOf } from "../../support/files.ts";
import { readRepositoryFile } from "../../support/repository.ts";
import { interpreter } from "../../interop/quilt3.ts";
import { temporaryDirectory } from "../../support/temporary.ts";
import { programs } from "./clients.ts";

/** DuckDB's extension as the package index has it: DuckDB itself would download it. */
const extension = `import glob, os, duckdb, duckdb_extension_httpfs as h
print(glob.glob(os.path.join(os.path.dirname(h.__file__), "extensions", f"v{duckdb.__version__}", "httpfs.*"))[0])`;

test("docs/served-folders.md: one folder, used by bale, the AWS CLI, rclone, quilt3, boto3, pandas and DuckDB", async () => {
	const root = temporaryDirectory();
	const folder = (name: string): string => join(root, name);
	mkdirSync(folder("bin"));
	writeFileSync(folder("bin/bale"), `#!/bin/sh\nexec "${process.execPath}" "${cliFile}" "$@"\n`);
	chmodSync(folder("bin/bale"), 0o755);
	mkdirSync(folder("cats"));
	writeFileSync(folder("cats/cats.csv"), "name,age\nTom,3\nKit,4\n");
	const [start, variables, ...steps] = codeBlocks(readRepositoryFile("docs/served-folders.md"));
	const base = childEnvironment(folder("home"), { PYTHONUTF8: "1" });
	const env = { ...base, PATH: [folder("bin"), programs(), base["PATH"]].join(delimiter) };

	const serve = start!.text.replace("bale serve", "exec bale serve --port 0 --json");
	const server = spawn("bash", ["-ec", serve], { cwd: root, env, stdio: ["ignore", "pipe", "inherit"] });
	onTestFinished(() => void server.kill("SIGKILL"));
	let port: string | undefined;
	for await (const line of createInterface(server.stdout)) {
		port = /"endpoint": "http:\/\/127\.0\.0\.1:(\d+)"/.exec(line)?.[1] ?? port;
		if (line === "}") break;
	}
	const here = ({ text }: CodeBlock): string => text.replaceAll(":9000", `:${port}`);
	/** Runs a block, told of the server by the variables that the page gives. */
	const run = async (block: CodeBlock): Promise<string> => {
		const [language, kind] = block.language.split(" ");
		const python = kind === "quilt3" ? interpreter() : join(programs(), "python");
		let text = here(block);
		if (kind === "duckdb") {
			const { stdout } = await promisify(execFile)(python, ["-c", extension], { env });
			text = text.replace('"httpfs"', JSON.stringify(stdout.trim()));
		}
		writeFileSync(folder("block.py"), text);
		const script = language === "sh" ? text : `"${python}" block.py`;
		return (await promisify(execFile)("bash", ["-ec", `${here(variables!)}\n${script}`], { cwd: root, env }))
			.stdout;
	};

	const printed: string[] = [];
	for (const step of steps) printed.push(await run(step));
	expect(steps.map(({ language }) => language)).toEqual([
		"sh",
		"sh",
		"python quilt3",
		"python pandas",
		"python duckdb",
	]);
	expect(printed[0]).toContain("ann/cats");
	expect(printed[2]).toMatch(/^name,age\nTom,3\nKit,4\n[^]*\nann\/cats\/cats\.csv\nann\/cats\/more\.csv\n$/);
	expect(printed[4]).toBe("[(2,)]\n");
	for (const copied of ["copy", "synced"])
		expect(contentsOf(folder(copied))).toEqual(contentsOf(folder("cats")));
	expect(contentsOf(folder("fetched"))).toEqual(contentsOf(folder("lab/raw")));

	const ended = once(server, "exit");
	server.kill("SIGINT");
	expect(await ended).toEqual([0, null]);
}, 120_000);
