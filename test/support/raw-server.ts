/** A server on loopback whose answers are written byte by byte, so that they can be as wrong as one likes. */
import { createServer, type Server, type Socket } from "node:net";

export type RawRequest = {
	/** The request line and the headers, as they came. */
	readonly head: string;
	readonly body: Buffer;
	readonly socket: Socket;
	/** Counts connections from 1. */
	readonly connection: number;
};

export type RawServer = {
	/** `http://127.0.0.1:port`. */
	readonly origin: string;
	readonly requests: readonly RawRequest[];
	stop(): Promise<void>;
};

/** Every complete request is given to `answer`, which writes to its socket. */
export async function startRawServer(answer: (request: RawRequest) => void): Promise<RawServer> {
	const sockets = new Set<Socket>();
	const requests: RawRequest[] = [];
	let connections = 0;
	const server = createServer({ noDelay: true }, (socket) => {
		const connection = ++connections;
		let received = Buffer.alloc(0);
		sockets.add(socket);
		socket.on("close", () => sockets.delete(socket));
		socket.on("error", () => undefined);
		socket.on("data", (chunk) => {
			received = Buffer.concat([received, chunk]);
			for (;;) {
				const end = received.indexOf("\r\n\r\n");
				if (end === -1) return;
				const head = received.toString("latin1", 0, end);
				const length = Number(/^content-length: (\d+)$/im.exec(head)?.[1] ?? 0);
				const stop = end + 4 + length;
				if (received.length < stop) return;
				const request = { head, body: received.subarray(end + 4, stop), socket, connection };
				received = received.subarray(stop);
				requests.push(request);
				answer(request);
			}
		});
	});
	await listen(server);
	const address = server.address();
	if (address === null || typeof address === "string") throw new Error("no port");
	return {
		origin: `http://127.0.0.1:${address.port}`,
		requests,
		async stop() {
			for (const socket of sockets) socket.destroy();
			await new Promise((resolve) => server.close(resolve));
		},
	};
}

async function listen(server: Server): Promise<void> {
	await new Promise<void>((resolve, reject) => {
		server.once("error", reject).listen(0, "127.0.0.1", resolve);
	});
}

/** Writes `bytes` in pieces, cut at the given places, each sent by itself. */
export async function writeInPieces(socket: Socket, bytes: Buffer, cuts: readonly number[]): Promise<void> {
	let at = 0;
	for (const cut of [...cuts].sort((a, b) => a - b).concat(bytes.length)) {
		if (cut <= at) continue;
		socket.write(bytes.subarray(at, cut));
		at = cut;
		await new Promise((resolve) => setImmediate(resolve));
	}
}
