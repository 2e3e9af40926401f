/**
 * The measuring process of `growth.test.ts`, apart so that nothing else runs in it. Prints, as JSON, what a build asks of
 * the file system, and the CPU time of some work for n things and for four times as many.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { compileQuiltIgnore } from "../../src/core/ignore-rules.ts";
import { listPackages, Package } from "../../src/index.ts";
import { NodeFiles } from "../../src/node/local-files.ts";

const [what, directory = ""] = process.argv.slice(2);
process.env["BALE_CACHE_DIR"] = join(directory, "cache");
process.env["BALE_DATA_DIR"] = join(directory, "own-data");

/** That many files of a hundred bytes, a hundred in a directory. */
function makeFolder(name: string, count: number): string {
	const folder = join(directory, name);
	for (let index = 0; index < count; index++) {
		const parent = join(folder, `d${Math.floor(index / 100)}`);
		if (index % 100 === 0) fs.mkdirSync(parent, { recursive: true });
		fs.writeFileSync(join(parent, `f${index % 100}`), String(index).padEnd(100));
	}
	return folder;
}

/** A registry with that many packages. */
function makeRegistry(name: string, count: number): string {
	for (let index = 0; index < count; index++) {
		const pointers = join(directory, name, `.quilt/named_packages/team${index % 50}/set${index}`);
		fs.mkdirSync(pointers, { recursive: true });
		fs.writeFileSync(join(pointers, "latest"), "0".repeat(64));
	}
	return join(directory, name);
}

/** Milliseconds of CPU time, the least of five times, after what had to be compiled is. */
async function cpuOf(work: () => Promise<unknown>): Promise<number> {
	let least = Infinity;
	for (let turn = 0; turn < 7; turn++) {
		const before = process.cpuUsage();
		await work();
		const { user, system } = process.cpuUsage(before);
		if (turn >= 2) least = Math.min(least, (user + system) / 1000);
	}
	return least;
}

async function consume(items: AsyncIterable<unknown>): Promise<number> {
	let count = 0;
	for await (const _item of items) count++;
	return count;
}

/** Work on n things by name; each gives the function that does it. */
const works: Readonly<Record<string, (n: number) => () => Promise<unknown>>> = {
	walk(n) {
		const folder = makeFolder(`walk${n}`, 2 * n);
		return () => consume(new NodeFiles().walkInBatches(folder));
	},
	build(n) {
		const [folder, registry] = [makeFolder(`build${n}`, n), join(directory, `registry${n}`)];
		return async () => {
			const p = await new Package().setDir(".", folder, { hash: true, cache: false });
			await p.build("team/data", registry);
		};
	},
	list(n) {
		const registry = makeRegistry(`list${n}`, n);
		return () => consume(listPackages(registry));
	},
	ignore(n) {
		const isIgnored = compileQuiltIgnore("*.tmp\nbuild/*\n**/.cache\n[ab]?*x\n");
		const paths = Array.from({ length: 4 * n }, (_, index) => `some/directory/of/depth/file-${index}.txt`);
		return async () => paths.filter((path) => isIgnored(path, false)).length;
	},
};

type Counts = { opened: number; bytesRead: number; lookedAt: number; listed: number };

/** What is asked of the files below a folder while `work` runs on this thread. */
async function countCalls(folder: string, work: () => Promise<unknown>): Promise<Counts> {
	const counts: Counts = { opened: 0, bytesRead: 0, lookedAt: 0, listed: 0 };
	const { openSync, readSync, lstatSync, statSync, readdirSync } = fs;
	const descriptors = new Set<number>();
	const isBelow = (path: unknown): boolean => String(path).startsWith(`${folder}/`);
	const wrapped: Record<string, (...args: never[]) => unknown> = {
		openSync: (...args: Parameters<typeof openSync>) => {
			const fd = openSync(...args);
			descriptors.delete(fd);
			if (!isBelow(args[0])) return fd;
			descriptors.add(fd);
			counts.opened++;
			return fd;
		},
		readSync: (fd: number, ...args: [NodeJS.ArrayBufferView]) => {
			const count = readSync(fd, ...args);
			if (descriptors.has(fd)) counts.bytesRead += count;
			return count;
		},
		lstatSync: (...args: Parameters<typeof lstatSync>) => {
			if (isBelow(args[0])) counts.lookedAt++;
			return lstatSync(...args);
		},
		statSync: (...args: Parameters<typeof statSync>) => {
			if (isBelow(args[0])) counts.lookedAt++;
			return statSync(...args);
		},
		readdirSync: (...args: [string]) => {
			if (isBelow(`${args[0]}/`)) counts.listed++;
			return readdirSync(...args);
		},
	};
	Object.assign(fs, wrapped);
	syncBuiltinESMExports();
	try {
		await work();
		return counts;
	} finally {
		Object.assign(fs, { openSync, readSync, lstatSync, statSync, readdirSync });
		syncBuiltinESMExports();
	}
}

async function countBuilds(): Promise<Record<string, Counts>> {
	const folder = fs.realpathSync(makeFolder("counted", 300));
	const build = async (): Promise<void> => {
		const p = await new Package().setDir(".", folder, { hash: true });
		await p.build("team/data", join(directory, "counted-registry"), { hashedNow: true });
	};
	// Files younger than the clock's grain are not remembered.
	await new Promise((resolve) => setTimeout(resolve, 200));
	const first = await countCalls(folder, build);
	const again = await countCalls(folder, build);
	fs.writeFileSync(join(folder, "d1/f7"), "changed");
	await new Promise((resolve) => setTimeout(resolve, 200));
	return { first, again, changed: await countCalls(folder, build) };
}

if (what === "calls") console.log(JSON.stringify(await countBuilds()));
else {
	const prepare = works[what ?? ""];
	if (prepare === undefined) throw new Error(`There is no work "${what}"`);
	const n = 1000;
	console.log(JSON.stringify({ n: await cpuOf(prepare(n)), fourTimes: await cpuOf(prepare(4 * n)) }));
}
process.exit(0);
