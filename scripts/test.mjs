/**
 * `npm test`: sets everything up, then runs the tiers of `scripts/tiers.mjs` one after the other.
 *
 * For a person, a tier whose outside tool is not here is left out, and the end says so. With `--all` or
 * `CI=true` every tier is mandatory; leaving one out then takes BALE_TEST_SKIP=<tier,…> and
 * BALE_TEST_SKIP_REASON=<why>. Arguments that are no options name tiers to run instead of all.
 *
 * Exit codes: 0 passed, 1 something failed, 2 the set-up cannot work.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runChecks } from "./check.mjs";
import { isolatedEnvironment } from "./isolation.mjs";
import { fail, root, run, setUp } from "./setup.mjs";
import { tiers } from "./tiers.mjs";
import { findTool } from "./tools.mjs";

const names = process.argv.slice(2).filter((argument) => !argument.startsWith("-"));
const mandatory = process.argv.includes("--all") || /^(1|true)$/i.test(process.env.CI ?? "");
const leftOut = (process.env.BALE_TEST_SKIP ?? "").split(",").filter(Boolean);
const reason = process.env.BALE_TEST_SKIP_REASON ?? "";

for (const name of [...names, ...leftOut])
	if (!tiers.some((tier) => tier.name === name))
		fail(`No tier is called "${name}"; there are: ${tiers.map((tier) => tier.name).join(", ")}.`);
if (leftOut.length > 0 && reason.trim() === "")
	fail("BALE_TEST_SKIP needs BALE_TEST_SKIP_REASON: say why these tiers are left out.");

const scratch = mkdtempSync(join(tmpdir(), "bale-test-"));
process.on("exit", () => rmSync(scratch, { recursive: true, force: true }));

/** Runs the test files of a tier with one Node binary and counts what vitest reports. */
function runTests(tier, tools, node = process.execPath) {
	const excluded = tools.excluded.flatMap((file) => ["--exclude", file]);
	const report = join(scratch, `${tier.name}.json`);
	rmSync(report, { force: true });
	const changes = isolatedEnvironment(process.env, scratch);
	const env = { ...process.env, ...changes, ...tools.env, BALE_TEST_TIER: tier.name, BALE_TEST_NODE: node };
	env.BALE_TEST_COMMAND = join(root, "dist/bin/bale.js");
	for (const name of Object.keys(changes)) if (changes[name] === undefined) delete env[name];
	const vitest = join(root, "node_modules/vitest/vitest.mjs");
	const arguments_ = [
		vitest,
		"run",
		"--reporter=default",
		"--reporter=json",
		`--outputFile.json=${report}`,
		...excluded,
	];
	const { status, problem } = run(node, arguments_, { env });
	let counts = { passed: 0, failed: 0, skipped: 0 };
	try {
		const { numPassedTests, numFailedTests, numPendingTests, numTodoTests } = JSON.parse(
			readFileSync(report, "utf8"),
		);
		counts = { passed: numPassedTests, failed: numFailedTests, skipped: numPendingTests + numTodoTests };
	} catch {
		console.log(`vitest wrote no report (${problem}).`);
	}
	// A file that cannot be loaded, an unhandled rejection: no test failed, the tier did.
	if (status !== 0 && counts.failed === 0) counts.failed = 1;
	return counts;
}

function runTier(tier, tools) {
	if (!tier.include) return runChecks();
	if (!tier.everyNode) return runTests(tier, tools);
	const total = { passed: 0, failed: 0, skipped: 0 };
	for (const { release, binary } of tools.nodes) {
		console.log(`\nNode ${release}`);
		const counts = runTests(tier, tools, binary);
		if (counts.passed + counts.failed === 0) counts.failed = 1;
		for (const key of Object.keys(total)) total[key] += counts[key];
	}
	return total;
}

function toolsFor(tier) {
	const tools = { env: {}, nodes: [], excluded: [] };
	const wanted = tier.wants ?? [];
	const absent = [];
	for (const name of [...(tier.needs ?? []), ...wanted]) {
		const found = findTool(name);
		if (found.missing) {
			if (mandatory || !wanted.includes(name)) return found;
			absent.push({ name, ...found });
			tools.excluded.push(...(tier.without?.[name] ?? []));
			continue;
		}
		Object.assign(tools.env, found.env);
		if (found.nodes) tools.nodes = found.nodes;
	}
	if (tier.name === "s3") Object.assign(tools.env, chooseServers(absent));
	return tools;
}

/** Our own server is always here. Says in one line which servers the tier uses and how one gets the others. */
function chooseServers(absent) {
	const isAbsent = (name) => absent.some((tool) => tool.name === name);
	const servers = ["bale", "versitygw", "minio"].filter((name) => !isAbsent(name));
	const quilt3 = isAbsent("python") ? "" : ", beside quilt3";
	const fixes = [...new Set(absent.map(({ fix }) => fix))];
	const clients = isAbsent("clients") ? "" : ", used by the AWS CLI, rclone, DuckDB and pandas";
	const missing = [...new Set(absent.map(({ missing }) => missing))].join(", ");
	console.log(
		`Servers: ${servers.join(", ")}${quilt3}${clients}.${absent.length > 0 ? ` Not here: ${missing}. ${fixes.join(". ")}.` : ""}`,
	);
	return { BALE_TEST_S3_SERVERS: servers.join(",") };
}

setUp();

const results = [];
for (const tier of tiers) {
	if (names.length > 0 && !names.includes(tier.name)) continue;
	console.log(`\n=== ${tier.name}: ${tier.title}`);
	if (leftOut.includes(tier.name)) {
		console.log(`Left out by BALE_TEST_SKIP: ${reason}`);
		results.push({
			name: tier.name,
			seconds: 0,
			passed: 0,
			failed: 0,
			skipped: 0,
			why: `left out: ${reason}`,
		});
		continue;
	}
	const start = performance.now();
	const tools = toolsFor(tier);
	let counts;
	if (tools.missing) {
		console.log(`${mandatory ? "MISSING" : "Not run here"}: ${tools.missing}. ${tools.fix}.`);
		counts = { passed: 0, failed: mandatory ? 1 : 0, skipped: 0, why: tools.missing, fix: tools.fix };
	} else {
		counts = await runTier(tier, tools);
		if (counts.passed + counts.failed === 0) {
			console.log(`The tier ${tier.name} executed no test, which counts as a failure.`);
			counts.failed = 1;
		}
	}
	results.push({ name: tier.name, seconds: (performance.now() - start) / 1000, ...counts });
}

console.log("\ntier       passed  failed  skipped  seconds");
for (const { name, passed, failed, skipped, seconds, why } of results) {
	const columns = [String(passed).padStart(6), String(failed).padStart(7), String(skipped).padStart(8)];
	console.log(
		`${name.padEnd(10)} ${columns.join(" ")} ${seconds.toFixed(1).padStart(8)}${why ? `  ${why}` : ""}`,
	);
}
const sum = (key) => results.reduce((total, result) => total + result[key], 0);
const absent = results.filter((result) => result.why);
console.log(
	`${sum("seconds").toFixed(0)} seconds on Node ${process.versions.node}, ${process.platform} ${process.arch}.`,
);
if (absent.length > 0) {
	console.log(`\nNOT RUN HERE: ${absent.map(({ name, why }) => `${name} (${why})`).join("; ")}.`);
	for (const { name, fix } of absent) if (fix) console.log(`  ${name}: ${fix}.`);
	if (!mandatory) console.log("`npm run test:all` requires them all.");
	console.log("");
}
const skipped = sum("skipped");
console.log(`${sum("passed")} passed, ${sum("failed")} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
process.exitCode = sum("failed") > 0 ? 1 : 0;
