import { describe, expect, test } from "vitest";
import { compileQuiltIgnore } from "../../src/core/ignore-rules.ts";
import { compareLogicalKeys } from "../../src/core/logical-key.ts";
import { goldenJson } from "./data.ts";

type Case = {
	readonly case: string;
	readonly quiltignore: string | null;
	readonly ignored: readonly string[];
};
const golden = goldenJson("peripherals/quiltignore/cases.json") as {
	readonly tree: readonly string[];
	readonly cases: readonly Case[];
};

/** Listed in docs/deviations.md: directories above the scanned one do not decide here. */
const ignoresNothingInBale = ["parent of the scanned directory, star", "scanned directory, star"];

/** What a walk leaves out: a file by itself, or everything below a directory that matches. */
function ignored(files: readonly string[], text: string): string[] {
	const rule = compileQuiltIgnore(text);
	const leftOut = (file: string): boolean => {
		const segments = file.split("/");
		const directories = segments.slice(0, -1).map((_, i) => segments.slice(0, i + 1).join("/"));
		return directories.some((directory) => rule(directory, true)) || rule(file, false);
	};
	return files.filter(leftOut).sort(compareLogicalKeys);
}

describe("ignore rules of quilt3", () => {
	test.each(golden.cases)("compileQuiltIgnore(): $case", (row) => {
		const files = row.quiltignore === null ? golden.tree : [...golden.tree, ".quiltignore"];
		const expected = ignoresNothingInBale.includes(row.case) ? [] : [...row.ignored].sort(compareLogicalKeys);
		expect(ignored(files, row.quiltignore ?? "")).toEqual(expected);
	});

	test("the table has its rows", () => {
		expect(golden.cases.length).toBeGreaterThanOrEqual(50);
		const names = golden.cases.map((row) => row.case);
		expect(ignoresNothingInBale.filter((name) => !names.includes(name))).toEqual([]);
	});
});
