import fc from "fast-check";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { sourceDigest } from "../../scripts/generate-wasm.mjs";
import { damagedManifest, manifestText } from "../../test/support/manifest-arbitrary.ts";
import { scanManyLines } from "../../test/support/scan-many-lines.ts";
import { CanonicalBytes } from "./canonical-bytes.ts";
import { compareKeyBytes, followsKeyBytes } from "./key-bytes.ts";
import { sourceSha256 } from "./manifest-lines-module.ts";
import { RunScanner } from "./manifest-lines.ts";
import { canonicalRoom, keyOffset, LineScanner } from "./manifest-scan.ts";
import { decodeUtf8, encodeUtf8 } from "./utf8.ts";

type Lines = {
	readonly end: number;
	readonly entries: number;
	readonly longestLine: number;
	readonly sizeBytes: number;
	readonly canonical: string;
	readonly lastKey: string;
};

type Around = { readonly previous?: string; readonly barrier?: string };

/** Whether the metadata of a line that `LineScanner` takes needs no `parseJson`. */
function isMetaPlain(bytes: Uint8Array, keyEnd: number): boolean {
	const before = '"}, "meta": ';
	const start =
		Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf(before, keyEnd) + before.length;
	return new CanonicalBytes().write(bytes, start, new Uint8Array(canonicalRoom), 0) >= 0;
}

/** What `RunScanner` must give, by `LineScanner` and the order of keys. */
function oneByOne(bytes: Uint8Array, start: number, { previous = "", barrier }: Around): Lines {
	const scanner = new LineScanner();
	const out = new Uint8Array(bytes.length + canonicalRoom);
	const limit = encodeUtf8(barrier ?? "");
	let key: Uint8Array = encodeUtf8(previous);
	let [at, to, entries, longestLine, sizeBytes] = [start, 0, 0, 0, 0];
	while (at < bytes.length) {
		const end = scanner.scan(bytes, at, out, to);
		if (end < 0 || !isMetaPlain(bytes, scanner.keyEnd)) break;
		const next = bytes.subarray(at + keyOffset, scanner.keyEnd);
		if (next.length > 2000 || !followsKeyBytes(key, 0, key.length, next, 0, next.length)) break;
		if (limit.length > 0 && compareKeyBytes(next, 0, next.length, limit, 0, limit.length) >= 0) break;
		key = next;
		to = end;
		entries++;
		longestLine = Math.max(longestLine, scanner.end - at);
		sizeBytes += scanner.size;
		at = scanner.end + 1;
	}
	const canonical = decodeUtf8(out.subarray(0, to));
	return { end: at, entries, longestLine, sizeBytes, canonical, lastKey: decodeUtf8(key) };
}

/** Takes runs until there are no more. */
function many(bytes: Uint8Array, start: number, { previous = "", barrier }: Around): Lines {
	const runs = new RunScanner();
	let key = { bytes: encodeUtf8(previous), start: 0, end: encodeUtf8(previous).length };
	let [at, entries, longestLine, sizeBytes, canonical] = [start, 0, 0, 0, ""];
	for (;;) {
		const limit = barrier === undefined ? undefined : encodeUtf8(barrier);
		const run = runs.scan(bytes, at, bytes.length, { previous: key, barrier: limit });
		if (run === undefined) break;
		expect(run.entries).toBeGreaterThan(0);
		at = run.end;
		entries += run.entries;
		longestLine = Math.max(longestLine, run.longestLine);
		sizeBytes += run.sizeBytes;
		canonical += decodeUtf8(run.canonical);
		key = { bytes: bytes.slice(), start: run.keyStart, end: run.keyEnd };
	}
	const lastKey = decodeUtf8(key.bytes.subarray(key.start, key.end));
	return { end: at, entries, longestLine, sizeBytes, canonical, lastKey };
}

/** The same is taken from each line on. */
function expectSame(bytes: Uint8Array, around: Around = {}): void {
	const whole = bytes.subarray(0, bytes.lastIndexOf(0x0a) + 1);
	for (let start = 0; start < whole.length; start = whole.indexOf(0x0a, start) + 1) {
		expect(many(whole, start, around)).toEqual(oneByOne(whole, start, around));
	}
}

function line(key: string, more: { url?: string; size?: string; hash?: string; meta?: string } = {}): string {
	const { url = "s3://b/k", size = "1", hash = "v", meta = "{}" } = more;
	return `{"logical_key": "${key}", "physical_keys": ["${url}"], "size": ${size}, "hash": {"type": "SHA256", "value": "${hash}"}, "meta": ${meta}}\n`;
}

describe("RunScanner", () => {
	beforeAll(scanManyLines);

	test("takes what LineScanner takes, and gives the same text", () => {
		fc.assert(
			fc.property(manifestText, (text) => {
				expectSame(encodeUtf8(text));
			}),
			{ numRuns: 1000 },
		);
	}, 120_000);

	test("also when bytes of the lines were damaged", () => {
		fc.assert(
			fc.property(damagedManifest, (bytes) => {
				expectSame(bytes);
			}),
			{ numRuns: 2000 },
		);
	}, 120_000);

	test("stops at a key that does not follow the one before it, and at a barrier", () => {
		const key = fc.stringMatching(/^[ab/.]{1,40}$/);
		fc.assert(
			fc.property(fc.uniqueArray(key, { maxLength: 6 }), key, key, (keys, previous, barrier) => {
				const bytes = encodeUtf8(keys.map((name) => line(name)).join(""));
				expectSame(bytes);
				expectSame(bytes, { previous });
				expectSame(bytes, { previous, barrier });
			}),
			{ numRuns: 1000 },
		);
	}, 120_000);

	test("takes texts of every length, wherever their ends fall among the vectors", () => {
		for (let length = 1; length < 70; length++) {
			const text = "x".repeat(length);
			for (const url of [`s3://b/${text}`, `s3://${text}/k?versionId=${text}`, `file:///${text}/${text}`]) {
				const bytes = encodeUtf8(
					line(text, { url, hash: text, meta: `{"${text}": "${text}", "a": ${"1".repeat(length)}}` }),
				);
				const found = many(bytes, 0, {});
				expect(found.entries).toBe(1);
				expect(found).toEqual(oneByOne(bytes, 0, {}));
			}
		}
	});

	test("takes each byte for itself, or not, wherever it stands", () => {
		for (let byte = 0; byte < 256; byte++) {
			const places = [
				line("a\u0001b"),
				line("a", { url: "s3://b\u0001b/k" }),
				line("a", { url: "s3://b/k\u0001" }),
				line("a", { url: "s3://b/%\u00010" }),
				line("a", { url: "s3://b/%2\u0001" }),
				line("a", { url: "s3://b/k?versionId=\u0001" }),
				line("a", { url: "file:///k\u0001/k" }),
				line("a", { size: "1\u0001" }),
				line("a", { hash: "v\u0001" }),
				line("a", { meta: '{"a\u0001": 1}' }),
				line("a", { meta: '{"a": 1\u0001}' }),
				line("a", { meta: '{"a": \u0001}' }),
				line("a", { meta: '{"a": "\u0001"}' }),
			];
			for (const place of places) {
				const bytes = encodeUtf8(place);
				bytes[bytes.indexOf(1)] = byte;
				expectSame(bytes);
			}
		}
	});

	test("takes metadata as long, as deep and with as many members as LineScanner does", () => {
		const nested = (depth: number): string => `${'{"a": '.repeat(depth)}1${"}".repeat(depth)}`;
		const wide = (count: number): string =>
			`{${Array.from({ length: count }, (_, i) => `"${count - i + 1000}": 1`).join(", ")}}`;
		for (const length of [6126, 6127, 6128, 6129, 6130, 6131, 6132, 6140, 7000, 200_000]) {
			expectSame(encodeUtf8(line("a", { meta: `{"a": "${"m".repeat(length)}"}` })));
		}
		for (const depth of [31, 32, 33, 34]) expectSame(encodeUtf8(line("a", { meta: nested(depth) })));
		for (const count of [255, 256, 257]) expectSame(encodeUtf8(line("a", { meta: wide(count) })));
		for (const length of [1999, 2000, 2001, 8000, 9000]) expectSame(encodeUtf8(line("k".repeat(length))));
		for (const length of [7900, 8100, 8192, 8300, 300_000]) {
			expectSame(encodeUtf8(line("k", { hash: "h".repeat(length) })));
			expectSame(encodeUtf8(line("k", { url: `s3://b/${"h".repeat(length)}` })));
		}
	});

	test("takes many blocks of lines, and all usual ones around an unusual one", () => {
		const key = (index: number): string => `d/${String(index).padStart(6, "0")}`;
		const usual = Array.from({ length: 10_000 }, (_, index) => line(key(index)));
		const bytes = encodeUtf8(usual.join(""));
		expect(bytes.length).toBeGreaterThan(1 << 20);
		expect(many(bytes, 0, {})).toEqual(oneByOne(bytes, 0, {}));

		const runs = new RunScanner();
		const odd = encodeUtf8(
			usual.map((text, index) => (index % 100 === 50 ? text.replace("{}", "{ }") : text)).join(""),
		);
		let taken = 0;
		for (let at = 0; at < odd.length;) {
			const run = runs.scan(odd, at, odd.length);
			taken += run?.entries ?? 0;
			at = run?.end ?? odd.indexOf(0x0a, at) + 1;
		}
		expect(taken).toBe(9900);
	});
});

describe("without WebAssembly", () => {
	afterEach(() => {
		vi.unstubAllGlobals();
		vi.resetModules();
	});

	test("nothing is taken", async () => {
		vi.resetModules();
		vi.stubGlobal("WebAssembly", undefined);
		const fresh = await import("./manifest-lines.ts");
		const bytes = encodeUtf8(line("a").repeat(3000));
		expect(new fresh.RunScanner().scan(bytes, 0, bytes.length)).toBeUndefined();
	});
});

test("the module was made from the source that is in the repository", () => {
	expect(sourceSha256).toBe(sourceDigest());
});
