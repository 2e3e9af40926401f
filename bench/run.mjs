/** `npm run bench`: see README.md beside this file. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { isolatedEnvironment } from "../scripts/isolation.mjs";
import { fail, root, setUp } from "../scripts/setup.mjs";
import { runScenario } from "./lib/bench.mjs";
import { Runner } from "./lib/measure.mjs";
import { microScenarios } from "./lib/micro.mjs";
import { findPeer, leaveOut, peers, versionOf } from "./lib/peers.mjs";
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
const wanted = options.only?.split(",") ?? (options.micro ? ["micro"] : undefined);
const chosen = all.filter(
	({ name, group }) => wanted === undefined || wanted.some((word) => group === word || name.startsWith(word)),
);
if (chosen.length === 0) fail(`No scenario is called "${options.only}"; --list names them.`);
const former = options.against && JSON.parse(readFileSync(options.against, "utf8"));
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
	for (const scenario of chosen) {
		if (scenario.server && server.missing) {
			console.log(`\n${scenario.name}: not run, ${server.missing}`);
			continue;
		}
		console.error(`${scenario.name}: ${scenario.title}`);
		const log = (line) => process.stderr.write(`${line}\n`);
		const given = scenario.server ? server : undefined;
		const result = await runScenario(scenario, { runner, work, scale, rounds, env, server: given, log });
		results.push(result);
		console.log(
			formatScenario(
				result,
				former?.results.find(({ name }) => name === scenario.name),
			),
		);
		if (options.json)
			writeFileSync(options.json, `${JSON.stringify({ machine: machine(), results }, null, "\t")}\n`);
	}
	if (options.write) writePage(join(root, "docs"), { machine: machine(), results });
} finally {
	runner?.close();
	await server?.stop?.();
	rmSync(work, { recursive: true, force: true });
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

function machine() {
	const commit = spawnSync("git", ["rev-parse", "--short", "HEAD"], {
		cwd: root,
		encoding: "utf8",
	}).stdout.trim();
	return {
		cpu: cpus()[0]?.model ?? "unknown",
		cores: cpus().length,
		memory: totalmem(),
		node: process.versions.node,
		commit,
		peers: Object.fromEntries(peers.map((name) => [name, versionOf(name)])),
	};
}
