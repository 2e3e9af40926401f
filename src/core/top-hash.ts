import type { Branded } from "./brand.ts";
import { CanonicalBlocks } from "./canonical-blocks.ts";
import { canonicalEntry } from "./canonical-entry.ts";
import { display } from "./display.ts";
import type { Entry } from "./entry.ts";
import { BaleError } from "./errors.ts";
import type { CreateDigest } from "./hash.ts";
import { formatCanonicalJson, jsonEquals } from "./json.ts";
import type { JsonObject } from "./json.ts";
import { RunScanner } from "./manifest-lines.ts";
import { LineScanner } from "./manifest-scan.ts";
import type { Tree } from "./tree.ts";
import { utf8Length } from "./utf8.ts";

const lineFeed = 0x0a;

/** What identifies a package's content: 64 lower-case hexadecimal digits. */
export type TopHash = Branded<"TopHash">;

/** Whether `text` is a whole top hash. */
export function isTopHash(text: string): text is TopHash {
	return /^[0-9a-f]{64}$/.test(text);
}

/** Checks a whole top hash. Throws `InvalidHash`. */
export function parseTopHash(text: string): TopHash {
	if (isTopHash(text)) return text;
	throw new BaleError("InvalidHash", `"${display(text.slice(0, 100))}" is not a top hash`, {
		hint: "A top hash has 64 digits 0-9 and a-f",
		details: { hash: text.slice(0, 100) },
	});
}

/**
 * The SHA-256 of the canonical text of header and entries. Physical keys and metadata of directories
 * do not enter. Throws `Unverifiable` for an entry without hash or size, with its key.
 * Rules: `docs/format.md`, The top hash.
 */
export function computeTopHash(header: JsonObject, tree: Tree, createSha256: CreateDigest): TopHash {
	return knownTopHash(header, tree) ?? summarize(header, tree, createSha256).topHash;
}

export type Summary = { readonly topHash: TopHash; readonly files: number; readonly bytes: number };

/** The top hash, and what `countTree` counts, in one pass. Errors: as `computeTopHash`. */
export function summarize(header: JsonObject, tree: Tree, createSha256: CreateDigest): Summary {
	const blocks = new CanonicalBlocks(createSha256);
	const scanner = new LineScanner();
	const runs = new RunScanner();
	let [files, sizeBytes] = [0, 0];
	const add = (key: string, entry: Entry): void => {
		blocks.add(canonicalEntry(key, entry));
		files++;
		sizeBytes += entry.size ?? 0;
	};
	blocks.add(formatCanonicalJson(header));
	for (const part of tree.parts({ oddApart: true })) {
		if (part.kind === "entry") {
			add(part.key, part.entry);
			continue;
		}
		const { table, low, high, skip, prefix } = part;
		// The keys of a part of a package are shorter than those of the lines.
		const whole = skip === utf8Length(prefix);
		if (whole && table.canonical !== undefined && low === table.low && high === table.high) {
			blocks.addBytes(table.canonical.bytes);
			files += table.entries;
			sizeBytes += table.canonical.totalSize;
			continue;
		}
		for (const { bytes, start, end, offset } of table.blocks(low, high)) {
			for (let at = start; at < end;) {
				const run = whole ? runs.scan(bytes, at, end) : undefined;
				if (run !== undefined) {
					blocks.addBytes(run.canonical);
					files += run.entries;
					sizeBytes += run.sizeBytes;
					at = run.end;
				} else if (whole && blocks.scan(scanner, bytes, at)) {
					files++;
					sizeBytes += scanner.size;
					at = scanner.end + 1;
				} else {
					add(prefix + table.key(offset + at, skip), table.entry(offset + at));
					at = bytes.indexOf(lineFeed, at) + 1;
				}
			}
		}
	}
	return { topHash: blocks.digest() as TopHash, files, bytes: sizeBytes };
}

/** The top hash of a manifest that was read and not changed since, if it was computed then. */
function knownTopHash(header: JsonObject, tree: Tree): TopHash | undefined {
	const table = tree.root.lines?.table;
	if (table?.known === undefined || tree.root.lines?.skip !== 0 || !jsonEquals(header, table.known.header))
		return undefined;
	let at = table.low;
	for (const part of tree.parts()) {
		if (part.kind === "entry" || part.table !== table || part.low !== at) return undefined;
		at = part.high;
	}
	return at === table.high ? table.known.topHash : undefined;
}

/** The text whose SHA-256 is the top hash (ASCII), in parts: the header, then each entry in walk order. */
export function* canonicalParts(header: JsonObject, tree: Tree): Generator<string> {
	yield formatCanonicalJson(header);
	for (const [key, entry] of tree.walk()) yield canonicalEntry(key, entry);
}
