/** Tables and plots of results: on the terminal, and as `docs/benchmarks.md`. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { plot } from "./plot.mjs";

const seconds = (value) => {
	if (value === 0) return "0";
	if (value < 0.001) return `${(value * 1e6).toPrecision(3)} µ`;
	if (value < 0.1) return value.toPrecision(2);
	return value < 10 ? value.toFixed(2) : value.toFixed(1);
};
const spread = ({ median, min, max }, format) => `${format(median)} (${format(min)}–${format(max)})`;
const mebibytes = (value) => (value / 2 ** 20).toFixed(value < 10 * 2 ** 20 ? 1 : 0);
const ratio = (value) => (value < 0.1 ? value.toFixed(3) : value < 10 ? value.toFixed(2) : value.toFixed(0));
const cell = (text) => text.replaceAll("|", "\\|").replaceAll("\n", " ");

/** Columns besides time, for which at least one row must have a figure. */
const further = [
	{ key: "rss", title: "peak MiB", format: ({ median }) => mebibytes(median) },
	{ key: "read", title: "read MiB", format: ({ median }) => mebibytes(median) },
	{ key: "serverCpu", title: "server CPU s", format: ({ median }) => seconds(median) },
	{ key: "transfer", title: "server I/O MiB", format: ({ median }) => mebibytes(median) },
	{ key: "requests", title: "requests", format: formatRequests },
];

/** One scenario as a Markdown table with what was to be reached; beside the ratios of an earlier run, if there is one. */
export function formatScenario(result, former) {
	if (result.problem) return `\n### ${result.name}: ${result.title}\n\nNot run: ${result.problem}`;
	const base = result.rows.find(({ id, cpu }) => id === result.base && cpu !== undefined);
	const shown = further.filter(({ key }) => result.rows.some((row) => row[key] !== undefined));
	const columns = ["", "CPU s", "× base", "wall s", "× base", ...shown.map(({ title }) => title)];
	if (former) columns.push(`CPU × base before`);
	const rows = result.rows.map((row) => {
		if (row.cpu === undefined) {
			const why = row.missing ? `not run: ${row.missing}` : `no result: ${row.problem}`;
			return [row.label, cell(why), ...columns.slice(2).map(() => "")];
		}
		const beside = (key) => (base === undefined ? "" : ratio(row[key].median / base[key].median));
		const cells = [
			labelOf(row, result),
			spread(row.cpu, seconds),
			beside("cpu"),
			spread(row.wall, seconds),
			beside("wall"),
			...shown.map(({ key, format }) => (row[key] === undefined ? "" : format(row[key]))),
		];
		if (former) cells.push(formerRatio(former, row.id));
		return cells;
	});
	const loads = result.rows.flatMap(({ load }) => (load ? [load.min, load.max] : []));
	const about = [result.date && `${result.date} UTC`, result.commit && `commit ${result.commit}`];
	about.push(`scale ${result.scale}`, `${result.rounds} rounds`);
	if (loads.length > 0)
		about.push(`load average ${Math.min(...loads).toFixed(1)} to ${Math.max(...loads).toFixed(1)}`);
	if (former) about.push(`before: commit ${former.commit ?? "unknown"}, scale ${former.scale}`);
	return [
		`\n### ${result.name}: ${result.title}${result.scale === 1 ? "" : ` (scale ${result.scale})`}\n`,
		table(columns, rows),
		"",
		...result.targets.map((target) => `- ${formatTarget(result, target)}`),
		"",
		`${about.filter(Boolean).join(", ")}. Again: \`${command(result)}\``,
	].join("\n");
}

function labelOf(row, result) {
	const notes = [];
	if (row.id === result.base) notes.push("base");
	if (row.runs < result.rounds) notes.push(row.runs === 1 ? "1 run" : `${row.runs} runs`);
	return notes.length === 0 ? cell(row.label) : `${cell(row.label)} [${notes.join(", ")}]`;
}

function command({ name, scale, rounds }) {
	const options = [`--only ${name}`];
	if (scale !== 1) options.push(`--scale ${scale}`);
	if (rounds !== 3) options.push(`--rounds ${rounds}`);
	return `npm run bench -- ${options.join(" ")}`;
}

/** What a target demands, what was found, and the verdict. */
function targetWords(result, target) {
	const label = (id) => result.rows.find((row) => row.id === id)?.label ?? id;
	const what = {
		cpu: "CPU",
		wall: "wall time",
		rss: "peak memory",
		read: "bytes read",
		requests: "requests",
	}[target.metric];
	const why = target.why === undefined ? "" : ` (${target.why})`;
	const { found } = target;
	let goal;
	let value;
	if (target.mebibytes !== undefined) {
		goal = `at most ${target.mebibytes} MiB`;
		value = found?.toFixed(1).concat(" MiB");
	} else if (target.metric === "requests") {
		goal = `at most ${target.atMost}`;
		value = found?.toFixed(0);
	} else {
		const other = label(target.beside);
		goal =
			target.atMost === undefined
				? `at least ${target.timesLess} × less than ${other}`
				: `at most ${target.atMost} × ${other}`;
		value = found === undefined ? undefined : `${ratio(found)} ×`;
	}
	const at = result.scale === 1 ? "" : ` at scale ${result.scale}`;
	const verdict =
		found === undefined ? "not measured" : target.holds ? `reached${at}` : `**not reached**${at}`;
	return { subject: `${what} of ${label(target.of)}`, goal: goal + why, value, verdict };
}

function formatTarget(result, target) {
	const { subject, goal, value, verdict } = targetWords(result, target);
	return value === undefined
		? `${subject}: ${goal}; ${verdict}`
		: `${subject}: ${goal}; found ${value}: ${verdict}`;
}

function formerRatio(former, id) {
	const of = (wanted) => former.rows.find((row) => row.id === wanted && row.cpu !== undefined);
	const [row, base] = [of(id), of(former.base)];
	return row && base ? ratio(row.cpu.median / base.cpu.median) : "";
}

function formatRequests(requests) {
	const sum = Object.values(requests).reduce((total, count) => total + count, 0);
	const parts = Object.entries(requests).map(([name, count]) => `${count} ${name}`);
	return sum === 0 ? "0" : `${sum}: ${parts.join(", ")}`;
}

/** The first `textColumns` columns are text, the others numbers. */
function table(columns, rows, textColumns = 1) {
	const line = (cells) => `| ${cells.join(" | ")} |`;
	return [
		line(columns),
		line(columns.map((_, index) => (index < textColumns ? "---" : "---:"))),
		...rows.map(line),
	].join("\n");
}

/** All figures to reach, in one table; those of single functions only guard what there is. */
function figures(all) {
	const results = all.filter(({ group }) => group !== "micro");
	const rows = results.flatMap((result) =>
		result.targets.map((target) => {
			const { subject, goal, value, verdict } = targetWords(result, target);
			return [result.name, cell(subject), cell(goal), value ?? "", verdict, `\`${command(result)}\``];
		}),
	);
	const counted = (wanted) => rows.filter(([, , , , verdict]) => verdict.includes(wanted)).length;
	const missed = counted("not reached");
	const open = counted("not measured");
	return [
		"## Figures to reach\n",
		`Of ${rows.length}: reached ${rows.length - missed - open}, not reached ${missed}, not measured ${open}.\n`,
		table(["", "of", "to reach", "found", "", "again"], rows, 6),
	].join("\n");
}

const groupTitles = {
	build: "Recording folders",
	manifest: "Large manifests",
	transfer: "Buckets",
	command: "The command",
	micro: "Single functions",
};

/**
 * Writes the page and a plot for each group.
 *
 * @param {string} docs
 * @param {{ machine: object, results: readonly object[] }} run
 */
export function writePage(docs, { machine, results }) {
	const plots = join(docs, "benchmarks");
	mkdirSync(plots, { recursive: true });
	const scales = [...new Set(results.map(({ scale }) => scale))].filter((scale) => scale !== 1);
	const dates = results.map(({ date }) => date?.slice(0, 10)).filter(Boolean);
	const days = [...new Set([dates.toSorted()[0], dates.toSorted().at(-1)])].filter(Boolean).join(" to ");
	const parts = [
		"# Benchmarks\n",
		"Made by `npm run bench -- --write`; [bench/README.md](../bench/README.md) says how it is measured. Each figure is the median of",
		"interleaved runs, with minimum and maximum. CPU time of the process and all that it started decides; the wall time beside it says",
		"little on a machine that others use, too. Ratios are to the contestant that is marked as base. A contestant that failed, or whose",
		"result was not right, has no figures. [speed-limits.md](speed-limits.md) tells what bounds figures that are not reached.\n",
		`Machine: ${machine.cores} cores of ${machine.cpu}, ${(machine.memory / 2 ** 30).toFixed(0)} GiB, ${machine.system}, Node ${machine.node}. ` +
			`Measured ${days}. All data come from the page cache, and the server shares the cores with its clients.\n`,
	];
	if (scales.length > 0)
		parts.push(
			`**Some runs had only a part of the data (scale ${scales.join(", ")}): what their figures say counts for scale 1 only.**\n`,
		);
	parts.push(...Object.entries(machine.peers).map(([name, version]) => `- ${name}: ${cell(version)}`), "");
	parts.push(figures(results));
	for (const group of new Set(results.map((result) => result.group))) {
		const members = results.filter((result) => result.group === group);
		parts.push(`\n## ${groupTitles[group] ?? group}`);
		if (members.some(({ rows }) => rows.length > 0)) {
			writeFileSync(join(plots, `${group}.svg`), plot(members));
			parts.push(`\n![CPU time of each contestant beside the base](benchmarks/${group}.svg)`);
		}
		for (const result of members) parts.push(formatScenario(result));
	}
	writeFileSync(join(docs, "benchmarks.md"), `${parts.join("\n")}\n`);
}
