import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeListed, encodeKey, encodeQueryPart, formatQuery } from "./percent.ts";

test.each([
	["plain/path.txt", "plain/path.txt"],
	["a b+c%d", "a%20b%2Bc%25d"],
	["!'()*:@,;=&$?#", "%21%27%28%29%2A%3A%40%2C%3B%3D%26%24%3F%23"],
	["~-._", "~-._"],
	["é/\u{1f600}", "%C3%A9/%F0%9F%98%80"],
])("encodeKey(%j) is %s", (key, encoded) => {
	expect(encodeKey(key)).toBe(encoded);
});

test("formatQuery() orders by the encoded names and values", () => {
	expect(
		formatQuery([
			["prefix", "a/b c"],
			["list-type", "2"],
			["Z", ""],
			["prefix", "!"],
		]),
	).toBe("Z=&list-type=2&prefix=%21&prefix=a%2Fb%20c");
});

test("decodeListed() reads form-encoded text, and refuses malformed text", () => {
	expect(decodeListed("a+b%2Bc%2F%C3%A9")).toBe("a b+c/é");
	expect(decodeListed("%zz")).toBeUndefined();
	expect(decodeListed("%ff")).toBeUndefined();
});

test("decodeListed() undoes encodeQueryPart()", () => {
	fc.assert(
		fc.property(fc.string({ unit: "grapheme" }), (text) => {
			expect(decodeListed(encodeQueryPart(text))).toBe(text);
		}),
	);
});
