import { describe, expect, test } from "vitest";
import { decodePathAgain, formatPackageUri, parsePackageUri } from "../../src/core/package-uri.ts";
import { goldenJson } from "./data.ts";

type Row = {
	readonly uri: string;
	readonly ok: boolean;
	readonly parsed?: {
		readonly bucket: string;
		readonly name: string;
		readonly hash?: string;
		readonly tag?: string;
		readonly path?: string;
	};
	readonly stringified?: string;
};
const { table } = goldenJson("peripherals/uri/parse-table.json") as { readonly table: readonly Row[] };

/** Listed in docs/deviations.md: what Quilt's catalog takes and bale refuses, with our error code. */
const refusedByBale = new Map([
	["quilt+s3://bkt#package=ns/pkg@zz", "InvalidHash"],
	["quilt+s3://#package=ns/pkg", "InvalidUrl"],
	["quilt+s3://bkt#package=pkg", "InvalidName"],
	["quilt+s3://bkt#package=a/b/c", "InvalidName"],
	["quilt+s3://bkt#package=ns/../pkg", "InvalidName"],
]);
/** What bale takes in another way, because it decodes a path once and keeps the catalog. */
const differentInBale = new Map<string, object>([
	["quilt+s3://bkt#package=ns/pkg&path=100%25", { registry: "s3://bkt", name: "ns/pkg", path: "100%" }],
	["quilt+s3://bkt#package=ns/pkg&path=100%2525", { registry: "s3://bkt", name: "ns/pkg", path: "100%25" }],
	[
		"quilt+s3://bkt#package=ns/pkg&catalog=open.example.com",
		{ registry: "s3://bkt", name: "ns/pkg", catalog: "open.example.com" },
	],
	[
		"quilt+s3://bkt#package=ns/pkg&path=x&catalog=open.example.com",
		{ registry: "s3://bkt", name: "ns/pkg", path: "x", catalog: "open.example.com" },
	],
	["quilt+file:///data#package=ns/pkg", { registry: "file:///data", name: "ns/pkg" }],
]);

const refusal: unknown = expect.objectContaining({
	code: expect.stringMatching(/^Invalid(Url|Name|Hash)$/) as string,
});

describe("package URIs of Quilt's catalog", () => {
	test.each(table)("parsePackageUri($uri)", ({ uri, ok, parsed, stringified }) => {
		const different = differentInBale.get(uri);
		if (different !== undefined) {
			expect(parsePackageUri(uri)).toEqual(different);
			return;
		}
		const code = refusedByBale.get(uri);
		if (code !== undefined || !ok || parsed === undefined) {
			expect(() => parsePackageUri(uri)).toThrow(
				code === undefined ? refusal : expect.objectContaining({ code }),
			);
			return;
		}
		const { bucket, name, hash, tag, path } = parsed;
		const reference = parsePackageUri(uri);
		expect(reference).toEqual({
			registry: `s3://${bucket}`,
			name,
			...(hash === undefined ? {} : { topHash: hash }),
			...(tag === undefined ? {} : { pointer: tag }),
			...(path === undefined ? {} : { path }),
		});
		expect(formatPackageUri(reference)).toBe(stringified);
	});

	test("the deviations are rows of the table", () => {
		const uris = new Set(table.map(({ uri }) => uri));
		expect([...refusedByBale.keys(), ...differentInBale.keys()].filter((uri) => !uris.has(uri))).toEqual([]);
		expect(table.length).toBeGreaterThanOrEqual(60);
	});

	test("decodePathAgain() gives what the catalog reads", () => {
		expect(decodePathAgain("100%25")).toBe("100%");
		expect(decodePathAgain("100%")).toBeUndefined();
		expect(decodePathAgain("a b")).toBeUndefined();
		expect(decodePathAgain("%2e%2e/x")).toBeUndefined();
	});
});
