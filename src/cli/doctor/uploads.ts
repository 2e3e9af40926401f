/** What broken uploads have left in a bucket. */
import { plural } from "../format.ts";
import { type Finding, fault, ok } from "./finding.ts";

export const hourMs = 60 * 60 * 1000;
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
			const { place, uploadId: id, startedAt, size: bytes, aborted } = upload;
			const hours = hoursSince(startedAt);
			const what = `upload of ${place}, begun ${plural(hours, "hour")} ago, with ${plural(bytes, "byte")}`;
			const finding = aborted
				? ok("upload", `Aborted the unfinished ${what}`, place)
				: hours >= ageHours
					? stale(what, registry, ageHours, place)
					: young(what, place);
			findings.push({ ...finding, upload: { id, startedAt: startedAt.toISOString(), bytes, aborted } });
		}
	} catch (error) {
		if (!isBaleError(error, "AccessDenied", "Unsupported")) throw error;
		const remedy = error.hint ?? "Use other credentials";
		const isSeen = error.details["action"] === "s3:AbortMultipartUpload";
		findings.push(
			isSeen
				? fault("uploads", "problem", `Unfinished uploads cannot be removed: ${error.message}`, remedy)
				: fault("uploads", "note", `Unfinished uploads cannot be seen: ${error.message}`, remedy),
		);
	}
	return findings.length === 0 ? [ok("uploads", `No unfinished uploads in ${registry}`)] : findings;
}

function stale(what: string, registry: string, ageHours: number, place: string): Finding {
	return fault(
		"upload",
		"warning",
		`There is an unfinished ${what}, which is kept and paid for`,
		`Remove it: ${removalCommand(registry, ageHours)}; or let the bucket do it (lifecycle rule AbortIncompleteMultipartUpload)`,
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

export function hoursSince(time: Date): number {
	return Math.floor((Date.now() - time.getTime()) / hourMs);
}

/** What removes all that was begun at least so many hours ago. */
export function removalCommand(registry: string, ageHours: number): string {
	const age = ageHours === defaultAgeHours ? "" : ` --min-age ${ageHours}`;
	return `bale doctor ${registry} --abort-uploads${age}`;
}
