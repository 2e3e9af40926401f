/**
 * Every example of docs/format.md is executed: the first line of a code block says what it holds, and
 * `checks` says what must be true of it. A block of a kind that is not here fails.
 */
import { expect, test } from "vitest";
import { parseBase64 } from "../../src/core/base64.ts";
import { createHasher, isKnownHashType, partSize } from "../../src/core/hash.ts";
import { compileQuiltIgnore } from "../../src/core/ignore-rules.ts";
import { formatCanonicalJson, formatManifestJson, parseJson } from "../../src/core/json.ts";
import { layout } from "../../src/core/layout.ts";
import { compareLogicalKeys, parseLogicalKey } from "../../src/core/logical-key.ts";
import { formatManifest, parseManifest } from "../../src/core/manifest.ts";
import { parsePackageName } from "../../src/core/names.ts";
import { formatPackageUri, parsePackageUri } from "../../src/core/package-uri.ts";
import { formatPhysicalKey, parsePhysicalKey } from "../../src/core/physical-key.ts";
import { createSha256 } from "../../src/core/sha256.ts";
import { canonicalParts, computeTopHash, parseTopHash } from "../../src/core/top-hash.ts";
import { Tree } from "../../src/core/tree.ts";
import { encodeUtf8 } from "../../src/core/utf8.ts";
import { workflowRecord } from "../../src/core/workflow/check.ts";
import { readRepositoryFile } from "../support/repository.ts";
import { codeBlocks } from "./code-blocks.ts";

const blocks = codeBlocks(readRepositoryFile("docs/format.md"));

/** Text of the only block of a kind. */
function block(kind: string): string {
	const found = blocks.filter(({ language }) => language === kind);
	expect(found, kind).toHaveLength(1);
	return found[0]?.text ?? "";
}

const lines = (text: string): string[] => text.split("\n");
const code = (expected: string): unknown => expect.objectContaining({ code: expected });
const keys = (text: string): string[] => JSON.parse(text) as string[];

const checks: { readonly [kind: string]: (text: string) => void } = {
	"text package names"(text) {
		for (const name of lines(text)) expect(parsePackageName(name)).toBe(name);
	},
	"text not package names"(text) {
		for (const name of lines(text)) {
			expect(() => parsePackageName(JSON.parse(name) as string), name).toThrow(code("InvalidName"));
		}
	},
	"json logical keys"(text) {
		for (const key of keys(text)) expect(parseLogicalKey(key)).toBe(key);
	},
	"json not logical keys"(text) {
		for (const key of keys(text)) expect(() => parseLogicalKey(key), key).toThrow(code("InvalidKey"));
	},
	"text walk order"(text) {
		const expected = lines(text);
		expect([...expected].reverse().sort(compareLogicalKeys)).toEqual(expected);
	},
	"text json texts"(text) {
		for (const line of lines(text)) {
			const [read = "", manifest, canonical] = line.split("   ");
			expect(formatManifestJson(parseJson(read))).toBe(manifest);
			expect(formatCanonicalJson(parseJson(read))).toBe(canonical);
		}
	},
	"text numbers"(text) {
		for (const line of lines(text)) {
			const [read = "", written] = line.split(" ");
			expect(formatManifestJson(parseJson(read))).toBe(written);
			expect(formatCanonicalJson(parseJson(read))).toBe(written);
		}
	},
	"text physical keys"(text) {
		for (const line of lines(text)) {
			const [read = "", written] = line.split(" ");
			expect(formatPhysicalKey(parsePhysicalKey(read))).toBe(written);
		}
	},
	"text not physical keys"(text) {
		const refusal: unknown = expect.objectContaining({
			code: expect.stringMatching(/^(InvalidUrl|UnsupportedScheme)$/) as unknown,
		});
		for (const url of lines(text)) expect(() => parsePhysicalKey(url), url).toThrow(refusal);
	},
	"jsonl manifest"(text) {
		expect([...formatManifest(parseManifest(encodeUtf8(text)))].join("")).toBe(`${text}\n`);
	},
	"text canonical"(text) {
		const { header, tree } = parseManifest(encodeUtf8(block("jsonl manifest")));
		expect([...canonicalParts(header, tree)]).toEqual(lines(text));
	},
	"text top hash"(text) {
		const { header, tree } = parseManifest(encodeUtf8(block("jsonl manifest")));
		expect(computeTopHash(header, tree, createSha256)).toBe(text);
		const digest = createHasher("SHA256", 0, createSha256);
		digest.update(encodeUtf8(block("text canonical").replaceAll("\n", "")));
		expect(digest.digest().value).toBe(text);
	},
	"text top hashes of the empty package"(text) {
		const before = new Map([["version", "v0"]]);
		const after = new Map<string, string | null>([...before, ["message", null]]);
		expect([before, after].map((header) => computeTopHash(header, new Tree(), createSha256))).toEqual(
			lines(text),
		);
	},
	"text part sizes"(text) {
		for (const line of lines(text)) {
			const [size, part] = line.split(" ").map(Number);
			expect(partSize(size ?? 0)).toBe(part);
		}
	},
	"text content hashes"(text) {
		for (const line of lines(text)) {
			const [content = "", type = "", value = ""] = line.split(" ");
			const bytes = encodeUtf8(JSON.parse(content) as string);
			if (!isKnownHashType(type)) throw new Error(`unknown type ${type}`);
			const hasher = createHasher(type, bytes.length, createSha256);
			hasher.update(bytes);
			expect(hasher.digest()).toEqual({ type, value });
			if (type !== "SHA256") expect(parseBase64(value)).toBeDefined();
		}
	},
	"text registry layout"(text) {
		const name = parsePackageName("ann/cats");
		expect(Object.fromEntries(lines(text).map((line) => line.split(/ +/)))).toEqual({
			manifest: layout.manifest(parseTopHash(block("text top hash"))),
			timestamp: layout.timestamp(name, 1741661321),
			latest: layout.latest(name),
			workflows: layout.workflowConfig,
		});
	},
	"json workflow record"(text) {
		const { id, config, schemas } = JSON.parse(text) as {
			readonly id: string;
			readonly config: string;
			readonly schemas: Readonly<Record<string, string>>;
		};
		const record = workflowRecord(id, config, new Map(Object.entries(schemas)));
		expect(formatManifestJson(record)).toBe(formatManifestJson(parseJson(text)));
		expect(parsePhysicalKey(config)).toMatchObject({ key: layout.workflowConfig, versionId: "7WTz" });
	},
	"text bale layout"(text) {
		const hasher = createHasher("SHA256", 5, createSha256);
		hasher.update(encodeUtf8("hello"));
		const key = layout.object(parsePackageName("ann/cats"), hasher.digest().value, "images/cat.png");
		expect(text).toBe(`object  ${key}`);
	},
	"text grammar"(text) {
		expect(lines(text)).toHaveLength(2);
	},
	"text package uris"(text) {
		for (const uri of lines(text)) expect(formatPackageUri(parsePackageUri(uri))).toBe(uri);
	},
	"text ignore rules"(text) {
		for (const line of lines(text)) {
			const [rule = "", path = "", answer] = line.split(" ");
			const found = compileQuiltIgnore(rule)(path.replace(/\/$/, ""), path.endsWith("/"));
			expect(found ? "yes" : "no", line).toBe(answer);
		}
	},
};

test("docs/format.md has every kind of example, each of them once", () => {
	expect(new Set(blocks.map(({ language }) => language))).toEqual(new Set(Object.keys(checks)));
	expect(blocks).toHaveLength(Object.keys(checks).length);
});

test.each(Object.keys(checks))("docs/format.md is right in: %s", (kind) => {
	checks[kind]?.(block(kind));
});
