import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, test } from "vitest";
import { collect } from "../../src/storage/byte-source.ts";
import { HttpStore } from "../../src/storage/http-store.ts";
import type { ByteRange } from "../../src/storage/store.ts";

const servers: Server[] = [];

afterEach(async () => {
	for (const server of servers.splice(0)) {
		server.closeAllConnections();
		await new Promise((resolve) => server.close(resolve));
	}
});

/** A web server of the machine's own; gives the URL that its files are below. */
async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
	const server = createServer(answer);
	servers.push(server);
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	return `http://127.0.0.1:${(server.address() as AddressInfo).port}/data`;
}

const content = Buffer.from(Array.from({ length: 100_000 }, (_, index) => index % 251));

/** Answers as a good file server does. */
function answerWell(request: IncomingMessage, response: ServerResponse): void {
	response.setHeader("etag", '"v1"');
	response.setHeader("last-modified", "Tue, 14 Nov 2023 22:13:20 GMT");
	const asked = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "");
	if (asked === null) {
		response.setHeader("content-length", content.length);
		response.end(request.method === "HEAD" ? undefined : content);
		return;
	}
	const [offset = 0, last = 0] = asked.slice(1).map(Number);
	if (offset >= content.length) {
		response.writeHead(416).end();
		return;
	}
	const part = content.subarray(offset, last + 1);
	response.writeHead(206, {
		"content-length": part.length,
		"content-range": `bytes ${offset}-${offset + part.length - 1}/${content.length}`,
	});
	response.end(part);
}

async function bytesOf(store: HttpStore, range?: ByteRange): Promise<Buffer> {
	const object = await store.get("file", range === undefined ? {} : { range });
	return Buffer.from(await collect(object!.body));
}

const slice = ({ offset, length }: ByteRange) => content.subarray(offset, offset + length);

describe("HttpStore", () => {
	test("get() gives the bytes and what the headers say of them", async () => {
		const store = new HttpStore(await serve(answerWell));
		const object = await store.get("file");
		expect(object?.info).toEqual({
			key: "file",
			size: content.length,
			etag: '"v1"',
			modifiedAt: new Date("2023-11-14T22:13:20Z"),
		});
		expect(content.equals(await collect(object!.body))).toBe(true);
		expect(await store.head("file")).toEqual(object?.info);
	});

	const ranges = [
		{ offset: 0, length: 1 },
		{ offset: 5000, length: 70_000 },
		{ offset: 99_999, length: 1 },
		{ offset: 0, length: 100_000 },
		{ offset: 500, length: 0 },
		{ offset: 100_000, length: 0 },
	];
	const missing = [
		{ offset: 0, length: 100_001 },
		{ offset: 99_999, length: 2 },
		{ offset: 100_000, length: 1 },
		{ offset: 200_000, length: 0 },
		{ offset: -1, length: 1 },
	];

	test.each(ranges)("get() asks for the range $offset + $length", async (range) => {
		const asked: (string | undefined)[] = [];
		const store = new HttpStore(
			await serve((request, response) => {
				asked.push(request.headers.range);
				answerWell(request, response);
			}),
		);
		expect(slice(range).equals(await bytesOf(store, range))).toBe(true);
		const end = range.offset + range.length - 1;
		expect(asked).toEqual([range.length === 0 ? undefined : `bytes=${range.offset}-${end}`]);
	});

	test.each(missing)("get() refuses the range $offset + $length", async (range) => {
		const store = new HttpStore(await serve(answerWell));
		await expect(bytesOf(store, range)).rejects.toMatchObject({ code: "InvalidArgument" });
	});

	test("get() cuts ranges itself when the server ignores them", async () => {
		const store = new HttpStore(
			await serve((request, response) => {
				delete request.headers.range;
				answerWell(request, response);
			}),
		);
		for (const range of ranges) expect(slice(range).equals(await bytesOf(store, range))).toBe(true);
		for (const range of missing) {
			await expect(bytesOf(store, range)).rejects.toMatchObject({ code: "InvalidArgument" });
		}
	});

	test.each([
		["bytes 0-9/100000", "another range"],
		["bytes 10-14/100000", "a part of the range"],
		["nonsense", "no range"],
	])("get() refuses the content-range %j", async (contentRange) => {
		const store = new HttpStore(
			await serve((_request, response) => {
				response.writeHead(206, { "content-range": contentRange }).end("0123456789");
			}),
		);
		await expect(bytesOf(store, { offset: 10, length: 10 })).rejects.toMatchObject({
			code: "StoreUnavailable",
		});
	});

	test("encodes keys segment by segment", async () => {
		const urls: (string | undefined)[] = [];
		const base = await serve((request, response) => {
			urls.push(request.url);
			response.end("x");
		});
		const store = new HttpStore(`${base}///`);
		expect(store.address).toBe(base);
		for (const key of ["a b/c+d", "100%#?", "ü/日本", "a'(b)*!", "__proto__", "..x"]) await store.get(key);
		expect(urls).toEqual([
			"/data/a%20b/c%2Bd",
			"/data/100%25%23%3F",
			"/data/%C3%BC/%E6%97%A5%E6%9C%AC",
			"/data/a%27%28b%29%2A%21",
			"/data/__proto__",
			"/data/..x",
		]);
	});

	test.each(["", "/a", "a//b", "../a", "a/./b"])("%j is InvalidKey, without a request", async (key) => {
		let requests = 0;
		const store = new HttpStore(await serve(() => requests++));
		await expect(store.get(key)).rejects.toMatchObject({ code: "InvalidKey" });
		expect(requests).toBe(0);
	});

	test.each([
		[404, undefined],
		[410, undefined],
		[401, "AccessDenied"],
		[403, "AccessDenied"],
		[416, "InvalidArgument"],
		[429, "StoreUnavailable"],
		[500, "StoreUnavailable"],
		[503, "StoreUnavailable"],
	])("the status %i is %s", async (status, code) => {
		const store = new HttpStore(await serve((_request, response) => response.writeHead(status).end("no")));
		for (const ask of [() => store.get("a"), () => store.head("a")]) {
			if (code === undefined) expect(await ask()).toBeUndefined();
			else await expect(ask()).rejects.toMatchObject({ code });
		}
	});

	test("a body of unknown or compressed length is read to know its size", async () => {
		const text = "text ".repeat(1000);
		const store = new HttpStore(
			await serve((request, response) => {
				if (request.url?.endsWith("zipped") === true) {
					const zipped = gzipSync(text);
					response.writeHead(200, { "content-encoding": "gzip", "content-length": zipped.length });
					response.end(request.method === "HEAD" ? undefined : zipped);
				} else {
					response.write("text ");
					response.end(text.slice(5));
				}
			}),
		);
		for (const key of ["zipped", "chunked"]) {
			const object = await store.get(key);
			expect(object?.info.size).toBe(5000);
			expect(Buffer.from(await collect(object!.body)).toString()).toBe(text);
			expect((await store.head(key))?.size).toBe(5000);
			const part = await store.get(key, { range: { offset: 5, length: 4 } });
			expect(Buffer.from(await collect(part!.body)).toString()).toBe("text");
		}
	});

	test("a body that breaks off is StoreUnavailable", async () => {
		const store = new HttpStore(
			await serve((_request, response) => {
				response.writeHead(200, { "content-length": 1000 });
				response.write("only this", () => response.destroy());
			}),
		);
		await expect(bytesOf(store)).rejects.toMatchObject({ code: "StoreUnavailable" });
	});

	test("a server that is not there is StoreUnavailable", async () => {
		const store = new HttpStore("http://127.0.0.1:9");
		await expect(store.get("a")).rejects.toMatchObject({ code: "StoreUnavailable" });
	});

	test("get() is Aborted before, during and after the answer", async () => {
		const store = new HttpStore(
			await serve((request, response) => {
				if (request.url?.endsWith("silent") === true) return;
				response.writeHead(200, { "content-length": 1000 });
				response.write("begin");
			}),
		);
		const aborted = { code: "Aborted" };
		await expect(store.get("a", { signal: AbortSignal.abort() })).rejects.toMatchObject(aborted);
		const silent = new AbortController();
		setTimeout(() => silent.abort(), 20);
		await expect(store.get("silent", { signal: silent.signal })).rejects.toMatchObject(aborted);
		const slow = new AbortController();
		const object = await store.get("slow", { signal: slow.signal });
		setTimeout(() => slow.abort(new Error("own reason")), 20);
		await expect(collect(object!.body)).rejects.toMatchObject(aborted);
	});

	test("is read-only, and says so", async () => {
		const store = new HttpStore("http://127.0.0.1:9");
		const unsupported = { code: "Unsupported" };
		expect(store.features).toEqual({ versions: false, conditions: false, writable: false });
		await expect(store.put("a", new Uint8Array())).rejects.toMatchObject(unsupported);
		await expect(store.delete("a")).rejects.toMatchObject(unsupported);
		await expect(store.list("")[Symbol.asyncIterator]().next()).rejects.toMatchObject(unsupported);
	});

	test("takes http and https URLs only", () => {
		for (const url of ["ftp://host/", "file:///etc", "javascript:alert(1)", "data"]) {
			expect(() => new HttpStore(url)).toThrow(expect.objectContaining({ code: "InvalidUrl" }));
		}
	});
});
