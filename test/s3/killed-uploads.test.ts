/**
 * The built command pushes a large file and is killed (SIGKILL) again and again: what has arrived is not sent again, and no
 * upload is left in the end.
 */
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { partSize } from "../../src/core/hash.ts";
import { partsAtOnce } from "../../src/storage/s3/multipart.ts";
import { runCli, runCliJson } from "../support/cli.ts";
import { filesBelow } from "../support/files.ts";
import { chooseSeed, randomFrom } from "../support/random.ts";
import { chooseKillPoint, runKilled } from "../support/s3/killing.ts";
import { startProxy, type LoggedRequest, type S3Proxy } from "../support/s3/proxy.ts";
import { onEachServer } from "../support/s3/servers.ts";
import { expectSound } from "../support/s3/sound-bucket.ts";
import { temporaryDirectory } from "../support/temporary.ts";

const mebibyte = 1024 * 1024;
const size = 121 * mebibyte + 4321;

/** Gives every part of the file other bytes. */
function stamp(path: string, text: string): void {
	const file = openSync(path, "r+");
	for (let offset = 0; offset < size; offset += partSize(size)) writeSync(file, `${text} ${offset}`, offset);
	closeSync(file);
}

/** The parts that the journals of a home directory say have arrived; undefined: there is no journal. */
function recordedParts(home: string): Set<string> | undefined {
	const directory = join(home, ".local/share/bale/uploads");
	const names = filesBelow(directory);
	if (names.length === 0) return undefined;
	const texts = names.map((name) => readFileSync(join(directory, name), "utf8"));
	return new Set(
		texts.flatMap((text) => [...text.matchAll(/"number":(\d+)/g)].map(([, number = ""]) => number)),
	);
}

const sum = (requests: readonly LoggedRequest[]): number => requests.reduce((all, { sent }) => all + sent, 0);
const numberOf = ({ query }: LoggedRequest): string => query.get("partNumber") ?? "";

onEachServer((server, kind) => {
	const kills = kind.name === "versitygw" ? 50 : 20;
	let proxy: S3Proxy;
	beforeAll(async () => {
		proxy = await startProxy(server());
	});
	afterAll(() => proxy.stop());

	test(`a push that is killed ${kills} times sends nothing twice but the parts that were under way`, async () => {
		const random = randomFrom(chooseSeed("killed uploads"));
		const bucket = await server().makeBucket({ versions: true });
		const home = join(temporaryDirectory(), "home");
		const folder = join(home, "folder");
		mkdirSync(folder, { recursive: true });
		const path = join(folder, "large.bin");
		writeFileSync(path, Buffer.alloc(size, "a large file "));
		const push = ["push", "team/data", "--dir", folder, "--force", "--registry"];
		const options = { home, env: { ...proxy.server.environment, BALE_DURABILITY: "process" } };

		let killed = 0;
		let contents = 0;
		let sent = 0;
		let underWay = 0;
		let resumed = 0;
		let isNew = true;
		let arrived = new Set<string>();
		while (killed < kills || !isNew) {
			if (isNew) {
				stamp(path, `content ${contents++}`);
				arrived = new Set();
			}
			const point = killed < kills ? chooseKillPoint(random, 8 * partSize(size), 16) : undefined;
			const { code, stderr, requests } = await runKilled(proxy, [...push, `s3://${bucket}`], options, point);
			const parts = requests.filter(({ operation }) => operation === "UploadPart");
			sent += sum(parts);
			if (arrived.size > 0 && parts.length > 0) resumed++;
			for (const part of parts) expect(arrived).not.toContain(numberOf(part));
			isNew = code !== null;
			if (isNew) {
				expect(code, stderr).toBe(0);
				continue;
			}
			killed++;
			const recorded = recordedParts(home);
			// Without a journal everything has arrived, or nothing was sent yet.
			if (recorded === undefined) continue;
			const unknown = parts.filter((part) => !recorded.has(numberOf(part)));
			expect(unknown.length).toBeLessThanOrEqual(partsAtOnce);
			underWay += sum(unknown);
			arrived = recorded;
		}
		expect(resumed).toBeGreaterThan(0);
		expect(sent).toBeGreaterThanOrEqual(contents * size);
		expect(sent).toBeLessThanOrEqual(contents * size + underWay);
		expect(underWay).toBeLessThanOrEqual(kills * partsAtOnce * partSize(size));

		const store = server().openStore(bucket);
		for await (const { key } of store.listUploads()) expect.unreachable(`an upload of ${key} was left`);
		const { pointers } = await expectSound(store, "team/data");
		const here = await runCliJson([...push, join(home, "registry")], { home });
		expect(pointers.get("latest")).toBe(here["topHash"]);
	}, 480_000);

	test("a push that is killed while the server makes the object of its parts sends nothing again", async () => {
		const bucket = await server().makeBucket({ versions: true });
		const home = join(temporaryDirectory(), "home");
		const folder = join(home, "folder");
		mkdirSync(folder, { recursive: true });
		writeFileSync(join(folder, "large.bin"), Buffer.alloc(40 * mebibyte, "a large file "));
		const push = ["push", "team/data", "--dir", folder, "--registry", `s3://${bucket}`];
		const options = { home, env: { ...proxy.server.environment } };
		const killed = new AbortController();
		proxy.clear();
		proxy.before = ({ operation }) => {
			if (operation === "CompleteMultipartUpload") killed.abort();
			return Promise.resolve();
		};
		const first = await runCli(push, { ...options, signal: killed.signal, killSignal: "SIGKILL" });
		proxy.before = () => Promise.resolve();
		await proxy.settled();
		expect(first.code).toBeNull();
		expect(proxy.clear().filter(({ operation }) => operation === "UploadPart")).toHaveLength(5);
		const store = server().openStore(bucket);
		expect(await store.head("team/data/large.bin")).toBeDefined();
		await runCliJson(push, options);
		const operations = proxy.clear().map(({ operation }) => operation);
		expect(operations).not.toContain("CreateMultipartUpload");
		expect(operations).not.toContain("UploadPart");
		for await (const { key } of store.listUploads()) expect.unreachable(`an upload of ${key} was left`);
		await expectSound(store, "team/data");
	});
});
