/**
 * Where pushed files land in a registry: reading what is there and writing verified copies. A directory is
 * written through the local file system, anything else through its store.
 */
import { BaleError } from "../core/errors.ts";
import type { Hash, HashType } from "../core/hash.ts";
import { joinPhysicalKey, type PhysicalKey } from "../core/physical-key.ts";
import type { CopySource, Store, Versioning } from "../storage/store.ts";
import { StoreLanding } from "./store-landing.ts";
import { hashSource } from "../transfer/hash-source.ts";
import type { Concurrency } from "../transfer/pool.ts";
import type { Candidate } from "./origin.ts";
import type { CopyJob, HashedFile, MoveOptions } from "./platform.ts";
import { openCandidate } from "./reading.ts";
import { localRoot } from "./registries.ts";
import { platform } from "./runtime.ts";

/** What is at a key: nothing, an object, or something that an object cannot replace (a directory, a file on the way). */
export type Occupant =
	| { readonly kind: "none" }
	| {
			readonly kind: "object";
			readonly size: number;
			readonly modifiedMs: number;
			/** The version that it is, where the store has versions; it stays readable when the object is replaced. */
			readonly versionId?: string;
			/** `sha2-256-chunked` by the store's own checksum; another value does not prove other content. */
			readonly hash?: Hash;
	  }
	| { readonly kind: "blocked" };

export type LandingJob = {
	/** Logical key, for messages. */
	readonly source: string;
	readonly from: Candidate;
	/** Key in the store. */
	readonly to: string;
	readonly size: number;
	readonly expect?: Hash;
	/** Write over an object that is there: only where that stays readable as a version, or is of no use. */
	readonly replace?: boolean;
	/** What a deleted object has left at the place may hide something that the write would destroy: it is refused then. */
	readonly neverThere?: boolean;
	/** An object with the expected content, to be copied instead of sending the bytes where that can be done. */
	readonly twin?: CopySource;
};

export type InspectOptions = {
	readonly versionId?: string | undefined;
	readonly signal?: AbortSignal | undefined;
};

export interface Landing {
	/** How many objects may be looked at at once. */
	readonly concurrency: Concurrency;
	/** Whether objects can be copied from a `twin`. */
	readonly copies: boolean;
	/** `write` finds out for nothing whether a place is free: objects below this size need not be looked for before. */
	readonly freeWriteBytes: number;
	/** Whether the store keeps versions, asked once; see `Store.versioning`. */
	versioning(signal: AbortSignal | undefined): Promise<Versioning | undefined>;
	/** A place where a write for which nothing may ever have been there was refused is `blocked`. */
	inspect(key: string, options?: InspectOptions): Promise<Occupant>;
	/** Hash of the object at `key`. */
	hash(key: string, size: number, type: HashType, signal?: AbortSignal): Promise<Hash>;
	/**
	 * Writes objects, verified; `DestinationConflict` when one is there already and the job does not say `replace`; the physical keys and
	 * `sha2-256-chunked` hashes of what was written.
	 */
	write(jobs: readonly LandingJob[], options: MoveOptions): Promise<Landed[]>;
}

/** A file that has been written; `read`: the local file that it was read from. */
export type Landed = { readonly physicalKey: PhysicalKey; readonly hash: Hash; readonly read?: HashedFile };

export function openLanding(store: Store): Landing {
	const root = localRoot(store);
	return root === undefined ? new StoreLanding(store) : new DirectoryLanding(store, root);
}

/** Plain SHA-256 of a candidate's bytes, as hex. */
export async function plainSha256(from: Candidate, size: number, signal?: AbortSignal): Promise<string> {
	const { files, createSha256 } = platform();
	if ("path" in from && files !== undefined) {
		const [hash] = await files.hash([{ path: from.path, size, type: "SHA256" }], {
			signal,
			cache: false,
		});
		return (hash as Hash).value;
	}
	const source = await openCandidate(from);
	return (await hashSource(source, "SHA256", createSha256, { signal })).value;
}

class DirectoryLanding implements Landing {
	readonly concurrency = 1;
	readonly freeWriteBytes = 0;
	readonly copies = false;
	readonly #store: Store;
	readonly #root: string;
	/** What is known of directories below the root: safe to write into, or not. */
	readonly #parents = new Map<string, Promise<"directory" | "none" | "blocked">>();

	constructor(store: Store, root: string) {
		this.#store = store;
		this.#root = root;
	}

	versioning(): Promise<Versioning> {
		return Promise.resolve("none");
	}

	async inspect(key: string): Promise<Occupant> {
		const cut = key.lastIndexOf("/");
		if (cut > 0 && (await this.#parent(key.slice(0, cut))) === "blocked") return { kind: "blocked" };
		const stat = await platform().files?.stat(this.#path(key));
		if (stat === undefined) return { kind: "none" };
		if (stat.kind !== "file") return { kind: "blocked" };
		return { kind: "object", size: stat.size, modifiedMs: Number(stat.mtimeNs / 1_000_000n) };
	}

	async hash(key: string, size: number, type: HashType, signal?: AbortSignal): Promise<Hash> {
		const found = await platform().files?.hash([{ path: this.#path(key), size, type }], {
			signal,
			cache: false,
		});
		return found?.[0] as Hash;
	}

	async write(
		jobs: readonly LandingJob[],
		options: MoveOptions,
	): Promise<{ physicalKey: PhysicalKey; hash: Hash }[]> {
		const { files } = platform();
		if (files === undefined || jobs.length === 0) return [];
		const results = await files.copy(
			jobs.map((job): CopyJob => ({
				from: job.from,
				to: this.#path(job.to),
				temporaryDirectory: `${this.#root}/.bale/tmp`,
				size: job.size,
				replace: false,
				...(job.expect === undefined ? {} : { expect: job.expect }),
			})),
			options,
		);
		return results.map((result, index) => ({
			physicalKey: joinPhysicalKey(this.#store.root, (jobs[index] as LandingJob).to),
			hash: result.hash,
		}));
	}

	#path(key: string): string {
		return `${this.#root === "/" ? "" : this.#root}/${key}`;
	}

	/** Looks at every directory on the way once: files block it, symlinks out of the registry are refused. */
	#parent(directory: string): Promise<"directory" | "none" | "blocked"> {
		const known = this.#parents.get(directory);
		if (known !== undefined) return known;
		const look = async (): Promise<"directory" | "none" | "blocked"> => {
			const cut = directory.lastIndexOf("/");
			const above = cut > 0 ? await this.#parent(directory.slice(0, cut)) : "directory";
			if (above !== "directory") return above;
			const { files } = platform();
			const stat = await files?.stat(this.#path(directory));
			if (stat === undefined) return "none";
			if (stat.kind !== "directory") return "blocked";
			const real = await files?.realPath(this.#path(directory));
			const root = (await files?.realPath(this.#root)) ?? this.#root;
			if (real === undefined || !real.startsWith(root.replace(/\/?$/, "/"))) {
				throw new BaleError(
					"UnsafeDestination",
					`Cannot write to ${this.#path(directory)}: it leads out of the registry`,
					{
						details: { path: this.#path(directory), registry: this.#root },
					},
				);
			}
			return "directory";
		};
		const looked = look();
		this.#parents.set(directory, looked);
		return looked;
	}
}
