/**
 * What Python's `re` takes for a digit, a space, a letter of a word, and for the same letter in another case.
 * Source: CPython 3.11, `Lib/re` and `Objects/unicodectype.c`. The tables of Unicode are this engine's own, so that
 * characters that are newer than Python's may be classed otherwise.
 */

/** Whether a code point belongs to a set. */
export type CharacterTest = (code: number) => boolean;

const digits = /^\p{Nd}$/u;
const wordCharacters = /^[\p{L}\p{N}]$/u;

/** `\d`. */
export const isDigit = (ascii: boolean): CharacterTest =>
	ascii
		? (code) => code >= 48 && code <= 57
		: (code) => (code < 128 ? code >= 48 && code <= 57 : digits.test(String.fromCodePoint(code)));

/** `\w`: letters, everything that has a numeric value, and `_`. */
export const isWord = (ascii: boolean): CharacterTest =>
	ascii
		? isAsciiWord
		: (code) => (code < 128 ? isAsciiWord(code) : wordCharacters.test(String.fromCodePoint(code)));

function isAsciiWord(code: number): boolean {
	return (
		(code >= 48 && code <= 57) || (code >= 65 && code <= 90) || (code >= 97 && code <= 122) || code === 95
	);
}

/** `\s`: in Unicode also the four separators of ASCII, and not the byte order mark. */
export const isSpace =
	(ascii: boolean): CharacterTest =>
	(code) =>
		(code >= 9 && code <= 13) || code === 32 || (!ascii && isOtherSpace(code));

function isOtherSpace(code: number): boolean {
	return (
		(code >= 0x1c && code <= 0x1f) ||
		code === 0x85 ||
		code === 0xa0 ||
		code === 0x1680 ||
		(code >= 0x2000 && code <= 0x200a) ||
		code === 0x2028 ||
		code === 0x2029 ||
		code === 0x202f ||
		code === 0x205f ||
		code === 0x3000
	);
}

/** Code points that are equal to `code` when case is ignored, with itself. */
export function caseVariants(code: number, ascii: boolean): readonly number[] {
	if (ascii) {
		const upper = code >= 65 && code <= 90;
		const lower = code >= 97 && code <= 122;
		return upper ? [code, code + 32] : lower ? [code, code - 32] : [code];
	}
	const lower = lowerCase(code);
	const variants = new Set([code]);
	for (const equal of [lower, ...(alike.get(lower) ?? [])]) {
		variants.add(equal);
		for (const upper of upperCases().get(equal) ?? []) variants.add(upper);
	}
	return [...variants];
}

/** Lower case as Unicode's simple mapping has it, one code point to one. */
function lowerCase(code: number): number {
	if (code === 0x130) return 0x69; // its full mapping has two
	const [lower = code, ...more] = Array.from(String.fromCodePoint(code).toLowerCase(), codePoint);
	return more.length > 0 ? code : lower;
}

function codePoint(character: string): number {
	return character.codePointAt(0) ?? 0;
}

let upperCasesMade: Map<number, number[]> | undefined;

/** The code points that have each lower case, but for the lower case itself. Made once, when it is first needed. */
function upperCases(): Map<number, number[]> {
	if (upperCasesMade !== undefined) return upperCasesMade;
	const made = new Map<number, number[]>();
	// No letter beyond has a case.
	for (let code = 65; code < 0x1f000; code += 1) {
		if (code >= 0x2e80 && code < 0xa640) continue; // ideographs: the longest stretch without any
		const lower = lowerCase(code);
		if (lower !== code) made.set(lower, [...(made.get(lower) ?? []), code]);
	}
	return (upperCasesMade = made);
}

/** Lower case letters that share an upper case: Python takes them for equal, too. */
const alike: ReadonlyMap<number, readonly number[]> = new Map(
	[
		[0x69, 0x131],
		[0x73, 0x17f],
		[0xb5, 0x3bc],
		[0x345, 0x3b9, 0x1fbe],
		[0x390, 0x1fd3],
		[0x3b0, 0x1fe3],
		[0x3b2, 0x3d0],
		[0x3b5, 0x3f5],
		[0x3b8, 0x3d1],
		[0x3ba, 0x3f0],
		[0x3c0, 0x3d6],
		[0x3c1, 0x3f1],
		[0x3c2, 0x3c3],
		[0x3c6, 0x3d5],
		[0x432, 0x1c80],
		[0x434, 0x1c81],
		[0x43e, 0x1c82],
		[0x441, 0x1c83],
		[0x442, 0x1c84, 0x1c85],
		[0x44a, 0x1c86],
		[0x463, 0x1c87],
		[0x1c88, 0xa64b],
		[0x1e61, 0x1e9b],
		[0xfb05, 0xfb06],
	].flatMap((group) => group.map((code) => [code, group.filter((other) => other !== code)] as const)),
);
