/**
 * Whether a value is a JSON Schema of draft 7: what its own schema (`http://json-schema.org/draft-07/schema#`) says
 * about each keyword, with patterns that must be ones of Python. Keywords that draft 7 does not have are ignored.
 */
import { isBaleError } from "../errors.ts";
import { isJsonArray, isJsonObject, type Json } from "../json.ts";
import { identityOf, isIntegral, numericOf } from "./json-values.ts";
import { newBudget, Pattern } from "./pattern.ts";
import { pointerTo, showJson, type Place, type Violation } from "./violation.ts";

/** Schemas inside one another; Python itself gives up at about as many. */
const deepest = 200;

/** What is wrong with a schema; nothing: it can be used. */
export function schemaFaults(schema: Json): Violation[] {
	const faults: Violation[] = [];
	new Form(faults).schema(schema, undefined, 0);
	return faults;
}

class Form {
	readonly #faults: Violation[];
	readonly #budget = newBudget();

	constructor(faults: Violation[]) {
		this.#faults = faults;
	}

	schema(value: Json, at: Place, depth: number): void {
		if (depth > deepest) {
			this.#fault(at, `must not be nested more than ${deepest} levels deep`);
			return;
		}
		if (typeof value === "boolean") return;
		if (!isJsonObject(value)) {
			this.#fault(at, `must be a schema (an object, true or false), but is ${showJson(value)}`);
			return;
		}
		for (const [key, argument] of value) {
			const form = forms.get(key);
			if (form !== undefined) this.#keyword(form, argument, { parent: at, token: key }, depth + 1);
		}
	}

	#keyword(form: KeywordForm, value: Json, at: Place, depth: number): void {
		switch (form) {
			case "schema":
				this.schema(value, at, depth);
				break;
			case "schemas":
				this.#schemas(value, at, depth);
				break;
			case "schema or schemas":
				if (isJsonArray(value)) this.#schemas(value, at, depth);
				else this.schema(value, at, depth);
				break;
			case "map of schemas":
			case "map of patterns":
			case "map of dependencies":
				this.#map(form, value, at, depth);
				break;
			case "types":
				this.#types(value, at);
				break;
			case "texts":
				this.#texts(value, at);
				break;
			case "pattern":
				if (typeof value === "string") this.#pattern(value, at);
				else this.#fault(at, `must be a pattern, but is ${showJson(value)}`);
				break;
			default:
				if (!simpleForms[form](value)) this.#fault(at, `must be a ${form}, but is ${showJson(value)}`);
		}
	}

	#schemas(value: Json, at: Place, depth: number): void {
		if (!isJsonArray(value) || value.length === 0) {
			this.#fault(at, `must be a list of at least one schema, but is ${showJson(value)}`);
			return;
		}
		for (const [i, item] of value.entries()) this.schema(item, { parent: at, token: i }, depth);
	}

	#map(form: KeywordForm, value: Json, at: Place, depth: number): void {
		if (!isJsonObject(value)) {
			this.#fault(at, `must be an object, but is ${showJson(value)}`);
			return;
		}
		for (const [key, member] of value) {
			const place = { parent: at, token: key };
			if (form === "map of patterns") this.#pattern(key, place);
			if (form === "map of dependencies" && isJsonArray(member)) this.#texts(member, place);
			else this.schema(member, place, depth);
		}
	}

	#pattern(text: string, at: Place): void {
		try {
			new Pattern(text, this.#budget);
		} catch (error) {
			if (!isBaleError(error)) throw error;
			this.#fault(at, `must be a pattern: ${error.message}`);
		}
	}

	#texts(value: Json, at: Place): void {
		const fits = isJsonArray(value) && value.every((item) => typeof item === "string") && areUnique(value);
		if (!fits) this.#fault(at, `must be a list of different texts, but is ${showJson(value)}`);
	}

	#types(value: Json, at: Place): void {
		const names = isJsonArray(value) ? value : [value];
		const fits = names.length > 0 && names.every((name) => typeof name === "string" && types.has(name));
		if (!fits || !areUnique(names)) {
			this.#fault(at, `must be one or several of ${[...types].join(", ")}, but is ${showJson(value)}`);
		}
	}

	#fault(at: Place, message: string): void {
		this.#faults.push({ pointer: pointerTo(at), message });
	}
}

const types = new Set(["array", "boolean", "integer", "null", "number", "object", "string"]);

function areUnique(values: readonly Json[]): boolean {
	return new Set(values.map(identityOf)).size === values.length;
}

const simpleForms = {
	text: (value: Json) => typeof value === "string",
	boolean: (value: Json) => typeof value === "boolean",
	list: (value: Json) => isJsonArray(value),
	number: (value: Json) => numericOf(value) !== undefined,
	"number above 0": (value: Json) => !((numericOf(value) ?? 0) <= 0),
	count: (value: Json) => isIntegral(value) && (numericOf(value) ?? -1) >= 0,
} as const;

type KeywordForm =
	| keyof typeof simpleForms
	| "schema"
	| "schemas"
	| "schema or schemas"
	| "map of schemas"
	| "map of patterns"
	| "map of dependencies"
	| "types"
	| "texts"
	| "pattern";

const keywordsOfForms: { readonly [form in KeywordForm]: readonly string[] } = {
	text: [
		"$id",
		"$schema",
		"$comment",
		"title",
		"description",
		"format",
		"contentMediaType",
		"contentEncoding",
	],
	boolean: ["readOnly", "uniqueItems"],
	list: ["examples", "enum"],
	number: ["maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum"],
	"number above 0": ["multipleOf"],
	count: ["maxLength", "minLength", "maxItems", "minItems", "maxProperties", "minProperties"],
	schema: [
		"additionalItems",
		"contains",
		"additionalProperties",
		"propertyNames",
		"if",
		"then",
		"else",
		"not",
	],
	schemas: ["allOf", "anyOf", "oneOf"],
	"schema or schemas": ["items"],
	"map of schemas": ["definitions", "properties"],
	"map of patterns": ["patternProperties"],
	"map of dependencies": ["dependencies"],
	types: ["type"],
	texts: ["required"],
	pattern: ["pattern"],
};

const forms: ReadonlyMap<string, KeywordForm> = new Map(
	Object.entries(keywordsOfForms).flatMap(([form, keywords]) =>
		keywords.map((keyword) => [keyword, form as KeywordForm] as const),
	),
);
