import type {
	ByteSource,
	ListItem,
	ListOptions,
	ObjectBody,
	ObjectInfo,
	ReadOptions,
	Store,
	WriteOptions,
} from "../../../src/index.ts";

/** A store that tells what was written, in order, and runs a test's code just before a write or delete. */
export class RecordingStore implements Store {
	readonly inner: Store;
	/** `put KEY` and `delete KEY`, each after it was done. */
	readonly log: string[] = [];
	before: (verb: "put" | "delete", key: string) => unknown = () => undefined;

	constructor(inner: Store) {
		this.inner = inner;
	}

	get root(): Store["root"] {
		return this.inner.root;
	}

	get features(): Store["features"] {
		return this.inner.features;
	}

	get(key: string, options?: ReadOptions): Promise<ObjectBody | undefined> {
		return this.inner.get(key, options);
	}

	head(key: string, options?: ReadOptions): Promise<ObjectInfo | undefined> {
		return this.inner.head(key, options);
	}

	async put(key: string, source: ByteSource | Uint8Array, options?: WriteOptions): Promise<ObjectInfo> {
		await this.before("put", key);
		const info = await this.inner.put(key, source, options);
		this.log.push(`put ${key}`);
		return info;
	}

	async delete(key: string): Promise<void> {
		await this.before("delete", key);
		await this.inner.delete(key);
		this.log.push(`delete ${key}`);
	}

	list(prefix: string, options?: ListOptions): AsyncIterable<ListItem> {
		return this.inner.list(prefix, options);
	}
}
