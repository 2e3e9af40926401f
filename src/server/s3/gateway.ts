/** The server: takes connections, lets in who has the keys, answers S3's operations over folders. */
import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { S3Credentials } from "../../storage/s3/signature.ts";
import { Authenticator } from "./authentication.ts";
import { readMessage, RequestBody } from "./body.ts";
import type { Bucket } from "./bucket.ts";
import type { Answer, Buckets } from "./call.ts";
import { corsHeaders, preflight } from "./cors.ts";
import { EarlyAnswer } from "./early-answer.ts";
import { S3Fault } from "./fault.ts";
import { perform } from "./operations.ts";
import { readRequest, servedNames } from "./request.ts";
import { faultAnswer, sendAnswer, toFault } from "./send.ts";

export type GatewayOptions = {
	readonly buckets: readonly Bucket[];
	readonly keys: S3Credentials;
	/** An address or name of this machine; default 127.0.0.1. */
	readonly host?: string | undefined;
	/** Default 0: a free one. */
	readonly port?: number | undefined;
	readonly readOnly?: boolean | undefined;
	/** Origins of the web pages that may use it; `*`: all. Default: none. */
	readonly origins?: readonly string[] | undefined;
	/** Makes a bucket when a client asks for one; absent: none can be made. */
	readonly create?: ((name: string) => Promise<Bucket>) | undefined;
	/** Told of failures that are the server's own. */
	readonly onError?: ((error: unknown) => void) | undefined;
	/** Milliseconds since the epoch. */
	readonly now?: (() => number) | undefined;
	/** How long a client may send nothing in the middle of a body. */
	readonly idleMs?: number | undefined;
	/** After how long, and how often, a client is told that its copy or completion goes on. */
	readonly keepAliveMs?: number | undefined;
};

/** A server that answers. */
export interface Gateway {
	/** `http://127.0.0.1:9000` */
	readonly endpoint: string;
	readonly port: number;
	/** Takes no more requests, lets those that are under way end (at most `graceMs`), and ends. */
	close(graceMs?: number): Promise<void>;
}

const defaultIdleMs = 60_000;
const defaultKeepAliveMs = 10_000;
const headerBytes = 32 * 1024;
const skipMs = 10_000;
const defaultGraceMs = 10_000;

/** Starts a server. Throws what listening throws (`EADDRINUSE`, …). */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
	const host = options.host ?? "127.0.0.1";
	const served = servedNames(host);
	const authenticator = new Authenticator(options.keys, options.now ?? Date.now);
	const origins = options.origins ?? [];
	const byName = new Map(options.buckets.map((bucket) => [bucket.name, bucket]));
	const { create } = options;
	const buckets: Buckets = {
		readOnly: options.readOnly === true,
		find: (name) => byName.get(name),
		all: () => [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
		create:
			create &&
			(async (name) => {
				const bucket = await create(name);
				byName.set(name, bucket);
				return bucket;
			}),
	};
	const ending = new AbortController();

	const answerTo = async (
		message: IncomingMessage,
		response: ServerResponse,
		signal: AbortSignal,
		begin: (headers: Readonly<Record<string, string>>) => void,
	): Promise<{ answer: Answer; headers: Record<string, string> }> => {
		const request = readRequest(message, served);
		const headers = corsHeaders(origins, request.headers);
		try {
			if (request.method === "OPTIONS") {
				const allowed = preflight(origins, request.headers);
				if (allowed === undefined)
					throw new S3Fault("AccessForbidden", 403, "CORSResponse: This CORS request is not allowed.");
				return { answer: { status: 200, headers: allowed }, headers };
			}
			const signed = authenticator.check(request);
			const body = new RequestBody(request, signed, () => {
				if (request.headers.get("expect")?.toLowerCase() === "100-continue") response.writeContinue();
				return readMessage(message, options.idleMs ?? defaultIdleMs);
			});
			const keepAlive = (): void => {
				begin(headers);
			};
			return { answer: await perform({ request, body, buckets, keepAlive, signal }), headers };
		} catch (error) {
			const fault = toFault(error);
			if (fault.status >= 500 && fault.code === "InternalError" && !signal.aborted) options.onError?.(error);
			throw new S3Fault(fault.code, fault.status, fault.message, { ...headers, ...fault.headers });
		}
	};

	const handle = async (message: IncomingMessage, response: ServerResponse): Promise<void> => {
		const requestId = randomBytes(8).toString("hex").toUpperCase();
		const gone = new AbortController();
		const early = new EarlyAnswer(response, options.keepAliveMs ?? defaultKeepAliveMs);
		response.once("close", () => {
			gone.abort();
			early.stop();
		});
		const signal = AbortSignal.any([gone.signal, ending.signal]);
		let answer: Answer;
		let headers: Record<string, string> = {};
		try {
			const begin = (known: Readonly<Record<string, string>>): void => {
				early.start({ "x-amz-request-id": requestId, ...known });
			};
			({ answer, headers } = await answerTo(message, response, signal, begin));
		} catch (error) {
			answer = faultAnswer(toFault(error), message, requestId);
		}
		early.stop();
		const more: Record<string, string> = {
			"x-amz-request-id": requestId,
			...headers,
			...connection(message, response),
		};
		const closes = (answer.headers?.["connection"] ?? more["connection"]) === "close";
		const skipped = (): Promise<void> => (closes ? Promise.resolve() : skipRest(message));
		try {
			if (!signal.aborted) await sendAnswer(response, answer, more, signal, skipped);
			else response.destroy();
		} catch (error) {
			if (!signal.aborted) options.onError?.(error);
			response.destroy();
		} finally {
			await answer.close?.();
		}
	};

	const server = createServer({
		maxHeaderSize: headerBytes,
		requestTimeout: 0,
		headersTimeout: 20_000,
		keepAliveTimeout: 65_000,
	});
	const take = (message: IncomingMessage, response: ServerResponse): void => {
		void handle(message, response);
	};
	server.on("request", take);
	server.on("checkContinue", take);
	server.on("clientError", (_error, socket) => {
		if (socket.writable)
			socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
		else socket.destroy();
	});
	await new Promise<void>((resolve, reject) => {
		server.once("error", reject);
		server.listen(options.port ?? 0, host, () => {
			server.off("error", reject);
			resolve();
		});
	});
	const { port } = server.address() as AddressInfo;
	return {
		endpoint: `http://${host.includes(":") ? `[${host}]` : host}:${port}`,
		port,
		async close(graceMs = defaultGraceMs) {
			const closed = new Promise<void>((resolve) => {
				server.close(() => {
					resolve();
				});
			});
			server.closeIdleConnections();
			const timer = setTimeout(() => {
				ending.abort();
				server.closeAllConnections();
			}, graceMs);
			await closed;
			clearTimeout(timer);
		},
	};
}

/** A client that waits to be told to send its body is told no by the end of the connection. */
function connection(message: IncomingMessage, response: ServerResponse): Record<string, string> {
	const waits = message.headers.expect?.toLowerCase() === "100-continue";
	return waits && !message.complete && !continued(response) ? { connection: "close" } : {};
}

function continued(response: ServerResponse): boolean {
	return (response as ServerResponse & { _sent100?: boolean })._sent100 === true;
}

/** What was not read of a body is skipped, so that the answer arrives; not for long. */
async function skipRest(message: IncomingMessage): Promise<void> {
	if (message.complete || message.destroyed) return;
	await new Promise<void>((resolve) => {
		const done = (): void => {
			clearTimeout(timer);
			resolve();
		};
		const timer = setTimeout(done, skipMs);
		for (const event of ["end", "close", "error"]) message.once(event, done);
		message.resume();
	});
}
