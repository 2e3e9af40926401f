/** What broken uploads have left in a bucket. */
import { plural } from "../format.ts";
import { type Finding, fault, ok } from "./finding.ts";

const hourMs = 60 * 60 * 1000;
/** Uploads of the last hours are most likely under way. */
export const defaultAgeHours = 24;

/** Lists unfinished uploads; with `abort`, removes those that are at least `ageHours` old. */
export async function checkUploads(
	registry: string,
	options: { readonly abort: boolean; readonly ageHours: number; readonly signal: AbortSignal },
): Promise<Finding[]> {
	const { isBaleError, unfinishedUploads } = await import("../client.ts");
	const { abort, ageHours, signal } = options;
	const findings: Finding[] = [];
	try {
		for await (const upload of unfinishedUploads(registry, {
			...(abort ? { abortOlderThanMs: ageHours * hourMs } : {}),
			signal,
		})) {
			const hours = Math.floor((Date.now() - upload.startedAt.getTime()) / hourMs);
			const what = `upload of ${upload.place}, begun ${plural(hours, "hour")} ago, with ${plural(upload.size, "byte")}`;
			if (upload.aborted) findings.push(ok("upload", `Aborted the unfinished ${what}`, upload.place));
			else if (hours >= ageHours) findings.push(stale(what, registry, ageHours, upload.place));
			else findings.push(young(what, upload.place));
		}
	} catch (error) {
		if (!isBaleError(error, "AccessDenied", "Unsupported")) throw error;
		const remedy = error.hint ?? "Use other credentials";
		findings.push(fault("uploads", "note", `Unfinished uploads cannot be seen: ${error.message}`, remedy));
	}
	return findings.length === 0 ? [ok("uploads", `No unfinished uploads in ${registry}`)] : findings;
}

function stale(what: string, registry: string, ageHours: number, place: string): Finding {
	const age = ageHours === defaultAgeHours ? "" : ` --min-age ${ageHours}`;
	return fault(
		"upload",
		"warning",
		`There is an unfinished ${what}, which is kept and paid for`,
		`Remove it: bale doctor ${registry} --abort-uploads${age}; or let the bucket do it (lifecycle rule AbortIncompleteMultipartUpload)`,
		place,
	);
}

function young(what: string, place: string): Finding {
	return fault(
		"upload",
		"note",
		`There is an unfinished ${what}`,
		"Nothing if it is under way; an interrupted push goes on with it when it is run again",
		place,
	);
}
