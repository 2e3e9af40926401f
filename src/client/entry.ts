/** One file of a package, as a caller sees it: a live view, so that changes show in the package. */
import { BaleError } from "../core/errors.ts";
import type { Hash } from "../core/hash.ts";
import { formatManifestJson, fromJson, jsonEquals, parseJson, toJson, type Json } from "../core/json.ts";
import { formatPhysicalKey, type PhysicalKey } from "../core/physical-key.ts";
import type { Tree } from "../core/tree.ts";
import type { ByteRange } from "../storage/store.ts";
import { deserialize } from "./formats.ts";
import { materialize } from "./materialize.ts";
import type { ClientEntry, Origin } from "./origin.ts";
import { userOrigin } from "./origin.ts";
import { readEntry, streamEntry } from "./reading.ts";
import { platform } from "./runtime.ts";
import { describeSource, parseLocation } from "./sources.ts";

export class PackageEntry {
	/** The last segment of the key, or the whole key; "" for an entry that is in no package. */
	readonly #key: string;
	/** The package that it is in. */
	readonly #tree: Tree | undefined;
	readonly #origin: Origin;
	/** The entry as it was; a function while nobody has asked for it. */
	#detached: ClientEntry | (() => ClientEntry);

	/** @internal */
	constructor(entry: ClientEntry | (() => ClientEntry), origin: Origin, key = "", tree?: Tree) {
		this.#detached = entry;
		this.#origin = origin;
		this.#key = key;
		this.#tree = tree;
	}

	/** Where the bytes are, as a URL. */
	get physicalKey(): string {
		return formatPhysicalKey(this.#entry.physicalKey);
	}

	/** Where the bytes are, as a URL (quilt3's `get`). */
	get(): string {
		return this.physicalKey;
	}

	get url(): string {
		return this.physicalKey;
	}

	/** In bytes; undefined when the manifest's value is no size. */
	get size(): number | undefined {
		return this.#entry.size;
	}

	/** Undefined until the package is built. */
	get hash(): Hash | undefined {
		return this.#entry.hash;
	}

	/** User metadata as plain frozen values; `{}` when there is none. */
	get meta(): unknown {
		const meta = this.#entry.meta.get("user_meta");
		return meta === undefined ? Object.freeze({}) : fromJson(meta);
	}

	/** Sets the user metadata. Throws `InvalidMetadata`. */
	setMeta(meta: unknown): this {
		const changed = new Map<string, Json>(this.#entry.meta);
		changed.set("user_meta", toJson(meta));
		this.#replace({ ...this.#entry, meta: changed });
		return this;
	}

	/** Points to other bytes (size is taken again, the hash forgotten) or sets metadata; one of both is needed. */
	async set(change: { readonly path?: string | URL; readonly meta?: unknown }): Promise<this> {
		if (change.path !== undefined) {
			const { physicalKey, size } = await describeSource(this.#key, parseLocation(String(change.path)), {});
			this.#replace({ physicalKey, size, hash: undefined, meta: this.#entry.meta, origin: userOrigin });
		} else if (!("meta" in change)) {
			throw new BaleError("InvalidArgument", "Cannot change an entry: neither path nor meta was given");
		}
		if ("meta" in change) this.setMeta(change.meta);
		return this;
	}

	/** All bytes, checked against the hash (`IntegrityMismatch`). */
	bytes(options: { readonly signal?: AbortSignal } = {}): Promise<Uint8Array> {
		return readEntry(this.#key, this.#entry, this.#origin, options.signal);
	}

	/** The content as UTF-8 text; other bytes are `IntegrityMismatch`-free but invalid: `InvalidArgument`. */
	async text(options: { readonly signal?: AbortSignal } = {}): Promise<string> {
		const bytes = await this.bytes(options);
		try {
			return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
		} catch (error) {
			throw new BaleError("InvalidArgument", `"${this.#key}" is not UTF-8 text`, {
				cause: error,
				details: { key: this.#key },
			});
		}
	}

	/** The content as JSON. Integers beyond 2^53 become bigints. */
	async json(options: { readonly signal?: AbortSignal } = {}): Promise<unknown> {
		const text = await this.text(options);
		try {
			return fromJson(parseJson(text));
		} catch (error) {
			throw new BaleError("InvalidArgument", `"${this.#key}" is not JSON`, {
				cause: error,
				details: { key: this.#key },
			});
		}
	}

	/**
	 * The bytes as a stream, or `range` of them without reading the rest. A whole stream ends with
	 * `IntegrityMismatch` if its bytes do not fit the hash; a range cannot be checked.
	 */
	stream(
		options: { readonly range?: ByteRange; readonly signal?: AbortSignal } = {},
	): Promise<ReadableStream<Uint8Array>> {
		return streamEntry(this.#key, this.#entry, this.#origin, options);
	}

	/** `decode(bytes)`, or the value by the entry's format or extension: JSON, text or bytes. */
	async deserialize<T = unknown>(decode?: (bytes: Uint8Array) => T | Promise<T>): Promise<T> {
		if (decode !== undefined) return decode(await this.bytes());
		return (await deserialize(this.#key, this.#entry, () => this.bytes())) as T;
	}

	/**
	 * Copies the file to `dest` (default: its name in the current directory; with a trailing slash: into that
	 * directory) and returns an entry that points to the copy. Existing other content is `DestinationConflict`.
	 */
	async fetch(
		dest?: string,
		options: { readonly overwrite?: boolean; readonly signal?: AbortSignal } = {},
	): Promise<PackageEntry> {
		const { files } = platform();
		if (files === undefined) throw new BaleError("Unsupported", "A page cannot write files");
		const name = this.#key.split("/").at(-1) ?? "";
		const target = files.resolve(dest ?? `./${name}`);
		const into = target.endsWith("/") || (await files.stat(target))?.kind === "directory";
		const path = into ? `${target.replace(/\/+$/, "")}/${name}` : target;
		const cut = path.lastIndexOf("/");
		await materialize([{ key: path.slice(cut + 1), source: this.#key, entry: this.#entry }], this.#origin, {
			dest: path.slice(0, cut) || "/",
			overwrite: options.overwrite,
			signal: options.signal,
		});
		return this.withPhysicalKey(formatPhysicalKey({ kind: "file", path }));
	}

	/** Same size, hash and whole metadata; where the bytes are does not matter. */
	equals(other: PackageEntry): boolean {
		const [a, b] = [this.#entry, other.#entry];
		return (
			a.size === b.size &&
			a.hash?.type === b.hash?.type &&
			a.hash?.value === b.hash?.value &&
			jsonEquals(a.raw?.size ?? null, b.raw?.size ?? null) &&
			jsonEquals(a.raw?.hash ?? null, b.raw?.hash ?? null) &&
			jsonEquals(a.meta, b.meta)
		);
	}

	/** The same entry with its bytes elsewhere; it belongs to no package. */
	withPhysicalKey(url: string): PackageEntry {
		const physicalKey: PhysicalKey = parseLocation(url);
		const entry: ClientEntry = { ...this.#entry, physicalKey, origin: userOrigin };
		return new PackageEntry(entry, userOrigin, this.#key);
	}

	toJSON(): { physicalKey: string; size: number | undefined; hash: Hash | undefined; meta: unknown } {
		return {
			physicalKey: this.physicalKey,
			size: this.size,
			hash: this.hash,
			meta: fromJson(this.#entry.meta),
		};
	}

	toString(): string {
		return `PackageEntry(${this.physicalKey})`;
	}

	[Symbol.for("nodejs.util.inspect.custom")](): string {
		return this.toString();
	}

	/** @internal The entry with its origin, to be put into another package. */
	detach(): ClientEntry {
		return { ...this.#entry, origin: this.#entry.origin ?? this.#origin };
	}

	get #entry(): ClientEntry {
		const node = this.#tree?.get(this.#key);
		if (node !== undefined && "physicalKey" in node) return node;
		if (typeof this.#detached === "function") this.#detached = this.#detached();
		return this.#detached;
	}

	#replace(entry: ClientEntry): void {
		formatManifestJson(entry.meta);
		this.#detached = entry;
		this.#tree?.set(this.#key, entry);
	}
}
