import { expect, it } from "vitest";
import { formatBytes, formatCount, formatDuration, plural } from "./format.ts";

it("formatBytes() gives three digits and a binary unit", () => {
	expect([0, 1023, 1024, 1536, 102_400, 2 ** 30, 5 * 2 ** 60].map(formatBytes)).toEqual([
		"0 B",
		"1023 B",
		"1.0 KiB",
		"1.5 KiB",
		"100 KiB",
		"1.0 GiB",
		"5120 PiB",
	]);
});

it("formatCount() groups digits, plural() adds the word", () => {
	expect([0, 999, 1000, 1234567].map(formatCount)).toEqual(["0", "999", "1,000", "1,234,567"]);
	expect([plural(1, "file"), plural(0, "file"), plural(2, "entry", "entries")]).toEqual([
		"1 file",
		"0 files",
		"2 entries",
	]);
});

it("formatDuration() gives minutes and seconds, and hours when needed", () => {
	expect([-1, 0, 59.6, 61, 3599, 3661].map(formatDuration)).toEqual([
		"0:00",
		"0:00",
		"1:00",
		"1:01",
		"59:59",
		"1:01:01",
	]);
});
