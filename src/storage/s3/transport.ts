import type { Sink } from "../store.ts";

/** How requests reach a server: on Node over its HTTP client, in a page over `fetch`. */
export type TransportRequest = {
	readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE";
	/** `http:` or `https:`, `//`, host and perhaps port; no path. */
	readonly origin: string;
	/** Path and query, percent-encoded; sent as it is. */
	readonly target: string;
	/** Lower-case names. `host` is that of the origin. */
	readonly headers: Readonly<Record<string, string>>;
	readonly body?: Uint8Array | undefined;
	/** How many milliseconds the server may be silent; absent: as the transport has it. Pages wait as long as it takes. */
	readonly patienceMs?: number | undefined;
};

export type TransportResponse = {
	readonly status: number;
	/** Value of a header by its lower-case name. */
	header(name: string): string | undefined;
	/** The body; read it, have it delivered or `discard` it, once. */
	stream(): ReadableStream<Uint8Array>;
	/** Gives the body to `sink`; rejects when it breaks off, and with what `sink` throws. Absent: there is only `stream`. */
	deliver?(sink: Sink): Promise<void>;
	/** Lets go of the body. */
	discard(): void;
};

/**
 * Sends one request once. Rejects with any error when there is no complete head of a response: the server
 * may have carried the request out all the same. Follows no redirects.
 */
export type Transport = ((
	request: TransportRequest,
	signal: AbortSignal | undefined,
) => Promise<TransportResponse>) & {
	/** Headers that an answer has may be hidden, as CORS rules can do in a page. */
	readonly filtersHeaders?: true;
};
