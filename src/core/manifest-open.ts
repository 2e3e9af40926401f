/** Opening manifests whose bytes can be read anywhere: they stay where they are, and only what is asked for is read. */
import type { CreateDigest } from "./hash.ts";
import { parseJson, isJsonArray, isJsonObject, type Json } from "./json.ts";
import { lineBlocks, type LineBlock } from "./line-blocks.ts";
import { ManifestCheck } from "./manifest-check.ts";
import { ManifestTable, type TableFacts } from "./manifest-table.ts";
import { manifestLimits, treeOf, type ParsedManifest } from "./manifest.ts";
import type { RandomBytes } from "./random-bytes.ts";
import { parseTopHash, type TopHash } from "./top-hash.ts";

const lineFeed = 0x0a;

/** One pass over a manifest that tells its top hash and what is needed to open it without another one. */
export class ManifestPass {
	readonly #source: RandomBytes;
	readonly #check: ManifestCheck;
	readonly #blocks: Generator<LineBlock>;
	#read = 0;

	constructor(source: RandomBytes, createSha256: CreateDigest) {
		this.#source = source;
		this.#check = new ManifestCheck(manifestLimits.lineBytes, createSha256);
		this.#blocks = lineBlocks(source, 0, source.size, manifestLimits.lineBytes);
	}

	/** Reads on for a while. False: everything was read, or the manifest is not in order. */
	step(): boolean {
		const block = this.#blocks.next();
		if (block.done === true) return false;
		const { bytes, start, end, offset } = block.value;
		if (bytes[end - 1] !== lineFeed || !this.#check.addLines(bytes, start, end, offset)) return false;
		this.#check.release();
		this.#read = offset + end;
		return true;
	}

	/** After `step` gave false: the manifest, or undefined when it is not in order, which `ManifestParser` sorts out. */
	finish(): PassedManifest | undefined {
		return this.#read < this.#source.size ? undefined : passedManifest(this.#source, this.#check);
	}
}

/** What a pass over a manifest gives; `table` has its entries. */
export type PassedManifest = ParsedManifest & { readonly facts: TableFacts; readonly table: ManifestTable };

/** The manifest all of whose lines went through a check. */
export function passedManifest(source: RandomBytes, check: ManifestCheck): PassedManifest | undefined {
	const { header, directories } = check;
	if (header === undefined) return undefined;
	const topHash = check.finish();
	const { facts } = check;
	const table = new ManifestTable(source, facts);
	const tree = treeOf(table, directories);
	if (topHash === undefined) return { header, tree, facts, table };
	table.known = { header: new Map(header), topHash };
	return { header, tree, facts, table, topHash };
}

/** Opens a manifest of which a pass has told facts and top hash; reads no more than the lines above the entries. */
export function openManifest(
	source: RandomBytes,
	facts: TableFacts,
	topHash: TopHash,
): ParsedManifest | undefined {
	const check = new ManifestCheck(manifestLimits.lineBytes);
	for (const { bytes, start, end, offset } of lineBlocks(source, 0, facts.low, manifestLimits.lineBytes)) {
		if (bytes[end - 1] !== lineFeed || !check.addLines(bytes, start, end, offset)) return undefined;
	}
	const { header, directories } = check;
	if (header === undefined || check.facts.entries > 0) return undefined;
	const table = new ManifestTable(source, facts);
	table.known = { header: new Map(header), topHash };
	return { header, tree: treeOf(table, directories), topHash };
}

/** Facts of manifests with more lines of that kind are not worth keeping. */
const maxOdd = 1000;

/** What a pass has found as text, to be kept beside the state that the file had; undefined when it is too much. */
export function formatFacts(facts: TableFacts, topHash: TopHash): string | undefined {
	if (facts.odd.length > maxOdd) return undefined;
	return JSON.stringify({ topHash, ...facts });
}

/** Reads what `formatFacts` wrote; undefined for anything else. */
export function parseFacts(
	text: string,
): { readonly topHash: TopHash; readonly facts: TableFacts } | undefined {
	try {
		const value = parseJson(text);
		if (!isJsonObject(value)) return undefined;
		const odd = value.get("odd");
		const topHash = value.get("topHash");
		if (!isJsonArray(odd) || typeof topHash !== "string") return undefined;
		const facts = {
			low: readCount(value.get("low")),
			entries: readCount(value.get("entries")),
			longestLine: readCount(value.get("longestLine")),
			odd: odd.map(readCount),
		};
		return { topHash: parseTopHash(topHash), facts };
	} catch {
		return undefined;
	}
}

function readCount(value: Json | undefined): number {
	if (typeof value === "bigint" && value >= 0n && value <= BigInt(Number.MAX_SAFE_INTEGER))
		return Number(value);
	throw new RangeError("not a count");
}
