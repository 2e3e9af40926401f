import { randomBytes } from "node:crypto";

/** What versions have as their id that were written while no versions were kept. */
export const nullVersionId = "null";

/** Sequence numbers are microseconds since the epoch, or later where that would not be newer. */
const digits = 11;
const suffixDigits = 6;
const pattern = /^[0-9a-z]{17}$/;

let last = 0;

/**
 * A new id: text that sorts after the id `newest` of the same key. No two are the same, also not
 * of several processes.
 */
export function newVersionId(newest: string | undefined): string {
	const floor = newest === undefined ? 0 : Number.parseInt(newest.slice(0, digits), 36) + 1;
	last = Math.max(Date.now() * 1000, last + 1);
	const suffix = randomBytes(4).readUInt32BE().toString(36).padStart(suffixDigits, "0").slice(-suffixDigits);
	return Math.max(last, floor).toString(36).padStart(digits, "0") + suffix;
}

/** Whether `text` has the form of ids of `newVersionId`. */
export function isVersionId(text: string): boolean {
	return pattern.test(text);
}
