/** Where the body of an HTTP/1.1 response ends, and which of the bytes that arrive are its own. */
import type { Framing } from "./http-head.ts";

export type BodyDecoder = {
	/** The body is complete; `decode` is not to be called any more. */
	readonly isDone: boolean;
	/** The end of the connection is the end of the body. */
	readonly endsWithConnection: boolean;
	/**
	 * Gives the parts of `bytes` that belong to the body to `give`, as views; returns how many bytes were used, which are
	 * fewer than all only when the body is complete. Throws `TypeError` for what is malformed.
	 */
	decode(bytes: Uint8Array, give: (part: Uint8Array) => void): number;
};

export function createDecoder(framing: Framing): BodyDecoder {
	switch (framing.kind) {
		case "length":
			return new LengthDecoder(framing.bytes);
		case "chunked":
			return new ChunkedDecoder();
		case "close":
			return {
				isDone: false,
				endsWithConnection: true,
				decode(bytes, give) {
					if (bytes.length > 0) give(bytes);
					return bytes.length;
				},
			};
	}
}

class LengthDecoder implements BodyDecoder {
	readonly endsWithConnection = false;
	#left: number;

	constructor(bytes: number) {
		this.#left = bytes;
	}

	get isDone(): boolean {
		return this.#left === 0;
	}

	decode(bytes: Uint8Array, give: (part: Uint8Array) => void): number {
		const length = Math.min(bytes.length, this.#left);
		this.#left -= length;
		if (length > 0) give(length === bytes.length ? bytes : bytes.subarray(0, length));
		return length;
	}
}

const [lineFeed, carriageReturn] = [0x0a, 0x0d];
/** Most bytes of a line with the size of a chunk, or of a trailer. */
const maxLineBytes = 16 * 1024;

/** Chunks (RFC 9112, section 7.1); extensions and trailers are passed over. */
class ChunkedDecoder implements BodyDecoder {
	readonly endsWithConnection = false;
	#state: "size" | "data" | "dataEnd" | "trailer" | "done" = "size";
	/** Bytes of the chunk that are still to come. */
	#left = 0;
	#line = "";

	get isDone(): boolean {
		return this.#state === "done";
	}

	decode(bytes: Uint8Array, give: (part: Uint8Array) => void): number {
		let at = 0;
		while (at < bytes.length && this.#state !== "done") {
			if (this.#state === "data") {
				const length = Math.min(this.#left, bytes.length - at);
				this.#left -= length;
				if (this.#left === 0) this.#state = "dataEnd";
				give(bytes.subarray(at, at + length));
				at += length;
				continue;
			}
			const end = bytes.indexOf(lineFeed, at);
			const stop = end === -1 ? bytes.length : end;
			this.#line += String.fromCharCode(...bytes.subarray(at, Math.min(stop, at + maxLineBytes + 1)));
			if (this.#line.length > maxLineBytes) throw new TypeError("a line between chunks is too long");
			if (end === -1) return bytes.length;
			at = end + 1;
			if (this.#line.charCodeAt(this.#line.length - 1) !== carriageReturn) {
				throw new TypeError("a line between chunks is malformed");
			}
			const line = this.#line.slice(0, -1);
			this.#line = "";
			this.#endLine(line);
		}
		return at;
	}

	#endLine(line: string): void {
		switch (this.#state) {
			case "size": {
				const size = /^([0-9a-fA-F]{1,13})(?:[ \t]*;.*)?$/.exec(line)?.[1];
				if (size === undefined) throw new TypeError("the size of a chunk is no number");
				this.#left = Number.parseInt(size, 16);
				this.#state = this.#left === 0 ? "trailer" : "data";
				return;
			}
			case "dataEnd":
				if (line !== "") throw new TypeError("a chunk is longer than its size");
				this.#state = "size";
				return;
			default:
				if (line === "") this.#state = "done";
		}
	}
}
