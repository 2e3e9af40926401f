import { describe, expect, test } from "vitest";
import { createHasher } from "../../src/core/hash.ts";
import { createNodeSha256 } from "../../src/node/node-digest.ts";
import { proxySettings } from "../../src/node/proxies.ts";
import { createPlainTransport, nodeTransport } from "../../src/node/s3-transport.ts";
import { collect } from "../../src/storage/byte-source.ts";
import { chunkedHash } from "../../src/storage/s3/checksum.ts";
import type { ObjectInfo, ReadOptions } from "../../src/storage/store.ts";
import { describeStore } from "../contract/store.ts";
import { onEachServer } from "../support/s3/servers.ts";

onEachServer((server, { traits, versioned }) => {
	const open = async (versions: boolean, prefix?: string) => ({
		store: server().openStore(
			await server().makeBucket({ versions }),
			prefix === undefined ? {} : { prefix },
		),
	});
	describeStore("S3Store", () => open(false), traits);
	describeStore("S3Store with versions", () => open(true), { ...traits, ...versioned });
	describeStore("S3Store below a prefix", () => open(false, "some/where"), traits);

	test("S3Store.versioning() tells what a bucket does now", async () => {
		const bucket = await server().makeBucket();
		const store = server().openStore(bucket);
		expect(await store.versioning()).toBe("none");
		expect(store.features.versions).toBe(false);
		await server().setVersioning(bucket, "Enabled");
		expect(await store.versioning()).toBe("enabled");
		expect(store.features.versions).toBe(true);
		await server().setVersioning(bucket, "Suspended");
		expect(await store.versioning()).toBe("suspended");
		expect(store.features.versions).toBe(false);
	});

	describe("S3Store", () => {
		const encoder = new TextEncoder();
		const mebibyte = 1024 * 1024;

		const all = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
			const found: T[] = [];
			for await (const item of items) found.push(item);
			return found;
		};

		/** Bytes that are cheap to make and differ everywhere. */
		const content = (size: number): Uint8Array => {
			const bytes = new Uint8Array(size);
			for (let index = 0; index < size; index += 4)
				new DataView(bytes.buffer).setUint8(index, (index / 4) % 251);
			return bytes;
		};

		test.each([8 * mebibyte - 1, 8 * mebibyte, 8 * mebibyte + 1, 17 * mebibyte])(
			"keeps the checksum of an object of %i bytes, which gives its content hash",
			async (size) => {
				const store = server().openStore(await server().makeBucket({ versions: true }));
				const bytes = content(size);
				const hasher = createHasher("sha2-256-chunked", size, createNodeSha256);
				hasher.update(bytes);
				const expected = hasher.digest();
				const written = await store.put("large", bytes);
				const found = await store.head("large");
				expect(written.versionId).toBeDefined();
				expect(found).toMatchObject({ size, etag: written.etag, versionId: written.versionId });
				expect(found?.checksum).toEqual(written.checksum);
				expect(chunkedHash(written.checksum!, size, createNodeSha256)).toEqual(expected);
				const object = await store.get("large");
				expect(Buffer.from(await collect(object!.body)).equals(bytes)).toBe(true);
			},
		);

		test("put() in parts honours conditions and leaves no upload behind", async () => {
			const bucket = await server().makeBucket();
			const store = server().openStore(bucket);
			const bytes = content(9 * mebibyte);
			const condition = { ifAbsent: true } as const;
			const { etag } = await store.put("large", bytes, { condition });
			await expect(store.put("large", bytes, { condition })).rejects.toMatchObject({ code: "Conflict" });
			await store.put("large", content(10 * mebibyte), { condition: { ifEtag: etag } });
			await expect(store.put("large", bytes, { condition: { ifEtag: etag } })).rejects.toMatchObject({
				code: "Conflict",
			});
			const torn = {
				size: bytes.length,
				open: () => new ReadableStream<Uint8Array>({ pull: (c) => c.close() }),
			};
			await expect(store.put("torn", torn)).rejects.toMatchObject({ code: "SourceChanged" });
			const listUploads = { action: "s3:ListBucketMultipartUploads", method: "GET", isRead: true } as const;
			const uploads = await server()
				.client(bucket)
				.expectDocument({ ...listUploads, query: [["uploads", ""]] }, (text) => text);
			expect(uploads).not.toContain("<Upload>");
		});

		test("put() in parts finds its version when the answer was lost", async () => {
			const bucket = await server().makeBucket({ versions: true });
			let lost = 0;
			const store = server().openStore(bucket, {
				sleep: () => Promise.resolve(),
				transport: async (request, signal) => {
					const response = await nodeTransport(request, signal);
					if (request.method !== "POST" || !request.target.includes("uploadId") || lost++ > 0)
						return response;
					response.discard();
					throw new Error("connection reset");
				},
			});
			const written = await store.put("large", content(9 * mebibyte), { condition: { ifAbsent: true } });
			expect(written.versionId).toBeDefined();
			expect(await store.head("large", { versionId: written.versionId! })).toMatchObject({
				etag: written.etag,
			});
		});

		test("put() asks check before the object appears", async () => {
			const store = server().openStore(await server().makeBucket());
			for (const size of [3, 9 * mebibyte]) {
				const check = (): never => {
					throw new TypeError("not these bytes");
				};
				await expect(store.put("checked", content(size), { check })).rejects.toThrow("not these bytes");
				expect(await store.head("checked")).toBeUndefined();
			}
		});

		test("reads versions, and knows none that is gone or malformed", async () => {
			const store = server().openStore(await server().makeBucket({ versions: true }));
			const one = await store.put("a", encoder.encode("one"));
			const two = await store.put("a", encoder.encode("three"));
			expect(one.versionId).not.toBe(two.versionId);
			const old = await store.get("a", { versionId: one.versionId! });
			expect(new TextDecoder().decode(await collect(old!.body))).toBe("one");
			expect(await store.head("a", { versionId: two.versionId! })).toMatchObject({ size: 5 });
			await store.delete("a");
			expect(await store.head("a")).toBeUndefined();
			expect(await store.head("a", { versionId: one.versionId! })).toMatchObject({ size: 3 });
			for (const versionId of ["null", "01M7YFFY7HADHRGYBZ24FPP1S5", "no version", "../x"]) {
				expect(await store.head("a", { versionId }), versionId).toBeUndefined();
				expect(await store.get("a", { versionId }), versionId).toBeUndefined();
			}
		});

		test("deliver() gives the bytes that get() gives, with the info before them", async () => {
			const bucket = await server().makeBucket({ versions: true });
			const plain = server().openStore(bucket, { transport: createPlainTransport(proxySettings({})) });
			for (const store of [server().openStore(bucket), plain]) {
				const old = await store.put("a", content(300_001));
				await store.put("a", encoder.encode("new"));
				const read = async (options: ReadOptions): Promise<Buffer | undefined> => {
					const chunks: Uint8Array[] = [];
					let told: ObjectInfo | undefined;
					const info = await store.deliver(
						"a",
						(first) => {
							told = first;
							return (chunk) => void chunks.push(new Uint8Array(chunk));
						},
						options,
					);
					expect(info).toBe(told);
					return info && Buffer.concat(chunks);
				};
				const version = { versionId: old.versionId! };
				for (const options of [
					{},
					version,
					{ range: { offset: 1, length: 2 } },
					{ range: { offset: 3, length: 0 } },
					{ ...version, range: { offset: 77_777, length: 200_000 } },
					{ versionId: "null" },
				]) {
					const object = await store.get("a", options);
					const expected = object && Buffer.from(await collect(object.body));
					expect(await read(options)).toEqual(expected);
				}
				const never = (): never => {
					throw new TypeError("not wanted");
				};
				expect(await store.deliver("none", never)).toBeUndefined();
				await expect(store.deliver("a", never)).rejects.toThrow("not wanted");
				await expect(store.deliver("a", () => never)).rejects.toThrow("not wanted");
				await expect(read({ range: { offset: 2, length: 9 } })).rejects.toMatchObject({
					code: "InvalidArgument",
				});
			}
		});

		test("listVersions() gives the latest version of what is there", async () => {
			const store = server().openStore(await server().makeBucket({ versions: true }));
			await store.put("d/a b+c%", encoder.encode("old"));
			const kept = await store.put("d/a b+c%", encoder.encode("new"));
			await store.put("d/gone", encoder.encode("x"));
			await store.delete("d/gone");
			await store.put("other", encoder.encode("x"));
			const found = await all(store.listVersions("d/"));
			expect(found).toMatchObject([{ key: "d/a b+c%", versionId: kept.versionId, size: 3 }]);
			const plain = server().openStore(await server().makeBucket());
			await plain.put("a", encoder.encode("x"));
			expect(await all(plain.listVersions(""))).toMatchObject([{ key: "a", versionId: "null" }]);
		});

		test("copyFrom() copies on the server, between buckets and from versions", async () => {
			const source = await server().makeBucket({ versions: true });
			const from = server().openStore(source);
			const to = server().openStore(await server().makeBucket({ versions: true }));
			const key = "odd key+%?#/ü";
			const { versionId } = await from.put(key, encoder.encode("first"));
			await from.put(key, encoder.encode("second"));
			const copied = await to.copyFrom({ bucket: source, key, versionId: versionId! }, "copy");
			expect(copied).toMatchObject({ size: 5 });
			expect(copied?.versionId).toBeDefined();
			const object = await to.get("copy");
			expect(new TextDecoder().decode(await collect(object!.body))).toBe("first");
			await expect(to.copyFrom({ bucket: source, key: "none" }, "x")).rejects.toMatchObject({
				code: "ObjectNotFound",
			});
		});

		test("tells a missing bucket, wrong keys and an endpoint that is not there apart", async () => {
			const missing = server().openStore("no-such-bucket-here");
			await expect(missing.get("a")).rejects.toMatchObject({ code: "ObjectNotFound" });
			await expect(missing.put("a", new Uint8Array())).rejects.toMatchObject({ code: "ObjectNotFound" });
			await expect(all(missing.list(""))).rejects.toMatchObject({ code: "ObjectNotFound" });
			const bucket = await server().makeBucket();
			const wrong = { accessKeyId: "someone", secretAccessKey: "wrong" };
			const stranger = server().openStore(bucket, { credentials: () => Promise.resolve(wrong) });
			await expect(stranger.get("a")).rejects.toMatchObject({ code: "AccessDenied" });
			await expect(stranger.put("a", new Uint8Array())).rejects.toMatchObject({ code: "AccessDenied" });
			const nobody = server().openStore(bucket, { credentials: undefined });
			await expect(nobody.put("a", new Uint8Array())).rejects.toMatchObject({
				code: "AccessDenied",
				details: { action: "s3:PutObject", key: "a", bucket },
			});
			const away = server().openStore(bucket, {
				endpoint: "http://127.0.0.1:9",
				sleep: () => Promise.resolve(),
			});
			await expect(away.head("a")).rejects.toMatchObject({ code: "StoreUnavailable" });
		});
	});
});
