import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { anyText, brokenText } from "../../test/support/json-arbitrary.ts";
import { compareLogicalKeys, compareNames, isLogicalKey, parseLogicalKey, sortNames } from "./logical-key.ts";

const key = fc
	.array(fc.oneof(anyText, brokenText, fc.constantFrom("a", "b", "\0")), { maxLength: 4 })
	.map((parts) => parts.join("/"));

const codePoints = (text: string): number[] => Array.from(text, (char) => char.codePointAt(0) ?? 0);

function compareLists<T>(a: readonly T[], b: readonly T[], compare: (a: T, b: T) => number): number {
	for (let i = 0; i < Math.min(a.length, b.length); i++) {
		const order = compare(a[i] as T, b[i] as T);
		if (order !== 0) return order;
	}
	return a.length - b.length;
}
const reference = (a: string, b: string): number =>
	compareLists(a.split("/"), b.split("/"), (x, y) =>
		compareLists(codePoints(x), codePoints(y), (m, n) => m - n),
	);

describe("compareLogicalKeys()", () => {
	test("compares segment by segment, each by code point", () => {
		fc.assert(
			fc.property(key, key, (a, b) => {
				expect(Math.sign(compareLogicalKeys(a, b))).toBe(Math.sign(reference(a, b)));
			}),
			{ numRuns: 3000 },
		);
	});

	test("is a total order", () => {
		fc.assert(
			fc.property(key, key, key, (a, b, c) => {
				expect(Math.sign(compareLogicalKeys(a, b))).toBe(0 - Math.sign(compareLogicalKeys(b, a)));
				expect(compareLogicalKeys(a, b) === 0).toBe(a === b);
				if (compareLogicalKeys(a, b) < 0 && compareLogicalKeys(b, c) < 0) {
					expect(compareLogicalKeys(a, c)).toBeLessThan(0);
				}
			}),
			{ numRuns: 1000 },
		);
	});

	test("keeps a directory before the names that merely begin like it", () => {
		const keys = ["a0", "a.txt", "a-b", "a b", "a/b", "a"];
		expect(keys.sort(compareLogicalKeys)).toEqual(["a", "a/b", "a b", "a-b", "a.txt", "a0"]);
	});
});

describe("compareNames()", () => {
	test("puts U+FF5E before U+1F600, unlike UTF-16 order", () => {
		expect(compareNames("\uff5e", "\u{1f600}")).toBeLessThan(0);
		expect(compareNames("\u{1f600}", "\u{1f601}")).toBeLessThan(0);
		expect(compareNames("\ud83d", "\u{1f600}")).toBeLessThan(0);
		expect(compareNames("\ud83dz", "\u{1f600}")).toBeLessThan(0);
	});

	test("compares by code point", () => {
		fc.assert(
			fc.property(fc.oneof(anyText, brokenText), fc.oneof(anyText, brokenText), (a, b) => {
				const expected = compareLists(codePoints(a), codePoints(b), (m, n) => m - n);
				expect(Math.sign(compareNames(a, b))).toBe(Math.sign(expected));
			}),
			{ numRuns: 2000 },
		);
	});
});

test("sortNames() orders as compareNames() does", () => {
	const name = fc.oneof(anyText, brokenText, fc.constantFrom("\uff5e", "\u{1f600}", "\ud83d"));
	fc.assert(
		fc.property(fc.array(name), (names) => {
			expect(sortNames([...names])).toEqual([...names].sort(compareNames));
		}),
	);
	expect(sortNames(["\u{1f600}", "\uff5e"])).toEqual(["\uff5e", "\u{1f600}"]);
});

describe("parseLogicalKey()", () => {
	test("accepts what isLogicalKey() accepts, unchanged, and refuses the rest with InvalidKey", () => {
		fc.assert(
			fc.property(fc.oneof(key, fc.constantFrom("a/../b", "./a", "a//b", "/a", "a/")), (text) => {
				if (isLogicalKey(text)) expect(parseLogicalKey(text)).toBe(text);
				else expect(() => parseLogicalKey(text)).toThrow(expect.objectContaining({ code: "InvalidKey" }));
			}),
		);
	});

	test("refuses lone surrogates, which no store can hold", () => {
		expect(isLogicalKey("a\ud800")).toBe(false);
		expect(isLogicalKey("\u{1f600}")).toBe(true);
	});

	test("keeps NFC and NFD apart", () => {
		expect(parseLogicalKey("\u00e9")).not.toBe(parseLogicalKey("e\u0301"));
	});

	test("shows no control characters in its message", () => {
		expect(() => parseLogicalKey("\u001b[31m/")).toThrow(/"\\u001b\[31m\/"/);
	});
});
