import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compileQuiltIgnore } from "./ignore-rules.ts";

const ignores = (rules: string, path: string, isDirectory = false): boolean =>
	compileQuiltIgnore(rules)(path, isDirectory);

describe("compileQuiltIgnore()", () => {
	test("matches names at any depth, and whole names only", () => {
		expect(ignores("a.txt", "a.txt")).toBe(true);
		expect(ignores("a.txt", "x/y/a.txt")).toBe(true);
		expect(ignores("a.txt", "ba.txt")).toBe(false);
		expect(ignores("a.txt", "a.txt/b")).toBe(false);
	});

	test("matches directories with and without their slash, files without", () => {
		expect(ignores("foo/", "foo", true)).toBe(true);
		expect(ignores("foo/", "foo", false)).toBe(false);
		expect(ignores("foo", "foo", true)).toBe(true);
	});

	test("lets * cross slashes, also at the first level", () => {
		expect(ignores("foo/*.csv", "foo/a/b.csv")).toBe(true);
		expect(ignores("**/build", "build", true)).toBe(true);
		expect(ignores("*/build", "build", true)).toBe(true);
		expect(ignores("*", "anything")).toBe(true);
	});

	test("does not let the directories above decide", () => {
		expect(ignores("data/*", "x.csv")).toBe(false);
		expect(ignores("?/x.csv", "x.csv")).toBe(false);
		expect(ignores("[!a]/x.csv", "x.csv")).toBe(false);
		expect(ignores("data/*", "data/x.csv")).toBe(true);
	});

	test("counts characters as code points", () => {
		expect(ignores("?.txt", "\u{1f600}.txt")).toBe(true);
		expect(ignores("[\u{1f600}-\u{1f602}]", "\u{1f601}")).toBe(true);
	});

	test.each([
		["[abc]", "abc", "dABC["],
		["[!abc]", "d!", "abc"],
		["[a-c]", "abc", "d-"],
		["[a-]", "a-", "b"],
		["[-a]", "a-", "b"],
		["[]a]", "]a", "b"],
		["[!]a]", "b", "]a"],
		["[c-a]", "", "abc-"],
		["[!c-a]", "abc-", ""],
		["[a-b-c]", "ab-c", "d"],
		["[^a]", "^a", "b"],
		["[\\]", "\\", "a"],
		["[b-a!x]", "b", "x"],
		["[b-!!-z]", "d", "-z"],
	])("reads the set %s as fnmatch does", (rule, matching, others) => {
		for (const char of matching) expect(ignores(rule, char), char).toBe(true);
		for (const char of others) expect(ignores(rule, char), char).toBe(false);
	});

	test("takes an unclosed bracket as it stands", () => {
		expect(ignores("[ab", "[ab")).toBe(true);
		expect(ignores("[", "[")).toBe(true);
		expect(ignores("[!]", "[!]")).toBe(true);
	});

	test("has no comments, negation, escapes or trimming", () => {
		expect(ignores("#x", "#x")).toBe(true);
		expect(ignores("*.txt\n!a.txt", "a.txt")).toBe(true);
		expect(ignores("\\#x", "#x")).toBe(false);
		expect(ignores("a ", "a")).toBe(false);
		expect(ignores("\n\r\n", "a")).toBe(false);
	});

	test("ignores the files whose names it holds, for any plain names", () => {
		const name = fc.stringMatching(/^[a-z0-9._ -]{1,8}$/);
		fc.assert(
			fc.property(
				fc.array(name, { minLength: 1, maxLength: 4 }),
				fc.array(name, { maxLength: 3 }),
				(names, parents) => {
					const rule = compileQuiltIgnore(names.join("\n"));
					for (const found of names) expect(rule([...parents, found].join("/"), false)).toBe(true);
					expect(rule([...parents, "OTHER"].join("/"), false)).toBe(false);
				},
			),
		);
	});

	test("takes no more than a moment for patterns that are hard for regular expressions", () => {
		const start = performance.now();
		expect(ignores(`${"*a".repeat(60)}b`, "a".repeat(4000))).toBe(false);
		expect(performance.now() - start).toBeLessThan(1000);
	});
});
