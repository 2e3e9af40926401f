/**
 * Failing system calls: each operation is run again and again, and its first, second, third … call
 * fails, until it gets through without meeting the failure. Whatever happens, the file has its old or its
 * new content, and nothing else is left.
 */
import type * as FileSystem from "node:fs";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { BaleError } from "../../src/core/errors.ts";
import { DirectoryStore } from "../../src/node/directory-store.ts";
import { NodeFiles } from "../../src/node/local-files.ts";
import { bytesSource } from "../../src/storage/byte-source.ts";
import { temporaryDirectory } from "../support/temporary.ts";

const fault = vi.hoisted(() => ({ errno: "", inCalls: Infinity, met: false }));

vi.mock("node:fs", async (original) => {
	const fs = await original<typeof FileSystem>();
	type Call = (...values: unknown[]) => unknown;
	/** The same function, which fails when its turn comes; `util.promisify` still knows what it resolves to. */
	const faulty = (name: keyof typeof fs): Call => {
		const real = fs[name] as Call;
		const call = (...values: unknown[]): unknown => {
			if (--fault.inCalls !== 0) return real(...values);
			fault.met = true;
			const error = Object.assign(new Error(`${fault.errno}: injected, ${name}`), { code: fault.errno });
			const callback = values.at(-1);
			if (typeof callback !== "function") throw error;
			setImmediate(() => (callback as Call)(error));
			return undefined;
		};
		return Object.defineProperties(call, Object.getOwnPropertyDescriptors(real));
	};
	const names = [
		"openSync",
		"mkdirSync",
		"writeSync",
		"write",
		"fsyncSync",
		"fsync",
		"renameSync",
		"linkSync",
	] as const;
	const mocked = { ...fs, ...Object.fromEntries(names.map((name) => [name, faulty(name)])) };
	return { ...mocked, default: mocked };
});

afterEach(() => {
	fault.inCalls = Infinity;
});

const codes: Readonly<Record<string, readonly string[]>> = {
	ENOSPC: ["NoSpace"],
	EDQUOT: ["NoSpace"],
	EIO: ["StoreUnavailable"],
	EACCES: ["AccessDenied"],
	EROFS: ["AccessDenied"],
	EMFILE: ["StoreUnavailable"],
};

const newContent = Buffer.alloc(300_000, "new ");
const size = newContent.length;

const operations: Readonly<Record<string, (root: string) => Promise<unknown>>> = {
	"LocalFiles.copy() of a file": (root) =>
		new NodeFiles().copy([
			{ from: { path: join(root, "source") }, to: join(root, "d/target"), size, replace: true },
		]),
	"LocalFiles.copy() of bytes": (root) =>
		new NodeFiles().copy([
			{ from: { source: bytesSource(newContent) }, to: join(root, "d/target"), size, replace: true },
		]),
	"LocalFiles.write()": (root) => new NodeFiles().write(join(root, "d/target"), newContent),
	"Destination.write()": async (root) =>
		(await new NodeFiles().destination(root)).write([
			{ key: "d/target", from: { source: bytesSource(newContent) }, size, replace: true },
		]),
	"DirectoryStore.put()": (root) => new DirectoryStore(root).put("d/target", newContent),
	"DirectoryStore.put() of what must be absent": (root) =>
		new DirectoryStore(root).put("d/target", newContent, { condition: { ifAbsent: true } }),
};

describe.each(Object.keys(operations))("%s", (name) => {
	test.each(Object.keys(codes))(
		"keeps the old or has the new content when a call fails with %s",
		async (errno) => {
			const operation = operations[name]!;
			const mustBeAbsent = name.endsWith("absent");
			let failures = 0;
			for (let nth = 1; ; nth++) {
				const root = temporaryDirectory();
				mkdirSync(join(root, "d"));
				writeFileSync(join(root, "source"), newContent);
				const target = join(root, "d/target");
				if (!mustBeAbsent) writeFileSync(target, "old");
				Object.assign(fault, { errno, inCalls: nth, met: false });
				let error: unknown;
				try {
					await operation(root);
				} catch (thrown) {
					error = thrown;
				}
				fault.inCalls = Infinity;
				const content = existsSync(target) ? readFileSync(target) : undefined;
				if (error === undefined) expect(content?.equals(newContent)).toBe(true);
				else {
					failures++;
					expect(error).toBeInstanceOf(BaleError);
					expect(codes[errno]).toContain((error as BaleError).code);
					expect((error as BaleError).message).not.toContain(".bale-tmp-");
					const isOld = mustBeAbsent ? content === undefined : content?.toString() === "old";
					expect(isOld || content?.equals(newContent)).toBe(true);
				}
				const names = readdirSync(root, { recursive: true }) as string[];
				const expected = ["source", "d", "d/target", ".bale", ".bale/tmp", ".bale/locks"];
				expect(names.filter((found) => !expected.includes(found))).toEqual([]);
				if (!fault.met) break;
			}
			expect(failures).toBeGreaterThan(2);
		},
	);
});
