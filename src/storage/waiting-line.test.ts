import { describe, expect, test } from "vitest";
import { WaitingLine } from "./waiting-line.ts";

describe("WaitingLine", () => {
	test("lets in whoever has waited longest, each once", async () => {
		const line = new WaitingLine<string>();
		const both = Promise.all([line.wait(), line.wait()]);
		expect([line.admit("one"), line.admit("two"), line.admit("three")]).toEqual([true, true, false]);
		expect(await both).toEqual(["one", "two"]);
	});

	test("spends nothing on whoever has given up", async () => {
		const line = new WaitingLine<string>();
		const controller = new AbortController();
		const first = line.wait(controller.signal);
		const second = line.wait();
		controller.abort();
		await expect(first).rejects.toMatchObject({ code: "Aborted" });
		expect(line.admit("mine")).toBe(true);
		expect(await second).toBe("mine");
		await expect(line.wait(controller.signal)).rejects.toMatchObject({ code: "Aborted" });
		expect(line.isEmpty).toBe(true);
	});
});
