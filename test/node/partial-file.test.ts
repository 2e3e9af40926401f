import {
	linkSync,
	readdirSync,
	readFileSync,
	symlinkSync,
	truncateSync,
	utimesSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createHasher, type Hash } from "../../src/core/hash.ts";
import { NodeFiles } from "../../src/node/local-files.ts";
import { createNodeSha256 } from "../../src/node/node-digest.ts";
import { BaleError } from "../../src/core/errors.ts";
import type { ByteRange, ByteSource } from "../../src/storage/store.ts";
import { temporaryDirectory } from "../support/temporary.ts";

const mebibyte = 1024 * 1024;
const part = 8 * mebibyte;
const size = 5 * part + 1234;
const parts = 6;
const content = Buffer.alloc(size, "some text of this file ");

function hashOf(bytes: Uint8Array): Hash {
	const hasher = createHasher("sha2-256-chunked", bytes.length, createNodeSha256);
	hasher.update(bytes);
	return hasher.digest();
}

/** A source that notes which parts it is asked for, and fails when `fails` says so. */
function source(bytes: Uint8Array, fails: (part: number) => Error | undefined = () => undefined) {
	const asked: number[] = [];
	const of: ByteSource = {
		size: bytes.length,
		open: () => {
			throw new TypeError("There is a better way");
		},
		async deliver(sink, range?: ByteRange) {
			const { offset, length } = range ?? { offset: 0, length: bytes.length };
			asked.push(offset / part);
			await new Promise((resolve) => setImmediate(resolve));
			const error = fails(offset / part);
			if (error !== undefined) throw error;
			sink(bytes.subarray(offset, offset + length));
		},
	};
	return { of, asked };
}

const unreachable = (): Error => new BaleError("StoreUnavailable", "The server is gone");
const onlyFirst = (count: number) => (index: number) => (index < count ? undefined : unreachable());

async function copy(to: string, from: ByteSource, told?: (bytes: number) => void): Promise<void> {
	const files = new NodeFiles({ durability: "process" });
	onTestFinished(() => files.close());
	const options = told === undefined ? {} : { onBytes: (_: number, bytes: number) => told(bytes) };
	await files.copy([{ from: { source: from }, to, size, expect: hashOf(content), replace: true }], options);
}

/** A directory in which a copy broke off after two parts, and the file that was left. */
async function brokenOff(): Promise<{ to: string; left: string; directory: string }> {
	const directory = temporaryDirectory();
	const to = join(directory, "target");
	await expect(copy(to, source(content, onlyFirst(2)).of)).rejects.toMatchObject({
		code: "StoreUnavailable",
	});
	const names = readdirSync(directory);
	expect(names).toEqual([expect.stringMatching(/^\.bale-tmp-0-[0-9a-f]{24}$/)]);
	return { to, directory, left: join(directory, names[0]!) };
}

function expectDone({ to, directory }: { to: string; directory: string }): void {
	expect(readFileSync(to).equals(content)).toBe(true);
	expect(readdirSync(directory)).toEqual(["target"]);
}

test("a copy that broke off goes on with the parts that are missing, and tells all bytes as progress", async () => {
	const place = await brokenOff();
	const second = source(content, onlyFirst(4));
	await expect(copy(place.to, second.of)).rejects.toMatchObject({ code: "StoreUnavailable" });
	expect(second.asked.toSorted((a, b) => a - b)).toEqual([2, 3, 4, 5]);
	const third = source(content);
	let told = 0;
	await copy(place.to, third.of, (bytes) => (told += bytes));
	expect(third.asked.toSorted((a, b) => a - b)).toEqual([4, 5]);
	expect(told).toBe(size);
	expectDone(place);
});

test.each([
	[
		"a part was changed",
		(left: string) => {
			const bytes = readFileSync(left);
			bytes[part + 5]! ^= 1;
			writeFileSync(left, bytes);
		},
		[1, 2, 3, 4, 5],
	],
	["its end is missing", (left: string) => truncateSync(left, size + 32), [1, 2, 3, 4, 5]],
	["only a beginning is left", (left: string) => truncateSync(left, part), [0, 1, 2, 3, 4, 5]],
	["nothing is left", (left: string) => truncateSync(left, 0), [0, 1, 2, 3, 4, 5]],
])("when %s, what is not certain is asked for again", async (_title, damage, expected) => {
	const place = await brokenOff();
	damage(place.left);
	const next = source(content);
	await copy(place.to, next.of);
	expect(next.asked.toSorted((a, b) => a - b)).toEqual(expected);
	expectDone(place);
});

test.each([
	["complete", 0, []],
	["complete and damaged", 1, [0, 1, 2, 3, 4, 5]],
])("what was %s before it got its name is verified as a whole", async (_title, flip, expected) => {
	const place = await brokenOff();
	const bytes = Buffer.from(content);
	bytes[part + 5]! ^= flip;
	writeFileSync(place.left, bytes);
	const next = source(content);
	await copy(place.to, next.of);
	expect(next.asked.toSorted((a, b) => a - b)).toEqual(expected);
	expectDone(place);
});

test("parts of another content do not stand in the way of the right one", async () => {
	const directory = temporaryDirectory();
	const to = join(directory, "target");
	const wrong = Buffer.from(content).fill(7, 0, 100);
	await expect(copy(to, source(wrong, onlyFirst(3)).of)).rejects.toMatchObject({ code: "StoreUnavailable" });
	const next = source(content);
	await copy(to, next.of);
	expect(next.asked.length).toBe(3 + parts);
	expectDone({ to, directory });
});

test.each(["IntegrityMismatch", "NoSpace", "AccessDenied"] as const)(
	"%s leaves nothing to go on with",
	async (code) => {
		const directory = temporaryDirectory();
		const fails = (index: number): Error | undefined =>
			index < 2 ? undefined : new BaleError(code, "It fails");
		await expect(copy(join(directory, "target"), source(content, fails).of)).rejects.toMatchObject({ code });
		expect(readdirSync(directory)).toEqual([]);
	},
);

test("a copy of the same content under another name goes on with it, too", async () => {
	const { directory } = await brokenOff();
	const next = source(content);
	await copy(join(directory, "other"), next.of);
	expect(next.asked.toSorted((a, b) => a - b)).toEqual([2, 3, 4, 5]);
	expect(readdirSync(directory)).toEqual(["other"]);
});

test("two files of the same content at once are both right", async () => {
	const directory = temporaryDirectory();
	const files = new NodeFiles({ durability: "process" });
	onTestFinished(() => files.close());
	const job = { from: { source: source(content).of }, size, expect: hashOf(content), replace: true };
	await files.copy(["a", "b"].map((name) => ({ ...job, to: join(directory, name) })));
	for (const name of ["a", "b"]) expect(readFileSync(join(directory, name)).equals(content)).toBe(true);
	expect(new Set(readdirSync(directory))).toEqual(new Set(["a", "b"]));
});

test("the file of a living process is left to it", async () => {
	const { to, directory, left } = await brokenOff();
	const living = left.replace("tmp-0-", `tmp-${process.ppid.toString(36)}-`);
	linkSync(left, living);
	writeFileSync(left, "");
	const before = readFileSync(living);
	const next = source(content);
	await copy(to, next.of);
	expect(next.asked).toHaveLength(parts);
	expect(readFileSync(living).equals(before)).toBe(true);
	expect(readdirSync(directory)).toContain("target");
});

test.each([
	["symbolic link", symlinkSync],
	["hard link", linkSync],
] as const)("a %s in its place is not written through", async (_title, link) => {
	const { to, directory, left } = await brokenOff();
	const precious = join(temporaryDirectory(), "precious");
	writeFileSync(precious, "precious");
	truncateSync(left, 0);
	const id = left.slice(-24);
	link(precious, join(directory, `.bale-tmp-${(4_194_305).toString(36)}-${id}`));
	await copy(to, source(content).of);
	expect(readFileSync(precious, "utf8")).toBe("precious");
	expect(readFileSync(to).equals(content)).toBe(true);
});

test("what nobody went on with for more than a day is removed", async () => {
	const place = await brokenOff();
	utimesSync(place.left, 1, 1);
	const next = source(content);
	await copy(place.to, next.of);
	expect(next.asked).toHaveLength(parts);
	expectDone(place);
});
