/** Requests to S3 servers over Node's HTTP client, with connections that are used again. */
import { setMaxListeners } from "node:events";
import * as http from "node:http";
import * as https from "node:https";
import type { Transport, TransportResponse } from "../storage/s3/transport.ts";

/** A connection on which nothing moves for this long is given up. */
const idleMs = 30_000;

const agents = {
	"http:": new http.Agent({ keepAlive: true, maxSockets: 64, scheduling: "lifo" }),
	"https:": new https.Agent({ keepAlive: true, maxSockets: 64, scheduling: "lifo" }),
};

/** One pool of connections serves the whole process; idle ones do not keep it alive. */
export const nodeTransport: Transport = (request, signal) =>
	new Promise<TransportResponse>((resolve, reject) => {
		const secure = request.origin.startsWith("https:");
		const authority = /^https?:\/\/(\[[^\]]+\]|[^:]+)(?::(\d+))?$/.exec(request.origin);
		if (authority === null) throw new TypeError(`no origin: ${request.origin}`);
		const { body } = request;
		// Many requests under one signal are no leak.
		if (signal !== undefined) setMaxListeners(0, signal);
		const outgoing = (secure ? https : http).request({
			agent: agents[secure ? "https:" : "http:"],
			hostname: (authority[1] ?? "").replace(/^\[|\]$/g, ""),
			...(authority[2] === undefined ? {} : { port: Number(authority[2]) }),
			method: request.method,
			path: request.target,
			headers: {
				...request.headers,
				...(body === undefined && request.method !== "PUT" && request.method !== "POST"
					? {}
					: { "content-length": String(body?.length ?? 0) }),
			},
			...(signal === undefined ? {} : { signal }),
		});
		outgoing.setTimeout(idleMs, () => {
			outgoing.destroy(new Error(`nothing came for ${idleMs / 1000} seconds`));
		});
		outgoing.on("error", reject);
		outgoing.on("response", (response) => {
			resolve(answer(response));
		});
		outgoing.end(body);
	});

function answer(response: http.IncomingMessage): TransportResponse {
	// A body that breaks off before anybody reads it must not end the process.
	response.on("error", () => undefined);
	return {
		status: response.statusCode ?? 0,
		header(name) {
			const value = response.headers[name];
			return Array.isArray(value) ? value[0] : value;
		},
		stream: () => streamOf(response),
		discard: () => {
			response.resume();
		},
	};
}

function streamOf(response: http.IncomingMessage): ReadableStream<Uint8Array> {
	const chunks = response[Symbol.asyncIterator]() as AsyncIterator<Uint8Array, undefined>;
	return new ReadableStream<Uint8Array>(
		{
			async pull(controller) {
				const { done, value } = await chunks.next();
				if (done === true) controller.close();
				else controller.enqueue(value);
			},
			cancel() {
				// A short rest is read, so that the connection can be used again; a long one is cut off.
				const left = Number(response.headers["content-length"] ?? Infinity);
				if (response.complete || left <= 64 * 1024) void drain(chunks);
				else response.destroy();
			},
		},
		{ highWaterMark: 0 },
	);
}

async function drain(chunks: AsyncIterator<Uint8Array, undefined>): Promise<void> {
	try {
		while ((await chunks.next()).done !== true);
	} catch {
		// Nobody wants these bytes.
	}
}
