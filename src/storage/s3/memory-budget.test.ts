import { expect, test } from "vitest";
import { MemoryBudget } from "./memory-budget.ts";

test("MemoryBudget.with() never holds more than its capacity, and lets everybody through", async () => {
	const budget = new MemoryBudget(10);
	let held = 0;
	let most = 0;
	const done: number[] = [];
	await Promise.all(
		[4, 4, 4, 25, 1, 9, 10, 0].map((bytes, index) =>
			budget.with(bytes, async () => {
				held += bytes;
				if (bytes <= 10) most = Math.max(most, held);
				await new Promise((resolve) => setTimeout(resolve, 1));
				held -= bytes;
				done.push(index);
			}),
		),
	);
	expect(done).toHaveLength(8);
	expect(most).toBeLessThanOrEqual(10);
	await expect(budget.with(5, () => Promise.reject(new TypeError("no")))).rejects.toThrow("no");
	await budget.with(10, () => Promise.resolve());
});
