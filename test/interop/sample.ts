/** A folder with everything that is hard about names, sizes and metadata, and the steps that package it. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { contentsOf } from "../support/files.ts";
import { hostileNames } from "./random-packages.ts";
import type { Step } from "./steps.ts";

const mebibyte = 2 ** 20;

/** Sizes around the boundaries of an 8 MiB part, and the ones that are easy to forget. */
export const boundarySizes = [0, 1, 8 * mebibyte - 1, 8 * mebibyte, 8 * mebibyte + 1, 16 * mebibyte + 1];

/** Writes the sample folder below `directory`. */
export function writeSample(directory: string): void {
	const write = (path: string, bytes: Uint8Array | string) => {
		mkdirSync(dirname(join(directory, path)), { recursive: true });
		writeFileSync(join(directory, path), bytes);
	};
	for (const [index, name] of hostileNames.entries()) {
		write(`names/${name}`, `content of number ${index}`);
		write(`folders/${name}/${name}`, `deeper, number ${index}`);
	}
	for (const size of boundarySizes)
		write(`sizes/${size}.bin`, Buffer.alloc(size, `size ${size}, again and again; `));
	write("nfc/caf\u00e9.txt", "composed");
	write("nfd/cafe\u0301.txt", "decomposed");
	write("astral/\u{10000}\u{1f600}.txt", "beyond the first plane");
	write("table.csv", "a,b\n1,2\n");
	write("README.md", "# Sample\n");
}

/** Metadata with floats that look like integers, integers beyond 2^53, and unusual names. */
export const metadata =
	'{"float": 1.0, "integer": 1, "big": 123456789012345678901234567890, "tiny": 5e-324, "e": 1e+16, ' +
	'"negative zero": -0.0, "__proto__": {"x": null}, "10": "ten", "9": ["nine", 9.5], "text": "\\u00e4 \\ud83d\\ude00 \\u2028"}';

/** Steps that package the sample folder at `directory`. */
export function sampleSteps(directory: string): Step[] {
	return [
		{ op: "set_dir", key: ".", src: directory, meta_json: metadata },
		{ op: "set", key: "table.csv", src: join(directory, "table.csv"), meta_json: metadata },
		{ op: "set", key: "copies/empty", src: join(directory, "sizes/0.bin"), meta_json: "{}" },
		{ op: "set_meta", at: "sizes", meta_json: '{"unit": "byte", "parts": 8388608.0}' },
		{ op: "set_meta", at: "folders/__proto__", meta_json: metadata },
	];
}

/** Contents of the sample as a package: the folder, and the copy that the steps add. */
export function expectedContents(directory: string): Record<string, string> {
	const contents = contentsOf(directory);
	contents["copies/empty"] = contents["sizes/0.bin"]!;
	return contents;
}
