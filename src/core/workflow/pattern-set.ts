/** Escapes, and sets of characters in brackets. */
import { caseVariants, isDigit, isSpace, isWord, type CharacterTest } from "./pattern-characters.ts";
import type { Flags } from "./pattern-parse.ts";
import type { PatternSource } from "./pattern-source.ts";

/** After `[`. */
export function readSet(source: PatternSource, flags: Flags): CharacterTest {
	const negated = source.accept("^");
	const tests: CharacterTest[] = [];
	for (let i = 0; ; i += 1) {
		const token = source.take();
		if (token === undefined) throw source.error('a "]" is missing');
		if (token === "]" && i > 0) break;
		const low = readMember(source, token, flags);
		if (!source.accept("-")) {
			tests.push(typeof low === "number" ? rangeTest(low, low) : low);
			continue;
		}
		const end = source.take();
		if (end === undefined) throw source.error('a "]" is missing');
		if (end === "]") {
			tests.push(typeof low === "number" ? rangeTest(low, low) : low, rangeTest(0x2d, 0x2d));
			break;
		}
		const high = readMember(source, end, flags);
		if (typeof low !== "number" || typeof high !== "number" || high < low) {
			throw source.error(`"${token}-${end}" is no range of characters`);
		}
		tests.push(rangeTest(low, high));
	}
	const member = (code: number): boolean => tests.some((test) => test(code));
	const matches = flags.ignoreCase ? ignoringCase(member, flags) : member;
	return negated ? (code) => !matches(code) : matches;
}

function readMember(source: PatternSource, token: string, flags: Flags): number | CharacterTest {
	if (token.startsWith("\\")) return readEscape(source, token, flags, "set");
	return token.codePointAt(0) ?? 0;
}

function rangeTest(low: number, high: number): CharacterTest {
	return (code) => code >= low && code <= high;
}

function ignoringCase(member: CharacterTest, flags: Flags): CharacterTest {
	const known = new Map<number, boolean>();
	return (code) => {
		let answer = known.get(code);
		if (answer === undefined) {
			answer = caseVariants(code, flags.ascii).some(member);
			known.set(code, answer);
		}
		return answer;
	};
}

/** Whether two characters are equal under the flags. */
export function sameCharacter(flags: Flags): (a: number, b: number) => boolean {
	return flags.ignoreCase ? (a, b) => a === b || caseVariants(a, flags.ascii).includes(b) : (a, b) => a === b;
}

/** A character or set of them that begins with the escape `token`; in a set `\b` is backspace, and octal is shorter. */
export function readEscape(
	source: PatternSource,
	token: string,
	flags: Flags,
	where: "set" | "outside",
): number | CharacterTest {
	const letter = token.slice(1);
	const category = categories.get(letter.toLowerCase())?.(flags.ascii);
	if (category !== undefined) {
		return /[DSW]/.test(letter) ? (code) => !category(code) : category;
	}
	if (letter === "b" && where === "set") return 8;
	const control = controls.get(letter);
	if (control !== undefined) return control;
	const digits = hexDigits.get(letter);
	if (digits !== undefined) {
		const hex = source.takeWhile(/[0-9a-fA-F]/, digits);
		const code = Number.parseInt(hex, 16);
		if (hex.length !== digits || code > 0x10ffff) throw source.error(`"${token}${hex}" is no character`);
		return code;
	}
	if (/^[0-7]$/.test(letter)) {
		const octal = letter + source.takeWhile(/[0-7]/, 2);
		const code = Number.parseInt(octal, 8);
		if (code > 0o377) throw source.error(`"\\${octal}" is more than one byte`);
		return code;
	}
	if (letter === "N") throw source.error("bale does not know characters by their names");
	if (/^[0-9A-Za-z]$/.test(letter)) throw source.error(`Python knows no "${token}"`);
	return letter.codePointAt(0) ?? 0;
}

const categories: ReadonlyMap<string, (ascii: boolean) => CharacterTest> = new Map([
	["d", isDigit],
	["s", isSpace],
	["w", isWord],
]);

const controls: ReadonlyMap<string, number> = new Map([
	["a", 7],
	["f", 12],
	["n", 10],
	["r", 13],
	["t", 9],
	["v", 11],
]);

const hexDigits: ReadonlyMap<string, number> = new Map([
	["x", 2],
	["u", 4],
	["U", 8],
]);
