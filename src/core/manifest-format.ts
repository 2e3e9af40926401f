import { display } from "./display.ts";
import { hashJson, metaJson, sizeJson } from "./entry.ts";
import type { Entry } from "./entry.ts";
import { BaleError } from "./errors.ts";
import { quoteUtf8 } from "./json-format.ts";
import { formatManifestJson } from "./json.ts";
import type { ManifestTable } from "./manifest-table.ts";
import { manifestLimits, type Manifest } from "./manifest.ts";
import { formatPhysicalKey } from "./physical-key.ts";
import { decodeUtf8, encodeUtf8, utf8Length } from "./utf8.ts";

/**
 * The lines of a manifest, each with its line feed: header, directories with metadata, entries in
 * walk order. Throws `InvalidMetadata` for what JSON cannot express, `InvalidKey` and `InvalidUrl` for
 * keys that UTF-8 cannot, and `LimitExceeded` for a line of more than `maxLineBytes` bytes.
 */
export function* formatManifest(
	manifest: Manifest,
	options: { readonly maxLineBytes?: number } = {},
): Generator<string> {
	for (const piece of manifestPieces(manifest, options)) {
		if (typeof piece === "string") yield piece;
		else {
			for (const { bytes, start, end } of piece.table.blocks(piece.low, piece.high)) {
				yield* decodeUtf8(bytes.subarray(start, end)).match(/[^\n]*\n/g) ?? [];
			}
		}
	}
}

/** Lines of a manifest that was read, to be copied as they are. */
export type LineRun = { readonly table: ManifestTable; readonly low: number; readonly high: number };

/** As `formatManifest`, with the lines that were read and not changed since as the place where they are. */
export function* manifestPieces(
	{ header, tree }: Manifest,
	options: { readonly maxLineBytes?: number } = {},
): Generator<string | LineRun> {
	const limit = options.maxLineBytes ?? manifestLimits.writeLineBytes;
	yield checkLine(formatManifestJson(header), limit, "the package metadata");
	for (const [key, meta] of tree.directories()) {
		const line = `{"logical_key": ${quoteKey(key)}, "meta": ${formatManifestJson(meta)}}`;
		yield checkLine(line, limit, `the metadata of "${display(key)}"`);
	}
	const format = (key: string, entry: Entry): string =>
		checkLine(formatEntry(key, entry), limit, `the entry "${display(key)}"`);
	for (const part of tree.parts({ oddApart: true })) {
		if (part.kind === "entry") {
			yield format(part.key, part.entry);
			continue;
		}
		const { table, low, high, skip, prefix } = part;
		if (skip === utf8Length(prefix) && table.longestLine <= limit) {
			yield { table, low, high };
			continue;
		}
		for (let start = low; start < high; start = table.next(start)) {
			yield format(prefix + table.key(start, skip), table.entry(start));
		}
	}
}

/** The line of an entry, without line feed. */
export function formatEntry(key: string, entry: Entry): string {
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
