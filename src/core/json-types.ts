import { BaleError } from "./errors.ts";

/** A number that prints as a float, also when it is integral (`1.0`). */
export class Float {
	readonly value: number;

	constructor(value: number) {
		this.value = value;
	}

	valueOf(): number {
		return this.value;
	}
}

/**
 * JSON as Python has it: integers (`bigint`, always) and floats are different, because `1` and `1.0`
 * give different top hashes, and objects keep the order of their keys, also of keys such as `"10"`.
 */
export type Json = null | boolean | string | bigint | Float | readonly Json[] | JsonObject;
export type JsonObject = ReadonlyMap<string, Json>;

/** Limits of JSON values, in both directions. */
export const jsonLimits = {
	/** Arrays and objects inside one another: more than Python reads, and half of what a stack holds here. */
	depth: 1200,
	/** Digits of an integer (Python's own limit). */
	integerDigits: 4300,
} as const;

/** Throws `LimitExceeded` when `depth` is too large. */
export function checkDepth(depth: number): void {
	if (depth <= jsonLimits.depth) return;
	throw new BaleError("LimitExceeded", `JSON is nested more than ${jsonLimits.depth} levels deep`, {
		hint: "Keep large structures in a file of the package, not in metadata",
		details: { limit: jsonLimits.depth },
	});
}

/** The one empty object, shared by all entries without metadata. */
export const emptyObject: JsonObject = new Map();

/** Whether `value` is an object (not an array, nor anything else). */
export function isJsonObject(value: Json | undefined): value is JsonObject {
	return value instanceof Map;
}

/** Whether `value` is an array; narrows better than `Array.isArray` does for read-only arrays. */
export function isJsonArray(value: Json | undefined): value is readonly Json[] {
	return Array.isArray(value);
}

/** Python's truth of a value: false for `null`, `false`, zero, `""`, `[]` and `{}`. */
export function isTruthy(value: Json | undefined): boolean {
	if (value === undefined) return false;
	if (value instanceof Float) return value.value !== 0; // NaN is true in Python
	if (isJsonObject(value)) return value.size > 0;
	if (isJsonArray(value)) return value.length > 0;
	return Boolean(value);
}
