import type { Hash } from "./hash.ts";
import { jsonEquals } from "./json.ts";
import type { Json, JsonObject } from "./json.ts";
import type { PhysicalKey } from "./physical-key.ts";

/** Values of a manifest that an entry's own fields cannot express; written and hashed in their place. */
export type RawFields = { readonly size?: Json; readonly hash?: Json; readonly meta?: Json };

/** One file of a package. */
export type Entry = {
	readonly physicalKey: PhysicalKey;
	/** In bytes; undefined when it is unknown, or `raw` has something that is no usable size. */
	readonly size: number | undefined;
	/** Undefined: not hashed yet, or `raw` has something that is no usable hash. */
	readonly hash: Hash | undefined;
	/** The whole metadata of the entry; that of the user is under `user_meta`. */
	readonly meta: JsonObject;
	/** Only in entries of manifests that others wrote: huge sizes, hashes with more fields, and the like. */
	readonly raw?: RawFields;
};

/** The size as JSON, for manifests and top hashes; null when there is none. */
export function sizeJson(entry: Entry): Json {
	return entry.raw?.size ?? (entry.size === undefined ? null : BigInt(entry.size));
}

/** The hash as JSON, for manifests and top hashes; null when there is none. */
export function hashJson(entry: Entry): Json {
	if (entry.raw?.hash !== undefined) return entry.raw.hash;
	if (entry.hash === undefined) return null;
	return new Map([
		["type", entry.hash.type],
		["value", entry.hash.value],
	]);
}

/** The entry's metadata as JSON, for manifests and top hashes. */
export function metaJson(entry: Entry): Json {
	return entry.raw?.meta ?? entry.meta;
}

/** Whether size, hash and metadata are the same; where the bytes are does not count. */
export function entryEquals(a: Entry, b: Entry): boolean {
	return (
		jsonEquals(sizeJson(a), sizeJson(b)) &&
		jsonEquals(hashJson(a), hashJson(b)) &&
		jsonEquals(metaJson(a), metaJson(b))
	);
}
