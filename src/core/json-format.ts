import { BaleError } from "./errors.ts";
import { checkDepth, Float, isJsonArray } from "./json-types.ts";
import type { Json, JsonObject } from "./json-types.ts";
import { compareNames } from "./logical-key.ts";
import { isWellFormed } from "./utf8.ts";

/** One of the ways in which Python prints JSON. */
type Style = {
	readonly comma: string;
	readonly colon: string;
	readonly sorted: boolean;
	readonly text: (value: string) => string;
	readonly float: (value: number) => string;
};

const manifestStyle: Style = { comma: ", ", colon: ": ", sorted: false, text: quoteUtf8, float: finiteFloat };
const canonicalStyle: Style = { comma: ",", colon: ":", sorted: true, text: quoteAscii, float: formatFloat };
const pythonStyle: Style = { comma: ", ", colon: ": ", sorted: false, text: quoteAscii, float: formatFloat };

/**
 * JSON text as a manifest has it: `, ` and `: ` as separators, keys in their order, characters outside
 * ASCII as they are. Throws `InvalidMetadata` for NaN, infinities and lone surrogates.
 */
export function formatManifestJson(value: Json): string {
	return format(value, manifestStyle, 0);
}

/**
 * JSON text as it enters a top hash: no blanks, keys sorted by code point, ASCII only. NaN and
 * infinities print as `NaN`, `Infinity`, `-Infinity`.
 */
export function formatCanonicalJson(value: Json): string {
	return format(value, canonicalStyle, 0);
}

/** JSON text as Python's `json.dumps` prints it by default; used for values that become files. */
export function formatPythonJson(value: Json): string {
	return format(value, pythonStyle, 0);
}

function format(value: Json, style: Style, depth: number): string {
	if (typeof value === "string") return style.text(value);
	if (typeof value === "bigint") return value.toString();
	if (value === null) return "null";
	if (typeof value === "boolean") return value ? "true" : "false";
	if (value instanceof Float) return style.float(value.value);
	if (isJsonArray(value)) return formatArray(value, style, depth + 1);
	return formatObject(value, style, depth + 1);
}

function formatArray(array: readonly Json[], style: Style, depth: number): string {
	checkDepth(depth);
	let text = "[";
	let separator = "";
	for (const item of array) {
		text += separator + format(item, style, depth);
		separator = style.comma;
	}
	return `${text}]`;
}

function formatObject(object: JsonObject, style: Style, depth: number): string {
	checkDepth(depth);
	if (object.size === 0) return "{}";
	let text = "{";
	let separator = "";
	const entries = style.sorted ? [...object].sort(([a], [b]) => compareNames(a, b)) : object;
	for (const [key, value] of entries) {
		text += separator + style.text(key) + style.colon + format(value, style, depth);
		separator = style.comma;
	}
	return `${text}}`;
}

const plainAscii = /^[ !#-[\]-~]*$/;
const notPlainAscii = /[^ !#-[\]-~]/g;
const shortEscapes = new Map([
	['"', '\\"'],
	["\\", "\\\\"],
	["\b", "\\b"],
	["\f", "\\f"],
	["\n", "\\n"],
	["\r", "\\r"],
	["\t", "\\t"],
]);

/** A string in ASCII: everything outside U+0020..U+007E is escaped, one UTF-16 code unit at a time. */
export function quoteAscii(text: string): string {
	if (plainAscii.test(text)) return `"${text}"`;
	const escape = (unit: string): string =>
		shortEscapes.get(unit) ?? `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
	return `"${text.replace(notPlainAscii, escape)}"`;
}

/** A string in UTF-8: only quotes, backslashes and control characters below U+0020 are escaped. */
export function quoteUtf8(text: string): string {
	if (plainAscii.test(text)) return `"${text}"`;
	if (isWellFormed(text)) return JSON.stringify(text);
	throw new BaleError("InvalidMetadata", "A text holds half of a surrogate pair and cannot be written", {
		hint: "Remove or replace the broken character",
		details: { text: JSON.stringify(text) },
	});
}

/** Python's `repr` of a float: JavaScript's shortest digits in another layout. */
export function formatFloat(value: number): string {
	if (Number.isNaN(value)) return "NaN";
	if (value === Number.POSITIVE_INFINITY) return "Infinity";
	if (value === Number.NEGATIVE_INFINITY) return "-Infinity";
	if (value === 0) return Object.is(value, -0) ? "-0.0" : "0.0";
	const size = Math.abs(value);
	if (size >= 1e-4 && size < 1e16) return Number.isInteger(value) ? `${value}.0` : String(value);
	return value.toExponential().replace(/([+-])(\d)$/, "$10$2");
}

function finiteFloat(value: number): string {
	if (Number.isFinite(value)) return formatFloat(value);
	throw new BaleError("InvalidMetadata", `A manifest cannot hold the number ${formatFloat(value)}`, {
		hint: "Use null or a text for a missing or infinite number",
		details: { value: formatFloat(value) },
	});
}
