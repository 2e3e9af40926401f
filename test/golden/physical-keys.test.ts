import { describe, expect, test } from "vitest";
import {
	formatPhysicalKey,
	joinPhysicalKey,
	parsePhysicalKey,
	type PhysicalKey,
} from "../../src/core/physical-key.ts";
import { goldenJson } from "./data.ts";

type Failure = { readonly error: string };
type Parts = { readonly bucket: string | null; readonly path: string; readonly version_id?: string | null };
type Parsed = Parts & { readonly text: string };
const vectors = goldenJson("core/physical_keys.json") as {
	readonly parse: readonly { readonly url: string; readonly result: Failure | Parsed }[];
	readonly format: readonly Parsed[];
	readonly join: readonly { readonly base: string; readonly rel: string; readonly text: string | Failure }[];
};

function toKey({ bucket, path, version_id }: Parts): PhysicalKey {
	if (bucket === null) return { kind: "file", path };
	const key = { kind: "s3", bucket, key: path } as const;
	return version_id === null || version_id === undefined ? key : { ...key, versionId: version_id };
}

const badUrl: unknown = expect.objectContaining({
	code: expect.stringMatching(/^(InvalidUrl|UnsupportedScheme)$/) as string,
});

describe("physical keys of quilt3", () => {
	test.each(vectors.parse)("parsePhysicalKey($url)", ({ url, result }) => {
		if ("error" in result) {
			expect(() => parsePhysicalKey(url)).toThrow(badUrl);
			return;
		}
		const key = parsePhysicalKey(url);
		expect(key).toEqual(toKey(result));
		expect(formatPhysicalKey(key)).toBe(result.text);
		expect(parsePhysicalKey(result.text)).toEqual(key);
	});

	test.each(vectors.format)("formatPhysicalKey() gives $text", (row) => {
		expect(formatPhysicalKey(toKey(row))).toBe(row.text);
	});

	test.each(vectors.join)("joinPhysicalKey($base, $rel)", ({ base, rel, text }) => {
		const join = (): string => formatPhysicalKey(joinPhysicalKey(parsePhysicalKey(base), rel));
		if (typeof text === "string") expect(join()).toBe(text);
		else expect(join).toThrow(badUrl);
	});

	test("the tables have their rows", () => {
		expect([vectors.parse.length, vectors.format.length, vectors.join.length]).toEqual([57, 8, 9]);
	});
});
