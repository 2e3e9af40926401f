/** Writing the entry lines of a manifest that does not exist yet, for a `ManifestTable`. */
import { canonicalEntry } from "./canonical-entry.ts";
import type { Entry } from "./entry.ts";
import { formatEntry } from "./manifest-format.ts";
import type { CanonicalText, TableFacts } from "./manifest-table.ts";
import { memoryBytes, type RandomBytes } from "./random-bytes.ts";
import { encodeUtf8 } from "./utf8.ts";

/** Texts that are encoded at once, in UTF-16 units. */
const pieceLength = 1 << 16;
/** More canonical text than this is not kept: computing it again costs less than the memory. */
const maxCanonicalBytes = 32 << 20;

/** Text as UTF-8 in one piece. */
class Bytes {
	readonly #pieces: Uint8Array[] = [];
	#pending = "";
	/** Of what was encoded. */
	size = 0;

	add(text: string): void {
		this.#pending += text;
		if (this.#pending.length >= pieceLength) this.#flush();
	}

	finish(): Uint8Array {
		this.#flush();
		const bytes = new Uint8Array(this.size);
		let at = 0;
		for (const piece of this.#pieces) {
			bytes.set(piece, at);
			at += piece.length;
		}
		return bytes;
	}

	#flush(): void {
		const piece = encodeUtf8(this.#pending);
		this.#pieces.push(piece);
		this.size += piece.length;
		this.#pending = "";
	}
}

/** Takes entries in the order of `compareLogicalKeys`, none of them below another or twice. */
export class EntryLines {
	readonly #lines = new Bytes();
	#canonical: Bytes | undefined = new Bytes();
	#size = 0;
	#longestLine = 0;
	/** Where each line starts. */
	#starts = new Float64Array(1024);
	#entries = 0;
	#totalSize = 0;

	add(key: string, entry: Entry & { readonly size: number }): void {
		const line = formatEntry(key, entry);
		this.#add(line, encodeUtf8(line).length, entry.size, canonicalEntry(key, entry));
	}

	/**
	 * As `add`, for an entry without metadata whose key and URL consist of `A-Z a-z 0-9 _ . - ~ /` (and the URL's scheme)
	 * only, and whose hash of type and value stand for themselves in JSON.
	 */
	addPlain(key: string, url: string, size: number, type: string, value: string): void {
		const line = `{"logical_key": "${key}", "physical_keys": ["${url}"], "size": ${size}, "hash": {"type": "${type}", "value": "${value}"}, "meta": {}}`;
		const canonical = `{"hash":{"type":"${type}","value":"${value}"},"logical_key":"${key}","meta":{},"size":${size}}`;
		this.#add(line, line.length, size, canonical);
	}

	/** The lines, what a table must know of them, and where each starts. */
	finish(): {
		readonly source: RandomBytes;
		readonly facts: TableFacts;
		readonly starts: Float64Array;
		readonly canonical: CanonicalText | undefined;
	} {
		return {
			source: memoryBytes(this.#lines.finish()),
			facts: { low: 0, entries: this.#entries, longestLine: this.#longestLine, odd: [] },
			starts: this.#starts.subarray(0, this.#entries),
			canonical: this.#canonical && { bytes: this.#canonical.finish(), totalSize: this.#totalSize },
		};
	}

	#add(line: string, bytes: number, size: number, canonical: string): void {
		if (this.#entries === this.#starts.length) {
			const room = new Float64Array(2 * this.#entries);
			room.set(this.#starts);
			this.#starts = room;
		}
		this.#starts[this.#entries++] = this.#size;
		this.#size += bytes + 1;
		this.#totalSize += size;
		if (bytes > this.#longestLine) this.#longestLine = bytes;
		this.#lines.add(`${line}\n`);
		this.#canonical?.add(canonical);
		if ((this.#canonical?.size ?? 0) > maxCanonicalBytes) this.#canonical = undefined;
	}
}
