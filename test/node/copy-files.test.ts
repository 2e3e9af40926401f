import { execFileSync } from "node:child_process";
import {
	appendFileSync,
	existsSync,
	linkSync,
	lstatSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	rmSync,
	symlinkSync,
	truncateSync,
	utimesSync,
	writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import type { CopyJob } from "../../src/client/platform.ts";
import { createHasher, type HashType } from "../../src/core/hash.ts";
import { NodeFiles } from "../../src/node/local-files.ts";
import { createNodeSha256 } from "../../src/node/node-digest.ts";
import { temporaryName } from "../../src/node/temporary-file.ts";
import { bytesSource } from "../../src/storage/byte-source.ts";
import type { ByteRange, ByteSource } from "../../src/storage/store.ts";
import { temporaryDirectory } from "../support/temporary.ts";

const mebibyte = 1024 * 1024;

function openFiles(): NodeFiles {
	const files = new NodeFiles({ durability: "power" });
	onTestFinished(() => files.close());
	return files;
}

function hashOf(bytes: Uint8Array, type: HashType = "sha2-256-chunked"): { type: string; value: string } {
	const hasher = createHasher(type, bytes.length, createNodeSha256);
	hasher.update(bytes);
	return hasher.digest();
}

/** All names below a directory. */
const tree = (directory: string): string[] =>
	existsSync(directory) ? (readdirSync(directory, { recursive: true }) as string[]) : [];

/** The same content as a local file and as bytes from elsewhere: both ways must behave alike. */
const ways = [
	["a local file", (bytes: Uint8Array): CopyJob["from"] => ({ path: fileOf(bytes) })],
	["bytes from elsewhere", (bytes: Uint8Array): CopyJob["from"] => ({ source: bytesSource(bytes) })],
	["bytes that are delivered", (bytes: Uint8Array): CopyJob["from"] => ({ source: deliveredSource(bytes) })],
] as const;

/** A source whose chunks are overwritten as soon as they were given, and that has no stream. */
function deliveredSource(bytes: Uint8Array): ByteSource {
	return {
		size: bytes.length,
		open: () => {
			throw new TypeError("There is a better way");
		},
		async deliver(sink, range = { offset: 0, length: bytes.length }) {
			const buffer = Buffer.alloc(100_003);
			const end = range.offset + range.length;
			for (let at = range.offset; at < end; at += buffer.length) {
				await new Promise((resolve) => setImmediate(resolve));
				const chunk = buffer.subarray(0, Math.min(buffer.length, end - at));
				chunk.set(bytes.subarray(at, at + chunk.length));
				sink(chunk);
				buffer.fill(0xee);
			}
		},
	};
}

function fileOf(bytes: Uint8Array): string {
	const path = join(temporaryDirectory(), "source");
	writeFileSync(path, bytes);
	return path;
}

describe.each(ways)("LocalFiles.copy() of %s", (way, from) => {
	const sizes = [0, 1, 300_000, 9 * mebibyte + 17, 80 * mebibyte];

	test.each(sizes)("writes %i bytes with their hashes and the new file's state", async (size) => {
		const bytes = Buffer.alloc(size, "some text ");
		const to = join(temporaryDirectory(), "deep/er/target");
		const told = { bytes: 0, done: [] as number[] };
		const [result] = await openFiles().copy(
			[{ from: from(bytes), to, size, expect: hashOf(bytes), replace: false }],
			{ onBytes: (_, count) => (told.bytes += count), onDone: (index) => told.done.push(index) },
		);
		expect(readFileSync(to).equals(bytes)).toBe(true);
		const stat = lstatSync(to, { bigint: true });
		expect(result).toEqual({
			hash: hashOf(bytes),
			stat: {
				kind: "file",
				size,
				mtimeNs: stat.mtimeNs,
				ctimeNs: expect.any(BigInt) as bigint,
				inode: stat.ino,
				device: stat.dev,
				owned: true,
			},
		});
		expect(told).toEqual({ bytes: size, done: [0] });
		expect(readdirSync(dirname(to))).toEqual(["target"]);
	});

	test("accepts and checks every type of hash", async () => {
		const bytes = Buffer.from("content");
		for (const type of ["sha2-256-chunked", "SHA256", "CRC64NVME"] as const) {
			const to = join(temporaryDirectory(), "target");
			const good = hashOf(bytes, type);
			const [result] = await openFiles().copy([
				{ from: from(bytes), to, size: 7, expect: good, replace: false },
			]);
			expect(result?.hash).toEqual(hashOf(bytes));
			const bad = hashOf(Buffer.from("another"), type);
			await expect(
				openFiles().copy([{ from: from(bytes), to, size: 7, expect: bad, replace: true }]),
			).rejects.toMatchObject({ code: "IntegrityMismatch" });
			expect(readFileSync(to, "utf8")).toBe("content");
		}
		const to = join(temporaryDirectory(), "target");
		const unknown = { type: "MD4", value: "x" };
		await expect(
			openFiles().copy([{ from: from(bytes), to, size: 7, expect: unknown, replace: true }]),
		).rejects.toMatchObject({ code: "Unverifiable" });
	});

	test("a source of another size is refused, and the old file stays", async () => {
		const to = join(temporaryDirectory(), "target");
		writeFileSync(to, "old");
		for (const size of [6, 8, 0, 10_000_000]) {
			await expect(
				openFiles().copy([{ from: from(Buffer.from("content")), to, size, replace: true }]),
			).rejects.toMatchObject({ code: way === "a local file" ? "SourceChanged" : "IntegrityMismatch" });
		}
		expect(readFileSync(to, "utf8")).toBe("old");
		expect(tree(dirname(to))).toEqual(["target"]);
	});

	test("keeps an existing file unless it may replace it", async () => {
		const to = join(temporaryDirectory(), "target");
		const job = { from: from(Buffer.from("new")), to, size: 3 };
		writeFileSync(to, "old");
		await expect(openFiles().copy([{ ...job, replace: false }])).rejects.toMatchObject({
			code: "DestinationConflict",
		});
		expect(readFileSync(to, "utf8")).toBe("old");
		await openFiles().copy([{ ...job, replace: true }]);
		expect(readFileSync(to, "utf8")).toBe("new");
		expect(tree(dirname(to))).toEqual(["target"]);
	});

	test("replaces links and hard links, and does not follow them", async () => {
		const outside = fileOf(Buffer.from("precious"));
		for (const link of [symlinkSync, linkSync]) {
			const to = join(temporaryDirectory(), "target");
			link(outside, to);
			const job = { from: from(Buffer.from("new")), to, size: 3 };
			await expect(openFiles().copy([{ ...job, replace: false }])).rejects.toMatchObject({
				code: "DestinationConflict",
			});
			await openFiles().copy([{ ...job, replace: true }]);
			expect(readFileSync(to, "utf8")).toBe("new");
			expect(lstatSync(to).isFile()).toBe(true);
			expect(readFileSync(outside, "utf8")).toBe("precious");
		}
	});

	test("a directory in the way is DestinationConflict", async () => {
		const to = join(temporaryDirectory(), "target");
		mkdirSync(to);
		for (const replace of [true, false]) {
			await expect(
				openFiles().copy([{ from: from(Buffer.from("new")), to, size: 3, replace }]),
			).rejects.toMatchObject({ code: "DestinationConflict" });
		}
		expect(tree(dirname(to))).toEqual(["target"]);
	});

	test("uses the given directory for temporary files", async () => {
		const root = temporaryDirectory();
		const job = { from: from(Buffer.from("new")), to: join(root, "a/target"), size: 3, replace: false };
		await openFiles().copy([{ ...job, temporaryDirectory: join(root, "tmp") }]);
		expect(new Set(tree(root))).toEqual(new Set(["a", "a/target", "tmp"]));
	});

	test("copies many small files, in threads", async () => {
		const root = temporaryDirectory();
		const jobs = Array.from({ length: 700 }, (_, index): CopyJob => {
			const bytes = Buffer.from(`content ${index}`);
			const source = join(root, "from", String(index));
			mkdirSync(dirname(source), { recursive: true });
			writeFileSync(source, bytes);
			return {
				from: way === "a local file" ? { path: source } : from(bytes),
				to: join(root, "to", String(index % 7), String(index)),
				size: bytes.length,
				expect: hashOf(bytes),
				replace: false,
			};
		});
		const results = await openFiles().copy(jobs);
		for (const [index, { hash }] of results.entries()) expect(hash).toEqual(jobs[index]?.expect);
		expect(tree(join(root, "to"))).toHaveLength(707);
		expect(readFileSync(join(root, "to/1/8"), "utf8")).toBe("content 8");
	}, 60_000);

	test("one failure ends the run; what was finished is whole, and nothing else is there", async () => {
		const root = temporaryDirectory();
		const bytes = Buffer.from("content");
		const jobs = Array.from({ length: 100 }, (_, index): CopyJob => ({
			from: from(bytes),
			to: join(root, String(index)),
			size: bytes.length,
			replace: false,
			expect: hashOf(index === 50 ? Buffer.from("other") : bytes),
		}));
		await expect(openFiles().copy(jobs)).rejects.toMatchObject({ code: "IntegrityMismatch" });
		const names = readdirSync(root);
		expect(names).not.toContain("50");
		for (const name of names) expect(readFileSync(join(root, name), "utf8")).toBe("content");
	});

	test("is Aborted without leaving anything under the final name", async () => {
		const root = temporaryDirectory();
		// So large that a busy machine does not write all of it before it learns of the abort.
		const size = 256 * mebibyte;
		const abort = new AbortController();
		const copying = openFiles().copy(
			[{ from: from(Buffer.alloc(size)), to: join(root, "target"), size, replace: false }],
			{ signal: abort.signal, onBytes: () => abort.abort() },
		);
		await expect(copying).rejects.toMatchObject({ code: "Aborted" });
		expect(tree(root)).toEqual([]);
	});
});

describe("LocalFiles.copy()", () => {
	test.each([
		["grows", (path: string) => appendFileSync(path, "more"), "SourceChanged"],
		["shrinks", (path: string) => truncateSync(path, 20 * mebibyte), "SourceChanged"],
		["is touched", (path: string) => utimesSync(path, 1, 1), "SourceChanged"],
	])(
		"a source that %s while it is copied is an error",
		async (_, change, code) => {
			const size = 200 * mebibyte;
			const source = fileOf(Buffer.alloc(1));
			truncateSync(source, size);
			const root = temporaryDirectory();
			let changed = false;
			const copying = openFiles().copy(
				[{ from: { path: source }, to: join(root, "x"), size, replace: false }],
				{
					onBytes: () => {
						if (!changed) change(source);
						changed = true;
					},
				},
			);
			await expect(copying).rejects.toMatchObject({ code, details: { path: source } });
			expect(changed).toBe(true);
			expect(tree(root)).toEqual([]);
		},
		60_000,
	);

	test("a source that vanishes between two files is ObjectNotFound", async () => {
		const root = temporaryDirectory();
		const first = fileOf(Buffer.from("a"));
		const second = fileOf(Buffer.from("b"));
		rmSync(second);
		const job = { size: 1, replace: false };
		await expect(
			openFiles().copy([
				{ ...job, from: { path: first }, to: join(root, "first") },
				{ ...job, from: { path: second }, to: join(root, "second") },
			]),
		).rejects.toMatchObject({ code: "ObjectNotFound", details: { path: second } });
		expect(existsSync(join(root, "second"))).toBe(false);
	});

	test("a source that is no regular file is NotAFile, and does not block", async () => {
		const root = temporaryDirectory();
		execFileSync("mkfifo", [join(root, "fifo")]);
		for (const path of [join(root, "fifo"), root, "/dev/zero"]) {
			await expect(
				openFiles().copy([{ from: { path }, to: join(root, "to"), size: 10, replace: true }]),
			).rejects.toMatchObject({ code: "NotAFile" });
		}
		expect(tree(root)).toEqual(["fifo"]);
	});

	test("a stream that breaks off leaves the old file", async () => {
		const to = join(temporaryDirectory(), "target");
		writeFileSync(to, "old");
		const size = 1_000_000;
		const endings = [
			(controller: ReadableStreamDefaultController) => controller.error(new TypeError("torn")),
			(controller: ReadableStreamDefaultController) => controller.close(),
			(controller: ReadableStreamDefaultController) => controller.enqueue(new Uint8Array(size)),
		];
		for (const end of endings) {
			let first = true;
			const open = () =>
				new ReadableStream<Uint8Array>({
					pull(controller) {
						if (first) controller.enqueue(new Uint8Array(1000));
						else end(controller);
						first = false;
					},
				});
			await expect(
				openFiles().copy([{ from: { source: { size, open } }, to, size, replace: true }]),
			).rejects.toThrow(/torn|gave/);
		}
		expect(readFileSync(to, "utf8")).toBe("old");
		expect(tree(dirname(to))).toEqual(["target"]);
	});

	test.each([9, 20 * mebibyte])(
		"a delivery of %i bytes that breaks off, or gives others, leaves the old file",
		async (size) => {
			const to = join(temporaryDirectory(), "target");
			writeFileSync(to, "old");
			const good = deliveredSource(Buffer.alloc(size));
			const last = (range: ByteRange | undefined): boolean =>
				(range?.offset ?? 0) + (range?.length ?? size) === size;
			const faults: ByteSource["deliver"][] = [
				async (sink, range, signal) => {
					if (last(range)) throw new TypeError("torn");
					await good.deliver?.(sink, range, signal);
				},
				async (sink, range, signal) => {
					await good.deliver?.(sink, range, signal);
					if (last(range)) sink(new Uint8Array(1));
				},
				async (sink, range, signal) => {
					if (!last(range)) await good.deliver?.(sink, range, signal);
				},
				async (sink, range, signal) => {
					await good.deliver?.((chunk) => sink(last(range) ? chunk.fill(1) : chunk), range, signal);
				},
			];
			for (const deliver of faults) {
				const source = { ...good, deliver } as ByteSource;
				await expect(
					openFiles().copy([
						{ from: { source }, to, size, expect: hashOf(Buffer.alloc(size)), replace: true },
					]),
				).rejects.toThrow(/torn|gave|hash of its bytes/);
			}
			expect(readFileSync(to, "utf8")).toBe("old");
			expect(tree(dirname(to))).toEqual(["target"]);
		},
	);

	test("removes what dead processes left in the directories that it writes to: the old, and what is certainly of no use", async () => {
		const root = temporaryDirectory();
		const leftover = join(root, `.bale-tmp-${(4_194_305).toString(36)}-0123456789abcdef01234567`);
		writeFileSync(leftover, "x");
		utimesSync(leftover, 1, 1);
		const dead = temporaryName().replace(/(?<=^.bale-tmp-)[^-]+/, (4_194_305).toString(36));
		// Only there it is certain what the ids of processes mean.
		if (process.platform === "linux") writeFileSync(join(root, dead), "young");
		await openFiles().copy([
			{ from: { source: bytesSource(new Uint8Array()) }, to: join(root, "a"), size: 0, replace: false },
		]);
		expect(readdirSync(root)).toEqual(["a"]);
	});
});
