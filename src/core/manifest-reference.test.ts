/** The ways to read a manifest beside one another: whatever the plain parser says, the others must say. */
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { anyKey, damagedManifest, manifestText } from "../../test/support/manifest-arbitrary.ts";
import { scanManyLines } from "../../test/support/scan-many-lines.ts";
import { diffTrees } from "./diff.ts";
import type { Entry } from "./entry.ts";
import { formatFacts, ManifestPass, openManifest, parseFacts } from "./manifest-open.ts";
import { ManifestPairPass } from "./manifest-pair.ts";
import { PlainManifestParser } from "./manifest-plain.ts";
import { formatManifest, ManifestParser, parseManifest, type Manifest } from "./manifest.ts";
import type { RandomBytes } from "./random-bytes.ts";
import { createSha256 } from "./sha256.ts";
import { canonicalParts, computeTopHash } from "./top-hash.ts";
import { Directory, type Tree } from "./tree.ts";
import { encodeUtf8 } from "./utf8.ts";

const maxLineBytes = 16 * 1024 * 1024;

/** Bytes that are copied at every read into the buffer that was given, as those of a file are. */
function fileLike(bytes: Uint8Array): RandomBytes {
	return {
		size: bytes.length,
		read(start, end, buffer) {
			const target =
				buffer !== undefined && buffer.length >= end - start ? buffer : new Uint8Array(end - start);
			target.set(bytes.subarray(start, end));
			return target.subarray(0, end - start);
		},
	};
}

function plainly(bytes: Uint8Array): Manifest {
	const parser = new PlainManifestParser(maxLineBytes);
	parser.push(bytes);
	return parser.end();
}

/** What there is to say of a manifest, or the error that there is instead. */
function outcome(read: () => Manifest): unknown {
	let manifest: Manifest;
	try {
		manifest = read();
	} catch (error) {
		return failure(error);
	}
	return {
		header: manifest.header,
		walk: [...manifest.tree.walk()],
		directories: [...manifest.tree.directories()],
		content: content(manifest.tree.root),
		files: manifest.tree.fileCount,
		canonical: attempt(() => [...canonicalParts(manifest.header, manifest.tree)].join("")),
		topHash: attempt(() => computeTopHash(manifest.header, manifest.tree, createSha256)),
		text: attempt(() => [...formatManifest(manifest)].join("")),
	};
}

function failure(error: unknown): unknown {
	const { code, message, details } = error as { code?: unknown; message: string; details?: unknown };
	return { code, message, details };
}

function attempt(work: () => string): unknown {
	try {
		return work();
	} catch (error) {
		return failure(error);
	}
}

/** Everything in a directory in the order of its names, so that the order is compared, too. */
function content(directory: Directory): unknown[] {
	return Array.from(directory.children(), ([name, child]) =>
		child instanceof Directory ? [name, child.meta, content(child)] : [name, child],
	);
}

/** All ways that must give what the plain parser gives. */
function expectSame(bytes: Uint8Array): void {
	const expected = outcome(() => plainly(bytes));
	expect(outcome(() => parseManifest(bytes))).toEqual(expected);
	expect(outcome(() => parseManifest(bytes, { createSha256 }))).toEqual(expected);
	expect(
		outcome(() => {
			const parser = new ManifestParser({ createSha256 });
			for (let at = 0; at < bytes.length; at += 7) parser.push(bytes.subarray(at, at + 7));
			return parser.end();
		}),
	).toEqual(expected);

	const source = fileLike(bytes);
	const pass = new ManifestPass(source, createSha256);
	while (pass.step());
	const found = pass.finish();
	if (found === undefined) return;
	expect(outcome(() => found)).toEqual(expected);
	if (found.topHash === undefined) return;
	expect(found.topHash).toBe((expected as { topHash: string }).topHash);
	const noted = parseFacts(formatFacts(found.facts, found.topHash) ?? "");
	const reopened = noted && openManifest(source, noted.facts, noted.topHash);
	if (reopened === undefined) throw new Error("a manifest in order was not opened again");
	expect(outcome(() => reopened)).toEqual(expected);
	reopened.tree.root.children().next();
	expect(computeTopHash(reopened.header, reopened.tree, createSha256)).toBe(found.topHash);
}

/** Both manifests by one pass over them, beside what a pass over each gives; false: at least one is not in order. */
function expectSamePair(left: Uint8Array, right: Uint8Array): boolean {
	const pass = new ManifestPairPass(fileLike(left), fileLike(right), createSha256);
	while (pass.step());
	const pair = pass.finish();
	const single = [left, right].map((bytes) => {
		const one = new ManifestPass(fileLike(bytes), createSha256);
		while (one.step());
		return one.finish();
	});
	expect(pair !== undefined).toBe(single.every((one) => one?.topHash !== undefined));
	if (pair === undefined) return false;
	for (const [index, manifest] of pair.entries()) {
		expect(manifest.facts).toEqual(single[index]?.facts);
		expect(manifest.topHash).toBe(single[index]?.topHash);
		expect(outcome(() => manifest)).toEqual(outcome(() => single[index] as Manifest));
	}
	const [{ tree: before }, { tree: after }] = pair;
	const [plainBefore, plainAfter] = [plainly(left).tree, plainly(right).tree];
	expect(diffTrees(before, after)).toEqual(diffTrees(plainBefore, plainAfter));
	expect(diffTrees(after, before)).toEqual(diffTrees(plainAfter, plainBefore));
	const key = [...after.walk()][0]?.[0];
	if (key !== undefined) {
		after.set(key, changed);
		plainAfter.set(key, changed);
	}
	expect(diffTrees(before, after)).toEqual(diffTrees(plainBefore, plainAfter));
	return true;
}

/** A manifest, and the same with some lines left out, replaced, or put in from another one. */
const manifestPair = fc
	.tuple(
		manifestText,
		manifestText,
		fc.array(fc.tuple(fc.constantFrom("leave out", "replace", "put in"), fc.nat(), fc.nat()), {
			maxLength: 4,
		}),
	)
	.map(([text, other, edits]) => {
		const [lines, others] = [text.split("\n"), other.split("\n")];
		for (const [edit, at, from] of edits) {
			const taken = edit === "leave out" ? [] : [others[from % others.length] ?? ""];
			lines.splice(at % lines.length, edit === "put in" ? 0 : 1, ...taken);
		}
		return [encodeUtf8(text), encodeUtf8(lines.join("\n"))] as const;
	});

describe.each([
	["one line after the other", () => undefined],
	["many lines at once", scanManyLines],
])("manifests read as bytes, %s,", (_, prepare) => {
	beforeAll(prepare);

	test("are what the plain parser makes of them, errors included", () => {
		fc.assert(
			fc.property(manifestText, (text) => {
				expectSame(encodeUtf8(text));
			}),
			{ numRuns: 1500 },
		);
	}, 120_000);

	test("also when bytes in them were damaged", () => {
		fc.assert(fc.property(damagedManifest, expectSame), { numRuns: 1000 });
	}, 120_000);

	test("are the same when two are read in one pass", () => {
		let inOrderCount = 0;
		fc.assert(
			fc.property(manifestPair, ([left, right]) => {
				if (expectSamePair(left, right)) inOrderCount++;
			}),
			{ numRuns: 1000 },
		);
		fc.assert(
			fc.property(manifestText, damagedManifest, (text, damaged) => {
				expectSamePair(encodeUtf8(text), damaged);
			}),
		);
		expect(inOrderCount).toBeGreaterThan(30);
	}, 120_000);

	test("many of the manifests in these tests are in order", () => {
		let inOrderCount = 0;
		const texts = fc.sample(manifestText, { numRuns: 200, seed: 1 });
		for (const text of texts) {
			const pass = new ManifestPass(fileLike(encodeUtf8(text)), createSha256);
			while (pass.step());
			if (pass.finish()?.topHash !== undefined) inOrderCount++;
		}
		expect(inOrderCount).toBeGreaterThan(50);
	});
});

const line = (key: string): string =>
	`{"logical_key": "${key}", "physical_keys": ["s3://b/k"], "size": 1, "hash": {"type": "t", "value": "v"}, "meta": {}}`;

const changed: Entry = {
	physicalKey: { kind: "s3", bucket: "b", key: "new" },
	size: 2,
	hash: { type: "t", value: "new" },
	meta: new Map(),
};

type Change = readonly [what: "set" | "delete" | "open" | "makeDirectory" | "subtree", key: string];
const changes = fc.array(
	fc.tuple(fc.constantFrom<Change[0]>("set", "set", "delete", "open", "makeDirectory", "subtree"), anyKey),
	{ maxLength: 10 },
);

/** What was done, or the error's message. */
function apply(tree: Tree, [what, key]: Change): unknown {
	try {
		if (what === "set") tree.set(key, changed);
		else if (what === "delete") return tree.delete(key);
		else if (what === "makeDirectory") tree.makeDirectory(key);
		else if (what === "open") return tree.get(key) instanceof Directory || tree.get(key);
		else {
			const below = tree.subtree(key);
			below.set("new in it", changed);
			return [...below.walk()];
		}
	} catch (error) {
		return failure(error);
	}
	return undefined;
}

test("changes to a tree that is lines have the effects that they have on any tree", () => {
	fc.assert(
		fc.property(manifestText, changes, (text, list) => {
			const bytes = encodeUtf8(text);
			let plain: Manifest;
			try {
				plain = plainly(bytes);
			} catch {
				return;
			}
			const pass = new ManifestPass(fileLike(bytes), createSha256);
			while (pass.step());
			const found = pass.finish() ?? parseManifest(bytes);
			const before = outcome(() => found);
			const copy = { header: found.header, tree: found.tree.clone() };
			for (const change of list) {
				expect(apply(copy.tree, change)).toEqual(apply(plain.tree, change));
				const [, key] = change;
				expect(copy.tree.has(key)).toBe(plain.tree.has(key));
				expect([...copy.tree.walk()]).toEqual([...plain.tree.walk()]);
			}
			const expected = outcome(() => plain);
			expect(outcome(() => copy)).toEqual(expected);
			expect(outcome(() => ({ ...copy, tree: copy.tree.clone() }))).toEqual(expected);
			expect(outcome(() => found)).toEqual(before);
			expect(diffTrees(found.tree, copy.tree)).toEqual(diffTrees(plainly(bytes).tree, plain.tree));
			expect(diffTrees(copy.tree, found.tree)).toEqual(diffTrees(plain.tree, plainly(bytes).tree));
		}),
		{ numRuns: 1000 },
	);
}, 120_000);

test("two large manifests are read in one pass whatever differs, and only that is read to compare them", () => {
	scanManyLines();
	const key = (index: number): string => `d${String(index >> 10)}/${String(index).padStart(6, "0")}`;
	const keys = Array.from({ length: 9000 }, (_, index) => key(index));
	const write = (lines: readonly string[]): Uint8Array =>
		encodeUtf8(`{"version": "v0"}\n${lines.map((text) => `${text}\n`).join("")}`);
	const lines = keys.map(line);
	const edited = lines.flatMap((text, index) => {
		if (index % 2000 === 5) return [];
		if (index % 1999 === 7) return [text, line(`${keys[index] ?? ""}-new`)];
		return [index % 997 === 3 || (index > 4000 && index < 4300) ? text.replace('"v"', '"other"') : text];
	});
	const others = [
		edited,
		lines.slice(100),
		lines.slice(0, -100),
		lines.map((text) => text.replace('"t"', '"u"')),
	];
	for (const other of [...others, lines, []]) expect(expectSamePair(write(lines), write(other))).toBe(true);

	let bytesRead = 0;
	const counted = (bytes: Uint8Array): RandomBytes => {
		const source = fileLike(bytes);
		return {
			size: source.size,
			read(start, end, buffer) {
				bytesRead += end - start;
				return source.read(start, end, buffer);
			},
		};
	};
	const pass = new ManifestPairPass(counted(write(lines)), counted(write(edited)), createSha256);
	while (pass.step());
	const [before, after] = pass.finish() ?? [];
	if (before === undefined || after === undefined) throw new Error("not in order");
	bytesRead = 0;
	const { added, modified, deleted } = diffTrees(before.tree, after.tree);
	expect([added.length, modified.length, deleted.length]).toEqual([4, 308, 5]);
	expect(bytesRead).toBeLessThan(100_000);
}, 60_000);

test("directories that were only looked into stay one run of lines with those around them", () => {
	const { tree } = parseManifest(
		encodeUtf8(['{"version": "v0"}', ...["a", "b/c/d", "b/e", "f/g"].map(line)].join("\n")),
	);
	const parts = (of: Tree): string[] =>
		Array.from(of.parts(), (part) => (part.kind === "entry" ? part.key : "lines"));
	tree.get("b/c/d");
	tree.get("f");
	expect(parts(tree)).toEqual(["lines"]);
	const copy = tree.clone();
	copy.set("b/c/d", changed);
	expect(parts(copy)).toEqual(["lines", "b/c/d", "lines", "lines"]);
	expect(parts(tree)).toEqual(["lines"]);
	tree.delete("f/g");
	expect(parts(tree)).toEqual(["lines"]);
	expect(Array.from(tree.walk(), ([key]) => key)).toEqual(["a", "b/c/d", "b/e"]);
});

test("a walk goes on among the changes that are made during it", () => {
	const bytes = encodeUtf8(['{"version": "v0"}', ...["a", "b/c", "b/d", "e"].map(line)].join("\n"));
	for (const tree of [parseManifest(bytes).tree, plainly(bytes).tree]) {
		const seen: unknown[] = [];
		for (const [key, { size: bytesOfEntry }] of tree.walk()) {
			seen.push([key, bytesOfEntry]);
			if (key === "a") tree.delete("b/c");
			if (key === "b/d") tree.set("e", changed);
		}
		expect(seen).toEqual([
			["a", 1],
			["b/d", 1],
			["e", 2],
		]);
	}
});
