/** Revisions whose pointer another client has written over: found, and listed again. */
import { throwIfAborted } from "../storage/abort.ts";
import { findLost, relist } from "../registry/lost.ts";
import { openRegistry, type RegistryInput } from "./registries.ts";

export type LostRevision = {
	readonly name: string;
	readonly topHash: string;
	/** Who published it. */
	readonly author: string;
	/** The timestamp pointer that named it. */
	readonly pointer: string;
	/** Top hash of the revision that this pointer names now. */
	readonly replacedBy: string;
	/** The timestamp pointer that names it again; absent unless it was relisted now. */
	readonly relisted?: string;
};

export type LostRevisionsOptions = {
	/** Give each a timestamp pointer again, after the one that it had. `latest` is not moved. */
	readonly relist?: boolean | undefined;
	readonly signal?: AbortSignal | undefined;
};

/**
 * The revisions that bale published in a registry and that its history lacks, because a client that does not look has
 * written another one to their pointer. Those that were deleted are none.
 */
export async function* lostRevisions(
	registry: RegistryInput,
	options: LostRevisionsOptions = {},
): AsyncGenerator<LostRevision, void> {
	const opened = await openRegistry(registry);
	const { signal } = options;
	for await (const lost of findLost(opened, signal)) {
		throwIfAborted(signal);
		yield options.relist === true ? { ...lost, relisted: await relist(opened, lost, signal) } : lost;
	}
}
