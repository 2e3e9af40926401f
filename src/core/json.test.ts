import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { anyJson, anyText, brokenText } from "../../test/support/json-arbitrary.ts";
import {
	Float,
	formatCanonicalJson,
	formatManifestJson,
	formatPythonJson,
	fromJson,
	isTruthy,
	jsonEquals,
	JsonSyntaxError,
	parseJson,
	toJson,
} from "./json.ts";
import type { Json } from "./json.ts";

const code = (expected: string): unknown => expect.objectContaining({ code: expected });

describe("parseJson()", () => {
	test("reads back what formatManifestJson() wrote, exactly", () => {
		fc.assert(
			fc.property(anyJson(), (value) => {
				const text = formatManifestJson(value);
				expect(formatManifestJson(parseJson(text))).toBe(text);
				expect(jsonEquals(parseJson(text), value)).toBe(true);
			}),
			{ numRuns: 500 },
		);
	});

	test("reads back what formatPythonJson() and formatCanonicalJson() wrote, with broken texts too", () => {
		fc.assert(
			fc.property(anyJson(brokenText), (value) => {
				expect(jsonEquals(parseJson(formatPythonJson(value)), value)).toBe(true);
				expect(jsonEquals(parseJson(formatCanonicalJson(value)), value)).toBe(true);
			}),
		);
	});

	test("agrees with JSON.parse on everything that JSON.stringify writes", () => {
		fc.assert(
			fc.property(fc.jsonValue(), (value) => {
				const text = JSON.stringify(value);
				expect(asNumbers(fromJson(parseJson(text)))).toEqual(asNumbers(JSON.parse(text)));
			}),
		);
	});

	/** With all integers as numbers and -0 as 0, which Python writes without its sign. */
	function asNumbers(value: unknown): unknown {
		if (typeof value === "bigint") return Number(value);
		if (typeof value === "number") return value === 0 ? 0 : value;
		if (Array.isArray(value)) return value.map(asNumbers);
		if (typeof value !== "object" || value === null) return value;
		return Object.entries(value).map(([key, member]) => [key, asNumbers(member)]);
	}

	test("refuses what JSON.parse refuses, except NaN and infinities", () => {
		const soup = fc.array(
			fc.constantFrom(
				"{",
				"}",
				"[",
				"]",
				",",
				":",
				'"',
				"\\",
				"a",
				"u0041",
				"1",
				"-",
				".",
				"e",
				"0",
				" ",
				"null",
				"\t",
			),
			{ maxLength: 8 },
		);
		fc.assert(
			fc.property(soup, (parts) => {
				const text = parts.join("");
				let valid = true;
				try {
					JSON.parse(text);
				} catch {
					valid = false;
				}
				if (valid) expect(() => parseJson(text)).not.toThrow();
				else expect(() => parseJson(text)).toThrow(JsonSyntaxError);
			}),
			{ numRuns: 3000 },
		);
	});

	test("keeps integers and floats apart, and both exact", () => {
		expect(parseJson("1")).toBe(1n);
		expect(parseJson("1.0")).toEqual(new Float(1));
		expect(parseJson("1e2")).toEqual(new Float(100));
		expect(parseJson("123456789012345678901234567890")).toBe(123456789012345678901234567890n);
		expect(parseJson("-0")).toBe(0n);
		expect(Object.is((parseJson("-0.0") as Float).value, -0)).toBe(true);
	});

	test("keeps the order of keys, whatever their names", () => {
		const value = parseJson('{"b": 1, "10": 2, "2": 3, "__proto__": 4, "b": 5, "constructor": 6}');
		expect([...(value as Map<string, Json>)]).toEqual([
			["b", 5n],
			["10", 2n],
			["2", 3n],
			["__proto__", 4n],
			["constructor", 6n],
		]);
	});

	test("joins escaped surrogate pairs and keeps lone halves", () => {
		expect(parseJson('"\\ud83d\\ude00"')).toBe("\u{1f600}");
		expect(parseJson('"\\ude00\\ud83d"')).toBe("\ude00\ud83d");
	});

	test("reads 1,000 levels and refuses more than 1,200 with LimitExceeded", () => {
		const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);
		const objects = '{"a":'.repeat(1000) + "1" + "}".repeat(1000);
		expect(formatManifestJson(parseJson(nested(1000)))).toBe(nested(1000));
		expect(formatCanonicalJson(parseJson(objects))).toBe(objects);
		expect(() => parseJson(nested(1200))).not.toThrow();
		expect(() => parseJson(nested(1202))).toThrow(code("LimitExceeded"));
		expect(() => parseJson("[".repeat(1_000_000))).toThrow(code("LimitExceeded"));
	});

	test("reads integers of 4,300 digits and refuses longer ones", () => {
		expect(parseJson("-" + "9".repeat(4300))).toBe(-(10n ** 4300n - 1n));
		expect(() => parseJson("9".repeat(4301))).toThrow(code("LimitExceeded"));
	});

	test.each([
		["", 0],
		["  ", 2],
		["[1,]", 3],
		['{"a" 1}', 5],
		['{"a": 1,}', 8],
		['"ab', 3],
		['"a\u0001"', 2],
		['"\\q"', 1],
		['"\\u12g4"', 1],
		["[1 2]", 3],
		['{"a": 1 "b"}', 8],
		["nul", 0],
		["1 1", 2],
		["\ufeff1", 0],
	])("names the offset of the error in %j", (text, offset) => {
		expect(() => parseJson(text)).toThrow(expect.objectContaining({ name: "JsonSyntaxError", offset }));
	});
});

describe("formatCanonicalJson()", () => {
	test("sorts keys by code point at every depth, as Python does", () => {
		fc.assert(
			fc.property(fc.uniqueArray(fc.oneof(anyText, brokenText), { maxLength: 12 }), (keys) => {
				const text = formatCanonicalJson(new Map([["x", new Map(keys.map((key) => [key, 1n]))]]));
				const found = [...((parseJson(text) as Map<string, Map<string, Json>>).get("x") ?? new Map()).keys()];
				expect(found).toEqual([...keys].sort(compareCodePoints));
			}),
		);
	});

	test("is ASCII without blanks between values", () => {
		fc.assert(
			fc.property(anyJson(), (value) => {
				expect(formatCanonicalJson(value)).toMatch(/^[ -~]*$/);
			}),
		);
		expect(formatCanonicalJson(parseJson('{"b": [1, 2.0], "a": "é\\u007f\u{1f600}/"}'))).toBe(
			'{"a":"\\u00e9\\u007f\\ud83d\\ude00/","b":[1,2.0]}',
		);
	});

	test("prints NaN and infinities", () => {
		expect(formatCanonicalJson(parseJson("[NaN, Infinity, -Infinity, 1e999]"))).toBe(
			"[NaN,Infinity,-Infinity,Infinity]",
		);
	});

	/** The reference: arrays of code points, compared one by one. */
	function compareCodePoints(a: string, b: string): number {
		const left = Array.from(a, (char) => char.codePointAt(0) ?? 0);
		const right = Array.from(b, (char) => char.codePointAt(0) ?? 0);
		for (let i = 0; i < Math.min(left.length, right.length); i++) {
			if (left[i] !== right[i]) return (left[i] ?? 0) - (right[i] ?? 0);
		}
		return left.length - right.length;
	}
});

describe("formatManifestJson()", () => {
	test("refuses NaN, infinities and lone surrogates with InvalidMetadata", () => {
		for (const number of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
			expect(() => formatManifestJson([new Float(number)])).toThrow(code("InvalidMetadata"));
		}
		expect(() => formatManifestJson("a\ud800")).toThrow(code("InvalidMetadata"));
		expect(() => formatManifestJson(new Map([["\udc00", 1n]]))).toThrow(code("InvalidMetadata"));
	});

	test("writes strings as JSON.stringify does", () => {
		fc.assert(
			fc.property(anyText, (text) => {
				expect(formatManifestJson(text)).toBe(JSON.stringify(text));
			}),
		);
	});

	test("writes floats so that they read back as the same float", () => {
		fc.assert(
			fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (number) => {
				const text = formatManifestJson(new Float(number));
				expect(text).toMatch(/^-?(\d+\.\d+|\d(\.\d+)?e[-+]\d\d+)$/);
				expect(Object.is(Number(text), number)).toBe(true);
			}),
			{ numRuns: 2000 },
		);
	});

	test("refuses values that are nested too deeply, before the stack ends", () => {
		let value: Json = [];
		for (let i = 0; i < 100_000; i++) value = [value];
		expect(() => formatManifestJson(value)).toThrow(code("LimitExceeded"));
		expect(() => fromJson(value)).toThrow(code("LimitExceeded"));
		expect(() => toJson(value)).toThrow(code("LimitExceeded"));
	});
});

describe("formatPythonJson()", () => {
	test("prints as json.dumps does by default", () => {
		const value = toJson({ b: [1, 2.5, "é"], a: { x: null, y: true }, n: Number.NaN, e: {}, l: [] });
		expect(formatPythonJson(value)).toBe(
			'{"b": [1, 2.5, "\\u00e9"], "a": {"x": null, "y": true}, "n": NaN, "e": {}, "l": []}',
		);
	});
});

describe("toJson()", () => {
	test("gives integers for integral numbers and floats for others", () => {
		expect(toJson(1)).toBe(1n);
		expect(toJson(1.0)).toBe(1n);
		expect(toJson(-0)).toBe(0n);
		expect(toJson(2 ** 60)).toBe(2n ** 60n);
		expect(toJson(1e21)).toBe(10n ** 21n);
		expect(toJson(0.5)).toEqual(new Float(0.5));
		expect(toJson(5n)).toBe(5n);
		expect(toJson(new Float(1))).toEqual(new Float(1));
	});

	test("drops undefined properties and takes maps and objects without prototype", () => {
		const bare = Object.assign(Object.create(null) as object, { x: 1 });
		expect(toJson({ a: undefined, b: bare, c: new Map([["2", 1]]) })).toEqual(
			new Map([
				["b", new Map([["x", 1n]])],
				["c", new Map([["2", 1n]])],
			]),
		);
	});

	test.each([
		["undefined", undefined, []],
		["a function", { a: [() => 1] }, ["a", 0]],
		["a symbol", { a: Symbol("x") }, ["a"]],
		["an instance of Date", { when: new Date(0) }, ["when"]],
		["an instance of Set", [1, new Set()], [1]],
		["an instance of Uint8Array", new Uint8Array(1), []],
		["undefined", [undefined], [0]],
		["an object with a key that is no text", new Map([[1, 2]]), []],
	])("refuses %s with InvalidMetadata, naming the place", (what, value, path) => {
		expect(() => toJson(value)).toThrow(
			expect.objectContaining({
				code: "InvalidMetadata",
				details: { path },
				message: expect.stringContaining(what) as string,
			}),
		);
	});

	test("refuses cycles, but not the same value in two places", () => {
		const shared = { x: 1 };
		expect(() => toJson({ a: shared, b: shared })).not.toThrow();
		const cycle: { self?: unknown } = {};
		cycle.self = { cycle };
		expect(() => toJson(cycle)).toThrow(code("InvalidMetadata"));
	});
});

describe("fromJson()", () => {
	test("gives back, through toJson(), exactly what it came from", () => {
		fc.assert(
			fc.property(anyJson(), (value) => {
				const container = [value];
				expect(toJson(fromJson(container))).toBe(container);
				expect(formatManifestJson(toJson({ copied: fromJson(container) }))).toBe(
					formatManifestJson(new Map([["copied", container]])),
				);
			}),
		);
	});

	test("makes frozen plain values in which __proto__ is an ordinary property", () => {
		const value = fromJson(parseJson('{"__proto__": {"x": 1}, "n": 1.0, "big": 9007199254740993}')) as Record<
			string,
			unknown
		>;
		expect(Object.keys(value)).toEqual(["__proto__", "n", "big"]);
		expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
		expect((value as { x?: number }).x).toBeUndefined();
		expect(value["n"]).toBe(1);
		expect(value["big"]).toBe(9007199254740993n);
		expect(Object.isFrozen(value)).toBe(true);
	});
});

describe("jsonEquals()", () => {
	test("ignores the order of keys and nothing else", () => {
		expect(jsonEquals(parseJson('{"a": 1, "b": [1]}'), parseJson('{"b": [1], "a": 1}'))).toBe(true);
		expect(jsonEquals(parseJson("1"), parseJson("1.0"))).toBe(false);
		expect(jsonEquals(parseJson("0.0"), parseJson("-0.0"))).toBe(false);
		expect(jsonEquals(parseJson("NaN"), parseJson("NaN"))).toBe(true);
		expect(jsonEquals(parseJson("[1, 2]"), parseJson("[2, 1]"))).toBe(false);
		expect(jsonEquals(parseJson('{"a": null}'), parseJson('{"b": null}'))).toBe(false);
		expect(jsonEquals(parseJson("[]"), parseJson("{}"))).toBe(false);
	});

	test("says the same as the canonical text", () => {
		fc.assert(
			fc.property(anyJson(), anyJson(), (a, b) => {
				expect(jsonEquals(a, b)).toBe(formatCanonicalJson(a) === formatCanonicalJson(b));
			}),
		);
	});
});

describe("isTruthy()", () => {
	test.each(["null", "false", "0", "0.0", "-0.0", '""', "[]", "{}"])("is false for %s", (text) => {
		expect(isTruthy(parseJson(text))).toBe(false);
	});
	test.each(["true", "1", "-1", "0.1", "NaN", '" "', "[0]", '{"": 0}'])("is true for %s", (text) => {
		expect(isTruthy(parseJson(text))).toBe(true);
	});
});
