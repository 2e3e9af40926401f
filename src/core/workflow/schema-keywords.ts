/** The keywords of draft 7, each in the order and the sense of jsonschema for Python. */
import { isJsonArray, isJsonObject, type Json, type JsonObject } from "../json.ts";
import { hasType, isMultiple, lengthOf, numericOf, type Numeric } from "./json-values.ts";
import type { Check, Keyword } from "./schema.ts";
import { showJson, showText, type Place } from "./violation.ts";

/** What each keyword asks for. One that is not here asks for nothing. */
export const keywords: ReadonlyMap<string, Keyword> = new Map<string, Keyword>([
	["type", checkType],
	["enum", checkEnum],
	["const", checkConst],
	["multipleOf", checkMultiple],
	["maximum", limit((value, most) => value > most, "must be at most")],
	["exclusiveMaximum", limit((value, end) => value >= end, "must be less than")],
	["minimum", limit((value, least) => value < least, "must be at least")],
	["exclusiveMinimum", limit((value, start) => value <= start, "must be more than")],
	["maxLength", size(textLength, (length, most) => length > most, "must have at most", "characters")],
	["minLength", size(textLength, (length, least) => length < least, "must have at least", "characters")],
	["maxItems", size(itemCount, (count, most) => count > most, "must have at most", "items")],
	["minItems", size(itemCount, (count, least) => count < least, "must have at least", "items")],
	["maxProperties", size(keyCount, (count, most) => count > most, "must have at most", "keys")],
	["minProperties", size(keyCount, (count, least) => count < least, "must have at least", "keys")],
	["pattern", checkPattern],
	["items", checkItems],
	["additionalItems", checkAdditionalItems],
	["uniqueItems", checkUnique],
	["contains", checkContains],
	["required", checkRequired],
	["properties", checkProperties],
	["patternProperties", checkPatternProperties],
	["additionalProperties", checkAdditionalProperties],
	["propertyNames", checkNames],
	["dependencies", checkDependencies],
	["allOf", checkAll],
	["anyOf", checkAny],
	["oneOf", checkOne],
	["not", checkNot],
	["if", checkIf],
]);

function checkType(check: Check, argument: Json, value: Json, _schema: JsonObject, at: Place): void {
	const types = isJsonArray(argument) ? argument : [argument];
	if (types.some((type) => hasType(value, type))) return;
	check.report(at, `must be of type ${types.map(String).join(" or ")}, but is ${showJson(value)}`);
}

function checkEnum(check: Check, argument: Json, value: Json, _schema: JsonObject, at: Place): void {
	if (!isJsonArray(argument) || check.schema.identities(argument).has(check.identity(value))) return;
	const shown = argument.slice(0, 10).map(showJson).join(", ");
	check.report(at, `must be one of ${shown}${argument.length > 10 ? ", …" : ""}, but is ${showJson(value)}`);
}

function checkConst(check: Check, argument: Json, value: Json, _schema: JsonObject, at: Place): void {
	if (check.identity(value) !== check.identity(argument)) {
		check.report(at, `must be ${showJson(argument)}, but is ${showJson(value)}`);
	}
}

function checkMultiple(check: Check, argument: Json, value: Json, _schema: JsonObject, at: Place): void {
	const [number, factor] = [numericOf(value), numericOf(argument)];
	if (number === undefined || factor === undefined || isMultiple(number, factor)) return;
	check.report(at, `must be a multiple of ${showJson(argument)}, but is ${showJson(value)}`);
}

function limit(fails: (value: Numeric, limit: Numeric) => boolean, words: string): Keyword {
	return (check, argument, value, _schema, at) => {
		const [number, bound] = [numericOf(value), numericOf(argument)];
		if (number === undefined || bound === undefined || !fails(number, bound)) return;
		check.report(at, `${words} ${showJson(argument)}, but is ${showJson(value)}`);
	};
}

function size(
	measure: (value: Json) => number | undefined,
	fails: (size: number, limit: Numeric) => boolean,
	words: string,
	unit: string,
): Keyword {
	return (check, argument, value, _schema, at) => {
		const [measured, bound] = [measure(value), numericOf(argument)];
		check.spend((measured ?? 0) >>> 4);
		if (measured === undefined || bound === undefined || !fails(measured, bound)) return;
		check.report(at, `${words} ${showJson(argument)} ${unit}, but has ${measured}`);
	};
}

function textLength(value: Json): number | undefined {
	return typeof value === "string" ? lengthOf(value) : undefined;
}

function itemCount(value: Json): number | undefined {
	return isJsonArray(value) ? value.length : undefined;
}

function keyCount(value: Json): number | undefined {
	return isJsonObject(value) ? value.size : undefined;
}

function checkPattern(check: Check, argument: Json, value: Json, _schema: JsonObject, at: Place): void {
	if (typeof value !== "string" || typeof argument !== "string" || check.matches(argument, value)) return;
	check.report(at, `must match the pattern ${showText(argument)}, but is ${showJson(value)}`);
}

function checkItems(check: Check, argument: Json, value: Json, _schema: JsonObject, at: Place): void {
	if (!isJsonArray(value)) return;
	for (const [i, item] of value.entries()) {
		const schema = isJsonArray(argument) ? argument[i] : argument;
		if (schema === undefined) break;
		check.apply(schema, item, { parent: at, token: i });
	}
}

function checkAdditionalItems(
	check: Check,
	argument: Json,
	value: Json,
	schema: JsonObject,
	at: Place,
): void {
	const items = schema.get("items");
	if (!isJsonArray(value) || !isJsonArray(items)) return;
	for (let i = items.length; i < value.length; i += 1) {
		check.apply(argument, value[i] ?? null, { parent: at, token: i });
	}
}

function checkUnique(check: Check, argument: Json, value: Json, _schema: JsonObject, at: Place): void {
	if (argument !== true || !isJsonArray(value)) return;
	check.spend(value.length);
	const seen = new Map<string, number>();
	for (const [i, item] of value.entries()) {
		const identity = check.identity(item);
		const first = seen.get(identity);
		if (first !== undefined) {
			check.report({ parent: at, token: i }, `must not be equal to the item ${first} of the same list`);
		} else {
			seen.set(identity, i);
		}
	}
}

function checkContains(check: Check, argument: Json, value: Json, _schema: JsonObject, at: Place): void {
	if (!isJsonArray(value) || value.some((item) => check.aside(argument, item).count === 0)) return;
	check.report(at, `must have an item that fits what "contains" demands; none of ${value.length} does`);
}

function checkRequired(check: Check, argument: Json, value: Json, _schema: JsonObject, at: Place): void {
	if (!isJsonObject(value) || !isJsonArray(argument)) return;
	for (const key of argument) {
		if (typeof key !== "string" || value.has(key)) continue;
		check.report(at, `must have the key ${showText(key)}`);
	}
}

function checkProperties(check: Check, argument: Json, value: Json, _schema: JsonObject, at: Place): void {
	if (!isJsonObject(value) || !isJsonObject(argument)) return;
	for (const [key, schema] of argument) {
		check.spend(1);
		const member = value.get(key);
		if (member !== undefined) check.apply(schema, member, { parent: at, token: key });
	}
}

function checkPatternProperties(
	check: Check,
	argument: Json,
	value: Json,
	_schema: JsonObject,
	at: Place,
): void {
	if (!isJsonObject(value) || !isJsonObject(argument)) return;
	for (const [pattern, schema] of argument) {
		for (const [key, member] of value) {
			if (check.matches(pattern, key)) check.apply(schema, member, { parent: at, token: key });
		}
	}
}

function checkAdditionalProperties(
	check: Check,
	argument: Json,
	value: Json,
	schema: JsonObject,
	at: Place,
): void {
	if (!isJsonObject(value)) return;
	const known = schema.get("properties");
	const patterned = schema.get("patternProperties");
	const patterns = isJsonObject(patterned) ? [...patterned.keys()] : [];
	for (const [key, member] of value) {
		if (isJsonObject(known) && known.has(key)) continue;
		if (patterns.some((pattern) => check.matches(pattern, key))) continue;
		check.apply(argument, member, { parent: at, token: key });
	}
}

function checkNames(check: Check, argument: Json, value: Json, _schema: JsonObject, at: Place): void {
	if (!isJsonObject(value)) return;
	for (const key of value.keys()) {
		const { violations } = check.aside(argument, key);
		for (const { message } of violations) check.report(at, `has the key ${showText(key)}, which ${message}`);
	}
}

function checkDependencies(check: Check, argument: Json, value: Json, _schema: JsonObject, at: Place): void {
	if (!isJsonObject(value) || !isJsonObject(argument)) return;
	for (const [key, dependency] of argument) {
		if (!value.has(key)) continue;
		if (!isJsonArray(dependency)) {
			check.apply(dependency, value, at);
			continue;
		}
		for (const needed of dependency) {
			if (typeof needed !== "string" || value.has(needed)) continue;
			check.report(at, `must have the key ${showText(needed)}, since it has ${showText(key)}`);
		}
	}
}

function checkAll(check: Check, argument: Json, value: Json, _schema: JsonObject, at: Place): void {
	if (!isJsonArray(argument)) return;
	for (const schema of argument) check.apply(schema, value, at);
}

function checkAny(check: Check, argument: Json, value: Json, _schema: JsonObject, at: Place): void {
	if (!isJsonArray(argument)) return;
	const reasons: string[] = [];
	for (const schema of argument) {
		const { count, violations } = check.aside(schema, value);
		if (count === 0) return;
		const [{ pointer, message } = { pointer: "", message: "" }] = violations;
		reasons.push(pointer === "" ? `it ${message}` : `${pointer} ${message}`);
	}
	const shown = reasons.slice(0, 5).join("; or ");
	check.report(at, `must fit one of ${argument.length} alternatives, but does not: ${shown}`);
}

function checkOne(check: Check, argument: Json, value: Json, schema: JsonObject, at: Place): void {
	if (!isJsonArray(argument)) return;
	const fitting = argument.filter((alternative) => check.aside(alternative, value).count === 0);
	if (fitting.length === 0) checkAny(check, argument, value, schema, at);
	if (fitting.length > 1) {
		check.report(at, `must fit exactly one of ${argument.length} alternatives, but fits ${fitting.length}`);
	}
}

function checkNot(check: Check, argument: Json, value: Json, _schema: JsonObject, at: Place): void {
	if (check.aside(argument, value).count === 0) check.report(at, 'must not fit what "not" excludes');
}

function checkIf(check: Check, argument: Json, value: Json, schema: JsonObject, at: Place): void {
	const branch = schema.get(check.aside(argument, value).count === 0 ? "then" : "else");
	if (branch !== undefined) check.apply(branch, value, at);
}
