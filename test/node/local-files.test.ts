import { execFileSync } from "node:child_process";
import {
	chmodSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	statSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { NodeFiles } from "../../src/node/local-files.ts";
import { collect } from "../../src/storage/byte-source.ts";
import { asOrdinaryUser } from "../support/ordinary-user.ts";
import { temporaryDirectory } from "../support/temporary.ts";

const files = new NodeFiles();
const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const permissions = (path: string): number => statSync(path).mode & 0o777;

describe("LocalFiles.write()", () => {
	test("replaces a file, with the mode from its beginning", async () => {
		const root = temporaryDirectory();
		const path = join(root, "file");
		await files.write(path, encode("one"));
		expect(permissions(path)).toBe(0o644);
		await files.write(path, encode("two"), { mode: 0o600 });
		expect(readFileSync(path, "utf8")).toBe("two");
		expect(permissions(path)).toBe(0o600);
		expect(readdirSync(root)).toEqual(["file"]);
	});

	test("makes directories, private ones for private files", async () => {
		const root = temporaryDirectory();
		await files.write(join(root, "a/b/file"), encode("x"));
		await files.write(join(root, "c/d/secret"), encode("x"), { mode: 0o600 });
		expect(permissions(join(root, "a/b"))).toBe(0o755);
		expect(permissions(join(root, "c/d"))).toBe(0o700);
	});

	test("says AccessDenied where it may not write, and leaves the old file", async () => {
		const root = temporaryDirectory();
		writeFileSync(join(root, "file"), "old");
		chmodSync(root, 0o555);
		await asOrdinaryUser(async () => {
			await expect(files.write(join(root, "file"), encode("new"))).rejects.toMatchObject({
				code: "AccessDenied",
			});
			await expect(files.remove(join(root, "file"))).rejects.toMatchObject({ code: "AccessDenied" });
		});
		chmodSync(root, 0o755);
		expect(readFileSync(join(root, "file"), "utf8")).toBe("old");
	});
});

describe("LocalFiles.open()", () => {
	test("reads again and again, whole and in ranges", async () => {
		const path = join(temporaryDirectory(), "file");
		const bytes = Buffer.from(Array.from({ length: 700_001 }, (_, index) => index % 253));
		writeFileSync(path, bytes);
		const source = await files.open(path);
		expect(source.size).toBe(bytes.length);
		for (const range of [
			undefined,
			{ offset: 0, length: 0 },
			{ offset: 700_001, length: 0 },
			{ offset: 5, length: 100 },
			{ offset: 100_000, length: 500_000 },
			{ offset: 700_000, length: 1 },
		]) {
			const expected =
				range === undefined ? bytes : bytes.subarray(range.offset, range.offset + range.length);
			expect(expected.equals(await collect(source.open(range)))).toBe(true);
		}
		for (const range of [
			{ offset: 0, length: 700_002 },
			{ offset: 700_002, length: 0 },
		]) {
			expect(() => source.open(range)).toThrow(expect.objectContaining({ code: "InvalidArgument" }));
		}
	});

	test("a change of the file is SourceChanged, before and while it is read", async () => {
		const path = join(temporaryDirectory(), "file");
		writeFileSync(path, Buffer.alloc(600_000));
		const source = await files.open(path);
		const reader = source.open().getReader();
		await reader.read();
		writeFileSync(path, Buffer.alloc(600_001));
		await expect(
			(async () => {
				while (!(await reader.read()).done);
			})(),
		).rejects.toMatchObject({ code: "SourceChanged" });
		await expect(collect(source.open())).rejects.toMatchObject({ code: "SourceChanged" });
	});

	test("a file that vanishes or is no regular one is ObjectNotFound or NotAFile", async () => {
		const root = temporaryDirectory();
		symlinkSync("nowhere", join(root, "dangling"));
		execFileSync("mkfifo", [join(root, "fifo")]);
		await expect(files.open(join(root, "missing"))).rejects.toMatchObject({ code: "ObjectNotFound" });
		await expect(files.open(join(root, "dangling"))).rejects.toMatchObject({ code: "ObjectNotFound" });
		await expect(files.open(join(root, "fifo"))).rejects.toMatchObject({ code: "NotAFile" });
		await expect(files.open(root)).rejects.toMatchObject({ code: "NotAFile" });
	});

	test("a stream can be cancelled and aborted", async () => {
		const path = join(temporaryDirectory(), "file");
		writeFileSync(path, Buffer.alloc(600_000));
		const source = await files.open(path);
		const stream = source.open();
		await stream.cancel();
		const abort = new AbortController();
		const reader = source.open(undefined, abort.signal).getReader();
		await reader.read();
		abort.abort();
		await expect(reader.read()).rejects.toMatchObject({ code: "Aborted" });
		expect(() => source.open(undefined, abort.signal)).toThrow(expect.objectContaining({ code: "Aborted" }));
	});
});

describe("LocalFiles", () => {
	test("readText() gives text, or undefined when there is none", async () => {
		const root = temporaryDirectory();
		writeFileSync(join(root, "file"), "tëxt");
		writeFileSync(join(root, "empty"), "");
		expect(await files.readText(join(root, "file"))).toBe("tëxt");
		expect(await files.readText(join(root, "empty"))).toBe("");
		expect(await files.readText(join(root, "missing"))).toBeUndefined();
		expect(await files.readText(join(root, "file/below"))).toBeUndefined();
		await expect(files.readText(root)).rejects.toMatchObject({ code: "NotAFile" });
	});

	test("append() adds to a file and makes it", async () => {
		const path = join(temporaryDirectory(), "a/log");
		await files.append(path, encode("one\n"));
		await files.append(path, encode("two\n"));
		expect(readFileSync(path, "utf8")).toBe("one\ntwo\n");
	});

	test("remove() removes, and is no error for what is not there", async () => {
		const root = temporaryDirectory();
		writeFileSync(join(root, "file"), "");
		await files.remove(join(root, "file"));
		await files.remove(join(root, "file"));
		await files.remove(join(root, "no/such"));
		expect(readdirSync(root)).toEqual([]);
	});

	test("stat() follows links, and gives undefined for nothing", async () => {
		const root = temporaryDirectory();
		writeFileSync(join(root, "file"), "12");
		symlinkSync("file", join(root, "link"));
		symlinkSync("link2", join(root, "link2"));
		expect(await files.stat(join(root, "link"))).toMatchObject({ kind: "file", size: 2, owned: true });
		expect(await files.stat(root)).toMatchObject({ kind: "directory" });
		expect(await files.stat("/dev/null")).toMatchObject({ kind: "other" });
		for (const name of ["missing", "file/below", "link2", "x".repeat(300)]) {
			expect(await files.stat(join(root, name))).toBeUndefined();
		}
	});

	test("stat() tells whose a file is", async () => {
		const root = temporaryDirectory();
		chmodSync(root, 0o755);
		writeFileSync(join(root, "file"), "");
		expect(await files.stat(join(root, "file"))).toMatchObject({ owned: true });
		expect((await files.stat("/proc/1/status"))?.owned).toBe(process.getuid?.() === 0);
	});

	test("realPath() resolves links, and gives undefined for nothing", async () => {
		const root = temporaryDirectory();
		mkdirSync(join(root, "a"));
		symlinkSync("a", join(root, "b"));
		expect(await files.realPath(join(root, "b"))).toBe(join(root, "a"));
		expect(await files.realPath(join(root, "c"))).toBeUndefined();
	});

	test("resolve() knows the home directory and the current one", () => {
		expect(files.resolve("x/y/")).toBe(`${process.cwd()}/x/y/`);
		expect(files.resolve("~/no/such/file")).toBe(join(files.resolve(homedir()), "no/such/file"));
	});
});
