/**
 * Bodies in chunks (`aws-chunked`): `<hex size>[;chunk-signature=<hex>]\r\n<bytes>\r\n` …, a chunk of size 0, and perhaps
 * trailers. Memory is bounded whatever is sent: lines are short, and bytes pass through as they come.
 */
import { createHash } from "node:crypto";
import { S3Fault } from "./fault.ts";

/** How the chunks of a body are signed; each signature covers the one before it. */
export type ChunkSigning = {
	/** Signature of the request itself. */
	readonly seed: string;
	sign(kind: string, lines: readonly string[]): string;
	equals(given: string, expected: string): boolean;
};

export type ChunkedOptions = {
	/** Undefined: chunks are not signed. */
	readonly signing: ChunkSigning | undefined;
	/** Lower-case names of the trailers that may come. */
	readonly trailers: readonly string[];
	/** Bytes that all chunks must have together. */
	readonly size: number;
};

const maxLine = 1024;
const emptySha256 = createHash("sha256").digest("hex");

export class ChunkedBody {
	/** Known when the bytes have been read to their end. */
	readonly trailers = new Map<string, string>();
	readonly #reader: LineReader;
	readonly #options: ChunkedOptions;
	#previous: string;

	constructor(source: AsyncIterable<Uint8Array>, options: ChunkedOptions) {
		this.#reader = new LineReader(source);
		this.#options = options;
		this.#previous = options.signing?.seed ?? "";
	}

	/** The bytes of all chunks. Throws `IncompleteBody`, `InvalidRequest`, `SignatureDoesNotMatch`. */
	async *bytes(): AsyncIterable<Uint8Array> {
		try {
			yield* this.#chunks();
		} finally {
			await this.#reader.close();
		}
	}

	async *#chunks(): AsyncIterable<Uint8Array> {
		let total = 0;
		for (;;) {
			const { size, signature } = this.#readHead(await this.#reader.line());
			total += size;
			if (total > this.#options.size) throw incomplete();
			const hash = this.#options.signing === undefined ? undefined : createHash("sha256");
			let left = size;
			while (left > 0) {
				const piece = await this.#reader.some(left);
				left -= piece.length;
				hash?.update(piece);
				yield piece;
			}
			if (size > 0 && (await this.#reader.line()) !== "") throw malformed("a chunk is longer than it says");
			this.#check("AWS4-HMAC-SHA256-PAYLOAD", signature, [emptySha256, hash?.digest("hex") ?? ""]);
			if (size === 0) break;
		}
		if (total !== this.#options.size) throw incomplete();
		await this.#readTrailers();
		await this.#reader.end();
	}

	#readHead(line: string): { size: number; signature: string } {
		const head = /^([0-9a-fA-F]{1,10})(?:;chunk-signature=([0-9a-f]{64}))?$/.exec(line);
		if (head === null) throw malformed("a chunk does not begin with its size");
		return { size: Number.parseInt(head[1] ?? "", 16), signature: head[2] ?? "" };
	}

	/** Ends with an empty line; some senders leave out that line, and also the one after a last chunk without trailers. */
	async #readTrailers(): Promise<void> {
		let signed = "";
		let signature = "";
		for (;;) {
			const line = await this.#reader.line(true);
			if (line === undefined || line === "") break;
			const colon = line.indexOf(":");
			const name = line.slice(0, Math.max(0, colon)).toLowerCase().trim();
			const value = line.slice(colon + 1).trim();
			if (name === "x-amz-trailer-signature") {
				signature = value;
				continue;
			}
			if (!this.#options.trailers.includes(name) || this.trailers.has(name))
				throw malformed("a trailer that was not announced");
			this.trailers.set(name, value);
			signed += `${name}:${value}\n`;
		}
		for (const name of this.#options.trailers)
			if (!this.trailers.has(name)) throw malformed(`the trailer ${name} is missing`);
		if (this.#options.trailers.length > 0) {
			this.#check("AWS4-HMAC-SHA256-TRAILER", signature, [createHash("sha256").update(signed).digest("hex")]);
		}
	}

	#check(kind: string, given: string, lines: readonly string[]): void {
		const { signing } = this.#options;
		if (signing === undefined) return;
		const expected = signing.sign(kind, [this.#previous, ...lines]);
		if (!signing.equals(given, expected))
			throw new S3Fault("SignatureDoesNotMatch", 403, "The signature of a chunk does not match.");
		this.#previous = expected;
	}
}

function malformed(what: string): S3Fault {
	return new S3Fault("InvalidRequest", 400, `The body is not in chunks as it should be: ${what}.`);
}

function incomplete(): S3Fault {
	return new S3Fault("IncompleteBody", 400, "The body does not have as many bytes as the request says.");
}

/** Short lines and runs of bytes from one stream. */
class LineReader {
	readonly #source: AsyncIterator<Uint8Array>;
	#held: Uint8Array = new Uint8Array();

	constructor(source: AsyncIterable<Uint8Array>) {
		this.#source = source[Symbol.asyncIterator]();
	}

	line(): Promise<string>;
	line(mayEnd: true): Promise<string | undefined>;
	async line(mayEnd = false): Promise<string | undefined> {
		let line = "";
		for (;;) {
			const end = this.#held.indexOf(10);
			const piece = end < 0 ? this.#held : this.#held.subarray(0, end);
			if (line.length + piece.length > maxLine) throw malformed("a line is too long");
			line += Buffer.from(piece).toString("latin1");
			if (end >= 0) {
				this.#held = this.#held.subarray(end + 1);
				if (!line.endsWith("\r")) throw malformed("a line does not end in CR LF");
				return line.slice(0, -1);
			}
			if (await this.#more()) continue;
			if (mayEnd && line === "") return undefined;
			throw incomplete();
		}
	}

	/** At least one byte, and at most `limit`. */
	async some(limit: number): Promise<Uint8Array> {
		while (this.#held.length === 0) if (!(await this.#more())) throw incomplete();
		const piece = this.#held.subarray(0, limit);
		this.#held = this.#held.subarray(piece.length);
		return piece;
	}

	/** Throws when there is anything more. */
	async end(): Promise<void> {
		if (this.#held.length > 0 || (await this.#more())) throw malformed("something comes after its end");
	}

	/** Stops reading. */
	async close(): Promise<void> {
		await this.#source.return?.();
	}

	async #more(): Promise<boolean> {
		const next = await this.#source.next();
		this.#held = next.done === true ? new Uint8Array() : next.value;
		return next.done !== true;
	}
}
