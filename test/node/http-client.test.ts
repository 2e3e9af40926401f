import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { createHttpTransport } from "../../src/node/http-client.ts";
import { proxySettings } from "../../src/node/proxies.ts";
import { createPlainTransport } from "../../src/node/s3-transport.ts";
import { collect } from "../../src/storage/byte-source.ts";
import type { Transport, TransportRequest, TransportResponse } from "../../src/storage/s3/transport.ts";
import { startRawServer, writeInPieces, type RawRequest, type RawServer } from "../support/raw-server.ts";

const plainTransport = createPlainTransport(proxySettings({}));

let server: RawServer | undefined;
afterEach(async () => {
	await server?.stop();
	server = undefined;
});

async function serve(answer: (request: RawRequest) => void): Promise<RawServer> {
	server = await startRawServer(answer);
	return server;
}

/** Answers that are always the same bytes. */
const says = (text: string) => (request: RawRequest) =>
	void request.socket.write(Buffer.from(text, "latin1"));

function get(origin: string, more: Partial<TransportRequest> = {}): TransportRequest {
	return { method: "GET", origin, target: "/a", headers: { host: "test" }, ...more };
}

async function delivered(response: TransportResponse): Promise<string> {
	const chunks: Buffer[] = [];
	await response.deliver?.((chunk) => void chunks.push(Buffer.from(chunk)));
	return Buffer.concat(chunks).toString("latin1");
}

async function streamed(response: TransportResponse): Promise<string> {
	return Buffer.from(await collect(response.stream())).toString("latin1");
}

const ways = [
	["delivered", delivered],
	["as a stream", streamed],
] as const;

const ok = "HTTP/1.1 200 OK\r\n";

describe.each(ways)("a body %s", (_, read) => {
	test.each([
		["with a length", `${ok}Content-Length: 5\r\n\r\nhello`, "hello"],
		["of nothing", `${ok}Content-Length: 0\r\n\r\n`, ""],
		[
			"in chunks",
			`${ok}Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nT: x\r\n\r\n`,
			"hello",
		],
		["in no chunks", `${ok}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, ""],
		[
			"behind other answers",
			`HTTP/1.1 100 \r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\n${ok}Content-Length: 2\r\n\r\nhi`,
			"hi",
		],
		["that there cannot be", "HTTP/1.1 204 \r\nContent-Length: 5\r\n\r\n", ""],
	])("%s is read, and the connection is used again", async (_title, answer, expected) => {
		const { origin, requests } = await serve(says(answer));
		const transport = createHttpTransport();
		for (let round = 0; round < 3; round++)
			expect(await read(await transport(get(origin), undefined))).toBe(expected);
		expect(requests.map(({ connection }) => connection)).toEqual([1, 1, 1]);
	});

	test("that ends with the connection is read, and another connection serves the next request", async () => {
		const { origin, requests } = await serve(({ socket }) => socket.end(`${ok}\r\nall there is`));
		const transport = createHttpTransport();
		for (let round = 0; round < 2; round++) {
			expect(await read(await transport(get(origin), undefined))).toBe("all there is");
		}
		expect(requests.map(({ connection }) => connection)).toEqual([1, 2]);
	});

	test.each([
		["with a length", `${ok}Content-Length: 50\r\n\r\nhello`],
		["in chunks", `${ok}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`],
		["inside a chunk", `${ok}Transfer-Encoding: chunked\r\n\r\n50\r\nhello`],
	])(
		"%s that breaks off is an error, and the next request goes over another connection",
		async (_title, broken) => {
			const { origin, requests } = await serve(({ socket, connection }) => {
				if (connection === 1) socket.end(broken);
				else socket.write(`${ok}Content-Length: 2\r\n\r\nhi`);
			});
			const transport = createHttpTransport();
			await expect(transport(get(origin), undefined).then(read)).rejects.toThrow(
				"the server closed the connection",
			);
			expect(await read(await transport(get(origin), undefined))).toBe("hi");
			expect(requests.map(({ connection }) => connection)).toEqual([1, 2]);
		},
	);

	test("whose connection is reset is an error", async () => {
		const { origin } = await serve(({ socket }) => {
			socket.write(`${ok}Content-Length: 50\r\n\r\nhello`, () => socket.resetAndDestroy());
		});
		await expect(createHttpTransport()(get(origin), undefined).then(read)).rejects.toThrow();
	});

	test("that is interrupted is an error", async () => {
		const { origin } = await serve(says(`${ok}Content-Length: 50\r\n\r\nhello`));
		const controller = new AbortController();
		const response = await createHttpTransport()(get(origin), controller.signal);
		const reading = read(response);
		controller.abort();
		await expect(reading).rejects.toThrow("interrupted");
	});
});

test.each([
	["no HTTP", "SMTP ready\r\n\r\n"],
	["another version", "HTTP/2 200\r\n\r\n"],
	["no status", "HTTP/1.1 abc\r\n\r\n"],
	["another protocol", "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n"],
	["a header without a name", `${ok}: x\r\n\r\n`],
	["a header that goes on in the next line", `${ok}A: x\r\n b\r\n\r\n`],
	["a space before the colon", `${ok}Content-Length : 5\r\n\r\nhello`],
	["two lengths", `${ok}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello`],
	["a length that is no number", `${ok}Content-Length: +5\r\n\r\nhello`],
	["a list of lengths", `${ok}Content-Length: 5, 5\r\n\r\nhello`],
	["an unknown encoding", `${ok}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
	["a head without end", `${ok}A: ${"x".repeat(70_000)}`],
	["many headers without end", ok + "A: x\r\n".repeat(12_000)],
])("an answer with %s is an error", async (_title, answer) => {
	const { origin } = await serve(says(answer));
	await expect(createHttpTransport()(get(origin), undefined)).rejects.toThrow(/answer/);
});

test.each([
	"zz\r\n",
	"-5\r\n",
	"\r\n",
	"2\r\nhello\r\n0\r\n\r\n",
	"5\nhello",
	"fffffffffffffff\r\n",
	`2;${"x".repeat(20_000)}`,
])("chunks that are %j are an error", async (chunks) => {
	const { origin } = await serve(says(`${ok}Transfer-Encoding: chunked\r\n\r\n${chunks}`));
	await expect(createHttpTransport()(get(origin), undefined).then(delivered)).rejects.toThrow(/chunk/);
});

test.each([
	["says so", `${ok}Connection: close\r\nContent-Length: 2\r\n\r\nhi`],
	["is old", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi"],
	["sends more than its answer", `${ok}Content-Length: 2\r\n\r\nhi there`],
	["tells two ends", `${ok}Content-Length: 900\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n`],
])("the connection of a server that %s is not used again", async (_title, answer) => {
	const { origin, requests } = await serve(says(answer));
	const transport = createHttpTransport();
	for (let round = 0; round < 2; round++)
		expect(await delivered(await transport(get(origin), undefined))).toBe("hi");
	expect(requests.map(({ connection }) => connection)).toEqual([1, 2]);
});

test("bytes that nobody asked for end a connection that is not in use", async () => {
	const { origin, requests } = await serve(({ socket }) => {
		socket.write(`${ok}Content-Length: 2\r\n\r\nhi`);
		setTimeout(() => socket.write(`${ok}Content-Length: 4\r\n\r\nevil`), 20);
	});
	const transport = createHttpTransport();
	expect(await delivered(await transport(get(origin), undefined))).toBe("hi");
	await new Promise((resolve) => setTimeout(resolve, 60));
	expect(await delivered(await transport(get(origin), undefined))).toBe("hi");
	expect(requests.map(({ connection }) => connection)).toEqual([1, 2]);
});

test("an error of the sink ends the delivery with it, and the connection", async () => {
	const { origin, requests } = await serve(says(`${ok}Content-Length: 5\r\n\r\nhello`));
	const transport = createHttpTransport();
	const response = await transport(get(origin), undefined);
	const full = (): never => {
		throw new RangeError("disk full");
	};
	await expect(response.deliver?.(full)).rejects.toThrow("disk full");
	expect(await delivered(await transport(get(origin), undefined))).toBe("hello");
	expect(requests.map(({ connection }) => connection)).toEqual([1, 2]);
});

test("a small body that is not wanted is read over, a large one is cut off", async () => {
	const { origin, requests } = await serve(({ head, socket }) => {
		const length = head.startsWith("GET /small") ? 1000 : 10_000_000;
		socket.write(`${ok}Content-Length: ${length}\r\n\r\n${"x".repeat(Math.min(length, 100_000))}`);
	});
	const transport = createHttpTransport();
	for (const target of ["/small", "/small", "/large", "/small"]) {
		const response = await transport(get(origin, { target }), undefined);
		if (target === "/large") await response.stream().cancel();
		else response.discard();
		await new Promise((resolve) => setTimeout(resolve, 30));
	}
	expect(requests.map(({ connection }) => connection)).toEqual([1, 1, 1, 2]);
});

test("a body arrives that is sent, and an answer to HEAD has none", async () => {
	const { origin, requests } = await serve(says(`${ok}Content-Length: 0\r\nETag: "x"\r\n\r\n`));
	const transport = createHttpTransport();
	for (const size of [0, 1, 3_000_000]) {
		const body = Buffer.alloc(size, 7);
		const response = await transport(get(origin, { method: "PUT", body }), undefined);
		expect(response.header("etag")).toBe('"x"');
		expect(requests.at(-1)?.body.equals(body)).toBe(true);
		expect(requests.at(-1)?.head).toContain(`content-length: ${size}`);
	}
	await server?.stop();
	const other = await serve(says(`${ok}Content-Length: 500\r\n\r\n`));
	const response = await transport(get(other.origin, { method: "HEAD" }), undefined);
	expect([response.header("content-length"), await delivered(response)]).toEqual(["500", ""]);
});

test("what cannot be a target or a header is refused before it is sent", async () => {
	const { origin, requests } = await serve(says(`${ok}Content-Length: 0\r\n\r\n`));
	const transport = createHttpTransport();
	for (const wrong of [
		{ target: "/a b" },
		{ target: "/a\r\nx: y" },
		{ headers: { host: "test", a: "x\r\ny: z" } },
	]) {
		await expect(transport(get(origin, wrong), undefined)).rejects.toThrow(TypeError);
	}
	expect(requests).toHaveLength(0);
});

test("at most 64 connections are open, and all requests are answered", async () => {
	const { origin, requests } = await serve(({ socket }) => {
		setTimeout(() => socket.write(`${ok}Content-Length: 2\r\n\r\nhi`), 5);
	});
	const transport = createHttpTransport();
	const answers = Array.from({ length: 200 }, async () => delivered(await transport(get(origin), undefined)));
	expect(new Set(await Promise.all(answers))).toEqual(new Set(["hi"]));
	expect(Math.max(...requests.map(({ connection }) => connection))).toBe(64);
});

test("a server that cannot be reached is an error, whatever it is called", async () => {
	const { origin } = await serve(says(""));
	await server?.stop();
	const transport = createHttpTransport();
	for (const host of ["127.0.0.1", "localhost"]) {
		await expect(transport(get(origin.replace("127.0.0.1", host)), undefined)).rejects.toThrow();
	}
});

test("gives what Node's client gives, however answers are framed and cut into pieces", async () => {
	let answer = Buffer.alloc(0);
	let cuts: readonly number[] = [];
	let closes = false;
	const { origin } = await serve(({ socket }) => {
		void writeInPieces(socket, answer, cuts).then(() => closes && socket.end());
	});
	const own = createHttpTransport();
	const body = fc.oneof(
		fc.uint8Array({ maxLength: 300 }),
		fc.integer({ min: 60_000, max: 200_000 }).map((size) => new Uint8Array(size).fill(size % 251)),
	);
	const framing = fc.constantFrom("length", "chunked", "close");
	const places = fc.array(fc.nat({ max: 999 }), { maxLength: 6 });
	await fc.assert(
		fc.asyncProperty(
			body,
			framing,
			places,
			fc.boolean(),
			fc.boolean(),
			async (bytes, kind, at, hints, asStream) => {
				const fields = {
					length: `Content-Length: ${bytes.length}\r\n`,
					chunked: "Transfer-Encoding: chunked\r\n",
					close: "",
				};
				closes = kind === "close";
				const chunks: (string | Uint8Array)[] = [];
				const step = 1 + (at[0] ?? 0) * 50;
				for (let from = 0; from < bytes.length; from += step) {
					const chunk = bytes.subarray(from, from + step);
					if (kind === "chunked") chunks.push(`${chunk.length.toString(16)}\r\n`, chunk, "\r\n");
					else chunks.push(chunk);
				}
				if (kind === "chunked") chunks.push("0\r\n\r\n");
				answer = Buffer.concat(
					[
						hints ? "HTTP/1.1 103 Early\r\nA: b\r\n\r\n" : "",
						`${ok}${fields[kind]}x-y: z\r\n\r\n`,
						...chunks,
					].map((part) => Buffer.from(part as string, "latin1")),
				);
				cuts = at.map((place) =>
					Math.floor((place / 999) * Math.min(answer.length, place % 2 === 0 ? 400 : Infinity)),
				);
				const read = async (transport: Transport, how: typeof delivered) => {
					const response = await transport(get(origin), undefined);
					return [response.status, response.header("x-y"), response.header("none"), await how(response)];
				};
				const expected = await read(plainTransport, streamed);
				expect(await read(own, asStream ? streamed : delivered)).toEqual(expected);
				expect(expected.at(-1)).toBe(Buffer.from(bytes).toString("latin1"));
			},
		),
		{ numRuns: 150 },
	);
}, 60_000);

describe.each([
	["of our own", createHttpTransport()],
	["of Node's client", plainTransport],
])("over connections %s", (_title, transport) => {
	test("a server is waited for as long as the request says", async () => {
		const slow = "/slow";
		const { origin } = await serve(({ head, socket }) => {
			setTimeout(
				() => socket.write(`${ok}Content-Length: 2\r\n\r\nhi`),
				head.startsWith(`GET ${slow}`) ? 300 : 0,
			);
		});
		const ask = (target: string, patienceMs?: number): Promise<string> =>
			transport(get(origin, { target, patienceMs }), undefined).then(streamed);
		expect(await ask("/prompt", 100)).toBe("hi");
		expect(await ask(slow, 5000)).toBe("hi");
		await expect(ask(slow, 100)).rejects.toThrow("nothing came for 0.1 seconds");
		expect(await ask(slow)).toBe("hi");
	});
});
