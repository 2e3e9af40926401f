/** Single files of a package. */
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { inspect } from "node:util";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { Package, type PackageEntry } from "../../src/index.ts";
import { failure } from "./support/failure.ts";
import { chunkedHash, entryLine, type Files } from "./support/files.ts";
import { newMachine, type Machine } from "./support/machine.ts";

/** A built package of these files. */
async function built(machine: Machine, files: Files): Promise<Package> {
	const p = await new Package().setDir(".", machine.folder("data", files));
	await p.build("test/entry", machine.path("registry"));
	return p;
}

describe("PackageEntry reading", () => {
	test("bytes(), text() and json() give the content", async () => {
		const machine = newMachine();
		const p = await built(machine, { t: "Grüße\n", j: '{"a": [1, 1.5, 18446744073709551616]}' });
		expect(Buffer.from(await p.entry("t").bytes()).toString()).toBe("Grüße\n");
		expect(await p.entry("t").text()).toBe("Grüße\n");
		expect(await p.entry("j").json()).toEqual({ a: [1, 1.5, 2n ** 64n] });
	});

	test("text() refuses other bytes, json() what is no JSON, naming the file", async () => {
		const machine = newMachine();
		const p = await built(machine, { "d/bin": Uint8Array.of(0xff), "d/text": "{" });
		expect((await failure(p.entry("d/bin").text(), "InvalidArgument")).message).toContain('"d/bin"');
		expect((await failure(p.entry("d/text").json(), "InvalidArgument")).message).toContain('"d/text"');
	});

	test("changed bytes are never returned once there is a hash", async () => {
		const machine = newMachine();
		const p = await built(machine, { a: "good", b: "good" });
		writeFileSync(machine.path("data/a"), "evil");
		writeFileSync(machine.path("data/b"), "other size");
		for (const key of ["a", "b"]) {
			await failure(p.entry(key).bytes(), "IntegrityMismatch");
			await failure(p.entry(key).text(), "IntegrityMismatch");
			await failure(
				p.entry(key).deserialize((bytes) => bytes),
				"IntegrityMismatch",
			);
		}
		const read = new Response(await p.entry("a").stream()).text();
		await failure(read, "IntegrityMismatch");
	});

	test("a file that is gone is ObjectNotFound with its place", async () => {
		const machine = newMachine();
		const p = await Package.load(`{"version": "v0"}\n${JSON.stringify(entryLine("a", "/none/a", "a"))}\n`);
		expect(machine.root).toBeTruthy();
		const error = await failure(p.entry("a").bytes(), "ObjectNotFound");
		expect(error.details).toEqual({ key: "a", physicalKey: "file:///none/a" });
	});

	test("stream() gives all, or exactly the range", async () => {
		const machine = newMachine();
		const p = await built(machine, { a: "0123456789" });
		const read = async (offset: number, length: number): Promise<string> =>
			new Response(await p.entry("a").stream({ range: { offset, length } })).text();
		expect(await new Response(await p.entry("a").stream()).text()).toBe("0123456789");
		expect(await read(0, 10)).toBe("0123456789");
		expect(await read(3, 4)).toBe("3456");
		expect(await read(10, 0)).toBe("");
		for (const [offset, length] of [
			[5, 6],
			[-1, 2],
			[0, -1],
			[0.5, 1],
		] as const) {
			const { hint } = await failure(read(offset, length), "InvalidArgument");
			expect(hint).toContain("{ offset: 0, length: 10 }");
		}
	});

	test("reading stops at the signal", async () => {
		const machine = newMachine();
		const p = await built(machine, { a: "0123456789" });
		await failure(p.entry("a").bytes({ signal: AbortSignal.abort() }), "Aborted");
	});
});

describe("PackageEntry.deserialize()", () => {
	test("gives the value by the format that was recorded, else by the extension", async () => {
		const machine = newMachine();
		const p = await new Package().set("value", { a: 1 });
		await p.set("raw", Uint8Array.of(1, 2));
		await p.setText("plain", "text");
		await p.setDir(
			"files",
			machine.folder("data", {
				"x.json": "[1]",
				"x.txt": "t",
				"x.md": "m",
				"x.bin": "b",
				"x.json.gz": gzipSync("[2]"),
			}),
		);
		await p.build("test/formats", machine.path("registry"));
		const value = (key: string): Promise<unknown> => p.entry(key).deserialize();
		expect(await value("value")).toEqual({ a: 1 });
		expect([...((await value("raw")) as Uint8Array)]).toEqual([1, 2]);
		expect(await value("plain")).toBe("text");
		expect(await value("files/x.json")).toEqual([1]);
		expect(await value("files/x.txt")).toBe("t");
		expect(await value("files/x.md")).toBe("m");
		expect(Buffer.from((await value("files/x.bin")) as Uint8Array).toString()).toBe("b");
		expect(await value("files/x.json.gz")).toEqual([2]);
	});

	test("takes a function for every other format", async () => {
		const machine = newMachine();
		const p = await built(machine, { "x.csv": "1,2" });
		expect(await p.entry("x.csv").deserialize((bytes) => bytes.length)).toBe(3);
		expect((await failure(p.entry("x.csv").deserialize(), "Unsupported")).message).toContain("x.csv");
	});

	test("needs a hash unless it is given a function", async () => {
		newMachine();
		const p = await new Package().set("x.json", { a: 1 });
		await failure(p.entry("x.json").deserialize(), "Unverifiable");
		expect(await p.entry("x.json").deserialize((bytes) => bytes.length)).toBe(8);
	});

	test("refuses an unknown hash type, and content that is not of the format", async () => {
		const machine = newMachine();
		const p = await built(machine, { "x.json": "{" });
		await failure(p.entry("x.json").deserialize(), "InvalidArgument");
		const line = {
			...entryLine("x.json", machine.path("data/x.json"), "{"),
			hash: { type: "md9", value: "" },
		};
		const odd = await Package.load(`{"version": "v0"}\n${JSON.stringify(line)}\n`);
		expect((await failure(odd.entry("x.json").deserialize(), "Unverifiable")).details["type"]).toBe("md9");
	});
});

describe("PackageEntry changing", () => {
	test("set({ path }) takes the new size and forgets the hash; a build then works", async () => {
		const machine = newMachine();
		const p = await built(machine, { a: "one" });
		p.entry("a").setMeta({ n: 1 });
		writeFileSync(machine.path("data/b"), "three");
		const entry = await p.entry("a").set({ path: machine.path("data/b") });
		expect([entry.size, entry.hash, entry.meta]).toEqual([5, undefined, { n: 1 }]);
		expect(p.get("a")).toBe(`file://${machine.path("data/b")}`);
		await p.build("test/entry", machine.path("registry"));
		expect(p.entry("a").hash?.value).toBe(chunkedHash("three"));
	});

	test("set({ meta }) and setMeta() show in the package; set({}) is refused", async () => {
		const machine = newMachine();
		const p = await built(machine, { a: "one" });
		const before = p.topHash;
		const entry = p.entry("a");
		await entry.set({ meta: { n: 1 } });
		expect(p.entry("a").meta).toEqual({ n: 1 });
		expect(p.topHash).not.toBe(before);
		entry.setMeta({ n: 2 });
		expect(p.entry("a").meta).toEqual({ n: 2 });
		expect(entry.hash?.value).toBe(chunkedHash("one"));
		await failure(entry.set({}), "InvalidArgument");
	});

	test("a failed change leaves the entry as it was", async () => {
		const machine = newMachine();
		const p = await built(machine, { a: "one" });
		const before = p.topHash;
		await failure(p.entry("a").set({ path: machine.path("none") }), "ObjectNotFound");
		await failure(() => p.entry("a").setMeta({ x: Number.NaN }), "InvalidMetadata");
		await failure(() => p.entry("a").setMeta({ x: "\ud800" }), "InvalidMetadata");
		await failure(() => p.entry("a").setMeta(new Date()), "InvalidMetadata");
		expect(p.topHash).toBe(before);
	});

	test("get(), url, physicalKey, toString() and toJSON() say what it is", async () => {
		const machine = newMachine();
		const p = await built(machine, { "a b": "x" });
		const entry = p.entry("a b");
		const url = `file://${machine.path("data")}/a%20b`;
		expect([entry.get(), entry.url, entry.physicalKey]).toEqual([url, url, url]);
		expect(String(entry)).toBe(`PackageEntry(${url})`);
		expect(inspect(entry)).toBe(String(entry));
		expect(JSON.parse(JSON.stringify(entry))).toEqual({
			physicalKey: url,
			size: 1,
			hash: { type: "sha2-256-chunked", value: chunkedHash("x") },
			meta: {},
		});
	});

	test("equals() compares size, hash and metadata, not the place", async () => {
		const machine = newMachine();
		const p = await built(machine, { a: "x", b: "x", c: "y" });
		const entry = (key: string): PackageEntry => p.entry(key);
		expect(entry("a").equals(entry("b"))).toBe(true);
		expect(entry("a").equals(entry("c"))).toBe(false);
		entry("b").setMeta({});
		expect(entry("a").equals(entry("b"))).toBe(false);
	});

	test("withPhysicalKey() is the same entry elsewhere, and belongs to no package", async () => {
		const machine = newMachine();
		const p = await built(machine, { a: "x", b: "x" });
		const moved = p.entry("a").withPhysicalKey(machine.path("data/b"));
		expect(moved.physicalKey).toBe(`file://${machine.path("data/b")}`);
		expect(moved.equals(p.entry("a"))).toBe(true);
		expect(await moved.text()).toBe("x");
		expect(p.get("a")).toBe(`file://${machine.path("data/a")}`);
	});
});

describe("PackageEntry.fetch()", () => {
	test("copies to a file, into a directory, and returns an entry of the copy", async () => {
		const machine = newMachine();
		const p = await built(machine, { "d/a.txt": "x" });
		const entry = p.entry("d/a.txt");
		const there = machine.path("there");
		expect((await entry.fetch(`${there}/b.txt`)).physicalKey).toBe(`file://${there}/b.txt`);
		expect((await entry.fetch(`${there}/new/`)).physicalKey).toBe(`file://${there}/new/a.txt`);
		mkdirSync(`${there}/old`);
		expect((await entry.fetch(`${there}/old`)).physicalKey).toBe(`file://${there}/old/a.txt`);
		expect(readFileSync(`${there}/new/a.txt`, "utf8")).toBe("x");
		expect(p.get("d/a.txt")).toBe(`file://${machine.path("data/d/a.txt")}`);
	});

	test("replaces other content only with overwrite, and writes nothing when it is there already", async () => {
		const machine = newMachine();
		const p = await built(machine, { a: "x" });
		machine.folder("there", { a: "mine" });
		const target = machine.path("there/a");
		await failure(p.entry("a").fetch(target), "DestinationConflict");
		expect(readFileSync(target, "utf8")).toBe("mine");
		await p.entry("a").fetch(target, { overwrite: true });
		expect(readFileSync(target, "utf8")).toBe("x");
		const { ino } = statSync(target);
		await p.entry("a").fetch(target);
		expect(statSync(target).ino).toBe(ino);
	});

	test("verifies: changed bytes leave nothing behind", async () => {
		const machine = newMachine();
		const p = await built(machine, { a: "good" });
		writeFileSync(machine.path("data/a"), "evil");
		await failure(p.entry("a").fetch(`${machine.path("there")}/a`), "IntegrityMismatch");
		expect(() => statSync(`${machine.path("there")}/a`)).toThrow();
	});
});
