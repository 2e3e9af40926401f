/** Reads a manifest line by line into names and values. */
import type { BaleError } from "./errors.ts";
import { ManifestBuilder } from "./manifest-builder.ts";
import type { Manifest } from "./manifest.ts";
import { decodeUtf8, utf8Length } from "./utf8.ts";

const lineFeed = 0x0a;

/**
 * The parser that takes every manifest, in any order of lines, and says what is wrong with one. `ManifestParser`
 * leaves to it what is not in order, and must give the same for all else. `push` and `end` throw `InvalidManifest` (with `line`,
 * from 1, and mostly `column`), `DuplicateKey`, `KeyCollision`, `LimitExceeded`, and `InvalidUrl` or
 * `UnsupportedScheme` for a physical key; afterwards the parser is of no more use.
 */
export class PlainManifestParser {
	readonly #maxLineBytes: number;
	readonly #builder = new ManifestBuilder();
	/** Pieces of a line whose end has not come yet. */
	#pending: Uint8Array[] = [];
	#pendingBytes = 0;

	constructor(maxLineBytes: number) {
		this.#maxLineBytes = maxLineBytes;
	}

	push(chunk: Uint8Array): void {
		const last = chunk.lastIndexOf(lineFeed);
		if (last < 0) {
			this.#keep(chunk);
			return;
		}
		const first = this.#pendingBytes === 0 ? -1 : chunk.indexOf(lineFeed);
		if (first >= 0) {
			this.#keep(chunk.subarray(0, first));
			this.#readLines(this.#takePending());
		}
		if (last > first) this.#readLines(chunk.subarray(first + 1, last));
		if (last + 1 < chunk.length) this.#keep(chunk.subarray(last + 1));
	}

	end(): Manifest {
		if (this.#pendingBytes > 0) this.#readLines(this.#takePending());
		return this.#builder.finish();
	}

	#keep(piece: Uint8Array): void {
		this.#pending.push(piece.slice());
		this.#pendingBytes += piece.length;
		if (this.#pendingBytes > this.#maxLineBytes) throw this.#tooLong();
	}

	#takePending(): Uint8Array {
		const whole = new Uint8Array(this.#pendingBytes);
		let at = 0;
		for (const piece of this.#pending) {
			whole.set(piece, at);
			at += piece.length;
		}
		this.#pending = [];
		this.#pendingBytes = 0;
		return whole;
	}

	/** Reads whole lines with a line feed between them, none after the last. */
	#readLines(bytes: Uint8Array): void {
		const text = this.#decode(bytes);
		for (let start = 0; start <= text.length;) {
			const found = text.indexOf("\n", start);
			const end = found < 0 ? text.length : found;
			// A UTF-16 code unit takes three bytes at most, so few lines need to be measured.
			if ((end - start) * 3 > this.#maxLineBytes && utf8Length(text.slice(start, end)) > this.#maxLineBytes) {
				throw this.#tooLong();
			}
			this.#builder.addLine(text, start, end);
			start = end + 1;
		}
	}

	#decode(bytes: Uint8Array): string {
		try {
			return decodeUtf8(bytes);
		} catch (cause) {
			this.#readValidLines(bytes);
			throw this.#builder.error("InvalidManifest", "is not UTF-8", { cause });
		}
	}

	/** Reads the lines before the first one that is not UTF-8, so that the error names the right line. */
	#readValidLines(bytes: Uint8Array): void {
		for (let start = 0; ;) {
			const end = bytes.indexOf(lineFeed, start);
			if (end < 0) return;
			let line: string;
			try {
				line = decodeUtf8(bytes.subarray(start, end));
			} catch {
				return;
			}
			this.#builder.addLine(line, 0, line.length);
			start = end + 1;
		}
	}

	#tooLong(): BaleError {
		return this.#builder.error("LimitExceeded", `is longer than ${this.#maxLineBytes} bytes`);
	}
}
