/** What is said of results: tables, verdicts and the page, from results that are made up. */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { writePage } from "../../bench/lib/report.mjs";
import { root } from "../support/repository.ts";
import { temporaryDirectory } from "../support/temporary.ts";

const machine = {
	cpu: "Some CPU",
	cores: 2,
	memory: 8 * 2 ** 30,
	system: "Linux 6",
	node: "20.20.2",
	peers: { openssl: "OpenSSL 3", dvc: "left out" },
};

const steady = (value: number) => ({ median: value, min: value, max: value });
const row = (id: string, cpu: number) => ({
	id,
	label: `the ${id}`,
	runs: 3,
	cpu: steady(cpu),
	wall: steady(cpu),
	load: steady(1),
});

function result(changes: Record<string, unknown> = {}): Record<string, unknown> {
	return {
		name: "build-big",
		group: "build",
		title: "one file",
		base: "limit",
		scale: 1,
		rounds: 3,
		date: "2026-01-02 03:04",
		commit: "abc1234",
		rows: [row("limit", 2), row("bale", 3)],
		targets: [{ of: "bale", beside: "limit", metric: "cpu", atMost: 1.1, found: 1.5, holds: false }],
		...changes,
	};
}

/** What `npm run bench -- --from` prints of results. */
function report(results: readonly unknown[], former?: readonly unknown[]): string {
	const directory = temporaryDirectory();
	const write = (name: string, value: readonly unknown[]): string => {
		const file = join(directory, name);
		writeFileSync(file, JSON.stringify({ machine, results: value }));
		return file;
	};
	const argv = [join(root, "bench/run.mjs"), "--from", write("now.json", results)];
	if (former) argv.push("--against", write("before.json", former));
	const { stdout, stderr, status } = spawnSync(process.execPath, argv, { encoding: "utf8" });
	expect(status, stderr).toBe(0);
	return stdout;
}

it("a table has each contestant beside the base, the verdict and how to measure again", () => {
	const text = report([result()]);
	expect(text).toContain("| the limit [base] | 2.00 (2.00–2.00) | 1.00 |");
	expect(text).toContain("| the bale | 3.00 (3.00–3.00) | 1.50 |");
	expect(text).toContain("CPU of the bale: at most 1.1 × the limit; found 1.50 ×: **not reached**");
	expect(text).toContain(
		"2026-01-02 03:04 UTC, commit abc1234, scale 1, 3 rounds, load average 1.0 to 1.0. " +
			"Again: `npm run bench -- --only build-big`",
	);
});

it("no ratio is given to a contestant that failed", () => {
	const failed = { id: "limit", label: "the limit", problem: "exit code 1: | broken" };
	const targets = [{ of: "bale", beside: "limit", metric: "cpu", atMost: 1.1 }];
	const text = report([result({ rows: [failed, row("bale", 3)], targets })]);
	expect(text).toContain("| the limit | no result: exit code 1: \\| broken |");
	expect(text).toContain("| the bale | 3.00 (3.00–3.00) |  | 3.00 (3.00–3.00) |  |");
	expect(text).toContain("at most 1.1 × the limit; not measured");
});

it("a part of the data is named wherever a verdict stands on it", () => {
	const text = report([result({ scale: 0.1 })]);
	expect(text).toContain("one file (scale 0.1)");
	expect(text).toContain("**not reached** at scale 0.1");
	expect(text).toContain("`npm run bench -- --only build-big --scale 0.1`");
});

it("--against shows the ratios of another commit", () => {
	const before = result({ rows: [row("limit", 2), row("bale", 8)], commit: "0ld0ld0" });
	const text = report([result()], [before]);
	expect(text).toMatch(/\| the bale \|.*\| 4\.00 \|$/m);
	expect(text).toContain("before: commit 0ld0ld0, scale 1");
});

it("the page has the machine, all figures, a plot for each group, and what was not run", () => {
	const docs = temporaryDirectory();
	const notRun = {
		...result({ name: "push-one", group: "transfer", rows: [], targets: [] }),
		problem: "no server",
	};
	const run = {
		machine,
		results: [result(), result({ name: "list", group: "command", scale: 0.5 }), notRun],
	};
	writePage(docs, run);

	const page = readFileSync(join(docs, "benchmarks.md"), "utf8");
	expect(page).toContain("Machine: 2 cores of Some CPU, 8 GiB, Linux 6, Node 20.20.2. Measured 2026-01-02.");
	expect(page).toContain("- dvc: left out");
	expect(page).toContain("only a part of the data (scale 0.5)");
	expect(page).toContain("Of 2: reached 0, not reached 2, not measured 0.");
	expect(page).toContain("Not run: no server");
	for (const group of ["build", "command"]) {
		expect(page).toContain(`(benchmarks/${group}.svg)`);
		expect(readFileSync(join(docs, "benchmarks", `${group}.svg`), "utf8")).toMatch(
			/^<svg [^]*the bale<[^]*>1\.50<[^]*<\/svg>\n$/,
		);
	}
	expect(page).not.toContain("benchmarks/transfer.svg");
});
