/**
 * Work must not grow faster than what it is done on. No time is asserted, since that depends on the machine: calls and bytes
 * are counted, and the CPU time for four times as much is compared with that for once, in one process.
 */
import { describe, expect, it } from "vitest";
import { runScript } from "../support/child.ts";
import { temporaryDirectory } from "../support/temporary.ts";

/** Four times as much, and some room for the noise of a shared machine; work that grows as the square gives 16. */
const linear = 4.6;
/** Two steps more. */
const logarithmic = 1.3;
const attempts = 4;

async function measure<T>(what: string): Promise<T> {
	return JSON.parse(await runScript("test/guards/growth-process.ts", [what, temporaryDirectory()])) as T;
}

describe("the growth of work", () => {
	const most: Readonly<Record<string, number>> = {
		build: linear,
		walk: linear,
		list: linear,
		ignore: linear,
		load: linear,
		diff: linear,
		edit: linear,
		push: linear,
		install: linear,
		key: logarithmic,
	};
	const ratiosOf = (names: string): Promise<Record<string, number>> => measure(names);
	/** Measured in one process, since starting one takes longer than most works do. */
	let together: Promise<Record<string, number>> | undefined;

	it.each(Object.entries(most))(
		"%s of four times as much takes at most %d times the CPU time",
		async (name, limit) => {
			together ??= ratiosOf(Object.keys(most).join(","));
			const ratios = [(await together)[name] ?? NaN];
			while (ratios.length < attempts && !ratios.some((ratio) => ratio <= limit))
				ratios.push((await ratiosOf(name))[name] ?? NaN);
			expect(Math.min(...ratios), `ratios ${ratios.join(", ")}`).toBeLessThanOrEqual(limit);
		},
		240_000,
	);

	it("finding a key of a manifest that was read before reads little more of one that is four times as large", async () => {
		const [n, fourTimes] = await measure<[number, number]>("key-reads");
		expect(n).toBeGreaterThan(0);
		expect(fourTimes / n).toBeLessThanOrEqual(logarithmic);
	}, 60_000);

	it("a build opens each file once and reads each byte once; the next one reads what has changed and no other byte", async () => {
		expect(await measure("calls")).toEqual({
			// The one more is looked for: `.quiltignore`, by name and as a link.
			first: { opened: 300, bytesRead: 30_000, bytesWritten: 0, lookedAt: 300 + 2, listed: 4 },
			again: { opened: 0, bytesRead: 0, bytesWritten: 0, lookedAt: 300 + 2, listed: 4 },
			changed: { opened: 1, bytesRead: 7, bytesWritten: 0, lookedAt: 300 + 2, listed: 4 },
		});
	}, 120_000);

	it("a package that is opened in full takes at most 400 bytes of memory for each entry", async () => {
		const { fromFile, fromText } = await measure<{ fromFile: number; fromText: number }>("memory");
		// In its file it stays there.
		expect(fromFile).toBeLessThanOrEqual(100);
		expect(fromText).toBeLessThanOrEqual(400);
	}, 120_000);

	it("a push and an installation open each file once, and read and write each byte once; the next installation none", async () => {
		const counts = await measure<Record<string, Record<string, number>>>("moves");
		const besides = Number(counts["manifest, pointers and author"]);
		const [all, none] = [
			{ opened: 300, bytesRead: 30_000, bytesWritten: 0 },
			{ opened: 0, bytesRead: 0, bytesWritten: 0 },
		];
		expect(counts).toMatchObject({
			"push: folder": all,
			// Manifest, two pointers and the author, each by a temporary name.
			"push: registry": { opened: 300 + 4, bytesRead: 0, bytesWritten: 30_000 + besides },
			"install: registry": all,
			// Three are the directories, which are synced.
			"install: destination": { opened: 300 + 3, bytesRead: 0, bytesWritten: 30_000 },
			"install again: registry": none,
			"install again: destination": none,
		});
	}, 120_000);
});
