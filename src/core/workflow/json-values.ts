/** How jsonschema for Python compares values: `1` and `1.0` are the same number, `true` is none. */
import { compareNames } from "../logical-key.ts";
import { Float, isJsonArray, isJsonObject, type Json } from "../json.ts";

/** JavaScript compares `bigint` and `number` exactly, so a number is either. */
export type Numeric = bigint | number;

/** The number that a value is, or undefined. */
export function numericOf(value: Json | undefined): Numeric | undefined {
	if (typeof value === "bigint") return value;
	return value instanceof Float ? value.value : undefined;
}

/** Whether a value is an integer; `1.0` is one. */
export function isIntegral(value: Json): boolean {
	return typeof value === "bigint" || (value instanceof Float && Number.isInteger(value.value));
}

/** Whether a value is of a type that `type` names. */
export function hasType(value: Json, type: Json): boolean {
	switch (type) {
		case "array":
			return isJsonArray(value);
		case "object":
			return isJsonObject(value);
		case "integer":
			return isIntegral(value);
		case "number":
			return numericOf(value) !== undefined;
		case "null":
			return value === null;
		default:
			return typeof value === type;
	}
}

/** A text that two values share exactly when they are equal. NaN equals NaN: Python's reader of JSON makes it once. */
export function identityOf(value: Json): string {
	if (typeof value === "string") return JSON.stringify(value);
	if (value instanceof Float) {
		return String(Number.isInteger(value.value) ? BigInt(value.value) : value.value);
	}
	if (isJsonArray(value)) return `[${value.map(identityOf).join(",")}]`;
	if (!isJsonObject(value)) return String(value);
	const members = [...value].map(([key, member]) => `${JSON.stringify(key)}:${identityOf(member)}`);
	return `{${members.sort(compareNames).join(",")}}`;
}

/**
 * Whether `value` is a multiple. As in Python, a float as factor is compared by the rounded quotient: 0.3 is no
 * multiple of 0.1, and 0.6 is none either, but 0.2 is one.
 */
export function isMultiple(value: Numeric, factor: Numeric): boolean {
	if (typeof factor === "bigint") {
		return typeof value === "bigint" ? value % factor === 0n : value % Number(factor) === 0;
	}
	const quotient = Number(value) / factor;
	if (Number.isFinite(quotient)) return Number.isInteger(quotient);
	// Python fails for infinity and for integers beyond any float.
	if (!Number.isFinite(Number(value))) return false;
	// value / factor exactly, where the quotient is too large for a float.
	const [top, bottom] = ratioOf(value);
	const [factorTop, factorBottom] = ratioOf(factor);
	return (top * factorBottom) % (bottom * factorTop) === 0n;
}

/** A number as a fraction of integers. */
function ratioOf(value: Numeric): readonly [bigint, bigint] {
	if (typeof value === "bigint") return [value, 1n];
	let bottom = 1n;
	let scaled = value;
	// Doubling is exact, and ends: below 2^53 a float has at most 1,074 binary places.
	while (!Number.isInteger(scaled)) {
		scaled *= 2;
		bottom *= 2n;
	}
	return [BigInt(scaled), bottom];
}

/** Number of code points, which is a text's length in Python. */
export function lengthOf(text: string): number {
	let length = text.length;
	for (let i = 0; i + 1 < text.length; i += 1) {
		if ((text.charCodeAt(i) & 0xfc00) === 0xd800 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) length -= 1;
	}
	return length;
}
