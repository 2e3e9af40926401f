/**
 * The golden cases as the steps that quilt3 ran, through the library on a directory registry with a frozen clock: top
 * hashes, manifest bytes and the registry's files are those of quilt3.
 */
import { readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { failure } from "../client/support/failure.ts";
import { sha256 } from "../client/support/files.ts";
import { newMachine, type Machine } from "../client/support/machine.ts";
import { goldenBytes } from "./data.ts";
import { cases, dumped, needsBucket, normalized, runSteps, writeCase, type Case } from "./steps.ts";

/** Cases that cannot run on a directory registry; `test/s3/golden.test.ts` runs them. */
const leftOut: Readonly<Record<string, string>> = {
	"29-workflow-default": "the bucket's name enters the hash through the workflow's URL",
	"30-workflow-none": "the bucket's name enters the hash through the workflow's URL",
	"31-workflow-named": "the bucket's name enters the hash through the workflow's URL",
	"46-push-default": "pushes to a bucket with versions",
	"47-push-dest": "pushes to a bucket with versions",
	"48-push-selector-none": "pushes to a bucket with versions",
	"49-build-to-s3": "builds in a bucket",
};

/** The files of quilt3's folder, as `registry_tree` describes them. */
function registryTree(machine: Machine): Case["expect"]["registry_tree"] {
	const registry = machine.path("registry");
	const tree: Record<string, string | { sha256: string; bytes: number }> = {};
	for (const name of readdirSync(registry, { recursive: true, encoding: "utf8" })) {
		if (!name.startsWith(".quilt/") || !statSync(join(registry, name)).isFile()) continue;
		const bytes = readFileSync(join(registry, name));
		if (name.startsWith(".quilt/named_packages/")) tree[name] = bytes.toString();
		else {
			const text = normalized(bytes, machine);
			tree[name] = { sha256: sha256(text), bytes: text.length };
		}
	}
	return tree;
}

describe("golden steps", () => {
	test("exactly the cases that need a bucket are left out", () => {
		expect(cases.filter(needsBucket).map(({ id }) => id)).toEqual(Object.keys(leftOut));
		expect(cases.length).toBe(50);
	});

	const local = cases.filter(({ id }) => !(id in leftOut));
	test.for(local.map(({ id }) => id))("%s gives the hashes and bytes of quilt3", async (id) => {
		const golden = cases.find((item) => item.id === id)!;
		const machine = newMachine();
		writeCase(golden, machine);

		const { made, built } = await runSteps(golden, machine);

		expect(made.topHash).toBe(golden.expect.top_hash);
		expect(built).toEqual(golden.expect.build_top_hashes);
		expect(Array.from(made.walk(), ([key]) => key)).toEqual(golden.expect.logical_keys_in_order);
		if (golden.expect.dump_fails_with !== undefined) {
			await failure(dumped(made), "InvalidMetadata");
		} else {
			const manifest = goldenBytes(`core/cases/${id}/manifest.jsonl`)!;
			expect(normalized(await dumped(made), machine).toString()).toBe(Buffer.from(manifest).toString());
			const last = built.at(-1);
			if (last !== undefined && golden.expect.registry_tree === undefined) {
				const written = readFileSync(machine.path("registry/.quilt/packages", last));
				expect(normalized(written, machine).toString()).toBe(Buffer.from(manifest).toString());
			}
		}
		if (golden.expect.registry_tree !== undefined) {
			expect(registryTree(machine)).toEqual(golden.expect.registry_tree);
		}
	});
});
