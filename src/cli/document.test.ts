import { expect, it } from "vitest";
import { Float, fromJson, parseJson } from "../core/json.ts";
import { formatDocument } from "./document.ts";

it("formatDocument() keeps exact numbers and leaves undefined members out", () => {
	const meta = fromJson(parseJson('{"v": 1.0, "n": 12345678901234567890, "e": 1e22}'));
	expect(formatDocument({ meta, gone: undefined, list: [], map: {}, small: 1 })).toBe(
		'{\n  "meta": {\n    "v": 1.0,\n    "n": 12345678901234567890,\n    "e": 1e+22\n  },\n  "list": [],\n  "map": {},\n  "small": 1\n}',
	);
});

it("formatDocument() writes JSON only: NaN and infinities as text, everything else in ASCII", () => {
	const text = formatDocument({
		nan: new Float(Number.NaN),
		low: [new Float(Number.NEGATIVE_INFINITY)],
		odd: "é\ud800\u001b",
	});
	expect(JSON.parse(text)).toEqual({ nan: "NaN", low: ["-Infinity"], odd: "é\ud800\u001b" });
	expect(text).toMatch(/^[\x20-\x7e\n]*$/);
});
