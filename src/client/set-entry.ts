import { hashJson, metaJson, sizeJson, type Entry } from "../core/entry.ts";
import { BaleError } from "../core/errors.ts";
import { emptyObject, toJson, type Json, type JsonObject } from "../core/json.ts";
import { parseLogicalKey } from "../core/logical-key.ts";
import { formatPhysicalKey } from "../core/physical-key.ts";
import type { ByteSource } from "../storage/store.ts";
import { PackageEntry } from "./entry.ts";
import { serialise, serialiseText, type Serialised } from "./formats.ts";
import { userOrigin, type ClientEntry } from "./origin.ts";
import { platform } from "./runtime.ts";
import { describeSource, parseLocation } from "./sources.ts";
import type { PackageState } from "./state.ts";

/**
 * What can be put at a key. A text or URL is always a place, never content; an entry is copied with its metadata;
 * bytes and `Blob`s are content; any other value is stored as JSON.
 */
export type EntrySource =
	string | URL | PackageEntry | Uint8Array | Blob | object | number | bigint | boolean;

export type SetOptions = {
	/** User metadata; absent: none. */
	readonly meta?: unknown;
	/** Where a serialised value is saved; default: a new file in the data directory. Its extension decides the format. */
	readonly location?: string | undefined;
	/** Take an object without its version. */
	readonly unversioned?: boolean | undefined;
};

/** Throws `InvalidKey`, `KeyCollision`, `NotAFile`, `ObjectNotFound`, `InvalidArgument`, `InvalidMetadata`. */
export async function setEntry(
	state: PackageState,
	key: string,
	source: EntrySource | null | undefined,
	options: SetOptions,
	isText = false,
): Promise<void> {
	if (key === "" || key.endsWith("/")) {
		throw new BaleError("InvalidKey", `Cannot set "${key}": a file needs a name`, {
			hint: "Use setDir for directories",
			details: { key },
		});
	}
	parseLogicalKey(key);
	assertFree(state, key);
	const entry = await makeEntry(key, source, options, isText);
	state.tree.set(key, entry);
}

/** Finds a collision before anything is saved. */
function assertFree(state: PackageState, key: string): void {
	const segments = key.split("/");
	for (let depth = 1; depth <= segments.length; depth++) {
		const node = state.tree.get(segments.slice(0, depth).join("/"));
		if (node === undefined) return;
		const isFile = "physicalKey" in node;
		if (isFile === (depth === segments.length)) continue;
		const at = segments.slice(0, depth).join("/");
		throw new BaleError(
			"KeyCollision",
			`Cannot set "${key}": "${at}" is a ${isFile ? "file" : "directory"}`,
			{
				details: { key, at },
			},
		);
	}
}

async function makeEntry(
	key: string,
	source: EntrySource | null | undefined,
	options: SetOptions,
	isText: boolean,
): Promise<ClientEntry> {
	if (source instanceof PackageEntry) {
		if (options.meta !== undefined) {
			throw new BaleError("InvalidArgument", `Cannot set "${key}": an entry brings its own metadata`, {
				hint: "Use setMeta on the new entry",
				details: { key },
			});
		}
		return source.detach();
	}
	const user: readonly (readonly [string, Json])[] =
		options.meta === undefined || options.meta === null ? [] : [["user_meta", toJson(options.meta)]];
	if (source === undefined || source === null || typeof source === "string" || source instanceof URL) {
		const { physicalKey, size } = await describeSource(key, parseLocation(String(source ?? key)), options);
		return { physicalKey, size, hash: undefined, meta: new Map(user), origin: userOrigin };
	}
	if (source instanceof Blob) {
		return { ...(await blobEntry(key, source, options)), meta: new Map(user) };
	}
	const fileName = options.location ?? key;
	const serialised = isText
		? serialiseText(fileName, (source as { text: string }).text)
		: serialise(fileName, source);
	return save(key, serialised, new Map([...serialised.meta, ...user]), options);
}

async function blobEntry(key: string, blob: Blob, options: SetOptions): Promise<ClientEntry> {
	if (platform().files === undefined) return inMemory(key, blobSource(blob), emptyObject);
	const bytes = new Uint8Array(await blob.arrayBuffer());
	return save(key, { bytes, meta: emptyObject }, emptyObject, options);
}

async function save(
	key: string,
	serialised: Serialised,
	meta: JsonObject,
	options: SetOptions,
): Promise<ClientEntry> {
	const { files } = platform();
	if (files === undefined) return inMemory(key, bytesSource(serialised.bytes), meta);
	const path = options.location === undefined ? await scratchPath(key) : localPath(options.location);
	await files.write(path, serialised.bytes);
	return {
		physicalKey: { kind: "file", path },
		size: serialised.bytes.length,
		hash: undefined,
		meta,
		origin: userOrigin,
	};
}

function localPath(location: string): string {
	const parsed = parseLocation(location);
	if (parsed.kind === "file" && !parsed.path.endsWith("/")) return parsed.path;
	throw new BaleError("InvalidArgument", `Cannot save a value at ${location}: it is no local file`, {
		details: { location },
	});
}

async function scratchPath(key: string): Promise<string> {
	const { settings, randomId } = platform();
	const directory = await settings?.scratchDirectory();
	const name = key.slice(key.lastIndexOf("/") + 1);
	const dot = name.lastIndexOf(".");
	return `${directory ?? "."}/${randomId()}${dot > 0 ? name.slice(dot) : ""}`;
}

/** An entry whose bytes are nowhere yet; it can be pushed, which saves them. */
function inMemory(key: string, content: ByteSource, meta: JsonObject): ClientEntry {
	return {
		physicalKey: { kind: "file", path: `/memory/${key}` },
		size: content.size,
		hash: undefined,
		meta,
		origin: userOrigin,
		content,
	};
}

function bytesSource(bytes: Uint8Array): ByteSource {
	return {
		size: bytes.length,
		open: (range = { offset: 0, length: bytes.length }) =>
			new ReadableStream<Uint8Array>({
				start(controller) {
					controller.enqueue(bytes.subarray(range.offset, range.offset + range.length));
					controller.close();
				},
			}),
	};
}

function blobSource(blob: Blob): ByteSource {
	return {
		size: blob.size,
		open: (range) =>
			(range === undefined ? blob : blob.slice(range.offset, range.offset + range.length)).stream(),
	};
}

/** An entry as the record that a manifest has for it. */
export function describeEntry(key: string, entry: Entry): JsonObject {
	return new Map<string, Json>([
		["logical_key", key],
		["physical_keys", [formatPhysicalKey(entry.physicalKey)]],
		["size", sizeJson(entry)],
		["hash", hashJson(entry)],
		["meta", metaJson(entry)],
	]);
}
