/**
 * The tiers of the test suite: what belongs to each and what it needs. Read by `scripts/test.mjs` (which
 * runs them in this order), by `vitest.config.ts` (which runs one of them when `BALE_TEST_TIER` names it)
 * and by a guard test (every test file is in exactly one tier).
 *
 * @typedef {object} Tier
 * @property {string} name
 * @property {string} title
 * @property {readonly string[]} [include] globs of test files; absent: not run by vitest
 * @property {readonly string[]} [exclude]
 * @property {readonly string[]} [needs] tools of `scripts/tools.mjs`
 * @property {readonly string[]} [wants] tools without which less of the tier runs; needed where every tier is mandatory
 * @property {Readonly<Record<string, readonly string[]>>} [without] files that are left out where a wanted tool is not here
 * @property {readonly string[]} [longest] files that are begun first, so that no core waits for the last of them
 * @property {boolean} [everyNode] run again with each of the other Node releases
 */

const special = {
	golden: ["test/golden/**/*.test.ts"],
	contract: ["test/contract/**/*.test.ts"],
	client: ["test/client/**/*.test.ts"],
	cli: ["test/cli/**/*.test.ts", "test/e2e/smoke.test.ts"],
	docs: ["test/docs/**/*.test.ts"],
	guards: ["test/guards/**/*.test.ts"],
	interop: ["test/interop/**/*.test.ts"],
	shells: ["test/e2e/shells/**/*.test.ts"],
	browser: ["test/browser/**/*.test.ts"],
	kill: ["test/e2e/kill/**/*.test.ts"],
	s3: ["test/s3/**/*.test.ts"],
	big: ["test/e2e/big/**/*.test.ts"],
	bench: ["test/bench/**/*.test.ts"],
};

/** @type {readonly Tier[]} */
export const tiers = [
	{ name: "check", title: "format, lint, types, dead code, packed tarball" },
	{
		name: "unit",
		title: "units and properties",
		include: ["src/**/*.test.ts", "test/**/*.test.ts"],
		exclude: Object.values(special).flat(),
	},
	{ name: "golden", title: "vectors written by quilt3", include: special.golden },
	{ name: "contract", title: "the Store contract", include: special.contract },
	{ name: "client", title: "the library", include: special.client },
	{ name: "cli", title: "the command", include: special.cli },
	{ name: "docs", title: "code and commands in the documentation", include: special.docs },
	{ name: "guards", title: "rules of the repository", include: special.guards },
	{
		name: "nodes",
		title: "other Node releases",
		include: ["src/core/**/*.test.ts", ...special.golden, ...special.client, "test/e2e/smoke.test.ts"],
		needs: ["nodes"],
		everyNode: true,
	},
	{ name: "interop", title: "quilt3, live, both directions", include: special.interop, needs: ["python"] },
	{
		name: "s3",
		title: "S3 registries on bale serve, versitygw and MinIO, also beside quilt3",
		include: special.s3,
		wants: ["versitygw", "minio", "python", "clients"],
		without: {
			python: [
				"test/s3/{interop,interop-keys}.test.ts",
				"test/s3/clients/{boto3,quilt3,served-folders}.test.ts",
				"test/s3/conformance/boto3.test.ts",
			],
			clients: ["test/s3/clients/{aws-cli,duckdb,pandas,rclone,served-folders}.test.ts"],
		},
		longest: ["concurrency", "faults", "killed-uploads"].map((name) => `test/s3/${name}.test.ts`),
	},
	{ name: "shells", title: "completion in bash, zsh, fish", include: special.shells, needs: ["shells"] },
	{
		name: "browser",
		title: "the browser entry in Chromium, also on a bucket of MinIO",
		include: special.browser,
		needs: ["chromium", "minio"],
	},
	{ name: "kill", title: "killed at random points", include: special.kill, needs: ["python"] },
	{
		name: "bench",
		title: "the benchmark, with a thousandth of its data",
		include: special.bench,
		needs: ["versitygw", "python"],
	},
	{
		name: "big",
		title: "20,000 files, one of 2 GiB, a million objects",
		include: special.big,
		needs: ["disk"],
	},
];

/** Globs of one tier; of everything when no name is given. */
export function filesOf(name) {
	if (!name) return { include: ["src/**/*.test.ts", "test/**/*.test.ts"], exclude: [], longest: [] };
	const tier = tiers.find((candidate) => candidate.name === name);
	if (!tier?.include) throw new Error(`BALE_TEST_TIER names no tier of test files: ${name}`);
	const { include, exclude = [], longest = [] } = tier;
	return { include: [...include], exclude: [...exclude], longest };
}
