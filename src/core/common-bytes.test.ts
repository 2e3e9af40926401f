import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { commonBytes } from "./common-bytes.ts";

const native = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

/** The rule, a byte at a time. */
function plainly(a: Uint8Array, aStart: number, b: Uint8Array, bStart: number, length: number): number {
	let at = 0;
	while (at < length && a[aStart + at] === b[bStart + at]) at++;
	return at;
}

describe("commonBytes()", () => {
	test("finds the first byte that differs, wherever the runs begin and with both ways of comparing", () => {
		const place = fc.record({
			length: fc.oneof(fc.nat({ max: 100 }), fc.nat({ max: 70_000 })),
			aStart: fc.nat({ max: 20 }),
			bStart: fc.nat({ max: 20 }),
			differing: fc.option(fc.nat({ max: 70_000 })),
			seed: fc.nat({ max: 255 }),
		});
		fc.assert(
			fc.property(place, ({ length, aStart, bStart, differing, seed }) => {
				const run = Uint8Array.from({ length }, (_, index) => (index * 31 + seed) & 255);
				const a = new Uint8Array(aStart + length + 3).fill(1);
				const b = new Uint8Array(bStart + length + 3).fill(2);
				a.set(run, aStart);
				b.set(run, bStart);
				if (differing !== null && differing < length)
					b[bStart + differing] = (b[bStart + differing] ?? 0) ^ 0x80;
				const expected = plainly(a, aStart, b, bStart, length);
				expect(commonBytes(a, aStart, b, bStart, length)).toBe(expected);
				expect(commonBytes(a, aStart, b, bStart, length, native)).toBe(expected);
			}),
		);
	});

	test("looks at nothing behind the length", () => {
		const bytes = Uint8Array.of(1, 2, 3, 4);
		expect(commonBytes(bytes, 0, bytes, 0, 0)).toBe(0);
		expect(commonBytes(bytes, 1, bytes, 1, 2, native)).toBe(2);
	});
});
