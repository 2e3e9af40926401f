/** Checks values against the part of JSON Schema that `src/cli/schemas` uses. Unknown words are an error. */
import type { Schema } from "../../src/cli/schemas/json-schema.ts";

const known = new Set([
	"$schema",
	"$id",
	"title",
	"description",
	"type",
	"const",
	"enum",
	"pattern",
	"minimum",
	"items",
	"properties",
	"required",
	"additionalProperties",
	"anyOf",
]);

/** What is wrong with `value`, one line each; empty when it fits. */
export function validate(schema: Schema, value: unknown, at = "$"): string[] {
	for (const word of Object.keys(schema))
		if (!known.has(word)) return [`${at}: the schema word ${word} is unknown`];
	const problems: string[] = [];
	if (schema.const !== undefined && value !== schema.const) problems.push(`${at}: is not ${schema.const}`);
	if (schema.enum !== undefined && !(typeof value === "string" && schema.enum.includes(value))) {
		problems.push(`${at}: ${JSON.stringify(value)} is none of ${schema.enum.join(", ")}`);
	}
	if (schema.type !== undefined && ![schema.type].flat().some((type) => hasType(value, type))) {
		problems.push(`${at}: ${JSON.stringify(value)} is no ${[schema.type].flat().join(" or ")}`);
	}
	if (schema.anyOf !== undefined) {
		const failures = schema.anyOf.map((choice) => validate(choice, value, at));
		if (failures.every((failure) => failure.length > 0)) problems.push(...failures.flat());
	}
	if (typeof value === "string" && schema.pattern !== undefined && !new RegExp(schema.pattern).test(value)) {
		problems.push(`${at}: "${value}" does not match ${schema.pattern}`);
	}
	if (typeof value === "number" && schema.minimum !== undefined && value < schema.minimum) {
		problems.push(`${at}: ${String(value)} is less than ${String(schema.minimum)}`);
	}
	if (Array.isArray(value) && schema.items !== undefined) {
		for (const [index, item] of value.entries()) {
			problems.push(...validate(schema.items, item, `${at}[${String(index)}]`));
		}
	}
	if (hasType(value, "object") && !Array.isArray(value))
		problems.push(...members(schema, value as object, at));
	return problems;
}

function members(schema: Schema, value: object, at: string): string[] {
	const problems: string[] = [];
	for (const name of schema.required ?? []) if (!(name in value)) problems.push(`${at}.${name}: is missing`);
	for (const [name, member] of Object.entries(value)) {
		const own = schema.properties?.[name];
		if (own !== undefined) problems.push(...validate(own, member, `${at}.${name}`));
		else if (schema.additionalProperties === false) problems.push(`${at}.${name}: is not described`);
	}
	return problems;
}

function hasType(value: unknown, type: string): boolean {
	switch (type) {
		case "null":
			return value === null;
		case "array":
			return Array.isArray(value);
		case "object":
			return typeof value === "object" && value !== null && !Array.isArray(value);
		case "integer":
			return Number.isInteger(value);
		default:
			return typeof value === type;
	}
}
