/** Places that were taken for copies which never came. */
import { plural } from "../format.ts";
import { type Finding, fault, ok } from "./finding.ts";
import { hourMs, hoursSince, removalCommand } from "./uploads.ts";

/** Looks through everything in a registry; with `abort`, removes what is at least `ageHours` old. */
export async function checkClaims(
	registry: string,
	options: { readonly abort: boolean; readonly ageHours: number; readonly signal: AbortSignal },
): Promise<Finding[]> {
	const { isBaleError, leftClaims } = await import("../client.ts");
	const { abort, ageHours, signal } = options;
	const findings: Finding[] = [];
	try {
		for await (const claim of leftClaims(registry, {
			...(abort ? { removeOlderThanMs: ageHours * hourMs } : {}),
			signal,
		})) {
			const { place, modifiedAt, removed, uncertain } = claim;
			const hours = hoursSince(modifiedAt);
			const what = `${place}, which a copy had taken ${plural(hours, "hour")} ago and never came to`;
			if (removed) findings.push(ok("claim", `Freed the place ${what}`, place));
			else if (hours < ageHours) {
				const remedy = "Nothing if a push is under way";
				findings.push(fault("claim", "note", `There is a line of text at ${what}`, remedy, place));
			} else {
				const remedy = uncertain
					? "Mend the damaged manifests first: one of them may name it"
					: `Free it: ${removalCommand(registry, ageHours)}`;
				findings.push(fault("claim", "warning", `There is a line of text at ${what}`, remedy, place));
			}
		}
	} catch (error) {
		if (!isBaleError(error) || error.code === "Aborted") throw error;
		const remedy = error.hint ?? "Mend the registry first";
		const what = `What killed copies have left cannot be looked for: ${error.message}`;
		findings.push(fault("claim", abort ? "problem" : "note", what, remedy));
	}
	return findings;
}
