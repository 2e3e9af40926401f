import { describe, expect, test } from "vitest";
import { formatCanonicalJson, formatManifestJson, JsonSyntaxError, parseJson } from "../../src/core/json.ts";
import { goldenJson } from "./data.ts";

type Outcome = string | { readonly error: string };
type Row = {
	readonly input: string;
	readonly result: { readonly error: string } | { readonly canonical: Outcome; readonly manifest: Outcome };
};
const rows = goldenJson("core/json_text.json") as Row[];

describe("JSON text of quilt3", () => {
	test("the table has its rows", () => {
		expect(rows.length).toBeGreaterThanOrEqual(84);
	});

	test.each(rows)("parseJson($input) and the formatters give what quilt3 gives", ({ input, result }) => {
		if ("error" in result) {
			expect(() => parseJson(input)).toThrow(JsonSyntaxError);
			return;
		}
		const value = parseJson(input);
		expect(formatCanonicalJson(value)).toBe(result.canonical);
		if (typeof result.manifest === "string") expect(formatManifestJson(value)).toBe(result.manifest);
		else
			expect(() => formatManifestJson(value)).toThrow(expect.objectContaining({ code: "InvalidMetadata" }));
	});
});
