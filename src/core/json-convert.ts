import { display } from "./display.ts";
import { BaleError } from "./errors.ts";
import { checkDepth, Float, isJsonArray, isJsonObject } from "./json-types.ts";
import type { Json } from "./json-types.ts";

/** The exact JSON behind each array and object that `fromJson` made. */
const origins = new WeakMap<object, Json>();

/**
 * Turns a JavaScript value into JSON. Integral numbers become integers (their exact value, also above
 * 2^53; `-0` is 0), other numbers floats, a `Float` stays a float. Properties that are undefined are
 * left out. What `fromJson` made gives back its exact JSON. Throws `InvalidMetadata`, naming the
 * place, for functions, symbols, dates, instances of classes, cycles and undefined anywhere else.
 */
export function toJson(value: unknown): Json {
	return convert(value, [], new Set());
}

type Path = (string | number)[];

/** `path` leads to `value` and is the same array all the way down. */
function convert(value: unknown, path: Path, ancestors: Set<object>): Json {
	switch (typeof value) {
		case "string":
		case "boolean":
		case "bigint":
			return value;
		case "number":
			return Number.isInteger(value) ? BigInt(value) : new Float(value);
		case "object":
			return value === null ? null : convertObject(value, path, ancestors);
		default:
			throw inexpressible(path, value === undefined ? "undefined" : `a ${typeof value}`);
	}
}

function convertObject(value: object, path: Path, ancestors: Set<object>): Json {
	if (value instanceof Float) return value;
	const origin = origins.get(value);
	if (origin !== undefined) return origin;
	if (ancestors.has(value)) throw inexpressible(path, "a cycle");
	checkDepth(path.length + 1);
	ancestors.add(value);
	const array: Json[] = [];
	const object = new Map<string, Json>();
	for (const [key, member] of membersOf(value, path)) {
		if (member === undefined && !Array.isArray(value)) continue;
		path.push(key);
		const converted = convert(member, path, ancestors);
		path.pop();
		if (typeof key === "number") array.push(converted);
		else object.set(key, converted);
	}
	ancestors.delete(value);
	return Array.isArray(value) ? array : object;
}

function membersOf(value: object, path: Path): Iterable<[key: string | number, member: unknown]> {
	if (Array.isArray(value)) return (value as unknown[]).entries();
	if (value instanceof Map) {
		for (const key of (value as Map<unknown, unknown>).keys()) {
			if (typeof key !== "string") throw inexpressible(path, "an object with a key that is no text");
		}
		return value as Map<string, unknown>;
	}
	if (isPlain(value)) return Object.entries(value);
	throw inexpressible(path, `an instance of ${className(value)}`);
}

/** Object literals, of whatever realm, and objects without prototype. */
function isPlain(value: object): boolean {
	const prototype: unknown = Object.getPrototypeOf(value);
	return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function className(value: object): string {
	const constructor: unknown = (value as { readonly constructor?: unknown }).constructor;
	return typeof constructor === "function" && constructor.name !== "" ? constructor.name : "a class";
}

function inexpressible(path: Path, what: string): BaleError {
	const place = path.length === 0 ? "Metadata" : `Metadata at "${display(path.join("."))}"`;
	return new BaleError("InvalidMetadata", `${place} cannot be expressed as JSON: it is ${what}`, {
		hint: "Use texts, numbers, booleans, null, arrays and plain objects",
		details: { path: [...path] },
	});
}

/**
 * Turns JSON into frozen plain JavaScript values: safe integers and floats become numbers, larger
 * integers `bigint`, objects plain objects (a key such as `__proto__` is an ordinary property).
 * `toJson` of an array or object so made is exactly the JSON it came from, in order and number types.
 */
export function fromJson(value: Json): unknown {
	return revive(value, 0);
}

function revive(value: Json, depth: number): unknown {
	if (typeof value === "bigint") {
		const number = Number(value);
		return Number.isSafeInteger(number) ? number : value;
	}
	if (value instanceof Float) return value.value;
	if (typeof value !== "object" || value === null) return value;
	checkDepth(depth + 1);
	// Loops instead of callbacks: each level then takes one frame of the stack.
	const array: unknown[] = [];
	const object = {};
	if (isJsonArray(value)) {
		for (const item of value) array.push(revive(item, depth + 1));
	} else {
		for (const [key, member] of value) {
			Object.defineProperty(object, key, { value: revive(member, depth + 1), enumerable: true });
		}
	}
	const result = isJsonArray(value) ? array : object;
	origins.set(result, value);
	return Object.freeze(result);
}

/**
 * Whether two values are the same metadata: the order of an object's keys does not count, everything
 * that changes a top hash does (`1` and `1.0` differ).
 */
export function jsonEquals(a: Json, b: Json): boolean {
	return equals(a, b, 0);
}

function equals(a: Json, b: Json, depth: number): boolean {
	if (a === b) return true;
	if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
	checkDepth(depth);
	if (a instanceof Float) return b instanceof Float && Object.is(a.value, b.value);
	if (isJsonArray(a)) {
		if (!isJsonArray(b) || a.length !== b.length) return false;
		for (const [i, item] of a.entries()) if (!equals(item, b[i] ?? null, depth + 1)) return false;
		return true;
	}
	if (!isJsonObject(b) || a.size !== b.size) return false;
	for (const [key, value] of a) {
		const other = b.get(key);
		if (other === undefined || !equals(value, other, depth + 1)) return false;
	}
	return true;
}
