/** Manifests: one revision as JSON Lines. Rules: `docs/format.md`, The manifest. */
import { Directory } from "./directory.ts";
import type { CreateDigest } from "./hash.ts";
import type { JsonObject } from "./json.ts";
import { ManifestCheck } from "./manifest-check.ts";
import { PlainManifestParser } from "./manifest-plain.ts";
import { ManifestTable } from "./manifest-table.ts";
import { memoryBytes } from "./random-bytes.ts";
import type { TopHash } from "./top-hash.ts";
import { Tree } from "./tree.ts";

export { formatManifest } from "./manifest-format.ts";

/** A header and the content below it. */
export type Manifest = { readonly header: JsonObject; readonly tree: Tree };

/** Longest lines in bytes, without line feed. */
export const manifestLimits = {
	/** Lines that are read. */
	lineBytes: 16 * 1024 * 1024,
	/** Lines that are written; quilt3 refuses longer ones, too. */
	writeLineBytes: 1_000_000,
} as const;

export type ParseOptions = {
	readonly maxLineBytes?: number;
	/** Expected size of the manifest in bytes, so that memory is taken once. */
	readonly sizeBytes?: number;
	/** Asks for the top hash, which is computed while the lines are read. */
	readonly createSha256?: CreateDigest;
};

/** A manifest with its top hash, if that was asked for, the lines are in order, and each has its hash and size. */
export type ParsedManifest = Manifest & { readonly topHash?: TopHash };

const lineFeed = 0x0a;

/** More do not fit into one array. */
const maxBytes = 2 ** 32 - 2;

/**
 * Reads a manifest in pieces of any size. Everything that quilt3 8.0.0 reads is accepted, in any
 * order of lines; logical keys are not checked. A manifest in walk order stays as bytes, of which entries are made
 * when they are asked for. `push` and `end` throw `InvalidManifest` (with `line`,
 * from 1, and mostly `column`), `DuplicateKey`, `KeyCollision`, `LimitExceeded`, and `InvalidUrl` or
 * `UnsupportedScheme` for a physical key; afterwards the parser is of no more use.
 */
export class ManifestParser {
	readonly #maxLineBytes: number;
	readonly #check: ManifestCheck;
	/** Takes over when the manifest is not in order. */
	#plain: PlainManifestParser | undefined;
	#bytes: Uint8Array;
	#length = 0;
	/** Where the next line starts. */
	#next = 0;

	constructor(options: ParseOptions = {}) {
		this.#maxLineBytes = options.maxLineBytes ?? manifestLimits.lineBytes;
		this.#check = new ManifestCheck(this.#maxLineBytes, options.createSha256);
		this.#bytes = new Uint8Array((options.sizeBytes ?? 0) < maxBytes ? (options.sizeBytes ?? 0) + 1 : 0);
	}

	push(chunk: Uint8Array): void {
		if (this.#plain !== undefined) {
			this.#plain.push(chunk);
			return;
		}
		const last = chunk.lastIndexOf(lineFeed);
		const end = this.#length + last + 1;
		this.#append(chunk);
		if (last >= 0 && !this.#addLines(end)) return;
		if (this.#length - this.#next > this.#maxLineBytes || this.#length > maxBytes) this.#giveUp();
	}

	end(): ParsedManifest {
		if (this.#plain === undefined && this.#length > this.#next) {
			this.#append(Uint8Array.of(lineFeed));
			this.#addLines(this.#length);
		}
		const { header, directories } = this.#check;
		if (header === undefined) this.#plain ??= new PlainManifestParser(this.#maxLineBytes); // which says what is wrong
		if (this.#plain !== undefined || header === undefined) return (this.#plain as PlainManifestParser).end();
		const topHash = this.#check.finish();
		const table = new ManifestTable(memoryBytes(this.#bytes.subarray(0, this.#length)), this.#check.facts);
		if (topHash !== undefined) table.known = { header: new Map(header), topHash };
		const tree = treeOf(table, directories);
		return { header, tree, ...(topHash === undefined ? {} : { topHash }) };
	}

	/** Takes the whole lines before `end`. False: they are not in order, and the plain parser has everything now. */
	#addLines(end: number): boolean {
		const start = this.#next;
		this.#next = end;
		if (this.#check.addLines(this.#bytes, start, end, start)) return true;
		this.#giveUp();
		return false;
	}

	#giveUp(): void {
		this.#plain = new PlainManifestParser(this.#maxLineBytes);
		const step = 1 << 20; // so that the text exists in pieces only
		const bytes = this.#bytes.subarray(0, this.#length);
		this.#bytes = new Uint8Array(0);
		for (let at = 0; at < bytes.length; at += step) this.#plain.push(bytes.subarray(at, at + step));
	}

	#append(chunk: Uint8Array): void {
		const needed = this.#length + chunk.length;
		if (needed > this.#bytes.length) {
			const grown = new Uint8Array(Math.max(needed + 1, Math.min(2 * needed, maxBytes)));
			grown.set(this.#bytes.subarray(0, this.#length));
			this.#bytes = grown;
		}
		this.#bytes.set(chunk, this.#length);
		this.#length = needed;
	}
}

/** Reads a whole manifest. Errors: as `ManifestParser`. */
export function parseManifest(bytes: Uint8Array, options: ParseOptions = {}): ParsedManifest {
	const parser = new ManifestParser({ sizeBytes: bytes.length, ...options });
	parser.push(bytes);
	return parser.end();
}

/** The tree of lines in order. Directories that lines name are listed first, as if those lines had made them. */
export function treeOf(table: ManifestTable, directories: ManifestCheck["directories"]): Tree {
	const tree = new Tree(new Directory({ table, low: table.low, high: table.high, skip: 0 }));
	for (const { key, meta } of directories) {
		let directory = tree.root;
		for (const name of key.split("/")) directory = directory.lead(name);
		directory.meta = meta;
	}
	return tree;
}
