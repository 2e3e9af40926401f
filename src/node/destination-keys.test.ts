import { describe, expect, test } from "vitest";
import { checkDestinationKey, currentSystem, findCollision, foldName } from "./destination-keys.ts";
import { temporaryName, temporaryNameBytes } from "./temporary-file.ts";

const rules = { directory: "/dest", system: "linux", inRegistry: false } as const;
const both = { case: true, normalization: true };

describe("checkDestinationKey()", () => {
	test.each([
		"..\\..\\x",
		"C:\\x",
		"C:/x",
		"CON",
		"nul.txt",
		"a/com1",
		"x. ",
		"a./b",
		"a:b",
		"a\nb",
		"what?",
	])("%j is UnportableKey on Windows, and fine elsewhere", (key) => {
		expect(() => checkDestinationKey(key, { ...rules, system: "windows" })).toThrow(
			expect.objectContaining({ code: "UnportableKey" }),
		);
		checkDestinationKey(key, rules);
		checkDestinationKey(key, { ...rules, system: "macos" });
	});

	test("counts the directory, and the temporary file beside the final one", () => {
		const segments = (bytes: number): string => "d/".repeat(bytes / 2);
		for (const [system, limit] of [
			["linux", 4095],
			["macos", 1023],
		] as const) {
			const room = limit - "/dest/".length - temporaryNameBytes;
			const most = segments(room - (room % 2));
			checkDestinationKey(`${most}x`, { ...rules, system });
			expect(() => checkDestinationKey(`${most}d/x`, { ...rules, system })).toThrow(
				expect.objectContaining({ code: "UnportableKey" }),
			);
		}
	});

	test("refuses short names that Windows makes up for registry directories", () => {
		for (const key of ["QUILT~1/packages/x", "bale~2"]) {
			expect(() => checkDestinationKey(key, { ...rules, system: "windows", inRegistry: true })).toThrow(
				expect.objectContaining({ code: "ReservedKey" }),
			);
			checkDestinationKey(key, { ...rules, inRegistry: true });
		}
	});
});

describe("findCollision()", () => {
	test.each([
		[["A.txt", "a.txt"], { case: true, normalization: false }],
		[["d/A.txt", "D/a.txt"], { case: true, normalization: false }],
		[["straße", "STRASSE"], { case: true, normalization: false }],
		[["\u00e9", "e\u0301"], { case: false, normalization: true }],
		[["E\u0301/x", "\u00e9"], both],
		[["A", "a/b"], { case: true, normalization: false }],
		[["a", "a/b"], { case: false, normalization: false }],
	])("finds %j", (keys, folding) => {
		expect(findCollision(keys, folding)).toBeDefined();
		expect(findCollision(keys.toReversed(), folding)).toBeDefined();
	});

	test.each([
		[["A.txt", "a.txt"], { case: false, normalization: true }],
		[["\u00e9", "e\u0301"], { case: true, normalization: false }],
		[["A/x", "a/y"], both],
		[["a", "a", "ab", "a.b/c"], both],
		[["toString", "__proto__", "constructor/x"], both],
	])("finds nothing in %j", (keys, folding) => {
		expect(findCollision(keys, folding)).toBeUndefined();
	});

	test("folds nothing unless told", () => {
		expect(foldName("E\u0301", { case: false, normalization: false })).toBe("E\u0301");
		expect(foldName("E\u0301", both)).toBe("\u00e9");
	});
});

describe("currentSystem()", () => {
	test("knows three systems", () => {
		expect([currentSystem("win32"), currentSystem("darwin"), currentSystem("freebsd")]).toEqual([
			"windows",
			"macos",
			"linux",
		]);
	});
});

describe("temporaryName()", () => {
	test("is no longer than is counted for it", () => {
		expect(Buffer.byteLength(temporaryName())).toBeLessThanOrEqual(temporaryNameBytes);
	});
});
