import { throwIfAborted } from "../storage/abort.ts";

/** How much is under way at once: always the same, or as many as it says at the moment. */
export type Concurrency = number | { readonly limit: number };

/**
 * Runs `work` on every item with at most `concurrency` (at least one) at once; results in the order of the items.
 * The first failure stops the taking of further items and is thrown once the running ones have ended.
 */
export async function mapPool<T, R>(
	items: readonly T[],
	concurrency: Concurrency,
	work: (item: T, index: number) => Promise<R>,
	signal?: AbortSignal,
): Promise<R[]> {
	const results = new Array<R>(items.length);
	let next = 0;
	let lanes = 0;
	let failure: { readonly error: unknown } | undefined;
	const goesOn = (): boolean => failure === undefined && next < items.length;
	await new Promise<void>((resolve) => {
		const lane = async (): Promise<void> => {
			lanes++;
			do {
				const index = next++;
				try {
					throwIfAborted(signal);
					results[index] = await work(items[index] as T, index);
				} catch (error) {
					failure ??= { error };
				}
				fill();
			} while (goesOn() && lanes <= limitOf(concurrency));
			lanes--;
			if (lanes === 0) resolve();
		};
		const fill = (): void => {
			while (goesOn() && lanes < limitOf(concurrency)) void lane();
		};
		fill();
		if (lanes === 0) resolve();
	});
	if (failure !== undefined) throw failure.error;
	return results;
}

export function limitOf(concurrency: Concurrency): number {
	return Math.max(1, typeof concurrency === "number" ? concurrency : concurrency.limit);
}
