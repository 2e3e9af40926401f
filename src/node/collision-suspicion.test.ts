import { describe, expect, test } from "vitest";
import { CollisionSuspicion } from "./collision-suspicion.ts";

function suspects(keys: readonly string[]): string[] {
	const suspicion = new CollisionSuspicion();
	for (const key of keys) suspicion.add(key);
	return suspicion.among(keys);
}

describe("CollisionSuspicion", () => {
	test.each([
		[["A.txt", "a.txt"]],
		[["d/A.txt", "D/a.txt"]],
		[["straße", "STRASSE"]],
		[["\u212a", "k"]],
		[["\u00e9", "e\u0301"]],
		[["E\u0301/x", "\u00e9"]],
		[["a", "a/b"]],
		[["a/b/c/d/e", "A/B"]],
	])("is of all keys in %j, in any order, among others", (keys) => {
		const others = ["0/x", "a0/b", "aa", "z/z/z"];
		for (const order of [keys, keys.toReversed()]) {
			const [first = "", ...rest] = order;
			expect(suspects([first, ...others, ...rest])).toEqual(order);
		}
	});

	test("is of none of many keys that are apart, however they are ordered", () => {
		const keys: string[] = [];
		for (let index = 0; index < 100_000; index++) {
			const number = String(index).padStart(9, "0");
			keys.push(`Data/${number}.csv`, `${number.slice(0, 6)}/${number.slice(6)}/é`);
		}
		expect(suspects(keys)).toEqual([]);
		expect(suspects(keys.sort((a, b) => (a < b ? -1 : 1)))).toEqual([]);
	});
});
