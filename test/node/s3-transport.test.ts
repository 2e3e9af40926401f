import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { nodeTransport } from "../../src/node/s3-transport.ts";
import { chooseSeed, randomFrom } from "../support/random.ts";

const smallBytes = 100;
const largeBytes = 200_000;

let server: Server;
let origin: string;

beforeEach(async () => {
	server = createServer((request, response) => {
		request.resume().on("end", () => {
			if (request.url !== "/broken") {
				response.end(Buffer.alloc(request.url === "/large" ? largeBytes : smallBytes));
				return;
			}
			response.writeHead(200, { "content-length": smallBytes });
			response.write(Buffer.alloc(smallBytes / 2));
			request.socket.end();
		});
	});
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
	server.closeAllConnections();
	await new Promise((resolve) => server.close(resolve));
});

async function read(target: string, signal: AbortSignal): Promise<void> {
	const headers = { host: origin.slice("http://".length) };
	const request = { method: "GET", origin, target, headers, body: undefined } as const;
	const reader = (await nodeTransport(request, signal)).stream().getReader();
	let missing = target === "/large" ? largeBytes : smallBytes;
	while (missing > 0) {
		const { done, value } = await reader.read();
		if (done) throw new TypeError("the body breaks off");
		missing -= value.length;
	}
	// Who has got all bytes does not wait for the end.
	await reader.cancel();
}

test("requests are aborted at any moment without an error that nobody can catch", async () => {
	const random = randomFrom(chooseSeed("aborts"));
	let aborted = 0;
	let finished = 0;
	for (let round = 0; round < 150; round++) {
		const stop = new AbortController();
		const stopAfter = random.integer(0, 12);
		let ended = 0;
		const reads = Array.from({ length: 12 }, async () => {
			await read(random.pick(["/large", "/small", "/broken"]), stop.signal).finally(async () => {
				for (let turn = random.integer(0, 5); turn > 0; turn--) await Promise.resolve();
				ended++;
				if (ended === stopAfter) stop.abort();
			});
		});
		if (stopAfter === 0) stop.abort();
		for (const { status } of await Promise.allSettled(reads)) {
			if (status === "rejected") aborted++;
			else finished++;
		}
	}
	expect(aborted).toBeGreaterThan(100);
	expect(finished).toBeGreaterThan(100);
});

test("a request that waits for a connection can be aborted, and takes none", async () => {
	server.removeAllListeners("request");
	const answers: (() => void)[] = [];
	server.on("request", (_request, response) => answers.push(() => response.end(Buffer.alloc(smallBytes))));
	const never = new AbortController().signal;
	const busy = Array.from({ length: 64 }, () => read("/small", never));
	await expect.poll(() => answers.length).toBe(64);
	const stop = new AbortController();
	const waiting = read("/small", stop.signal);
	const last = read("/small", never);
	stop.abort();
	await expect(waiting).rejects.toThrow();
	for (const answer of answers) answer();
	await Promise.all(busy);
	await expect.poll(() => answers.length).toBe(65);
	answers[64]?.();
	await last;
});

test("a request under a signal that was aborted before is not sent", async () => {
	await expect(read("/small", AbortSignal.abort())).rejects.toThrow();
});
