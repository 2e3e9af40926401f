/** Files that were found, held in little memory until all are known. */
import { decodeUtf8, encodeUtf8 } from "../core/utf8.ts";

/** What is to be remembered of a file until it is copied. */
export type FoundFile = {
	/** Its path below the directory that is copied; of a single file its name. */
	readonly name: string;
	/** In bytes. */
	readonly size: number;
	/** What else `CopySources.item` needs of it. */
	readonly rest?: string | undefined;
};

/** So many files are together in one piece of text. */
const batchFiles = 1000;

/** A list of files that takes little more than their names in UTF-8, outside of the heap. */
export class FoundFiles {
	readonly #packed: Uint8Array[] = [];
	#last: FoundFile[] = [];
	#bytes = 0;

	add(file: FoundFile): void {
		this.#bytes += file.size;
		if (this.#last.push(file) < batchFiles) return;
		this.#packed.push(
			encodeUtf8(JSON.stringify(this.#last.map(({ name, size, rest }) => [name, size, rest]))),
		);
		this.#last = [];
	}

	/** How many there are. */
	get count(): number {
		return this.#packed.length * batchFiles + this.#last.length;
	}

	/** Size of all of them together. */
	get bytes(): number {
		return this.#bytes;
	}

	/** In the order in which they were added, some at a time. */
	*batches(): Generator<readonly FoundFile[], void> {
		for (const packed of this.#packed) {
			const rows = JSON.parse(decodeUtf8(packed)) as [string, number, string | null][];
			yield rows.map(([name, size, rest]) => ({ name, size, rest: rest ?? undefined }));
		}
		if (this.#last.length > 0) yield this.#last;
	}

	*names(): Generator<string, void> {
		for (const batch of this.batches()) for (const { name } of batch) yield name;
	}
}
