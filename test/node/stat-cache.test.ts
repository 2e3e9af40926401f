import {
	chmodSync,
	existsSync,
	linkSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	renameSync,
	rmSync,
	statSync,
	utimesSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import type { FileState, HashJob } from "../../src/client/platform.ts";
import { createHasher } from "../../src/core/hash.ts";
import { createNodeSha256 } from "../../src/node/node-digest.ts";
import { NodeFiles } from "../../src/node/local-files.ts";
import { StatCache } from "../../src/node/stat-cache.ts";
import { temporaryDirectory } from "../support/temporary.ts";

/** Longer than two changes can have one time stamp. */
const grainMs = 150;
const base = Date.parse("2026-01-02T03:04:05.678Z");

function hashOf(text: string): string {
	const hasher = createHasher("sha2-256-chunked", Buffer.byteLength(text), createNodeSha256);
	hasher.update(Buffer.from(text));
	return hasher.digest().value;
}

type Setup = {
	readonly folder: string;
	readonly root: string;
	readonly path: (name: string) => string;
	/** Hashes the files; the values, and which of the files were read. */
	readonly hash: (
		names: readonly string[],
		options?: { readonly cache?: boolean },
	) => Promise<{ values: string[]; read: string[] }>;
};

/** A directory with these files, which have been at rest for longer than the clock's grain. */
async function setUp(contents: Readonly<Record<string, string>>): Promise<Setup> {
	const top = temporaryDirectory();
	const [folder, root] = [join(top, "cache/hashes"), join(top, "data")];
	mkdirSync(root);
	for (const [name, text] of Object.entries(contents)) writeFileSync(join(root, name), text);
	await sleep(grainMs);
	const files = new NodeFiles({ cacheFolder: () => folder });
	onTestFinished(() => files.close());
	const path = (name: string): string => join(root, name);
	return {
		folder,
		root,
		path,
		async hash(names, options = {}) {
			const read: string[] = [];
			const jobs = names.map((name): HashJob => ({
				path: path(name),
				size: statSync(path(name)).size,
				type: "sha2-256-chunked",
			}));
			const hashes = await files.hash(jobs, {
				...options,
				root,
				onHashed: (index, _hash, _state, how) => {
					if (how === "hashed") read.push(names[index] as string);
				},
			});
			return { values: hashes.map(({ value }) => value), read };
		},
	};
}

function cacheFile(folder: string): string {
	const names = readdirSync(folder);
	expect(names).toHaveLength(1);
	return join(folder, names[0] as string);
}

describe("LocalFiles.hash() with a cache", () => {
	test("reads every file once, and after that only what changed", async () => {
		const { path, hash } = await setUp({ a: "one", b: "two", c: "three" });
		expect((await hash(["a", "b", "c"])).read).toEqual(["a", "b", "c"]);
		expect(await hash(["c", "a", "b"])).toEqual({
			values: [hashOf("three"), hashOf("one"), hashOf("two")],
			read: [],
		});
		writeFileSync(path("b"), "TWO");
		await sleep(grainMs);
		expect(await hash(["a", "b", "c"])).toEqual({
			values: [hashOf("one"), hashOf("TWO"), hashOf("three")],
			read: ["b"],
		});
		expect((await hash(["a", "b", "c"])).read).toEqual([]);
	});

	test("sees a changed content whose size and mtime are as before", async () => {
		const { path, hash } = await setUp({ a: "before" });
		utimesSync(path("a"), 1_700_000_000, 1_700_000_000);
		await sleep(grainMs);
		await hash(["a"]);
		writeFileSync(path("a"), "behind");
		utimesSync(path("a"), 1_700_000_000, 1_700_000_000);
		expect(await hash(["a"])).toEqual({ values: [hashOf("behind")], read: ["a"] });
	});

	test("sees what is written through another name of the same file", async () => {
		const { path, hash } = await setUp({ a: "before" });
		linkSync(path("a"), path("b"));
		await sleep(grainMs);
		await hash(["a", "b"]);
		const { mtime } = statSync(path("a"));
		writeFileSync(path("b"), "behind");
		utimesSync(path("b"), mtime, mtime);
		expect((await hash(["a", "b"])).values).toEqual([hashOf("behind"), hashOf("behind")]);
	});

	test("sees a file that was replaced by another one of the same age and size", async () => {
		const { path, hash } = await setUp({ a: "before", new: "behind" });
		const { mtime } = statSync(path("a"));
		utimesSync(path("new"), mtime, mtime);
		await sleep(grainMs);
		await hash(["a", "new"]);
		renameSync(path("new"), path("a"));
		expect((await hash(["a"])).values).toEqual([hashOf("behind")]);
	});

	test("sees two files that have changed their names", async () => {
		const { path, hash } = await setUp({ a: "aaa", b: "bbb" });
		await hash(["a", "b"]);
		renameSync(path("a"), path("c"));
		renameSync(path("b"), path("a"));
		renameSync(path("c"), path("b"));
		expect((await hash(["a", "b"])).values).toEqual([hashOf("bbb"), hashOf("aaa")]);
	});

	test("never remembers a file that was written just before it was read", async () => {
		const { path, hash } = await setUp({});
		for (let round = 0; round < 20; round++) {
			const text = `round ${String(round).padStart(3, "0")}`;
			writeFileSync(path("a"), text);
			expect(await hash(["a"])).toEqual({ values: [hashOf(text)], read: ["a"] });
		}
		await sleep(grainMs);
		expect((await hash(["a"])).read).toEqual(["a"]);
		expect((await hash(["a"])).read).toEqual([]);
	});

	test("works without what was deleted, and does not trust what was damaged", async () => {
		const { folder, hash } = await setUp({ a: "one", b: "two" });
		await hash(["a", "b"]);
		rmSync(folder, { recursive: true });
		expect((await hash(["a", "b"])).read).toEqual(["a", "b"]);
		const file = cacheFile(folder);
		const whole = readFileSync(file);
		for (let at = 0; at < whole.length; at += 7) {
			const damaged = Buffer.from(whole);
			damaged[at] = (damaged[at] as number) ^ 0x55;
			writeFileSync(file, damaged);
			expect((await hash(["a", "b"])).values).toEqual([hashOf("one"), hashOf("two")]);
		}
		for (const length of [0, 1, 63, 64, whole.length - 1]) {
			writeFileSync(file, whole.subarray(0, length));
			expect(await hash(["a", "b"])).toEqual({ values: [hashOf("one"), hashOf("two")], read: ["a", "b"] });
		}
	});

	test("does not trust what is kept of another directory", async () => {
		const one = await setUp({ a: "one" });
		const two = await setUp({ a: "two" });
		await one.hash(["a"]);
		await two.hash(["a"]);
		writeFileSync(cacheFile(two.folder), readFileSync(cacheFile(one.folder)));
		expect(await two.hash(["a"])).toEqual({ values: [hashOf("two")], read: ["a"] });
	});

	test("reads everything when it is told to, or when nothing can be kept", async () => {
		const { folder, hash } = await setUp({ a: "one" });
		await hash(["a"]);
		expect((await hash(["a"], { cache: false })).read).toEqual(["a"]);
		rmSync(folder, { recursive: true });
		writeFileSync(folder, "in the way");
		expect(await hash(["a"])).toEqual({ values: [hashOf("one")], read: ["a"] });
	});

	test("keeps what it knows from the eyes of others", async () => {
		const { folder, hash } = await setUp({ a: "one" });
		await hash(["a"]);
		expect(statSync(folder).mode & 0o777).toBe(0o700);
		expect(statSync(cacheFile(folder)).mode & 0o777).toBe(0o600);
		expect(existsSync(`${folder}/..`)).toBe(true);
		chmodSync(folder, 0o700);
	});

	test("remembers large files, which are read in parts", async () => {
		const text = "x".repeat(8 * 1024 * 1024 + 1);
		const { hash } = await setUp({ a: text });
		expect(await hash(["a"])).toEqual({ values: [hashOf(text)], read: ["a"] });
		expect(await hash(["a"])).toEqual({ values: [hashOf(text)], read: [] });
	});

	test("stays whole when several write at once", async () => {
		const names = Array.from({ length: 50 }, (_, index) => `f${index}`);
		const { folder, hash } = await setUp(Object.fromEntries(names.map((name) => [name, name])));
		await Promise.all(Array.from({ length: 8 }, (_, lane) => hash(names.slice(lane * 5))));
		expect((await hash(names)).values).toEqual(names.map(hashOf));
		expect((await hash(names)).read).toEqual([]);
		expect(readdirSync(folder)).toHaveLength(1);
	});
});

describe("StatCache", () => {
	const state = (overrides: Partial<FileState> = {}): FileState => ({
		size: 3,
		device: 1n,
		inode: 2n,
		mtimeNs: BigInt(base) * 1_000_000n + 123n,
		ctimeNs: BigInt(base) * 1_000_000n + 456n,
		...overrides,
	});

	test("gives a hash back for exactly the state that it was added with", () => {
		const folder = join(temporaryDirectory(), "cache");
		const cache = StatCache.open(folder, "/data");
		cache.add("/data/a", state(), hashOf("a"), base + 5000);
		cache.save();
		const again = StatCache.open(folder, "/data");
		expect(again.find("/data/a", state())).toBe(hashOf("a"));
		const fields = { size: 4, device: 9n, inode: 9n, mtimeNs: 9n, ctimeNs: 9n };
		for (const [field, value] of Object.entries(fields)) {
			expect(again.find("/data/a", state({ [field]: value }))).toBeUndefined();
		}
		expect(again.find("/data/b", state())).toBeUndefined();
		expect(again.find("/other/a", state())).toBeUndefined();
		expect(StatCache.open(folder, "/data/").find("/data/a", state())).toBe(hashOf("a"));
	});

	test("does not add files that are younger than the clock's grain, or dated after it", () => {
		const folder = join(temporaryDirectory(), "cache");
		const coarse = BigInt(base - (base % 1000)) * 1_000_000n;
		const cases: [string, FileState, number, boolean][] = [
			["old", state(), base + 5000, true],
			["young", state(), base + 50, false],
			["future", state(), base - 3_600_000, false],
			["young-ctime", state({ mtimeNs: 1n }), base + 50, false],
			["coarse", state({ mtimeNs: coarse, ctimeNs: coarse }), base + 1000, false],
			["coarse-old", state({ mtimeNs: coarse, ctimeNs: coarse }), base + 5000, true],
		];
		const cache = StatCache.open(folder, "/data");
		for (const [name, file, readAt] of cases) cache.add(`/data/${name}`, file, hashOf(name), readAt);
		cache.save();
		const again = StatCache.open(folder, "/data");
		for (const [name, file, , kept] of cases) {
			expect([name, again.find(`/data/${name}`, file) !== undefined]).toEqual([name, kept]);
		}
	});

	test("is a map of names and states, whatever is added and in whatever order it is asked", () => {
		const name = fc
			.string({ unit: "grapheme", minLength: 1, maxLength: 12 })
			.filter((text) => !text.includes("\0"));
		fc.assert(
			fc.property(
				fc.uniqueArray(fc.tuple(name, fc.integer({ min: 1, max: 1_000_000 })), { selector: ([key]) => key }),
				fc.uniqueArray(fc.tuple(name, fc.integer({ min: 1, max: 1_000_000 })), { selector: ([key]) => key }),
				(first, second) => {
					const folder = join(temporaryDirectory(), "cache");
					const model = new Map<string, number>();
					for (const files of [first, second]) {
						const cache = StatCache.open(folder, "/data");
						for (const [key, inode] of files) {
							cache.add(`/data/${key}`, state({ inode: BigInt(inode) }), hashOf(`${inode}`), base + 5000);
							model.set(key, inode);
						}
						cache.save();
					}
					const cache = StatCache.open(folder, "/data");
					for (const [key, inode] of [...model].reverse()) {
						expect(cache.find(`/data/${key}`, state({ inode: BigInt(inode) }))).toBe(hashOf(`${inode}`));
					}
				},
			),
			{ numRuns: 50 },
		);
	});

	test("writes the same after a change of some files as when all are new", () => {
		const names = ["a", "b/c", "d", "\u00e9"];
		const files = fc.array(fc.tuple(fc.integer({ min: 1, max: 3 }), fc.boolean()), {
			minLength: names.length,
			maxLength: names.length,
		});
		const folders = temporaryDirectory();
		let run = 0;
		/** Looks for every file, and records all; those that are good are found the next time. */
		const record = (folder: string, inodes: readonly (readonly [number, boolean])[]): void => {
			const cache = StatCache.open(folder, "/data");
			const found = inodes.map(([inode], index) =>
				cache.find(`/data/${names[index] ?? ""}`, state({ inode: BigInt(inode) })),
			);
			cache.record({
				names,
				states: BigInt64Array.from(
					inodes.flatMap(([inode]) => {
						const { device, size, mtimeNs, ctimeNs } = state();
						return [device, BigInt(inode), BigInt(size), mtimeNs, ctimeNs];
					}),
				),
				values: inodes.map(([inode], index) => found[index] ?? hashOf(`${index} ${inode}`)),
				isGood: Uint8Array.from(inodes, ([, isGood]) => Number(isGood)),
				news: found.filter((value) => value === undefined).length,
			});
			cache.save();
		};
		fc.assert(
			fc.property(files, files, (first, second) => {
				const [twice, once] = [join(folders, `${run}-twice`), join(folders, `${run++}-once`)];
				record(twice, first);
				record(twice, second);
				record(once, second);
				// Of the others nothing is promised.
				for (const folder of [twice, once]) {
					const cache = StatCache.open(folder, "/data");
					for (const [index, [inode, isGood]] of second.entries()) {
						if (!isGood) continue;
						const value = cache.find(`/data/${names[index] ?? ""}`, state({ inode: BigInt(inode) }));
						expect(value).toBe(hashOf(`${index} ${inode}`));
					}
				}
				const isSame = first.every(([inode], index) => inode === second[index]?.[0]);
				if (second.every(([, isGood]) => isGood) && !isSame) {
					expect(readFileSync(cacheFile(twice))).toEqual(readFileSync(cacheFile(once)));
				}
			}),
			{ numRuns: 100 },
		);
	});

	test("keeps a bounded number of files that are not seen any more", () => {
		const folder = join(temporaryDirectory(), "cache");
		const fill = (prefix: string, count: number): void => {
			const cache = StatCache.open(folder, "/data");
			for (let n = 0; n < count; n++) cache.add(`/data/${prefix}${n}`, state(), hashOf("x"), base + 5000);
			cache.save();
		};
		fill("a", 15_000);
		const size = (): number => statSync(cacheFile(folder)).size;
		const before = size();
		for (const prefix of ["b", "c", "d", "e"]) fill(prefix, 1000);
		expect(size()).toBeLessThan(before);
		const cache = StatCache.open(folder, "/data");
		expect(cache.find("/data/e999", state())).toBe(hashOf("x"));
	});
});
