import { display } from "../core/display.ts";
import { BaleError } from "../core/errors.ts";
import { isWellFormed } from "../core/utf8.ts";

/**
 * Refuses what no store may be asked for (`InvalidKey`): empty text, empty, `.` and `..` segments, NUL and
 * text without a UTF-8 form. Everything else is a key, whatever a file system or a bucket thinks of it.
 */
export function checkStoreKey(key: string): void {
	const reason = keyFault(key);
	if (reason !== undefined) {
		throw new BaleError("InvalidKey", `Cannot use "${display(key)}" as a key: ${reason}`, {
			details: { key },
		});
	}
}

function keyFault(key: string): string | undefined {
	if (key === "") return "it is empty";
	if (key.includes("\0")) return "it contains a NUL character";
	if (!isWellFormed(key)) return "it is not well-formed Unicode";
	for (const segment of key.split("/")) {
		if (segment === "") return "it has an empty segment";
		if (segment === "." || segment === "..") return `it has a ${JSON.stringify(segment)} segment`;
	}
	return undefined;
}
