import { afterEach, expect, it, vi } from "vitest";
import { BaleError, type ErrorCode, errorTable } from "../core/errors.ts";
import { reportFailure } from "./failure.ts";

const plain = { json: false, debug: false, noColor: true };

function capture(stream: "stdout" | "stderr"): () => string {
	const write = vi.spyOn(process[stream], "write").mockReturnValue(true);
	return () => write.mock.calls.map(([text]) => String(text)).join("");
}

afterEach(() => {
	vi.restoreAllMocks();
});

it("reportFailure() prints a foreign error as one sentence, with exit code 1, and its stack with debug only", async () => {
	const stderr = capture("stderr");
	expect(await reportFailure(new Error("odd\nsecond line"), process, plain)).toBe(1);
	expect(stderr()).toBe(
		"error: bale failed in a way that it did not foresee: odd\nhint: Run the same command with --debug and report what it prints\n",
	);
	const cause = new BaleError("StoreUnavailable", "The disk\u001b is gone", {
		cause: new TypeError("below"),
	});
	expect(await reportFailure(cause, process, { ...plain, debug: true })).toBe(15);
	expect(stderr()).toContain("error: The disk\\u001b is gone\n");
	expect(stderr()).toMatch(/BaleError: The disk\\u001b is gone\n\s+at /);
	expect(stderr()).toContain("caused by: TypeError: below");
});

it("reportFailure() lists what is in the details, twenty lines at most", async () => {
	const stderr = capture("stderr");
	const files = Array.from({ length: 30 }, (_, index) => `file-${String(index)}`);
	await reportFailure(
		new BaleError("DestinationConflict", "Files would be lost", { details: { files } }),
		process,
		plain,
	);
	expect(stderr()).toContain("  file-19\n  and 10 more\n");
	expect(stderr()).not.toContain("file-20\n");
});

it("reportFailure() prints one document with json, also for foreign errors and big integers", async () => {
	const stdout = capture("stdout");
	const stderr = capture("stderr");
	await reportFailure(new BaleError("Locked", "Held", { details: { size: 2n ** 70n } }), process, {
		...plain,
		json: true,
	});
	expect(JSON.parse(stdout())).toEqual({
		schema: "bale.error/1",
		error: {
			code: "Locked",
			message: "Held",
			hint: "Wait for the other process, then run the same command again",
			details: { size: "1180591620717411303424" },
		},
	});
	expect(stderr()).toBe("");
});

it("reportFailure() gives a hint for every code, also when the error has none", async () => {
	for (const code of Object.keys(errorTable) as ErrorCode[]) {
		const stderr = capture("stderr");
		await reportFailure(new BaleError(code, "It failed"), process, plain);
		expect(stderr()).toMatch(/^error: It failed\nhint: \S.{8,}\n$/);
		vi.restoreAllMocks();
	}
});
