import { expect, test } from "vitest";
import { Pace } from "./pace.ts";

/** A server that answers what is asked for at once, but for more than `most` requests, and says "slow" to the others. */
function server(most: number) {
	let underWay = 0;
	const seen = { most: 0, slow: 0, answered: 0 };
	const ask = async (): Promise<"slow" | "done"> => {
		underWay++;
		seen.most = Math.max(seen.most, underWay);
		const isSlow = underWay > most;
		await new Promise((resolve) => setImmediate(resolve));
		underWay--;
		seen[isSlow ? "slow" : "answered"]++;
		return isSlow ? "slow" : "done";
	};
	return { ask, seen };
}

const isSlow = (answer: string): boolean => answer === "slow";

test("as many requests as a client has connections are made at once while nothing speaks against it", async () => {
	const { ask, seen } = server(Infinity);
	const pace = new Pace();
	await Promise.all(Array.from({ length: 200 }, () => pace.run(ask, isSlow)));
	expect(seen).toEqual({ most: 64, slow: 0, answered: 200 });
});

test("a server that asks to slow down gets fewer requests at once, and few that it must refuse", async () => {
	const { ask, seen } = server(4);
	const pace = new Pace();
	const untilDone = async (): Promise<void> => {
		while ((await pace.run(ask, isSlow)) === "slow");
	};
	await Promise.all(Array.from({ length: 64 }, untilDone));
	seen.slow = 0;
	seen.answered = 0;
	await Promise.all(Array.from({ length: 2000 }, untilDone));
	expect(seen.answered).toBe(2000);
	expect(seen.slow).toBeLessThan(400);
	expect(pace.limit).toBeLessThan(10);
});

test("one burst of refusals halves once, and what is answered lets more through again", async () => {
	const pace = new Pace();
	const together = async (count: number, answer: string): Promise<void> => {
		await Promise.all(Array.from({ length: count }, () => pace.run(() => Promise.resolve(answer), isSlow)));
	};
	await together(16, "slow");
	expect(pace.limit).toBe(8);
	await together(8, "slow");
	await together(4, "slow");
	await together(2, "slow");
	for (let turn = 0; turn < 5; turn++) await together(1, "slow");
	expect(pace.limit).toBe(1);
	await together(4, "done");
	expect(pace.limit).toBe(1);
	await together(3, "done");
	expect(pace.limit).toBe(2);
	await together(10_000, "done");
	expect(pace.limit).toBe(64);
});

test("who waits can give up, and whose request fails lets the next one in", async () => {
	const pace = new Pace();
	for (let turn = 0; turn < 8; turn++) await pace.run(() => Promise.resolve("slow"), isSlow);
	expect(pace.limit).toBe(1);
	let fail: (error: Error) => void = () => undefined;
	const first = pace.run(() => new Promise<string>((_, reject) => (fail = reject)), isSlow);
	const stop = new AbortController();
	const second = pace.run(() => Promise.resolve("second"), isSlow, stop.signal);
	const third = pace.run(() => Promise.resolve("third"), isSlow);
	stop.abort();
	await expect(second).rejects.toMatchObject({ code: "Aborted" });
	fail(new Error("reset"));
	await expect(first).rejects.toThrow("reset");
	expect(await third).toBe("third");
});
