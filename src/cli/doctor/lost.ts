/** Published revisions that the history of a registry lacks. */
import { shortHash } from "../format.ts";
import { type Finding, fault, ok } from "./finding.ts";

/** Looks for revisions whose pointer another client has written over; with `heal`, lists them again. */
export async function checkLost(
	registry: string,
	{ heal, signal }: { readonly heal: boolean; readonly signal: AbortSignal },
): Promise<Finding[]> {
	const { isBaleError, lostRevisions } = await import("../client.ts");
	const found: Finding[] = [];
	try {
		for await (const lost of lostRevisions(registry, { relist: heal, signal })) {
			const { name, author, pointer, replacedBy, relisted } = lost;
			const revision = `${name}@${shortHash(lost.topHash)}${author === "" ? "" : `, published by ${author}`}`;
			const cause = `its pointer ${pointer} names ${shortHash(replacedBy)} now, by a client that does not look`;
			if (relisted === undefined) {
				found.push(
					fault(
						"lost-revision",
						"warning",
						`The history of ${registry} lacks ${revision}: ${cause}`,
						`List it again: bale doctor ${registry} --heal`,
					),
				);
			} else found.push(ok("lost-revision", `Listed ${revision} again as ${relisted}: ${cause}`));
		}
	} catch (error) {
		if (!isBaleError(error) || error.code === "Aborted") throw error;
		// What cannot be read at all, the other checks tell of.
		if (heal) {
			const remedy = error.hint ?? "Mend the registry first";
			found.push(
				fault("lost-revision", "problem", `Lost revisions cannot be looked for: ${error.message}`, remedy),
			);
		}
	}
	return found;
}
