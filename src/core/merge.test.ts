import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { diffTrees } from "./diff.ts";
import type { Entry } from "./entry.ts";
import { emptyObject, type Json } from "./json.ts";
import { compareNames } from "./logical-key.ts";
import type { Manifest } from "./manifest.ts";
import { mergeManifests } from "./merge.ts";
import { Tree } from "./tree.ts";

const entry = (version: number): Entry => ({
	physicalKey: { kind: "s3", bucket: "b", key: `v${version}` },
	size: version,
	hash: { type: "sha2-256-chunked", value: `v${version}` },
	meta: emptyObject,
});

/** What a revision holds: versions of files, of directories' metadata (`d/`) and of the package's (""). */
type Content = ReadonlyMap<string, number>;
/** Changes by key; undefined deletes. */
type Edits = ReadonlyMap<string, number | undefined>;

const files = ["a", "b", "d/x", "d/y", "e/f/g"];
const places = ["", "d/", "e/f/", ...files];

function manifestOf(content: Content): Manifest {
	const tree = new Tree();
	const header = new Map<string, Json>([["version", "v0"]]);
	for (const [key, version] of content) {
		const meta = new Map<string, Json>([["v", BigInt(version)]]);
		if (key === "") header.set("user_meta", meta);
		else if (key.endsWith("/")) tree.setDirectoryMeta(key.slice(0, -1), meta);
		else tree.set(key, entry(version));
	}
	tree.root.meta = header.get("user_meta");
	return { header, tree };
}

function contentOf({ header, tree }: Manifest): Content {
	const versionOf = (meta: Json | undefined): number => Number((meta as Map<string, Json>).get("v"));
	const found = new Map<string, number>();
	if (header.has("user_meta")) found.set("", versionOf(header.get("user_meta")));
	for (const [key, meta] of tree.directories()) found.set(key, versionOf(meta));
	for (const [key, { size }] of tree.walk()) found.set(key, size as number);
	return sorted(found);
}

function sorted(content: Content): Content {
	return new Map([...content].sort(([a], [b]) => compareNames(a, b)));
}

function edited(content: Content, edits: Edits): Content {
	const next = new Map(content);
	for (const [key, version] of edits) {
		if (version === undefined) next.delete(key);
		else next.set(key, version);
	}
	return sorted(next);
}

const version = fc.integer({ min: 1, max: 3 });
const content = fc
	.uniqueArray(fc.tuple(fc.constantFrom(...places), version), { selector: ([key]) => key })
	.map((pairs): Content => new Map(pairs));
const edits = fc
	.uniqueArray(fc.tuple(fc.constantFrom(...places), fc.option(version, { nil: undefined })), {
		selector: ([key]) => key,
	})
	.map((pairs): Edits => new Map(pairs));

const merge = (base: Content, ours: Content, theirs: Content): ReturnType<typeof mergeManifests> =>
	mergeManifests(manifestOf(base), manifestOf(ours), manifestOf(theirs));

describe("mergeManifests()", () => {
	test("is theirs when we changed nothing, and ours when they changed nothing", () => {
		fc.assert(
			fc.property(content, edits, (base, change) => {
				const changed = edited(base, change);
				for (const merged of [merge(base, base, changed), merge(base, changed, base)]) {
					expect(merged.conflicts).toEqual([]);
					expect(contentOf(merged.manifest)).toEqual(changed);
				}
			}),
		);
	});

	test("takes what both changed alike, without conflict", () => {
		fc.assert(
			fc.property(content, edits, (base, change) => {
				const changed = edited(base, change);
				const { manifest, conflicts } = merge(base, changed, changed);
				expect(conflicts).toEqual([]);
				expect(contentOf(manifest)).toEqual(changed);
			}),
		);
	});

	test("applies edits of different keys in either order to the same result", () => {
		fc.assert(
			fc.property(content, edits, edits, (base, first, second) => {
				const others: Edits = new Map([...second].filter(([key]) => !first.has(key)));
				const [ours, theirs] = [edited(base, first), edited(base, others)];
				const expected = edited(ours, others);
				for (const merged of [merge(base, ours, theirs), merge(base, theirs, ours)]) {
					expect(merged.conflicts).toEqual([]);
					expect(contentOf(merged.manifest)).toEqual(expected);
				}
			}),
		);
	});

	test("lists exactly the keys that both changed differently, and merges the others", () => {
		fc.assert(
			fc.property(content, edits, edits, (base, first, second) => {
				const [ours, theirs] = [edited(base, first), edited(base, second)];
				const clash = (key: string): boolean =>
					ours.get(key) !== theirs.get(key) &&
					ours.get(key) !== base.get(key) &&
					theirs.get(key) !== base.get(key);
				const { manifest, conflicts } = merge(base, ours, theirs);
				expect(new Set(conflicts.map(({ key }) => key))).toEqual(new Set(places.filter(clash)));
				expect(conflicts).toHaveLength(places.filter(clash).length);
				const settled = contentOf(manifest);
				for (const key of places.filter((place) => place !== "" && !clash(place))) {
					const chosen = ours.get(key) === base.get(key) ? theirs.get(key) : ours.get(key);
					expect(settled.get(key), key).toBe(chosen);
				}
			}),
		);
	});

	test("says what a file was, is with us and is with them", () => {
		const of = (v: number): Content => new Map([["a", v]]);
		const [base, ours, theirs] = [of(1), of(2), of(3)];
		const [conflict] = merge(base, ours, theirs).conflicts;
		expect(conflict).toEqual({
			kind: "entry",
			key: "a",
			base: entry(1),
			ours: entry(2),
			theirs: entry(3),
		});
		const [gone] = merge(base, new Map(), theirs).conflicts;
		expect(gone).toMatchObject({ key: "a", ours: undefined, theirs: entry(3) });
	});

	test("keeps their physical key where the contents are the same", () => {
		const ours = manifestOf(new Map([["a", 1]]));
		ours.tree.set("a", { ...entry(1), physicalKey: { kind: "file", path: "/mine" } });
		const theirs = manifestOf(new Map([["a", 1]]));
		const { manifest } = mergeManifests(theirs, ours, theirs);
		expect(manifest.tree.get("a")).toBe(theirs.tree.get("a"));
	});

	test.each([
		["a", "a/b"],
		["a/b", "a"],
		["a/b/c", "a"],
		["a", "a/b/"],
	])("finds a conflict where we put %j and they %j", (mine, other) => {
		const { conflicts } = merge(new Map(), new Map([[mine, 1]]), new Map([[other, 1]]));
		expect(conflicts).toHaveLength(1);
	});

	test("lets a file take the place of a directory whose files we removed", () => {
		const base = new Map([
			["a/b", 1],
			["c", 1],
		]);
		const merged = merge(
			base,
			new Map([
				["a", 2],
				["c", 1],
			]),
			new Map([
				["a/b", 1],
				["c", 2],
			]),
		);
		expect(merged.conflicts).toEqual([]);
		expect(contentOf(merged.manifest)).toEqual(
			new Map([
				["a", 2],
				["c", 2],
			]),
		);
	});

	test("takes message and workflow from us", () => {
		const base = manifestOf(new Map());
		const ours: Manifest = {
			...base,
			header: new Map<string, Json>([
				["version", "v0"],
				["message", "mine"],
			]),
		};
		const theirs: Manifest = {
			...base,
			header: new Map<string, Json>([
				["version", "v0"],
				["workflow", "w"],
			]),
		};
		expect([...mergeManifests(base, ours, theirs).manifest.header.keys()]).toEqual(["version", "message"]);
	});

	test("modifies no side", () => {
		fc.assert(
			fc.property(content, content, content, (base, ours, theirs) => {
				const given = [base, ours, theirs].map(manifestOf) as [Manifest, Manifest, Manifest];
				mergeManifests(...given);
				given.forEach((manifest, index) => {
					const expected = manifestOf([base, ours, theirs][index] as Content);
					expect(diffTrees(manifest.tree, expected.tree)).toEqual({ added: [], modified: [], deleted: [] });
					expect(contentOf(manifest)).toEqual(contentOf(expected));
				});
			}),
		);
	});
});
