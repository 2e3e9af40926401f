import { compareNames, sortNames } from "../core/logical-key.ts";
import { isFixedVersion, type PhysicalKey } from "../core/physical-key.ts";
import { throwIfAborted } from "./abort.ts";
import { chunksOf, sliceOf, streamOf, toByteSource } from "./byte-source.ts";
import { checkCondition } from "./condition.ts";
import { checkStoreKey } from "./store-key.ts";
import type {
	ByteSource,
	DeleteOptions,
	ListItem,
	ListOptions,
	ObjectBody,
	ObjectInfo,
	ReadOptions,
	Store,
	WriteOptions,
} from "./store.ts";

type StoredObject = { readonly info: ObjectInfo; readonly bytes: Uint8Array };

/** A store in memory: for tests, for trying things out, and for pages that have nowhere else to put bytes. */
export class MemoryStore implements Store {
	readonly root: PhysicalKey;
	readonly features = { versions: false, conditions: true, writable: true } as const;
	readonly #now: () => number;
	readonly #objects = new Map<string, StoredObject>();
	/** All keys in order; undefined after a key came or went. */
	#sortedKeys: readonly string[] | undefined = [];
	#writes = 0;

	/** `root` defaults to a bucket called "memory"; `now` is in milliseconds since the epoch. */
	constructor(options: { readonly root?: PhysicalKey; readonly now?: () => number } = {}) {
		this.root = options.root ?? { kind: "s3", bucket: "memory", key: "" };
		this.#now = options.now ?? Date.now;
	}

	async get(key: string, options: ReadOptions = {}): Promise<ObjectBody | undefined> {
		const object = this.#find(key, options);
		if (object === undefined) return undefined;
		return { info: object.info, body: streamOf(sliceOf(object.bytes, options.range)) };
	}

	async head(key: string, options: ReadOptions = {}): Promise<ObjectInfo | undefined> {
		return this.#find(key, options)?.info;
	}

	async put(key: string, source: ByteSource | Uint8Array, options: WriteOptions = {}): Promise<ObjectInfo> {
		checkStoreKey(key);
		const body = toByteSource(source);
		const bytes = new Uint8Array(body.size);
		let offset = 0;
		for await (const chunk of chunksOf(body, options.signal)) {
			bytes.set(chunk, offset);
			offset += chunk.length;
		}
		const previous = this.#objects.get(key);
		checkCondition(key, options.condition, previous?.info.etag);
		this.#writes++;
		const info = {
			key,
			size: body.size,
			etag: `"${this.#writes.toString(16)}"`,
			modifiedAt: new Date(this.#now()),
		};
		this.#objects.set(key, { info, bytes });
		if (previous === undefined) this.#sortedKeys = undefined;
		return info;
	}

	async delete(key: string, { ifEtag, signal }: DeleteOptions = {}): Promise<void> {
		checkStoreKey(key);
		throwIfAborted(signal);
		if (ifEtag !== undefined && this.#objects.get(key)?.info.etag !== ifEtag) return;
		if (this.#objects.delete(key)) this.#sortedKeys = undefined;
	}

	async *list(prefix: string, options: ListOptions = {}): AsyncGenerator<ListItem, void> {
		this.#sortedKeys ??= sortNames([...this.#objects.keys()]);
		const { startAfter, delimiter, signal } = options;
		let lastPrefix: string | undefined;
		for (const key of this.#sortedKeys) {
			throwIfAborted(signal);
			if (!key.startsWith(prefix)) continue;
			if (startAfter !== undefined && compareNames(key, startAfter) <= 0) continue;
			const cut = delimiter === undefined ? -1 : key.indexOf(delimiter, prefix.length);
			if (cut === -1) {
				const object = this.#objects.get(key);
				if (object !== undefined) yield object.info;
			} else {
				const common = key.slice(0, cut + 1);
				if (common !== lastPrefix) yield { prefix: common };
				lastPrefix = common;
			}
		}
	}

	/** An object without versions is, in the words of S3, the version "null". */
	#find(key: string, options: ReadOptions): StoredObject | undefined {
		checkStoreKey(key);
		throwIfAborted(options.signal);
		if (isFixedVersion(options.versionId)) return undefined;
		return this.#objects.get(key);
	}
}
