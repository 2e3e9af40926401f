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

it("npm run bench gives a right result for bale, for quilt3 and for the limit in every scenario", () => {
	const json = join(temporaryDirectory(), "results.json");
	const bench = [join(root, "bench/run.mjs"), "--scale", "0.001", "--rounds", "1", "--json", json];
	const peers = ["--without", "git,git-lfs,restic,dvc,rclone,aws,s5cmd"];
	const { status, stderr } = spawnSync(process.execPath, [...bench, ...peers], {
		cwd: root,
		encoding: "utf8",
	});
	expect(status, stderr).toBe(0);

	const { results } = JSON.parse(readFileSync(json, "utf8")) as { results: readonly Result[] };
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
