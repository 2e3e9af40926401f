/** A network that fails all the time, between bale and a real server: every verb ends right or with a typed error. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { installPackage, isBaleError, listPackageVersions, Package, pushPackage } from "../../src/index.ts";
import { nodeTransport } from "../../src/node/s3-transport.ts";
import type { S3Store } from "../../src/storage/s3/s3-store.ts";
import type { Transport, TransportResponse } from "../../src/storage/s3/transport.ts";
import { chooseSeed, randomFrom } from "../support/random.ts";
import { temporaryDirectory } from "../support/temporary.ts";
import { onEachServer } from "../support/s3/servers.ts";
import type { S3Server } from "../support/s3/server.ts";

/** Fails `share` of all requests, in one of the ways that networks have. */
function faulty(random: () => number, share: number): Transport {
	return async (request, signal) => {
		if (random() >= share) return nodeTransport(request, signal);
		switch (Math.floor(random() * 5)) {
			case 0:
				throw new Error("connection refused");
			case 1: {
				// The server does the work, and the answer is lost.
				const response = await nodeTransport(request, signal);
				response.discard();
				throw new Error("connection reset");
			}
			case 2:
				return refusal(503, "SlowDown");
			case 3:
				return refusal(500, "InternalError");
			default:
				return truncated(await nodeTransport(request, signal), random);
		}
	};
}

function refusal(status: number, code: string): TransportResponse {
	const body = new TextEncoder().encode(`<Error><Code>${code}</Code><Message>injected</Message></Error>`);
	return {
		status,
		header: () => undefined,
		stream: () => new Response(body).body!,
		discard: () => undefined,
	};
}

/** The response with a body that breaks off somewhere. */
function truncated(response: TransportResponse, random: () => number): TransportResponse {
	return {
		...response,
		header: (name) => response.header(name),
		stream() {
			const reader = response.stream().getReader();
			return new ReadableStream<Uint8Array>({
				async pull(controller) {
					const { done, value } = await reader.read();
					if (!done) controller.enqueue(value.subarray(0, Math.floor(random() * value.length)));
					await reader.cancel();
					if (random() < 0.5) controller.close();
					else controller.error(new Error("connection reset"));
				},
			});
		},
	};
}

function store(server: S3Server, bucket: string, random: () => number, share: number): S3Store {
	return server.openStore(bucket, {
		transport: faulty(random, share),
		sleep: () => Promise.resolve(),
		random,
	});
}

function folder(files: Record<string, string | Uint8Array>): string {
	const directory = temporaryDirectory();
	for (const [name, content] of Object.entries(files)) {
		mkdirSync(dirname(join(directory, name)), { recursive: true });
		writeFileSync(join(directory, name), content);
	}
	return directory;
}

const codes = ["StoreUnavailable", "Conflict", "DestinationConflict"] as const;

onEachServer((server) => {
	describe.each([true, false])("with versions %s", (versions) => {
		test("push() and install() succeed with right bytes, or fail with a typed error and publish nothing wrong", async () => {
			const random = randomFrom(chooseSeed("faults"));
			const bucket = await server().makeBucket({ versions });
			const clean = server().openStore(bucket);
			let succeeded = 0;
			for (let round = 0; round < 12; round++) {
				const share = round % 3 === 0 ? 0.5 : 0.2;
				const files = {
					"a.txt": `round ${round}`,
					"same.txt": "always",
					"twin.txt": `round ${round}`,
					...(round % 4 === 0 ? { "large.bin": new Uint8Array(9 * 1024 * 1024).fill(round) } : {}),
				};
				const made = await new Package().setDir("", folder(files));
				const registry = store(server(), bucket, random, share);
				try {
					const { topHash } = await pushPackage(made, "team/data", { registry, force: true });
					succeeded++;
					expect((await Package.browse("team/data", { registry: clean })).topHash).toBe(topHash);
					const dest = temporaryDirectory();
					await installPackage("team/data", { registry, dest });
					for (const [name, content] of Object.entries(files)) {
						expect(readFileSync(join(dest, name)).equals(Buffer.from(content))).toBe(true);
					}
				} catch (error) {
					if (!isBaleError(error, ...codes)) throw error;
				}
			}
			expect(succeeded).toBeGreaterThan(3);
			for await (const [, topHash] of listPackageVersions("team/data", clean)) {
				const found = await Package.browse("team/data", { registry: clean, topHash });
				for (const [, entry] of found.walk()) expect((await entry.bytes()).length).toBe(entry.size);
			}
		}, 180_000);
	});
});
