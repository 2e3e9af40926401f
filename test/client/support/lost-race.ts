/** What must hold of revisions that a racing client has written over; run on directories and on buckets. */
import { expect } from "vitest";
import {
	deletePackage,
	listPackageVersions,
	lostRevisions,
	Package,
	pushPackage,
	revisions,
	type LostRevision,
	type LostRevisionsOptions,
} from "../../../src/index.ts";
import { publishBlindly, type Put } from "./blind-writer.ts";

const name = "team/data";

async function history(registry: string): Promise<Map<string, string>> {
	const pointers = new Map<string, string>();
	for await (const [pointer, topHash] of listPackageVersions(name, registry)) pointers.set(pointer, topHash);
	return pointers;
}

async function lost(registry: string, options: LostRevisionsOptions = {}): Promise<LostRevision[]> {
	const found: LostRevision[] = [];
	for await (const revision of lostRevisions(registry, options)) found.push(revision);
	return found;
}

/**
 * Publishes with bale while a blind writer publishes at the same place, until it has written over some of ours. Resolves
 * to the top hashes that bale has published.
 */
export async function raceWithBlindWriter(registry: string, put: Put): Promise<string[]> {
	const ours: string[] = [];
	const push = async (): Promise<void> => {
		// Several in one second take the seconds to come, which the other then writes over.
		for (let number = 0; number < 5; number++) {
			const made = new Package().setMeta({ by: "bale", number });
			ours.push((await pushPackage(made, name, { registry, force: true })).topHash);
		}
		await new Promise((resolve) => setTimeout(resolve, 4000));
	};
	await publishBlindly(put, name, push());
	return ours;
}

/** Heals a registry in which some of `ours` are lost, and checks everything on the way. */
export async function expectHealed(
	registry: string,
	ours: readonly string[],
	heal: () => Promise<unknown>,
): Promise<void> {
	const before = await history(registry);
	const missing = ours.filter((topHash) => ![...before.values()].includes(topHash));
	expect(missing.length).toBeGreaterThan(0);
	const found = await lost(registry);
	expect(new Set(found.map(({ topHash }) => topHash))).toEqual(new Set(missing));
	for (const { pointer, replacedBy } of found) expect(before.get(pointer)).toBe(replacedBy);
	expect(await history(registry)).toEqual(before);

	await heal();
	const after = await history(registry);
	for (const [pointer, topHash] of before) expect(after.get(pointer), pointer).toBe(topHash);
	expect([...after.values()]).toEqual(expect.arrayContaining([...ours]));
	expect(after.size).toBe(before.size + missing.length);
	for (const topHash of missing) {
		const healed = await Package.browse(name, { registry, topHash });
		expect(healed.meta).toMatchObject({ by: "bale" });
	}
	expect(await lost(registry, { relist: true })).toEqual([]);
	for await (const { topHash, author } of revisions(name, registry)) {
		if (missing.includes(topHash)) expect(author).toMatch(/./);
	}

	const [deleted = ""] = missing;
	await deletePackage(name, registry, { topHash: deleted });
	expect(await lost(registry, { relist: true })).toEqual([]);
	expect([...(await history(registry)).values()]).not.toContain(deleted);
}
