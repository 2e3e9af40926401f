/** `LocalFiles.hashFolder` beside its reference: `walk` and the hash of every file that it finds. */
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import type { FolderOptions, HashedFolder, LocalFiles } from "../../src/client/platform.ts";
import { createHasher } from "../../src/core/hash.ts";
import { compareLogicalKeys } from "../../src/core/logical-key.ts";
import { NodeFiles } from "../../src/node/local-files.ts";
import { createNodeSha256 } from "../../src/node/node-digest.ts";
import { temporaryDirectory } from "../support/temporary.ts";

/** Longer than two changes can have one time stamp. */
const grainMs = 150;

type Row = readonly [key: string, path: string, size: number, hash: string, mtimeNs: bigint];

function rowsOf({ root, keys, paths, hashes, states }: HashedFolder): Row[] {
	return keys.map((key, index) => {
		const [, , size = 0n, mtimeNs = 0n] = states.subarray(index * 5, index * 5 + 5);
		return [key, paths.get(index) ?? `${root}/${key}`, Number(size), hashes[index] ?? "", mtimeNs];
	});
}

/** The same by the plain way: one file after the other, read as a whole. */
async function reference(files: LocalFiles, directory: string): Promise<Row[]> {
	const rows: Row[] = [];
	for await (const { relativePath, path, stat } of files.walk(directory)) {
		const bytes = readFileSync(path);
		const hasher = createHasher("sha2-256-chunked", bytes.length, createNodeSha256);
		hasher.update(bytes);
		rows.push([relativePath, path, stat.size, hasher.digest().value, stat.mtimeNs]);
	}
	return rows.sort(([a], [b]) => compareLogicalKeys(a, b));
}

function setUp(contents: Readonly<Record<string, string | Buffer>> = {}): {
	readonly folder: string;
	readonly files: NodeFiles;
	readonly hash: (options?: FolderOptions) => Promise<{ rows: Row[]; read: string[] }>;
} {
	const top = temporaryDirectory();
	const folder = join(top, "data");
	mkdirSync(folder);
	write(folder, contents);
	const files = new NodeFiles({ cacheFolder: () => join(top, "cache"), threads: 2 });
	onTestFinished(() => files.close());
	return {
		folder,
		files,
		async hash(options = {}) {
			const read: string[] = [];
			const onFile = (key: string, _size: number, how: "hashed" | "kept"): void => {
				if (how === "hashed") read.push(key);
			};
			const rows = rowsOf(await files.hashFolder(folder, { onFile, ...options }));
			return { rows, read };
		},
	};
}

function write(folder: string, contents: Readonly<Record<string, string | Buffer>>): void {
	for (const [key, bytes] of Object.entries(contents)) {
		mkdirSync(dirname(join(folder, key)), { recursive: true });
		writeFileSync(join(folder, key), bytes);
	}
}

describe("LocalFiles.hashFolder()", () => {
	const name = fc.stringMatching(/^[a-c !é\u{1f600}\uffee-]{1,3}$/u).filter((text) => !/^\.+$/.test(text));
	const key = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join("/"));

	test("gives what walk() and a hash of each file give, in the order of a package, also the second time", async () => {
		await fc.assert(
			fc.asyncProperty(fc.array(fc.tuple(key, fc.string()), { maxLength: 12 }), async (pairs) => {
				const { folder, files, hash } = setUp();
				for (const [path, text] of pairs) {
					try {
						write(folder, { [path]: text });
					} catch {
						// A file where a directory is, or the reverse.
					}
				}
				const expected = await reference(files, folder);
				expect((await hash()).rows).toEqual(expected);
				expect((await hash()).rows).toEqual(expected);
				await files.close();
			}),
			{ numRuns: 40 },
		);
	});

	test("hashes thousands of files in threads, large ones among them, and follows links", async () => {
		const contents = Object.fromEntries(
			Array.from({ length: 1500 }, (_, n) => [`d${n % 13}/f${n}`, "x".repeat(n)]),
		);
		const large = Buffer.alloc(9 * 2 ** 20, "large");
		const { folder, files, hash } = setUp({ ...contents, "d0/large": large, "z-large": large });
		symlinkSync("f13", join(folder, "d0/link"));
		symlinkSync("../z-large", join(folder, "d12/link-to-large"));
		await sleep(grainMs);
		const expected = await reference(files, folder);
		expect(expected).toHaveLength(1504);
		const bytes: number[] = [];
		const first = await hash({ onBytes: (count) => bytes.push(count) });
		expect(first.rows).toEqual(expected);
		expect(new Set(first.read).size).toBe(1504);
		expect(bytes.reduce((sum, count) => sum + count, 0)).toBe(expected.reduce((sum, row) => sum + row[2], 0));
		expect(await hash()).toEqual({ rows: expected, read: [] });
		expect((await hash({ cache: false })).read).toHaveLength(1504);
	});

	test("reads again only what was changed, and forgets nothing about the others", async () => {
		const { folder, files, hash } = setUp({ a: "a", "b/c": "c", "b/d": "d", e: "e" });
		await sleep(grainMs);
		await hash();
		write(folder, { "b/c": "C", new: "new" });
		rmSync(join(folder, "e"));
		await sleep(grainMs);
		const expected = await reference(files, folder);
		expect(await hash({ select: (path) => path !== "b/d" })).toEqual({
			rows: expected.filter(([path]) => path !== "b/d"),
			read: ["b/c", "new"],
		});
		expect(await hash()).toEqual({ rows: expected, read: [] });
	});

	test("does not trust a file that changed while it was hashed, or just before", async () => {
		const { folder, hash } = setUp({ a: "a", b: "b" });
		await sleep(grainMs);
		write(folder, { b: "B" });
		expect((await hash()).read).toEqual(["a", "b"]);
		expect((await hash()).read).toEqual(["b"]);
	});

	test("leaves out what is ignored, and registries", async () => {
		const { hash } = setUp({ a: "a", "no/b": "b", ".quilt/c": "c", "d/.bale/e": "e", "d/f": "f" });
		const { rows } = await hash({ ignore: (path, isDirectory) => isDirectory && path === "no" });
		expect(rows.map(([path]) => path)).toEqual(["a", "d/f"]);
	});

	test("fails with the file's name for what cannot be read, and for names that are not UTF-8", async () => {
		const { folder, files } = setUp({ a: "a" });
		if (process.getuid?.() !== 0) {
			chmodSync(join(folder, "a"), 0);
			await expect(files.hashFolder(folder)).rejects.toMatchObject({ code: "AccessDenied" });
			chmodSync(join(folder, "a"), 0o600);
		}
		await expect(files.hashFolder(join(folder, "none"))).rejects.toMatchObject({ code: "ObjectNotFound" });
		writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0x66, 0xff])]), "x");
		await expect(files.hashFolder(folder)).rejects.toMatchObject({ code: "InvalidKey" });
	});

	test("passes over FIFOs without opening them, and stops at the signal", async () => {
		const { folder, files, hash } = setUp({ a: "a" });
		execFileSync("mkfifo", [join(folder, "fifo")]);
		const warned: string[] = [];
		const { rows } = await hash({ onWarning: ({ relativePath }) => warned.push(relativePath) });
		expect([rows.length, warned]).toEqual([1, ["fifo"]]);
		const signal = AbortSignal.abort();
		await expect(files.hashFolder(folder, { signal })).rejects.toMatchObject({ code: "Aborted" });
	});

	test("gives the state of each file", async () => {
		const { folder, files } = setUp({ a: "a", b: "bb" });
		const { states } = await files.hashFolder(folder);
		const { dev, ino, size, mtimeNs, ctimeNs } = statSync(join(folder, "b"), { bigint: true });
		expect([...states.subarray(5)]).toEqual([dev, ino, size, mtimeNs, ctimeNs]);
	});
});
