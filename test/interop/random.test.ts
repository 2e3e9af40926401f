import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { chooseSeed, randomFrom } from "../support/random.ts";
import { makeTemporaryDirectory, removeDirectory } from "../support/temporary.ts";
import { Quilt3 } from "./quilt3.ts";
import { randomMessage, randomSteps, writePool } from "./random-packages.ts";
import { packageFrom } from "./steps.ts";

const directory = makeTemporaryDirectory();
const quilt3 = new Quilt3();
const seed = chooseSeed("random packages");

afterAll(async () => {
	await quilt3.close();
	removeDirectory(directory);
});

it("the other side is quilt3 8.0.0", async () => {
	expect(await quilt3.version()).toBe("8.0.0");
});

/** One test each, so that a failure names the package and the others still run. */
const groups = Array.from({ length: 25 }, (_, index) => index);
const perGroup = 20;

it.each(groups)("random packages have the same top hash and manifest in both, group %i", async (group) => {
	const pool = writePool(join(directory, `pool-${group}`), randomFrom(seed + group));
	for (let index = 0; index < perGroup; index += 1) {
		const random = randomFrom(seed + 1000 * (group + 1) + index);
		const steps = randomSteps(random, pool);
		const message = randomMessage(random);
		const name = `random/package-${group}-${index}`;
		const told = `BALE_SEED=${seed}, group ${group}, package ${index}\n${JSON.stringify(steps, null, 1)}`;
		const theirs = await quilt3.build(name, join(directory, "quilt3"), steps, message);
		const ours = await packageFrom(steps);
		const registry = join(directory, "bale");
		const topHash = await ours.build(name, registry, message === undefined ? {} : { message });
		expect(topHash, told).toBe(theirs.top_hash);
		expect(readFileSync(join(registry, ".quilt/packages", topHash), "utf8"), told).toBe(theirs.manifest);
	}
});
