/**
 * Single functions, compared within one process: `node micro.mjs FILE SCENARIO OPTIONS` measures the variants of a scenario of
 * `micro/` and prints its results as JSON. Each scenario has a process of its own, so that none is compiled for the data of another.
 */
import { execFile } from "node:child_process";
import { loadavg } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

/**
 * @typedef {object} Variant
 * @property {string} id
 * @property {string} label
 * @property {() => unknown} run one pass over the data
 * @property {boolean} [other] does other work, so that its result is not that of the others
 *
 * @typedef {object} MicroScenario As a `Scenario` of `bench.mjs`, but with variants instead of contestants.
 * @property {string} name
 * @property {string} title
 * @property {string} base
 * @property {(context: { directory: string, scaled: (n: number) => number }) => unknown} prepare
 * @property {(data: any) => Variant[]} variants
 * @property {readonly import("./bench.mjs").Target[]} targets
 */

/** CPU seconds that each variant runs for before it counts, and in each round; less for less data. */
const [warmSeconds, roundSeconds] = [0.5, 0.2];

/**
 * The scenarios of a file of `micro/`, as `run.mjs` wants them.
 *
 * @param {string} file its name without ending
 * @param {readonly MicroScenario[]} scenarios
 */
export function microScenarios(file, scenarios) {
	return scenarios.map((scenario) => ({
		...scenario,
		group: "micro",
		async measure({ directory, scale, rounds, env }) {
			const program = [join(import.meta.dirname, "micro.mjs"), file, scenario.name];
			const options = JSON.stringify({ directory, scale, rounds });
			const { stdout } = await promisify(execFile)(process.execPath, [...program, options], { env });
			return JSON.parse(stdout);
		},
	}));
}

/** CPU and wall seconds of one pass, from as many as take `least` CPU seconds. */
function time(run, least) {
	const [cpu, wall] = [process.cpuUsage(), performance.now()];
	for (let passes = 1; ; passes++) {
		run();
		const { user, system } = process.cpuUsage(cpu);
		const seconds = (user + system) / 1e6;
		if (seconds >= least) return { cpu: seconds / passes, wall: (performance.now() - wall) / 1000 / passes };
	}
}

async function measure(file, name, { directory, scale, rounds }) {
	const { scenarios } = await import(`../micro/${file}.mjs`);
	const scenario = scenarios.find((candidate) => candidate.name === name);
	const scaled = (n) => Math.max(1, Math.round(n * scale));
	const data = await scenario.prepare({ directory, scaled });
	const results = scenario.variants(data).map(({ id, label, run, other }) => ({
		contestant: { id, label },
		run,
		problem: undefined,
		runs: [],
		answer: other ? undefined : String(run()),
	}));
	const expected = results.find(({ answer }) => answer !== undefined)?.answer;
	for (const result of results)
		if (result.answer !== undefined && result.answer !== expected)
			result.problem = `it gave ${result.answer}, another one ${expected}`;
	const right = results.filter(({ problem }) => problem === undefined);
	const share = Math.min(1, scale * 10);
	for (const { run } of right) time(run, warmSeconds * share);
	for (let round = 0; round < rounds; round++) {
		const turn = round % right.length;
		for (const { run, runs } of [...right.slice(turn), ...right.slice(0, turn)])
			runs.push({ load: loadavg()[0], ...time(run, roundSeconds * share) });
	}
	return results.map(({ contestant, problem, runs }) => ({ contestant, problem, runs }));
}

if (process.argv[1] === import.meta.filename) {
	const [file, name, options] = process.argv.slice(2);
	console.log(JSON.stringify(await measure(file, name, JSON.parse(options))));
}
