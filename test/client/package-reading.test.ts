/** Looking at a package: names, order, differences, and its manifest as text. */
import { describe, expect, test } from "vitest";
import { Package, type PackageEntry } from "../../src/index.ts";
import { failure } from "./support/failure.ts";
import { chunkedHash, entryLine } from "./support/files.ts";
import { newMachine } from "./support/machine.ts";

async function packageOf(keys: readonly string[]): Promise<Package> {
	const p = new Package();
	for (const key of keys) await p.set(key, new Blob([key]));
	return p;
}

function walked(p: Package): string[] {
	return Array.from(p.walk(), ([key]) => key);
}

describe("names", () => {
	test("keys(), size and iteration give the first level in the order of setting", async () => {
		newMachine();
		const p = await packageOf(["z", "b/2", "10", "b/1", "a", "2"]);
		expect(p.keys()).toEqual(["z", "b", "10", "a", "2"]);
		expect(p.size).toBe(5);
		expect([...p]).toEqual(p.keys());
	});

	test("walk() goes directory by directory, by code point, not by whole path", async () => {
		newMachine();
		const p = await packageOf(["a0", "a.txt", "a-b", "a b", "a/b", "\u{10000}", "\uffee", "A"]);
		expect(walked(p)).toEqual(["A", "a/b", "a b", "a-b", "a.txt", "a0", "\uffee", "\u{10000}"]);
	});

	test("map() is lazy, and gives directories with metadata first when asked for", async () => {
		newMachine();
		const p = await packageOf(["d/e/x", "b", "c/y"]);
		p.subpackage("d/e").setMeta({ n: 1 });
		expect([...p.map((key) => key)]).toEqual(["b", "c/y", "d/e/x"]);
		const both = [...p.map((key, value) => [key, value.meta], { includeDirectories: true })];
		expect(both).toEqual([
			["d/e/", { n: 1 }],
			["b", {}],
			["c/y", {}],
			["d/e/x", {}],
		]);
		let calls = 0;
		p.map(() => calls++).next();
		expect(calls).toBe(1);
	});
});

describe("Package.filter()", () => {
	test("gives a new package with entries, hashes and their metadata only", async () => {
		const machine = newMachine();
		const p = await packageOf(["d/a", "d/b", "c"]);
		p.setMeta({ root: 1 }).subpackage("d").setMeta({ dir: 1 });
		p.entry("d/a").setMeta({ entry: 1 });
		await p.build("test/filter", machine.path("registry"), { message: "full" });
		const part = p.filter((key) => key.startsWith("d/"));
		expect(walked(part)).toEqual(["d/a", "d/b"]);
		expect([part.meta, part.message, part.subpackage("d").meta]).toEqual([{}, undefined, {}]);
		expect(part.entry("d/a").equals(p.entry("d/a"))).toBe(true);
		part.entry("d/a").setMeta({ entry: 2 });
		expect(p.entry("d/a").meta).toEqual({ entry: 1 });
	});

	test("shows the entries to the function", async () => {
		newMachine();
		const p = await packageOf(["long name", "b"]);
		expect(walked(p.filter((_key, value) => (value as PackageEntry).size === 1))).toEqual(["b"]);
	});

	test("with includeDirectories a refused directory goes with everything below it", async () => {
		newMachine();
		const p = await packageOf(["d/e/x", "d/y", "f/z", "g"]);
		const asked: string[] = [];
		const kept = p.filter(
			(key) => {
				asked.push(key);
				return key !== "d/";
			},
			{ includeDirectories: true },
		);
		expect(walked(kept)).toEqual(["f/z", "g"]);
		expect(asked).not.toContain("d/e/");
		expect(asked).not.toContain("d/y");
	});
});

describe("Package.diff()", () => {
	test("lists added, modified and deleted keys; where bytes are does not count", async () => {
		const machine = newMachine();
		const left = await packageOf(["same", "gone", "size", "hash", "meta"]);
		const right = await packageOf(["same", "new/a", "meta"]);
		await right.set("size", new Blob(["another size"]));
		await right.set("hash", new Blob(["HASH"]));
		right.entry("meta").setMeta({ n: 1 });
		right.setMeta({ not: "counted" }).subpackage("new").setMeta({ not: "counted" });
		await left.build("test/left", machine.path("registry"));
		await right.build("test/right", machine.path("registry"));
		expect(left.get("same")).not.toBe(right.get("same"));
		expect(left.diff(right)).toEqual({
			added: ["new/a"],
			modified: ["hash", "meta", "size"],
			deleted: ["gone"],
		});
		expect(right.diff(left)).toEqual({
			added: ["gone"],
			modified: ["hash", "meta", "size"],
			deleted: ["new/a"],
		});
		expect(left.diff(left)).toEqual({ added: [], modified: [], deleted: [] });
	});

	test("tells 1 from 1.0 in metadata", async () => {
		newMachine();
		const line = (n: string): string =>
			JSON.stringify({ ...entryLine("a", "/x", "x"), meta: { user_meta: "N" } }).replace('"N"', n);
		const a = await Package.load(`{"version": "v0"}\n${line("1")}\n`);
		const b = await Package.load(`{"version": "v0"}\n${line("1.0")}\n`);
		expect(a.diff(b).modified).toEqual(["a"]);
	});
});

describe("text forms", () => {
	test("String() is the tree until every entry has a hash, then the top hash", async () => {
		const machine = newMachine();
		const p = await packageOf(["b/y", "b/x", "a"]);
		expect(String(p)).toBe("a\nb/\n  x\n  y");
		const error = await failure(() => p.topHash, "Unverifiable");
		expect(error.message).toContain('"a"');
		await p.build("test/text", machine.path("registry"));
		expect(String(p)).toBe(p.topHash);
	});

	test("tree() cuts long trees and escapes what a terminal would obey", async () => {
		newMachine();
		const p = await packageOf(["a\u001b[31m", "b", "c", "d"]);
		expect(p.tree({ maxLines: 2 })).toBe("a\\u001b[31m\nb\n…");
		expect(new Package().tree()).toBe("(empty)");
	});
});

describe("manifests", () => {
	const header = { version: "v0", user_meta: { a: [1] }, unknown: true, message: "hi" };
	const text = [
		JSON.stringify(header),
		JSON.stringify({ logical_key: "d/", meta: { unit: "m" } }),
		JSON.stringify(entryLine("d/x", "/data/x", "x")),
		JSON.stringify(entryLine("e", "s3://bucket/e?versionId=1", "e", { meta: { user_meta: { n: 1 } } })),
	]
		.map((line) => `${line}\n`)
		.join("");
	/** The same with quilt3's separators. */
	const spaced = text.replaceAll('":', '": ').replaceAll(',"', ', "').replace("s3: //", "s3://");

	async function dumped(p: Package): Promise<string> {
		return new Response(p.dump()).text();
	}

	test("load() reads text, bytes, streams and async iterables, in any pieces", async () => {
		newMachine();
		const bytes = new TextEncoder().encode(text);
		async function* pieces(): AsyncGenerator<Uint8Array> {
			for (const byte of bytes) yield Uint8Array.of(byte);
		}
		for (const source of [text, bytes, new Blob([bytes]).stream(), pieces()]) {
			const p = await Package.load(source);
			expect(walked(p)).toEqual(["d/x", "e"]);
			expect([p.message, p.meta, p.subpackage("d").meta]).toEqual(["hi", { a: [1] }, { unit: "m" }]);
			expect(p.entry("d/x").hash?.value).toBe(chunkedHash("x"));
		}
	});

	test("dump() writes what load() read, byte for byte, also into a writable", async () => {
		newMachine();
		const p = await Package.load(text);
		const written = await dumped(p);
		expect(written).toBe(spaced);
		expect(await dumped(await Package.load(written))).toBe(written);
		const chunks: Uint8Array[] = [];
		await p.dump(new WritableStream<Uint8Array>({ write: (chunk) => void chunks.push(chunk) }));
		expect(Buffer.concat(chunks).toString()).toBe(written);
	});

	test("the order of lines does not matter", async () => {
		newMachine();
		const [first, ...others] = text.trimEnd().split("\n");
		const p = await Package.load([first, ...others.reverse()].join("\n"));
		expect(await dumped(p)).toBe(spaced);
	});

	test("manifest() gives the records as plain values", async () => {
		newMachine();
		const p = await Package.load(text);
		expect([...p.manifest()]).toEqual(
			text
				.trimEnd()
				.split("\n")
				.map((line) => JSON.parse(line) as unknown),
		);
	});

	test("load() keeps what it does not know: other versions, hash types and fields, keys that set() refuses", async () => {
		newMachine();
		const odd = [
			'{"version": "v9", "later": [1.0]}',
			JSON.stringify({ ...entryLine("../x//y", "/x", "x"), hash: { type: "md9", value: "?", extra: 1 } }),
			JSON.stringify(entryLine("", "/x", "x")),
		].join("\n");
		const p = await Package.load(odd);
		expect(p.topHash).toMatch(/^[0-9a-f]{64}$/);
		expect(walked(p)).toEqual(["", "../x//y"]);
		expect((await Package.load(await dumped(p))).topHash).toBe(p.topHash);
	});

	test("workflow and message are what the header says", async () => {
		newMachine();
		const p = await Package.load('{"version": "v0", "message": null, "workflow": {"id": null}}\n');
		expect([p.message, p.workflow]).toEqual([null, { id: null }]);
		expect(new Package().workflow).toBeUndefined();
	});
});
