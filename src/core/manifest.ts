/** Manifests: one revision as JSON Lines. Rules: `docs/format.md`, The manifest. */
import { display } from "./display.ts";
import { hashJson, metaJson, sizeJson } from "./entry.ts";
import type { Entry } from "./entry.ts";
import { BaleError } from "./errors.ts";
import { quoteUtf8 } from "./json-format.ts";
import { formatManifestJson } from "./json.ts";
import type { JsonObject } from "./json.ts";
import { ManifestBuilder } from "./manifest-lines.ts";
import { formatPhysicalKey } from "./physical-key.ts";
import type { Tree } from "./tree.ts";
import { decodeUtf8, encodeUtf8, utf8Length } from "./utf8.ts";

/** A header and the content below it. */
export type Manifest = { readonly header: JsonObject; readonly tree: Tree };

/** Longest lines in bytes, without line feed. */
export const manifestLimits = {
	/** Lines that are read. */
	lineBytes: 16 * 1024 * 1024,
	/** Lines that are written; quilt3 refuses longer ones, too. */
	writeLineBytes: 1_000_000,
} as const;

const lineFeed = 0x0a;

/**
 * Reads a manifest in pieces of any size. Everything that quilt3 8.0.0 reads is accepted, in any
 * order of lines; logical keys are not checked. `push` and `end` throw `InvalidManifest` (with `line`,
 * from 1, and mostly `column`), `DuplicateKey`, `KeyCollision`, `LimitExceeded`, and `InvalidUrl` or
 * `UnsupportedScheme` for a physical key; afterwards the parser is of no more use.
 */
export class ManifestParser {
	readonly #maxLineBytes: number;
	readonly #builder = new ManifestBuilder();
	/** Pieces of a line whose end has not come yet. */
	#pending: Uint8Array[] = [];
	#pendingBytes = 0;

	constructor(options: { readonly maxLineBytes?: number } = {}) {
		this.#maxLineBytes = options.maxLineBytes ?? manifestLimits.lineBytes;
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

/** Reads a whole manifest. Errors: as `ManifestParser`. */
export function parseManifest(bytes: Uint8Array): Manifest {
	const parser = new ManifestParser();
	const step = 1 << 20; // so that the text exists in pieces only
	for (let at = 0; at < bytes.length; at += step) parser.push(bytes.subarray(at, at + step));
	return parser.end();
}

/**
 * The lines of a manifest, each with its line feed: header, directories with metadata, entries in
 * walk order. Throws `InvalidMetadata` for what JSON cannot express, `InvalidKey` and `InvalidUrl` for
 * keys that UTF-8 cannot, and `LimitExceeded` for a line of more than `maxLineBytes` bytes.
 */
export function* formatManifest(
	{ header, tree }: Manifest,
	options: { readonly maxLineBytes?: number } = {},
): Generator<string> {
	const limit = options.maxLineBytes ?? manifestLimits.writeLineBytes;
	yield checkLine(formatManifestJson(header), limit, "the package metadata");
	for (const [key, meta] of tree.directories()) {
		const line = `{"logical_key": ${quoteKey(key)}, "meta": ${formatManifestJson(meta)}}`;
		yield checkLine(line, limit, `the metadata of "${display(key)}"`);
	}
	for (const [key, entry] of tree.walk()) {
		yield checkLine(formatEntry(key, entry), limit, `the entry "${display(key)}"`);
	}
}

function formatEntry(key: string, entry: Entry): string {
	const location = quoteUtf8(formatPhysicalKey(entry.physicalKey));
	const { raw, size, hash } = entry;
	const meta = entry.meta.size === 0 && raw === undefined ? "{}" : formatManifestJson(metaJson(entry));
	const fields =
		raw === undefined && size !== undefined && hash !== undefined
			? `"size": ${size}, "hash": {"type": ${quoteUtf8(hash.type)}, "value": ${quoteUtf8(hash.value)}}`
			: `"size": ${formatManifestJson(sizeJson(entry))}, "hash": ${formatManifestJson(hashJson(entry))}`;
	return `{"logical_key": ${quoteKey(key)}, "physical_keys": [${location}], ${fields}, "meta": ${meta}}`;
}

function quoteKey(key: string): string {
	try {
		return quoteUtf8(key);
	} catch (cause) {
		throw new BaleError("InvalidKey", `Cannot write "${display(key)}": it cannot be expressed in UTF-8`, {
			details: { key },
			cause,
		});
	}
}

function checkLine(line: string, limit: number, what: string): string {
	if (line.length * 3 > limit && encodeUtf8(line).length > limit) {
		throw new BaleError("LimitExceeded", `Cannot write a manifest: ${what} takes more than ${limit} bytes`, {
			hint: "Keep large metadata in a file of the package",
			details: { limit },
		});
	}
	return `${line}\n`;
}
