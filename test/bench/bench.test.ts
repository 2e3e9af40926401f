/**
 * The benchmark with a thousandth of its data: every contestant that is here runs, and each result is right. The
 * figures of so little data say nothing, and are not looked at.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { root } from "../support/repository.ts";
import { temporaryDirectory } from "../support/temporary.ts";

type Row = { readonly id: string; readonly missing?: string; readonly problem?: string };
type Result = { readonly name: string; readonly rows: readonly Row[] };

/** Runs the benchmark, and gives what it wrote with `--json`. */
function bench(...options: readonly string[]): {
	status: number | null;
	stderr: string;
	results: () => readonly Result[];
} {
	const json = join(temporaryDirectory(), "results.json");
	const argv = [join(root, "bench/run.mjs"), "--scale", "0.001", "--rounds", "1", "--json", json, ...options];
	const { status, stderr } = spawnSync(process.execPath, argv, { cwd: root, encoding: "utf8" });
	return {
		status,
		stderr,
		results: () => (JSON.parse(readFileSync(json, "utf8")) as { results: readonly Result[] }).results,
	};
}

it("npm run bench gives a right result for bale, for quilt3 and for the limit in every scenario", () => {
	const run = bench("--without", "git,git-lfs,restic,dvc,rclone,aws,s5cmd");
	expect(run.status, run.stderr).toBe(0);

	const results = run.results();
	expect(results.length).toBeGreaterThan(10);
	const wrong = results.flatMap(({ name, rows }) =>
		rows.filter(({ problem }) => problem !== undefined).map(({ id, problem }) => `${name} ${id}: ${problem}`),
	);
	expect(wrong).toEqual([]);
	const absent = results.flatMap(({ name, rows }) =>
		rows
			.filter(({ missing }) => missing !== undefined && missing !== "left out")
			.map(({ id }) => `${name} ${id}`),
	);
	expect(absent).toEqual([]);
}, 300_000);

it("--without leaves quilt3 out as it does every other peer", () => {
	const run = bench("--only", "build-small,push-again", "--without", "git,git-lfs,restic,dvc,quilt3");
	expect(run.status, run.stderr).toBe(0);

	const missing = run
		.results()
		.map(({ rows }) => Object.fromEntries(rows.map((row) => [row.id, row.missing ?? row.problem])));
	expect(missing).toEqual([
		{
			limit: undefined,
			bale: undefined,
			quilt3: "left out",
			git: "left out",
			"git-lfs": "left out",
			restic: "left out",
			dvc: "left out",
		},
		{ node: undefined, bale: undefined, quilt3: "left out" },
	]);
}, 120_000);

it("--without refuses what is not a peer", () => {
	const { status, stderr } = bench("--without", "quilt");
	expect([status, stderr]).toEqual([2, expect.stringContaining('no peer is called "quilt"')]);
});
