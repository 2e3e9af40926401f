import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatBase64, parseBase64 } from "./base64.ts";
import { createHasher, isKnownHashType, partSize } from "./hash.ts";
import type { Digest, HashType } from "./hash.ts";
import { formatHex, parseHex } from "./hex.ts";
import { createSha256 } from "./sha256.ts";

const bytes = fc.uint8Array({ maxLength: 300 });

/** Feeds `content` cut at `cuts`. */
function feed(
	digest: { update(bytes: Uint8Array): void },
	content: Uint8Array,
	cuts: readonly number[],
): void {
	const ends = [...cuts.map((cut) => cut % (content.length + 1)), content.length].sort((a, b) => a - b);
	let at = 0;
	for (const end of ends) {
		digest.update(content.subarray(at, end));
		at = end;
	}
}

describe("createSha256()", () => {
	test("agrees with node:crypto, however the content is cut", () => {
		fc.assert(
			fc.property(bytes, fc.array(fc.nat(), { maxLength: 6 }), (content, cuts) => {
				const digest = createSha256();
				feed(digest, content, cuts);
				expect(formatHex(digest.digest())).toBe(createHash("sha256").update(content).digest("hex"));
			}),
			{ numRuns: 500 },
		);
	});

	test.each([0, 1, 55, 56, 57, 63, 64, 65, 119, 120, 128, 1_000_003])("is right for %i bytes", (size) => {
		const content = new Uint8Array(size).map((_, i) => i * 7);
		const digest = createSha256();
		digest.update(content);
		expect(formatHex(digest.digest())).toBe(createHash("sha256").update(content).digest("hex"));
	});
});

describe("createHasher()", () => {
	test("gives the same hash however the content is cut, across parts too", () => {
		const content = new Uint8Array(partSize(0) * 2 + 5).map((_, i) => i * 31);
		const nodeSha256 = (): Digest => createHash("sha256");
		const hash = (type: HashType, cuts: readonly number[]): unknown => {
			const hasher = createHasher(type, content.length, nodeSha256);
			feed(hasher, content, cuts);
			return hasher.digest();
		};
		const cut = fc.oneof(
			fc.nat({ max: content.length }),
			fc.constantFrom(partSize(0), partSize(0) - 1, partSize(0) + 1),
		);
		const expected = hash("sha2-256-chunked", []);
		fc.assert(
			fc.property(fc.array(cut, { maxLength: 4 }), (cuts) => {
				expect(hash("sha2-256-chunked", cuts)).toEqual(expected);
			}),
			{ numRuns: 20 },
		);
	});

	test("hashes nothing without parts", () => {
		expect(createHasher("sha2-256-chunked", 0, createSha256).digest().value).toBe(
			"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
		);
	});
});

describe("partSize()", () => {
	test("doubles from 8 MiB until 10,000 parts suffice", () => {
		expect(partSize(83_886_080_000)).toBe(8_388_608);
		expect(partSize(83_886_080_001)).toBe(16_777_216);
		fc.assert(
			fc.property(fc.maxSafeNat(), (size) => {
				expect(Math.ceil(size / partSize(size))).toBeLessThanOrEqual(10_000);
			}),
		);
	});
});

describe("isKnownHashType()", () => {
	test("knows three types, by their exact names", () => {
		expect(["SHA256", "sha2-256-chunked", "CRC64NVME", "sha256", "MD5", ""].map(isKnownHashType)).toEqual([
			true,
			true,
			true,
			false,
			false,
			false,
		]);
	});
});

describe("base64 and hex", () => {
	test("formatBase64() agrees with Node and is undone by parseBase64()", () => {
		fc.assert(
			fc.property(bytes, (content) => {
				const text = formatBase64(content);
				expect(text).toBe(Buffer.from(content).toString("base64"));
				expect(parseBase64(text)).toEqual(content);
			}),
		);
	});

	test.each(["A", "AA", "AAA", "AA=", "A===", "AAAA=", "AB==", "AAB=", "A-==", "AA==\n", " AA=="])(
		"parseBase64(%j) is undefined",
		(text) => {
			expect(parseBase64(text)).toBeUndefined();
		},
	);

	test("formatHex() agrees with Node and is undone by parseHex()", () => {
		fc.assert(
			fc.property(bytes, (content) => {
				expect(formatHex(content)).toBe(Buffer.from(content).toString("hex"));
				expect(parseHex(formatHex(content).toUpperCase())).toEqual(content);
			}),
		);
		expect(parseHex("0")).toBeUndefined();
		expect(parseHex("0g")).toBeUndefined();
	});
});
