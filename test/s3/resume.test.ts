/** Uploads that were broken off: what has arrived is not sent again, and nothing is left of those that nobody goes on with. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { Package, pushPackage } from "../../src/index.ts";
import { createNodeSha256 } from "../../src/node/node-digest.ts";
import { nodeTransport } from "../../src/node/s3-transport.ts";
import { FileJournal } from "../../src/node/upload-journal.ts";
import { bytesSource, collect } from "../../src/storage/byte-source.ts";
import { chunkedHash } from "../../src/storage/s3/checksum.ts";
import type { S3Store, S3StoreOptions } from "../../src/storage/s3/s3-store.ts";
import type { TransportRequest, TransportResponse } from "../../src/storage/s3/transport.ts";
import { temporaryDirectory } from "../support/temporary.ts";
import type { CopySource } from "../../src/storage/store.ts";
import { onEachServer } from "../support/s3/servers.ts";
import type { S3Server } from "../support/s3/server.ts";
import { createHasher } from "../../src/core/hash.ts";

let server: S3Server;

const mebibyte = 1024 * 1024;
const parts = 5;

function content(seed: number): Uint8Array {
	const words = new Uint32Array((parts * 8 * mebibyte) / 4 - 100);
	for (let index = 0; index < words.length; index++) words[index] = Math.imul(index + seed, 2654435761);
	return new Uint8Array(words.buffer);
}

type Fault = (partNumber: number) => "drop" | "abort" | undefined;

/** A store with a journal that counts the parts it sends; `fault` may keep one from arriving. */
function open(
	bucket: string,
	directory: string,
	fault: Fault = () => undefined,
	more: Partial<S3StoreOptions> = {},
): { store: S3Store; sent: number[]; stop: AbortController; journal: string } {
	const sent: number[] = [];
	const stop = new AbortController();
	const journal = join(directory, "uploads");
	const store = server.openStore(bucket, {
		journal: new FileJournal(journal),
		sleep: () => Promise.resolve(),
		transport: async (request, signal) => {
			const part = /partNumber=(\d+)/.exec(request.target)?.[1];
			if (part === undefined || request.method !== "PUT") return nodeTransport(request, signal);
			const found = fault(Number(part));
			if (found === "abort") stop.abort();
			if (found !== undefined) throw new Error("connection reset");
			sent.push(Number(part));
			return nodeTransport(request, signal);
		},
		...more,
	});
	return { store, sent, stop, journal };
}

async function uploadsOf(bucket: string): Promise<string[]> {
	const found: string[] = [];
	for await (const { key } of server.openStore(bucket).listUploads()) found.push(key);
	return found;
}

async function expectObject(store: S3Store, bytes: Uint8Array): Promise<void> {
	const object = await store.get("large");
	expect(Buffer.from(await collect(object!.body)).equals(Buffer.from(bytes))).toBe(true);
	const info = await store.head("large");
	const hasher = createHasher("sha2-256-chunked", bytes.length, createNodeSha256);
	hasher.update(bytes);
	expect(chunkedHash(info!.checksum!, bytes.length, createNodeSha256)).toEqual(hasher.digest());
}

const isCompletion = ({ method, target }: TransportRequest): boolean =>
	method === "POST" && target.includes("uploadId=");

const names = (directory: string): string[] => readdirSync(directory);

onEachServer((current, kind) => {
	beforeAll(() => {
		server = current();
	});

	describe("put() after it was broken off", () => {
		test.each([
			["interrupted", "abort", "Aborted"],
			["without the network", "drop", "StoreUnavailable"],
		] as const)(
			"%s sends only the parts that had not arrived",
			async (_title, fault, code) => {
				const bucket = await server.makeBucket();
				const directory = temporaryDirectory();
				const bytes = content(1);
				const first = open(bucket, directory, (part) => (part === parts ? fault : undefined));
				const broken = first.store.put("large", bytesSource(bytes), { signal: first.stop.signal });
				await expect(broken).rejects.toMatchObject({ code });
				expect(await uploadsOf(bucket)).toEqual(["large"]);
				const second = open(bucket, directory);
				await second.store.put("large", bytesSource(bytes));
				expect(second.sent).not.toEqual([]);
				expect(second.sent).toContain(parts);
				expect(second.sent.length).toBeLessThan(parts);
				await expectObject(second.store, bytes);
				expect(await uploadsOf(bucket)).toEqual([]);
				expect(names(second.journal)).toEqual([]);
			},
			60_000,
		);

		test("sends the parts again whose bytes have changed", async () => {
			const bucket = await server.makeBucket();
			const directory = temporaryDirectory();
			const bytes = content(1);
			const first = open(bucket, directory, (part) => (part === parts ? "drop" : undefined));
			await expect(first.store.put("large", bytesSource(bytes))).rejects.toThrow();
			const changed = bytes.slice();
			changed[0] = (changed[0] ?? 0) ^ 1;
			const second = open(bucket, directory);
			await second.store.put("large", bytesSource(changed));
			expect(second.sent).toContain(1);
			await expectObject(second.store, changed);
			expect(await uploadsOf(bucket)).toEqual([]);
		}, 60_000);

		test.each([
			["of another size", 9 * mebibyte],
			["that is small", 10],
		])(
			"aborts the old upload when the content is one %s",
			async (_title, size) => {
				const bucket = await server.makeBucket();
				const directory = temporaryDirectory();
				const first = open(bucket, directory, (part) => (part === parts ? "drop" : undefined));
				await expect(first.store.put("large", bytesSource(content(1)))).rejects.toThrow();
				const second = open(bucket, directory);
				await second.store.put("large", new Uint8Array(size));
				expect(await uploadsOf(bucket)).toEqual([]);
				expect(names(second.journal)).toEqual([]);
			},
			60_000,
		);

		test("trusts the ETag that was recorded where the server tells no checksums of parts", async () => {
			const bucket = await server.makeBucket();
			const directory = temporaryDirectory();
			const bytes = content(1);
			const first = open(bucket, directory, (part) => (part === parts ? "drop" : undefined));
			await expect(first.store.put("large", bytesSource(bytes))).rejects.toThrow();
			let sent = 0;
			const second = open(bucket, directory, undefined, {
				transport: async (request, signal) => {
					if (request.method === "PUT") sent++;
					const response = await nodeTransport(request, signal);
					return request.method === "GET" && request.target.includes("uploadId")
						? withoutChecksums(response)
						: response;
				},
			});
			await second.store.put("large", bytesSource(bytes));
			expect(sent).toBeGreaterThan(0);
			expect(sent).toBeLessThan(parts);
			await expectObject(second.store, bytes);
		}, 60_000);

		test("begins anew when the upload is gone, before it goes on or while it does", async () => {
			const bucket = await server.makeBucket();
			const directory = temporaryDirectory();
			const bytes = content(1);
			const abortAll = async (): Promise<void> => {
				const store = server.openStore(bucket);
				for await (const upload of store.listUploads()) await store.abortUpload(upload);
			};
			const first = open(bucket, directory, (part) => (part === parts ? "drop" : undefined));
			await expect(first.store.put("large", bytesSource(bytes))).rejects.toThrow();
			await abortAll();
			let aborted = false;
			const second = open(bucket, directory, undefined, {
				transport: async (request, signal) => {
					if (aborted || !request.target.includes("partNumber=5")) return nodeTransport(request, signal);
					aborted = true;
					await abortAll();
					const body = "<Error><Code>NoSuchUpload</Code></Error>";
					return {
						status: 404,
						header: () => undefined,
						discard: () => undefined,
						stream: () => new Response(body).body!,
					};
				},
			});
			await second.store.put("large", bytesSource(bytes));
			expect(aborted).toBe(true);
			await expectObject(second.store, bytes);
			expect(await uploadsOf(bucket)).toEqual([]);
		}, 60_000);

		test("aborts an upload whose answer with the id was lost", async () => {
			const bucket = await server.makeBucket();
			const directory = temporaryDirectory();
			const lost = open(bucket, directory, undefined, {
				transport: async (request, signal) => {
					const response = await nodeTransport(request, signal);
					if (!request.target.endsWith("?uploads=")) return response;
					response.discard();
					throw new Error("connection reset");
				},
			});
			await expect(lost.store.put("large", bytesSource(content(1)))).rejects.toThrow();
			expect((await uploadsOf(bucket)).length).toBeGreaterThan(1);
			await open(bucket, directory).store.put("large", bytesSource(content(1)));
			expect(await uploadsOf(bucket)).toEqual([]);
		}, 60_000);

		describe("while the server made the object of the parts", () => {
			/** A store whose process ends when it asks for the object; `request` carries that out, and `more` keeps it from that. */
			function endsThere(bucket: string, directory: string, more: "done" | "held") {
				let request = (): Promise<unknown> => Promise.resolve();
				const first = open(bucket, directory, undefined, {
					transport: async (asked, signal) => {
						if (!isCompletion(asked)) return nodeTransport(asked, signal);
						request = async () => (await nodeTransport(asked, undefined)).discard();
						if (more === "done") await request();
						first.stop.abort();
						throw new Error("the process has ended");
					},
				});
				return { ...first, request: () => request() };
			}
			/** A store that notes what it asks for; `before` may wait. */
			function noting(
				bucket: string,
				directory: string,
				before: (asked: TransportRequest) => Promise<unknown>,
			) {
				const log: string[] = [];
				const second = open(bucket, directory, undefined, {
					transport: async (asked, signal) => {
						await before(asked);
						log.push(isCompletion(asked) ? "complete" : asked.method);
						return nodeTransport(asked, signal);
					},
				});
				return { ...second, log };
			}
			const nothing = () => Promise.resolve();

			test.each([true, false])(
				"sends nothing when the object is there (versions: %s)",
				async (versions) => {
					const bucket = await server.makeBucket({ versions });
					const directory = temporaryDirectory();
					const bytes = content(1);
					const first = endsThere(bucket, directory, "done");
					const condition = { ifAbsent: true } as const;
					const options = { signal: first.stop.signal, condition };
					await expect(first.store.put("large", bytesSource(bytes), options)).rejects.toMatchObject({
						code: "Aborted",
					});
					const second = noting(bucket, directory, nothing);
					const written = await second.store.put("large", bytesSource(bytes), { condition });
					expect(second.log).toEqual(["GET", "HEAD", "HEAD"]);
					expect(written.versionId).toBe((await second.store.head("large"))?.versionId);
					await expectObject(second.store, bytes);
					expect(names(second.journal)).toEqual([]);
				},
				60_000,
			);

			test.each(["the object is there", "others have put the same there"] as const)(
				"a push that finds its content by itself leaves nothing to go on with (%s)",
				async (how) => {
					const bucket = await server.makeBucket();
					const directory = temporaryDirectory();
					const bytes = content(1);
					const key = "team/data/large";
					const first = endsThere(bucket, directory, how === "the object is there" ? "done" : "held");
					const { signal } = first.stop;
					await expect(first.store.put(key, bytesSource(bytes), { signal })).rejects.toThrow();
					if (how !== "the object is there") await server.openStore(bucket).put(key, bytes);
					expect(names(first.journal)).toHaveLength(1);
					const made = await new Package().set("large", bytes.slice());
					const push = (dryRun: boolean) => {
						const second = open(bucket, directory);
						return pushPackage(made, "team/data", { registry: second.store, dryRun });
					};
					expect(await push(true)).toMatchObject({ reused: { files: 1 } });
					expect(names(first.journal)).toHaveLength(1);
					expect(await push(false)).toMatchObject({ reused: { files: 1 }, copied: { files: 0 } });
					expect(names(first.journal)).toEqual([]);
					expect(await uploadsOf(bucket)).toEqual([]);
				},
				60_000,
			);

			test("sends everything when its bytes have changed since", async () => {
				const bucket = await server.makeBucket();
				const directory = temporaryDirectory();
				const first = endsThere(bucket, directory, "done");
				const { signal } = first.stop;
				await expect(first.store.put("large", bytesSource(content(1)), { signal })).rejects.toThrow();
				const second = open(bucket, directory);
				await second.store.put("large", bytesSource(content(2)));
				expect(second.sent.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5]);
				await expectObject(second.store, content(2));
				expect(names(second.journal)).toEqual([]);
				expect(await uploadsOf(bucket)).toEqual([]);
			}, 60_000);

			test.each(["GET", "complete"])(
				"sends no part when the object appears before the next %s",
				async (when) => {
					const bucket = await server.makeBucket();
					const directory = temporaryDirectory();
					const bytes = content(1);
					const first = endsThere(bucket, directory, "held");
					const condition = { ifAbsent: true } as const;
					const options = { signal: first.stop.signal, condition };
					await expect(first.store.put("large", bytesSource(bytes), options)).rejects.toThrow();
					let done: Promise<unknown> | undefined;
					const second = noting(bucket, directory, async (asked) => {
						const isNow = when === "complete" ? isCompletion(asked) : asked.method === when;
						if (isNow) await (done ??= first.request());
					});
					await second.store.put("large", bytesSource(bytes), { condition });
					expect(done).toBeDefined();
					expect(second.log).not.toContain("PUT");
					await expectObject(second.store, bytes);
					expect(names(second.journal)).toEqual([]);
				},
				60_000,
			);

			test("copies nothing again when the copy is there", async () => {
				const bucket = await server.makeBucket();
				const directory = temporaryDirectory();
				const bytes = content(1);
				const { etag } = await server.openStore(bucket).put("from", bytesSource(bytes));
				const source = { bucket, key: "from", etag, size: bytes.length };
				const first = endsThere(bucket, directory, "done");
				const { signal } = first.stop;
				await expect(first.store.copyFrom(source, "large", { signal })).rejects.toThrow();
				const second = noting(bucket, directory, nothing);
				await second.store.copyFrom(source, "large");
				// Only a server that keeps right checksums of copied parts can tell that the object is this one.
				if (kind.name === "bale") expect(second.log).toEqual(["GET", "HEAD", "HEAD"]);
				expect(
					Buffer.from(await collect((await second.store.get("large"))!.body)).equals(Buffer.from(bytes)),
				).toBe(true);
				expect(names(second.journal)).toEqual([]);
				expect(await uploadsOf(bucket)).toEqual([]);
			}, 60_000);
		});

		test("aborts what nobody went on with for a week, whatever is written next", async () => {
			const bucket = await server.makeBucket();
			const directory = temporaryDirectory();
			const first = open(bucket, directory, (part) => (part === parts ? "drop" : undefined));
			await expect(first.store.put("large", bytesSource(content(1)))).rejects.toThrow();
			await open(bucket, directory).store.put("other", new Uint8Array(1));
			expect(await uploadsOf(bucket)).toEqual(["large"]);
			const later = new FileJournal(join(directory, "uploads"));
			const aged = {
				left: (service: string, of: string) =>
					later.left(service, of).map((record) => ({ ...record, startedAt: 0 })),
				take: later.take.bind(later),
				open: later.open.bind(later),
			};
			await server.openStore(bucket, { journal: aged }).put("other", new Uint8Array(1));
			expect(await uploadsOf(bucket)).toEqual([]);
		}, 60_000);

		test("without a journal leaves nothing behind", async () => {
			const bucket = await server.makeBucket();
			const { store } = open(bucket, temporaryDirectory(), (part) => (part === parts ? "drop" : undefined), {
				journal: undefined,
			});
			await expect(store.put("large", bytesSource(content(1)))).rejects.toThrow();
			expect(await uploadsOf(bucket)).toEqual([]);
		}, 60_000);
	});

	test("put() sends each part once also where something was deleted", async () => {
		const bucket = await server.makeBucket({ versions: true });
		const { store, sent, journal } = open(bucket, temporaryDirectory());
		await store.put("large", new Uint8Array(1));
		await store.delete("large");
		const bytes = content(1);
		await store.put("large", bytesSource(bytes), { condition: { ifAbsent: true } });
		expect(sent.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5]);
		await expectObject(store, bytes);
		expect(await uploadsOf(bucket)).toEqual([]);
		expect(names(journal)).toEqual([]);
		const again = store.put("large", bytesSource(bytes), { condition: { ifAbsent: true } });
		await expect(again).rejects.toMatchObject({ code: "Conflict" });
		expect(await uploadsOf(bucket)).toEqual([]);
	}, 60_000);

	describe("copyFrom() after it was broken off", () => {
		/** A large object, and where it is. */
		async function makeSource(): Promise<{ bucket: string; bytes: Uint8Array; source: CopySource }> {
			const bucket = await server.makeBucket();
			const bytes = content(1);
			const { etag } = await server.openStore(bucket).put("from", bytesSource(bytes));
			return { bucket, bytes, source: { bucket, key: "from", etag, size: bytes.length } };
		}
		const contentOf = async (store: S3Store): Promise<Buffer> =>
			Buffer.from(await collect((await store.get("large"))!.body));

		test.each([
			["interrupted", "abort", "Aborted"],
			["without the network", "drop", "StoreUnavailable"],
		] as const)(
			"%s copies only the ranges that were not there",
			async (_title, fault, code) => {
				const { bucket, bytes, source } = await makeSource();
				const directory = temporaryDirectory();
				const first = open(bucket, directory, (part) => (part === parts ? fault : undefined));
				const broken = first.store.copyFrom(source, "large", { signal: first.stop.signal });
				await expect(broken).rejects.toMatchObject({ code });
				expect(await uploadsOf(bucket)).toEqual(["large"]);
				const second = open(bucket, directory);
				await second.store.copyFrom(source, "large");
				expect(second.sent).toContain(parts);
				// A server whose checksums of copied parts are wrong is asked for all of them again, without checksums.
				expect(second.sent.length).toBeLessThan(kind.name === "versitygw" ? 2 * parts : parts);
				expect((await contentOf(second.store)).equals(Buffer.from(bytes))).toBe(true);
				expect(await uploadsOf(bucket)).toEqual([]);
				expect(names(second.journal)).toEqual([]);
			},
			60_000,
		);

		test("copies all of an object that was replaced meanwhile", async () => {
			const { bucket, source } = await makeSource();
			const directory = temporaryDirectory();
			const first = open(bucket, directory, (part) => (part === parts ? "drop" : undefined));
			await expect(first.store.copyFrom(source, "large")).rejects.toThrow();
			const changed = content(2);
			const second = open(bucket, directory);
			const { etag } = await server.openStore(bucket).put("from", bytesSource(changed));
			await second.store.copyFrom({ ...source, etag }, "large");
			expect((await contentOf(second.store)).equals(Buffer.from(changed))).toBe(true);
			expect(await uploadsOf(bucket)).toEqual([]);
			expect(names(second.journal)).toEqual([]);
		}, 60_000);

		test("leaves nothing where nothing can be recorded", async () => {
			const { bucket, source } = await makeSource();
			const fault: Fault = (part) => (part === parts ? "drop" : undefined);
			const { store } = open(bucket, temporaryDirectory(), fault, { journal: undefined });
			await expect(store.copyFrom(source, "large")).rejects.toMatchObject({ code: "StoreUnavailable" });
			expect(await uploadsOf(bucket)).toEqual([]);
		}, 60_000);
	});
});

/** A list of parts as servers send it that keep no checksums of them. */
function withoutChecksums(response: TransportResponse): TransportResponse {
	return {
		status: response.status,
		header: (name) => (name === "content-length" ? undefined : response.header(name)),
		discard: () => {
			response.discard();
		},
		stream: () =>
			new ReadableStream<Uint8Array>({
				async start(controller) {
					const text = await new Response(response.stream()).text();
					const bare = text.replace(/<ChecksumSHA256>.*?<\/ChecksumSHA256>/g, "");
					controller.enqueue(new TextEncoder().encode(bare));
					controller.close();
				},
			}),
	};
}
