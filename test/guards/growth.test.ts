/**
 * Work must not grow faster than what it is done on. No time is asserted, since that depends on the machine: calls and bytes
 * are counted, and the CPU time for four times as much is compared with that for once, in one process.
 */
import { describe, expect, it } from "vitest";
import { runScript } from "../support/child.ts";
import { temporaryDirectory } from "../support/temporary.ts";

/** Four times as much, and some room for the noise of a shared machine; work that grows as the square gives 16. */
const linear = 4.6;
const attempts = 4;

async function measure<T>(what: string): Promise<T> {
	return JSON.parse(await runScript("test/guards/growth-process.ts", [what, temporaryDirectory()])) as T;
}

describe("the growth of work", () => {
	it.each(["build", "walk", "list", "ignore"])(
		"%s of four times as much takes at most 4.6 times the CPU time",
		async (what) => {
			const ratios: number[] = [];
			for (let attempt = 0; attempt < attempts && !ratios.some((ratio) => ratio <= linear); attempt++) {
				const { n, fourTimes } = await measure<{ n: number; fourTimes: number }>(what);
				ratios.push(fourTimes / n);
			}
			expect(Math.min(...ratios), `ratios ${ratios.join(", ")}`).toBeLessThanOrEqual(linear);
		},
		240_000,
	);

	it("a build opens each file once and reads each byte once; the next one reads what has changed and no other byte", async () => {
		expect(await measure("calls")).toEqual({
			// The one more is looked for: `.quiltignore`, by name and as a link.
			first: { opened: 300, bytesRead: 30_000, lookedAt: 300 + 2, listed: 4 },
			again: { opened: 0, bytesRead: 0, lookedAt: 300 + 2, listed: 4 },
			changed: { opened: 1, bytesRead: 7, lookedAt: 300 + 2, listed: 4 },
		});
	}, 120_000);
});
