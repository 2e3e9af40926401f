/**
 * A proxy on loopback in front of an S3 server: it notes every request, and does to it what a plan of faults says. The Host
 * header stays what the client has signed, so the server accepts the signature.
 */
import {
	Agent,
	createServer,
	request as send,
	type ClientRequest,
	type IncomingMessage,
	type ServerResponse,
} from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { nameRequest, type Named } from "./operations.ts";
import { canHappen, type FaultKind, type FaultPlan } from "./proxy-faults.ts";
import { serverAt, type S3Server } from "./server.ts";

const delayMs = 200;

export type LoggedRequest = Named & {
	/** The first byte of the range that is asked for; 0 without a range. */
	readonly first: number;
	/** Bytes of the body that the client sent. */
	sent: number;
	/** Bytes of the body that went back. */
	received: number;
	/** What the client was answered; 0: nothing. */
	status: number;
	readonly fault: FaultKind | undefined;
};

export type S3Proxy = {
	/** The server as it is seen through the proxy. */
	readonly server: S3Server;
	/** Every request since the start or the last `clear`, in the order of arrival. */
	readonly log: readonly LoggedRequest[];
	plan: FaultPlan;
	/** Changes the body of an answer; undefined: it goes back as it is. */
	rewrite: (request: Named) => ((text: string) => string) | undefined;
	/** Each request waits for it before it goes on. */
	before: (request: Named) => Promise<void>;
	/** Forgets the log and gives it back. */
	clear(): LoggedRequest[];
	/** Waits until nothing is under way: also what a client had sent before it was killed has reached the log and the server. */
	settled(): Promise<void>;
	stop(): Promise<void>;
};

/** Starts a proxy for the caller, who stops it. */
export async function startProxy(target: Pick<S3Server, "endpoint" | "credentials">): Promise<S3Proxy> {
	const agent = new Agent({ keepAlive: true });
	const upstream = new URL(target.endpoint);
	const log: LoggedRequest[] = [];
	const sockets = new Set<Socket>();
	const underWay = new Set<Promise<unknown>>();
	const proxy = createServer((incoming, outgoing) => {
		const { method = "", url = "" } = incoming;
		const named = nameRequest(method, url, incoming.headers["x-amz-copy-source"] !== undefined);
		const planned = result.plan(named);
		const fault = planned !== undefined && canHappen(planned, named) ? planned : undefined;
		const first = Number(/^bytes=(\d+)-/.exec(incoming.headers.range ?? "")?.[1] ?? 0);
		const entry: LoggedRequest = { ...named, first, sent: 0, received: 0, status: 0, fault };
		log.push(entry);
		const to = { agent, host: upstream.hostname, port: upstream.port };
		const exchange = new Exchange(incoming, outgoing, entry, to, result.rewrite(named));
		const over = result.before(named).then(() => {
			incoming.on("data", (chunk: Uint8Array) => (entry.sent += chunk.length));
			return exchange.run();
		});
		underWay.add(over);
		void over.finally(() => underWay.delete(over));
	});
	proxy.on("connection", (socket) => {
		sockets.add(socket);
		socket.on("error", () => undefined).once("close", () => sockets.delete(socket));
	});
	await new Promise<void>((resolve, reject) => {
		proxy.once("error", reject).listen(0, "127.0.0.1", resolve);
	});
	const stop = async (): Promise<void> => {
		for (const socket of sockets) socket.destroy();
		agent.destroy();
		await new Promise((resolve) => proxy.close(resolve));
	};
	const endpoint = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
	const result: S3Proxy = {
		server: serverAt(endpoint, target.credentials, stop),
		log,
		plan: () => undefined,
		rewrite: () => undefined,
		before: () => Promise.resolve(),
		clear: () => log.splice(0),
		async settled() {
			while (underWay.size > 0) await Promise.all(underWay);
		},
		stop,
	};
	return result;
}

type Upstream = { readonly agent: Agent; readonly host: string; readonly port: string };

/** One request and its answer. */
class Exchange {
	readonly #incoming: IncomingMessage;
	readonly #outgoing: ServerResponse;
	readonly #entry: LoggedRequest;
	readonly #upstream: Upstream;
	readonly #rewrite: ((text: string) => string) | undefined;

	constructor(
		incoming: IncomingMessage,
		outgoing: ServerResponse,
		entry: LoggedRequest,
		upstream: Upstream,
		rewrite: ((text: string) => string) | undefined,
	) {
		this.#incoming = incoming;
		this.#outgoing = outgoing;
		this.#entry = entry;
		this.#upstream = upstream;
		this.#rewrite = rewrite;
	}

	/** Resolves when both sides are done with it. */
	async run(): Promise<void> {
		// Its client was killed while it waited.
		if (this.#incoming.destroyed) return;
		const answered = closed(this.#outgoing);
		switch (this.#entry.fault) {
			case "internal-error":
				this.#refuse(500, "InternalError");
				break;
			case "slow-down":
				this.#refuse(503, "SlowDown");
				break;
			case "error-in-200":
				this.#refuse(200, "InternalError");
				break;
			case "no-answer":
				this.#incoming.resume();
				break;
			default:
				await this.#forward();
		}
		await answered;
	}

	/** Answers as a server does that does not look at the request. */
	#refuse(status: number, code: string): void {
		const { method } = this.#entry;
		this.#incoming.resume().on("end", () => {
			const text = errorDocument(code);
			this.#entry.status = status;
			this.#outgoing.writeHead(status, { "content-type": "application/xml" });
			this.#outgoing.end(method === "HEAD" ? undefined : text);
		});
	}

	#forward(): Promise<void> {
		const { fault } = this.#entry;
		const { method, url } = this.#incoming;
		const onward = send({ ...this.#upstream, method, path: url, headers: this.#incoming.headers });
		onward.on("error", () => this.#incoming.socket.destroy());
		const length = Number(this.#incoming.headers["content-length"] ?? 0);
		let passed = 0;
		const hasPassed = (): boolean => this.#incoming.readableEnded || (length > 0 && passed >= length);
		// The rest of what a killed client had sent may have been here, waiting for the server: it is lost, and never ends.
		this.#incoming.on("close", () => {
			if (hasPassed()) onward.end();
			else onward.destroy();
		});
		// A client that was killed takes nothing more, and the rest of its answer would wait for ever. What it asked for in full
		// the server does all the same: its answer tells when it is done.
		this.#outgoing.on("close", () => {
			if (this.#outgoing.writableFinished) return;
			if (method === "GET" || !hasPassed()) onward.destroy();
			else answered?.removeAllListeners("data").resume();
		});
		let answered: IncomingMessage | undefined;
		onward.on("response", (answer) => {
			answered = answer;
			answer.on("error", () => this.#incoming.socket.destroy());
			if (this.#outgoing.destroyed) {
				answer.resume();
				return;
			}
			if (fault === "lost-answer") {
				answer.resume().on("end", () => this.#reset());
			} else if (fault === "delay") {
				setTimeout(() => this.#answer(answer), delayMs);
			} else if (fault === "late-error-in-200" && answer.statusCode === 200) {
				void this.#answerAnew(answer, () => errorDocument("InternalError"));
			} else if (fault === "half-document" && answer.statusCode === 200) {
				void this.#answerAnew(answer, (text) => text.slice(0, text.length / 2));
			} else if (this.#rewrite !== undefined) {
				void this.#answerAnew(answer, this.#rewrite);
			} else this.#answer(answer);
		});
		if (fault === "reset-request" && length === 0) this.#reset();
		const corrupts = fault === "corrupt-request" && /^(PutObject|UploadPart)$/.test(this.#entry.operation);
		this.#incoming.on("data", (chunk: Buffer) => {
			const before = passed;
			passed += chunk.length;
			if (corrupts && before === 0) onward.write(flipped(chunk));
			else if (fault === "reset-request" && passed * 2 >= length) {
				onward.destroy();
				this.#reset();
			} else if (!onward.write(chunk)) {
				this.#incoming.pause();
				onward.once("drain", () => this.#incoming.resume());
			}
		});
		this.#incoming.on("end", () => onward.end());
		return closed(onward);
	}

	#answer(answer: IncomingMessage): void {
		const { fault, operation } = this.#entry;
		this.#entry.status = answer.statusCode ?? 0;
		const headers = { ...answer.headers };
		if (fault === "wrong-checksum") {
			for (const name of Object.keys(headers)) {
				const isDigest = /^x-amz-checksum-(crc|sha)/.test(name);
				if (isDigest) headers[name] = otherDigest(String(headers[name]));
			}
		}
		this.#outgoing.writeHead(this.#entry.status, headers);
		this.#outgoing.flushHeaders();
		const length = Number(headers["content-length"] ?? 0);
		const cuts = fault === "reset-response" || fault === "truncate-response";
		if (cuts && (length === 0 || this.#entry.method === "HEAD")) {
			this.#reset();
			return;
		}
		const corrupts = fault === "corrupt-response" && operation === "GetObject";
		answer.on("data", (chunk: Buffer) => {
			const before = this.#entry.received;
			const rest = cuts ? chunk.subarray(0, Math.max(0, Math.floor(length / 2) - before)) : chunk;
			this.#entry.received += rest.length;
			const more = this.#outgoing.write(corrupts && before === 0 ? flipped(rest) : rest);
			if (cuts && rest.length < chunk.length) {
				answer.destroy();
				if (fault === "reset-response") this.#reset();
				else this.#incoming.socket.end();
			} else if (!more) {
				answer.pause();
				this.#outgoing.once("drain", () => answer.resume());
			}
		});
		answer.on("end", () => this.#outgoing.end());
	}

	async #answerAnew(answer: IncomingMessage, rewrite: (text: string) => string): Promise<void> {
		const chunks = await answer.toArray();
		const body = Buffer.from(rewrite(Buffer.concat(chunks as Uint8Array[]).toString()));
		this.#entry.status = answer.statusCode ?? 0;
		this.#entry.received = body.length;
		const { "transfer-encoding": _chunked, ...headers } = answer.headers;
		this.#outgoing.writeHead(this.#entry.status, { ...headers, "content-length": body.length }).end(body);
	}

	#reset(): void {
		this.#incoming.socket.resetAndDestroy();
	}
}

function closed(stream: ClientRequest | ServerResponse): Promise<void> {
	// A client that was killed while its request waited has closed it before.
	if (stream.closed) return Promise.resolve();
	return new Promise((resolve) => stream.once("close", resolve));
}

function errorDocument(code: string): string {
	return `<?xml version="1.0"?><Error><Code>${code}</Code><Message>injected</Message></Error>`;
}

/** The bytes with one bit changed in the middle. */
function flipped(bytes: Buffer): Buffer {
	const copy = Buffer.from(bytes);
	const at = copy.length >> 1;
	if (copy.length > 0) copy[at] = (copy[at] ?? 0) ^ 1;
	return copy;
}

/** Another digest of the same length: the number of parts that may follow stays. */
function otherDigest(text: string): string {
	const [digest = "", ...parts] = text.split("-");
	return [flipped(Buffer.from(digest, "base64")).toString("base64"), ...parts].join("-");
}
