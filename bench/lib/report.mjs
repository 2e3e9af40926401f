/** Tables and plots of results: on the terminal, and as `docs/benchmarks.md`. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { plot } from "./plot.mjs";

const seconds = (value) => {
	if (value < 0.001) return `${(value * 1e6).toPrecision(3)} µ`;
	if (value < 0.1) return value.toPrecision(2);
	return value < 10 ? value.toFixed(2) : value.toFixed(1);
};
const spread = ({ median, min, max }, format) => `${format(median)} (${format(min)}–${format(max)})`;
const mebibytes = (value) => (value / 2 ** 20).toFixed(0);
const ratio = (value) => (value < 0.1 ? value.toFixed(3) : value < 10 ? value.toFixed(2) : value.toFixed(0));

/** One scenario as a Markdown table with what was to be reached; beside the ratios of an earlier run, if there is one. */
export function formatScenario(result, former) {
	const base = result.rows.find(({ id, cpu }) => id === result.base && cpu !== undefined);
	const hasServer = result.rows.some(({ serverCpu }) => serverCpu !== undefined);
	const hasMemory = result.rows.some(({ rss }) => rss !== undefined);
	const columns = ["", "CPU s", "× base", "wall s", "× base"];
	if (hasMemory) columns.push("peak MiB");
	if (hasServer) columns.push("server CPU s", "requests");
	if (former) columns.push("CPU × base before");
	const rows = result.rows.map((row) => {
		if (row.cpu === undefined) {
			const why = row.missing ? `not run: ${row.missing}` : `no result: ${row.problem}`;
			return [row.label, why.replaceAll("|", "\\|"), ...columns.slice(2).map(() => "")];
		}
		const beside = (key) => (base === undefined ? "" : ratio(row[key].median / base[key].median));
		const cells = [
			row.label,
			spread(row.cpu, seconds),
			beside("cpu"),
			spread(row.wall, seconds),
			beside("wall"),
		];
		if (hasMemory) cells.push(mebibytes(row.rss.median));
		if (hasServer)
			cells.push(
				row.serverCpu ? seconds(row.serverCpu.median) : "",
				row.requests ? formatRequests(row.requests) : "",
			);
		if (former) cells.push(formerRatio(former, row.id));
		return cells;
	});
	const loads = result.rows.flatMap(({ load }) => (load ? [load.min, load.max] : []));
	const about = [`scale ${result.scale}`, `${result.rounds} rounds`];
	if (loads.length > 0)
		about.push(`load average ${Math.min(...loads).toFixed(1)} to ${Math.max(...loads).toFixed(1)}`);
	return [
		`\n### ${result.name}: ${result.title}\n`,
		table(columns, rows),
		"",
		...result.targets.map((target) => `- ${formatTarget(result, target)}`),
		"",
		`${about.join(", ")}. Again: \`npm run bench -- --only ${result.name}\``,
	].join("\n");
}

function formatTarget(result, target) {
	const label = (id) => result.rows.find((row) => row.id === id)?.label ?? id;
	const what = { cpu: "CPU", wall: "wall time", rss: "peak memory" }[target.metric];
	const subject = `${what} of ${label(target.of)}`;
	let goal;
	let found;
	if (target.mebibytes !== undefined) {
		goal = `at most ${target.mebibytes} MiB`;
		found = target.found === undefined ? undefined : `${target.found.toFixed(0)} MiB`;
	} else {
		goal =
			target.atMost === undefined
				? `at least ${target.timesLess} × less than ${label(target.beside)}`
				: `at most ${target.atMost} × ${label(target.beside)}`;
		found = target.found === undefined ? undefined : `${ratio(target.found)} ×`;
	}
	if (found === undefined) return `${subject}: ${goal}; not measured`;
	return `${subject}: ${goal}; found ${found}: ${target.holds ? "reached" : "**not reached**"}`;
}

function formerRatio(former, id) {
	const of = (wanted) => former.rows.find((row) => row.id === wanted && row.cpu !== undefined);
	const [row, base] = [of(id), of(former.base)];
	return row && base ? ratio(row.cpu.median / base.cpu.median) : "";
}

function formatRequests(requests) {
	const sum = Object.values(requests).reduce((total, count) => total + count, 0);
	const parts = Object.entries(requests).map(([name, count]) => `${count} ${name}`);
	return `${sum}: ${parts.join(", ")}`;
}

function table(columns, rows) {
	const line = (cells) => `| ${cells.join(" | ")} |`;
	return [
		line(columns),
		line(columns.map((_, index) => (index === 0 ? "---" : "---:"))),
		...rows.map(line),
	].join("\n");
}

/** Writes the page and a plot for each group. */
export function writePage(docs, { machine, results }) {
	const plots = join(docs, "benchmarks");
	mkdirSync(plots, { recursive: true });
	const parts = [
		"# Benchmarks\n",
		"Made by `npm run bench -- --write`; [bench/README.md](../bench/README.md) says how it is measured. CPU time decides; the median of",
		"interleaved runs, with minimum and maximum. Ratios are to the first contestant of each table. No contestant is shown whose result",
		"was not checked and right.\n",
		`Machine: ${machine.cores} cores of ${machine.cpu}, ${(machine.memory / 2 ** 30).toFixed(0)} GiB, Node ${machine.node}; commit ${machine.commit}.\n`,
		...Object.entries(machine.peers).map(([name, version]) => `- ${name}: ${version}`),
	];
	for (const group of new Set(results.map((result) => result.group))) {
		const members = results.filter((result) => result.group === group);
		writeFileSync(join(plots, `${group}.svg`), plot(members));
		parts.push(`\n## ${group}\n`, `![CPU time of each contestant beside the base](benchmarks/${group}.svg)`);
		for (const result of members) parts.push(formatScenario(result));
	}
	writeFileSync(join(docs, "benchmarks.md"), `${parts.join("\n")}\n`);
}
