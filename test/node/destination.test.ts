import {
	existsSync,
	linkSync,
	lstatSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	statSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Destination } from "../../src/client/platform.ts";
import { NodeFiles } from "../../src/node/local-files.ts";
import { bytesSource } from "../../src/storage/byte-source.ts";
import { temporaryDirectory } from "../support/temporary.ts";

async function open(path: string): Promise<Destination> {
	const files = new NodeFiles({ durability: "process" });
	onTestFinished(() => files.close());
	return files.destination(path);
}

const job = (key: string, text = key, replace = false) => {
	const bytes = new TextEncoder().encode(text);
	return { key, from: { source: bytesSource(bytes) }, size: bytes.length, replace };
};

const tree = (directory: string): string[] => readdirSync(directory, { recursive: true }) as string[];

const bad = {
	InvalidKey: ["../../x", "a/../../x", "/abs", "//x", "a//b", "a/", "", ".", "..", "a/./b", "lone\ud800"],
	UnportableKey: ["nul\0byte", "x".repeat(256), `${"deep/".repeat(1000)}x`, "é".repeat(128)],
} as const;

describe("Destination.check()", () => {
	test("accepts keys of every kind that can be files, and writes nothing", async () => {
		const root = temporaryDirectory();
		const destination = await open(join(root, "dest"));
		await destination.check([
			"a",
			"b/c/d",
			"..\\..\\x",
			"C:\\x",
			"C:/x",
			"CON",
			"x. ",
			"line\nfeed\u001b",
			"__proto__",
			"hasOwnProperty/valueOf",
			"A.txt",
			"a.txt",
			"\u00e9",
			"e\u0301",
			".quilt/x",
			".bale/x",
			"x".repeat(255),
		]);
		expect(tree(root)).toEqual([]);
	});

	test.each(Object.entries(bad).flatMap(([code, keys]) => keys.map((key) => [code, key])))(
		"is %s for %j among good keys",
		async (code, key) => {
			const destination = await open(temporaryDirectory());
			await expect(destination.check(["good", key])).rejects.toMatchObject({ code });
			await expect(destination.write([job("good"), job(key)])).rejects.toMatchObject({ code });
			expect(tree(destination.path)).toEqual([]);
		},
	);

	test.each([[["a", "a/b"]], [["a/b", "a"]], [["x/y/z", "q", "x"]]])(
		"is KeyCollision for a file and directory of one name: %j",
		async (keys) => {
			const destination = await open(temporaryDirectory());
			await expect(destination.check(keys)).rejects.toMatchObject({ code: "KeyCollision" });
		},
	);

	test("leaves no probe behind when it asks the file system what it folds", async () => {
		const root = temporaryDirectory();
		await (await open(join(root, "not/yet"))).check(["A", "a", "\u00e9", "e\u0301"]);
		expect(tree(root)).toEqual([]);
	});

	test("is ReservedKey in a registry and below one, for .quilt and .bale in any spelling", async () => {
		const root = temporaryDirectory();
		mkdirSync(join(root, ".quilt"));
		mkdirSync(join(root, "sub"));
		for (const path of [root, join(root, "sub"), join(root, "sub/not/yet")]) {
			const destination = await open(path);
			for (const key of [".quilt/packages/zzz", ".bale/x", ".quilt", ".QUILT/x", ".qu\u200cilt/x"]) {
				await expect(destination.check([key])).rejects.toMatchObject({ code: "ReservedKey" });
				await expect(destination.write([job(key)])).rejects.toMatchObject({ code: "ReservedKey" });
			}
			await destination.check(["a/.quilt/x", ".quilted", "quilt"]);
		}
	});

	test("is UnsafeDestination for a linked directory, wherever it leads", async () => {
		const outside = temporaryDirectory();
		const root = temporaryDirectory();
		mkdirSync(join(root, "real/deep"), { recursive: true });
		symlinkSync(outside, join(root, "out"));
		symlinkSync("real", join(root, "in"));
		symlinkSync("nowhere", join(root, "broken"));
		symlinkSync(outside, join(root, "real/deep/out"));
		const destination = await open(root);
		for (const key of ["out/x", "in/x", "broken/x", "out/new/x", "real/deep/out/x"]) {
			await expect(destination.check(["fine", key])).rejects.toMatchObject({ code: "UnsafeDestination" });
			await expect(destination.write([job(key)])).rejects.toMatchObject({ code: "UnsafeDestination" });
			await expect(destination.stat(key)).rejects.toMatchObject({ code: "UnsafeDestination" });
			await expect(destination.remove(key)).rejects.toMatchObject({ code: "UnsafeDestination" });
		}
		expect(tree(outside)).toEqual([]);
		expect(tree(join(root, "real"))).toEqual(["deep", "deep/out"]);
	});

	test("is DestinationConflict where a directory is in the way of a file, and the reverse", async () => {
		const root = temporaryDirectory();
		mkdirSync(join(root, "directory"));
		writeFileSync(join(root, "file"), "mine");
		const destination = await open(root);
		for (const key of ["directory", "file/x", "file/x/y"]) {
			await expect(destination.check([key])).rejects.toMatchObject({ code: "DestinationConflict" });
			await expect(destination.write([job(key, "theirs", true)])).rejects.toMatchObject({
				code: "DestinationConflict",
			});
		}
		expect(readFileSync(join(root, "file"), "utf8")).toBe("mine");
		await destination.check(["file", "directory/x"]);
	});

	test("takes many keys without blocking the event loop", async () => {
		const destination = await open(temporaryDirectory());
		const keys = Array.from({ length: 100_000 }, (_, index) => `d${index % 100}/sub/file-${index}`);
		let longestMs = 0;
		let last = performance.now();
		const timer = setInterval(() => {
			longestMs = Math.max(longestMs, performance.now() - last);
			last = performance.now();
		}, 1);
		onTestFinished(() => clearInterval(timer));
		await destination.check(keys);
		expect(longestMs).toBeLessThan(1500);
	});
});

describe("Destination", () => {
	test("may itself be reached through a link", async () => {
		const real = temporaryDirectory();
		const link = join(temporaryDirectory(), "link");
		symlinkSync(real, link);
		const destination = await open(`${link}/`);
		expect(destination.path).toBe(real);
		await destination.write([job("a/b")]);
		expect(readFileSync(join(real, "a/b"), "utf8")).toBe("a/b");
	});

	test("is made when something is first written, not before", async () => {
		const path = join(temporaryDirectory(), "not/yet");
		const destination = await open(path);
		expect(destination.path).toBe(path);
		expect(await destination.stat("a")).toBeUndefined();
		await destination.remove("a");
		await destination.check(["a"]);
		expect(existsSync(path)).toBe(false);
		await destination.write([job("x/y/z"), job("x/w"), job("v")]);
		expect(new Set(tree(path))).toEqual(new Set(["v", "x", "x/w", "x/y", "x/y/z"]));
	});

	test("is NotAFile where a file has its name", async () => {
		const path = join(temporaryDirectory(), "file");
		writeFileSync(path, "");
		await expect(open(path)).rejects.toMatchObject({ code: "NotAFile" });
	});

	test("pathOf() stays inside, for any text", async () => {
		const destination = await open(temporaryDirectory());
		const texts = fc.oneof(
			fc.string({ unit: "binary" }),
			fc
				.array(fc.constantFrom("..", ".", "", "a", "b\\..\\c"), { maxLength: 6 })
				.map((parts) => parts.join("/")),
		);
		fc.assert(
			fc.property(texts, (key) => {
				let path: string;
				try {
					path = destination.pathOf(key);
				} catch {
					return true;
				}
				return join(path).startsWith(`${destination.path}/`);
			}),
			{ numRuns: 2000 },
		);
	});

	test("stat() tells of the file itself, and a link is no file", async () => {
		const root = temporaryDirectory();
		writeFileSync(join(root, "file"), "12345");
		symlinkSync("file", join(root, "link"));
		const destination = await open(root);
		expect(await destination.stat("file")).toMatchObject({ kind: "file", size: 5 });
		expect(await destination.stat("link")).toMatchObject({ kind: "other" });
		expect(await destination.stat("missing/x")).toBeUndefined();
		await expect(destination.stat("../x")).rejects.toMatchObject({ code: "InvalidKey" });
	});

	test("write() replaces linked and hard-linked files, and what they lead to stays", async () => {
		const outside = join(temporaryDirectory(), "outside");
		writeFileSync(outside, "precious");
		const root = temporaryDirectory();
		symlinkSync(outside, join(root, "soft"));
		linkSync(outside, join(root, "hard"));
		const destination = await open(root);
		await expect(destination.write([job("soft")])).rejects.toMatchObject({ code: "DestinationConflict" });
		await destination.write([job("soft", "new", true), job("hard", "new", true)]);
		expect(readFileSync(outside, "utf8")).toBe("precious");
		expect(lstatSync(join(root, "soft")).isFile()).toBe(true);
		expect(statSync(outside).nlink).toBe(1);
		expect(readFileSync(join(root, "hard"), "utf8")).toBe("new");
	});

	test("write() looks at the directories also when check() was not called", async () => {
		const outside = temporaryDirectory();
		const destination = await open(temporaryDirectory());
		await destination.write([job("a/x")]);
		symlinkSync(outside, join(destination.path, "b"));
		await expect(destination.write([job("b/x")])).rejects.toMatchObject({ code: "UnsafeDestination" });
		expect(tree(outside)).toEqual([]);
	});

	test("write() refuses what certainly does not fit, before it writes", async () => {
		const destination = await open(temporaryDirectory());
		const size = 2 ** 60;
		const huge = {
			key: "huge",
			from: { source: { ...bytesSource(new Uint8Array()), size } },
			size,
			replace: false,
		};
		await expect(destination.write([job("small"), huge])).rejects.toMatchObject({
			code: "NoSpace",
			details: { needed: size + 5, free: expect.any(Number) as number },
		});
		expect(tree(destination.path)).toEqual([]);
	});

	test("remove() takes the directories along that become empty", async () => {
		const destination = await open(temporaryDirectory());
		await destination.write([job("a/b/c"), job("a/d")]);
		await destination.remove("a/b/c");
		await destination.remove("a/b/c");
		expect(new Set(tree(destination.path))).toEqual(new Set(["a", "a/d"]));
		await destination.remove("a/d");
		expect(tree(destination.path)).toEqual([]);
		await destination.write([job("a/b/c")]);
		expect(readFileSync(join(destination.path, "a/b/c"), "utf8")).toBe("a/b/c");
	});
});
