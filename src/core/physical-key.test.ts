import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { anyText } from "../../test/support/json-arbitrary.ts";
import {
	formatPhysicalKey,
	hasScheme,
	joinPhysicalKey,
	keyBelow,
	parsePhysicalKey,
	pathOnSystem,
	physicalKeyEquals,
} from "./physical-key.ts";
import type { PhysicalKey } from "./physical-key.ts";

const s3Key: fc.Arbitrary<PhysicalKey> = fc
	.record({ bucket: fc.stringMatching(/^[a-z0-9.-]{1,10}$/), key: anyText, versionId: fc.option(anyText) })
	.map(({ versionId, ...rest }) => ({ kind: "s3", ...rest, ...(versionId ? { versionId } : {}) }));
const segment = anyText.filter((text) => !["", ".", ".."].includes(text) && !text.includes("/"));
const fileKey: fc.Arbitrary<PhysicalKey> = fc
	.array(segment, { minLength: 1, maxLength: 4 })
	.filter(([first]) => !/^[A-Za-z]:$/.test(first ?? ""))
	.map((segments) => ({ kind: "file", path: `/${segments.join("/")}` }));

describe("formatPhysicalKey()", () => {
	test("is undone by parsePhysicalKey()", () => {
		fc.assert(
			fc.property(fc.oneof(s3Key, fileKey), (key) => {
				expect(parsePhysicalKey(formatPhysicalKey(key))).toEqual(key);
			}),
			{ numRuns: 1000 },
		);
	});

	test("writes ASCII that is its own spelling", () => {
		fc.assert(
			fc.property(fc.oneof(s3Key, fileKey), (key) => {
				const text = formatPhysicalKey(key);
				expect(text).toMatch(/^[!-~]+$/);
				expect(formatPhysicalKey(parsePhysicalKey(text))).toBe(text);
			}),
		);
	});

	test("writes drive paths with their colon and leaves a final slash out", () => {
		expect(formatPhysicalKey({ kind: "file", path: "C:/a b/c:d/" })).toBe("file:///C:/a%20b/c%3Ad");
		expect(formatPhysicalKey({ kind: "file", path: "/a/" })).toBe("file:///a");
		expect(formatPhysicalKey({ kind: "file", path: "/" })).toBe("file:///");
	});

	test("refuses text that UTF-8 cannot express", () => {
		expect(() => formatPhysicalKey({ kind: "s3", bucket: "b", key: "\ud800" })).toThrow(
			expect.objectContaining({ code: "InvalidUrl" }),
		);
	});
});

describe("parsePhysicalKey()", () => {
	test("resolves file paths by their text and keeps a final slash", () => {
		expect(parsePhysicalKey("file:///a/./b/../c//d")).toEqual({ kind: "file", path: "/a/c/d" });
		expect(parsePhysicalKey("file:///../../a/")).toEqual({ kind: "file", path: "/a/" });
		expect(parsePhysicalKey("file:///C:/x/../y")).toEqual({ kind: "file", path: "C:/y" });
		expect(parsePhysicalKey("file:///C:/../..")).toEqual({ kind: "file", path: "/" });
		expect(parsePhysicalKey("file:///.")).toEqual({ kind: "file", path: "/" });
	});

	test("never takes longer than the length of a URL allows", () => {
		const text = `s3://${"[".repeat(50_000)}${"%".repeat(50_000)}`;
		const start = performance.now();
		expect(() => parsePhysicalKey(text)).toThrow(expect.objectContaining({ code: "InvalidUrl" }));
		expect(performance.now() - start).toBeLessThan(1000);
	});

	test("refuses hosts that change into other URLs when normalised", () => {
		expect(() => parsePhysicalKey("s3://b\u2100c/x")).toThrow(
			expect.objectContaining({ code: "InvalidUrl" }),
		);
		expect(() => parsePhysicalKey("s3://[b/x")).toThrow(expect.objectContaining({ code: "InvalidUrl" }));
	});

	test.each(["http://x/y", "https://x", "ftp://x", "C:/x", "a:b", "rel/x", ""])(
		"refuses %j with UnsupportedScheme",
		(url) => {
			expect(() => parsePhysicalKey(url)).toThrow(expect.objectContaining({ code: "UnsupportedScheme" }));
		},
	);
});

describe("keyBelow()", () => {
	test("is what was joined, in whatever version", () => {
		const bases = ["s3://bucket", "s3://bucket/pre/fix", "s3://bucket/pre/fix/", "file:///d", "file:///d/e/"];
		for (const base of bases.map(parsePhysicalKey)) {
			expect(keyBelow(base, joinPhysicalKey(base, "a/b"))).toBe("a/b");
			for (const other of ["s3://another/pre/fix/a", "file:///elsewhere/a"].map(parsePhysicalKey))
				expect(keyBelow(base, other)).toBeUndefined();
		}
		const below = parsePhysicalKey("s3://bucket/pre/fix");
		expect(keyBelow(below, parsePhysicalKey("s3://bucket/pre/fix/a?versionId=v"))).toBe("a");
		for (const beside of ["s3://bucket/pre/fixed", "s3://bucket/pre/fix"])
			expect(keyBelow(below, parsePhysicalKey(beside))).toBeUndefined();
	});
});

describe("joinPhysicalKey()", () => {
	test("puts one slash between base and relative", () => {
		expect(joinPhysicalKey({ kind: "file", path: "/" }, "/a")).toEqual({ kind: "file", path: "/a" });
		expect(joinPhysicalKey({ kind: "file", path: "C:/d/" }, "a/b")).toEqual({
			kind: "file",
			path: "C:/d/a/b",
		});
		expect(joinPhysicalKey({ kind: "s3", bucket: "b", key: "" }, "//a")).toEqual({
			kind: "s3",
			bucket: "b",
			key: "a",
		});
	});
});

describe("physicalKeyEquals()", () => {
	test("compares all parts, but not the final slash of a file path", () => {
		const equal = (a: string, b: string): boolean =>
			physicalKeyEquals(parsePhysicalKey(a), parsePhysicalKey(b));
		expect(equal("file:///a/", "file:///a")).toBe(true);
		expect(equal("s3://b/a?versionId=1", "s3://b/a?versionId=1")).toBe(true);
		expect(equal("s3://b/a?versionId=1", "s3://b/a")).toBe(false);
		expect(equal("s3://b/a/", "s3://b/a")).toBe(false);
		expect(equal("s3://b/a", "file:///a")).toBe(false);
	});
});

describe("hasScheme()", () => {
	test.each([
		["s3://b", true],
		["file:///a", true],
		["a:b", true],
		["./a:b", false],
		["C:/x", false],
		["C:\\x", false],
		["a/b", false],
		["", false],
		["1a:b", false],
	])("hasScheme(%j) is %j", (text, expected) => {
		expect(hasScheme(text)).toBe(expected);
	});
});

describe("pathOnSystem()", () => {
	test("makes a drive path absolute on POSIX", () => {
		expect(pathOnSystem("C:/x", "posix")).toBe("/C:/x");
		expect(pathOnSystem("C:/x", "windows")).toBe("C:/x");
		expect(pathOnSystem("/x", "posix")).toBe("/x");
	});
});
