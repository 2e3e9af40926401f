import { expect, test } from "vitest";
import { Lanes } from "./lanes.ts";

/** So many answers, each after a time that depends on how many requests are under way. */
function run(lanes: Lanes, answers: number, milliseconds: (atOnce: number) => number, kind = "PUT"): void {
	for (let answer = 0; answer < answers; answer++) lanes.answered(kind, milliseconds(lanes.limit));
}

test("it begins with 16", () => {
	expect(new Lanes().limit).toBe(16);
});

test("a service that is far away gets more, up to 64", () => {
	const lanes = new Lanes();
	run(lanes, 15, () => 50);
	expect(lanes.limit).toBe(16);
	run(lanes, 1, () => 50);
	expect(lanes.limit).toBe(20);
	run(lanes, 2000, () => 50);
	expect(lanes.limit).toBe(64);
});

test("kinds of requests that take different times are looked at apart", () => {
	const lanes = new Lanes();
	for (let round = 0; round < 1000; round++) {
		run(lanes, 1, () => 20, "HEAD");
		run(lanes, 1, () => 90, "PUT");
	}
	expect(lanes.limit).toBe(64);
});

test("one that is nearby gets no more", () => {
	const lanes = new Lanes();
	run(lanes, 2000, () => 3);
	expect(lanes.limit).toBe(16);
});

test("where more at once only take longer, it stays where that begins", () => {
	const lanes = new Lanes();
	run(lanes, 1, () => 40);
	run(lanes, 5000, (atOnce) => Math.max(40, 40 * 3 * (atOnce / 32)));
	expect(lanes.limit).toBeGreaterThanOrEqual(24);
	expect(lanes.limit).toBeLessThanOrEqual(36);
});

test("what has become crowded goes back to 16, not below", () => {
	const lanes = new Lanes();
	run(lanes, 2000, () => 40);
	run(lanes, 2000, () => 400);
	expect(lanes.limit).toBe(16);
});
