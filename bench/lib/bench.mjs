/** Runs one scenario: prepares its data, runs the contestants interleaved, checks every result. */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { loadavg } from "node:os";
import { findPeer } from "./peers.mjs";
import { median } from "./measure.mjs";

/**
 * @typedef {object} Contestant
 * @property {string} id
 * @property {string} label
 * @property {readonly string[]} [needs] names of peers
 * @property {readonly string[]} argv
 * @property {string} [cwd]
 * @property {Record<string, string>} [env]
 * @property {number} [rounds] runs at most; for those that take minutes
 * @property {() => void} [before] brings everything to the state from which the run starts; not measured
 * @property {(run: import("./measure.mjs").Run & { requests?: Record<string, number> }) => string | undefined} [check]
 *   what is wrong with the result
 *
 * @typedef {object} Target `of` against `beside`: at most that ratio, or that many times less, of a metric; or without `beside` at
 *   most so much of it.
 * @property {string} of
 * @property {string} [beside]
 * @property {"cpu" | "wall" | "rss" | "read" | "requests"} metric `requests`: those of all kinds together
 * @property {number} [atMost]
 * @property {number} [timesLess]
 * @property {number} [mebibytes]
 * @property {string} [why] what the number is made of
 *
 * @typedef {object} Scenario
 * @property {string} name
 * @property {string} group
 * @property {string} title
 * @property {string} base id of the contestant that the others are shown beside
 * @property {boolean} [server] needs the S3 server
 * @property {(context: Context) => unknown} prepare
 * @property {(data: any, context: Context) => Contestant[]} contestants
 * @property {(context: Context & { rounds: number }) => Promise<Result[]>} [measure] instead of these two: measures by itself
 * @property {readonly Target[] | ((data: any) => readonly Target[])} targets
 *
 * @typedef {{ contestant: Contestant, missing?: string, problem?: string, runs: object[] }} Result
 *
 * @typedef {object} Context
 * @property {string} directory the scenario's own
 * @property {number} scale
 * @property {(n: number) => number} scaled
 * @property {Awaited<ReturnType<typeof import("./server.mjs").startServer>>} [server]
 * @property {Record<string, string>} env what every contestant sees
 */

/**
 * @param {Scenario} scenario
 * @param {{ runner: import("./measure.mjs").Runner, work: string, scale: number, rounds: number, env: Record<string, string>, server?: any, log: (line: string) => void }} options
 */
export async function runScenario(scenario, { runner, work, scale, rounds, env, server, log }) {
	const directory = join(work, scenario.name);
	mkdirSync(directory, { recursive: true });
	const context = { directory, scale, scaled: (n) => Math.max(1, Math.round(n * scale)), env, server };
	try {
		if (scenario.measure)
			return summarize(scenario, undefined, await scenario.measure({ ...context, rounds }), {
				scale,
				rounds,
			});
		const data = await scenario.prepare(context);
		const results = [];
		for (const contestant of scenario.contestants(data, context)) {
			const absent = (contestant.needs ?? []).map((name) => findPeer(name).missing).find(Boolean);
			results.push({ contestant, missing: absent, problem: undefined, runs: [] });
		}
		for (let round = 0; round < rounds; round++) {
			const turn = round % results.length;
			for (const result of [...results.slice(turn), ...results.slice(0, turn)]) {
				const { contestant } = result;
				if (result.missing || result.problem || round >= (contestant.rounds ?? rounds)) continue;
				log(`  ${contestant.label} (${round + 1})`);
				await runOnce(result, { runner, env, server, directory });
			}
		}
		return summarize(scenario, data, results, { scale, rounds });
	} finally {
		rmSync(directory, { recursive: true, force: true });
	}
}

async function runOnce(result, { runner, env, server, directory }) {
	const { contestant } = result;
	await contestant.before?.();
	const before = server && { cpu: server.cpu(), transfer: server.transfer(), requests: server.requests() };
	const load = loadavg()[0];
	const run = await runner.run(contestant.argv, {
		cwd: contestant.cwd ?? directory,
		env: { ...env, ...contestant.env },
	});
	if (before) {
		run.serverCpu = server.cpu() - before.cpu;
		if (before.transfer !== undefined) run.transfer = server.transfer() - before.transfer;
		run.requests = {};
		for (const [name, count] of Object.entries(server.requests())) {
			const more = count - (before.requests[name] ?? 0);
			if (more > 0) run.requests[name] = more;
		}
	}
	run.load = load;
	const problem =
		run.code === 0 ? contestant.check?.(run) : `exit code ${run.code}: ${lastLines(run.stderr)}`;
	if (problem) result.problem = problem;
	else result.runs.push(run);
}

function lastLines(text) {
	return text.trim().split("\n").slice(-3).join(" / ").slice(-400);
}

function summarize(scenario, data, results, { scale, rounds }) {
	const rows = results.map(({ contestant, missing, problem, runs }) => ({
		id: contestant.id,
		label: contestant.label,
		...(missing ? { missing } : {}),
		...(problem ? { problem } : {}),
		...(missing || problem || runs.length === 0 ? {} : figures(runs)),
	}));
	const of = (id) => rows.find((row) => row.id === id && row.cpu !== undefined);
	const given = typeof scenario.targets === "function" ? scenario.targets(data) : scenario.targets;
	const targets = given.map((target) => ({ ...target, ...judge(target, of) }));
	return {
		name: scenario.name,
		group: scenario.group,
		title: scenario.title,
		base: scenario.base,
		scale,
		rounds,
		date: new Date().toISOString().slice(0, 16).replace("T", " "),
		rows,
		targets,
	};
}

function figures(runs) {
	const spread = (key) => {
		const values = runs.map((run) => run[key]);
		return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
	};
	return {
		runs: runs.length,
		cpu: spread("cpu"),
		wall: spread("wall"),
		...(runs[0].rss === undefined ? {} : { rss: spread("rss") }),
		...(runs[0].read === undefined ? {} : { read: spread("read") }),
		...(runs[0].transfer === undefined ? {} : { transfer: spread("transfer") }),
		load: spread("load"),
		...(runs[0].requests ? { serverCpu: spread("serverCpu"), requests: runs.at(-1).requests } : {}),
	};
}

/** The figure that a target speaks of, and whether it holds; neither when a contestant gave no result. */
function judge(target, of) {
	const subject = of(target.of);
	if (subject === undefined) return {};
	if (target.mebibytes !== undefined) {
		if (subject[target.metric] === undefined) return {};
		const found = subject[target.metric].median / 2 ** 20;
		return { found, holds: found <= target.mebibytes };
	}
	if (target.metric === "requests") {
		const found = Object.values(subject.requests).reduce((sum, count) => sum + count, 0);
		return { found, holds: found <= target.atMost };
	}
	const beside = of(target.beside);
	if (beside === undefined) return {};
	const ratio = subject[target.metric].median / beside[target.metric].median;
	if (target.atMost !== undefined) return { found: ratio, holds: ratio <= target.atMost };
	return { found: 1 / ratio, holds: 1 / ratio >= target.timesLess };
}
