/** Every golden case as a manifest: read it, hash it, write it again. Its steps are run elsewhere. */
import { describe, expect, test } from "vitest";
import { formatManifest, ManifestParser, parseManifest } from "../../src/core/manifest.ts";
import { createSha256 } from "../../src/core/sha256.ts";
import { canonicalParts, computeTopHash } from "../../src/core/top-hash.ts";
import { decodeUtf8 } from "../../src/core/utf8.ts";
import { goldenBytes, goldenJson, goldenText } from "./data.ts";

type Case = {
	readonly steps: readonly { readonly op: string }[];
	readonly expect: {
		readonly top_hash: string;
		readonly logical_keys_in_order: readonly string[];
		readonly dump_fails_with?: string;
	};
};
const ids = (
	goldenJson("core/index.json") as readonly { readonly id: string; readonly top_hash: string }[]
).map(({ id }) => id);

describe("manifests of quilt3", () => {
	test("there are all fifty cases", () => {
		expect(ids.length).toBe(50);
	});

	describe.each(ids)("%s", (id) => {
		const folder = `core/cases/${id}`;
		const golden = goldenJson(`${folder}/case.json`) as Case;
		const written = goldenBytes(`${folder}/manifest.jsonl`);
		const loadOnly = golden.steps.every(({ op }) => op === "load");
		const input = loadOnly ? goldenBytes(`${folder}/input/manifest.jsonl`) : undefined;
		const sources = [written, input].filter((bytes) => bytes !== undefined);

		test("there is a manifest to read", () => {
			expect(sources.length).toBeGreaterThan(0);
		});

		test("computeTopHash() and canonicalParts() give its hash and text", () => {
			for (const bytes of sources) {
				const { header, tree } = parseManifest(bytes);
				expect([...canonicalParts(header, tree)].join("")).toBe(goldenText(`${folder}/canonical.txt`));
				expect(computeTopHash(header, tree, createSha256)).toBe(golden.expect.top_hash);
				expect(`${golden.expect.top_hash}\n`).toBe(goldenText(`${folder}/tophash.txt`));
				expect(Array.from(tree.walk(), ([key]) => key)).toEqual(golden.expect.logical_keys_in_order);
			}
		});

		test("formatManifest() gives its bytes", () => {
			for (const bytes of sources) {
				const format = (): string => [...formatManifest(parseManifest(bytes))].join("");
				if (golden.expect.dump_fails_with !== undefined) {
					expect(format).toThrow(expect.objectContaining({ code: "InvalidMetadata" }));
				} else {
					expect(format()).toBe(decodeUtf8(written ?? new Uint8Array()));
				}
			}
		});

		test("ManifestParser reads it byte by byte", () => {
			for (const bytes of sources) {
				const parser = new ManifestParser();
				for (let i = 0; i < bytes.length; i++) parser.push(bytes.subarray(i, i + 1));
				const { header, tree } = parser.end();
				expect(computeTopHash(header, tree, createSha256)).toBe(golden.expect.top_hash);
			}
		});
	});
});
