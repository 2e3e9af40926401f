/**
 * `npm run check`: everything about the repository that is not a test. Each step runs even when one
 * before it failed, so that one run shows all there is to mend.
 */
import { mkdtempSync, readdirSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { npm, root, run, setUp } from "./setup.mjs";

const bin = (path) => join(root, "node_modules", path);
const node = (script, ...args) => run(process.execPath, [bin(script), ...args]);

/** Packs the tarball that would be published and lets two tools judge it. */
function checkTarball() {
	const directory = mkdtempSync(join(tmpdir(), "bale-pack-"));
	try {
		const packed = npm(["pack", "--ignore-scripts", "--silent", "--pack-destination", directory]);
		const [tarball] = readdirSync(directory).map((name) => join(directory, name));
		if (packed.status !== 0 || !tarball) return { status: 1, problem: "npm pack made no tarball" };
		const lint = node("publint/src/cli.js", tarball, "--strict");
		const types = node("@arethetypeswrong/cli/dist/index.js", tarball, "--profile", "esm-only", "--no-emoji");
		return lint.status === 0 ? types : lint;
	} finally {
		rmSync(directory, { recursive: true, force: true });
	}
}

const steps = [
	["format (prettier)", () => node("prettier/bin/prettier.cjs", "--check", "--log-level", "warn", ".")],
	["types (tsc)", () => node("typescript/bin/tsc", "-p", "tsconfig.test.json")],
	["lint (eslint)", () => node("eslint/bin/eslint.js", "--max-warnings", "0", ".")],
	["dead code (knip)", () => node("knip/bin/knip.js", "--treat-config-hints-as-errors")],
	["packed tarball (publint, attw)", checkTarball],
];

/** Runs the steps and counts them. Needs a build. */
export function runChecks() {
	const counts = { passed: 0, failed: 0, skipped: 0 };
	for (const [name, step] of steps) {
		const start = performance.now();
		const { status, problem } = step();
		const seconds = ((performance.now() - start) / 1000).toFixed(1);
		counts[status === 0 ? "passed" : "failed"] += 1;
		console.log(
			`${status === 0 ? "ok    " : "FAILED"} ${name} (${seconds} s)${status === 0 ? "" : `: ${problem}`}`,
		);
	}
	return counts;
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
	setUp();
	const { passed, failed } = runChecks();
	console.log(`${passed} passed, ${failed} failed`);
	process.exitCode = failed > 0 ? 1 : 0;
}
