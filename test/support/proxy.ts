/** An HTTP proxy on loopback: it tunnels, passes plain requests on, and remembers what for. */
import { once } from "node:events";
import { createServer, request as send, type Server } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { onTestFinished } from "vitest";

export type TestProxy = {
	readonly url: string;
	/** `CONNECT host:port`, or method and address. */
	readonly requests: readonly string[];
};

/** Starts one that the end of the test ends; with `login` ("user:password") it wants that. */
export async function startProxy(options: { readonly login?: string } = {}): Promise<TestProxy> {
	const requests: string[] = [];
	const wanted =
		options.login === undefined ? undefined : `Basic ${Buffer.from(options.login).toString("base64")}`;
	const proxy: Server = createServer((incoming, answer) => {
		requests.push(`${incoming.method} ${incoming.url}`);
		if (incoming.headers["proxy-authorization"] !== wanted) {
			answer.writeHead(407).end();
			return;
		}
		const { "proxy-authorization": _, ...headers } = incoming.headers;
		const outgoing = send(incoming.url ?? "", { method: incoming.method ?? "GET", headers }, (response) => {
			answer.writeHead(response.statusCode ?? 502, response.headers);
			response.pipe(answer);
		});
		outgoing.on("error", () => answer.writeHead(502).end());
		incoming.pipe(outgoing);
	});
	proxy.on("connect", (incoming, client: Socket) => {
		requests.push(`CONNECT ${incoming.url}`);
		client.on("error", () => undefined);
		if (incoming.headers["proxy-authorization"] !== wanted) {
			client.end("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
			return;
		}
		const [host, port] = (incoming.url ?? "").split(":");
		const upstream = connect(Number(port), host, () => {
			client.write("HTTP/1.1 200 Connection Established\r\n\r\n");
			upstream.pipe(client).pipe(upstream);
		});
		upstream.on("error", () => client.destroy());
		client.on("close", () => upstream.destroy());
	});
	return { url: `http://127.0.0.1:${await listen(proxy)}`, requests };
}

/** Listens on a free port of loopback until the test ends. */
export async function listen(
	server: Server & { closeAllConnections(): void },
	onEnd: (work: () => void) => void = onTestFinished,
): Promise<number> {
	server.listen(0, "127.0.0.1");
	await once(server, "listening");
	const tunnels = new Set<Socket>();
	server.on("connection", (socket: Socket) => {
		tunnels.add(socket);
		socket.once("close", () => tunnels.delete(socket));
	});
	onEnd(() => {
		server.closeAllConnections();
		for (const socket of tunnels) socket.destroy();
		server.close();
	});
	return (server.address() as AddressInfo).port;
}
