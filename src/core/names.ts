import type { Branded } from "./brand.ts";
import { display } from "./display.ts";
import { BaleError } from "./errors.ts";

/** `namespace/name`, checked. */
export type PackageName = Branded<"PackageName">;

const usual = /^[A-Za-z0-9_-]+\/[A-Za-z0-9_-]+$/;
const pattern = /^[\p{L}\p{N}_-]+\/[\p{L}\p{N}_-]+$/u;

/** Whether `text` is what `parsePackageName` takes. */
export function isPackageName(text: string): text is PackageName {
	// The pattern of all scripts takes a millisecond to compile.
	return usual.test(text) || pattern.test(text);
}

/**
 * Checks a package name: two parts of letters, numbers (of any script), `_` and `-`, with one slash
 * between them. Names are neither normalised nor changed in case. Throws `InvalidName`.
 * quilt3 8.0.0 also takes one line feed at the end; bale does not.
 */
export function parsePackageName(text: string): PackageName {
	if (isPackageName(text)) return text;
	throw new BaleError("InvalidName", `"${display(text)}" is not a package name`, {
		hint: 'Use "namespace/name" with letters, digits, "_" and "-" only',
		details: { name: text },
	});
}
