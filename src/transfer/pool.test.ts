import { expect, test } from "vitest";
import { mapPool, type Concurrency } from "./pool.ts";

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1));

/** The most that were under way at once, at each item. */
async function busy(count: number, concurrency: Concurrency): Promise<number[]> {
	let running = 0;
	return mapPool([...new Array(count).keys()], concurrency, async () => {
		const now = ++running;
		await turn();
		running--;
		return now;
	});
}

test("results come in the order of the items", async () => {
	const waits = [5, 1, 3, 0];
	const results = await mapPool(waits, 4, async (wait, index) => {
		await new Promise((resolve) => setTimeout(resolve, wait));
		return `${index}: ${wait}`;
	});
	expect(results).toEqual(["0: 5", "1: 1", "2: 3", "3: 0"]);
});

test("no items are no work", async () => {
	expect(await mapPool([], 4, () => Promise.reject(new Error("called")))).toEqual([]);
});

test("so many are under way at once as were said, and one at least", async () => {
	expect(Math.max(...(await busy(40, 4)))).toBe(4);
	expect(Math.max(...(await busy(4, 0)))).toBe(1);
	expect(Math.max(...(await busy(3, 10)))).toBe(3);
});

test("the number may change while it works", async () => {
	const concurrency = { limit: 2 };
	let running = 0;
	const seen = await mapPool([...new Array(60).keys()], concurrency, async (item) => {
		running++;
		if (item === 20) concurrency.limit = 8;
		if (item === 40) concurrency.limit = 3;
		await turn();
		return running--;
	});
	expect(Math.max(...seen.slice(0, 20))).toBe(2);
	expect(Math.max(...seen.slice(22, 40))).toBe(8);
	expect(Math.max(...seen.slice(50))).toBe(3);
});

test("the first failure is thrown when what runs has ended, and nothing else begins", async () => {
	const ended: number[] = [];
	const begun: number[] = [];
	const work = async (item: number): Promise<void> => {
		begun.push(item);
		await turn();
		if (item === 1) throw new Error("first");
		await turn();
		ended.push(item);
	};
	await expect(mapPool([0, 1, 2, 3, 4, 5], 3, work)).rejects.toThrow("first");
	expect(begun).toEqual([0, 1, 2]);
	expect(ended).toEqual([0, 2]);
});

test("after an abort nothing begins", async () => {
	const abort = new AbortController();
	const begun: number[] = [];
	const work = async (item: number): Promise<void> => {
		begun.push(item);
		abort.abort();
		await turn();
	};
	await expect(mapPool([0, 1, 2, 3], 1, work, abort.signal)).rejects.toMatchObject({ code: "Aborted" });
	expect(begun).toEqual([0]);
});
