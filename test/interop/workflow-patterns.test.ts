import { expect, it } from "vitest";
import { isBaleError } from "../../src/core/errors.ts";
import { Pattern } from "../../src/core/workflow/pattern.ts";
import { chooseSeed, randomFrom } from "../support/random.ts";
import { judge, type PatternCase } from "./judge.ts";

/** Of each text whether it matches; null for a pattern that is refused. */
function ours({ pattern, texts }: PatternCase): boolean[] | null {
	try {
		const compiled = new Pattern(pattern);
		return texts.map((text) => compiled.search(text));
	} catch (error) {
		if (!isBaleError(error, "InvalidWorkflow")) throw error;
		return null;
	}
}

function expectSame(cases: readonly PatternCase[], note: string): void {
	const theirs = judge({ pattern: cases }).pattern;
	expect(theirs.length).toBe(cases.length);
	const different = cases.flatMap((one, i) => {
		const python = theirs[i];
		const mine = ours(one)?.map((matches, text) => (python?.[text] === null ? null : matches)) ?? null;
		return JSON.stringify(mine) === JSON.stringify(python) ? [] : [{ ...one, mine, python }];
	});
	expect(different.slice(0, 5), note).toEqual([]);
}

const texts = [
	"",
	"a",
	"b",
	"ab",
	"aab",
	"abab",
	"A",
	"aB",
	"a\n",
	"\n",
	"a\nb",
	"1a",
	"a_1",
	"é",
	"ſ",
	"K",
	"😀a",
	"lab/raw",
	"a b",
	"-",
];

it("every form of Python's patterns is read and matched as Python does", () => {
	const forms = [
		..."a|.|^a$|a\\Z|\\Aa|^|$|(?m)^b|(?m)a$|(?s).b|a*|a+?b|a??b|a{2}|a{,1}b|a{1,}|a{1,2}?b|a{|a{}|a{1|a{x}|x{,}".split(
			"|",
		),
		..."(a)\\1|(?P<n>a)(?P=n)|(?:ab)+|(?#c)a|(?=a)b|(?=a)a|(?!a)b|(?<=a)b|(?<!a)b|(?<=a|b)b|(?>a*)a|a*+a|a++b|a?+a".split(
			"|",
		),
		"(a)?(?(1)b|c)",
		"(?P<x>a)?b(?(x)a)",
		"(?(1)a|b)(x)",
		"(?(2)a|b)(x)",
		"(?(0)a)",
		"(a)(?(1)b|c|d)",
		"(?i)A",
		"(?i:a)B",
		"(?-i:a)",
		"(?i-s:a)",
		"(?i-i:a)",
		"a(?i)",
		"(?i)a|B",
		"(?:(?i)a)",
		"(?a)\\w",
		"(?u)\\w",
		"(?au)a",
		"(?L)a",
		"(?x) a b # c\n",
		"(?x: a ) b",
		"a (?x)b",
		"(?i)(?m)^B",
		"(?ii)a",
		"(?-:a)",
		"(?i",
		"(?z)a",
		"[ab]",
		"[^ab]",
		"[]a]",
		"[^]a]",
		"[a-]",
		"[-a]",
		"[a-c]",
		"[c-a]",
		"[\\d-a]",
		"[\\w]",
		"[^\\W\\d]",
		"[\\b]",
		"[\\x61]",
		"[\\0141]",
		"[\\141]",
		"[\\8]",
		"[\\B]",
		"[",
		"[a",
		"[^",
		"[a-",
		"(?i)[A-B]",
		"(?i)[^a]",
		"(?i)k",
		"(?i)[k]",
		"(?i)s",
		"(?i)[r-t]",
		"\\d",
		"\\D",
		"\\s",
		"\\S",
		"\\w",
		"\\W",
		"\\bab\\b",
		"\\Ba",
		"\\B",
		"\\b",
		"\\x61",
		"\\x6",
		"\\u0061",
		"\\U0001F600",
		"\\U00110000",
		"\\07",
		"\\141",
		"\\477",
		"\\8",
		"\\q",
		"\\Q",
		"\\_",
		"\\-",
		"\\/",
		"\\p{L}",
		"\\z",
		"\\G",
		"\\",
		"\\1",
		"(a\\1)",
		"(?<=(a)\\1)b",
		"(?<=(a))\\1",
		"(a)(b)\\2\\1",
		"(",
		")",
		"(?",
		"(?P",
		"(?P<",
		"(?P<a",
		"(?P<1>a)",
		"(?P<a>b)(?P<a>c)",
		"(?P<é>a)",
		"(?P=x)",
		"(?P>x)",
		"(?<n>a)",
		"(?<",
		"(?'n'a)",
		"()",
		"(|a)b",
		"(?:)",
		"(?:)*",
		"(?:a*)*b",
		"(?:a|b*)*c",
		"(a|b*)*\\1c",
		"*",
		"a**",
		"a*?*",
		"^*",
		"\\b*",
		"(?=a)*a",
		"(?<=a*)b",
		"(?<=a{2})b",
		"(?<=^a)b",
		"(?<=ab|b)a",
		"a|*",
		"||",
		"a||b",
		"(a+)+$",
		"(?:a?){3}a{3}",
		"a{2,1}",
		"a{4294967295}",
		"(?i:é)",
		"(?i)É",
		"^(?:ab|a){2}+",
		"(?:aa|a){2}+",
		"^(?:|a)*+b",
		"^(?>(?:|a)*)b",
		"^(?:|aa|a){,2}+b",
		"^(?>(?:|a){,2})b",
	];
	expectSame(
		forms.map((pattern) => ({ pattern, texts })),
		"forms",
	);
});

it("a letter has the same other cases, and each category the same members, as in Python", () => {
	const points: number[] = [];
	// Whatever both have known for long: newer letters differ between versions of Unicode.
	for (let code = 1; code < 0x600; code += 1) points.push(code);
	for (let code = 0x1e00; code < 0x2100; code += 1) points.push(code);
	for (const code of [0x2126, 0x212a, 0x3000, 0xfeff, 0xfb05, 0xfb06, 0x10400, 0x10428, 0x1c80, 0xa64a])
		points.push(code);
	const all = points.map((code) => String.fromCodePoint(code));
	expectSame(
		["\\w", "\\d", "\\s", "(?a)\\w", "(?i)[a-z]", "(?i)[^À-ÿ]"].map((pattern) => ({ pattern, texts: all })),
		"categories",
	);
	const letters = all.filter((letter) => letter.toLowerCase() !== letter || letter.toUpperCase() !== letter);
	expectSame(
		letters.map((letter) => ({ pattern: `(?i)${letter}`, texts: letters })),
		"cases",
	);
});

it("random patterns match random texts as in Python", () => {
	const seed = chooseSeed("patterns");
	const random = randomFrom(seed);
	const cases = Array.from({ length: 4000 }, (_, i) => {
		const pattern = randomPattern(random, 4, i % 2 === 0 ? referring : plain);
		return { pattern, texts: Array.from({ length: 12 }, () => randomText(random)) };
	});
	expectSame(cases, `BALE_SEED=${seed}`);
});

const plainAtoms = [
	"a",
	"b",
	"c",
	"[ab]",
	"[^a]",
	".",
	"\\w",
	"\\b",
	"^",
	"$",
	"(?=a)",
	"(?!b)",
	"(?<=a)",
	"(?<!ab)",
	"\\Z",
	"\\s",
	"A",
];
const commonQuantifiers = ["*", "+", "?", "*?", "+?", "??", "{2}", "{1,2}", "{,2}?", "*+", "?+"];
const plainOpenings = ["(", "(", "(?:", "(?i:", "(?=", "(?!", "(?>", "(?s:", "(?<="];

type Vocabulary = {
	readonly atoms: readonly string[];
	readonly quantifiers: readonly string[];
	readonly openings: readonly string[];
};
const referring: Vocabulary = {
	atoms: [...plainAtoms, "\\1", "\\2"],
	quantifiers: commonQuantifiers,
	openings: [...plainOpenings, "(?(1)"],
};
/** Groups within these repetitions are what Python's own engine loses. */
const plain: Vocabulary = {
	atoms: plainAtoms,
	quantifiers: [...commonQuantifiers, "{2}+", "{,2}+", "{1,}+"],
	openings: plainOpenings,
};

function pick<T>(random: () => number, from: readonly T[]): T {
	return from[Math.floor(random() * from.length)] as T;
}

function randomPattern(random: () => number, depth: number, vocabulary: Vocabulary): string {
	const { atoms, quantifiers, openings } = vocabulary;
	let pattern = "";
	const parts = 1 + Math.floor(random() * 3);
	for (let i = 0; i < parts; i += 1) {
		if (i > 0 && random() < 0.2) pattern += "|";
		pattern +=
			depth > 0 && random() < 0.4
				? `${pick(random, openings)}${randomPattern(random, depth - 1, vocabulary)})`
				: pick(random, atoms);
		if (random() < 0.35) pattern += pick(random, quantifiers);
	}
	return pattern;
}

function randomText(random: () => number): string {
	return Array.from({ length: Math.floor(random() * 7) }, () =>
		pick(random, ["a", "b", "c", "A", "\n", " "]),
	).join("");
}
