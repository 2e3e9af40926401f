/**
 * One HTTP/1.1 connection without encryption, for one request after the other. What Node's own client spends on a
 * request goes into objects for each piece of a body; here all bytes of a connection arrive in one buffer, which is
 * shown to whoever reads and then used again.
 */
import { connect, type Socket } from "node:net";
import type { Sink } from "../storage/store.ts";
import type { TransportRequest, TransportResponse } from "../storage/s3/transport.ts";
import { createDecoder, type BodyDecoder } from "./http-body.ts";
import { maxHeadBytes, parseHead, type ResponseHead } from "./http-head.ts";
import { createReadBuffer } from "./read-buffer.mjs";

/** A connection on which nothing moves for this long is given up, where the request does not say otherwise. */
export const idleMs = 30_000;
/** How often a connection that is silent is asked whether the other side is still there. */
export const probeMs = 30_000;
/** The rest of an unwanted body is read up to this size, so that the connection can be used again. */
const drainBytes = 64 * 1024;
const bufferBytes = 256 * 1024;

const headEnd = Buffer.from("\r\n\r\n");

export type ConnectionOptions = {
	readonly host: string;
	readonly port: number;
	/** The connection is ready for another request. */
	readonly onFree: (connection: HttpConnection) => void;
	/** It is closed, and no request is under way. */
	readonly onClosed: (connection: HttpConnection) => void;
};

export class HttpConnection {
	readonly #options: ConnectionOptions;
	readonly #socket: Socket;
	#exchange: Exchange | undefined;
	#patienceMs = idleMs;
	#error: Error | undefined;
	#isClosed = false;

	constructor(options: ConnectionOptions) {
		this.#options = options;
		const buffer = createReadBuffer(bufferBytes);
		this.#socket = connect({
			host: options.host,
			port: options.port,
			noDelay: true,
			keepAlive: true,
			keepAliveInitialDelay: probeMs,
			onread: { buffer, callback: (length) => this.#take(buffer.subarray(0, length)) },
		});
		this.#socket.setTimeout(idleMs, () => this.#onIdle());
		this.#socket.on("error", (error) => (this.#error ??= error));
		this.#socket.on("end", () => this.#onEnd());
		this.#socket.on("close", () => this.#onClose());
	}

	/** Sends a request while no other is under way; see `Transport`. */
	send(request: TransportRequest, signal: AbortSignal | undefined): Promise<TransportResponse> {
		return new Promise((resolve, reject) => {
			if (this.#isClosed) {
				reject(new Error("the connection is closed"));
				return;
			}
			const abort = (): void =>
				this.#destroy(new Error("the request was interrupted", { cause: signal?.reason }));
			signal?.addEventListener("abort", abort, { once: true });
			const exchange = new Exchange(request.method, {
				respond: resolve,
				fail: reject,
				readOn: () => this.#socket.resume(),
				giveUp: (error) => this.#destroy(error),
				over: () => signal?.removeEventListener("abort", abort),
				done: (isClean) => this.#onDone(isClean),
			});
			this.#exchange = exchange;
			this.#socket.ref();
			this.#wait(request.patienceMs ?? idleMs);
			try {
				this.#write(request);
			} catch (error) {
				this.#destroy(error as Error);
			}
		});
	}

	#wait(patienceMs: number): void {
		if (patienceMs === this.#patienceMs) return;
		this.#patienceMs = patienceMs;
		this.#socket.setTimeout(patienceMs);
	}

	#write(request: TransportRequest): void {
		const head = formatHead(request);
		const { body } = request;
		if (body === undefined || body.length === 0) {
			this.#socket.write(head, "latin1");
			return;
		}
		this.#socket.cork();
		this.#socket.write(head, "latin1");
		this.#socket.write(body);
		this.#socket.uncork();
	}

	/** Bytes have come; false: no more for now. */
	#take(bytes: Buffer): boolean {
		if (this.#exchange === undefined) {
			this.#destroy(new Error("bytes came that nobody had asked for"));
			return false;
		}
		try {
			return this.#exchange.take(bytes);
		} catch (error) {
			this.#destroy(error as Error);
			return false;
		}
	}

	#onDone(isClean: boolean): void {
		this.#exchange = undefined;
		// What is still to be sent belongs to a request that was answered before its end.
		if (!isClean || this.#isClosed || this.#socket.writableLength > 0 || this.#socket.readableEnded) {
			this.#destroy(undefined);
			return;
		}
		this.#socket.unref();
		this.#socket.resume();
		this.#options.onFree(this);
	}

	#onIdle(): void {
		if (this.#exchange === undefined) return;
		// Whoever reads has not asked for more.
		if (this.#exchange.isPaused) this.#socket.setTimeout(this.#patienceMs);
		else this.#destroy(new Error(`nothing came for ${this.#patienceMs / 1000} seconds`));
	}

	#onEnd(): void {
		this.#exchange?.end();
		this.#destroy(new Error("the server closed the connection"));
	}

	#destroy(error: Error | undefined): void {
		this.#error ??= error;
		this.#socket.destroy();
		this.#onClose();
	}

	#onClose(): void {
		if (this.#isClosed) return;
		this.#isClosed = true;
		this.#exchange?.fail(this.#error ?? new Error("the connection was closed"));
		this.#exchange = undefined;
		this.#options.onClosed(this);
	}
}

type ExchangeEvents = {
	readonly respond: (response: TransportResponse) => void;
	readonly fail: (error: Error) => void;
	readonly readOn: () => void;
	readonly giveUp: (error: Error) => void;
	/** Nothing more will happen. */
	readonly over: () => void;
	/** The response is complete; `isClean`: and the connection can be used again. */
	readonly done: (isClean: boolean) => void;
};

/** A request and its response. */
class Exchange {
	readonly #method: string;
	readonly #events: ExchangeEvents;
	#unread: Buffer | undefined;
	#head: ResponseHead | undefined;
	#decoder: BodyDecoder | undefined;
	#reader: Reader | undefined;
	#failure: Error | undefined;
	#isOver = false;

	constructor(method: string, events: ExchangeEvents) {
		this.#method = method;
		this.#events = events;
	}

	/** There is a response, and nobody wants more of it now. */
	get isPaused(): boolean {
		return this.#head !== undefined && this.#reader?.wants !== true;
	}

	/** Takes bytes of the connection; false: no more for now. Throws for what is malformed. */
	take(bytes: Buffer): boolean {
		if (this.#head !== undefined) return this.#decode(bytes);
		let rest = this.#unread === undefined ? bytes : Buffer.concat([this.#unread, bytes]);
		for (;;) {
			const end = rest.indexOf(headEnd);
			if (end > maxHeadBytes || (end === -1 && rest.length > maxHeadBytes)) {
				throw new TypeError("the head of the answer is too long");
			}
			if (end === -1) {
				this.#unread = Buffer.from(rest);
				return true;
			}
			const head = parseHead(rest.toString("latin1", 0, end), this.#method);
			rest = rest.subarray(end + headEnd.length);
			if (head.status === 101) throw new TypeError("the answer changes the protocol");
			if (head.status < 200) continue;
			return this.#begin(head, rest);
		}
	}

	#begin(head: ResponseHead, rest: Buffer): boolean {
		this.#head = head;
		this.#decoder = createDecoder(head.framing);
		this.#unread = rest;
		this.#events.respond({
			status: head.status,
			header: (name) => head.headers.get(name),
			stream: () => this.#stream(),
			deliver: (sink) => this.#deliver(sink),
			discard: () => this.#drop(),
		});
		if (this.#decoder.isDone) this.#finish(rest.length === 0);
		return this.#isOver;
	}

	#decode(bytes: Uint8Array): boolean {
		const [decoder, reader] = [this.#decoder, this.#reader];
		if (decoder === undefined || reader === undefined) throw new TypeError("nobody reads the body");
		const used = decoder.decode(bytes, reader.give);
		if (this.#isOver) return false;
		if (decoder.isDone) {
			this.#finish(used === bytes.length);
			return true;
		}
		return reader.wants;
	}

	/** The connection has ended. */
	end(): void {
		if (this.#decoder?.endsWithConnection === true) this.#finish(false);
	}

	fail(error: Error): void {
		if (this.#isOver) return;
		this.#isOver = true;
		this.#failure = error;
		this.#events.over();
		if (this.#head === undefined) this.#events.fail(error);
		else this.#reader?.fail(error);
	}

	#finish(isClean: boolean): void {
		this.#isOver = true;
		this.#unread = undefined;
		this.#events.over();
		this.#reader?.end();
		this.#events.done(isClean && this.#head?.keepsConnection === true);
	}

	#read(reader: Reader): void {
		this.#reader = reader;
		if (this.#failure !== undefined) reader.fail(this.#failure);
		else if (this.#isOver) reader.end();
		else if (reader.wants) this.#readOn();
	}

	/** What came with the head first, then what comes. */
	#readOn(): void {
		const unread = this.#unread;
		this.#unread = undefined;
		try {
			if (unread === undefined || unread.length === 0 || this.#decode(unread)) {
				if (!this.#isOver) this.#events.readOn();
			}
		} catch (error) {
			this.#events.giveUp(error as Error);
		}
	}

	#deliver(sink: Sink): Promise<void> {
		return new Promise((resolve, reject) => {
			this.#read({ wants: true, give: sink, end: resolve, fail: reject });
		});
	}

	#stream(): ReadableStream<Uint8Array> {
		let pulled: (() => void) | undefined;
		const reader = { wants: false } as Reader & { wants: boolean };
		const pause = (): void => {
			reader.wants = false;
			pulled?.();
		};
		return new ReadableStream<Uint8Array>(
			{
				start: (controller) => {
					reader.give = (part) => {
						controller.enqueue(Uint8Array.prototype.slice.call(part));
						pause();
					};
					reader.end = () => {
						controller.close();
						pause();
					};
					reader.fail = (error) => {
						controller.error(error);
						pause();
					};
					this.#read(reader);
				},
				pull: () =>
					new Promise<void>((resolve) => {
						pulled = resolve;
						reader.wants = true;
						if (this.#isOver) resolve();
						else this.#readOn();
					}),
				cancel: () => this.#drop(),
			},
			{ highWaterMark: 0 },
		);
	}

	#drop(): void {
		if (this.#isOver) return;
		const framing = this.#head?.framing;
		if (framing?.kind === "length" && framing.bytes <= drainBytes) {
			this.#read({ wants: true, give: () => undefined, end: () => undefined, fail: () => undefined });
		} else this.#events.giveUp(new Error("the rest of the answer is not wanted"));
	}
}

/** Who reads a body: gets its parts as views of memory that is used again, and its end or failure. */
type Reader = {
	/** More is wanted at once. */
	readonly wants: boolean;
	give: (part: Uint8Array) => void;
	end: () => void;
	fail: (error: Error) => void;
};

function formatHead({ method, target, headers, body }: TransportRequest): string {
	if (!/^\/[\x21-\x7e]*$/.test(target)) throw new TypeError(`no target of a request: ${target}`);
	let head = `${method} ${target} HTTP/1.1\r\n`;
	for (const name of Object.keys(headers)) {
		const value = headers[name] ?? "";

		if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) throw new TypeError(`no value of a header: ${name}`);
		head += `${name}: ${value}\r\n`;
	}
	if (body !== undefined || method === "PUT" || method === "POST") {
		head += `content-length: ${body?.length ?? 0}\r\n`;
	}
	return `${head}\r\n`;
}
