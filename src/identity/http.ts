/**
 * Requests to catalogs and identity services. Nothing is sent unencrypted except to this machine, an answer has at most
 * 1 MiB, and a redirect is never followed by itself: a token that is meant for one host cannot reach another.
 */
import { display } from "../core/display.ts";
import { BaleError } from "../core/errors.ts";

/** What identity needs of the world. */
export type Network = {
	readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
	/** Sent as `User-Agent` where a program may choose it. */
	readonly userAgent?: string | undefined;
	/** Allows plain HTTP to other machines. */
	readonly allowInsecure?: boolean | undefined;
	/** Milliseconds for one request with its answer; default 30,000. */
	readonly timeoutMs?: number | undefined;
};

export type Answer = {
	readonly status: number;
	readonly text: string;
	/** The parsed body, or undefined when it is not JSON. */
	readonly json: unknown;
	/** Where a redirect points, made absolute. */
	readonly location: string | undefined;
};

export type RequestOptions = {
	readonly method?: "GET" | "POST";
	readonly headers?: { readonly [name: string]: string };
	readonly body?: string;
	readonly signal?: AbortSignal | undefined;
};

const answerLimitBytes = 1024 * 1024;

/**
 * Sends one request and reads the whole answer, whatever its status. `InvalidConfig` for a URL that may not be used,
 * `IdentityUnavailable` when no answer comes, `LimitExceeded` for one that is too long, `Aborted`.
 */
export async function send(network: Network, url: string, options: RequestOptions = {}): Promise<Answer> {
	checkSecure(url, network.allowInsecure === true);
	const timeout = AbortSignal.timeout(network.timeoutMs ?? 30_000);
	const signal = options.signal === undefined ? timeout : AbortSignal.any([timeout, options.signal]);
	try {
		const response = await network.fetch(url, {
			method: options.method ?? "GET",
			headers: {
				Accept: "application/json",
				...(network.userAgent === undefined ? {} : { "User-Agent": network.userAgent }),
				...options.headers,
			},
			...(options.body === undefined ? {} : { body: options.body }),
			redirect: "manual",
			credentials: "omit",
			cache: "no-store",
			signal,
		});
		const text = await readText(response, url);
		const location = response.headers.get("location");
		return {
			// In a browser a redirect is opaque: status 0.
			status: response.type === "opaqueredirect" ? 302 : response.status,
			text,
			json: parse(text),
			location: location === null ? undefined : absolute(location, url),
		};
	} catch (cause) {
		if (cause instanceof BaleError) throw cause;
		if (options.signal?.aborted === true)
			throw new BaleError("Aborted", "The request was interrupted", { cause });
		const reason = timeout.aborted ? "it did not answer in time" : networkReason(cause);
		throw new BaleError("IdentityUnavailable", `Cannot reach ${originOf(url)}: ${reason}`, {
			hint: "Check the network and the URL of the catalog, then try again",
			details: { url: withoutQuery(url) },
		});
	}
}

/** `InvalidConfig` unless the URL is `https:`, or `http:` to this machine, or plain HTTP is allowed. */
export function checkSecure(url: string, allowInsecure: boolean): URL {
	const parsed = URL.canParse(url) ? new URL(url) : undefined;
	if (
		parsed === undefined ||
		!["http:", "https:"].includes(parsed.protocol) ||
		parsed.username + parsed.password
	) {
		throw new BaleError(
			"InvalidConfig",
			`Cannot use "${display(url)}": it is not a web address without a password`,
			{
				hint: 'Choose a catalog with "bale config https://CATALOG"',
			},
		);
	}
	if (parsed.protocol === "http:" && !allowInsecure && !isLoopback(parsed.hostname)) {
		throw new BaleError(
			"InvalidConfig",
			`Cannot use "${display(url)}": the connection would not be encrypted`,
			{
				hint: "Use https://, or set BALE_ALLOW_INSECURE=1 if you accept that others can read it",
				details: { url: withoutQuery(url) },
			},
		);
	}
	return parsed;
}

/** Whether a host name means this machine. */
export function isLoopback(hostname: string): boolean {
	return (
		hostname === "localhost" ||
		hostname.endsWith(".localhost") ||
		hostname === "[::1]" ||
		/^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(hostname)
	);
}

/** Scheme, host and port, for messages and comparisons. */
export function originOf(url: string): string {
	return URL.canParse(url) ? new URL(url).origin : display(url);
}

/** Text of a server as it may be shown: one line, at most 300 characters, without any of `secrets`. */
export function foreignText(text: string, secrets: readonly string[]): string {
	let shown = text;
	for (const secret of secrets) if (secret !== "") shown = shown.replaceAll(secret, "[hidden]");
	return display(shown.replace(/\s+/g, " ").trim().slice(0, 300));
}

async function readText(response: Response, url: string): Promise<string> {
	if (response.body === null) return "";
	const decoder = new TextDecoder();
	const reader = (response.body as ReadableStream<Uint8Array>).getReader();
	let text = "";
	let received = 0;
	for (;;) {
		const { done, value } = await reader.read();
		if (done) return text + decoder.decode();
		received += value.byteLength;
		if (received > answerLimitBytes) {
			await reader.cancel().catch(() => undefined);
			throw new BaleError(
				"LimitExceeded",
				`Cannot use the answer of ${originOf(url)}: it is larger than 1 MiB`,
				{
					hint: "Check that the URL is that of a catalog",
					details: { url: withoutQuery(url), limitBytes: answerLimitBytes },
				},
			);
		}
		text += decoder.decode(value, { stream: true });
	}
}

function parse(text: string): unknown {
	try {
		return JSON.parse(text) as unknown;
	} catch {
		return undefined;
	}
}

function absolute(location: string, base: string): string | undefined {
	return URL.canParse(location, base) ? new URL(location, base).href : undefined;
}

function withoutQuery(url: string): string {
	return url.replace(/[?#].*$/s, "");
}

/** Only the code of a network failure is told: other texts may quote what was sent. */
function networkReason(cause: unknown): string {
	for (let error = cause; error instanceof Error; error = error.cause) {
		const code = (error as { code?: unknown }).code;
		if (typeof code === "string" && /^[A-Z][A-Z0-9_]+$/.test(code)) return code;
	}
	return "there is no connection";
}
