import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { proxiedFetch } from "./proxied-fetch.ts";

const servers: Server[] = [];

async function listen(server: Server): Promise<number> {
	servers.push(server);
	server.listen(0, "127.0.0.1");
	await once(server, "listening");
	return (server.address() as AddressInfo).port;
}

afterEach(() => {
	for (const server of servers.splice(0)) {
		server.closeAllConnections();
		server.close();
	}
});

/** A proxy that tunnels, and counts what it tunnelled. */
async function startProxy(): Promise<{ url: string; hosts: string[] }> {
	const hosts: string[] = [];
	const proxy = createServer((_request, response) => response.writeHead(405).end());
	proxy.on("connect", (request, client: Socket) => {
		hosts.push(request.url ?? "");
		const [host, port] = (request.url ?? "").split(":");
		const upstream = connect(Number(port), host, () => {
			client.write("HTTP/1.1 200 Connection Established\r\n\r\n");
			upstream.pipe(client).pipe(upstream);
		});
		upstream.on("error", () => client.destroy());
		client.on("error", () => upstream.destroy());
	});
	return { url: `http://127.0.0.1:${await listen(proxy)}`, hosts };
}

describe("proxiedFetch()", () => {
	it("goes straight to the server when nothing is set", async () => {
		const port = await listen(createServer((_request, response) => response.end("direct")));
		const answer = await proxiedFetch(`http://127.0.0.1:${port}/`, undefined, {});
		expect(await answer.text()).toBe("direct");
	});

	it("goes through the proxy of HTTP_PROXY, and past it for hosts in NO_PROXY", async () => {
		const port = await listen(createServer((_request, response) => response.end("answer")));
		const proxy = await startProxy();
		const url = `http://127.0.0.1:${port}/`;
		const through = await proxiedFetch(url, { redirect: "manual" }, { HTTP_PROXY: proxy.url });
		expect(await through.text()).toBe("answer");
		expect(proxy.hosts).toEqual([`127.0.0.1:${port}`]);
		const past = await proxiedFetch(url, undefined, { HTTP_PROXY: proxy.url, NO_PROXY: "127.0.0.1" });
		expect(await past.text()).toBe("answer");
		expect(proxy.hosts).toHaveLength(1);
	});

	it("takes no proxy for https from HTTP_PROXY, and does not repeat one that is no address", async () => {
		const proxy = await startProxy();
		const direct = proxiedFetch("https://127.0.0.1:1/", undefined, { HTTP_PROXY: proxy.url });
		await expect(direct).rejects.toThrow("fetch failed");
		expect(proxy.hosts).toEqual([]);
		const broken = { HTTPS_PROXY: "http://user:canary@:x" };
		await expect(proxiedFetch("https://127.0.0.1:1/", undefined, broken)).rejects.toSatisfy(
			(error: unknown) => !JSON.stringify([String(error), error]).includes("canary"),
		);
	});

	it("names the file of AWS_CA_BUNDLE that cannot be read", async () => {
		const env = { AWS_CA_BUNDLE: "/nowhere/bundle.pem" };
		await expect(proxiedFetch("https://localhost:1/", undefined, env)).rejects.toMatchObject({
			code: "InvalidConfig",
			details: { path: "/nowhere/bundle.pem" },
		});
	});
});
