/**
 * Bad input, one row each: its code and exit code, a message that names the thing, and nothing changed: registry,
 * destination, settings and records are byte for byte as before.
 */
import { rmSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { deletePackage, errorTable, listPackages, Package, type ErrorCode } from "../../src/index.ts";
import { failure } from "./support/failure.ts";
import {
	chunkedHash,
	entryLine,
	listed,
	plantRevision,
	readFiles,
	snapshot,
	type Fields,
} from "./support/files.ts";
import { newMachine, type Machine } from "./support/machine.ts";

const name = "team/data";

/** Runs `work` and expects its failure to change nothing below the machine's root. */
async function refused(machine: Machine, work: () => unknown, code: ErrorCode, named: string): Promise<void> {
	const before = snapshot(machine.root);
	const error = await failure(work, code);
	expect(error.exitCode).toBe(errorTable[code].exit);
	expect(error.message).toContain(named);
	expect(snapshot(machine.root)).toEqual(before);
}

function install(machine: Machine, more: object = {}): Promise<Package> {
	return Package.install(name, { registry: machine.path("registry"), dest: machine.path("there"), ...more });
}

/** An entry of a good file in the registry, with other fields. */
function line(machine: Machine, key: unknown, more: Fields = {}): Fields {
	return { ...entryLine("a", machine.path("registry/files/a"), "content"), logical_key: key, ...more };
}

function goodFile(machine: Machine): void {
	machine.folder("registry/files", { a: "content", b: "content" });
	machine.folder("there", { mine: "kept" });
}

type Planted = (machine: Machine) => readonly (Fields | string)[];
type Row = readonly [what: string, lines: Planted, code: ErrorCode, named: string];

const hostileKeys: readonly Row[] = (
	[
		["../../x", "InvalidKey", "../../x"],
		["a/../../x", "InvalidKey", "a/../../x"],
		["/abs", "InvalidKey", "/abs"],
		["//x", "InvalidKey", "//x"],
		["a//b", "InvalidKey", "a//b"],
		["a/", "InvalidKey", "a/"],
		["", "InvalidKey", '""'],
		[".", "InvalidKey", '"."'],
		["..", "InvalidKey", '".."'],
		["a/./b", "InvalidKey", "a/./b"],
		["\ud800", "InvalidKey", String.raw`\ud800`],
		["a\u0000b", "UnportableKey", String.raw`a\u0000b`],
		[`${"n".repeat(300)}/x`, "UnportableKey", "nnn/x"],
		["n/".repeat(1900) + "n".repeat(1300), "UnportableKey", "n/n/n"],
	] as const
).map(([key, code, named]) => [
	`the key ${JSON.stringify(key.length > 50 ? `${key.slice(0, 10)}…` : key)}`,
	(machine) => [line(machine, "good"), line(machine, key)],
	code,
	named,
]);

const hostileEntries: readonly Row[] = [
	["a logical key that is a list", (m) => [line(m, ["a"])], "InvalidManifest", "line 2"],
	["a logical key that is a number", (m) => [line(m, "good"), line(m, 5)], "InvalidManifest", "line 3"],
	["a logical key that is null", (m) => [line(m, null)], "InvalidManifest", "line 2"],
	["a file and a directory of one name", (m) => [line(m, "a"), line(m, "a/b")], "KeyCollision", '"a'],
	["the reverse order", (m) => [line(m, "a/b"), line(m, "a")], "KeyCollision", '"a"'],
	["one key twice", (m) => [line(m, "x"), line(m, "y"), line(m, "x")], "DuplicateKey", '"x"'],
	["a scheme", (m) => [line(m, "a", { physical_keys: ["http://x/y"] })], "UnsupportedScheme", "http://x/y"],
	[
		"a script",
		(m) => [line(m, "a", { physical_keys: ["javascript:1"] })],
		"UnsupportedScheme",
		"javascript:1",
	],
	["data", (m) => [line(m, "a", { physical_keys: ["data:,x"] })], "UnsupportedScheme", "data:,x"],
	["no bucket", (m) => [line(m, "a", { physical_keys: ["s3:///x"] })], "InvalidUrl", "s3:///x"],
	["other query parts", (m) => [line(m, "a", { physical_keys: ["s3://b/x?acl=1"] })], "InvalidUrl", "acl"],
	["a relative file", (m) => [line(m, "a", { physical_keys: ["file:x"] })], "InvalidUrl", "file:x"],
	["a device", (m) => [line(m, "a", { physical_keys: ["file:///dev/zero"] })], "NotAFile", "/dev/zero"],
	["a directory", (m) => [line(m, "a", { physical_keys: [`file://${m.root}`] })], "NotAFile", "regular file"],
	["a negative size", (m) => [line(m, "a", { size: -1 })], "InvalidManifest", '"a"'],
	["a fraction as size", (m) => [line(m, "a", { size: 1.5 })], "InvalidManifest", '"a"'],
	["a text as size", (m) => [line(m, "a", { size: "7" })], "InvalidManifest", '"a"'],
	["a size beyond 2^53", (m) => [line(m, "a", { size: 2 ** 60 })], "InvalidManifest", '"a"'],
	[
		"NaN as size",
		(m) => [JSON.stringify(line(m, "a", { size: "#" })).replace('"#"', "NaN")],
		"InvalidManifest",
		'"a"',
	],
	["a size of null", (m) => [line(m, "a", { size: null })], "Unverifiable", '"a"'],
	["a hash of null", (m) => [line(m, "a", { hash: null })], "Unverifiable", '"a"'],
	["a text as hash", (m) => [line(m, "a", { hash: "abc" })], "Unverifiable", '"a"'],
	[
		"an unknown hash type",
		(m) => [line(m, "a", { hash: { type: "md9", value: "x" } })],
		"Unverifiable",
		"md9",
	],
	[
		"a file that is not there",
		(m) => [line(m, "a", { physical_keys: ["file:///none/x"] })],
		"ObjectNotFound",
		"/none/x",
	],
	["no meta", (m) => [JSON.stringify(line(m, "a")).replace(',"meta":{}', "")], "InvalidManifest", "line 2"],
	["a blank line", (m) => ["", line(m, "a")], "InvalidManifest", "line 2"],
	["broken JSON", (m) => [line(m, "a"), '{"logical_key": "b", ]'], "InvalidManifest", "line 3, column"],
	["a line that is cut", (m) => [line(m, "a"), '{"logical_key": "b'], "InvalidManifest", "line 3"],
	["a raw control character", () => ['{"logical_key": "a\u0001", "meta": {}}'], "InvalidManifest", "line 2"],
	["a trailing comma", () => ['{"logical_key": "a/", "meta": {},}'], "InvalidManifest", "line 2"],
	["a number as line", () => ["5"], "InvalidManifest", "line 2"],
	["a key of 100,000 parts", (m) => [line(m, "a/".repeat(100_000) + "b")], "LimitExceeded", "2000 segments"],
	["a line of 17 MiB", (m) => [line(m, "a", { x: "y".repeat(17 * 2 ** 20) })], "LimitExceeded", "line 2"],
];

describe("a manifest with", () => {
	test.for([...hostileKeys, ...hostileEntries])("%s is not installed", async ([, lines, code, named]) => {
		const machine = newMachine();
		goodFile(machine);
		plantRevision(machine.path("registry"), name, lines(machine));
		await refused(machine, () => install(machine), code, named);
		await refused(machine, () => install(machine, { dest: undefined }), code, named);
	});

	test.for(hostileKeys.filter(([, , code]) => code === "InvalidKey"))(
		"%s is loaded and hashed, but not fetched or pushed",
		async ([, lines]) => {
			const machine = newMachine();
			goodFile(machine);
			const topHash = plantRevision(machine.path("registry"), name, lines(machine));
			const p = await Package.browse(name, { registry: machine.path("registry") });
			expect(p.topHash).toBe(topHash);
			await refused(machine, () => p.fetch(machine.path("there")), "InvalidKey", "");
			await refused(machine, () => p.push(name, machine.path("registry")), "InvalidKey", "");
		},
	);

	test.for([
		["a size that is too small", { size: 3 }],
		["a size that is too large", { size: 70 }],
		["a size of 100 GiB for seven bytes", { size: 100 * 2 ** 30 }],
		["a wrong hash", { hash: { type: "sha2-256-chunked", value: chunkedHash("other") } }],
		["a hash of the wrong length", { hash: { type: "SHA256", value: "abc" } }],
	] as const)("%s fails at that file, which does not appear", async ([, more]) => {
		const machine = newMachine();
		goodFile(machine);
		plantRevision(machine.path("registry"), name, [line(machine, "bad", more)]);
		const error = await failure(install(machine));
		expect(["IntegrityMismatch", "SourceChanged", "NoSpace"]).toContain(error.code);
		expect(readFiles(machine.path("there"))).toEqual({ mine: "kept" });
		expect(readFiles(machine.localRegistry)).toEqual({});
		expect(readFiles(machine.baleData)).toEqual({});
	});

	test("names of Object.prototype is installed like any other", async () => {
		const machine = newMachine();
		goodFile(machine);
		const keys = ["__proto__", "constructor", "hasOwnProperty/valueOf", "toString/__proto__", "10", "9"];
		const topHash = plantRevision(
			machine.path("registry"),
			name,
			keys.map((key) => line(machine, key)),
		);
		expect((await install(machine)).topHash).toBe(topHash);
		expect(new Set(Object.keys(readFiles(machine.path("there"))))).toEqual(new Set([...keys, "mine"]));
		expect(({} as Record<string, unknown>)["valueOf"]).toBe(Object.prototype.valueOf);
	});

	test("names of other systems, line feeds and escapes is installed literally on POSIX", async () => {
		const machine = newMachine();
		goodFile(machine);
		const keys = ["..\\..\\x", "C:\\x", "C:/x", "CON", "nul.txt", "x. ", "line\nfeed", "\u001b[31mred"];
		plantRevision(
			machine.path("registry"),
			name,
			keys.map((key) => line(machine, key)),
		);
		await install(machine);
		expect(new Set(Object.keys(readFiles(machine.path("there"))))).toEqual(new Set([...keys, "mine"]));
	});

	test("CR LF, no final line end, U+2028, JSON names twice and another version is read as quilt3 reads it", async () => {
		const machine = newMachine();
		goodFile(machine);
		const twice = JSON.stringify(line(machine, "a\u2028")).replace('"size":7', '"size":1,"size":7');
		const topHash = plantRevision(machine.path("registry"), name, [], {
			text: `{"version": "v7"}\r\n${twice}`,
		});
		expect((await install(machine)).topHash).toBe(topHash);
	});
});

describe("a manifest that is", () => {
	test.for([
		["empty", "", "empty"],
		["without header", `${JSON.stringify({ logical_key: "a", meta: {} })}[]\n`, "line 1"],
		["a list", "[]\n", "line 1"],
		["null", "null\n", "line 1"],
		["after a byte order mark", '\ufeff{"version": "v0"}\n', "line 1"],
		["in UTF-16", Buffer.from('{"version": "v0"}\n', "utf16le"), "line 1"],
		["not UTF-8", Buffer.from([0x7b, 0xff, 0x7d, 0x0a]), "line 1"],
		["followed by a blank line", '{"version": "v0"}\n\n', "line 2"],
		["only a line feed", "\n", "line 1"],
	] as const)("%s is InvalidManifest with the line", async ([, text, named]) => {
		const machine = newMachine();
		goodFile(machine);
		const topHash = plantRevision(machine.path("registry"), name, [], { text: "x", topHash: "a".repeat(64) });
		writeFileSync(machine.path("registry/.quilt/packages", topHash), text);
		await refused(machine, () => install(machine), "InvalidManifest", named);
		await refused(machine, () => Package.load(new Uint8Array(Buffer.from(text))), "InvalidManifest", named);
	});

	test.for([
		["metadata 100,000 deep", "[".repeat(100_000) + "]".repeat(100_000)],
		["an object 100,000 deep", '{"a":'.repeat(100_000) + "1" + "}".repeat(100_000)],
	])("%s is LimitExceeded, not a stack overflow", async ([, meta]) => {
		const machine = newMachine();
		goodFile(machine);
		plantRevision(machine.path("registry"), name, [], {
			text: `{"version": "v0", "user_meta": ${meta}}\n`,
			topHash: "a".repeat(64),
		});
		await refused(machine, () => install(machine), "LimitExceeded", "line 1");
	});

	test("metadata 1,000 deep is read, hashed and written", async () => {
		const machine = newMachine();
		const text = `{"version": "v0", "user_meta": ${"[".repeat(1000)}${"]".repeat(1000)}, "message": null}\n`;
		const p = await Package.load(text);
		await p.build(name, machine.path("registry"));
		expect((await Package.browse(name, { registry: machine.path("registry") })).topHash).toBe(p.topHash);
	});
});

describe("a pointer", () => {
	test.for(["", "0".repeat(63), "g".repeat(64), "../../x", "\u0000"])(
		"that holds %j is CorruptPointer and never a path",
		async (text) => {
			const machine = newMachine();
			await new Package().build(name, machine.path("registry"));
			writeFileSync(machine.path("registry/.quilt/named_packages/team/data/latest"), text);
			await refused(machine, () => install(machine), "CorruptPointer", name);
		},
	);

	test("to a manifest that is not there is DanglingPointer", async () => {
		const machine = newMachine();
		const topHash = await new Package().build(name, machine.path("registry"));
		rmSync(machine.path("registry/.quilt/packages", topHash));
		await refused(machine, () => install(machine), "DanglingPointer", topHash);
	});
});

describe("an argument", () => {
	test.for([
		"a/b/c".repeat(11).slice(0, 64),
		"z".repeat(64),
		"A".repeat(64),
		"../../../etc/passwd",
		"abc",
		"",
	])("the top hash %j is InvalidHash", async (topHash) => {
		const machine = newMachine();
		const registry = machine.path("registry");
		await new Package().build(name, registry);
		await refused(machine, () => Package.browse(name, { registry, topHash }), "InvalidHash", topHash);
		await refused(machine, () => install(machine, { topHash }), "InvalidHash", topHash);
		await refused(machine, () => deletePackage(name, registry, { topHash }), "InvalidHash", topHash);
		await refused(machine, () => Package.rollback(name, registry, topHash), "InvalidHash", topHash);
	});

	test.for([
		"a",
		"a/b/c",
		"../x",
		"a/..",
		"a/b\n",
		"a b/c",
		"",
		"/",
		"a/",
		"/b",
		"a/b.c",
		"é/ü!",
		"a\u0301/b",
	])("the package name %j is InvalidName everywhere", async (text) => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const p = new Package();
		const calls = [
			() => p.build(text, registry),
			() => p.push(text, registry),
			() => Package.browse(text, { registry }),
			() => Package.install(text, { registry }),
			() => Package.rollback(text, registry, "a".repeat(64)),
			() => Package.resolveHash(text, registry, "a".repeat(64)),
			() => deletePackage(text, registry),
		];
		for (const call of calls) await refused(machine, call, "InvalidName", "");
	});

	test("a name of 300 letters is a file name too long for the registry, before anything is written", async () => {
		const machine = newMachine();
		const long = `team/${"n".repeat(300)}`;
		const error = await failure(new Package().build(long, machine.path("registry")), "UnportableKey");
		expect(error.message).toContain("nnn");
		expect(Object.keys(readFiles(machine.path("registry"), [".bale/", ".quilt/packages/"]))).toEqual([]);
	});

	test.for([
		["NaN", Number.NaN],
		["Infinity", { a: [Infinity] }],
		["a lone surrogate", { "\ud800": 1 }],
		["text with a lone surrogate", ["\udc00"]],
	] as const)(
		"metadata with %s is InvalidMetadata at build and push, with nothing hashed or written",
		async ([, meta]) => {
			const machine = newMachine();
			const p = await new Package().setDir(".", machine.folder("data", { "d/a": "a" }), { meta: {} });
			for (const spoil of [() => p.setMeta(meta), () => p.setMeta({}).subpackage("d").setMeta(meta)]) {
				spoil();
				await refused(machine, () => p.build(name, machine.path("registry")), "InvalidMetadata", "metadata");
				await refused(machine, () => p.push(name, machine.path("registry")), "InvalidMetadata", "metadata");
			}
			expect(machine.moved).toMatchObject({ hashed: 0, copied: 0 });
		},
	);

	test("metadata of more than a megabyte is LimitExceeded before anything is copied", async () => {
		const machine = newMachine();
		const p = await new Package().setDir(".", machine.folder("data", { a: "a" }), { meta: {} });
		p.entry("a").setMeta("x".repeat(1_000_001));
		await refused(machine, () => p.push(name, machine.path("registry")), "LimitExceeded", '"a"');
		p.entry("a").setMeta({}).setMeta(1);
		p.setMeta("é".repeat(500_001));
		await refused(machine, () => p.build(name, machine.path("registry")), "LimitExceeded", "1000000");
	});

	test("a line of exactly a million bytes passes, one more does not", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const empty = '{"version": "v0", "user_meta": "", "message": null}';
		await new Package().setMeta("x".repeat(1_000_000 - empty.length)).build(name, registry);
		const before = snapshot(registry);
		const p = new Package().setMeta("x".repeat(1_000_001 - empty.length));
		await failure(p.build(name, registry), "LimitExceeded");
		expect(snapshot(registry)).toEqual(before);
	});
});

test("nothing at all is read from a registry that is a file", async () => {
	const machine = newMachine();
	machine.folder(".", { registry: "a file" });
	const registry = machine.path("registry");
	await refused(machine, () => Package.browse(name, { registry }), "PackageNotFound", name);
	const before = snapshot(machine.root);
	const error = await failure(new Package().build(name, registry));
	expect(error.message).toContain(registry);
	expect(snapshot(machine.root)).toEqual(before);
	expect(await listed(listPackages(registry))).toEqual([]);
});
