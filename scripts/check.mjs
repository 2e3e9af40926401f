/**
 * `npm run check`: everything about the repository that is not a test. Each step runs even when one
 * before it failed, so that one run shows all there is to mend.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { npm, quiet, root, setUp } from "./setup.mjs";

const tool = (path) => join(root, "node_modules", path);

/** What a step said and how it ended. */
function runQuietly(script, ...args) {
	return new Promise((resolve) => {
		const child = spawn(process.execPath, [tool(script), ...args], {
			cwd: root,
			stdio: ["ignore", "pipe", "pipe"],
		});
		const chunks = [];
		for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => chunks.push(chunk));
		child.on("error", (error) => resolve({ output: "", problem: error.message }));
		child.on("close", (code, signal) => {
			const problem = code === 0 ? undefined : (signal ?? `exit code ${code}`);
			resolve({ output: Buffer.concat(chunks).toString(), problem });
		});
	});
}

/** Packs the tarball that would be published and lets two tools judge it. */
async function checkTarball() {
	const directory = mkdtempSync(join(tmpdir(), "bale-pack-"));
	try {
		const packed = npm(["pack", "--ignore-scripts", "--silent", "--pack-destination", directory], quiet);
		const [tarball] = readdirSync(directory).map((name) => join(directory, name));
		if (packed.status !== 0 || !tarball)
			return { output: packed.output, problem: "npm pack made no tarball" };
		const lint = await runQuietly("publint/src/cli.js", tarball, "--strict");
		const types = await runQuietly(
			"@arethetypeswrong/cli/dist/index.js",
			...[tarball, "--profile", "esm-only", "--no-emoji"],
		);
		return { output: `${lint.output}${types.output}`, problem: lint.problem ?? types.problem };
	} finally {
		rmSync(directory, { recursive: true, force: true });
	}
}

/** Two lanes, which take about the same time and run at once. */
const lanes = [
	[["lint (eslint)", () => runQuietly("eslint/bin/eslint.js", "--max-warnings", "0", ".")]],
	[
		[
			"format (prettier)",
			() => runQuietly("prettier/bin/prettier.cjs", "--check", "--log-level", "warn", "."),
		],
		["types (tsc)", () => runQuietly("typescript/bin/tsc", "-p", "tsconfig.test.json")],
		["dead code (knip)", () => runQuietly("knip/bin/knip.js", "--treat-config-hints-as-errors")],
		["packed tarball (publint, attw)", checkTarball],
	],
];

/** Runs the steps and counts them. Needs a build. */
export async function runChecks() {
	const counts = { passed: 0, failed: 0, skipped: 0 };
	const runLane = async (steps) => {
		for (const [name, step] of steps) {
			const start = performance.now();
			const { output, problem } = await step();
			const seconds = ((performance.now() - start) / 1000).toFixed(1);
			counts[problem === undefined ? "passed" : "failed"] += 1;
			if (problem !== undefined) console.log(output);
			console.log(
				`${problem === undefined ? "ok    " : "FAILED"} ${name} (${seconds} s)${problem === undefined ? "" : `: ${problem}`}`,
			);
		}
	};
	await Promise.all(lanes.map(runLane));
	return counts;
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
	setUp();
	const { passed, failed } = await runChecks();
	console.log(`${passed} passed, ${failed} failed`);
	process.exitCode = failed > 0 ? 1 : 0;
}
