/**
 * A store over any web server that serves files: what a page reads packages from. Read-only, and it
 * cannot list, since HTTP has no way to ask.
 */
import { BaleError } from "../core/errors.ts";
import { isFixedVersion, type PhysicalKey } from "../core/physical-key.ts";
import { throwIfAborted } from "./abort.ts";
import { checkRange, collect, sliceOf, streamOf } from "./byte-source.ts";
import { checkStoreKey } from "./store-key.ts";
import type {
	ByteRange,
	ByteSource,
	ListItem,
	ObjectBody,
	ObjectInfo,
	ReadOptions,
	Store,
	WriteOptions,
} from "./store.ts";

/** A body whose length the server did not give is read into memory up to this many bytes. */
const unknownSizeLimitBytes = 64 * 1024 * 1024;

/** Objects are at the base URL, with each segment of their key percent-encoded. */
export class HttpStore implements Store {
	/** A placeholder: what is read here has no physical key in a manifest. */
	readonly root: PhysicalKey = { kind: "file", path: "/" };
	/** The base URL as it was given, without slashes at its end. */
	readonly address: string;
	readonly features = { versions: false, conditions: false, writable: false } as const;
	readonly #base: string;
	readonly #fetch: typeof fetch;

	/** `baseUrl` is an absolute http or https URL, with or without a slash at its end. */
	constructor(baseUrl: string, options: { readonly fetch?: typeof fetch } = {}) {
		if (!/^https?:\/\//i.test(baseUrl)) {
			throw new BaleError("InvalidUrl", `Cannot read from "${baseUrl}": it is not an http or https URL`);
		}
		this.address = baseUrl.replace(/\/*$/, "");
		this.#base = `${this.address}/`;
		this.#fetch = options.fetch ?? ((input, init) => fetch(input, init));
	}

	async get(key: string, options: ReadOptions = {}): Promise<ObjectBody | undefined> {
		const { range } = options;
		if (range !== undefined) checkRange(range, Number.MAX_SAFE_INTEGER);
		const response = await this.#request("GET", key, options, rangeHeader(range));
		if (response === undefined) return undefined;
		if (response.status === 206 && range !== undefined) return partOf(key, response, range, options.signal);
		const info = infoOf(key, response);
		if (info === undefined) return wholeInMemory(key, response, range);
		if (range !== undefined) {
			await cancelOnFailure(response, () => checkRange(range, info.size));
		}
		const { offset, length } = range ?? { offset: 0, length: info.size };
		const window = { url: response.url, skip: offset, length, total: info.size };
		return { info, body: exactly(bodyOf(response), window, options.signal) };
	}

	async head(key: string, options: ReadOptions = {}): Promise<ObjectInfo | undefined> {
		const response = await this.#request("HEAD", key, options, {});
		if (response === undefined) return undefined;
		await response.body?.cancel();
		return infoOf(key, response) ?? (await this.#infoByReading(key, options));
	}

	async put(key: string, _source: ByteSource | Uint8Array, _options?: WriteOptions): Promise<ObjectInfo> {
		throw readOnly(key);
	}

	async delete(key: string): Promise<void> {
		throw readOnly(key);
	}

	// eslint-disable-next-line require-yield -- a sequence that fails when it is first asked
	async *list(prefix: string): AsyncGenerator<ListItem, void> {
		throw new BaleError("Unsupported", `Cannot list "${prefix}": a web server does not say what it has`);
	}

	async #infoByReading(key: string, options: ReadOptions): Promise<ObjectInfo | undefined> {
		const whole = await this.get(key, { signal: options.signal });
		await whole?.body.cancel();
		return whole?.info;
	}

	async #request(
		method: "GET" | "HEAD",
		key: string,
		options: ReadOptions,
		headers: Record<string, string>,
	): Promise<Response | undefined> {
		checkStoreKey(key);
		throwIfAborted(options.signal);
		if (isFixedVersion(options.versionId)) return undefined;
		const url = this.#base + key.split("/").map(encodeSegment).join("/");
		let response: Response;
		try {
			response = await this.#fetch(url, {
				method,
				// Compressed bodies have no length and no ranges. (A browser sends what it likes here.)
				headers: { "accept-encoding": "identity", ...headers },
				...(options.signal ? { signal: options.signal } : {}),
			});
		} catch (error) {
			throwIfAborted(options.signal);
			throw unavailable(url, "the server could not be reached", error);
		}
		if (response.ok) return response;
		await response.body?.cancel();
		if (response.status !== 404 && response.status !== 410) throw refusal(url, response.status);
		return undefined;
	}
}

function encodeSegment(segment: string): string {
	return encodeURIComponent(segment).replace(
		/[!'()*]/g,
		(character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
	);
}

/** No header asks for an empty range, so that one is read from the whole. */
function rangeHeader(range: ByteRange | undefined): Record<string, string> {
	if (range === undefined || range.length === 0) return {};
	return { range: `bytes=${range.offset}-${range.offset + range.length - 1}` };
}

function refusal(url: string, status: number): BaleError {
	const code =
		status === 401 || status === 403
			? "AccessDenied"
			: status === 416
				? "InvalidArgument"
				: "StoreUnavailable";
	const state = status === 416 ? "the range is not there" : `the server answered ${status}`;
	return new BaleError(code, `Cannot read ${url}: ${state}`, { details: { url, status } });
}

function readOnly(key: string): BaleError {
	return new BaleError("Unsupported", `Cannot write "${key}": a web server is read-only`);
}

function unavailable(url: string, state: string, cause?: unknown): BaleError {
	return new BaleError("StoreUnavailable", `Cannot read ${url}: ${state}`, { details: { url }, cause });
}

/** Undefined when the answer does not tell the object's size. */
function infoOf(key: string, response: Response): ObjectInfo | undefined {
	const encoding = response.headers.get("content-encoding");
	const length = response.headers.get("content-length");
	if (length === null || !/^\d+$/.test(length)) return undefined;
	if (encoding !== null && encoding !== "identity") return undefined;
	return describe(key, Number(length), response);
}

function describe(key: string, size: number, response: Response): ObjectInfo {
	const modified = Date.parse(response.headers.get("last-modified") ?? "");
	const modifiedAt = new Date(Number.isNaN(modified) ? 0 : modified);
	const etag = response.headers.get("etag") ?? `"${size}-${modifiedAt.getTime()}"`;
	return { key, size, etag, modifiedAt };
}

async function partOf(
	key: string,
	response: Response,
	range: ByteRange,
	signal: AbortSignal | undefined,
): Promise<ObjectBody> {
	const told = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(response.headers.get("content-range") ?? "");
	const [offset, last, size] = (told ?? []).slice(1).map(Number);
	return cancelOnFailure(response, () => {
		if (offset === undefined || last === undefined || size === undefined || offset !== range.offset) {
			throw unavailable(response.url, "the server sent another range than the one it was asked for");
		}
		checkRange(range, size);
		if (last - offset + 1 !== range.length) {
			throw unavailable(response.url, "the server sent a part of the range that it was asked for");
		}
		const { length } = range;
		const window = { url: response.url, skip: 0, length, total: length };
		return { info: describe(key, size, response), body: exactly(bodyOf(response), window, signal) };
	});
}

async function wholeInMemory(
	key: string,
	response: Response,
	range: ByteRange | undefined,
): Promise<ObjectBody> {
	const bytes = await collect(bodyOf(response), unknownSizeLimitBytes);
	return { info: describe(key, bytes.length, response), body: streamOf(sliceOf(bytes, range)) };
}

async function cancelOnFailure<T>(response: Response, check: () => T): Promise<T> {
	try {
		return check();
	} catch (error) {
		await response.body?.cancel();
		throw error;
	}
}

function bodyOf(response: Response): ReadableStream<Uint8Array> {
	return response.body ?? streamOf(new Uint8Array());
}

type Window = {
	readonly url: string;
	readonly skip: number;
	readonly length: number;
	readonly total: number;
};

/** `length` bytes of a body of `total` bytes, after `skip`. A body that breaks off is `StoreUnavailable`. */
function exactly(
	body: ReadableStream<Uint8Array>,
	window: Window,
	signal: AbortSignal | undefined,
): ReadableStream<Uint8Array> {
	const reader = body.getReader();
	const end = window.skip + window.length;
	let position = 0;
	return new ReadableStream<Uint8Array>(
		{
			async pull(controller) {
				while (position < end) {
					const { done, value } = await reader.read().catch((error: unknown) => {
						throwIfAborted(signal);
						throw unavailable(window.url, "the connection broke off", error);
					});
					if (done) {
						throw unavailable(window.url, `the body ended after ${position} of ${window.total} bytes`);
					}
					const wanted = value.subarray(Math.max(0, window.skip - position), Math.max(0, end - position));
					position += value.length;
					if (wanted.length > 0) {
						controller.enqueue(wanted);
						break;
					}
				}
				if (position >= end) {
					controller.close();
					await reader.cancel().catch(() => undefined);
				}
			},
			cancel: (reason) => reader.cancel(reason),
		},
		{ highWaterMark: 0 },
	);
}
