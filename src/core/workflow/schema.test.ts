import { describe, expect, test } from "vitest";
import { parseJson, type Json } from "../json.ts";
import { newBudget } from "./pattern.ts";
import { schemaFaults } from "./schema-form.ts";
import { mostViolations, Schema } from "./schema.ts";

/** What is wrong, as `pointer message`. */
function faults(schema: string, value: string): string[] {
	const parsed = parseJson(schema);
	expect(schemaFaults(parsed)).toEqual([]);
	const { violations, count } = new Schema(parsed).validate(parseJson(value), newBudget());
	expect(violations).toHaveLength(count);
	return violations.map(({ pointer, message }) => `${pointer} ${message}`);
}

describe("Schema", () => {
	test("tells everything that is wrong, with pointers, in the order of the schema", () => {
		const schema =
			'{"required":["a","b"],"properties":{"c/d":{"items":{"type":"string","maxLength":1}}},"maxProperties":1}';
		expect(faults(schema, '{"c/d":["x",1,"yy"],"e~":0}')).toEqual([
			' must have the key "a"',
			' must have the key "b"',
			"/c~1d/1 must be of type string, but is 1",
			"/c~1d/2 must have at most 1 characters, but has 2",
			" must have at most 1 keys, but has 2",
		]);
	});

	test("tells numbers apart as Python does", () => {
		expect(faults('{"type":"integer"}', "1.0")).toEqual([]);
		expect(faults('{"type":"integer"}', "true")).toHaveLength(1);
		expect(faults('{"enum":[1]}', "1.0")).toEqual([]);
		expect(faults('{"enum":[1]}', "true")).toHaveLength(1);
		expect(faults('{"uniqueItems":true}', "[1,true,1.0]")).toEqual([
			"/2 must not be equal to the item 0 of the same list",
		]);
		expect(faults('{"maximum":9007199254740992}', "9007199254740993")).toHaveLength(1);
		expect(faults('{"multipleOf":0.1}', "0.3")).toHaveLength(1);
		expect(faults('{"multipleOf":0.5}', "1e308")).toEqual([]);
		expect(faults('{"maxLength":1}', '"😀"')).toEqual([]);
	});

	test("says of alternatives why none fits", () => {
		expect(faults('{"anyOf":[{"type":"string"},{"properties":{"a":false}}]}', '{"a":1}')).toEqual([
			" must fit one of 2 alternatives, but does not: it must be of type string, but is an object with 1 keys; or /a is not allowed",
		]);
		expect(faults('{"oneOf":[true,true]}', "1")).toEqual([
			" must fit exactly one of 2 alternatives, but fits 2",
		]);
	});

	test("counts what it no longer keeps", () => {
		const items = `[${Array.from({ length: mostViolations + 5 }, () => "0").join(",")}]`;
		const { violations, count } = new Schema(parseJson('{"items":false}')).validate(
			parseJson(items),
			newBudget(),
		);
		expect([violations.length, count]).toEqual([mostViolations, mostViolations + 5]);
	});

	test("gives up when there is no end of it", () => {
		const wide: Json = Array.from({ length: 1000 }, () => "x");
		expect(() => new Schema(parseJson('{"items":{"pattern":"y"}}')).validate(wide, { steps: 1000 })).toThrow(
			"too many steps",
		);
	});
});

describe("schemaFaults()", () => {
	test("tells every fault with its place in the schema", () => {
		const schema =
			'{"type":"banana","properties":{"a":1,"b":{"pattern":"("}},"required":["x","x"],"anyOf":[],"minLength":-1,"unknown":7}';
		expect(schemaFaults(parseJson(schema)).map(({ pointer }) => pointer)).toEqual([
			"/type",
			"/properties/a",
			"/properties/b/pattern",
			"/required",
			"/anyOf",
			"/minLength",
		]);
	});

	test("refuses patterns that are too many together", () => {
		const patterns = Array.from({ length: 200 }, (_, i) => `"^(?:x{1000}){99}${i}":true`);
		const [fault] = schemaFaults(parseJson(`{"patternProperties":{${patterns.join(",")}}}`)).slice(-1);
		expect(fault?.message).toContain("among too many");
	});
});
