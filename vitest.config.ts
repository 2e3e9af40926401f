/**
 * One configuration for every tier; `scripts/tiers.mjs` says which files belong to which. Tests never
 * see the user's home or settings, also when vitest is called by hand.
 */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { isolatedEnvironment } from "./scripts/isolation.mjs";
import { filesOf } from "./scripts/tiers.mjs";

const home = mkdtempSync(join(tmpdir(), "bale-home-"));
for (const [name, value] of Object.entries(isolatedEnvironment(process.env, home))) {
	if (value === undefined) Reflect.deleteProperty(process.env, name);
	else process.env[name] = value;
}

const { include, exclude, longest } = filesOf(process.env["BALE_TEST_TIER"]);

/** Begins with the files that take longest, in the order of the tier. */
class LongestFirst extends BaseSequencer {
	override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
		const rank = ({ moduleId }: TestSpecification): number => {
			const index = longest.findIndex((file) => moduleId.endsWith(`/${file}`));
			return index === -1 ? longest.length : index;
		};
		return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b));
	}
}

export default defineConfig({
	test: {
		include,
		exclude,
		globalSetup: ["test/support/remove-home.ts"],
		setupFiles: ["test/support/seed.ts"],
		provide: { home },
		// For a busy machine: an idle one needs a small part of it.
		testTimeout: 120_000,
		hookTimeout: 120_000,
		restoreMocks: true,
		unstubEnvs: true,
		unstubGlobals: true,
		expect: { requireAssertions: false },
		allowOnly: false,
		sequence: { sequencer: LongestFirst },
		pool: "forks",
		// Much of the time on buckets is spent waiting, for what is tried again and for what does not answer.
		maxWorkers: process.env["BALE_TEST_TIER"] === "s3" ? 4 : 2,
	},
});
