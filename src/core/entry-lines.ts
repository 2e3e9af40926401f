/** Writing the entry lines of a manifest that does not exist yet, for a `ManifestTable`. */
import { emptyObject } from "./json.ts";
import { formatEntry } from "./manifest-format.ts";
import type { TableFacts } from "./manifest-table.ts";
import type { PhysicalKey } from "./physical-key.ts";
import { memoryBytes, type RandomBytes } from "./random-bytes.ts";
import { encodeUtf8 } from "./utf8.ts";

/** Texts whose lines are encoded at once, in UTF-16 units. */
const pieceLength = 1 << 20;

/** Takes entries in the order of `compareLogicalKeys`, none of them below another or twice. */
export class EntryLines {
	readonly #pieces: Uint8Array[] = [];
	#pending: string[] = [];
	#pendingLength = 0;
	#size = 0;
	#longestLine = 0;
	/** Where each line starts. */
	#starts = new Float64Array(1024);
	#entries = 0;

	/** An entry with a hash and no metadata. */
	add(key: string, physicalKey: PhysicalKey, size: number, hash: { type: string; value: string }): void {
		this.#addLine(formatEntry(key, { physicalKey, size, hash, meta: emptyObject }), undefined);
	}

	/** As `add`, for a key and a URL that consist of `A-Z a-z 0-9 _ . - ~ /` (and the URL's scheme) only. */
	addPlain(key: string, url: string, size: number, hash: { type: string; value: string }): void {
		const hashText = `{"type": "${hash.type}", "value": "${hash.value}"}`;
		const line = `{"logical_key": "${key}", "physical_keys": ["${url}"], "size": ${size}, "hash": ${hashText}, "meta": {}}`;
		this.#addLine(line, line.length);
	}

	/** The lines, what a table must know of them, and where each starts. */
	finish(): { readonly source: RandomBytes; readonly facts: TableFacts; readonly starts: Float64Array } {
		this.#flush();
		const bytes = new Uint8Array(this.#size);
		let at = 0;
		for (const piece of this.#pieces) {
			bytes.set(piece, at);
			at += piece.length;
		}
		return {
			source: memoryBytes(bytes),
			facts: { low: 0, entries: this.#entries, longestLine: this.#longestLine, odd: [] },
			starts: this.#starts.subarray(0, this.#entries),
		};
	}

	#addLine(line: string, asciiLength: number | undefined): void {
		const length = asciiLength ?? encodeUtf8(line).length;
		if (this.#entries === this.#starts.length) {
			const room = new Float64Array(2 * this.#entries);
			room.set(this.#starts);
			this.#starts = room;
		}
		this.#starts[this.#entries++] = this.#size;
		this.#size += length + 1;
		if (length > this.#longestLine) this.#longestLine = length;
		this.#pending.push(line, "\n");
		this.#pendingLength += line.length;
		if (this.#pendingLength >= pieceLength) this.#flush();
	}

	#flush(): void {
		this.#pieces.push(encodeUtf8(this.#pending.join("")));
		this.#pending = [];
		this.#pendingLength = 0;
	}
}
