/** Brings files into a registry: finds what is there, says where the rest belongs, and has it copied. */
import { isBaleError } from "../core/errors.ts";
import { isKnownHashType, sameHash, type Hash } from "../core/hash.ts";
import { layout } from "../core/layout.ts";
import type { PackageName } from "../core/names.ts";
import { formatPhysicalKey, joinPhysicalKey, type PhysicalKey } from "../core/physical-key.ts";
import type { Tree } from "../core/tree.ts";
import type { Head, Registry } from "../registry/registry.ts";
import type { CopySource } from "../storage/store.ts";
import { mapPool } from "../transfer/pool.ts";
import { openLanding, plainSha256, type Landing, type LandingJob, type Occupant } from "./landing.ts";
import type { ClientEntry, Origin } from "./origin.ts";
import { isInside } from "./prepare.ts";
import { contentHashes } from "./push-content.ts";
import { relativeTo, selectWork, type Work } from "./push-selection.ts";
import type { PushOptions, PushResult } from "./push.ts";

type Placed = Work & {
	readonly at: string;
	readonly displaced: boolean;
	/** There is other content, which stays readable as a version. */
	readonly replace: boolean;
};
/** A file to be placed; with `hash` its content is known, with `twin` an object that has it. */
type Placing = {
	readonly work: Placed;
	readonly hash?: Hash | undefined;
	readonly twin?: CopySource | undefined;
};
type Contested = { readonly work: Work; readonly occupant: Occupant };

const ROUNDS = 4;
/** Two changes within this time can have one time stamp: a file as young as `latest` is read again. */
const CLOCK_GRAIN_MS = 20;

/** Moves the selected entries of one tree into one registry. */
export class Mover {
	readonly #tree: Tree;
	readonly #origin: Origin;
	readonly #registry: Registry;
	readonly #name: PackageName;
	readonly #head: Head | undefined;
	readonly #options: PushOptions;
	readonly #landing: Landing;
	/** Origin of the entries whose bytes are in the registry now. */
	readonly #landed: Origin;
	/** Keys whose place holds other content, so that their own is elsewhere in the registry. */
	readonly #elsewhere = new Set<string>();
	#previous: Tree | undefined;

	constructor(
		tree: Tree,
		origin: Origin,
		registry: Registry,
		name: PackageName,
		head: Head | undefined,
		options: PushOptions,
	) {
		this.#tree = tree;
		this.#origin = origin;
		this.#registry = registry;
		this.#name = name;
		this.#head = head;
		this.#options = options;
		this.#landing = openLanding(registry.store);
		this.#landed = registryOrigin(registry);
	}

	/** Runs the moves; the tree's entries then point to where their bytes are. */
	async run(): Promise<
		Pick<PushResult, "copied" | "reused" | "displaced"> & { readonly elsewhere: ReadonlySet<string> }
	> {
		let pending = await selectWork(this.#tree, this.#origin, this.#registry, this.#name, this.#options);
		const copied = { files: 0, bytes: 0 };
		const reused = { files: 0, bytes: 0 };
		const displaced: { key: string; physicalKey: string }[] = [];
		if (pending.length > 0 && this.#head !== undefined) {
			this.#previous = await this.#registry
				.read(this.#head.topHash, { signal: this.#options.signal })
				.then((manifest) => manifest.tree)
				.catch(() => undefined);
		}
		const total = pending.reduce((sum, work) => sum + work.size, 0);
		this.#options.onProgress?.({ kind: "started", phase: "copy", files: pending.length, bytes: total });
		for (let round = 1; pending.length > 0; round++) {
			const { place, found } = await this.#decide(pending);
			for (const work of found) {
				reused.files += 1;
				reused.bytes += work.size;
			}
			if (this.#options.dryRun === true) {
				await this.#planOnly(place, copied, displaced);
				break;
			}
			try {
				await this.#copy(place, displaced);
				copied.files += place.length;
				for (const work of place) copied.bytes += work.size;
				pending = [];
			} catch (error) {
				if (!isBaleError(error, "DestinationConflict") || round === ROUNDS) throw error;
				pending = place;
			}
		}
		this.#options.onProgress?.({ kind: "finished", phase: "copy" });
		return { copied, reused, displaced, elsewhere: this.#elsewhere };
	}

	/** Splits work into what is in the registry already (the tree is pointed to it) and what must be placed. */
	async #decide(pending: readonly Work[]): Promise<{ place: Placed[]; found: Work[] }> {
		const place: Placed[] = [];
		const found: Work[] = [];
		const contested: Contested[] = [];
		const { signal } = this.#options;
		const { concurrency } = this.#landing;
		const occupants = await mapPool(
			pending,
			concurrency,
			(work) => this.#landing.inspect(work.home, { signal }),
			signal,
		);
		for (const [index, work] of pending.entries()) {
			const occupant = occupants[index] as Occupant;
			const isOther =
				occupant.kind === "none" ||
				(occupant.kind === "object" && keepsOverwritten(occupant) && occupant.size !== work.size);
			if (isOther && this.#trusted(work) === undefined) place.push(atHome(work, occupant));
			else contested.push({ work, occupant });
		}
		if (contested.length === 0) return { place, found };
		const hashes = await contentHashes(
			contested.map(({ work }) => work),
			this.#moveOptions(),
		);
		const settled = await mapPool(
			contested,
			concurrency,
			(item, index) => this.#settle(item, hashes[index] as Hash),
			signal,
		);
		for (const [index, { work }] of contested.entries()) {
			const placed = settled[index];
			if (placed === undefined) found.push(work);
			else place.push(placed);
		}
		return { place, found };
	}

	/** Says where the content is to be placed; undefined: the registry has it, and the tree is pointed to it. */
	async #settle({ work, occupant }: Contested, hash: Hash): Promise<Placed | undefined> {
		const { signal, onProgress } = this.#options;
		const at = await this.#existing(work, hash, occupant);
		if (at !== undefined) {
			this.#point(work, at, hash);
			onProgress?.({ kind: "advanced", phase: "copy", key: work.key, bytes: work.size });
			onProgress?.({ kind: "settled", phase: "copy", key: work.key, how: "reused" });
			return undefined;
		}
		if (occupant.kind === "none" || keepsOverwritten(occupant)) return atHome(work, occupant);
		const sha256 = await plainSha256(work.from, work.size, signal);
		this.#elsewhere.add(work.key);
		return { ...work, at: layout.object(this.#name, sha256, work.key), displaced: true, replace: false };
	}

	/** Where in the registry the previous revision keeps this entry, if anywhere and if it can be the same content. */
	#trusted(work: Work): PhysicalKey | undefined {
		const entry = this.#previous?.get(work.key);
		if (entry === undefined || !("physicalKey" in entry) || entry.size !== work.size) return undefined;
		return isInside(this.#registry.store.root, entry.physicalKey) ? entry.physicalKey : undefined;
	}

	/** The place in the registry that holds this content already: the previous revision's, the entry's own, or a displaced one. */
	async #existing(work: Work, hash: Hash, occupant: Occupant): Promise<PhysicalKey | undefined> {
		const { root } = this.#registry.store;
		const { signal } = this.#options;
		const previous = this.#trusted(work);
		if (previous !== undefined) {
			const before = this.#previous?.get(work.key);
			const same = before !== undefined && "physicalKey" in before && sameHash(before.hash, hash);
			if (same && (await this.#isIntact(previous, work.size, hash))) return previous;
		}
		if (await this.#holds(work.home, occupant, work.size, hash)) {
			return withVersion(joinPhysicalKey(root, work.home), occupant);
		}
		if (occupant.kind === "none" || keepsOverwritten(occupant)) return undefined;
		const displaced = layout.object(this.#name, await plainSha256(work.from, work.size, signal), work.key);
		const other = await this.#landing.inspect(displaced, { signal });
		if (!(await this.#holds(displaced, other, work.size, hash))) return undefined;
		this.#elsewhere.add(work.key);
		return withVersion(joinPhysicalKey(root, displaced), other);
	}

	/** Whether what is at `key` has this content; it is only read where the store has no checksum of it. */
	async #holds(key: string, occupant: Occupant, size: number, hash: Hash): Promise<boolean> {
		if (occupant.kind !== "object" || occupant.size !== size) return false;
		const found =
			occupant.hash ?? (await this.#landing.hash(key, size, "sha2-256-chunked", this.#options.signal));
		return sameHash(found, hash);
	}

	/** Whether a file that the latest revision names has not been touched since that was published. */
	async #isIntact(physicalKey: PhysicalKey, size: number, hash: Hash): Promise<boolean> {
		const { versionId, ...place } = { versionId: undefined, ...physicalKey };
		const key = relativeTo(this.#registry.store.root, place, formatPhysicalKey(physicalKey));
		const occupant = await this.#landing.inspect(key, { versionId, signal: this.#options.signal });
		if (occupant.kind !== "object" || occupant.size !== size) return false;
		if (keepsOverwritten(occupant) && occupant.versionId === versionId) return true;
		if (occupant.hash !== undefined) return sameHash(occupant.hash, hash);
		return (
			this.#head !== undefined && occupant.modifiedMs + CLOCK_GRAIN_MS <= this.#head.modifiedAt.getTime()
		);
	}

	/** Places the files: those whose bytes are in the registry, or have just got there, are copied by the store. */
	async #copy(place: readonly Placed[], displaced: { key: string; physicalKey: string }[]): Promise<void> {
		const { first, later } = await this.#twins(place);
		const landed = await this.#write(first, displaced);
		await this.#write(
			later.map(({ work, leader, hash }) => ({ work, hash, twin: objectAt(landed.get(leader)) })),
			displaced,
		);
	}

	/**
	 * Finds equal contents: what the previous revision has under another name need not be sent, and what is pushed
	 * under two names is sent once. Only files of equal size are hashed for it.
	 */
	async #twins(place: readonly Placed[]): Promise<{
		first: Placing[];
		later: { work: Placed; leader: Placed; hash: Hash }[];
	}> {
		const first: Placing[] = [];
		const later: { work: Placed; leader: Placed; hash: Hash }[] = [];
		const known = new Map<string, CopySource>();
		const sizes = new Map<number, number>();
		const count = (size: number): void => void sizes.set(size, (sizes.get(size) ?? 0) + 1);
		for (const [, entry] of this.#previous?.walk() ?? []) {
			const source = objectAt(entry.physicalKey);
			if (source === undefined || entry.hash?.type !== "sha2-256-chunked" || entry.size === undefined)
				continue;
			if (!isInside(this.#registry.store.root, entry.physicalKey)) continue;
			known.set(contentId(entry.size, entry.hash), source);
			count(entry.size);
		}
		for (const work of place) count(work.size);
		const { copyBytes } = this.#landing;
		const mayHaveTwin = ({ size, from }: Placed): boolean =>
			size > 0 && size < copyBytes && (sizes.get(size) ?? 0) > 1 && !("object" in from);
		const candidates = place.filter(mayHaveTwin);
		const hashes = candidates.length === 0 ? [] : await contentHashes(candidates, this.#moveOptions());
		const hashOf = new Map(candidates.map((work, index) => [work, hashes[index] as Hash]));
		const leaders = new Map<string, Placed>();
		for (const work of place) {
			const hash = hashOf.get(work);
			if (hash === undefined) {
				first.push({ work });
				continue;
			}
			const id = contentId(work.size, hash);
			const twin = known.get(id);
			const leader = leaders.get(id);
			if (twin === undefined && leader !== undefined) later.push({ work, leader, hash });
			else first.push({ work, hash, twin });
			if (leader === undefined) leaders.set(id, work);
		}
		return { first, later };
	}

	async #write(
		placings: readonly Placing[],
		displaced: { key: string; physicalKey: string }[],
	): Promise<Map<Placed, PhysicalKey>> {
		const jobs = placings.map(({ work, hash, twin }): LandingJob => {
			const own = work.entry.hash;
			const found = twin === undefined ? undefined : hash;
			const expect = own !== undefined && isKnownHashType(own.type) ? own : found;
			return {
				source: work.key,
				from: work.from,
				to: work.at,
				size: work.size,
				replace: work.replace,
				...(expect === undefined ? {} : { expect }),
				...(twin === undefined ? {} : { twin }),
			};
		});
		const results = await this.#landing.write(jobs, {
			...this.#moveOptions(),
			onBytes: (index, bytes) => {
				const key = placings[index]?.work.key;
				this.#options.onProgress?.({
					kind: "advanced",
					phase: "copy",
					bytes,
					...(key === undefined ? {} : { key }),
				});
			},
			onDone: (index) => {
				const key = placings[index]?.work.key;
				if (key !== undefined)
					this.#options.onProgress?.({ kind: "settled", phase: "copy", key, how: "copied" });
			},
		});
		const landed = new Map<Placed, PhysicalKey>();
		for (const [index, { work }] of placings.entries()) {
			const result = results[index];
			if (result === undefined) throw new TypeError("a copy without a result");
			landed.set(work, result.physicalKey);
			this.#point(work, result.physicalKey, result.hash);
			if (work.displaced)
				displaced.push({ key: work.key, physicalKey: formatPhysicalKey(result.physicalKey) });
		}
		return landed;
	}

	async #planOnly(
		place: readonly Placed[],
		copied: { files: number; bytes: number },
		displaced: { key: string; physicalKey: string }[],
	): Promise<void> {
		const hashes = await contentHashes(place, this.#moveOptions());
		for (const [index, work] of place.entries()) {
			copied.files += 1;
			copied.bytes += work.size;
			const physicalKey = joinPhysicalKey(this.#registry.store.root, work.at);
			this.#point(work, physicalKey, hashes[index] as Hash);
			if (work.displaced) displaced.push({ key: work.key, physicalKey: formatPhysicalKey(physicalKey) });
		}
	}

	/** The entry as it is after the move; a moved entry always has the chunked hash, as quilt3 gives it. */
	#point(work: Work, physicalKey: PhysicalKey, hash: Hash): void {
		const { meta, size } = work.entry;
		const entry: ClientEntry = { physicalKey, size, hash, meta, origin: this.#landed };
		this.#tree.set(work.key, entry);
	}

	#moveOptions(): { signal: AbortSignal | undefined; concurrency: number | undefined } {
		return { signal: this.#options.signal, concurrency: this.#options.concurrency };
	}
}

/** Origin of entries whose bytes are in the registry. */
export function registryOrigin({ store }: Registry): Origin {
	return { kind: "registry", store, allowLocalFiles: false };
}

/** Whether an object stays readable by its version when another is put at its key. */
function keepsOverwritten(occupant: Occupant): boolean {
	return occupant.kind === "object" && occupant.versionId !== undefined && occupant.versionId !== "null";
}

function objectAt(key: PhysicalKey | undefined): CopySource | undefined {
	if (key?.kind !== "s3") return undefined;
	const { kind: _kind, ...object } = key;
	return object;
}

function contentId(size: number, hash: Hash): string {
	return `${size} ${hash.value}`;
}

function atHome(work: Work, occupant: Occupant): Placed {
	return { ...work, at: work.home, displaced: false, replace: occupant.kind === "object" };
}

function withVersion(key: PhysicalKey, occupant: Occupant): PhysicalKey {
	const { versionId } = { versionId: undefined, ...occupant };
	return key.kind === "s3" && versionId !== undefined ? { ...key, versionId } : key;
}
