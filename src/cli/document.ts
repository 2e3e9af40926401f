/**
 * JSON text of documents. Metadata keeps its exact numbers (`1.0`, integers beyond 2^53), which
 * `JSON.stringify` would lose; NaN and infinities, which JSON cannot express, become text.
 */
import { type Json, formatPythonJson, toJson } from "../core/json.ts";
import { Float } from "../core/json.ts";

/** `value` as indented JSON. Undefined members are left out. */
export function formatDocument(value: unknown): string {
	return format(toJson(value), "");
}

function format(value: Json, indent: string): string {
	const inner = `${indent}  `;
	if (value instanceof Float && !Number.isFinite(value.value)) return `"${formatPythonJson(value)}"`;
	if (value === null || typeof value !== "object" || value instanceof Float) return formatPythonJson(value);
	if (isArray(value)) {
		if (value.length === 0) return "[]";
		return `[\n${value.map((item) => inner + format(item, inner)).join(",\n")}\n${indent}]`;
	}
	if (value.size === 0) return "{}";
	const members = Array.from(
		value,
		([name, member]) => `${inner}${formatPythonJson(name)}: ${format(member, inner)}`,
	);
	return `{\n${members.join(",\n")}\n${indent}}`;
}

function isArray(value: Json): value is readonly Json[] {
	return Array.isArray(value);
}
