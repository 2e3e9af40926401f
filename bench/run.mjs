/** `npm run bench`: see README.md beside this file. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { arch, cpus, release, tmpdir, totalmem, type } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { isolatedEnvironment } from "../scripts/isolation.mjs";
import { fail, root, setUp } from "../scripts/setup.mjs";
import { runScenario } from "./lib/bench.mjs";
import { Runner } from "./lib/measure.mjs";
import { microScenarios } from "./lib/micro.mjs";
import { findPeer, leaveOut, versions } from "./lib/peers.mjs";
import { formatScenario, writePage } from "./lib/report.mjs";
import { startServer } from "./lib/server.mjs";

const groups = ["build", "manifest", "transfer", "command"];
const microFiles = ["bytes", "manifests"];

const { values: options } = parseArgs({
	options: {
		list: { type: "boolean" },
		only: { type: "string" },
		micro: { type: "boolean" },
		scale: { type: "string", default: "1" },
		rounds: { type: "string", default: "3" },
		without: { type: "string", default: "" },
		json: { type: "string" },
		against: { type: "string" },
		from: { type: "string" },
		write: { type: "boolean" },
	},
});
const [scale, rounds] = [Number(options.scale), Number(options.rounds)];
if (!(scale > 0)) fail(`--scale takes a number above 0, not "${options.scale}".`);
if (!Number.isInteger(rounds) || rounds < 1)
	fail(`--rounds takes a whole number from 1, not "${options.rounds}".`);

const all = [];
for (const group of groups) all.push(...(await import(`./scenarios/${group}.mjs`)).scenarios);
for (const file of microFiles)
	all.push(...microScenarios(file, (await import(`./micro/${file}.mjs`)).scenarios));
if (options.list) {
	for (const { name, group, title } of all) console.log(`${name.padEnd(16)} ${group.padEnd(10)} ${title}`);
	process.exit(0);
}
const former = options.against && readRun(options.against);
if (options.from) {
	report(joinRuns(options.from.split(",").map(readRun)));
	process.exit(0);
}
const wanted = options.only?.split(",") ?? (options.micro ? ["micro"] : undefined);
const chosen = all.filter(
	(scenario) => wanted === undefined || wanted.some((word) => isCalled(scenario, word)),
);
if (chosen.length === 0) fail(`No scenario is called "${options.only}"; --list names them.`);
try {
	leaveOut(options.without.split(",").filter(Boolean));
} catch (error) {
	fail(`--without: ${error.message}.`);
}

setUp();
const work = mkdtempSync(join(tmpdir(), "bale-bench-"));
let runner;
let server;
try {
	const env = environment(work);
	if (chosen.some((scenario) => !scenario.measure)) {
		const python = findPeer("python");
		if (python.missing) fail(`The benchmark measures with Python, and there is ${python.missing}.`);
		runner = new Runner(python.path, join(work, "output"));
	}
	if (chosen.some((scenario) => scenario.server)) {
		server = await startServer(join(work, "server"));
		if (!server.missing) Object.assign(env, server.environment);
	}
	const results = [];
	const commit = currentCommit();
	for (const scenario of chosen) {
		console.error(`${scenario.name}: ${scenario.title}`);
		const log = (line) => process.stderr.write(`${line}\n`);
		const given = scenario.server ? server : undefined;
		const means = { runner, work, scale, rounds, env, server: given, log };
		const result = given?.missing
			? notRun(scenario, given.missing)
			: await runScenario(scenario, means).catch((error) => notRun(scenario, error.message));
		if (result.problem) process.exitCode = 1;
		results.push({ ...result, commit });
		console.log(formatScenario(results.at(-1), formerOf(scenario)));
		// After each, so that what has been measured outlives a run that is broken off.
		if (options.json)
			writeFileSync(options.json, `${JSON.stringify({ machine: machine(), results }, null, "\t")}\n`);
	}
	if (options.write) writePage(join(root, "docs"), { machine: machine(), results });
} finally {
	runner?.close();
	await server?.stop?.();
	rmSync(work, { recursive: true, force: true });
}

/** What an earlier run wrote with `--json`. */
function readRun(file) {
	try {
		return JSON.parse(readFileSync(file, "utf8"));
	} catch (error) {
		return fail(`No results can be read from "${file}": ${error.message}.`);
	}
}

function isCalled({ name, group }, word) {
	if (name === word || group === word) return true;
	return name.startsWith(word) && all.every((scenario) => scenario.name !== word);
}

/** A home of its own for all contestants, so that neither settings nor caches of the user count. */
function environment(directory) {
	const env = { ...process.env };
	for (const [name, value] of Object.entries(isolatedEnvironment(process.env, join(directory, "home")))) {
		if (value === undefined) delete env[name];
		else env[name] = value;
	}
	return { ...env, QUILT_MINIMIZE_STDOUT: "true" };
}

/** In the place of a result, so that neither the other scenarios are lost nor this one is forgotten. */
function notRun({ name, group, title, base }, problem) {
	return { name, group, title, base, scale, rounds, problem, rows: [], targets: [] };
}

function formerOf({ name }) {
	return former?.results.find((result) => result.name === name);
}

/** Prints what was measured before, and writes the page when that was asked for. */
function report(run) {
	for (const result of run.results) console.log(formatScenario(result, formerOf(result)));
	if (options.write) writePage(join(root, "docs"), run);
}

/** Runs of one machine as one; of a scenario that several have, the last. */
function joinRuns(runs) {
	const [{ machine: first }] = runs;
	for (const { machine: other } of runs)
		if (other.cpu !== first.cpu || other.cores !== first.cores)
			fail("--from: results of different machines do not go together.");
	const results = new Map(runs.flatMap((run) => run.results.map((result) => [result.name, result])));
	const order = (result) => all.findIndex(({ name }) => name === result.name);
	return {
		machine: { ...first, peers: Object.assign({}, ...runs.map((run) => run.machine.peers)) },
		results: [...results.values()].toSorted((a, b) => order(a) - order(b)),
	};
}

/** Of the checkout, with a sign when it has changes. */
function currentCommit() {
	const git = (...args) => spawnSync("git", args, { cwd: root, encoding: "utf8" }).stdout?.trim();
	const commit = git("rev-parse", "--short", "HEAD");
	return commit && `${commit}${git("status", "--porcelain") ? " with changes" : ""}`;
}

function machine() {
	return {
		cpu: cpus()[0]?.model ?? "unknown",
		cores: cpus().length,
		memory: totalmem(),
		system: `${type()} ${release()} ${arch()}`,
		node: process.versions.node,
		peers: versions(),
	};
}
