/** Requests over plain HTTP on connections of our own, which are used again; see `http-connection.ts`. */
import { setMaxListeners } from "node:events";
import type { Transport, TransportRequest, TransportResponse } from "../storage/s3/transport.ts";
import { WaitingLine } from "../storage/waiting-line.ts";
import { HttpConnection } from "./http-connection.ts";

/** Connections to one origin at once; further requests wait. */
const maxConnections = 64;

/** A transport for origins that begin with `http:`. Idle connections do not keep the process alive. */
export function createHttpTransport(): Transport {
	const origins = new Map<string, Origin>();
	return async (request, signal) => {
		// Many requests under one signal are no leak.
		if (signal !== undefined) setMaxListeners(0, signal);
		let origin = origins.get(request.origin);
		if (origin === undefined) {
			origin = new Origin(request.origin);
			origins.set(request.origin, origin);
		}
		return origin.send(request, signal);
	};
}

/** The connections to one origin. */
class Origin {
	readonly #host: string;
	readonly #port: number;
	/** The one that was used last is the last. */
	readonly #free: HttpConnection[] = [];
	readonly #waiting = new WaitingLine<HttpConnection>();
	#count = 0;

	constructor(origin: string) {
		const authority = /^http:\/\/(\[[^\]]+\]|[^:/]+)(?::(\d+))?$/.exec(origin);
		if (authority === null) throw new TypeError(`no origin over plain HTTP: ${origin}`);
		this.#host = (authority[1] ?? "").replace(/^\[|\]$/g, "");
		this.#port = Number(authority[2] ?? 80);
	}

	async send(request: TransportRequest, signal: AbortSignal | undefined): Promise<TransportResponse> {
		const connection = this.#free.pop() ?? (await this.#next(signal));
		if (signal?.aborted === true) {
			this.#onFree(connection);
			throw new Error("the request was interrupted", { cause: signal.reason });
		}
		return connection.send(request, signal);
	}

	#next(signal: AbortSignal | undefined): HttpConnection | Promise<HttpConnection> {
		return this.#count < maxConnections ? this.#open() : this.#waiting.wait(signal);
	}

	#open(): HttpConnection {
		this.#count++;
		return new HttpConnection({
			host: this.#host,
			port: this.#port,
			onFree: (connection) => this.#onFree(connection),
			onClosed: (connection) => this.#onClosed(connection),
		});
	}

	#onFree(connection: HttpConnection): void {
		if (!this.#waiting.admit(connection)) this.#free.push(connection);
	}

	#onClosed(connection: HttpConnection): void {
		this.#count--;
		const index = this.#free.indexOf(connection);
		if (index !== -1) this.#free.splice(index, 1);
		if (!this.#waiting.isEmpty) this.#waiting.admit(this.#open());
	}
}
