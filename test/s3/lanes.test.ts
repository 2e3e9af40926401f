/** How many objects move at once: more where the service is far away, fewer where it asks to slow down. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { runCliJson } from "../support/cli.ts";
import { filesBelow } from "../support/files.ts";
import { startTestGateway } from "../support/s3/gateway.ts";
import { startProxy, type S3Proxy } from "../support/s3/proxy.ts";
import type { S3Server } from "../support/s3/server.ts";
import { temporaryDirectory } from "../support/temporary.ts";

const files = 150;

let server: S3Server;
let proxy: S3Proxy;
beforeAll(async () => {
	server = await startTestGateway();
});
afterEach(() => proxy.stop());
afterAll(() => server.stop());

/** Pushes a folder of small files through a proxy and installs them; gives the most objects that moved at once each time. */
async function move(delayMs: number, most: number, ...options: string[]) {
	proxy = await startProxy(server);
	const home = temporaryDirectory();
	const folder = join(home, "folder");
	mkdirSync(folder);
	for (let index = 0; index < files; index++) writeFileSync(join(folder, `f${index}`), `content ${index}`);
	let now = 0;
	let seen = 0;
	const begun = new WeakSet();
	proxy.plan = (request) => {
		if (!/f\d+$/.test(request.key)) return undefined;
		seen = Math.max(seen, now + 1);
		if (now >= most) return "slow-down";
		begun.add(request);
		now++;
		return undefined;
	};
	proxy.before = async (request) => {
		await setTimeout(delayMs);
		if (begun.has(request)) now--;
	};
	const registry = `s3://${await server.makeBucket({ versions: true })}`;
	const run = async (...args: string[]): Promise<number> => {
		seen = 0;
		await runCliJson([...args, "--registry", registry, ...options], {
			home,
			env: proxy.server.environment,
		});
		return seen;
	};
	const pushed = await run("push", "team/data", "--dir", folder);
	const target = join(home, "installed");
	const installed = await run("install", "team/data", "--dest", target);
	expect(filesBelow(target)).toHaveLength(files);
	return { pushed, installed, slowed: proxy.log.filter(({ fault }) => fault === "slow-down").length };
}

// So far away that a busy machine makes little difference.
test("a service that is far away gets more than 16", async () => {
	const { pushed, installed } = await move(600, Infinity);
	expect(pushed).toBeGreaterThan(20);
	expect(pushed).toBeLessThanOrEqual(64);
	expect(installed).toBeGreaterThan(20);
	expect(installed).toBeLessThanOrEqual(64);
});

test("as many as the user says", async () => {
	const { pushed, installed } = await move(20, Infinity, "--concurrency", "3");
	expect([pushed, installed]).toEqual([3, 3]);
});

test("one that asks to slow down gets less, and everything in the end", async () => {
	const { slowed } = await move(10, 4);
	expect(slowed).toBeGreaterThan(0);
	expect(slowed).toBeLessThan(files);
});
