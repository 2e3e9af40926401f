import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { anyObject, anyText } from "../../test/support/json-arbitrary.ts";
import { entryEquals } from "./entry.ts";
import type { Entry } from "./entry.ts";
import { jsonEquals, parseJson } from "./json.ts";
import type { JsonObject } from "./json.ts";
import { formatManifest, ManifestParser, parseManifest } from "./manifest.ts";
import type { Manifest } from "./manifest.ts";
import { physicalKeyEquals } from "./physical-key.ts";
import { createSha256 } from "./sha256.ts";
import { computeTopHash } from "./top-hash.ts";
import { Tree } from "./tree.ts";
import { encodeUtf8 } from "./utf8.ts";

const header = '{"version": "v0"}\n';
const hash = '{"type": "SHA256", "value": "00"}';
const line = (fields: { readonly [name: string]: string } = {}): string => {
	const all = { logical_key: '"a"', physical_keys: '["s3://b/a"]', size: "5", hash, meta: "{}", ...fields };
	return `{${Object.entries(all)
		.filter(([, value]) => value !== "")
		.map(([name, value]) => `"${name}": ${value}`)
		.join(", ")}}\n`;
};
const read = (text: string): Manifest => parseManifest(encodeUtf8(text));
const write = (manifest: Manifest): string => [...formatManifest(manifest)].join("");
const readEntry = (fields: { readonly [name: string]: string }): Entry => {
	const first = read(header + line(fields))
		.tree.walk()
		.next();
	if (first.done === true) throw new Error("no entry");
	return first.value[1];
};
const hashOf = ({ header, tree }: Manifest): string => computeTopHash(header, tree, createSha256);
const failure = (code: string, details: object): unknown =>
	expect.objectContaining({ code, details: expect.objectContaining(details) as unknown });

const anyEntry: fc.Arbitrary<Entry> = fc.record({
	physicalKey: fc.oneof(
		fc.record({ kind: fc.constant("s3" as const), bucket: fc.constantFrom("b", "c.d"), key: anyText }),
		fc.record({ kind: fc.constant("file" as const), path: fc.constantFrom("/x", "/a b/ü", "/100%/#?") }),
	),
	size: fc.maxSafeNat(),
	hash: fc.record({ type: fc.oneof(fc.constant("SHA256"), anyText), value: anyText }),
	meta: anyObject,
});
const anyKey = fc.array(fc.oneof(anyText, fc.constantFrom("a", "b")), { minLength: 1, maxLength: 3 });
const anyManifest: fc.Arbitrary<Manifest> = fc
	.record({
		header: anyObject.map(
			(object): JsonObject => new Map([...object].filter(([name]) => name !== "top_hash")),
		),
		entries: fc.array(fc.tuple(anyKey, anyEntry), { maxLength: 8 }),
		directories: fc.array(fc.tuple(anyKey, anyObject), { maxLength: 3 }),
	})
	.map(({ header, entries, directories }) => {
		const tree = new Tree();
		for (const [key, entry] of entries) {
			try {
				tree.set(key.join("/"), entry);
			} catch {
				// A collision: the next one, then.
			}
		}
		for (const [key, meta] of directories) {
			try {
				tree.setDirectoryMeta(["d", ...key].join("/"), meta);
			} catch {
				// As above.
			}
		}
		return { header, tree };
	});

describe("parseManifest() and formatManifest()", () => {
	test("undo each other, and keep the top hash", () => {
		fc.assert(
			fc.property(anyManifest, (manifest) => {
				const text = write(manifest);
				const again = read(text);
				expect(write(again)).toBe(text);
				expect(hashOf(again)).toBe(hashOf(manifest));
				expect(jsonEquals(again.header, manifest.header)).toBe(true);
				const before = [...manifest.tree.walk()];
				const after = [...again.tree.walk()];
				expect(after.map(([key]) => key)).toEqual(before.map(([key]) => key));
				for (const [i, [, entry]] of before.entries()) {
					const found = after[i]?.[1] as Entry;
					expect(entryEquals(found, entry)).toBe(true);
					expect(physicalKeyEquals(found.physicalKey, entry.physicalKey)).toBe(true);
				}
			}),
			{ numRuns: 300 },
		);
	});

	test("give the same however the bytes and the lines come", () => {
		fc.assert(
			fc.property(
				anyManifest,
				fc.infiniteStream(fc.integer({ min: 1, max: 40 })),
				fc.nat(),
				(manifest, sizes, seed) => {
					const [first = "", ...others] = formatManifest(manifest);
					const rotated = [
						...others.slice(seed % (others.length + 1)),
						...others.slice(0, seed % (others.length + 1)),
					];
					const bytes = encodeUtf8([first, ...rotated].join("").replace(/\n$/, ""));
					const parser = new ManifestParser();
					for (let at = 0; at < bytes.length;) {
						const { value: size } = sizes.next() as { readonly value: number };
						parser.push(bytes.subarray(at, at + size));
						at += size;
					}
					expect(write(parser.end())).toBe(write(manifest));
				},
			),
			{ numRuns: 200 },
		);
	});

	test("ManifestParser does not keep the caller's buffer", () => {
		const parser = new ManifestParser();
		const buffer = new Uint8Array(10);
		const bytes = encodeUtf8(header + line());
		for (let at = 0; at < bytes.length; at += buffer.length) {
			const part = bytes.subarray(at, at + buffer.length);
			buffer.set(part);
			parser.push(buffer.subarray(0, part.length));
		}
		expect(write(parser.end())).toBe(header + line());
	});
});

describe("parseManifest() is generous:", () => {
	test.each([
		["any header", '{"version": "v9", "x": 1}\n'],
		["an empty header", "{}\n"],
		["CRLF", `${header}${line()}`.replaceAll("\n", "\r\n")],
		["no line feed at the end", `${header}${line()}`.slice(0, -1)],
		["blanks around values", `  {"version":"v0"} \t\n ${line().trim()}  \n`],
		[
			"fields in another order, without blanks",
			`${header}{"meta":{},"hash":${hash},"size":1,"physical_keys":["s3://b/a"],"logical_key":"k"}\n`,
		],
		["unknown fields", `${header}${line({ more: "[1]" })}`],
		["more physical keys", `${header}${line({ physical_keys: '["s3://b/a", "nonsense"]' })}`],
	])("it takes %s", (_, text) => {
		expect(() => read(text)).not.toThrow();
	});

	test("keys that no new entry may have load, hash and are written again", () => {
		for (const key of ["", "../x//y", "a/", "/etc/passwd", "./a", "..", "a\\b", "C:/x", "nul\0"]) {
			const manifest = read(header + line({ logical_key: JSON.stringify(key) }));
			expect(Array.from(manifest.tree.walk(), ([found]) => found)).toEqual([key]);
			expect(hashOf(manifest)).toMatch(/^[0-9a-f]{64}$/);
			expect(write(manifest)).toBe(header + line({ logical_key: JSON.stringify(key) }));
		}
	});

	test("sizes and hashes that it cannot use are kept as they are", () => {
		const cases: readonly { readonly [name: string]: string }[] = [
			{ size: "123456789012345678901234567890" },
			{ size: "9007199254740993" },
			{ size: "-5" },
			{ size: "5.0" },
			{ size: '"5"' },
			{ hash: '{"type": "SHA256", "value": "00", "more": [1.0]}' },
			{ hash: '{"value": "00", "type": "SHA256"}' },
			{ hash: '"text"' },
			{ hash: "{}" },
			{ meta: "[1]" },
			{ meta: '"text"' },
		];
		for (const fields of cases) {
			const manifest = read(header + line(fields));
			expect(write(manifest)).toBe(header + line(fields));
			expect(hashOf(manifest)).toMatch(/^[0-9a-f]{64}$/);
		}
		expect(readEntry({ size: "9007199254740993" })).toMatchObject({
			size: undefined,
			raw: { size: 9007199254740993n },
		});
		expect(readEntry({ size: "9007199254740991" })).not.toHaveProperty("raw");
		expect(readEntry({ hash: '{"value": "00", "type": "SHA256"}' }).hash).toEqual({
			type: "SHA256",
			value: "00",
		});
	});

	test("unknown hash types and values of a wrong length are kept", () => {
		for (const type of ["MD5", "SHA256", "sha2-256-chunked", "", "constructor"]) {
			expect(readEntry({ hash: `{"type": "${type}", "value": "short"}` }).hash).toEqual({
				type,
				value: "short",
			});
		}
	});

	test("metadata that is false in Python becomes none", () => {
		for (const meta of ["null", "[]", '""', "0", "0.0", "false", "{}"]) {
			expect(write(read(header + line({ meta })))).toBe(header + line());
		}
	});

	test("missing size or hash are null, and refused only by the top hash", () => {
		for (const missing of ["size", "hash"]) {
			const manifest = read(header + line({ [missing]: "null" }));
			expect(write(manifest)).toBe(header + line({ [missing]: "null" }));
			expect(() => hashOf(manifest)).toThrow(failure("Unverifiable", { key: "a", missing }));
		}
	});

	test("of repeated fields the last one counts", () => {
		expect(readEntry({ more: "1" }).size).toBe(5);
		const repeated = line().replace("}\n", ', "size": 7}\n');
		expect(write(read(header + repeated))).toBe(header + line({ size: "7" }));
		expect(write(read(header + repeated.replace('"size": 7', '"size": 7, "meta": {"x": 1}')))).toBe(
			header + line({ size: "7", meta: '{"x": 1}' }),
		);
	});

	test("a line without physical keys is about the directory before the last slash", () => {
		for (const empty of ["null", "[]", '""', "0", "false", ""]) {
			const fields = { physical_keys: empty, size: "", hash: "", meta: '{"x": 1}' };
			const manifest = read(header + line({ ...fields, logical_key: '"d/e/f"' }));
			expect(manifest.tree.directoryMeta("d/e")).toEqual(parseJson('{"x": 1}'));
			expect(write(manifest)).toBe(`${header}{"logical_key": "d/e/", "meta": {"x": 1}}\n`);
		}
		const own = read(`${header}{"logical_key": "d", "meta": [1]}\n`);
		expect(write(own)).toBe('{"version": "v0", "user_meta": [1]}\n');
	});

	test("1,000 levels of metadata and of directories load, hash and are written again", () => {
		const text =
			header +
			line({
				logical_key: JSON.stringify("d/".repeat(1000) + "x"),
				meta: '{"user_meta": '.repeat(1000) + "1" + "}".repeat(1000),
			});
		expect(write(read(text))).toBe(text);
		expect(hashOf(read(text))).toMatch(/^[0-9a-f]{64}$/);
	});

	test("lines of 16 MiB load, and longer ones are LimitExceeded with their line", () => {
		const long = (bytes: number): string => line({ meta: `{"x": "${"y".repeat(bytes)}"}` });
		const frame = long(0).length - 1;
		const limit = 16 * 1024 * 1024;
		expect(() => read(header + long(limit - frame))).not.toThrow();
		expect(() => read(header + long(limit - frame + 1))).toThrow(failure("LimitExceeded", { line: 2 }));
		const parser = new ManifestParser({ maxLineBytes: 100 });
		parser.push(encodeUtf8(header));
		expect(() => {
			for (let i = 0; i < 20; i++) parser.push(encodeUtf8('"aaaaaaaaa'));
		}).toThrow(failure("LimitExceeded", { line: 2 }));
		const counted = new ManifestParser({ maxLineBytes: 200 });
		counted.push(encodeUtf8(header));
		expect(() => counted.push(encodeUtf8(line({ meta: `{"x": "${"é".repeat(80)}"}` })))).toThrow(
			failure("LimitExceeded", { line: 2 }),
		);
	});
});

describe("parseManifest() refuses", () => {
	test.each([
		["an empty file", "", "InvalidManifest", { line: 1 }],
		["a byte-order mark", `\ufeff${header}`, "InvalidManifest", { line: 1 }],
		["a blank header", `\n${header}`, "InvalidManifest", { line: 1 }],
		["a header that is null", "null\n", "InvalidManifest", { line: 1 }],
		["a header that is an array", "[]\n", "InvalidManifest", { line: 1 }],
		["a blank line", `${header}\n${line()}`, "InvalidManifest", { line: 2 }],
		["a blank line at the end", `${header}${line()}\n`, "InvalidManifest", { line: 3 }],
		["a line of blanks", `${header}  \r\n${line()}`, "InvalidManifest", { line: 2 }],
		["a line that is no object", `${header}[1]\n`, "InvalidManifest", { line: 2 }],
		["a cut line", header + line().slice(0, -10), "InvalidManifest", { line: 2, column: 109 }],
		["two values in a line", `${header}${line().trim()} {}\n`, "InvalidManifest", { line: 2 }],
		[
			"a raw tab in a text",
			header + line({ logical_key: '"a\tb"' }),
			"InvalidManifest",
			{ line: 2, column: 19 },
		],
		["a trailing comma", header + line({ meta: '{"a": 1,}' }), "InvalidManifest", { line: 2 }],
		["an entry without size", header + line({ size: "" }), "InvalidManifest", { line: 2 }],
		["an entry without hash", header + line({ hash: "" }), "InvalidManifest", { line: 2 }],
		["an entry without meta", header + line({ meta: "" }), "InvalidManifest", { line: 2 }],
		["an entry without key", header + line({ logical_key: "" }), "InvalidManifest", { line: 2 }],
		["a key that is a number", header + line({ logical_key: "1" }), "InvalidManifest", { line: 2 }],
		[
			"a physical key that is a number",
			header + line({ physical_keys: "[1]" }),
			"InvalidManifest",
			{ line: 2 },
		],
		[
			"physical keys that are a text",
			header + line({ physical_keys: '"s3://b/a"' }),
			"InvalidManifest",
			{ line: 2 },
		],
		["a directory without meta", `${header}{"logical_key": "d/"}\n`, "InvalidManifest", { line: 2 }],
		["an http URL", header + line({ physical_keys: '["http://b/a"]' }), "UnsupportedScheme", { line: 2 }],
		["a URL without bucket", header + line({ physical_keys: '["s3:///a"]' }), "InvalidUrl", { line: 2 }],
		["a key twice", header + line() + line({ size: "6" }), "DuplicateKey", { line: 3, key: "a" }],
		[
			"a file that is a directory",
			header + line({ logical_key: '"a/b"' }) + line(),
			"KeyCollision",
			{ line: 3, key: "a" },
		],
		[
			"a directory that is a file",
			header + line() + line({ logical_key: '"a/b"' }),
			"KeyCollision",
			{ line: 3 },
		],
		[
			"metadata for a file as a directory",
			`${header}${line()}{"logical_key": "a/", "meta": {}}\n`,
			"KeyCollision",
			{ line: 3 },
		],
		["huge depth", header + line({ meta: "[".repeat(100_000) }), "LimitExceeded", { line: 2 }],
		["a huge integer", header + line({ meta: `{"n": ${"1".repeat(4301)}}` }), "LimitExceeded", { line: 2 }],
		[
			"thousands of segments",
			header + line({ logical_key: `"${"/".repeat(5000)}"` }),
			"LimitExceeded",
			{ line: 2 },
		],
	] as const)("%s", (_, text, code, details) => {
		expect(() => read(text)).toThrow(failure(code, details));
		expect(() => read(text)).toThrow(/^Cannot read the manifest: /);
	});

	test("bytes that are not UTF-8, naming the line", () => {
		const bad = new Uint8Array([...encodeUtf8(header + line()), 0x22, 0xff, 0x22, 0x0a]);
		expect(() => parseManifest(bad)).toThrow(failure("InvalidManifest", { line: 3 }));
		const surrogate = new Uint8Array([...encodeUtf8(header), 0x22, 0xed, 0xa0, 0x80, 0x22]);
		expect(() => parseManifest(surrogate)).toThrow(failure("InvalidManifest", { line: 2 }));
	});

	test("an earlier broken line first, when a later one is not UTF-8", () => {
		const bad = new Uint8Array([...encodeUtf8(`${header}nonsense\n`), 0xff, 0x0a]);
		expect(() => parseManifest(bad)).toThrow(failure("InvalidManifest", { line: 2, column: 1 }));
	});

	test("random damage only with errors of its own", () => {
		const good = encodeUtf8(
			header + line({ meta: '{"user_meta": {"é": [1.0, "\\u00e9"]}}' }) + line({ logical_key: '"d/e"' }),
		);
		fc.assert(
			fc.property(
				fc.array(fc.tuple(fc.nat({ max: good.length - 1 }), fc.nat({ max: 255 })), {
					minLength: 1,
					maxLength: 3,
				}),
				(hits) => {
					const bytes = good.slice();
					for (const [at, byte] of hits) bytes[at] = byte;
					try {
						parseManifest(bytes);
					} catch (error) {
						expect(error).toMatchObject({
							name: "BaleError",
							details: { line: expect.any(Number) as unknown },
						});
					}
				},
			),
			{ numRuns: 2000 },
		);
	});
});

describe("formatManifest() is strict:", () => {
	const one = (entry: Partial<Entry>, key = "a"): Manifest => {
		const tree = new Tree();
		tree.set(key, {
			physicalKey: { kind: "s3", bucket: "b", key: "a" },
			size: 5,
			hash: { type: "SHA256", value: "00" },
			meta: new Map(),
			...entry,
		});
		return { header: new Map([["version", "v0"]]), tree };
	};

	test("NaN and infinities are InvalidMetadata", () => {
		for (const number of ["NaN", "Infinity", "-Infinity", "1e999"]) {
			const manifest = read(header + line({ meta: `{"x": ${number}}` }));
			expect(hashOf(manifest)).toMatch(/^[0-9a-f]{64}$/);
			expect(() => write(manifest)).toThrow(failure("InvalidMetadata", {}));
		}
	});

	test("lone surrogates are refused wherever they are", () => {
		expect(() => write(one({}, "a\ud800"))).toThrow(failure("InvalidKey", { key: "a\ud800" }));
		expect(() => write(one({ meta: new Map([["x", "\udc00"]]) }))).toThrow(failure("InvalidMetadata", {}));
		expect(() => write(one({ physicalKey: { kind: "file", path: "/\ud800" } }))).toThrow(
			failure("InvalidUrl", {}),
		);
	});

	test("lines of 1,000,000 bytes pass, longer ones are LimitExceeded and name what they hold", () => {
		const frame = write(one({ meta: new Map([["x", ""]]) })).split("\n")[1]?.length ?? 0;
		const meta = (bytes: number): JsonObject => new Map([["x", "é".repeat(100) + "y".repeat(bytes - 200)]]);
		expect(() => write(one({ meta: meta(1_000_000 - frame) }))).not.toThrow();
		expect(() => write(one({ meta: meta(1_000_001 - frame) }))).toThrow(
			/the entry "a" takes more than 1000000 bytes/,
		);
		const large: Manifest = { header: new Map([["user_meta", "y".repeat(1_000_000)]]), tree: new Tree() };
		expect(() => write(large)).toThrow(/the package metadata takes more/);
		expect([...formatManifest(large, { maxLineBytes: 2_000_000 })]).toHaveLength(1);
	});
});
