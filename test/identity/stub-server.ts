import { createServer } from "node:http";
import type { IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";

/** A request that the stub got. */
export type Received = {
	readonly method: string;
	readonly path: string;
	readonly headers: IncomingHttpHeaders;
	readonly body: string;
};

export type Reply = {
	readonly status: number;
	readonly headers?: Readonly<Record<string, string>>;
	readonly body?: string;
};

export type StubServer = {
	readonly origin: string;
	readonly received: Received[];
	close(): Promise<void>;
};

/** An HTTP server on a free port of this machine that records requests and answers as told. */
export async function startStub(answer: (request: Received) => Reply | Promise<Reply>): Promise<StubServer> {
	const received: Received[] = [];
	const server = createServer((request, response) => {
		const chunks: Buffer[] = [];
		request.on("data", (chunk: Buffer) => chunks.push(chunk));
		request.on("end", () => {
			const entry = {
				method: request.method ?? "",
				path: request.url ?? "",
				headers: request.headers,
				body: Buffer.concat(chunks).toString(),
			};
			received.push(entry);
			void Promise.resolve(answer(entry)).then((reply) => {
				response.writeHead(reply.status, reply.headers);
				response.end(reply.body ?? "");
			});
		});
	});
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	return {
		origin: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
		received,
		close: () =>
			new Promise((resolve) => {
				server.closeAllConnections();
				server.close(() => resolve());
			}),
	};
}

export const json = (value: unknown, status = 200): Reply => ({
	status,
	headers: { "Content-Type": "application/json" },
	body: JSON.stringify(value),
});
