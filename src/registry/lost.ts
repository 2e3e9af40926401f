/**
 * Revisions that were published and that no pointer names any more, because a client that writes pointers without a
 * condition has written over theirs in the same second. What bale recorded of the publication tells of them.
 */
import { BaleError, isBaleError } from "../core/errors.ts";
import { layout } from "../core/layout.ts";
import type { PackageName } from "../core/names.ts";
import type { TopHash } from "../core/top-hash.ts";
import { forgetAuthor, publicationNames, readPublication, recordAuthor } from "./authors.ts";
import type { Registry } from "./registry.ts";

const secondsTried = 1000;

export type LostRevision = {
	readonly name: PackageName;
	readonly topHash: TopHash;
	readonly author: string;
	/** The timestamp pointer that named it. */
	readonly pointer: string;
	/** The revision that this pointer names now. */
	readonly replacedBy: TopHash;
};

/**
 * The lost revisions of a registry, by package. Only a pointer that is there and names another revision was written
 * over: one that is gone was deleted on purpose. A revision whose manifest is gone cannot be listed again and is left
 * out.
 */
export async function* findLost(
	registry: Registry,
	signal?: AbortSignal,
): AsyncGenerator<LostRevision, void> {
	for await (const { name, pointers } of publicationNames(registry, signal)) {
		const present = (await registry.pointers(name, signal)).filter(({ pointer }) => pointer !== "latest");
		const listed = new Set<string>(present.map(({ topHash }) => topHash));
		const named = new Map(present.map(({ pointer, topHash }) => [pointer, topHash]));
		for (const pointer of pointers) {
			const replacedBy = named.get(pointer);
			if (replacedBy === undefined) continue;
			const publication = await readPublication(registry, name, pointer, signal);
			const topHash = publication?.topHash;
			if (topHash === undefined || listed.has(topHash)) continue;
			if (!(await registry.has(topHash, signal))) continue;
			yield { name, topHash, author: publication?.author ?? "", pointer, replacedBy };
		}
	}
}

/**
 * Lists a lost revision again, under the next free second after the one that it was published in; returns that
 * pointer. `latest` stays: whoever wrote over the pointer has moved it since. Throws `StoreUnavailable` when no second
 * is free.
 */
export async function relist(registry: Registry, lost: LostRevision, signal?: AbortSignal): Promise<string> {
	const { name, topHash, author, pointer } = lost;
	const first = Number(pointer) + 1;
	for (let seconds = first; seconds < first + secondsTried; seconds++) {
		try {
			await registry.store.put(layout.timestamp(name, seconds), new TextEncoder().encode(topHash), {
				signal,
				condition: { ifAbsent: true },
			});
		} catch (error) {
			if (isBaleError(error, "Conflict")) continue;
			throw error;
		}
		const written = String(seconds);
		await recordAuthor(registry, name, { pointer: written, author, topHash }, signal);
		await forgetAuthor(registry, name, pointer);
		return written;
	}
	throw new BaleError("StoreUnavailable", `Cannot find a free second for "${name}" in ${registry.location}`);
}
