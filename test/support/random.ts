/** Random numbers that can be had again: the seed is printed, and `BALE_SEED` repeats a run. */
export type Random = {
	/** A number in [0, 1). */
	(): number;
	/** An integer in [from, to]. */
	integer(from: number, to: number): number;
	/** One of the items. */
	pick<T>(items: readonly T[]): T;
	/** True with this probability. */
	chance(probability: number): boolean;
};

/** A generator (mulberry32) that gives the same numbers for the same seed, everywhere. */
export function randomFrom(seed: number): Random {
	let state = seed >>> 0;
	const next = () => {
		state = (state + 0x6d2b79f5) >>> 0;
		let mixed = Math.imul(state ^ (state >>> 15), state | 1);
		mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
	};
	return Object.assign(next, {
		integer: (from: number, to: number) => from + Math.floor(next() * (to - from + 1)),
		pick: <T>(items: readonly T[]) => items[Math.floor(next() * items.length)]!,
		chance: (probability: number) => next() < probability,
	});
}

/** The seed of this run: `BALE_SEED`, or a new one, which is printed. */
export function chooseSeed(what: string): number {
	const given = process.env["BALE_SEED"];
	const seed = given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given);
	if (!Number.isSafeInteger(seed)) throw new Error(`BALE_SEED is no integer: ${given}`);
	console.log(`${what}: BALE_SEED=${seed}`);
	return seed;
}
