import { describe, expect, test } from "vitest";
import { display } from "./display.ts";
import { layout } from "./layout.ts";
import { parsePackageName } from "./names.ts";
import { unportableReason } from "./portable-key.ts";
import { parseTopHash } from "./top-hash.ts";
import { decodeUtf8, encodeUtf8, isWellFormed, utf8Length } from "./utf8.ts";

const name = parsePackageName("ann/cats");

describe("layout", () => {
	test("puts manifests, pointers and objects under the keys of the format", () => {
		const topHash = parseTopHash("ab".repeat(32));
		expect(layout.manifest(topHash)).toBe(`.quilt/packages/${topHash}`);
		expect(layout.pointerPrefix(name)).toBe(".quilt/named_packages/ann/cats/");
		expect(layout.latest(name)).toBe(".quilt/named_packages/ann/cats/latest");
		expect(layout.timestamp(name, 1741661321.9)).toBe(".quilt/named_packages/ann/cats/1741661321");
		expect(layout.object(name, topHash, "d/x.csv")).toBe(".bale/objects/ann/cats/abababababababab/d/x.csv");
	});
});

describe("unportableReason()", () => {
	test.each(["a", "a/b c", "x".repeat(255), "ü/ü", ".hidden", "a:b", "con", "tab\t", "a\\b", "a."])(
		"finds nothing wrong with %j on POSIX",
		(key) => {
			expect(unportableReason(key, "posix")).toBeUndefined();
		},
	);

	test.each(["nul\0", "x".repeat(256), "é".repeat(128), "a/".repeat(2049) + "a", "a//b", "../a", "a/.", ""])(
		"gives a reason for %j on both systems",
		(key) => {
			expect(unportableReason(key, "posix")).toMatch(/^it /);
			expect(unportableReason(key, "windows")).toMatch(/^it /);
		},
	);

	test.each([
		"con",
		"CON.txt",
		"d/nul",
		"aux.",
		"com1",
		"LPT9.x",
		"com¹",
		"a:b",
		"a\\b",
		"a?",
		"tab\t",
		"a.",
		"a ",
		"a./b",
	])("gives a reason for %j on Windows", (key) => {
		expect(unportableReason(key, "windows")).toMatch(/^it /);
	});

	test.each(["console", "com10", "a.b", "nulls/x", "é"])("finds nothing wrong with %j on Windows", (key) => {
		expect(unportableReason(key, "windows")).toBeUndefined();
	});
});

describe("display()", () => {
	test("shows what would move the cursor, reorder text or cannot be printed", () => {
		expect(display("a\u001b[2J\u009b\u202e\u2066\u007f\n\ud800é\u{1f600}")).toBe(
			"a\\u001b[2J\\u009b\\u202e\\u2066\\u007f\\u000a\\ud800é\u{1f600}",
		);
	});
});

describe("UTF-8", () => {
	test("isWellFormed() and utf8Length() know surrogates", () => {
		expect([isWellFormed("\u{1f600}"), isWellFormed("\ud800"), isWellFormed("\udc00\ud800")]).toEqual([
			true,
			false,
			false,
		]);
		expect([utf8Length("abc"), utf8Length("é"), utf8Length("\u{1f600}")]).toEqual([3, 2, 4]);
	});

	test("decodeUtf8() keeps a byte-order mark and refuses what is not UTF-8", () => {
		expect(decodeUtf8(encodeUtf8("\ufeffa"))).toBe("\ufeffa");
		expect(() => decodeUtf8(new Uint8Array([0xff]))).toThrow(TypeError);
	});
});
