/** A package as the text of its manifest, and back. */
import { fromJson, type Json } from "../core/json.ts";
import { manifestPieces } from "../core/manifest-format.ts";
import { ManifestParser } from "../core/manifest.ts";
import { encodeUtf8 } from "../core/utf8.ts";
import { lineLimit } from "./build.ts";
import { describeEntry } from "./set-entry.ts";
import { KnownRevisions, type PackageState } from "./state.ts";

export type ManifestSource = ReadableStream<Uint8Array> | AsyncIterable<Uint8Array> | Uint8Array | string;

/** Reads a manifest's text; it belongs to no registry. Throws `InvalidManifest`. */
export async function loadManifest(source: ManifestSource): Promise<PackageState> {
	const parser = new ManifestParser();
	if (typeof source === "string") parser.push(new TextEncoder().encode(source));
	else if (source instanceof Uint8Array) parser.push(source);
	else for await (const chunk of source as AsyncIterable<Uint8Array>) parser.push(chunk);
	const { header, tree } = parser.end();
	return { header: new Map(header), tree, origin: { kind: "manifest" }, known: new KnownRevisions() };
}

/** The records, header first, as plain values. */
export function* manifestRecords({ header, tree }: PackageState): Generator {
	yield fromJson(header);
	for (const [key, meta] of tree.directories()) {
		yield fromJson(
			new Map<string, Json>([
				["logical_key", key],
				["meta", meta],
			]),
		);
	}
	for (const [key, entry] of tree.walk()) yield fromJson(describeEntry(key, entry));
}

/** The text as UTF-8, made as it is read. */
export function manifestStream(state: PackageState): ReadableStream<Uint8Array> {
	const chunks = manifestChunks(state);
	return new ReadableStream<Uint8Array>({
		pull(controller) {
			const next = chunks.next();
			if (next.done === true) controller.close();
			else controller.enqueue(next.value);
		},
	});
}

function* manifestChunks(state: PackageState): Generator<Uint8Array> {
	for (const piece of manifestPieces(state, lineLimit())) {
		if (typeof piece === "string") yield encodeUtf8(piece);
		else {
			const blocks = piece.table.blocks(piece.low, piece.high);
			for (const { bytes, start, end } of blocks) yield new Uint8Array(bytes.subarray(start, end));
		}
	}
}
