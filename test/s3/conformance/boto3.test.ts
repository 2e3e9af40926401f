import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect } from "vitest";
import { interpreter } from "../../interop/quilt3.ts";
import { conformance } from "./suite.ts";

const script = join(import.meta.dirname, "checks.py");
/** The names of the functions that the script calls its checks. */
const checks = [...readFileSync(script, "utf8").matchAll(/^@check\ndef (\w+)/gm)].map((match) =>
	(match[1] ?? "").replaceAll("_", " "),
);

conformance("boto3", ({ spec, server }) => {
	let results: Promise<Readonly<Record<string, string | null>>> | undefined;
	const run = async (): Promise<Readonly<Record<string, string | null>>> => {
		const env = { ...process.env, ...server().environment, PYTHONUTF8: "1", PYTHONDONTWRITEBYTECODE: "1" };
		const { stdout } = await promisify(execFile)(interpreter(), ["-W", "ignore", script], { env });
		return JSON.parse(stdout) as Readonly<Record<string, string | null>>;
	};

	for (const name of checks) {
		spec(name, async () => {
			results ??= run();
			expect((await results)[name]).toBeNull();
		});
	}

	spec("has run every check", async () => {
		results ??= run();
		expect(Object.keys(await results)).toEqual(checks);
		expect(checks.length).toBeGreaterThan(10);
	});
});
