import type { Branded } from "./brand.ts";
import { display } from "./display.ts";
import { hashJson, metaJson, sizeJson } from "./entry.ts";
import type { Entry } from "./entry.ts";
import { BaleError } from "./errors.ts";
import type { CreateDigest } from "./hash.ts";
import { formatHex } from "./hex.ts";
import { quoteAscii } from "./json-format.ts";
import { formatCanonicalJson } from "./json.ts";
import type { JsonObject } from "./json.ts";
import type { Tree } from "./tree.ts";
import { encodeUtf8 } from "./utf8.ts";

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

/** Characters that are collected before they are hashed. */
const blockLength = 1 << 16;

/**
 * The SHA-256 of the canonical text of header and entries. Physical keys and metadata of directories
 * do not enter. Throws `Unverifiable` for an entry without hash or size, with its key.
 * Rules: `docs/format.md`, The top hash.
 */
export function computeTopHash(header: JsonObject, tree: Tree, createSha256: CreateDigest): TopHash {
	const digest = createSha256();
	let block = "";
	for (const part of canonicalParts(header, tree)) {
		block += part;
		if (block.length < blockLength) continue;
		digest.update(encodeUtf8(block));
		block = "";
	}
	digest.update(encodeUtf8(block));
	return formatHex(digest.digest()) as TopHash;
}

/** The text whose SHA-256 is the top hash (ASCII), in parts: the header, then each entry in walk order. */
export function* canonicalParts(header: JsonObject, tree: Tree): Generator<string> {
	yield formatCanonicalJson(header);
	for (const [key, entry] of tree.walk()) yield canonicalEntry(key, entry);
}

function canonicalEntry(key: string, entry: Entry): string {
	const { raw, hash, size } = entry;
	if (raw === undefined && hash !== undefined && size !== undefined) {
		const meta = entry.meta.size === 0 ? "{}" : formatCanonicalJson(entry.meta);
		const hashText = `{"type":${quoteAscii(hash.type)},"value":${quoteAscii(hash.value)}}`;
		return `{"hash":${hashText},"logical_key":${quoteAscii(key)},"meta":${meta},"size":${size}}`;
	}
	const fields = { hash: hashJson(entry), logical_key: key, meta: metaJson(entry), size: sizeJson(entry) };
	if (fields.hash === null) throw incomplete(key, "hash");
	if (fields.size === null) throw incomplete(key, "size");
	return formatCanonicalJson(new Map(Object.entries(fields)));
}

function incomplete(key: string, missing: "hash" | "size"): BaleError {
	return new BaleError("Unverifiable", `Cannot compute the top hash: "${display(key)}" has no ${missing}`, {
		hint: "Build the package, which hashes every entry",
		details: { key, missing },
	});
}
