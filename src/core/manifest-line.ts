/** What single lines of a manifest say. Everything that quilt3 8.0.0 reads is accepted. */
import type { Entry, RawFields } from "./entry.ts";
import type { ErrorCode, ErrorDetails } from "./errors.ts";
import type { Hash } from "./hash.ts";
import { emptyObject, isJsonArray, isJsonObject, isTruthy, JsonReader, JsonSyntaxError } from "./json.ts";
import type { Json, JsonObject } from "./json.ts";
import { parsePhysicalKey } from "./physical-key.ts";

/** What a line below the header says. */
export type ManifestLine =
	| { readonly kind: "entry"; readonly key: string; readonly entry: Entry }
	| { readonly kind: "directory"; readonly key: string; readonly meta: Json };

/** Reads one line below the header. Throws what `ManifestBuilder` completes to an error with the line's number. */
export function parseManifestLine(line: string): ManifestLine {
	return readUsualEntry(line, 0, line.length, (type) => type) ?? readObject(line);
}

/** Reads the first line. Errors: as `parseManifestLine`. */
export function parseHeaderLine(line: string): Map<string, Json> {
	return readHeader(parseLine(line));
}

/**
 * An entry line as quilt3 and bale write it, up to the value of `meta`, when no string in it has an
 * escape. One pattern reads it several times faster than a JSON reader does.
 */
const usualEntry =
	/\{"logical_key": "([^"\\\0-\x1f]*)", "physical_keys": \["([^"\\\0-\x1f]*)"\], "size": (0|[1-9][0-9]{0,14}), "hash": \{"type": "([^"\\\0-\x1f]*)", "value": "([^"\\\0-\x1f]*)"\}, "meta": /y;

const endOfEntry = /^\}[ \t\r]*$/;

/** Undefined: the line is not of the usual form, or wrong. */
export function readUsualEntry(
	text: string,
	start: number,
	end: number,
	shareType: (type: string) => string,
): ManifestLine | undefined {
	usualEntry.lastIndex = start;
	const match = usualEntry.exec(text);
	if (match === null || usualEntry.lastIndex > end) return undefined;
	const [, key = "", url = "", size = "", type = "", value = ""] = match;
	const metaAt = usualEntry.lastIndex;
	let meta = emptyObject;
	let raw: RawFields | undefined;
	if (!(text.startsWith("{}}", metaAt) && metaAt + 3 === end)) {
		const line = text.slice(start, end);
		const reader = new JsonReader(line, metaAt - start);
		const found = reader.readValue();
		reader.skipBlanks();
		if (!endOfEntry.test(line.slice(reader.offset))) return undefined; // more fields, or an error
		({ meta, raw } = readMeta(found));
	}
	const entry: Entry = {
		physicalKey: parsePhysicalKey(url),
		size: Number(size),
		hash: { type: shareType(type), value },
		meta,
		...(raw === undefined ? {} : { raw }),
	};
	return { kind: "entry", key, entry };
}

/**
 * Whether two entry lines have the same size, hash and metadata. Undefined: only their values tell, as where there is metadata,
 * which can be written in several ways.
 */
export function sameContent(a: string, b: string): boolean | undefined {
	const [left, right] = [plainContent(a), plainContent(b)];
	if (left === undefined || right === undefined) return undefined;
	return left.every((field, index) => field === right[index]);
}

/** The texts of size and hash in a line of the usual form without metadata. */
function plainContent(line: string): readonly (string | undefined)[] | undefined {
	usualEntry.lastIndex = 0;
	const match = usualEntry.exec(line);
	return match === null || line.slice(usualEntry.lastIndex) !== "{}}" ? undefined : match.slice(3);
}

/** Reads any line below the header. Errors: as `parseManifestLine`. */
export function readObject(line: string): ManifestLine {
	const fields = parseLine(line);
	if (!isJsonObject(fields)) throw new LineError("is not an object");
	const key = fields.get("logical_key");
	if (typeof key !== "string") throw new LineError("has no logical_key that is a text");
	const locations = fields.get("physical_keys");
	if (isTruthy(locations)) return { kind: "entry", key, entry: readEntry(fields, locations) };
	return { kind: "directory", key, meta: required(fields, "meta") };
}

/** What is wrong with a line that is JSON; completed to a sentence that begins with the line's place. */
export class LineError extends Error {
	readonly code: ErrorCode;
	readonly details: ErrorDetails;

	constructor(message: string, code: ErrorCode = "InvalidManifest", details: ErrorDetails = {}) {
		super(message);
		this.code = code;
		this.details = details;
	}
}

function parseLine(line: string): Json {
	if (line.startsWith("\ufeff")) throw new LineError("begins with a byte-order mark");
	const reader = new JsonReader(line, 0);
	reader.skipBlanks();
	if (reader.offset === line.length) throw new LineError("is blank");
	const value = reader.readValue();
	reader.skipBlanks();
	if (reader.offset < line.length) throw new JsonSyntaxError("nothing may follow the value", reader.offset);
	return value;
}

function readHeader(value: Json): Map<string, Json> {
	if (!isJsonObject(value)) throw new LineError("is not an object");
	const header = new Map(value);
	header.delete("top_hash"); // very old manifests name their own hash here
	return header;
}

function required(fields: JsonObject, name: string): Json {
	const value = fields.get(name);
	if (value === undefined) throw new LineError(`has no ${name}`);
	return value;
}

/** Reads an entry; of several physical keys the first counts, unknown fields are dropped. */
function readEntry(fields: JsonObject, locations: Json | undefined): Entry {
	const location = isJsonArray(locations) ? locations[0] : undefined;
	if (typeof location !== "string") throw new LineError("has no physical key that is a text");
	const { size, rawSize } = readSize(required(fields, "size"));
	const { hash, rawHash } = readHash(required(fields, "hash"));
	const { meta, raw } = readMeta(required(fields, "meta"));
	const rawFields: RawFields = {
		...(rawSize === undefined ? {} : { size: rawSize }),
		...(rawHash === undefined ? {} : { hash: rawHash }),
		...raw,
	};
	return {
		physicalKey: parsePhysicalKey(location),
		size,
		hash,
		meta,
		...(Object.keys(rawFields).length === 0 ? {} : { raw: rawFields }),
	};
}

function readSize(value: Json): { size: number | undefined; rawSize?: Json } {
	if (value === null) return { size: undefined };
	if (typeof value === "bigint" && value >= 0n && value <= BigInt(Number.MAX_SAFE_INTEGER)) {
		return { size: Number(value) };
	}
	return { size: undefined, rawSize: value };
}

/** The usable part of a hash; `rawHash` when the value has more to it, or another order. */
function readHash(value: Json): { hash: Hash | undefined; rawHash?: Json } {
	if (value === null) return { hash: undefined };
	if (!isJsonObject(value)) return { hash: undefined, rawHash: value };
	const type = value.get("type");
	const digest = value.get("value");
	if (typeof type !== "string" || typeof digest !== "string") return { hash: undefined, rawHash: value };
	const hash = { type, value: digest };
	const plain = value.size === 2 && value.keys().next().value === "type";
	return plain ? { hash } : { hash, rawHash: value };
}

/** Metadata that is false in Python counts as none; other things than objects are kept as they are. */
function readMeta(value: Json): { meta: JsonObject; raw?: RawFields } {
	if (!isTruthy(value)) return { meta: emptyObject };
	return isJsonObject(value) ? { meta: value } : { meta: emptyObject, raw: { meta: value } };
}
