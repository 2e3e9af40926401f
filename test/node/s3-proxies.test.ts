import { createServer, type RequestListener } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { proxyFor, proxySettings } from "../../src/node/proxies.ts";
import { createNodeTransport, transportFor } from "../../src/node/s3-transport.ts";
import { openS3 } from "../../src/node/s3-open.ts";
import { makeCertificates } from "../support/certificates.ts";
import { listen, startProxy } from "../support/proxy.ts";
import { temporaryDirectory } from "../support/temporary.ts";

type Seen = { readonly host: string | undefined; readonly headers: readonly string[]; readonly body: string };

/** A bucket with the object `a` that accepts what is written, and remembers what came. */
function bucket(seen: Seen[]): RequestListener {
	return (request, response) => {
		const chunks: Buffer[] = [];
		request.on("data", (chunk: Buffer) => chunks.push(chunk));
		request.on("end", () => {
			const body = Buffer.concat(chunks).toString();
			seen.push({ host: request.headers.host, headers: Object.keys(request.headers), body });
			const answer = request.method === "GET" ? "hello" : "";
			response.writeHead(200, { etag: '"e"', "content-length": answer.length }).end(answer);
		});
	};
}

async function secureServer(seen: Seen[] = []): Promise<{ endpoint: string; bundle: string }> {
	const { authority, cert, key } = makeCertificates();
	const bundle = join(temporaryDirectory(), "authority.pem");
	writeFileSync(bundle, authority);
	const server = createSecureServer({ cert, key }, bucket(seen));
	return { endpoint: `https://127.0.0.1:${await listen(server)}`, bundle };
}

function environment(more: Record<string, string>): Record<string, string> {
	return {
		AWS_ACCESS_KEY_ID: "id",
		AWS_SECRET_ACCESS_KEY: "secret",
		AWS_CONFIG_FILE: "/nowhere/config",
		AWS_SHARED_CREDENTIALS_FILE: "/nowhere/credentials",
		...more,
	};
}

async function read(env: Record<string, string>): Promise<string> {
	const found = await (await openS3("s3://data", env)).get("a");
	return new Response(found?.body).text();
}

beforeEach(() => {
	vi.stubEnv("XDG_DATA_HOME", temporaryDirectory());
});

describe("proxyFor()", () => {
	const settings = proxySettings({ HTTP_PROXY: "http://plain:1", HTTPS_PROXY: "secure:2" });

	test("is by the scheme of the address, and has a scheme of its own or http", () => {
		expect(proxyFor("http://a.example", settings)?.href).toBe("http://plain:1/");
		expect(proxyFor("https://a.example", settings)?.href).toBe("http://secure:2/");
		expect(proxyFor("https://a.example", proxySettings({ HTTP_PROXY: "http://plain:1" }))).toBeUndefined();
	});

	test("names in lower case win, also when they are empty", () => {
		const both = proxySettings({ HTTP_PROXY: "http://upper:1", http_proxy: "http://lower:1" });
		expect(proxyFor("http://a", both)?.hostname).toBe("lower");
		expect(
			proxyFor("http://a", proxySettings({ HTTP_PROXY: "http://upper:1", http_proxy: "" })),
		).toBeUndefined();
	});

	test.each([
		["example.com", "http://example.com", true],
		["example.com", "http://a.b.EXAMPLE.com", true],
		["example.com", "http://notexample.com", false],
		[".example.com, other", "http://a.example.com:9", true],
		["*.example.com", "http://a.example.com", true],
		["example.com:81", "http://example.com", false],
		["example.com:80", "http://example.com", true],
		["127.0.0.1 localhost", "http://localhost:9", true],
		["::1", "http://[::1]:9", true],
		["[::1]:9", "http://[::1]:9", true],
		["[::1]:8", "http://[::1]:9", false],
		["*", "http://anything", true],
		["", "http://anything", false],
	])("NO_PROXY=%j excepts %s: %s", (noProxy, origin, excepted) => {
		expect(proxyFor(origin, { ...settings, noProxy }) === undefined).toBe(excepted);
	});

	test("does not repeat what is no address, since it may hold a password", () => {
		const broken = proxySettings({ HTTP_PROXY: "http://user:canary@:x" });
		let message = "";
		try {
			proxyFor("http://a", broken);
		} catch (error) {
			message = String(error) + JSON.stringify(error);
		}
		expect(message).toContain("HTTP_PROXY");
		expect(message).not.toContain("canary");
	});
});

describe("requests to buckets", () => {
	test("go through a tunnel of HTTPS_PROXY, and trust the authority of AWS_CA_BUNDLE", async () => {
		const seen: Seen[] = [];
		const { endpoint, bundle } = await secureServer(seen);
		const proxy = await startProxy({ login: "user:pass word" });
		const login = proxy.url.replace("//", "//user:pass%20word@");
		const env = environment({ AWS_ENDPOINT_URL: endpoint, AWS_CA_BUNDLE: bundle, HTTPS_PROXY: login });
		expect(await read(env)).toBe("hello");
		// The connection is free as soon as the end of the answer has been seen.
		await new Promise((resolve) => setTimeout(resolve, 50));
		expect(await read(env)).toBe("hello");
		const target = endpoint.slice("https://".length);
		expect(proxy.requests).toEqual([`CONNECT ${target}`]);
		expect(seen).toHaveLength(2);
		expect(seen[0]).toMatchObject({ host: target });
		expect(seen[0]?.headers).not.toContain("proxy-authorization");
	});

	test("are passed on by HTTP_PROXY, signed for the server", async () => {
		const seen: Seen[] = [];
		const port = await listen(createServer(bucket(seen)));
		const proxy = await startProxy();
		const endpoint = `http://127.0.0.1:${port}`;
		const env = environment({ AWS_ENDPOINT_URL: endpoint, HTTP_PROXY: proxy.url });
		expect(await read(env)).toBe("hello");
		await (await openS3("s3://data", env)).put("b", new TextEncoder().encode("content"));
		expect(proxy.requests).toEqual([`GET ${endpoint}/data/a`, `PUT ${endpoint}/data/b`]);
		expect(seen.at(-1)).toMatchObject({ host: `127.0.0.1:${port}`, body: "content" });
		expect(seen.at(-1)?.headers).toContain("authorization");
	});

	test("go past the proxy to hosts of NO_PROXY", async () => {
		const port = await listen(createServer(bucket([])));
		const proxy = await startProxy();
		const env = environment({
			AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
			HTTP_PROXY: proxy.url,
			NO_PROXY: "127.0.0.1",
		});
		expect(await read(env)).toBe("hello");
		expect(proxy.requests).toEqual([]);
	});

	test("are not sent to a server that cannot prove who it is, and say what to do", async () => {
		const { endpoint } = await secureServer();
		await expect(read(environment({ AWS_ENDPOINT_URL: endpoint }))).rejects.toMatchObject({
			code: "StoreUnavailable",
			hint: expect.stringContaining("AWS_CA_BUNDLE") as string,
			details: { endpoint, reason: "UNABLE_TO_VERIFY_LEAF_SIGNATURE" },
		});
		const env = environment({ AWS_ENDPOINT_URL: endpoint, AWS_CA_BUNDLE: "/nowhere/bundle.pem" });
		await expect(read(env)).rejects.toMatchObject({
			code: "InvalidConfig",
			details: { path: "/nowhere/bundle.pem" },
		});
	});

	test("trust the authorities of NODE_EXTRA_CA_CERTS beside those of AWS_CA_BUNDLE", async () => {
		const { endpoint, bundle } = await secureServer();
		const { bundle: another } = await secureServer();
		const env = environment({
			AWS_ENDPOINT_URL: endpoint,
			AWS_CA_BUNDLE: another,
			NODE_EXTRA_CA_CERTS: bundle,
		});
		expect(await read(env)).toBe("hello");
	});

	test("say that a proxy wants a password, once, without telling the wrong one", async () => {
		const { endpoint, bundle } = await secureServer();
		const proxy = await startProxy({ login: "user:right" });
		const env = environment({
			AWS_ENDPOINT_URL: endpoint,
			AWS_CA_BUNDLE: bundle,
			HTTPS_PROXY: proxy.url.replace("//", "//user:canary@"),
		});
		const error: unknown = await read(env).catch((reason: unknown) => reason);
		expect(error).toMatchObject({ code: "StoreUnavailable", details: { status: 407 } });
		expect(proxy.requests).toHaveLength(1);
		expect(`${String(error)} ${JSON.stringify(error)}`).not.toContain("canary");
	});

	test("are taken up again when the proxy is away for a moment", async () => {
		const { endpoint, bundle } = await secureServer();
		const proxy = await startProxy();
		const settings = proxySettings({ HTTPS_PROXY: "http://127.0.0.1:9", AWS_CA_BUNDLE: bundle });
		const target = { method: "GET", origin: endpoint, target: "/data/a", headers: {} } as const;
		await expect(createNodeTransport(settings)(target, undefined)).rejects.toThrow("ECONNREFUSED");
		const there = createNodeTransport({ ...settings, httpsProxy: proxy.url });
		expect((await there(target, undefined)).status).toBe(200);
	});

	test("share their connections as long as the variables stay the same", () => {
		expect(transportFor({ HTTP_PROXY: "http://a:1", X: "1" })).toBe(
			transportFor({ HTTP_PROXY: "http://a:1" }),
		);
		expect(transportFor({ HTTP_PROXY: "http://b:1" })).not.toBe(transportFor({ HTTP_PROXY: "http://a:1" }));
	});
});
