import { formatCanonicalJson, isJsonArray, isJsonObject, Float, type Json } from "../json.ts";

/** What is wrong with a value, and where in it. */
export type Violation = {
	/** JSON pointer (RFC 6901) to the value; `""` is the whole. */
	readonly pointer: string;
	/** What it must be: goes on after the name of the place. */
	readonly message: string;
};

/** What a package or a configuration breaks, and what that is about. */
export type WorkflowViolation = Violation & {
	/** Absent: the configuration or schema itself. */
	readonly about?: "message" | "name" | "metadata" | "entries";
	/** The file that it is about, where it is about one. */
	readonly key?: string;
};

/** A violation as a sentence. */
export function violationText({ about, pointer, message, key }: WorkflowViolation): string {
	const at = pointer === "" ? "" : ` at ${pointer}`;
	switch (about) {
		case "message":
		case "name":
			return `the ${about} ${message}`;
		case "metadata":
			return `the metadata${at} ${message}`;
		case "entries": {
			if (key === undefined) return `the list of files${at} ${message}`;
			const inside = pointer.replace(/^\/\d+/, "");
			return `the file ${showText(key)}${inside === "" ? "" : ` at ${inside}`} ${message}`;
		}
		default:
			return `${pointer === "" ? "it" : pointer} ${message}`;
	}
}

/** The way to a value, from the inside out. */
export type Place = { readonly parent: Place; readonly token: string | number } | undefined;

/** The JSON pointer of a place. */
export function pointerTo(place: Place): string {
	const tokens: string[] = [];
	for (let at = place; at !== undefined; at = at.parent) {
		tokens.push(String(at.token).replaceAll("~", "~0").replaceAll("/", "~1"));
	}
	return tokens
		.map((token) => `/${token}`)
		.reverse()
		.join("");
}

/** A value in a sentence: short, and as it is written in JSON. */
export function showJson(value: Json): string {
	if (isJsonArray(value)) return value.length === 0 ? "[]" : `a list of ${value.length}`;
	if (isJsonObject(value)) return value.size === 0 ? "{}" : `an object with ${value.size} keys`;
	if (typeof value === "string") return showText(value);
	const text = value instanceof Float ? formatCanonicalJson(value) : String(value);
	return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}

/** A text in a sentence. */
export function showText(text: string): string {
	return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
