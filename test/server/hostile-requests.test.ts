import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTestGateway, type TestGateway } from "../support/s3/gateway.ts";
import { converse, send, sendAs, signed } from "./raw.ts";

let server: TestGateway;
let bucket: string;

beforeAll(async () => {
	server = await startTestGateway({ idleMs: 300 });
	bucket = await server.makeBucket();
	writeFileSync(join(server.folderOf(bucket), "..", "outside"), "secret");
	symlinkSync(join(server.folderOf(bucket), "..", "outside"), join(server.folderOf(bucket), "link"));
	mkdirSync(join(server.folderOf(bucket), "folder"));
});
afterAll(() => server.stop());

const host = () => new URL(server.endpoint).host;
const xml = { "content-type": "application/xml" };

describe("no key leads out of the folder", () => {
	const keys = [
		"../outside",
		"folder/../../outside",
		"/outside",
		"folder//outside",
		"./outside",
		"link",
		"link/x",
		".bale/bucket/settings.json",
		".bale/versions/x",
		"a\0b",
		"x".repeat(1025),
	];
	test.each(keys)("%j is not read, written, copied or deleted", async (key) => {
		const path = `/${bucket}/${key}`;
		const source = { "x-amz-copy-source": encodeURI(path).replaceAll("#", "%23") };
		const refusals = [
			await send(server, { path }),
			await send(server, { method: "PUT", path, body: "changed" }),
			// Whether a link is in the way is looked at when the upload is completed.
			...(key.startsWith("link")
				? []
				: [await send(server, { method: "POST", path, query: [["uploads", ""]] })]),
			...(key.includes("\0")
				? []
				: [await send(server, { method: "PUT", path: `/${bucket}/copy`, headers: source })]),
		];
		for (const { status, body } of refusals) {
			expect(body).not.toContain("secret");
			expect(status).toBeGreaterThanOrEqual(400);
			expect(status).toBeLessThan(500);
		}
		await send(server, { method: "DELETE", path });
		expect(readFileSync(join(server.folderOf(bucket), "..", "outside"), "utf8")).toBe("secret");
	});

	test.each(["..", ".", "%2e%2e", "__proto__", "constructor", "x/../y"])(
		"no bucket is called %j",
		async (name) => {
			expect(await send(server, { path: `/${name}`, query: [["list-type", "2"]] })).toMatchObject({
				status: 404,
				code: expect.stringMatching(/^NoSuch(Bucket|Key)$/) as string,
			});
		},
	);
});

describe("a request that is none", () => {
	test.each([
		["is not HTTP", "HELLO\r\n\r\n", "400"],
		["names a host twice", "GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\nconnection: close\r\n\r\n", "400"],
		["has headers without end", `GET / HTTP/1.1\r\nhost: localhost\r\nx: ${"x".repeat(70_000)}\r\n\r\n`, "4"],
		[
			"has both lengths",
			"PUT /a/b HTTP/1.1\r\nhost: localhost\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
			"400",
		],
	])("that %s is refused and the connection ends", async (_what, bytes, status) => {
		expect(await converse(server, bytes)).toContain(`HTTP/1.1 ${status}`);
	});

	test("for another server is refused", async () => {
		expect(await sendAs(server, "GET", "/", { host: "evil.example" })).toMatchObject({
			status: 403,
			code: "AccessDenied",
		});
		expect(await sendAs(server, "GET", "http://169.254.169.254/latest", { host: host() })).toMatchObject({
			status: 400,
			code: "InvalidURI",
		});
	});

	test.each(["/%", "/a/%zz", "/a/%ff", "/a?x=%e0%a4"])("with the address %s is refused", async (target) => {
		expect(await sendAs(server, "GET", target, { host: host() })).toMatchObject({
			status: 400,
			code: "InvalidURI",
		});
	});

	test("that stops in the middle of its body is answered, and ends", async () => {
		const { target, headers } = signed(server, {
			method: "PUT",
			path: `/${bucket}/slow`,
			headers: { "content-length": "100" },
			payload: "UNSIGNED-PAYLOAD",
		});
		const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
		const answer = await converse(server, `PUT ${target} HTTP/1.1\r\n${lines.join("")}\r\nonly a few`);
		expect(answer).toContain("<Code>RequestTimeout</Code>");
		expect(await server.openStore(bucket).head("slow")).toBeUndefined();
	});

	test("that waits to be told is not told to send what is refused anyway", async () => {
		const refused = `PUT /${bucket}/x HTTP/1.1\r\nhost: ${host()}\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n`;
		const answer = await converse(server, refused);
		expect(answer).toContain("HTTP/1.1 403");
		expect(answer).not.toContain("100 Continue");
		const { target, headers } = signed(server, {
			method: "PUT",
			path: `/${bucket}/x`,
			headers: { expect: "100-continue", "content-length": "5", connection: "close" },
			payload: "UNSIGNED-PAYLOAD",
		});
		const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
		expect(await converse(server, `PUT ${target} HTTP/1.1\r\n${lines.join("")}\r\nhello`)).toMatch(
			/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200/,
		);
	});

	test("with a large body that is refused still gets its answer", async () => {
		const answer = await sendAs(server, "PUT", `/${bucket}/x`, { host: host() }, new Uint8Array(8 * 2 ** 20));
		expect(answer).toMatchObject({ status: 403, code: "AccessDenied" });
	});
});

describe("a document", () => {
	const deleteObjects = (body: string) =>
		send(server, { method: "POST", path: `/${bucket}`, query: [["delete", ""]], headers: xml, body });

	test.each([
		["that is none", "hello"],
		["of another kind", "<Other/>"],
		["without keys", "<Delete></Delete>"],
		["with entities", '<!DOCTYPE x [<!ENTITY a "aaaa">]><Delete><Object><Key>&a;</Key></Object></Delete>'],
		["that is deep", "<Delete>".repeat(1000) + "</Delete>".repeat(1000)],
		["with too many keys", `<Delete>${"<Object><Key>a</Key></Object>".repeat(1001)}</Delete>`],
	])("%s is refused", async (_what, body) => {
		expect(await deleteObjects(body)).toMatchObject({ status: 400, code: "MalformedXML" });
	});

	test("that is too large is not read", async () => {
		expect(await deleteObjects(" ".repeat(9 * 2 ** 20))).toMatchObject({
			status: 400,
			code: "EntityTooLarge",
		});
	});

	test("is checked by the sum that comes with it", async () => {
		const body = "<Delete><Object><Key>a</Key></Object></Delete>";
		const request = { method: "POST", path: `/${bucket}`, query: [["delete", ""]] as const, body };
		for (const name of ["content-md5", "x-amz-checksum-sha256"])
			expect(
				await send(server, {
					...request,
					headers: { [name]: Buffer.alloc(name === "content-md5" ? 16 : 32).toString("base64") },
				}),
			).toMatchObject({ status: 400, code: "BadDigest" });
		expect(await send(server, request)).toMatchObject({ status: 200 });
	});
});

describe("what is not implemented", () => {
	test.each([
		["GET", "", "acl"],
		["GET", "", "policy"],
		["PUT", "", "lifecycle"],
		["PUT", "a", "tagging"],
		["POST", "a", "select"],
		["DELETE", "", ""],
		["POST", "", ""],
	])("%s of %j with ?%s says so", async (method, key, name) => {
		const query = name === "" ? [] : ([[name, ""]] as const);
		expect(await send(server, { method, path: `/${bucket}/${key}`, query })).toMatchObject({
			status: 501,
			code: "NotImplemented",
		});
	});

	test.each([
		["x-amz-server-side-encryption", "AES256"],
		["x-amz-acl", "public-read"],
		["x-amz-tagging", "a=b"],
		["if-none-match", '"abc"'],
	])("a promise that would not be kept is refused: %s: %s", async (name, value) => {
		const put = { method: "PUT", path: `/${bucket}/promised`, headers: { [name]: value }, body: "x" };
		expect(await send(server, put)).toMatchObject({ status: 501, code: "NotImplemented" });
		expect(await server.openStore(bucket).head("promised")).toBeUndefined();
	});
});

test("a server that only lets read changes nothing", async () => {
	const reader = await startTestGateway({ readOnly: true });
	try {
		for (const [method, path, query] of [
			["PUT", "/new", []],
			["PUT", "/new/key", []],
			["DELETE", "/new/key", []],
			["POST", "/new/key", [["uploads", ""]]],
			["POST", "/new", [["delete", ""]]],
		] as const)
			expect((await send(reader, { method, path, query: [...query] })).status).toBeGreaterThanOrEqual(403);
		expect((await send(reader, { method: "PUT", path: "/new" })).code).toBe("AccessDenied");
	} finally {
		await reader.stop();
	}
});

test("web pages may use it only where their origin was named", async () => {
	const shared = await startTestGateway({ origins: ["https://lab.example"] });
	try {
		const ask = (to: TestGateway, origin: string) =>
			sendAs(to, "OPTIONS", "/bucket/key", {
				host: new URL(to.endpoint).host,
				origin,
				"access-control-request-method": "PUT",
				"access-control-request-headers": "authorization,x-amz-date",
			});
		expect(await ask(server, "https://lab.example")).toMatchObject({ status: 403 });
		expect(await ask(shared, "https://evil.example")).toMatchObject({ status: 403 });
		expect(await ask(shared, "https://lab.example")).toMatchObject({
			status: 200,
			headers: {
				"access-control-allow-origin": "https://lab.example",
				"access-control-allow-headers": "authorization,x-amz-date",
			},
		});
		const listed = await send(shared, { path: "/", unsigned: { origin: "https://lab.example" } });
		expect(listed).toMatchObject({
			status: 200,
			headers: { "access-control-allow-origin": "https://lab.example" },
		});
		expect(
			(await send(shared, { path: "/", unsigned: { origin: "https://evil.example" } })).headers,
		).not.toHaveProperty("access-control-allow-origin");
	} finally {
		await shared.stop();
	}
});

test("a bucket can stand in the host name", async () => {
	await server.openStore(bucket).put("folder/in host", new TextEncoder().encode("hello"));
	const { port } = new URL(server.endpoint);
	const named = `${bucket}.localhost:${port}`;
	expect(await send(server, { path: "/folder/in host", headers: { host: named } })).toMatchObject({
		status: 200,
		body: "hello",
	});
});
