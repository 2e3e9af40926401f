import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { anyText } from "../../test/support/json-arbitrary.ts";
import { diffTrees } from "./diff.ts";
import type { Entry } from "./entry.ts";
import { emptyObject, parseJson } from "./json.ts";
import type { JsonObject } from "./json.ts";
import { compareLogicalKeys } from "./logical-key.ts";
import { Directory, Tree } from "./tree.ts";

const entry = (size = 1, meta: JsonObject = emptyObject): Entry => ({
	physicalKey: { kind: "s3", bucket: "b", key: "k" },
	size,
	hash: { type: "SHA256", value: "x" },
	meta,
});
const treeOf = (...keys: string[]): Tree => {
	const tree = new Tree();
	for (const key of keys) tree.set(key, entry());
	return tree;
};
const walked = (tree: Tree): string[] => Array.from(tree.walk(), ([key]) => key);
const collision = expect.objectContaining({ code: "KeyCollision" }) as unknown;

describe("Tree", () => {
	test("walks in the order of compareLogicalKeys(), whatever the order of setting", () => {
		const key = fc.array(fc.oneof(anyText, fc.constantFrom("a", "b", "..", "")), {
			minLength: 1,
			maxLength: 4,
		});
		fc.assert(
			fc.property(
				fc.uniqueArray(
					key.map((parts) => parts.join("/")),
					{ maxLength: 20 },
				),
				(keys) => {
					const tree = new Tree();
					const kept: string[] = [];
					for (const text of keys) {
						try {
							tree.set(text, entry());
							kept.push(text);
						} catch (error) {
							expect(error).toEqual(collision);
						}
					}
					expect(walked(tree)).toEqual([...kept].sort(compareLogicalKeys));
					expect(tree.fileCount).toBe(kept.length);
					for (const text of kept) expect(tree.get(text)).toEqual(entry());
					for (const text of kept) expect(tree.delete(text)).toBe(true);
					expect(tree.fileCount).toBe(0);
				},
			),
			{ numRuns: 300 },
		);
	});

	test("takes keys that only manifests have, without loss", () => {
		const keys = ["../x//y", "a/", "b//c", "//", "/x", "d//e/"];
		const tree = treeOf(...keys);
		expect(walked(treeOf(""))).toEqual([""]);
		expect(walked(tree).sort(compareLogicalKeys)).toEqual([...keys].sort(compareLogicalKeys));
	});

	test("treats names of object properties as ordinary names", () => {
		const tree = treeOf("__proto__/x", "constructor", "10", "2", "toString");
		expect(Array.from(tree.children(), ([name]) => name)).toEqual([
			"__proto__",
			"constructor",
			"10",
			"2",
			"toString",
		]);
		expect(tree.has("hasOwnProperty")).toBe(false);
		expect(tree.get("__proto__")).toBeInstanceOf(Directory);
	});

	test("set() refuses a file where a directory is, and a directory where a file is, and changes nothing", () => {
		const tree = treeOf("a/b", "c");
		expect(() => tree.set("a", entry())).toThrow(collision);
		expect(() => tree.set("c/d/e", entry())).toThrow(collision);
		expect(() => tree.setDirectoryMeta("a/b", 1n)).toThrow(collision);
		expect(walked(tree)).toEqual(["a/b", "c"]);
	});

	test("set() replaces an entry in its place", () => {
		const tree = treeOf("b", "a");
		tree.set("b", entry(2));
		expect(Array.from(tree.children(), ([name]) => name)).toEqual(["b", "a"]);
		expect(tree.get("b")).toEqual(entry(2));
	});

	test("delete() takes whole directories, and leaves an emptied one", () => {
		const tree = treeOf("a/b/c", "a/b/d", "e/f");
		tree.setDirectoryMeta("e", 5n);
		expect(tree.delete("a/b")).toBe(true);
		expect(tree.delete("e/f")).toBe(true);
		expect(tree.delete("e/f")).toBe(false);
		expect(tree.delete("x/y")).toBe(false);
		expect(walked(tree)).toEqual([]);
		expect(tree.directoryMeta("e")).toBe(5n);
	});

	test("get() goes through no file", () => {
		expect(treeOf("a").get("a/b")).toBeUndefined();
	});

	test("directories() gives those with true metadata, parents first, by code point", () => {
		const tree = treeOf("a/b/c", "a b/x", "a-b/x");
		tree.setDirectoryMeta("a-b", parseJson('{"x": 1}'));
		tree.setDirectoryMeta("a/b", parseJson('"inner"'));
		tree.setDirectoryMeta("a", parseJson("[1]"));
		tree.setDirectoryMeta("a b", parseJson("{}"));
		tree.setDirectoryMeta("empty", parseJson("null"));
		expect(Array.from(tree.directories(), ([key]) => key)).toEqual(["a/", "a/b/", "a-b/"]);
		expect(tree.directoryMeta("empty")).toBeNull();
	});

	test("subtree() is a live view, clone() a copy", () => {
		const tree = treeOf("a/b", "c");
		tree.setDirectoryMeta("a", 1n);
		const copy = tree.clone();
		tree.subtree("a").set("x/y", entry());
		expect(walked(tree)).toEqual(["a/b", "a/x/y", "c"]);
		expect(walked(copy)).toEqual(["a/b", "c"]);
		expect(copy.directoryMeta("a")).toBe(1n);
		expect(() => tree.subtree("c")).toThrow(expect.objectContaining({ code: "EntryNotFound" }));
		expect(() => tree.subtree("nothing")).toThrow(expect.objectContaining({ code: "EntryNotFound" }));
	});

	test("setDirectoryMeta() refuses the root", () => {
		expect(() => new Tree().setDirectoryMeta("", 1n)).toThrow(RangeError);
	});

	test("takes 1,500 levels and refuses 3,000 with LimitExceeded", () => {
		const deep = "a/".repeat(1500);
		expect(walked(treeOf(`${deep}x`))).toEqual([`${deep}x`]);
		expect(() => treeOf(`${"a/".repeat(3000)}x`)).toThrow(expect.objectContaining({ code: "LimitExceeded" }));
	});
});

describe("diffTrees()", () => {
	test("finds what was added, modified and deleted, in walk order", () => {
		const from = treeOf("a/b", "a b", "same", "meta", "gone");
		const to = treeOf("a b", "same", "new/x", "new-x");
		to.set("a/b", entry(2));
		to.set("meta", entry(1, new Map([["user_meta", 1n]])));
		expect(diffTrees(from, to)).toEqual({
			added: ["new/x", "new-x"],
			modified: ["a/b", "meta"],
			deleted: ["gone"],
		});
		expect(diffTrees(from, from.clone())).toEqual({ added: [], modified: [], deleted: [] });
	});

	test("ignores where the bytes are", () => {
		const to = new Tree();
		to.set("a", { ...entry(), physicalKey: { kind: "file", path: "/x" } });
		expect(diffTrees(treeOf("a"), to)).toEqual({ added: [], modified: [], deleted: [] });
	});

	test("is turned around by turning the trees around", () => {
		const keys = fc.uniqueArray(fc.constantFrom("a", "b", "c/d", "c/e", "c e", "c-e", "f"));
		fc.assert(
			fc.property(keys, keys, (left, right) => {
				const forth = diffTrees(treeOf(...left), treeOf(...right));
				const back = diffTrees(treeOf(...right), treeOf(...left));
				expect(back).toEqual({ added: forth.deleted, modified: forth.modified, deleted: forth.added });
				expect(new Set(forth.added)).toEqual(new Set(right.filter((key) => !left.includes(key))));
			}),
		);
	});
});
