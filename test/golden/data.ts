/** Reads the golden files beside this one: data that quilt3 8.0.0 itself wrote. */
import { existsSync, readFileSync } from "node:fs";

/** The text of a file below `test/golden`. */
export function goldenText(path: string): string {
	return readFileSync(new URL(path, import.meta.url), "utf8");
}

/** The bytes of a file below `test/golden`, or undefined when there is none. */
export function goldenBytes(path: string): Uint8Array | undefined {
	const url = new URL(path, import.meta.url);
	return existsSync(url) ? readFileSync(url) : undefined;
}

/** A JSON file below `test/golden`, whose shape the caller knows. */
export function goldenJson(path: string): unknown {
	return JSON.parse(goldenText(path));
}
