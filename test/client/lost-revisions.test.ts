import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { lostRevisions } from "../../src/index.ts";
import { expectHealed, raceWithBlindWriter } from "./support/lost-race.ts";
import { newMachine } from "./support/machine.ts";

async function put(registry: string, key: string, bytes: Uint8Array): Promise<void> {
	mkdirSync(dirname(join(registry, key)), { recursive: true });
	writeFileSync(join(registry, key), bytes);
	return Promise.resolve();
}

async function relist(registry: string): Promise<number> {
	let count = 0;
	for await (const { relisted } of lostRevisions(registry, { relist: true }))
		if (relisted !== undefined) count++;
	return count;
}

test("lostRevisions() finds what a racing client has written over in a directory, and lists it again", async () => {
	const registry = newMachine().path("registry");
	const ours = await raceWithBlindWriter(registry, (key, bytes) => put(registry, key, bytes));
	await expectHealed(registry, ours, () => relist(registry));
}, 60_000);

test("lostRevisions() leaves out what has no manifest any more", async () => {
	const registry = newMachine().path("registry");
	const ours = await raceWithBlindWriter(registry, (key, bytes) => put(registry, key, bytes));
	for (const topHash of ours) rmSync(join(registry, ".quilt/packages", topHash));
	expect(await relist(registry)).toBe(0);
}, 60_000);
