import type { Branded } from "./brand.ts";
import { display } from "./display.ts";
import { BaleError } from "./errors.ts";
import { isWellFormed } from "./utf8.ts";

/** An entry's path inside a package: `/`-separated segments, none of them empty, `.` or `..`. */
export type LogicalKey = Branded<"LogicalKey">;

const slash = 0x2f;

/** Why `text` is no logical key, or undefined when it is one. */
function flaw(text: string): string | undefined {
	if (text === "") return "it is empty";
	if (text.endsWith("/")) return "it ends in a slash, and an entry is a file";
	for (const segment of text.split("/")) {
		if (segment === "") return "it has an empty segment";
		if (segment === "." || segment === "..") return `it has a segment "${segment}"`;
	}
	return isWellFormed(text) ? undefined : "it has a character that cannot be written as UTF-8";
}

/** Whether `text` can be the key of a new entry. */
export function isLogicalKey(text: string): text is LogicalKey {
	return flaw(text) === undefined;
}

/**
 * Checks a key for a new entry. Everything is allowed in a segment but lone surrogates, and NFC and
 * NFD spellings are different keys. Throws `InvalidKey`. (Keys of a manifest that is read are not
 * checked: `docs/format.md`, Logical keys.)
 */
export function parseLogicalKey(text: string): LogicalKey {
	const reason = flaw(text);
	if (reason === undefined) return text as LogicalKey;
	throw new BaleError("InvalidKey", `"${display(text)}" is not a logical key: ${reason}`, {
		hint: 'Use a path such as "data/a.csv", without ".", ".." and empty segments',
		details: { key: text },
	});
}

/** Orders two names (one segment each) by code point, as Python does; UTF-16 order differs above U+FFFF. */
export function compareNames(a: string, b: string): number {
	const end = Math.min(a.length, b.length);
	let i = 0;
	while (i < end && a.charCodeAt(i) === b.charCodeAt(i)) i++;
	return i === end ? a.length - b.length : compareAt(a, b, i);
}

const surrogate = /[\ud800-\udfff]/;

/** Sorts names, in place, as `compareNames` orders them. */
export function sortNames(names: string[]): string[] {
	if (names.some((name) => surrogate.test(name))) return names.sort(compareNames);
	// eslint-disable-next-line no-restricted-syntax -- without surrogates it is the order of code points
	return names.sort();
}

/**
 * Orders two logical keys as a walk of their tree does: segment by segment, each by code point. So
 * `a/b` comes before `a b` and `a-b`, and a directory's content stays together.
 */
export function compareLogicalKeys(a: string, b: string): number {
	const end = Math.min(a.length, b.length);
	let i = 0;
	while (i < end && a.charCodeAt(i) === b.charCodeAt(i)) i++;
	if (i === end) return a.length - b.length;
	if (a.charCodeAt(i) === slash) return -1;
	if (b.charCodeAt(i) === slash) return 1;
	return compareAt(a, b, i);
}

/** Compares the code points that hold the first differing code unit, at `i`. */
function compareAt(a: string, b: string, i: number): number {
	const inPair = i > 0 && isHigh(a.charCodeAt(i - 1)) && (isLow(a.charCodeAt(i)) || isLow(b.charCodeAt(i)));
	const at = inPair ? i - 1 : i;
	return (a.codePointAt(at) ?? 0) - (b.codePointAt(at) ?? 0);
}

const isHigh = (unit: number): boolean => (unit & 0xfc00) === 0xd800;
const isLow = (unit: number): boolean => (unit & 0xfc00) === 0xdc00;
