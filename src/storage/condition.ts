import { BaleError } from "../core/errors.ts";
import type { Condition } from "./store.ts";

/** Throws `Conflict` unless `condition` holds for the object with ETag `found` (undefined: there is none). */
export function checkCondition(
	key: string,
	condition: Condition | undefined,
	found: string | undefined,
): void {
	if (condition === undefined) return;
	if ("ifAbsent" in condition) {
		if (found !== undefined) throw conflict(key, "it exists already", { found });
	} else if (found !== condition.ifEtag) {
		throw conflict(key, found === undefined ? "it is gone" : "it was changed by somebody else", {
			expected: condition.ifEtag,
			...(found === undefined ? {} : { found }),
		});
	}
}

/** The error of a write whose condition did not hold. */
export function conflict(
	key: string,
	state: string,
	details: { readonly [field: string]: string } = {},
): BaleError {
	return new BaleError("Conflict", `Cannot write "${key}": ${state}`, { details: { key, ...details } });
}
