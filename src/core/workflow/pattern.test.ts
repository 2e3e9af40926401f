import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isBaleError } from "../errors.ts";
import { newBudget, Pattern } from "./pattern.ts";

function found(pattern: string, text: string): boolean {
	return new Pattern(pattern).search(text);
}

function isRefused(pattern: string): boolean {
	try {
		new Pattern(pattern);
		return false;
	} catch (error) {
		if (!isBaleError(error, "InvalidWorkflow")) throw error;
		return true;
	}
}

/** Patterns that mean the same in Python and in JavaScript. */
const common = fc.letrec<{ pattern: string }>((tie) => ({
	pattern: fc.oneof(
		{ maxDepth: 4 },
		fc.constantFrom("a", "b", "[ab]", "[^a]", ".", "\\b", "^", "(?!a)", "(?=b)", "(?<=a)", "\\d"),
		fc.array(tie("pattern"), { minLength: 1, maxLength: 3 }).map((parts) => parts.join("")),
		fc.tuple(tie("pattern"), tie("pattern")).map(([a, b]) => `(?:${a}|${b})`),
		fc
			.tuple(tie("pattern"), fc.constantFrom("*", "+", "?", "*?", "+?", "{2}", "{1,2}", "{0,3}?"))
			.map(([part, count]) => `(?:${part})${count}`),
		fc.tuple(tie("pattern"), fc.constantFrom("", "*", "\\1")).map(([part, tail]) => `(${part})${tail}`),
	),
})).pattern;

describe("Pattern", () => {
	test("finds what RegExp finds where the two languages agree", () => {
		const texts = fc.array(fc.string({ unit: fc.constantFrom("a", "b", "1", " "), maxLength: 6 }), {
			minLength: 5,
		});
		fc.assert(
			fc.property(common, texts, (pattern, subjects) => {
				// A second group would give \1 another meaning in the two halves of the test's own pattern.
				fc.pre((pattern.match(/\\1/g)?.length ?? 0) === 0 || pattern.match(/\((?!\?)/g)?.length === 1);
				// RegExp takes what a group matched in an earlier round for nothing, Python keeps it.
				fc.pre(!pattern.includes("\\1") || !/\)[*+?{]/.test(pattern));
				const ours = new Pattern(pattern);
				const theirs = new RegExp(pattern, "u");
				for (const subject of subjects) expect(ours.search(subject), subject).toBe(theirs.test(subject));
			}),
			{ numRuns: 500 },
		);
	});

	test("means what Python means where the two languages differ", () => {
		expect(found("raw\\Z", "lab/raw")).toBe(true);
		expect(found("raw\\Z", "lab/raw\n")).toBe(false);
		expect(found("raw$", "lab/raw\n")).toBe(true);
		expect(found("(?P<a>x)(?P=a)", "xx")).toBe(true);
		expect(found("(?i)LAB", "lab")).toBe(true);
		expect(found("(?x) l a b # comment", "lab")).toBe(true);
		expect(found("^\\w+$", "größe")).toBe(true);
		expect(found("(?a)^\\w+$", "größe")).toBe(false);
		expect(found("^\\d$", "٣")).toBe(true);
		expect(found("\\s", "\uFEFF")).toBe(false);
		expect(found("^.$", "😀")).toBe(true);
		expect(found("(a)?(?(1)b|c)$", "ab")).toBe(true);
		expect(found("^(a)?(?(1)b|c)$", "b")).toBe(false);
		expect(found("a*+a", "aaa")).toBe(false);
		// Nothing is taken back from a possessive repetition, nor a round of it, and an empty round is its last.
		expect(found("(?:aa|a){2}+", "aa")).toBe(false);
		expect(found("^(?:|a)*+b", "ab")).toBe(false);
		expect(found("^(?>(?:|a)*)b", "ab")).toBe(false);
		expect(found("^(?:|a)*b", "ab")).toBe(true);
		expect(found("(?i)[k-s]", "\u212A")).toBe(true);
		expect(found("[]a]", "]")).toBe(true);
	});

	test.for([
		"(",
		"(?<n>a)",
		"\\p{L}",
		"a**",
		"[b-a]",
		"\\1",
		"(?<=a*)b",
		"a(?i)",
		"\\",
		"[",
		"*",
		"(?P<1>a)",
		"\\N{DASH}",
	])("refuses %s, with the reason", (pattern) => {
		expect(isRefused(pattern)).toBe(true);
		expect(() => new Pattern(pattern)).toThrow(/^Cannot use the pattern ".*": ./);
	});

	test("refuses what is too large instead of working on it", () => {
		expect(isRefused("(?:a{1000}){1000}")).toBe(true);
		expect(isRefused(`${"(".repeat(5000)}a${")".repeat(5000)}`)).toBe(true);
		expect(isRefused("a{1000}b{1000}")).toBe(false);
	});

	test("takes time that grows with the text, not with the ways to match it", () => {
		const steps = (length: number): number => {
			const budget = newBudget();
			const before = budget.steps;
			expect(new Pattern("^(a+|a)+(a|aa)*$").search(`${"a".repeat(length)}!`, budget)).toBe(false);
			return before - budget.steps;
		};
		const [small, large] = [steps(1000), steps(10_000)];
		expect(large / small).toBeGreaterThan(5);
		expect(large / small).toBeLessThan(12);
	});

	test("gives up where groups refer to one another without end", () => {
		const hostile = new Pattern("^(?:(a+)+)+\\1b$");
		expect(() => hostile.search(`${"a".repeat(200)}!`)).toThrow("too many steps");
		const budget = { steps: 10 };
		expect(() => new Pattern("a").search("b".repeat(100), budget)).toThrow("too many steps");
	});
});
