/** Where `copy` writes: a file, a directory of this machine, an object, or a prefix of a bucket. */
import { BaleError, isBaleError } from "../core/errors.ts";
import type { Hash } from "../core/hash.ts";
import { formatPhysicalKey, type PhysicalKey } from "../core/physical-key.ts";
import type { Store } from "../storage/store.ts";
import type { RunOptions } from "../transfer/events.ts";
import { mapPool } from "../transfer/pool.ts";
import type { CopyItem } from "./copy-sources.ts";
import type { FoundFiles } from "./found-files.ts";
import type { MoveOptions } from "./platform.ts";
import { platform } from "./runtime.ts";
import { StoreLanding } from "./store-landing.ts";

export interface CopyTarget {
	/** What must hold of all files together before any is written; absent: nothing, files are written as they are found. */
	check?(found: FoundFiles, signal: AbortSignal | undefined): Promise<void>;
	write(items: readonly CopyItem[], options: RunOptions): Promise<void>;
}

type Wish = { readonly from: PhysicalKey; readonly replace: boolean };

/** Opens the place; `from` is what will be copied there. */
export async function openCopyTarget(to: PhysicalKey, { from, replace }: Wish): Promise<CopyTarget> {
	if (to.kind === "s3") {
		return new BucketTarget(await platform().openStore(`s3://${to.bucket}`), to.bucket, to.key, replace);
	}
	const { files } = platform();
	if (files === undefined) throw new BaleError("Unsupported", "A page cannot write files");
	const prepared = new Set<string>();
	// Keys of a bucket are anything: they must not lead out of the directory.
	if (from.kind === "s3" && to.path.endsWith("/")) {
		const destination = await files.destination(to.path.replace(/(?<=.)\/+$/, ""));
		return {
			check: (found, signal) =>
				destination.check({ [Symbol.iterator]: () => found.names() }, { signal, bytes: found.bytes }),
			async write(items, options) {
				const jobs = items.map((item) => ({ key: item.name, ...jobOf(item, replace) }));
				await destination.write(jobs, { ...moveOptions(items, options), prepared });
			},
		};
	}
	return {
		// What is written could be found below the source.
		async check() {},
		async write(items, options) {
			const place = ({ name }: CopyItem): string => (to.path.endsWith("/") ? to.path + name : to.path);
			const jobs = items.map((item) => ({ to: place(item), ...jobOf(item, replace) }));
			await files.copy(jobs, { ...moveOptions(items, options), prepared });
		},
	};
}

class BucketTarget implements CopyTarget {
	readonly #store: Store;
	readonly #landing: StoreLanding;
	readonly #bucket: string;
	readonly #key: string;
	readonly #replace: boolean;

	constructor(store: Store, bucket: string, key: string, replace: boolean) {
		this.#store = store;
		this.#landing = new StoreLanding(store);
		this.#bucket = bucket;
		this.#key = key;
		this.#replace = replace;
	}

	async write(items: readonly CopyItem[], options: RunOptions): Promise<void> {
		const { signal, concurrency } = options;
		const { onBytes, onDone } = moveOptions(items, options);
		const copyOne = async (item: CopyItem, index: number): Promise<void> => {
			const advance = (bytes: number): void => onBytes?.(index, bytes);
			await this.#copy(item, advance, signal);
			onDone?.(index);
		};
		await mapPool(items, concurrency ?? platform().lanes, copyOne, signal);
	}

	async #copy(
		item: CopyItem,
		onBytes: (bytes: number) => void,
		signal: AbortSignal | undefined,
	): Promise<void> {
		const key = this.#key === "" || this.#key.endsWith("/") ? this.#key + item.name : this.#key;
		const { from, size, where } = item;
		const object = "source" in from ? from.object : undefined;
		if (object?.bucket === this.#bucket && object.key === key && object.versionId === undefined) {
			throw new BaleError("InvalidArgument", `Cannot copy ${where} to itself`, {
				details: { source: where },
			});
		}
		if (!this.#replace && (await this.#store.head(key, { signal })) !== undefined) throw this.#taken(key);
		const condition = this.#replace ? {} : { condition: { ifAbsent: true } as const };
		try {
			const copied =
				object === undefined
					? undefined
					: await this.#store.copyFrom?.(object, key, { signal, ...condition });
			if (copied !== undefined) {
				onBytes(size);
				return;
			}
		} catch (error) {
			if (this.#replace || !isBaleError(error, "Conflict")) throw error;
			throw this.#taken(key, error);
		}
		const bytes = "source" in from ? { source: from.source } : from;
		const { expect } = jobOf(item, this.#replace);
		const job = { source: where, from: bytes, to: key, size, replace: this.#replace };
		await this.#landing.write([expect === undefined ? job : { ...job, expect }], {
			signal,
			onBytes: (_index, count) => onBytes(count),
		});
	}

	#taken(key: string, cause?: unknown): BaleError {
		const where = formatPhysicalKey({ kind: "s3", bucket: this.#bucket, key });
		return new BaleError("DestinationConflict", `Cannot copy to ${where}: it exists already`, {
			hint: "Choose another destination, or leave overwrite out",
			details: { dest: where },
			cause,
		});
	}
}

function jobOf({ from, size }: CopyItem, replace: boolean) {
	const expect: Hash | undefined = "source" in from ? from.hash : undefined;
	return { from, size, replace, ...(expect === undefined ? {} : { expect }) };
}

function moveOptions(items: readonly CopyItem[], options: RunOptions): MoveOptions {
	const { onProgress, signal, concurrency } = options;
	const keyOf = (index: number): string => items[index]?.name ?? "";
	return {
		signal,
		concurrency,
		onBytes: (index, bytes) => onProgress?.({ kind: "advanced", phase: "copy", key: keyOf(index), bytes }),
		onDone: (index) => onProgress?.({ kind: "settled", phase: "copy", key: keyOf(index), how: "copied" }),
	};
}
