import { expect, it } from "vitest";
import { parseJson } from "../../src/core/json.ts";
import { newBudget } from "../../src/core/workflow/pattern.ts";
import { schemaFaults } from "../../src/core/workflow/schema-form.ts";
import { Schema } from "../../src/core/workflow/schema.ts";
import { chooseSeed, randomFrom, type Random } from "../support/random.ts";
import { judge, type SchemaCase } from "./judge.ts";

/** Of each value whether it is valid; null for a schema that is refused. */
function ours({ schema, values }: SchemaCase): boolean[] | null {
	const parsed = parseJson(schema);
	if (schemaFaults(parsed).length > 0) return null;
	const compiled = new Schema(parsed);
	return values.map((value) => compiled.validate(parseJson(value), newBudget()).count === 0);
}

function expectSame(cases: readonly SchemaCase[], note: string): number {
	const theirs = judge({ schema: cases }).schema;
	expect(theirs.length).toBe(cases.length);
	const different = cases.flatMap((one, i): object[] => {
		const [mine, python] = [ours(one), theirs[i] ?? null];
		if (mine === null || python === null) {
			return mine === python ? [] : [{ schema: one.schema, refusedByBale: mine === null }];
		}
		return one.values.flatMap((value, k) =>
			mine[k] === python[k] ? [] : [{ schema: one.schema, value, bale: mine[k] }],
		);
	});
	expect(different.slice(0, 5), note).toEqual([]);
	return theirs.filter((verdicts) => verdicts?.includes(true) && verdicts.includes(false)).length;
}

const values = [
	...[
		"null",
		"true",
		"false",
		"0",
		"1",
		"1.0",
		"0.0",
		"-0.0",
		"-1",
		"2",
		"7",
		"7.5",
		"0.3",
		"0.1",
		"1e400",
		"-1e400",
	],
	...[
		"1e308",
		"12345678901234567890",
		"1".repeat(400),
		"NaN",
		'""',
		'"a"',
		'"ab"',
		'"é"',
		'"😀"',
		'"😀😀"',
		'"A\\n"',
	],
	...[
		"[]",
		"[1]",
		"[1,1]",
		"[1,1.0]",
		"[1,true]",
		"[0,false]",
		'["a","a"]',
		"[[1],[1.0]]",
		'[{"a":1,"b":2},{"b":2.0,"a":1}]',
	],
	...[
		"[null,1,2]",
		'[1,"a",true]',
		"{}",
		'{"a":1}',
		'{"a":1,"b":2}',
		'{"b":"x"}',
		'{"a":{"a":1}}',
		'{"":1}',
		'{"😀":0}',
	],
];

it("every keyword judges as jsonschema does", () => {
	const schemas = [
		..."array boolean integer null number object string".split(" ").map((type) => `{"type":"${type}"}`),
		'{"type":["integer","string"]}', '{"type":[]}', '{"type":"banana"}', '{"type":["null","null"]}', '{"type":1}',
		...values.map((value) => `{"const":${value}}`),
		...values.map((value) => `{"enum":[${value}]}`),
		'{"enum":[]}', '{"enum":1}', '{"enum":[1,1]}',
		...["1", "2", "0.1", "0.01", "1.5", "1e-300", "0", "-1", "0.0", '"a"', "1e308", "12345678901234567890"].map((n) => `{"multipleOf":${n}}`),
		...["maximum", "minimum", "exclusiveMaximum", "exclusiveMinimum"].flatMap((k) => ["1", "1.0", "0.3", "1e400", "12345678901234567890", "true"].map((n) => `{"${k}":${n}}`)),
		...["maxLength", "minLength", "maxItems", "minItems", "maxProperties", "minProperties"].flatMap((k) => ["0", "1", "2.0", "1.5", "-1", "true"].map((n) => `{"${k}":${n}}`)),
		'{"pattern":"^a"}', '{"pattern":"("}', '{"pattern":"A$"}', '{"pattern":1}', '{"patternProperties":{"(":true}}',
		'{"items":{"type":"integer"}}', '{"items":[{"type":"integer"}]}', '{"items":[]}', '{"items":false}', '{"items":[true,{"type":"string"}],"additionalItems":false}',
		'{"items":[true],"additionalItems":{"type":"boolean"}}', '{"additionalItems":false}', '{"items":{},"additionalItems":false}',
		'{"uniqueItems":true}', '{"uniqueItems":false}', '{"uniqueItems":1}',
		'{"contains":{"const":1}}', '{"contains":false}', '{"contains":{"type":"integer"},"minContains":2}',
		'{"required":["a"]}', '{"required":["a","b"]}', '{"required":["a","a"]}', '{"required":"a"}', '{"required":[]}',
		'{"properties":{"a":{"type":"integer"}}}', '{"properties":{"a":false}}', '{"properties":{"a":1}}', '{"properties":[]}',
		'{"patternProperties":{"^a":{"type":"string"}}}', '{"patternProperties":{"":false}}', '{"additionalProperties":false}',
		'{"properties":{"a":true},"additionalProperties":false}', '{"properties":{"a":true},"additionalProperties":{"type":"string"}}',
		'{"patternProperties":{"a":true,"b":true},"additionalProperties":false}',
		'{"propertyNames":{"maxLength":1}}', '{"propertyNames":{"pattern":"^a"}}', '{"propertyNames":false}',
		'{"dependencies":{"a":["b"]}}', '{"dependencies":{"a":{"required":["b"]}}}', '{"dependencies":{"a":false}}', '{"dependencies":{"a":[1]}}',
		'{"allOf":[{"type":"integer"},{"minimum":1}]}', '{"allOf":[]}', '{"anyOf":[{"type":"integer"},{"type":"string"}]}',
		'{"oneOf":[{"type":"integer"},{"minimum":1}]}', '{"oneOf":[false,false]}', '{"not":{"type":"integer"}}', '{"not":1}',
		'{"if":{"type":"integer"},"then":{"minimum":1},"else":{"type":"string"}}', '{"then":false}', '{"if":true,"else":false}',
		'{"format":"date"}', '{"format":1}', '{"$id":1}', '{"$comment":1}', '{"title":1}', '{"readOnly":1}', '{"examples":1}', '{"default":1}',
		'{"definitions":{"a":1}}', '{"definitions":{"a":{"type":"integer"}}}', '{"contentEncoding":1}', '{"prefixItems":[false]}', '{"const":null}',
		"true", "false", "[]", "1", "null", '"a"', "{}",
	]; // prettier-ignore
	const telling = expectSame(
		schemas.map((schema) => ({ schema, values })),
		"keywords",
	);
	expect(telling).toBeGreaterThan(100);
});

it("random schemas judge random values as jsonschema does", () => {
	const seed = chooseSeed("schemas");
	const random = randomFrom(seed);
	const cases = Array.from({ length: 3000 }, () => ({
		schema: JSON.stringify(randomSchema(random, 3)),
		values: Array.from({ length: 20 }, () => JSON.stringify(randomValue(random, 3))),
	}));
	expect(expectSame(cases, `BALE_SEED=${seed}`)).toBeGreaterThan(500);
});

const scalars = [null, true, false, 0, 1, 2, -1, 1.5, "", "a", "b", "ab", "ba"];
const keys = ["a", "b", "ab"];

function randomValue(random: Random, depth: number): unknown {
	if (depth === 0 || random.chance(0.4)) return random.pick(scalars);
	const length = random.integer(0, 3);
	if (random.chance(0.4)) return Array.from({ length }, () => randomValue(random, depth - 1));
	return Object.fromEntries(
		Array.from({ length }, () => [random.pick(keys), randomValue(random, depth - 1)]),
	);
}

function randomSchema(random: Random, depth: number): unknown {
	if (random.chance(0.1)) return random.chance(0.7);
	const schema: Record<string, unknown> = {};
	for (let i = random.integer(1, 3); i > 0; i -= 1) {
		const keyword = random.pick(Object.keys(makers));
		const made = makers[keyword]?.(random, depth - 1);
		if (made !== undefined) schema[keyword] = made;
	}
	return schema;
}

const nested = (random: Random, depth: number): unknown => (depth < 0 ? true : randomSchema(random, depth));
const list = (random: Random, depth: number): unknown[] =>
	Array.from({ length: random.integer(1, 3) }, () => nested(random, depth));
const map = (names: readonly string[]) => (random: Random, depth: number) =>
	Object.fromEntries(
		Array.from({ length: random.integer(1, 2) }, () => [random.pick(names), nested(random, depth)]),
	);
const number = (random: Random): unknown => random.pick([-1, 0, 1, 1.5, 2]);
const count = (random: Random): unknown => random.pick([0, 1, 2, 2, 3]);

const makers: Readonly<Record<string, (random: Random, depth: number) => unknown>> = {
	type: (random) =>
		random.pick(["array", "boolean", "integer", "null", "number", "object", "string", ["string", "integer"]]),
	enum: (random) => Array.from({ length: 3 }, () => randomValue(random, 1)),
	const: (random) => randomValue(random, 1),
	multipleOf: (random) => random.pick([1, 2, 0.5]),
	maximum: number,
	minimum: number,
	exclusiveMaximum: number,
	exclusiveMinimum: number,
	maxLength: count,
	minLength: count,
	maxItems: count,
	minItems: count,
	maxProperties: count,
	minProperties: count,
	pattern: (random) => random.pick(["a", "^b", "a$", "^$"]),
	items: (random, depth) => (random.chance(0.5) ? nested(random, depth) : list(random, depth)),
	contains: nested,
	required: (random) => [random.pick(keys)],
	properties: map(keys),
	patternProperties: map(["a", "^b", "b$"]),
	additionalProperties: nested,
	propertyNames: nested,
	dependencies: (random, depth) =>
		random.chance(0.5) ? map(keys)(random, depth) : { [random.pick(keys)]: [random.pick(keys)] },
	allOf: list,
	anyOf: list,
	oneOf: list,
	not: nested,
	if: nested,
	then: nested,
	else: nested,
};
