/**
 * The built command installs large and middle-sized files and is killed (SIGKILL) again and again: what is whole on the disk is
 * not asked for again, and nothing but the files is left in the end.
 */
import { closeSync, mkdirSync, openSync, readSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { partSize } from "../../src/core/hash.ts";
import { runCliJson } from "../support/cli.ts";
import { contentsOf, filesBelow } from "../support/files.ts";
import { chooseSeed, randomFrom } from "../support/random.ts";
import { chooseKillPoint, runKilled } from "../support/s3/killing.ts";
import { startProxy, type LoggedRequest, type S3Proxy } from "../support/s3/proxy.ts";
import { onEachServer } from "../support/s3/servers.ts";
import { temporaryDirectory } from "../support/temporary.ts";

const mebibyte = 1024 * 1024;
/** No two have as many parts, so that a temporary file tells whose it is. */
const sizes: Readonly<Record<string, number>> = {
	"large.bin": 41 * mebibyte + 4321,
	"two/parts.bin": 8 * mebibyte + 1,
	"three/parts.bin": 17 * mebibyte,
	"whole.bin": 8 * mebibyte,
	"small/one.bin": mebibyte,
	"small/two.bin": mebibyte + 7,
};
const all = Object.values(sizes).reduce((sum, size) => sum + size, 0);
/** `bale install --concurrency`: requests for data that are under way at once. */
const requestsAtOnce = 6;

/** A part of a file, as it is asked for. */
const nameOf = (key: string, offset: number): string => `${key} from ${offset}`;

function partsOf(key: string, size: number): string[] {
	return Array.from({ length: Math.ceil(size / partSize(size)) }, (_, part) =>
		nameOf(key, part * partSize(size)),
	);
}

const contentOf = (key: string): Buffer => Buffer.alloc(sizes[key] ?? 0, `the content of ${key} `);

/**
 * The parts that are whole in a destination: those of its files, those whose digest stands behind a file that is being
 * received, and those of one that is complete and has not got its name.
 */
function wholeParts(dest: string): Set<string> {
	const whole = new Set<string>();
	for (const path of filesBelow(dest)) {
		const length = statSync(join(dest, path)).size;
		const isTemporary = path.includes(".bale-tmp-");
		const [key, size] =
			Object.entries(sizes).find(([name, bytes]) =>
				isTemporary
					? partsOf(name, bytes).length > 1 &&
						length >= bytes &&
						length <= bytes + 32 * partsOf(name, bytes).length
					: name === path,
			) ?? [];
		if (key === undefined || size === undefined) continue;
		if (isTemporary && length === size && !readFrom(join(dest, path), 0).equals(contentOf(key))) continue;
		const digests = isTemporary && length > size ? readFrom(join(dest, path), size) : undefined;
		for (const [part, name] of partsOf(key, size).entries()) {
			const digest = digests?.subarray(part * 32, (part + 1) * 32);
			if (digest === undefined || digest.some((byte) => byte !== 0)) whole.add(name);
		}
	}
	return whole;
}

function readFrom(path: string, offset: number): Buffer {
	const buffer = Buffer.alloc(statSync(path).size - offset);
	const file = openSync(path, "r");
	readSync(file, buffer, 0, buffer.length, offset);
	closeSync(file);
	return buffer;
}

const keyOf = ({ key }: LoggedRequest): string => key.replace("team/data/", "");
const sum = (requests: readonly LoggedRequest[]): number =>
	requests.reduce((bytes, { received }) => bytes + received, 0);

onEachServer((server, kind) => {
	const kills = kind.name === "bale" ? 50 : 10;
	let proxy: S3Proxy;
	beforeAll(async () => {
		proxy = await startProxy(server());
	});
	afterAll(() => proxy.stop());

	test(`an install that is killed ${kills} times asks for nothing twice but the parts that were under way`, async () => {
		const random = randomFrom(chooseSeed("killed downloads"));
		const bucket = await server().makeBucket({ versions: true });
		const home = join(temporaryDirectory(), "home");
		const folder = join(home, "folder");
		for (const key of Object.keys(sizes)) {
			mkdirSync(join(folder, key, ".."), { recursive: true });
			writeFileSync(join(folder, key), contentOf(key));
		}
		const options = { home, env: { ...proxy.server.environment, BALE_DURABILITY: "process" } };
		const registry = `s3://${bucket}`;
		const { topHash } = await runCliJson(
			["push", "team/data", "--dir", folder, "--registry", registry],
			options,
		);

		let killed = 0;
		let installs = 0;
		let received = 0;
		let underWay = 0;
		let resumed = 0;
		let dest = "";
		let whole = new Set<string>();
		for (let isNew = true; killed < kills || !isNew;) {
			if (isNew) {
				dest = join(home, `dest ${installs++}`);
				whole = new Set();
			}
			const point = killed < kills ? chooseKillPoint(random, 48 * mebibyte, 16) : undefined;
			const { code, stderr, requests } = await runKilled(
				proxy,
				[
					"install",
					"team/data",
					"--registry",
					registry,
					"--dest",
					dest,
					"--concurrency",
					`${requestsAtOnce}`,
				],
				options,
				point,
			);
			const parts = requests.filter(
				({ operation, key }) => operation === "GetObject" && !key.startsWith(".quilt/"),
			);
			const nameOfPart = ({ key, first }: LoggedRequest): string =>
				nameOf(key.replace("team/data/", ""), first);
			for (const part of parts) expect(whole).not.toContain(nameOfPart(part));
			if (whole.size > 0 && parts.length > 0) resumed++;
			received += sum(parts);
			whole = wholeParts(dest);
			const broken = parts.filter((part) => !whole.has(nameOfPart(part)));
			// A file that comes in one piece gets its name when its request is over and another one has begun.
			const pieces = broken.filter((part) => partsOf(keyOf(part), sizes[keyOf(part)] ?? 0).length === 1);
			expect(pieces.length).toBeLessThanOrEqual(requestsAtOnce);
			expect(broken.length - pieces.length).toBeLessThanOrEqual(requestsAtOnce);
			underWay += sum(broken);
			isNew = code !== null;
			if (!isNew) {
				killed++;
				continue;
			}
			expect(code, stderr).toBe(0);
			expect(broken).toEqual([]);
			// Where it is uncertain whether a process is gone, small temporary files stay for a day.
			const isCertain = process.platform === "linux";
			const contents = contentsOf(folder);
			if (isCertain) expect(contentsOf(dest)).toEqual(contents);
			else expect(contentsOf(dest)).toMatchObject(contents);
		}
		expect(resumed).toBeGreaterThan(0);
		expect(received).toBe(installs * all + underWay);
		expect(underWay).toBeLessThanOrEqual(kills * requestsAtOnce * partSize(all));
		const state = await runCliJson(["status", dest], { home });
		expect(state).toMatchObject({ topHash, different: false });
	}, 480_000);
});
