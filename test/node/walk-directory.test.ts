import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import type { WalkedFile, WalkOptions, WalkWarning } from "../../src/client/platform.ts";
import { walkDirectory } from "../../src/node/walk-directory.ts";
import { temporaryDirectory } from "../support/temporary.ts";

/** A directory with these files; each holds its own path. */
function directoryOf(...paths: readonly string[]): string {
	const root = temporaryDirectory();
	for (const path of paths) {
		mkdirSync(dirname(join(root, path)), { recursive: true });
		writeFileSync(join(root, path), path);
	}
	return root;
}

async function walk(root: string, options?: WalkOptions): Promise<WalkedFile[]> {
	const found: WalkedFile[] = [];
	for await (const file of walkDirectory(root, options)) found.push(file);
	return found.sort((a, b) => Buffer.compare(Buffer.from(a.relativePath), Buffer.from(b.relativePath)));
}

const paths = async (root: string, options?: WalkOptions): Promise<string[]> =>
	(await walk(root, options)).map(({ relativePath }) => relativePath);

describe("walkDirectory()", () => {
	test("finds all files with their states, hidden ones too, and no empty directories", async () => {
		const root = directoryOf("a", ".hidden", "b/c/d", ".config/x", "ü/é");
		mkdirSync(join(root, "empty/empty"), { recursive: true });
		expect(await paths(root)).toEqual([".config/x", ".hidden", "a", "b/c/d", "ü/é"]);
		const [file] = await walk(root);
		expect(file).toMatchObject({
			path: join(root, ".config/x"),
			stat: { kind: "file", size: 9, owned: true },
		});
		expect(file?.stat.mtimeNs).toBeTypeOf("bigint");
	});

	test("follows links to files, and gives the path of the target", async () => {
		const outside = directoryOf("target");
		const root = directoryOf("sub/own");
		symlinkSync(join(outside, "target"), join(root, "absolute"));
		symlinkSync("sub/own", join(root, "relative"));
		expect(await walk(root)).toMatchObject([
			{ relativePath: "absolute", path: join(outside, "target"), stat: { kind: "file", size: 6 } },
			{ relativePath: "relative", path: join(root, "sub/own") },
			{ relativePath: "sub/own", path: join(root, "sub/own") },
		]);
	});

	test("gives real paths also when the directory is reached through a link", async () => {
		const root = directoryOf("a");
		const link = join(temporaryDirectory(), "link");
		symlinkSync(root, link);
		expect(await walk(link)).toMatchObject([{ relativePath: "a", path: join(root, "a") }]);
	});

	test("does not enter linked directories, and ends when links go round", async () => {
		const outside = directoryOf("x");
		const root = directoryOf("a/b");
		symlinkSync(outside, join(root, "linked"));
		symlinkSync("..", join(root, "a/up"));
		symlinkSync("self", join(root, "self"));
		const warnings: WalkWarning[] = [];
		expect(await paths(root, { onWarning: (warning) => warnings.push(warning) })).toEqual(["a/b"]);
		expect(warnings).toEqual([{ relativePath: "self", reason: "dangling-link" }]);
	});

	test("warns of broken links, FIFOs and sockets, and never opens them", async () => {
		const root = directoryOf("a");
		symlinkSync("nowhere", join(root, "broken"));
		execFileSync("mkfifo", [join(root, "fifo")]);
		symlinkSync("fifo", join(root, "to-fifo"));
		const server = createServer().listen(join(root, "socket"));
		onTestFinished(() => void server.close());
		await new Promise((resolve) => server.once("listening", resolve));
		const warnings: WalkWarning[] = [];
		expect(await paths(root, { onWarning: (warning) => warnings.push(warning) })).toEqual(["a"]);
		expect(new Set(warnings.map(({ relativePath, reason }) => `${relativePath}: ${reason}`))).toEqual(
			new Set([
				"broken: dangling-link",
				"fifo: special-file",
				"socket: special-file",
				"to-fifo: special-file",
			]),
		);
	});

	test("passes over .bale and .quilt directories at every level, but not files of that name", async () => {
		const root = directoryOf(".bale/x", ".quilt/packages/y", "a/.quilt/z", "a/.bale/z", "a/x", ".quilted/k");
		writeFileSync(join(root, "a/.quiltignore"), "");
		mkdirSync(join(root, "b"));
		writeFileSync(join(root, "b/.quilt"), "a file");
		expect(await paths(root)).toEqual([".quilted/k", "a/.quiltignore", "a/x", "b/.quilt"]);
	});

	test("passes over bale's own temporary files", async () => {
		const root = directoryOf("a", ".bale-tmp-1x-0123456789abcdef01234567", ".bale-tmp-of-the-user");
		expect(await paths(root)).toEqual([".bale-tmp-of-the-user", "a"]);
	});

	test("asks ignore() for files and directories, and drops what is below an ignored one", async () => {
		const root = directoryOf("keep/a", "drop/b", "drop/deep/c", "x.tmp", "y");
		const asked: string[] = [];
		const ignore = (path: string, isDirectory: boolean): boolean => {
			asked.push(isDirectory ? `${path}/` : path);
			return path === "drop" || path.endsWith(".tmp");
		};
		expect(await paths(root, { ignore })).toEqual(["keep/a", "y"]);
		expect(new Set(asked)).toEqual(new Set(["drop/", "keep/", "keep/a", "x.tmp", "y"]));
	});

	test("refuses names that are not UTF-8, and lists them all", async () => {
		const root = directoryOf("good", "replaced \ufffd");
		mkdirSync(join(root, "sub"));
		for (const name of ["bad\xff", "sub/w\xe4rm"]) {
			writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from(name, "latin1")]), "x");
		}
		await expect(paths(root)).rejects.toMatchObject({
			code: "InvalidKey",
			details: { names: expect.arrayContaining(["bad\\xff", "sub/w\\xe4rm"]) as string[] },
		});
		const ignore = (path: string): boolean => path !== "replaced \ufffd" && path.includes("\ufffd");
		expect(await paths(root, { ignore })).toEqual(["good", "replaced \ufffd"]);
	});

	test("refuses what is no directory", async () => {
		const root = directoryOf("file");
		await expect(paths(join(root, "file"))).rejects.toMatchObject({ code: "NotAFile" });
		await expect(paths(join(root, "missing"))).rejects.toMatchObject({ code: "ObjectNotFound" });
	});

	test("can be aborted, and left early", async () => {
		const root = directoryOf(...Array.from({ length: 1200 }, (_, index) => `f${index}`));
		const abort = new AbortController();
		let seen = 0;
		const walking = (async () => {
			for await (const _ of walkDirectory(root, { signal: abort.signal })) if (++seen === 10) abort.abort();
		})();
		await expect(walking).rejects.toMatchObject({ code: "Aborted" });
		expect(seen).toBeLessThan(1200);
		for await (const _ of walkDirectory(root)) break;
	});

	test("passes over what vanishes while it walks", async () => {
		const root = directoryOf(...Array.from({ length: 600 }, (_, index) => `d${index}/f`));
		let seen = 0;
		for await (const _ of walkDirectory(root)) {
			if (++seen === 1)
				for (let index = 100; index < 500; index++) rmSync(join(root, `d${index}`), { recursive: true });
		}
		expect(seen).toBeGreaterThanOrEqual(200);
		expect(seen).toBeLessThanOrEqual(201);
	});

	test("lets the event loop run meanwhile", async () => {
		const root = directoryOf(...Array.from({ length: 3000 }, (_, index) => `f${index}`));
		let turns = 0;
		const timer = setInterval(() => turns++, 0);
		onTestFinished(() => clearInterval(timer));
		expect(await paths(root)).toHaveLength(3000);
		expect(turns).toBeGreaterThan(2);
	});
});
