import { expect, it } from "vitest";
import { ProgressLine } from "./progress.ts";

function line(columns = 80): { progress: ProgressLine; written: string[]; clock: { now: number } } {
	const written: string[] = [];
	const clock = { now: 0 };
	const progress = new ProgressLine(
		(text) => written.push(text),
		() => columns,
		() => clock.now,
	);
	return { progress, written, clock };
}

it("ProgressLine draws files, bytes, rate and remaining time, ten times a second at most", () => {
	const { progress, written, clock } = line();
	progress.onProgress({ kind: "started", phase: "copy", files: 4, bytes: 4 * 2 ** 20 });
	for (let step = 1; step <= 20; step++) {
		clock.now += 50;
		progress.onProgress({ kind: "advanced", phase: "copy", bytes: 2 ** 20 / 20 });
	}
	progress.onProgress({ kind: "settled", phase: "copy", key: "a", how: "copied" });
	clock.now += 1000;
	progress.onProgress({ kind: "settled", phase: "copy", key: "b", how: "copied" });
	expect(written).toHaveLength(12);
	expect(written.at(-1)).toBe("\rCopying 2/4 files  1.0 MiB of 4.0 MiB  512 KiB/s  0:06 left\u001b[K");
});

it("ProgressLine counts the files that are found", () => {
	const { progress, written, clock } = line();
	progress.onProgress({ kind: "started", phase: "walk", files: 0, bytes: 0 });
	for (const key of ["a", "b", "c"])
		progress.onProgress({ kind: "advanced", phase: "walk", key, bytes: 2 ** 20 });
	clock.now += 100;
	progress.onProgress({ kind: "advanced", phase: "walk", key: "d", bytes: 2 ** 20 });
	expect(written.at(-1)).toBe("\rLooking 4 files  4.0 MiB\u001b[K");
});

it("ProgressLine removes its line when a phase ends, and never exceeds the terminal", () => {
	const { progress, written } = line(12);
	progress.onProgress({ kind: "started", phase: "walk", files: 0, bytes: 0 });
	expect(written).toEqual(["\rLooking 0 f\u001b[K"]);
	progress.onProgress({ kind: "finished", phase: "walk" });
	progress.clear();
	expect(written).toEqual(["\rLooking 0 f\u001b[K", "\r\u001b[K"]);
});

it("ProgressLine ignores warnings and events of phases that it does not know", () => {
	const { progress, written } = line();
	progress.onProgress({ kind: "warning", code: "X", message: "x" });
	progress.onProgress({ kind: "advanced", phase: "hash", bytes: 1 });
	expect(written).toEqual([]);
});
