import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
	appendFileSync,
	mkdirSync,
	rmSync,
	symlinkSync,
	truncateSync,
	utimesSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import type { HashJob } from "../../src/client/platform.ts";
import { createHasher, type HashType, partSize } from "../../src/core/hash.ts";
import { createNodeSha256 } from "../../src/node/node-digest.ts";
import { NodeFiles } from "../../src/node/local-files.ts";
import { runScript } from "../support/child.ts";
import { temporaryDirectory } from "../support/temporary.ts";

const mebibyte = 1024 * 1024;
const part = partSize(1);

function bytesOf(size: number, seed: number): Buffer {
	const bytes = Buffer.alloc(size);
	let state = seed;
	for (let offset = 0; offset + 4 <= size; offset += 4) {
		state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
		bytes.writeUInt32LE(state, offset);
	}
	return bytes;
}

function openFiles(threads?: number): NodeFiles {
	const files = new NodeFiles(threads === undefined ? {} : { threads });
	onTestFinished(() => files.close());
	return files;
}

function expectedHash(bytes: Uint8Array, type: HashType): { type: string; value: string } {
	const hasher = createHasher(type, bytes.length, createNodeSha256);
	hasher.update(bytes);
	return hasher.digest();
}

/** Sizes around everything that is a border somewhere. */
const sizes = [
	0,
	1,
	3,
	4096,
	262_143,
	262_144,
	262_145,
	part - 1,
	part,
	part + 1,
	2 * part,
	3 * part + 12_345,
];

describe("LocalFiles.hash()", () => {
	test("gives the hashes of the core for files of all sizes and types, in the order of the jobs", async () => {
		const root = temporaryDirectory();
		const jobs: HashJob[] = [];
		const expected: { type: string; value: string }[] = [];
		for (const [index, size] of sizes.entries()) {
			const bytes = bytesOf(size, index);
			const path = join(root, `f${index}`);
			writeFileSync(path, bytes);
			for (const type of ["sha2-256-chunked", "SHA256", "CRC64NVME"] as const) {
				jobs.push({ path, size, type });
				expected.push(expectedHash(bytes, type));
			}
		}
		expect(await openFiles().hash(jobs)).toEqual(expected);
	}, 60_000);

	test("knows the hash of nothing, and hashes one part twice", async () => {
		const root = temporaryDirectory();
		writeFileSync(join(root, "empty"), "");
		writeFileSync(join(root, "abc"), "abc");
		const once = createHash("sha256").update("abc").digest();
		const type = "sha2-256-chunked";
		const hashes = await openFiles().hash([
			{ path: join(root, "empty"), size: 0, type },
			{ path: join(root, "abc"), size: 3, type },
		]);
		expect(hashes).toEqual([
			{ type, value: "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" },
			{ type, value: createHash("sha256").update(once).digest("base64") },
		]);
	});

	test("tells the progress of every job, in full", async () => {
		const root = temporaryDirectory();
		const jobs = [0, 10, 5000, 3 * part + 1, 2 * part].map((size, index): HashJob => {
			writeFileSync(join(root, `f${index}`), bytesOf(size, index));
			const type = index === 4 ? "SHA256" : "sha2-256-chunked";
			return { path: join(root, `f${index}`), size, type };
		});
		const told = jobs.map(() => 0);
		const done: number[] = [];
		await openFiles().hash(jobs, {
			onBytes: (index, bytes) => (told[index]! += bytes),
			onDone: (index) => done.push(index),
		});
		expect(told).toEqual(jobs.map(({ size }) => size));
		expect(done.sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4]);
	});

	test("handles thousands of small files in threads", async () => {
		const root = temporaryDirectory();
		const jobs = Array.from({ length: 3000 }, (_, index): HashJob => {
			const path = join(root, String(index));
			writeFileSync(path, `content ${index}`);
			return { path, size: `content ${index}`.length, type: "SHA256" };
		});
		const hashes = await openFiles().hash(jobs);
		for (const [index, hash] of hashes.entries()) {
			expect(hash.value).toBe(createHash("sha256").update(`content ${index}`).digest("hex"));
		}
	});

	/** A failure must be the same on the main thread (small) and in threads (large). */
	describe.each([
		["on the main thread", 1000],
		["in threads", 3 * part],
	])("%s", (_, size) => {
		const type = "sha2-256-chunked";

		test("other sizes than expected are SourceChanged", async () => {
			const path = join(temporaryDirectory(), "file");
			writeFileSync(path, bytesOf(size, 1));
			const files = openFiles();
			for (const other of [size - 1, size + 1, 0]) {
				await expect(files.hash([{ path, size: other, type }])).rejects.toMatchObject({
					code: "SourceChanged",
					details: { path },
				});
			}
		});

		test("what is missing is ObjectNotFound", async () => {
			const root = temporaryDirectory();
			symlinkSync("nowhere", join(root, "dangling"));
			writeFileSync(join(root, "file"), "x");
			for (const name of ["missing", "dangling", "file/below"]) {
				const path = join(root, name);
				await expect(openFiles().hash([{ path, size, type }])).rejects.toMatchObject({
					code: "ObjectNotFound",
				});
			}
		});

		test("what is no regular file is NotAFile, and does not block", async () => {
			const root = temporaryDirectory();
			mkdirSync(join(root, "directory"));
			execFileSync("mkfifo", [join(root, "fifo")]);
			for (const path of [join(root, "directory"), join(root, "fifo"), "/dev/zero"]) {
				for (const type of ["sha2-256-chunked", "CRC64NVME"] as const) {
					await expect(openFiles().hash([{ path, size, type }])).rejects.toMatchObject({ code: "NotAFile" });
				}
			}
		});
	});

	test.each([
		["grows", (path: string) => appendFileSync(path, "more"), "SourceChanged"],
		["shrinks", (path: string) => truncateSync(path, 5 * mebibyte), "SourceChanged"],
		["is touched", (path: string) => utimesSync(path, 1, 1), "SourceChanged"],
		["vanishes", (path: string) => rmSync(path), "ObjectNotFound"],
		[
			"is replaced",
			(path: string) => {
				rmSync(path);
				writeFileSync(path, Buffer.alloc(40 * mebibyte));
			},
			"SourceChanged",
		],
	])("a file that %s while it is hashed is an error", async (_, change, code) => {
		const path = join(temporaryDirectory(), "file");
		const size = 40 * mebibyte;
		writeFileSync(path, Buffer.alloc(size));
		let changed = false;
		const hashing = openFiles(2).hash([{ path, size, type: "sha2-256-chunked" }], {
			concurrency: 1,
			onBytes: () => {
				if (!changed) change(path);
				changed = true;
			},
		});
		await expect(hashing).rejects.toMatchObject({ code });
		expect(changed).toBe(true);
	});

	test("is Aborted at once, and the threads can be used again", async () => {
		const root = temporaryDirectory();
		const path = join(root, "large");
		const size = 96 * mebibyte;
		writeFileSync(path, Buffer.alloc(size));
		const files = openFiles(2);
		const job: HashJob = { path, size, type: "SHA256" };
		const abort = new AbortController();
		const started = performance.now();
		const hashing = files.hash([job, { ...job, type: "sha2-256-chunked" }], {
			signal: abort.signal,
			onBytes: () => abort.abort(),
		});
		await expect(hashing).rejects.toMatchObject({ code: "Aborted" });
		const abortedMs = performance.now() - started;
		expect(await files.hash([{ ...job, type: "sha2-256-chunked" }])).toHaveLength(1);
		expect(abortedMs).toBeLessThan(5000);
		await expect(files.hash([job], { signal: AbortSignal.abort() })).rejects.toMatchObject({
			code: "Aborted",
		});
	}, 60_000);

	test("does not start threads for little work", async () => {
		const output = await runScript("test/node/hash-process.ts", ["small", temporaryDirectory()]);
		expect(JSON.parse(output)).toMatchObject({ threads: 0 });
	}, 30_000);

	test("ends by itself when a process has used its threads", async () => {
		const output = await runScript("test/node/hash-process.ts", ["large", temporaryDirectory()]);
		expect((JSON.parse(output) as { threads: number }).threads).toBeGreaterThan(0);
	}, 30_000);
});
