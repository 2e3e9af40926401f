/**
 * The measuring process of `growth.test.ts`, apart so that nothing else runs in it. Prints, as JSON, what a build asks of
 * the file system, and the CPU time of some work for n things and for four times as many.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { compileQuiltIgnore } from "../../src/core/ignore-rules.ts";
import { installPackage, listPackages, MemoryStore, Package, pushPackage } from "../../src/index.ts";
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

const filesInFolder = 100;

function keyOf(index: number): string {
	return `d${String(Math.floor(index / filesInFolder)).padStart(5, "0")}/f${String(index % filesInFolder).padStart(2, "0")}`;
}

/** A manifest of that many entries, every thousandth of which has another content when it is `changed`. */
function makeManifest(count: number, changed = false): string {
	const lines = Array.from({ length: count }, (_, index) => {
		const digest = Buffer.alloc(32, `${changed && index % 1000 === 999 ? "changed" : "content"} ${index} `);
		const hash = `{"type": "sha2-256-chunked", "value": "${digest.toString("base64")}"}`;
		const url = `s3://bucket/team/data/${keyOf(index)}?versionId=v${index}`;
		return `{"logical_key": "${keyOf(index)}", "physical_keys": ["${url}"], "size": ${index}, "hash": ${hash}, "meta": {}}`;
	});
	return ['{"version": "v0", "message": null}', ...lines, ""].join("\n");
}

/** A registry whose package `team/data` has that many entries. */
async function makeLargePackage(
	name: string,
	count: number,
): Promise<{ registry: string; manifest: string }> {
	const [registry, text] = [join(directory, name), makeManifest(count)];
	const { topHash } = await Package.load(text);
	const [packages, pointers] = [".quilt/packages", ".quilt/named_packages/team/data"].map((path) =>
		join(registry, path),
	) as [string, string];
	for (const path of [packages, pointers]) fs.mkdirSync(path, { recursive: true });
	const manifest = join(packages, topHash);
	fs.writeFileSync(manifest, text);
	for (const pointer of ["1700000000", "latest"]) fs.writeFileSync(join(pointers, pointer), topHash);
	return { registry, manifest };
}

/** Milliseconds of CPU time, the least of four times, after what had to be compiled is. */
async function cpuOf(work: () => Promise<unknown>): Promise<number> {
	let least = Infinity;
	for (let turn = 0; turn < 6; turn++) {
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

type Work = () => Promise<unknown>;

/** So many entries for each of n take memory that is new to the process, also those of n: else that of 4 n costs more each. */
const uncached = 120;

/** Work on n things by name; each gives the function that does it. */
const works: Readonly<Record<string, (n: number) => Work | Promise<Work>>> = {
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
	load(n) {
		const text = Buffer.from(makeManifest(uncached * n));
		return async () => (await Package.load(text)).topHash;
	},
	async diff(n) {
		const texts = [makeManifest(uncached * n), makeManifest(uncached * n, true)] as const;
		const [one, two] = [await Package.load(texts[0]), await Package.load(texts[1])];
		return async () => Promise.resolve(one.diff(two));
	},
	async edit(n) {
		const p = await Package.load(makeManifest(20 * n));
		return async () => {
			p.entry(keyOf(7 * n)).setMeta({ now: process.hrtime.bigint() });
			return Promise.resolve(p.topHash);
		};
	},
	async push(n) {
		const p = await new Package().setDir(".", makeFolder(`push${n}`, n / 4));
		return async () => pushPackage(p, "team/data", { registry: new MemoryStore(), cache: false });
	},
	async install(n) {
		const [p, registry] = [
			await new Package().setDir(".", makeFolder(`install${n}`, n / 8)),
			new MemoryStore(),
		];
		await p.push("team/data", registry);
		let turn = 0;
		return async () =>
			installPackage("team/data", { registry, dest: join(directory, `installed${n}-${turn++}`) });
	},
	async key(n) {
		const { registry } = await makeLargePackage(`key${n}`, 20 * n);
		// Nothing is remembered of a manifest that is younger than the clock's grain.
		await new Promise((resolve) => setTimeout(resolve, 2100));
		return () => findKeys(registry, 20 * n, 20);
	},
	ignore(n) {
		const isIgnored = compileQuiltIgnore("*.tmp\nbuild/*\n**/.cache\n[ab]?*x\n");
		const paths = Array.from({ length: 4 * n }, (_, index) => `some/directory/of/depth/file-${index}.txt`);
		return async () => paths.filter((path) => isIgnored(path, false)).length;
	},
};

/** Looks one key up in each of so many packages that are opened anew. */
async function findKeys(registry: string, count: number, times: number): Promise<void> {
	for (let index = 0; index < times; index++) {
		const p = await Package.browse("team/data", { registry });
		const at = Math.floor(((index + 0.5) * count) / times);
		if (p.entry(keyOf(at)).size !== at) throw new Error(`another entry is at ${at}`);
	}
}

type Counts = { opened: number; bytesRead: number; bytesWritten: number; lookedAt: number; listed: number };

/** What is asked of the files below a folder while `work` runs on this thread. */
async function countCalls(folder: string, work: () => Promise<unknown>): Promise<Counts> {
	const counts: Counts = { opened: 0, bytesRead: 0, bytesWritten: 0, lookedAt: 0, listed: 0 };
	const { openSync, readSync, writeSync, writeFileSync, lstatSync, statSync, readdirSync } = fs;
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
		writeSync: (fd: number, ...args: [NodeJS.ArrayBufferView]) => {
			const count = writeSync(fd, ...args);
			if (descriptors.has(fd)) counts.bytesWritten += count;
			return count;
		},
		writeFileSync: (...args: [string, string | Uint8Array]) => {
			if (isBelow(args[0])) counts.bytesWritten += Buffer.byteLength(args[1]);
			writeFileSync(...args);
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
		Object.assign(fs, { openSync, readSync, writeSync, writeFileSync, lstatSync, statSync, readdirSync });
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

/** What moving 300 files asks: a push to a directory, and an installation from it. */
async function countMoves(): Promise<Record<string, Counts | number>> {
	const folder = fs.realpathSync(makeFolder("moved", 300));
	const registry = join(directory, "moved-registry");
	const push = async (): Promise<void> => {
		const p = await new Package().setDir(".", folder);
		await pushPackage(p, "team/data", { registry, force: true });
	};
	const pushed = await countCalls(folder, push);
	fs.rmSync(registry, { recursive: true });
	const written = await countCalls(join(registry, ".bale/tmp"), push);
	const install = async (dest: string): Promise<void> => {
		await installPackage("team/data", { registry, dest });
	};
	const [one, two] = ["moved-one", "moved-two"].map((name) => join(directory, name)) as [string, string];
	return {
		"push: folder": pushed,
		"push: registry": written,
		"manifest, pointers and author":
			sizeBelow(join(registry, ".quilt")) + sizeBelow(join(registry, ".bale/authors")),
		"install: registry": await countCalls(join(registry, "team"), () => install(one)),
		"install: destination": await countCalls(two, () => install(two)),
		"install again: registry": await countCalls(join(registry, "team"), () => install(two)),
		"install again: destination": await countCalls(two, () => install(two)),
	};
}

/** Bytes of all files below a folder. */
function sizeBelow(folder: string): number {
	const names = fs.readdirSync(folder, { recursive: true, encoding: "utf8" });
	const stats = names.map((name) => fs.statSync(join(folder, name)));
	return stats.reduce((sum, stat) => sum + (stat.isFile() ? stat.size : 0), 0);
}

/** Bytes read of a manifest to find twenty keys, for n entries and for four times as many. */
async function countKeyReads(n: number): Promise<number[]> {
	const sizes = [20 * n, 80 * n];
	const made = [];
	for (const count of sizes) made.push(await makeLargePackage(`read${count}`, count));
	await new Promise((resolve) => setTimeout(resolve, 2100));
	const bytes: number[] = [];
	for (const [index, { registry }] of made.entries()) {
		const count = sizes[index] ?? 0;
		await findKeys(registry, count, 1);
		const { bytesRead } = await countCalls(join(registry, ".quilt/packages"), () =>
			findKeys(registry, count, 20),
		);
		bytes.push(bytesRead);
	}
	return bytes;
}

/** Bytes of memory for each entry of a package that is opened in full: from its file, and from text. */
async function memoryOfEntries(count: number): Promise<{ fromFile: number; fromText: number }> {
	setFlagsFromString("--expose-gc");
	const collectGarbage = runInNewContext("gc") as () => void;
	const used = async (): Promise<number> => {
		for (let turn = 0; turn < 4; turn++) {
			collectGarbage();
			await new Promise((resolve) => setTimeout(resolve, 20));
		}
		const { heapUsed, external } = process.memoryUsage();
		return heapUsed + external;
	};
	const perEntry = async (open: () => Promise<Package>): Promise<number> => {
		const turn = async (): Promise<number> => {
			const before = await used();
			const p = await open();
			let [files, bytes] = [0, 0];
			for (const [, entry] of p.walk()) [files, bytes] = [files + 1, bytes + (entry.size ?? 0)];
			for (let index = 0; index < count; index += 97) bytes += p.entry(keyOf(index)).size ?? 0;
			const perEntry = ((await used()) - before) / count;
			if (files !== count || bytes === 0 || p.size === 0) throw new Error("not the package that was made");
			return perEntry;
		};
		// What the first use needs once is not counted.
		await turn();
		return turn();
	};
	const { registry, manifest } = await makeLargePackage("memory", count);
	return {
		fromFile: await perEntry(() => Package.browse("team/data", { registry })),
		fromText: await perEntry(() => Package.load(fs.createReadStream(manifest) as AsyncIterable<Uint8Array>)),
	};
}

if (what === "memory") console.log(JSON.stringify(await memoryOfEntries(100_000)));
else if (what === "calls") console.log(JSON.stringify(await countBuilds()));
else if (what === "moves") console.log(JSON.stringify(await countMoves()));
else if (what === "key-reads") console.log(JSON.stringify(await countKeyReads(1000)));
else {
	const ratios: Record<string, number> = {};
	for (const name of (what ?? "").split(",")) {
		const prepare = works[name];
		if (prepare === undefined) throw new Error(`There is no work "${name}"`);
		const n = 1000;
		const [once, fourTimes] = [await prepare(n), await prepare(4 * n)];
		const first = await cpuOf(once);
		ratios[name] = (await cpuOf(fourTimes)) / first;
	}
	console.log(JSON.stringify(ratios));
}
process.exit(0);
