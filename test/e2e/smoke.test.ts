/** The main job through the built command, with whatever Node runs this test. */
import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { runCli, runCliJson } from "../support/cli.ts";
import { contentsOf } from "../support/files.ts";
import { temporaryDirectory } from "../support/temporary.ts";

it("bale builds, pushes, installs and verifies with this Node", async () => {
	const directory = temporaryDirectory();
	const data = join(directory, "data");
	mkdirSync(join(data, "deeper"), { recursive: true });
	writeFileSync(join(data, "table.csv"), "a,b\n1,2\n");
	writeFileSync(join(data, "deeper/large.bin"), Buffer.alloc(9 * 2 ** 20, "bytes"));
	const before = contentsOf(data);
	const options = { home: join(directory, "home"), cwd: directory };
	const run = (...args: string[]) => runCliJson(args, options);

	const built = await run("build", "lab/smoke", "--dir", "data");
	const first = await run("push", "lab/smoke", "--dir", "data", "--registry", "registry");
	expect(first["topHash"]).toBe(built["topHash"]);
	appendFileSync(join(data, "table.csv"), "3,4\n");
	const second = await run(
		"push",
		"lab/smoke",
		"--dir",
		"data",
		"--registry",
		"registry",
		"-m",
		"one more row",
	);
	expect(second["topHash"]).not.toBe(first["topHash"]);

	const revision = [`lab/smoke@${String(first["topHash"])}`, "--registry", "registry"];
	expect(await run("install", ...revision, "--dest", "elsewhere")).toMatchObject({
		topHash: first["topHash"],
	});
	expect(contentsOf(join(directory, "elsewhere"))).toEqual(before);
	expect(await run("verify", ...revision, "--dir", "elsewhere")).toMatchObject({ ok: true });
	const mismatch = await runCli(["verify", ...revision, "--dir", "data"], options);
	expect(mismatch.code).toBe(13);
	expect((await runCli(["--version"], options)).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
});
