/**
 * The runs of the real quilt3 executable in `test/golden/peripherals/cli`, replayed with bale in their order.
 * Buckets become directory registries. quilt3 exits with 1 for every failure, bale by kind: `failures` says with
 * which code. `deviations` are the other differences; `docs/deviations.md` lists them.
 */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ErrorCode, errorTable } from "../../src/core/errors.ts";
import { json, startStub, type StubServer } from "../identity/stub-server.ts";
import { type CliResult, runCli } from "../support/cli.ts";
import { readRepositoryFile } from "../support/repository.ts";
import { makeTemporaryDirectory, removeDirectory } from "../support/temporary.ts";
import { checkDocument, describeRun } from "./sandbox.ts";

type GoldenRun = {
	readonly label: string;
	readonly args: readonly string[];
	readonly exit: number;
	readonly stdout?: readonly string[];
	readonly stdout_lines?: number;
	readonly files?: readonly string[];
};

const golden = JSON.parse(readRepositoryFile("test/golden/peripherals/cli/runs.json")) as {
	readonly runs: readonly GoldenRun[];
};

/** Where quilt3 exits with 1 and bale says what it is. */
const failures: Readonly<Record<string, ErrorCode>> = {
	"config bad URL": "InvalidConfig",
	"config 500": "IdentityUnavailable",
	"config html": "InvalidConfig",
	"config unreachable": "IdentityUnavailable",
	"config --set without =": "InvalidArgument",
	"config --set bad url": "InvalidConfig",
	"config URL and --set": "InvalidArgument",
	"push missing directory": "NotAFile",
	"push bad name": "InvalidName",
	"push file as dir": "NotAFile",
	"push --meta NaN": "InvalidMetadata",
	"push --no-copy local": "InvalidArgument",
	"push --dest other bucket": "InvalidArgument",
	"push --workflow no config": "InvalidArgument",
	"push --workflow '' no config": "InvalidArgument",
	"install missing": "PackageNotFound",
	"install missing in local registry": "PackageNotFound",
	"install --top-hash 5 chars": "InvalidHash",
	"install --top-hash unknown": "RevisionNotFound",
	"install --top-hash unknown full": "RevisionNotFound",
	"install --path missing": "EntryNotFound",
	"install --dest s3": "InvalidArgument",
	"verify extra file": "VerifyFailed",
	"verify changed": "VerifyFailed",
	"verify missing file": "VerifyFailed",
	"verify missing dir": "VerifyFailed",
	"concurrency env bad": "InvalidConfig",
	"record size env small": "LimitExceeded",
	"login without catalog": "InvalidConfig",
	"login without a terminal": "InvalidArgument",
};

type Deviation = { readonly code: ErrorCode | "ok"; readonly why: string };

/** Where bale does something else on purpose, or cannot do it yet. */
const deviations: Readonly<Record<string, Deviation>> = {
	"config-default-remote-registry: no check": { code: "InvalidConfig", why: "the value is checked" },
	"list-packages no argument": { code: "ok", why: "lists the local registry" },
	"push without --dir": { code: "PackageNotFound", why: "publishes the package of the local registry" },
	"push again: conflict": { code: "ok", why: "one's own last push is known" },
	"push --dedupe without --force": { code: "ok", why: "one's own last push is known" },
	"push after install, second": { code: "ok", why: "one's own last push is known" },
	"push to local registry": { code: "ok", why: "directories are registries" },
	"push to S3 path": { code: "ok", why: "replayed with a directory" },
	"install --dest-registry s3": { code: "ok", why: "replayed with a directory" },
	"verify without --top-hash": { code: "ok", why: "the latest revision is meant" },
	"record size env bad": { code: "ok", why: "--version needs no limit" },
	"catalog --help": { code: "InvalidArgument", why: "no local catalog" },
	"catalog without the extra": { code: "InvalidArgument", why: "no local catalog" },
	"catalog --detailed-help": { code: "InvalidArgument", why: "no local catalog" },
	"catalog bad target": { code: "InvalidArgument", why: "no local catalog" },
};

/** Run elsewhere: needs a terminal (`test/e2e/shells`), or what only a bucket has. */
const elsewhere: Readonly<Record<string, string>> = {
	"login on a terminal (pty)": "needs a terminal",
	"list-packages no bucket": "needs a bucket (`test/s3/command.test.ts`)",
	"push --no-copy remote": "needs a bucket (`test/s3/command.test.ts`)",
	"push remote dir copies": "needs a bucket (`test/s3/command.test.ts`)",
	"verify remote dir": "needs a bucket (`test/s3/command.test.ts`)",
};

/** Rows whose arguments must stay buckets. */
const bucketRows = new Set(["install --dest s3"]);

/** Packages that only those rows publish. */
const unpublished = new Set(["u/r", "u/r2"]);

/** Changes of the folder before a row, as its label says. */
const before: Readonly<Record<string, (folder: string) => void>> = {
	"verify extra file": (folder) => writeFileSync(join(folder, "extra.txt"), "x"),
	"verify changed": (folder) => {
		rmSync(join(folder, "extra.txt"));
		writeFileSync(join(folder, "a.txt"), "A");
	},
	"verify missing file": (folder) => {
		writeFileSync(join(folder, "a.txt"), "a");
		rmSync(join(folder, "sub/b.txt"));
	},
	"verify missing dir": (folder) => writeFileSync(join(folder, "sub/b.txt"), "b"),
};

const environments: Readonly<Record<string, Record<string, string>>> = {
	"quiet env": { QUILT_MINIMIZE_STDOUT: "true" },
	"concurrency env bad": { QUILT_TRANSFER_MAX_CONCURRENCY: "x" },
	"record size env bad": { QUILT_MANIFEST_MAX_RECORD_SIZE: "x" },
	"record size env small": { QUILT_MANIFEST_MAX_RECORD_SIZE: "10" },
};

const root = makeTemporaryDirectory();
let catalog: StubServer;

beforeAll(async () => {
	for (const folder of ["home", "d/sub", "bkt", "bkt2"]) mkdirSync(join(root, folder), { recursive: true });
	writeFileSync(join(root, "d/a.txt"), "a");
	writeFileSync(join(root, "d/sub/b.txt"), "b");
	catalog = await startStub(({ path }) => {
		if (path === "/config.json")
			return json({ registryUrl: `${catalog.origin}/registry`, region: "eu-west-1" });
		if (path === "/html/config.json") return { status: 200, body: "<html>" };
		return json({}, 500);
	});
});

afterAll(async () => {
	await catalog.close();
	removeDirectory(root);
});

/** The arguments of a row on this machine; `topHash` is that of the newest revision of u/p. */
function argumentsOf({ label, args }: GoldenRun, topHash: string): string[] {
	const hash = label.includes("unknown")
		? "0".repeat(64)
		: label.includes("short")
			? topHash.slice(0, 8)
			: topHash;
	return args.map((argument) => {
		const text = argument
			.replaceAll("$TMP", root)
			.replace("http://127.0.0.1:21000", catalog.origin)
			.replace("http://127.0.0.1:21098", "http://127.0.0.1:1")
			.replace("<top-hash>", hash)
			.replace("76f99809", hash);
		const directory = text.replace(/^s3:\/\/cli-bkt(?!2)/, `${root}/bkt`);
		return bucketRows.has(label) ? directory : directory.replace("s3://cli-", `${root}/`);
	});
}

function expectedExit({ label, exit }: GoldenRun): number {
	const code = deviations[label]?.code ?? failures[label];
	return code === undefined ? exit : code === "ok" ? 0 : errorTable[code].exit;
}

async function run(row: GoldenRun, args: readonly string[]): Promise<CliResult> {
	const env = environments[row.label];
	// quilt3 asks a newer bucket; here `concurrency` matters to what moves data.
	const words = row.label === "concurrency env bad" ? ["push", "u/q", "--dir", join(root, "d")] : args;
	return runCli(words, { home: join(root, "home"), cwd: root, ...(env === undefined ? {} : { env }) });
}

describe("bale, called as quilt3 was,", () => {
	let topHash = "";

	it("knows every row", () => {
		const labels = new Set(golden.runs.map(({ label }) => label));
		const named = [...Object.keys(failures), ...Object.keys(deviations), ...Object.keys(elsewhere)];
		expect(named.filter((label) => !labels.has(label))).toEqual([]);
		expect(
			golden.runs.filter(({ exit, label }) => exit === 1 && !named.includes(label)).map(({ label }) => label),
		).toEqual([]);
		expect(golden.runs).toHaveLength(102);
	});

	for (const row of golden.runs.filter(({ label }) => !(label in elsewhere))) {
		it(`does the same or what is documented: ${row.label}`, async () => {
			before[row.label]?.(join(root, "d"));
			const args = argumentsOf(row, topHash);
			const result = await run(row, args);
			expect(result.code, describeRun(args, result)).toBe(expectedExit(row));
			expect(result.stderr).not.toMatch(/\n\s+at /);
			const data = row.stdout?.filter(
				(line) => (!line.startsWith("<") || line === "<None>") && !unpublished.has(line),
			);
			if (row.label === "--version") expect(result.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
			else if (data !== undefined && data.length > 0) {
				const lines = data.map((line) => line.replace("http://127.0.0.1:21000", catalog.origin));
				expect(result.stdout.split("\n")).toEqual(expect.arrayContaining(lines));
			}
			for (const file of row.files ?? []) {
				const dest = args[args.indexOf("--dest") + 1] ?? "";
				expect(readdirSync(dest, { recursive: true })).toContain(file);
			}
			const code = failures[row.label];
			if (code !== undefined && code !== "VerifyFailed" && !(row.label in environments)) {
				const again = checkDocument((await run(row, [...args, "--json"])).stdout);
				expect(again["error"]).toMatchObject({ code });
			}
			if (result.stdout.startsWith("u/p@")) topHash = result.stdout.slice(4, 68);
		});
	}
});

describe("docs/deviations.md", () => {
	it("lists every row that differs", () => {
		const text = readRepositoryFile("docs/deviations.md");
		for (const label of [...Object.keys(deviations), ...Object.keys(elsewhere)])
			expect(text).toContain(`\`${label}\``);
	});
});
