import { describe, expect, test } from "vitest";
import { isLogicalKey, parseLogicalKey } from "../../src/core/logical-key.ts";
import { parsePackageName } from "../../src/core/names.ts";
import { goldenJson } from "./data.ts";

type Outcome = "ok" | { readonly error: string };
const vectors = goldenJson("core/names.json") as {
	readonly package_names: readonly { readonly name: string; readonly result: Outcome }[];
	readonly logical_keys: readonly { readonly key: string; readonly result: Outcome }[];
};

/** Listed in docs/deviations.md. */
const refusedByBale = ["a/b\n"];

describe("names of quilt3", () => {
	test.each(vectors.package_names)("parsePackageName($name)", ({ name, result }) => {
		const parse = (): string => parsePackageName(name);
		if (result === "ok" && !refusedByBale.includes(name)) expect(parse()).toBe(name);
		else expect(parse).toThrow(expect.objectContaining({ code: "InvalidName" }));
	});

	test.each(vectors.logical_keys)("parseLogicalKey($key)", ({ key, result }) => {
		const parse = (): string => parseLogicalKey(key);
		expect(isLogicalKey(key)).toBe(result === "ok");
		if (result === "ok") expect(parse()).toBe(key);
		else expect(parse).toThrow(expect.objectContaining({ code: "InvalidKey" }));
	});

	test("the tables have their rows", () => {
		expect([vectors.package_names.length, vectors.logical_keys.length]).toEqual([33, 29]);
	});
});
