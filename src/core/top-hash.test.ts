import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { emptyObject } from "./json.ts";
import { parseManifest } from "./manifest.ts";
import { createSha256 } from "./sha256.ts";
import { canonicalParts, computeTopHash, parseTopHash } from "./top-hash.ts";
import { Tree } from "./tree.ts";
import { encodeUtf8 } from "./utf8.ts";

const line = (key: string, rest = ""): string =>
	`{"logical_key": "${key}", "physical_keys": ["s3://b/${key}"], "size": 5, "hash": {"type": "SHA256", "value": "00"}, "meta": {}${rest}}\n`;
const hashOf = (text: string): string => {
	const { header, tree } = parseManifest(encodeUtf8(text));
	return computeTopHash(header, tree, createSha256);
};

describe("computeTopHash()", () => {
	test("gives the fixed points of quilt3", () => {
		expect(computeTopHash(new Map([["version", "v0"]]), new Tree(), createSha256)).toBe(
			"7a67ff45a4a4c4814ea89d82bb9fb6fbf06caebc79d6507121b549213c747537",
		);
		const built = new Map([
			["version", "v0"],
			["message", null],
		]);
		expect(computeTopHash(built, new Tree(), createSha256)).toBe(
			"2a5a67156ca9238c14d12042db51c5b52260fdd5511b61ea89b58929d6e1769b",
		);
	});

	test("ignores physical keys, metadata of directories and the order of lines", () => {
		const head = '{"version": "v0"}\n';
		const expected = hashOf(head + line("a") + line("d/b"));
		expect(hashOf(head + line("d/b") + line("a").replace("s3://b/a", "file:///elsewhere"))).toBe(expected);
		expect(hashOf(`${head}${line("a")}{"logical_key": "d/", "meta": {"x": 1}}\n${line("d/b")}`)).toBe(
			expected,
		);
	});

	test("changes with every field of the header, sizes, hashes and metadata", () => {
		const texts = [
			'{"version": "v0"}\n' + line("a"),
			'{"version": "v1"}\n' + line("a"),
			'{"version": "v0", "x": null}\n' + line("a"),
			'{"version": "v0"}\n' + line("b"),
			'{"version": "v0"}\n' + line("a").replace("5", "6"),
			'{"version": "v0"}\n' + line("a").replace('"00"', '"01"'),
			'{"version": "v0"}\n' + line("a").replace('"meta": {}', '"meta": {"x": 1}'),
			'{"version": "v0"}\n' + line("a").replace('"meta": {}', '"meta": {"x": 1.0}'),
		];
		expect(new Set(texts.map(hashOf)).size).toBe(texts.length);
	});

	test("hashes large packages in blocks", () => {
		const text = '{"version": "v0"}\n' + Array.from({ length: 3000 }, (_, i) => line(`f${i}`)).join("");
		const { header, tree } = parseManifest(encodeUtf8(text));
		const whole = [...canonicalParts(header, tree)].join("");
		expect(whole.length).toBeGreaterThan(200_000);
		expect(computeTopHash(header, tree, createSha256)).toBe(createHash("sha256").update(whole).digest("hex"));
	});

	test("names the entry that has no hash or no size", () => {
		const tree = new Tree();
		const physicalKey = { kind: "file", path: "/x" } as const;
		tree.set("d/x", { physicalKey, size: 5, hash: undefined, meta: emptyObject });
		expect(() => computeTopHash(new Map(), tree, createSha256)).toThrow(
			expect.objectContaining({ code: "Unverifiable", details: { key: "d/x", missing: "hash" } }),
		);
		tree.set("d/x", {
			physicalKey,
			size: undefined,
			hash: { type: "SHA256", value: "0" },
			meta: emptyObject,
		});
		expect(() => computeTopHash(new Map(), tree, createSha256)).toThrow(
			expect.objectContaining({ code: "Unverifiable", details: { key: "d/x", missing: "size" } }),
		);
	});
});

describe("parseTopHash()", () => {
	test("takes 64 lower-case hexadecimal digits and nothing else", () => {
		const good = "0123456789abcdef".repeat(4);
		expect(parseTopHash(good)).toBe(good);
		for (const bad of [
			good.toUpperCase(),
			good.slice(1),
			`${good}0`,
			`${good}\n`,
			"",
			good.replace("0", "g"),
		]) {
			expect(() => parseTopHash(bad)).toThrow(expect.objectContaining({ code: "InvalidHash" }));
		}
	});
});
