/** Turns the lines of a manifest into header and tree, one at a time. */
import { display } from "./display.ts";
import type { Entry, RawFields } from "./entry.ts";
import { BaleError, isBaleError } from "./errors.ts";
import type { ErrorCode, ErrorDetails } from "./errors.ts";
import type { Hash } from "./hash.ts";
import { emptyObject, isJsonArray, isJsonObject, isTruthy, JsonReader, JsonSyntaxError } from "./json.ts";
import type { Json, JsonObject } from "./json.ts";
import { parsePhysicalKey } from "./physical-key.ts";
import { Directory, Tree } from "./tree.ts";

/**
 * An entry line as quilt3 and bale write it, up to the value of `meta`, when no string in it has an
 * escape. One pattern reads it several times faster than a JSON reader does.
 */
const usualEntry =
	/\{"logical_key": "([^"\\\0-\x1f]*)", "physical_keys": \["([^"\\\0-\x1f]*)"\], "size": (0|[1-9][0-9]{0,14}), "hash": \{"type": "([^"\\\0-\x1f]*)", "value": "([^"\\\0-\x1f]*)"\}, "meta": /y;

const endOfEntry = /^\}[ \t\r]*$/;

/** Collects lines; the first one is the header. */
export class ManifestBuilder {
	readonly #tree = new Tree();
	#header: Map<string, Json> | undefined;
	/** Lines that have been read without error. */
	#lines = 0;
	/** The directory of the entry before: the next one mostly lies there, too. */
	#directoryKey = "";
	#directory: Directory = this.#tree.root;
	readonly #hashTypes = new Map<string, string>();

	/** Reads the line `text[start, end)`, without its line feed. */
	addLine(text: string, start: number, end: number): void {
		try {
			if (this.#header === undefined) this.#header = readHeader(parseLine(text.slice(start, end)));
			else if (!this.#addUsualEntry(text, start, end)) this.#addObject(text.slice(start, end));
		} catch (cause) {
			throw this.#located(cause);
		}
		this.#lines++;
	}

	finish(): { header: JsonObject; tree: Tree } {
		if (this.#header === undefined) {
			throw new BaleError("InvalidManifest", "Cannot read the manifest: it is empty", {
				details: { line: 1 },
			});
		}
		return { header: this.#header, tree: this.#tree };
	}

	/** An error about the line after the last good one. */
	error(
		code: ErrorCode,
		state: string,
		options: { details?: ErrorDetails; cause?: unknown } = {},
	): BaleError {
		const line = this.#lines + 1;
		const column = options.details?.["column"];
		const place = typeof column === "number" ? `line ${line}, column ${column}` : `line ${line}`;
		return new BaleError(code, `Cannot read the manifest: ${place} ${state}`, {
			details: { line, ...options.details },
			cause: options.cause,
		});
	}

	#located(cause: unknown): unknown {
		if (cause instanceof LineError) return this.error(cause.code, cause.message, { details: cause.details });
		if (cause instanceof JsonSyntaxError) {
			return this.error("InvalidManifest", `is not JSON: ${cause.message}`, {
				details: { column: cause.offset + 1 },
				cause,
			});
		}
		if (!isBaleError(cause)) return cause;
		return this.error(cause.code, `cannot be used: ${cause.message}`, { details: cause.details, cause });
	}

	/** False: the line is not of the usual form, and nothing was done. */
	#addUsualEntry(text: string, start: number, end: number): boolean {
		usualEntry.lastIndex = start;
		const match = usualEntry.exec(text);
		if (match === null || usualEntry.lastIndex > end) return false;
		const [, key = "", url = "", size = "", type = "", value = ""] = match;
		const metaAt = usualEntry.lastIndex;
		let meta = emptyObject;
		let raw: RawFields | undefined;
		if (!(text.startsWith("{}}", metaAt) && metaAt + 3 === end)) {
			const line = text.slice(start, end);
			const reader = new JsonReader(line, metaAt - start);
			const found = reader.readValue();
			reader.skipBlanks();
			if (!endOfEntry.test(line.slice(reader.offset))) return false; // more fields, or an error
			({ meta, raw } = readMeta(found));
		}
		this.#addEntry(key, {
			physicalKey: parsePhysicalKey(url),
			size: Number(size),
			hash: { type: this.#shareType(type), value },
			meta,
			...(raw === undefined ? {} : { raw }),
		});
		return true;
	}

	#addObject(line: string): void {
		const fields = parseLine(line);
		if (!isJsonObject(fields)) throw new LineError("is not an object");
		const key = fields.get("logical_key");
		if (typeof key !== "string") throw new LineError("has no logical_key that is a text");
		const locations = fields.get("physical_keys");
		if (isTruthy(locations)) this.#addEntry(key, readEntry(fields, locations));
		else this.#addDirectory(key, required(fields, "meta"));
	}

	#addEntry(key: string, entry: Entry): void {
		const slash = key.lastIndexOf("/");
		const directoryKey = slash < 0 ? "" : key.slice(0, slash);
		if (slash < 0) this.#directory = this.#tree.root;
		else if (directoryKey !== this.#directoryKey || this.#directory === this.#tree.root) {
			this.#directory = this.#tree.makeDirectory(directoryKey);
		}
		this.#directoryKey = directoryKey;
		const name = key.slice(slash + 1);
		const present = this.#directory.children.get(name);
		if (present === undefined) {
			this.#directory.children.set(name, entry);
			return;
		}
		const found = `the logical key "${display(key)}"`;
		if (!(present instanceof Directory)) throw new LineError(`repeats ${found}`, "DuplicateKey", { key });
		throw new LineError(`makes a file of ${found}, which is a directory`, "KeyCollision", { key });
	}

	/** All before the last slash names the directory; without slash it is the package itself. */
	#addDirectory(key: string, meta: Json): void {
		const slash = key.lastIndexOf("/");
		if (slash < 0) this.#header?.set("user_meta", meta);
		else this.#tree.makeDirectory(key.slice(0, slash)).meta = meta;
	}

	/** One string for all entries with the same type. */
	#shareType(type: string): string {
		const shared = this.#hashTypes.get(type);
		if (shared !== undefined) return shared;
		this.#hashTypes.set(type, type);
		return type;
	}
}

/** What is wrong with a line that is JSON; completed to a sentence that begins with the line's place. */
class LineError extends Error {
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
