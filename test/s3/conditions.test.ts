/** Servers that ignore or refuse the conditions of writes: it is found out once, said, and nothing is overwritten unseen. */
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { Package, pushPackage, revisions, type ProgressEvent } from "../../src/index.ts";
import { createNodeSha256 } from "../../src/node/node-digest.ts";
import { nodeTransport } from "../../src/node/s3-transport.ts";
import { FileServiceMemory } from "../../src/node/service-memory.ts";
import { collect } from "../../src/storage/byte-source.ts";
import type { S3Store, S3StoreOptions } from "../../src/storage/s3/s3-store.ts";
import { Signer } from "../../src/storage/s3/signature.ts";
import type { Transport } from "../../src/storage/s3/transport.ts";
import { temporaryDirectory } from "../support/temporary.ts";
import { onEachServer } from "../support/s3/servers.ts";
import type { S3Server } from "../support/s3/server.ts";

let server: S3Server;

const encoder = new TextEncoder();

/** Takes the conditions off each request, as a server does that does not know them. */
const ignoring: Transport = (request, signal) => {
	const { "if-match": match, "if-none-match": none, authorization: _old, ...headers } = request.headers;
	if (request.method === "GET" || (match === undefined && none === undefined))
		return nodeTransport(request, signal);
	const [path = "", query = ""] = request.target.split("?");
	const payloadHash = headers["x-amz-content-sha256"] ?? "";
	const signed = new Signer(createNodeSha256).sign(
		{ method: request.method, path, query, headers, payloadHash },
		server.credentials,
		{ region: "us-east-1", time: Date.now() },
	);
	return nodeTransport({ ...request, headers: signed }, signal);
};

const refusing: Transport = (request, signal) => {
	const hasCondition = "if-match" in request.headers || "if-none-match" in request.headers;
	if (request.method === "GET" || !hasCondition) return nodeTransport(request, signal);
	const body = "<Error><Code>NotImplemented</Code></Error>";
	return Promise.resolve({
		status: 501,
		header: () => undefined,
		discard: () => undefined,
		stream: () => new Response(body).body!,
	});
};

function open(
	bucket: string,
	transport: Transport,
	more: Partial<S3StoreOptions> = {},
): { store: S3Store; requests: string[] } {
	const requests: string[] = [];
	const store = server.openStore(bucket, {
		transport: (request, signal) => {
			requests.push(`${request.method} ${request.target.slice(bucket.length + 2)}`);
			return transport(request, signal);
		},
		...more,
	});
	return { store, requests };
}

/** Servers that take no condition of a deletion. */
const ignoresDeletions = new Set(["minio"]);

onEachServer((current, { name }) => {
	beforeAll(() => {
		server = current();
	});

	describe.each([
		["ignores conditions", ignoring],
		["refuses conditions", refusing],
	])("on a server that %s", (_title, transport) => {
		test("it is found out, remembered and said, and publishing works", async () => {
			const bucket = await server.makeBucket();
			const memory = new FileServiceMemory(join(temporaryDirectory(), "services"));
			const { store, requests } = open(bucket, transport, { memory });
			const warnings: string[] = [];
			const onProgress = (event: ProgressEvent): void => {
				if (event.kind === "warning") warnings.push(event.code);
			};
			for (const text of ["one", "two"]) {
				const made = new Package();
				await made.set("a", encoder.encode(text));
				await pushPackage(made, "team/data", { registry: store, force: true, onProgress });
			}
			expect(warnings).toEqual(["NoConditions", "NoConditions"]);
			expect(store.features.conditions).toBe(false);
			const found: string[] = [];
			for await (const { latest } of revisions("team/data", store)) found.push(String(latest));
			expect(found).toEqual(["true", "false"]);
			const probes = (of: readonly string[]): string[] =>
				of.filter((line) => line.includes(".bale/conditions"));
			expect(probes(requests).length).toBeLessThanOrEqual(2);
			const later = open(bucket, transport, { memory });
			expect(await later.store.detectConditions()).toBe(false);
			expect(later.requests).toEqual([]);
		});

		test("put() looks before and after", async () => {
			const bucket = await server.makeBucket();
			const { store } = open(bucket, transport);
			await store.detectConditions();
			const { etag } = await store.put("a", encoder.encode("one"), { condition: { ifAbsent: true } });
			await expect(
				store.put("a", encoder.encode("two"), { condition: { ifAbsent: true } }),
			).rejects.toMatchObject({ code: "Conflict" });
			await store.put("a", encoder.encode("two"), { condition: { ifEtag: etag } });
			await expect(
				store.put("a", encoder.encode("three"), { condition: { ifEtag: etag } }),
			).rejects.toMatchObject({ code: "Conflict" });
			expect(new TextDecoder().decode(await collect((await store.get("a"))!.body))).toBe("two");
		});

		test("put() tells who has lost a race", async () => {
			const bucket = await server.makeBucket();
			const other = server.openStore(bucket);
			const { etag } = await other.put("a", encoder.encode("one"));
			const { store } = open(bucket, transport, {
				sleep: async () => {
					await other.put("a", encoder.encode("theirs"));
				},
			});
			await store.detectConditions();
			await expect(
				store.put("a", encoder.encode("ours"), { condition: { ifEtag: etag } }),
			).rejects.toMatchObject({ code: "Conflict" });
		});
	});

	test("delete() with ifEtag deletes that object, whatever the server makes of the condition", async () => {
		for (const transport of [nodeTransport, ignoring, refusing]) {
			const bucket = await server.makeBucket();
			const { store, requests } = open(bucket, transport);
			const { etag } = await store.put("a", encoder.encode("one"));
			await store.put("a", encoder.encode("two"));
			await store.delete("a", { ifEtag: etag });
			const left = await store.head("a");
			expect(left).toMatchObject({ size: 3 });
			await store.delete("a", { ifEtag: left?.etag ?? "" });
			expect(await store.head("a")).toBeUndefined();
			const deletions = requests.filter((line) => line.startsWith("DELETE"));
			expect(deletions).toHaveLength(transport === refusing ? 2 : 1);
		}
	});

	test("delete() with ifEtag ends, whatever the server answers", async () => {
		const bucket = await server.makeBucket();
		const { etag } = await server.openStore(bucket).put("a", encoder.encode("one"));
		for (const statuses of [[409, 409, 409, 409, 409, 412], [412], [400], [409]]) {
			let asked = 0;
			const { store } = open(
				bucket,
				(request, signal) => {
					if (request.method !== "DELETE") return nodeTransport(request, signal);
					const status = statuses[asked++ % statuses.length] ?? 0;
					return Promise.resolve({
						status,
						header: () => undefined,
						discard: () => undefined,
						stream: () => new Response("<Error><Code>Refused</Code></Error>").body!,
					});
				},
				{ sleep: () => Promise.resolve() },
			);
			await expect(store.delete("a", { ifEtag: etag })).rejects.toMatchObject({ name: "BaleError" });
			expect(asked).toBeLessThan(10);
		}
		expect((await server.openStore(bucket).head("a"))?.size).toBe(3);
	});

	test("delete() with ifEtag leaves what comes after it has looked, where the server honours the condition", async () => {
		const bucket = await server.makeBucket();
		const other = server.openStore(bucket);
		const { etag } = await other.put("a", encoder.encode("one"));
		const { store } = open(bucket, async (request, signal) => {
			if (request.method === "DELETE") await other.put("a", encoder.encode("theirs"));
			return nodeTransport(request, signal);
		});
		await store.delete("a", { ifEtag: etag });
		expect((await other.head("a"))?.size).toBe(ignoresDeletions.has(name) ? undefined : 6);
	});

	test("a server that honours conditions is asked once, and not at all when a write has shown it", async () => {
		const bucket = await server.makeBucket();
		const memory = new FileServiceMemory(join(temporaryDirectory(), "services"));
		const first = open(bucket, nodeTransport, { memory });
		expect(await first.store.detectConditions()).toBe(true);
		expect(first.requests).toHaveLength(3);
		expect(await first.store.detectConditions()).toBe(true);
		const second = open(bucket, nodeTransport, { memory });
		expect(await second.store.detectConditions()).toBe(true);
		expect(second.requests).toHaveLength(0);
		const shown = open(bucket, nodeTransport);
		await shown.store.put("a", encoder.encode("one"));
		const again = shown.store.put("a", encoder.encode("two"), { condition: { ifAbsent: true } });
		await expect(again).rejects.toMatchObject({ code: "Conflict" });
		const { length } = shown.requests;
		expect(await shown.store.detectConditions()).toBe(true);
		expect(shown.requests).toHaveLength(length);
	});
});
