import { throwIfAborted } from "../storage/abort.ts";

/**
 * Runs `work` on every item with at most `concurrency` at once; results in the order of the items.
 * The first failure stops the taking of further items and is thrown once the running ones have ended.
 */
export async function mapPool<T, R>(
	items: readonly T[],
	concurrency: number,
	work: (item: T, index: number) => Promise<R>,
	signal?: AbortSignal,
): Promise<R[]> {
	const results = new Array<R>(items.length);
	let next = 0;
	let failed = false;
	const lane = async (): Promise<void> => {
		while (!failed && next < items.length) {
			const index = next++;
			try {
				throwIfAborted(signal);
				results[index] = await work(items[index] as T, index);
			} catch (error) {
				failed = true;
				throw error;
			}
		}
	};
	const lanes = Array.from({ length: Math.min(Math.max(1, concurrency), items.length) }, lane);
	const settled = await Promise.allSettled(lanes);
	const rejected = settled.find((result) => result.status === "rejected");
	if (rejected) throw rejected.reason;
	return results;
}
