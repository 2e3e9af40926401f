/** Requests to S3 servers over Node's HTTP client, with connections that are used again. */
import { setMaxListeners } from "node:events";
import * as http from "node:http";
import * as https from "node:https";
import type { Transport, TransportResponse } from "../storage/s3/transport.ts";
import { createHttpTransport } from "./http-client.ts";
import { idleMs, probeMs } from "./http-connection.ts";
import type { Environment } from "./places.ts";
import { proxyFor, proxySettings, type ProxySettings } from "./proxies.ts";
import { certificateError, routesFor } from "./s3-connections.ts";

/**
 * Sends requests over the proxies and with the authorities of these settings; one pool of connections for each. Straight
 * to a server and without encryption they go over connections of our own.
 */
export function createNodeTransport(settings: ProxySettings): Transport {
	const plain = createPlainTransport(settings);
	const own = createHttpTransport();
	const straight = new Map<string, boolean>();
	return (request, signal) => {
		const { origin } = request;
		let isOwn = straight.get(origin);
		if (isOwn === undefined) {
			isOwn = origin.startsWith("http:") && proxyFor(origin, settings) === undefined;
			straight.set(origin, isOwn);
		}
		return isOwn ? own(request, signal) : plain(request, signal);
	};
}

/** The same by Node's own HTTP client in all cases: what the other way is compared with. */
export function createPlainTransport(settings: ProxySettings): Transport {
	const routeTo = routesFor(settings);
	return (request, signal) =>
		new Promise<TransportResponse>((resolve, reject) => {
			const { secure, pathPrefix, headers, ...route } = routeTo(request.origin);
			const { body } = request;
			// Many requests under one signal are no leak.
			if (signal !== undefined) setMaxListeners(0, signal);
			const outgoing = (secure ? https : http).request({
				...route,
				method: request.method,
				path: pathPrefix + request.target,
				headers: {
					...request.headers,
					...headers,
					...(body === undefined && request.method !== "PUT" && request.method !== "POST"
						? {}
						: { "content-length": String(body?.length ?? 0) }),
				},
			});
			// Not as Node does it for its option "signal": a connection of an answer that has just ended has nobody who hears
			// its error, which then ends the process. Without an error, the request itself tells that it has failed.
			const abort = (): void => void outgoing.destroy();
			if (signal?.aborted === true) abort();
			signal?.addEventListener("abort", abort, { once: true });
			outgoing.once("close", () => signal?.removeEventListener("abort", abort));
			const patienceMs = request.patienceMs ?? idleMs;
			outgoing.setTimeout(patienceMs, () => {
				outgoing.destroy(new Error(`nothing came for ${patienceMs / 1000} seconds`));
			});
			outgoing.setSocketKeepAlive(true, probeMs);
			outgoing.on("error", (error) => {
				reject(certificateError(error, request.origin) ?? error);
			});
			outgoing.on("response", (response) => {
				resolve(answer(response));
			});
			outgoing.end(body);
		});
}

/** Straight to the server. */
export const nodeTransport: Transport = createNodeTransport(proxySettings({}));

const transports = new Map([[JSON.stringify(proxySettings({})), nodeTransport]]);

/** The transport for the variables of an environment; the same for the same variables. */
export function transportFor(env: Environment): Transport {
	const settings = proxySettings(env);
	const id = JSON.stringify(settings);
	const transport = transports.get(id) ?? createNodeTransport(settings);
	transports.set(id, transport);
	return transport;
}

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
