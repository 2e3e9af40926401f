/** Percent-encoding as S3 signs it: everything but `A-Z a-z 0-9 - . _ ~` is written as the bytes of its UTF-8. */
import { encodeUtf8 } from "../../core/utf8.ts";

/** A key as a path: the slashes between its segments stay. */
export function encodeKey(key: string): string {
	return key.replace(/[^A-Za-z0-9._~/-]+/g, encodeRun);
}

/** A name or value of a query. */
export function encodeQueryPart(text: string): string {
	return text.replace(/[^A-Za-z0-9._~-]+/g, encodeRun);
}

/** A query in the order that signatures need; the same text is sent. */
export function formatQuery(parameters: readonly (readonly [name: string, value: string])[]): string {
	return parameters
		.map(([name, value]) => [encodeQueryPart(name), encodeQueryPart(value)] as const)
		.sort((a, b) => compareAscii(a[0], b[0]) || compareAscii(a[1], b[1]))
		.map(([name, value]) => `${name}=${value}`)
		.join("&");
}

/** Text of a listing with `encoding-type=url`: form-encoded, so that `+` is a space. Undefined when it is malformed. */
export function decodeListed(text: string): string | undefined {
	try {
		return decodeURIComponent(text.replaceAll("+", " "));
	} catch {
		return undefined;
	}
}

function encodeRun(run: string): string {
	let encoded = "";
	for (const byte of encodeUtf8(run)) encoded += `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
	return encoded;
}

function compareAscii(a: string, b: string): number {
	return a < b ? -1 : a > b ? 1 : 0;
}
