import { expect, test } from "vitest";
import { expectHealed, raceWithBlindWriter } from "../client/support/lost-race.ts";
import { runCliJson } from "../support/cli.ts";
import { onEachServer } from "../support/s3/servers.ts";
import { temporaryDirectory } from "../support/temporary.ts";

onEachServer((server) => {
	test.each([true, false])(
		"with versions %s, bale doctor --heal lists again what a racing client has written over",
		async (versions) => {
			const bucket = await server().makeBucket({ versions });
			const registry = `s3://${bucket}`;
			const store = server().openStore(bucket);
			const ours = await raceWithBlindWriter(registry, async (key, bytes) => {
				await store.put(key, bytes);
			});
			const env = { ...server().environment };
			const doctor = (...args: string[]) =>
				runCliJson(["doctor", registry, ...args], { home: temporaryDirectory(), env });
			const seen = async (...args: string[]): Promise<Record<string, unknown>[]> => {
				const { findings } = (await doctor(...args)) as { findings: Record<string, unknown>[] };
				return findings.filter(({ check }) => check === "lost-revision");
			};
			expect(await seen("--deep")).toContainEqual(
				expect.objectContaining({
					severity: "warning",
					remedy: `List it again: bale doctor ${registry} --heal`,
				}),
			);
			await expectHealed(registry, ours, async () => {
				const healed = await seen("--heal");
				expect(healed.length).toBeGreaterThan(0);
				expect(healed.every(({ severity }) => severity === "ok")).toBe(true);
			});
			expect(await seen("--heal")).toEqual([]);
		},
	);
});
