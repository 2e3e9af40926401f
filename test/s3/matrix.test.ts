/** Every command on a bucket says what it says on a directory, but for the addresses. */
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { commands } from "../../src/cli/table.ts";
import { compareNames } from "../../src/core/logical-key.ts";
import { writeFiles } from "../client/support/files.ts";
import { runCli } from "../support/cli.ts";
import { contentsOf } from "../support/files.ts";
import { onEachServer } from "../support/s3/servers.ts";
import { temporaryDirectory } from "../support/temporary.ts";

/** Title and document of each step. */
type Said = readonly (readonly [title: string, document: unknown])[];

type Step = readonly [title: string, code: number, ...args: string[]];

/** Commands that have nothing to do with a registry, show it to others, or look at it as what it is. */
const elsewhere = /^(config.*|login|logout|whoami|completion|help|serve|doctor|disable-telemetry)$/;

const workflows = `version: "1"
is_workflow_required: false
workflows:
  named: { name: Named, handle_pattern: ^team/ }
`;

const files = { "a.txt": "alpha", "sub/b.txt": "beta", "sub/ü c+d%.csv": "x,y\n" };

/** What the commands are run with, `FIRST` being the revision of the first push. */
const steps: readonly Step[] = [
	["a dry run", 0, "push", "team/data", "--dir", "data", "--message", "one", "--dry-run"],
	["a push", 0, "push", "team/data", "--dir", "data", "--message", "one", "--meta", '{"made": "here"}'],
	["the same again", 0, "push", "team/data", "--dir", "data", "--message", "one", "--keep-meta"],
	[
		"a change",
		0,
		"push",
		"team/data",
		"--dir",
		"changed",
		"--message",
		"two",
		"--workflow",
		"named",
		"--keep-meta",
	],
	["a build", 0, "build", "team/built", "--dir", "data"],
	["the names", 0, "list"],
	["the history", 0, "log", "team/data"],
	["the history's end", 0, "log", "team/data", "--limit", "1"],
	["a revision", 0, "show", "team/data@FIRST"],
	["a pointer", 0, "show", "team/data:latest"],
	["the files", 0, "ls", "team/data"],
	["some files", 0, "ls", "team/data", "sub"],
	["a content", 0, "cat", "team/data@FIRST", "sub/ü c+d%.csv"],
	["a part of it", 0, "cat", "team/data", "a.txt", "--range", "1-3"],
	["a difference", 0, "diff", "team/data@FIRST", "team/data"],
	["an installation", 0, "install", "team/data", "--dest", "DEST"],
	["it again", 0, "install", "team/data", "--dest", "DEST"],
	["a part to install", 0, "install", "team/data", "--top-hash", "FIRST", "--path", "sub", "--dest", "PART"],
	["a fetch", 0, "fetch", "team/data@FIRST", "--dest", "FETCHED"],
	["a check", 0, "verify", "team/data", "--dir", "DEST"],
	["a failed check", 13, "verify", "team/data", "--top-hash", "FIRST", "--dir", "DEST"],
	["a state", 0, "status", "DEST"],
	["the workflows", 0, "workflow", "list"],
	["a workflow", 0, "workflow", "show", "named"],
	["a verdict", 14, "workflow", "check", "other/data", "--dir", "data", "--workflow", "named"],
	["a rollback", 0, "rollback", "team/data@FIRST"],
	["a deletion", 0, "delete", "team/built", "--yes"],
	["what is gone", 10, "show", "team/built"],
];

onEachServer((server) => {
	test("every command", async () => {
		const root = temporaryDirectory();
		writeFiles(join(root, "data"), files);
		writeFiles(join(root, "changed"), { ...files, "a.txt": "ALPHA", new: "new" });
		const bucket = await server().makeBucket();
		const directory = join(root, "registry");
		mkdirSync(directory);
		writeFiles(directory, { ".quilt/workflows/config.yml": workflows });
		await server().openStore(bucket).put(".quilt/workflows/config.yml", new TextEncoder().encode(workflows));

		const runOn = async (registry: string, place: string): Promise<Said> => {
			const said: [string, unknown][] = [];
			let first = "";
			const hashes = new Map<string, string>();
			const home = join(root, `home of ${place}`);
			mkdirSync(home);
			for (const [title, code, ...words] of steps) {
				const args = words.map((word) =>
					word.replace("FIRST", first).replace(/^(DEST|PART|FETCHED)$/, join(home, "$1")),
				);
				const where = words[0] === "status" ? [] : ["--registry", registry];
				const result = await runCli([...args, ...where, "--json"], {
					home,
					cwd: root,
					env: { ...server().environment },
				});
				expect(result, `${title} in ${place}: ${result.stderr}`).toMatchObject({ code });
				if (title === "a push") first = (JSON.parse(result.stdout) as { topHash: string }).topHash;
				said.push([title, neutral(result.stdout, [home, directory, `s3://${bucket}`], hashes)]);
			}
			for (const folder of ["DEST", "PART", "FETCHED"]) said.push([folder, contentsOf(join(home, folder))]);
			return said;
		};
		const [inDirectory, inBucket] = await Promise.all([
			runOn(directory, "a directory"),
			runOn(`s3://${bucket}`, "the bucket"),
		]);
		expect(withoutWarning(inBucket)).toEqual(inDirectory);
		expect(readFileSync(join(root, "home of the bucket/DEST/a.txt"), "utf8")).toBe("ALPHA");
	}, 240_000);
});

test("the steps have every command that uses a registry", () => {
	const run = new Set(steps.map(([, , one, two]) => (one === "workflow" ? `${one} ${two}` : one)));
	const named = commands.filter(({ name, hidden }) => hidden !== true && !elsewhere.test(name));
	expect([...run].map(String).toSorted(compareNames)).toEqual(
		named.map(({ name }) => name).toSorted(compareNames),
	);
});

/** Documents without what two places cannot have in common: addresses, times, and hashes of revisions that name their rules. */
function neutral(text: string, places: readonly string[], hashes: Map<string, string>): unknown {
	const [home = "", directory = "", bucket = ""] = places;
	const same = text
		.replaceAll(`file://${home}`, "HOME")
		.replaceAll(home, "HOME")
		.replaceAll(`file://${directory}`, "REGISTRY")
		.replaceAll(directory, "REGISTRY")
		.replaceAll(bucket, "REGISTRY")
		.replaceAll(/REGISTRY\/?/g, "REGISTRY/")
		.replaceAll(/\?versionId=[^"]*/g, "")
		.replaceAll(/\b\d{10}\b/g, "SECONDS")
		.replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "DATE")
		.replaceAll(/\b[0-9a-f]{64}\b/g, (hash) => {
			if (!hashes.has(hash)) hashes.set(hash, `HASH ${hashes.size}`);
			return hashes.get(hash)!;
		});
	return JSON.parse(same);
}

/** What was said, without the warning of the build, which is about files that a directory's users can read. */
function withoutWarning(said: Said): Said {
	return said.map(([title, document]) => {
		if (title !== "a build") return [title, document];
		const { warnings, ...rest } = document as { warnings: unknown };
		expect(warnings).toMatchObject([{ code: "LocalFiles" }]);
		return [title, rest];
	});
}
