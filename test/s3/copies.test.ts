/** Copies within the service: of any size, pinned, with the same hash on every server, and with right bytes where there are none. */
import { beforeAll, describe, expect, test } from "vitest";
import { createHasher, type Hash } from "../../src/core/hash.ts";
import { Package, pushPackage } from "../../src/index.ts";
import { createNodeSha256 } from "../../src/node/node-digest.ts";
import { nodeTransport } from "../../src/node/s3-transport.ts";
import type { S3Store } from "../../src/storage/s3/s3-store.ts";
import type { Transport, TransportRequest, TransportResponse } from "../../src/storage/s3/transport.ts";
import { claimBytes } from "../support/s3/claims.ts";
import { onEachServer } from "../support/s3/servers.ts";
import type { S3Server } from "../support/s3/server.ts";

let server: S3Server;

const mebibyte = 1024 * 1024;

/** Bytes whose parts all differ. */
function content(size: number, seed: number): Uint8Array {
	const words = new Uint32Array(Math.ceil(size / 4));
	for (let index = 0; index < words.length; index++) words[index] = Math.imul(index + seed, 2654435761);
	return new Uint8Array(words.buffer, 0, size);
}

function hashOf(bytes: Uint8Array): Hash {
	const hasher = createHasher("sha2-256-chunked", bytes.length, createNodeSha256);
	hasher.update(bytes);
	return hasher.digest();
}

function answer(status: number, code: string): TransportResponse {
	const body = new TextEncoder().encode(`<Error><Code>${code}</Code><Message>injected</Message></Error>`);
	return {
		status,
		header: () => undefined,
		stream: () => new Response(body).body!,
		discard: () => undefined,
	};
}

/** A store that notes its requests for data, but not those that only take a place for a copy; `instead` may answer some of them itself. */
function watched(
	bucket: string,
	instead: (request: TransportRequest, kind: string) => TransportResponse | undefined = () => undefined,
): { store: S3Store; sent: () => string[]; sentBytes: () => number } {
	const log: string[] = [];
	let bytes = 0;
	const transport: Transport = (request, signal) => {
		const kind = "x-amz-copy-source" in request.headers ? "COPY" : request.method;
		const key = request.target.slice(bucket.length + 2);
		if (!key.startsWith(".") && !key.startsWith("?") && request.body?.length !== claimBytes) {
			if (kind === "PUT") bytes += request.body?.length ?? 0;
			if (kind !== "HEAD") log.push(`${kind} ${key.replace(/\?.*/, "")}`);
		}
		const own = instead(request, kind);
		return own === undefined ? nodeTransport(request, signal) : Promise.resolve(own);
	};
	const store = server.openStore(bucket, { transport, sleep: () => Promise.resolve() });
	return { store, sent: () => log.splice(0), sentBytes: () => bytes };
}

async function packageOf(bucket: string, files: Record<string, Uint8Array>): Promise<Package> {
	const store = server.openStore(bucket);
	for (const [key, bytes] of Object.entries(files)) await store.put(`from/${key}`, bytes);
	return new Package().setDir("", `s3://${bucket}/from/`);
}

onEachServer((current) => {
	beforeAll(() => {
		server = current();
	});

	describe.each([true, false])("with versions %s", (versions) => {
		test.each([8 * mebibyte - 1, 8 * mebibyte, 8 * mebibyte + 1, 20 * mebibyte])(
			"push() copies an object of %i bytes to another bucket without its bytes passing through here",
			async (size) => {
				const bytes = content(size, size);
				const made = await packageOf(await server.makeBucket({ versions }), { large: bytes });
				const { store, sent, sentBytes } = watched(await server.makeBucket({ versions }));
				const { package: pushed } = await pushPackage(made, "team/data", { registry: store });
				expect(sentBytes()).toBe(0);
				expect(sent().filter((line) => line.startsWith("COPY")).length).toBeGreaterThan(0);
				expect(pushed.entry("large").hash).toEqual(hashOf(bytes));
				expect(Buffer.from(await pushed.entry("large").bytes()).equals(Buffer.from(bytes))).toBe(true);
			},
			60_000,
		);

		test("push() sends equal large files once", async () => {
			const bytes = content(9 * mebibyte, 1);
			const { store, sentBytes } = watched(await server.makeBucket({ versions }));
			const made = new Package();
			await made.set("one", bytes);
			await made.set("two", bytes.slice());
			const { package: pushed } = await pushPackage(made, "team/data", { registry: store });
			expect(sentBytes()).toBe(bytes.length);
			expect(pushed.entry("two").hash).toEqual(pushed.entry("one").hash);
			const moved = new Package();
			await moved.set("three", bytes.slice());
			await pushPackage(moved, "team/data", { registry: store, force: true });
			expect(sentBytes()).toBe(bytes.length);
		}, 60_000);
	});

	test.each([
		["403", 403, "AccessDenied"],
		["501", 501, "NotImplemented"],
		["400", 400, "InvalidRequest"],
		["a bucket that is not there", 404, "NoSuchBucket"],
	])(
		"push() passes the bytes through when copies are refused with %s",
		async (_title, status, code) => {
			const files = { small: content(1000, 1), large: content(9 * mebibyte, 2) };
			const made = await packageOf(await server.makeBucket(), files);
			const bucket = await server.makeBucket();
			const { store } = watched(bucket, (_request, kind) =>
				kind === "COPY" ? answer(status, code) : undefined,
			);
			const { package: pushed } = await pushPackage(made, "team/data", { registry: store });
			for (const [key, bytes] of Object.entries(files)) {
				expect(pushed.entry(key).hash).toEqual(hashOf(bytes));
				expect(Buffer.from(await pushed.entry(key).bytes()).equals(Buffer.from(bytes))).toBe(true);
			}
			const uploads = { action: "s3:ListBucketMultipartUploads", method: "GET", isRead: true } as const;
			expect(
				await server.client(bucket).expectDocument({ ...uploads, query: [["uploads", ""]] }, (text) => text),
			).not.toContain("<Upload>");
		},
		60_000,
	);

	test("copyFrom() does not copy from the same name at another service", async () => {
		const store = server.openStore(await server.makeBucket());
		await store.put("here", content(10, 1));
		const source = { bucket: store.root.bucket, key: "here" };
		expect(await store.copyFrom({ ...source, service: "aws" }, "there")).toBeUndefined();
		expect(await store.copyFrom({ ...source, service: store.service }, "there")).toMatchObject({ size: 10 });
	});

	test.each([10, 9 * mebibyte])(
		"copyFrom() lets one of two copies of %i bytes that want the same free place have it",
		async (size) => {
			const bucket = await server.makeBucket();
			const store = server.openStore(bucket);
			const contents = [content(size, 1), content(size, 2)];
			// Both have looked at the place before either writes anything.
			let waiting = 0;
			let release = (): void => undefined;
			const bothAreHere = new Promise<void>((resolve) => (release = resolve));
			const copies = await Promise.allSettled(
				contents.map(async (bytes, index) => {
					const { etag } = await store.put(`from ${index}`, bytes);
					let isFirst = true;
					const transport: Transport = async (request, signal) => {
						if (!["GET", "HEAD"].includes(request.method) && isFirst) {
							isFirst = false;
							if (++waiting === contents.length) release();
							await bothAreHere;
						}
						return nodeTransport(request, signal);
					};
					const source = { bucket, key: `from ${index}`, etag, size };
					return server
						.openStore(bucket, { transport })
						.copyFrom(source, "there", { condition: { ifAbsent: true } });
				}),
			);
			const won = copies.findIndex(({ status }) => status === "fulfilled");
			expect(copies[1 - won]).toMatchObject({ status: "rejected", reason: { code: "Conflict" } });
			const found = await new Response((await store.get("there"))?.body).arrayBuffer();
			expect(Buffer.from(found).equals(Buffer.from(contents[won] ?? []))).toBe(true);
			for await (const upload of store.listUploads()) expect(upload).toBeUndefined();
		},
		60_000,
	);

	test("copyFrom() copies only the state that is meant", async () => {
		const store = server.openStore(await server.makeBucket());
		for (const size of [10, 9 * mebibyte]) {
			const { etag } = await store.put("here", content(size, 1));
			await store.put("here", content(size, 2));
			const source = { bucket: store.root.bucket, key: "here", etag, size };
			for (const options of [{}, { condition: { ifAbsent: true } as const }]) {
				await expect(store.copyFrom(source, "there", options)).rejects.toMatchObject({
					code: "SourceChanged",
				});
				expect(await store.head("there")).toBeUndefined();
			}
		}
	});

	test("copyFrom() takes no delete marker for an object, unless nothing may ever have been there", async () => {
		const bucket = await server.makeBucket({ versions: true });
		const store = server.openStore(bucket);
		for (const size of [10, 9 * mebibyte]) {
			const bytes = content(size, 3);
			const { etag } = await store.put("from", bytes);
			const source = { bucket, key: "from", etag, size };
			for (const key of [`taken ${size}`, `deleted ${size}`]) await store.put(key, content(5, 1));
			await store.delete(`deleted ${size}`);
			const condition = { ifAbsent: true } as const;
			await expect(store.copyFrom(source, `taken ${size}`, { condition })).rejects.toMatchObject({
				code: "Conflict",
			});
			expect(await store.copyFrom(source, `deleted ${size}`, { condition })).toMatchObject({ size });
			const copy = await store.get(`deleted ${size}`);
			const copied = new Uint8Array(await new Response(copy?.body).arrayBuffer());
			expect(Buffer.from(copied).equals(Buffer.from(bytes))).toBe(true);
			await store.delete(`deleted ${size}`);
			const never = store.copyFrom(source, `deleted ${size}`, {
				condition: { ...condition, neverThere: true },
			});
			// A service that sees no marker copies, the others refuse.
			const [outcome] = await Promise.allSettled([never]);
			if (outcome.status === "rejected") expect(outcome.reason).toMatchObject({ code: "Conflict" });
		}
		for await (const upload of store.listUploads()) expect(upload).toBeUndefined();
	}, 60_000);

	test("copyFrom() believes no checksums that are those of the whole source", async () => {
		const size = 17 * mebibyte;
		const bytes = content(size, 5);
		const { store } = watched(await server.makeBucket());
		// Sent whole, as other tools do it: this server then answers each part with the checksum of everything.
		const client = server.client(store.root.bucket);
		const sha256 = client.sha256(bytes);
		const headers = { "x-amz-checksum-sha256": Buffer.from(sha256).toString("base64") };
		const put = { action: "s3:PutObject", method: "PUT", key: "whole", headers, isRead: false } as const;
		(await client.expect({ ...put, body: { bytes, sha256 } })).discard();
		const made = new Package();
		await made.set("whole", `s3://${store.root.bucket}/whole`);
		const { package: pushed } = await pushPackage(made, "team/data", { registry: store, selector: "all" });
		expect(pushed.entry("whole").hash).toEqual(hashOf(bytes));
	}, 60_000);
});
