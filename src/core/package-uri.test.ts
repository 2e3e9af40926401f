import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { anyText } from "../../test/support/json-arbitrary.ts";
import { isLogicalKey } from "./logical-key.ts";
import { parsePackageName } from "./names.ts";
import { formatPackageUri, isPackageUri, parsePackageReference, parsePackageUri } from "./package-uri.ts";
import type { PackageUri } from "./package-uri.ts";

const topHash = "0123456789abcdef".repeat(4);
const code = (expected: string): unknown => expect.objectContaining({ code: expected });

describe("formatPackageUri()", () => {
	test("is undone by parsePackageUri()", () => {
		const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
			fc.option(arbitrary, { nil: undefined });
		const uri: fc.Arbitrary<PackageUri> = fc
			.record({
				name: fc.constantFrom("ann/cats", "é/ü", "-/_").map(parsePackageName),
				registry: fc.constantFrom("s3://bucket", "s3://b.c-d:8080", "file:///data/a%20b", "file:///"),
				revision: fc.constantFrom(
					{},
					{ topHash },
					{ topHash: "abc123" },
					{ pointer: "latest" },
					{ pointer: "17" },
				),
				path: optional(
					fc.tuple(anyText.filter(isLogicalKey), fc.constantFrom("", "/")).map((parts) => parts.join("")),
				),
				catalog: optional(fc.constantFrom("catalog.example.com", "a&b#c%20+")),
				endpoint: optional(fc.constantFrom("https://minio.example.com:9000/x?y#z")),
			})
			.map(({ revision, ...fields }) => ({
				...(Object.fromEntries(
					Object.entries(fields).filter(([, value]) => value !== undefined),
				) as PackageUri),
				...revision,
			}));
		fc.assert(
			fc.property(uri, (reference) => {
				expect(parsePackageUri(formatPackageUri(reference))).toEqual(reference);
			}),
			{ numRuns: 500 },
		);
	});

	test("writes package, path and catalog in this order, with delimiters encoded", () => {
		const name = parsePackageName("ann/cats");
		expect(formatPackageUri({ name, registry: "s3://b", topHash, path: "a/100% &#+", catalog: "c.io" })).toBe(
			`quilt+s3://b#package=ann/cats@${topHash}&path=a%2F100%25%20%26%23%2B&catalog=c.io`,
		);
		expect(formatPackageUri({ name, registry: "file:///d", pointer: "latest" })).toBe(
			"quilt+file:///d#package=ann/cats:latest",
		);
	});

	test("refuses a registry inside a bucket", () => {
		const name = parsePackageName("ann/cats");
		expect(() => formatPackageUri({ name, registry: "s3://b/prefix" })).toThrow(code("InvalidUrl"));
		expect(() => formatPackageUri({ name, registry: "http://b" })).toThrow(code("UnsupportedScheme"));
	});
});

describe("parsePackageUri()", () => {
	test.each([
		["quilt+s3://b#package=ann/cats&path=../x", "InvalidUrl"],
		["quilt+s3://b#package=ann/cats&path=a/../x", "InvalidUrl"],
		["quilt+s3://b#package=ann/cats&path=/etc/passwd", "InvalidUrl"],
		["quilt+s3://b#package=ann/cats@ABCDEF", "InvalidHash"],
		["quilt+s3://b#package=ann/cats@abc", "InvalidHash"],
		[`quilt+s3://b#package=ann/cats@${topHash}0`, "InvalidHash"],
		["quilt+s3://b#package=ann/cats:../../x", "InvalidUrl"],
		["quilt+s3://b#package=ann/cats:..", "InvalidUrl"],
		["quilt+s3://b?endpoint=javascript:x#package=ann/cats", "InvalidUrl"],
		["quilt+s3://b?endpoint=https://x&y=1#package=ann/cats", "InvalidUrl"],
		["quilt+file://host/d#package=ann/cats", "InvalidUrl"],
		["quilt+file://#package=ann/cats", "InvalidUrl"],
		["quilt+s3://b#package=ann/cats&path=%E0%A4", "InvalidUrl"],
	])("refuses %s with %s", (uri, expected) => {
		expect(() => parsePackageUri(uri)).toThrow(code(expected));
	});

	test("keeps the endpoint of a store that is not AWS", () => {
		expect(parsePackageUri("quilt+s3://b?endpoint=http%3A%2F%2Flocalhost%3A9000#package=ann/cats")).toEqual({
			name: "ann/cats",
			registry: "s3://b",
			endpoint: "http://localhost:9000",
		});
	});
});

describe("parsePackageReference()", () => {
	test("reads the short forms and URIs", () => {
		expect(parsePackageReference("ann/cats")).toEqual({ name: "ann/cats" });
		expect(parsePackageReference("ann/cats@abc123")).toEqual({ name: "ann/cats", topHash: "abc123" });
		expect(parsePackageReference("ann/cats:latest")).toEqual({ name: "ann/cats", pointer: "latest" });
		expect(parsePackageReference("ann/cats:1741661321")).toEqual({ name: "ann/cats", pointer: "1741661321" });
		expect(parsePackageReference("QUILT+S3://B#package=ann/cats:latest")).toEqual({
			name: "ann/cats",
			registry: "s3://b",
			pointer: "latest",
		});
	});

	test.each([
		["s3://b/x", "UnsupportedScheme"],
		["https://catalog/b/x", "UnsupportedScheme"],
		["cats", "InvalidName"],
		["ann/cats/x", "InvalidName"],
		["ann/cats@", "InvalidHash"],
		["ann/cats:", "InvalidUrl"],
		["ann/cats:a:b", "InvalidUrl"],
		["ann/cats:a@b", "InvalidUrl"],
		["@abc123", "InvalidName"],
		["", "InvalidName"],
	])("refuses %j with %s", (text, expected) => {
		expect(() => parsePackageReference(text)).toThrow(code(expected));
	});
});

describe("isPackageUri()", () => {
	test("looks at the beginning only", () => {
		expect(["quilt+s3://b", " QUILT+x", "s3://b", "ann/cats"].map(isPackageUri)).toEqual([
			true,
			true,
			false,
			false,
		]);
	});
});
