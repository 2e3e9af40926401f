/** Large files that stay open, and what is remembered of them by their state. */
import {
	appendFileSync,
	mkdirSync,
	readdirSync,
	renameSync,
	symlinkSync,
	unlinkSync,
	utimesSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { openFileBytes } from "../../src/node/file-bytes.ts";
import { manifestNotes } from "../../src/node/manifest-notes.ts";
import { temporaryDirectory } from "../support/temporary.ts";

const size = 3 << 20;

function largeFile(): string {
	const path = join(temporaryDirectory(), "large");
	writeFileSync(path, Buffer.alloc(size, "abcdefgh"));
	const old = new Date(Date.now() - 60_000);
	utimesSync(path, old, old);
	return path;
}

describe("the bytes of a large file", () => {
	test("are read anywhere, into the buffer that was given", () => {
		const bytes = openFileBytes(largeFile())?.bytes;
		if (bytes === undefined) throw new Error("not opened");
		expect(bytes.size).toBe(size);
		const first = bytes.read(1, 5);
		expect(Buffer.from(first).toString()).toBe("bcde");
		const second = bytes.read(size - 3, size, first);
		expect(Buffer.from(second).toString()).toBe("fgh");
		expect(second.buffer).toBe(first.buffer);
	});

	test("stay what they were when the file is removed or replaced", () => {
		const path = largeFile();
		const bytes = openFileBytes(path)?.bytes;
		writeFileSync(`${path}-new`, Buffer.alloc(size, "other"));
		renameSync(`${path}-new`, path);
		expect(Buffer.from(bytes?.read(0, 4) ?? []).toString()).toBe("abcd");
		unlinkSync(path);
		expect(Buffer.from(bytes?.read(8, 12) ?? []).toString()).toBe("abcd");
	});

	test("are not read from a file that was written into", async () => {
		const path = largeFile();
		const bytes = openFileBytes(path)?.bytes;
		bytes?.read(0, 4);
		appendFileSync(path, "more");
		await sleep(30);
		expect(() => bytes?.read(0, 4)).toThrow(expect.objectContaining({ code: "SourceChanged" }));
	});

	test("are not there for small files, directories, and what is not there", () => {
		const folder = temporaryDirectory();
		writeFileSync(join(folder, "small"), "x");
		mkdirSync(join(folder, "directory"));
		symlinkSync("nowhere", join(folder, "dangling"));
		for (const name of ["small", "directory", "dangling", "missing"])
			expect(openFileBytes(join(folder, name))).toBeUndefined();
	});

	test("have no state while the clock could not tell a change", () => {
		const path = join(temporaryDirectory(), "fresh");
		writeFileSync(path, Buffer.alloc(size));
		expect(openFileBytes(path)?.state).toBeUndefined();
	});
});

describe("notes about manifests", () => {
	test("are recalled by the state that they were made for", () => {
		const folder = join(temporaryDirectory(), "made/when/needed");
		const notes = manifestNotes(() => folder);
		expect(notes.recall("1-2-3")).toBeUndefined();
		notes.remember("1-2-3", "facts");
		notes.remember("1-2-4", "others");
		expect(notes.recall("1-2-3")).toBe("facts");
		notes.remember("1-2-3", "newer facts");
		expect(notes.recall("1-2-3")).toBe("newer facts");
		expect(notes.recall("1-2-5")).toBeUndefined();
		expect(readdirSync(folder)).toHaveLength(2);
	});

	test("that are damaged, or cannot be kept, are as if they were not there", () => {
		const folder = temporaryDirectory();
		const notes = manifestNotes(() => folder);
		notes.remember("1-2-3", "facts");
		const [name = ""] = readdirSync(folder);
		writeFileSync(join(folder, name), "7-7-7\nfacts");
		expect(notes.recall("1-2-3")).toBeUndefined();
		const file = join(folder, "file");
		writeFileSync(file, "");
		const nowhere = manifestNotes(() => file);
		expect(() => nowhere.remember("1-2-3", "facts")).not.toThrow();
		expect(nowhere.recall("1-2-3")).toBeUndefined();
	});
});
