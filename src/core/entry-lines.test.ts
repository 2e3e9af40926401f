import fc from "fast-check";
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import type { Entry } from "./entry.ts";
import { EntryLines } from "./entry-lines.ts";
import { emptyObject } from "./json.ts";
import { compareLogicalKeys } from "./logical-key.ts";
import { formatManifest } from "./manifest-format.ts";
import { ManifestTable } from "./manifest-table.ts";
import { computeTopHash, summarize } from "./top-hash.ts";
import { Directory, Tree } from "./tree.ts";
import { decodeUtf8 } from "./utf8.ts";

const createSha256 = (): ReturnType<typeof createHash> => createHash("sha256");
const header = new Map([["version", "v0"]]);
const hash = { type: "sha2-256-chunked", value: "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" };
const plain = /^[A-Za-z0-9_.~/-]+$/;

const name = fc.stringMatching(/^[ab\-. "\\é\u{1f600}]{1,3}$/u).filter((text) => !/^\.+$/.test(text));
const keys = fc
	.uniqueArray(
		fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join("/")),
		{ maxLength: 12 },
	)
	.map((all) =>
		all.sort(compareLogicalKeys).filter((key) => !all.some((other) => other.startsWith(`${key}/`))),
	);
const files = keys.chain((all) =>
	fc.tuple(...all.map((key) => fc.tuple(fc.constant(key), fc.nat({ max: 2 ** 40 })))),
);

/** One tree of lines, and one of objects. */
function treesOf(pairs: readonly (readonly [string, number])[]): {
	readonly lines: Tree;
	readonly objects: Tree;
} {
	const [writer, objects] = [new EntryLines(), new Tree()];
	for (const [key, size] of pairs) {
		const entry: Entry & { size: number } = {
			physicalKey: { kind: "file", path: `/data/${key}` },
			size,
			hash,
			meta: emptyObject,
		};
		objects.set(key, entry);
		if (plain.test(key)) writer.addPlain(key, `file:///data/${key}`, size, hash.type, hash.value);
		else writer.add(key, entry);
	}
	const { source, facts, canonical, starts } = writer.finish();
	const table = new ManifestTable(source, facts);
	table.canonical = canonical;
	expect([...starts].map((start) => table.key(start, 0))).toEqual(pairs.map(([key]) => key));
	const lines = new Tree(new Directory({ table, low: table.low, high: table.high, skip: 0 }));
	return { lines, objects };
}

test("EntryLines writes what a tree of the same entries gives: lines, top hash, files and bytes", () => {
	fc.assert(
		fc.property(files, (pairs) => {
			const { lines, objects } = treesOf(pairs);
			expect([...formatManifest({ header, tree: lines })]).toEqual([
				...formatManifest({ header, tree: objects }),
			]);
			expect(summarize(header, lines, createSha256)).toEqual(summarize(header, objects, createSha256));
			expect([...lines.walk()]).toEqual([...objects.walk()]);
		}),
	);
});

test("the canonical text of all lines is not used for a part of them, nor once something was changed", () => {
	const pairs = [
		["a/b", 1],
		["a/c", 2],
		["d", 3],
	] as const;
	const { lines, objects } = treesOf(pairs);
	expect(summarize(header, lines.subtree("a"), createSha256)).toEqual(
		summarize(header, objects.subtree("a"), createSha256),
	);
	for (const tree of [lines, objects]) tree.delete("a/c");
	expect(computeTopHash(header, lines, createSha256)).toBe(computeTopHash(header, objects, createSha256));
	expect(summarize(header, lines, createSha256)).toMatchObject({ files: 2, bytes: 4 });
});

test("longer texts are put together from pieces", () => {
	const pairs = Array.from({ length: 2000 }, (_, n) => [`${"é".repeat(40)}${10_000 + n}`, n] as const);
	const { lines, objects } = treesOf(pairs);
	expect(computeTopHash(header, lines, createSha256)).toBe(computeTopHash(header, objects, createSha256));
	const { table } = lines.root.lines ?? {};
	expect(decodeUtf8(table?.source.read(0, table.high) ?? new Uint8Array())).toBe(
		[...formatManifest({ header, tree: objects })].slice(1).join(""),
	);
});
