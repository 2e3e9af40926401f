/** Where each file of a push belongs in the registry, by what is there already. */
import { sameHash, type Hash } from "../core/hash.ts";
import { layout } from "../core/layout.ts";
import type { PackageName } from "../core/names.ts";
import { isFixedVersion, joinPhysicalKey, type PhysicalKey } from "../core/physical-key.ts";
import type { Tree } from "../core/tree.ts";
import type { Head, Registry } from "../registry/registry.ts";
import { claimAt, claimBytes } from "../storage/s3/claim.ts";
import { mapPool } from "../transfer/pool.ts";
import { plainSha256, type Landing, type Occupant } from "./landing.ts";
import { isInside } from "./prepare.ts";
import { contentHashes } from "./push-content.ts";
import { keyWithin, type Work } from "./push-selection.ts";
import type { PushOptions } from "./push.ts";
import { platform } from "./runtime.ts";

/** A file with the place where it is to be put. */
export type Placed = Work & {
	readonly at: string;
	readonly displaced: boolean;
	/** There is other content, which stays readable as a version, or nothing but an old claim. */
	readonly replace: boolean;
	/** Not where something was deleted: see `LandingJob`. */
	readonly neverThere: boolean;
};
/** Work that needs no copy: the registry has its content at `physicalKey`. */
export type Found = { readonly work: Work; readonly physicalKey: PhysicalKey; readonly hash: Hash };
type Contested = { readonly work: Work; readonly occupant: Occupant };

/** What is known of the place before: the landing, and the latest revision with its manifest. */
export type PlacingContext = {
	readonly registry: Registry;
	readonly name: PackageName;
	readonly landing: Landing;
	readonly head: Head | undefined;
	readonly previous: Tree | undefined;
	/** An earlier revision with the very content that is pushed, to copy from. */
	readonly same: Tree | undefined;
	/** Where what is known of the local files is kept together. */
	readonly localRoot: string | undefined;
	readonly options: PushOptions;
};

/** Two changes within this time can have one time stamp: a file as young as `latest` is read again. */
const CLOCK_GRAIN_MS = 20;

/** A claim as old as that is one whose process is gone: another would have copied at once, or removed it. */
const claimMs = 60_000;

/** Decides for every file whether the registry has it already, and else where it is to be put. Writes nothing. */
export class Placing {
	readonly #context: PlacingContext;
	/** Keys whose place holds other content, so that their own is elsewhere in the registry. */
	readonly elsewhere = new Set<string>();
	/** Displaced places where a killed copy has left its claim. */
	readonly #claimed = new Set<string>();

	constructor(context: PlacingContext) {
		this.#context = context;
	}

	/**
	 * Splits work into what is in the registry already and what must be placed. What the latest manifest says is taken
	 * for what is there: a version of an object that it names never changes, and a key that it does not name is only
	 * looked for when a write has been refused (`isRepeated`) or would be costly.
	 */
	async decide(pending: readonly Work[], isRepeated: boolean): Promise<{ place: Placed[]; found: Found[] }> {
		const { landing, options } = this.#context;
		const { signal } = options;
		const hashes = new Map<Work, Hash>();
		const found = await this.#unchanged(pending, hashes);
		const settled = new Set(found.map(({ work }) => work));
		const place: Placed[] = [];
		const unsure: Work[] = [];
		for (const work of pending) {
			if (settled.has(work)) continue;
			const isNew = !isRepeated && this.#isNew(work) && !(await this.#isSuspended());
			if (isNew) place.push(await this.#atHome(work, { kind: "none" }));
			else unsure.push(work);
		}
		const { concurrency } = landing;
		const occupants = await mapPool(unsure, concurrency, (work) => this.#inspect(work.home), signal);
		const contested: Contested[] = [];
		for (const [index, work] of unsure.entries()) {
			const occupant = occupants[index] as Occupant;
			const mayBeOurs = occupant.kind === "object" && occupant.size === work.size;
			const isPlain = this.#trusted(work) === undefined && !mayBeOurs;
			if (isPlain && (await this.#isFree(occupant))) place.push(await this.#atHome(work, occupant));
			else contested.push({ work, occupant });
		}
		await this.#hash(
			contested.map(({ work }) => work),
			hashes,
		);
		const decided = await mapPool(
			contested,
			concurrency,
			(item) => this.#settle(item, hashes.get(item.work) as Hash),
			signal,
		);
		for (const item of decided) {
			if ("at" in item) place.push(item);
			else found.push(item);
		}
		return { place, found };
	}

	/** The hashes of files that are not among those known. */
	async #hash(works: readonly Work[], known: Map<Work, Hash>): Promise<void> {
		const { options, localRoot: root } = this.#context;
		const { signal, concurrency, cache } = options;
		const missing = works.filter((work) => !known.has(work));
		if (missing.length === 0) return;
		const hashes = await contentHashes(missing, { signal, concurrency, cache, root });
		for (const [index, work] of missing.entries()) known.set(work, hashes[index] as Hash);
	}

	/** What the latest manifest has with the same content, in a version of an object. */
	async #unchanged(pending: readonly Work[], hashes: Map<Work, Hash>): Promise<Found[]> {
		// Whoever trusts nothing that is remembered has each version looked at: it can have been deleted for ever.
		if (this.#context.options.cache === false) return [];
		const likely = pending.filter((work) => isVersion(this.#trusted(work)));
		await this.#hash(likely, hashes);
		return likely.flatMap((work): Found[] => {
			const before = this.#context.previous?.get(work.key);
			const physicalKey = this.#trusted(work);
			const hash = hashes.get(work);
			if (before === undefined || !("physicalKey" in before) || physicalKey === undefined) return [];
			return hash !== undefined && sameHash(before.hash, hash) ? [{ work, physicalKey, hash }] : [];
		});
	}

	/** Whether what is overwritten is lost although there are versions. */
	async #isSuspended(): Promise<boolean> {
		const { landing, options } = this.#context;
		return (await landing.versioning(options.signal)) === "suspended";
	}

	/** What is at a place, or lies hidden there and would be lost if something was written. */
	async #inspect(key: string): Promise<Occupant> {
		const { landing, options } = this.#context;
		const { signal } = options;
		const seen = await landing.inspect(key, { signal });
		if (seen.kind !== "none" || !(await this.#isSuspended())) return seen;
		const hidden = await landing.inspect(key, { versionId: "null", signal });
		return hidden.kind === "none" ? seen : { kind: "blocked" };
	}

	/** Whether nothing is lost when something is written where this is. */
	async #isFree(occupant: Occupant): Promise<boolean> {
		if (occupant.kind === "none") return true;
		return isVersioned(occupant) && !(await this.#isSuspended());
	}

	async #atHome(work: Work, occupant: Occupant): Promise<Placed> {
		return {
			...work,
			at: work.home,
			displaced: false,
			replace: occupant.kind === "object",
			neverThere: await this.#isSuspended(),
		};
	}

	/** Whether nothing is known to be at the place, and trying to write there costs nothing more than looking. */
	#isNew(work: Work): boolean {
		const { landing, head, previous, options } = this.#context;
		if (options.dryRun === true || work.size >= landing.freeWriteBytes) return false;
		if (head !== undefined && previous === undefined) return false;
		return previous?.get(work.key) === undefined;
	}

	/** Says where the content is, or where it is to be placed. */
	async #settle({ work, occupant }: Contested, hash: Hash): Promise<Placed | Found> {
		const { name, options } = this.#context;
		const at = await this.#existing(work, hash, occupant);
		if (at !== undefined) return { work, physicalKey: at, hash };
		if (await this.#isFree(occupant)) return this.#atHome(work, occupant);
		const sha256 = await plainSha256(work.from, work.size, options.signal);
		this.elsewhere.add(work.key);
		const place = layout.object(name, sha256, work.key);
		return { ...work, at: place, displaced: true, replace: this.#claimed.has(place), neverThere: false };
	}

	/** Where in the registry the previous revision keeps this entry, if anywhere and if it can be the same content. */
	#trusted(work: Work): PhysicalKey | undefined {
		const entry = this.#context.previous?.get(work.key);
		if (entry === undefined || !("physicalKey" in entry) || entry.size !== work.size) return undefined;
		return isInside(this.#context.registry.store.root, entry.physicalKey) ? entry.physicalKey : undefined;
	}

	/** The place in the registry that holds this content already: the previous revision's, the entry's own, or a displaced one. */
	async #existing(work: Work, hash: Hash, occupant: Occupant): Promise<PhysicalKey | undefined> {
		const { root } = this.#context.registry.store;
		const { signal } = this.#context.options;
		const previous = this.#trusted(work);
		if (previous !== undefined) {
			const before = this.#context.previous?.get(work.key);
			const same = before !== undefined && "physicalKey" in before && sameHash(before.hash, hash);
			if (same && (await this.#isIntact(previous, work, hash, occupant))) return previous;
		}
		if (await this.#holds(work.home, occupant, work.size, hash)) {
			return withVersion(joinPhysicalKey(root, work.home), occupant);
		}
		if (await this.#isFree(occupant)) return undefined;
		const displaced = layout.object(
			this.#context.name,
			await plainSha256(work.from, work.size, signal),
			work.key,
		);
		const other = await this.#context.landing.inspect(displaced, { signal });
		if (!(await this.#holds(displaced, other, work.size, hash))) {
			if (await this.#isClaim(displaced, other)) this.#claimed.add(displaced);
			return undefined;
		}
		this.elsewhere.add(work.key);
		return withVersion(joinPhysicalKey(root, displaced), other);
	}

	/**
	 * Whether a copy has taken the place and never came to it. The place is named by its content: whoever writes over the
	 * claim writes what the copy would have.
	 */
	async #isClaim(key: string, occupant: Occupant): Promise<boolean> {
		if (occupant.kind !== "object" || occupant.size !== claimBytes) return false;
		if (platform().now() - occupant.modifiedMs < claimMs) return false;
		const { registry, options } = this.#context;
		return (await claimAt(registry.store, key, options.signal)) !== undefined;
	}

	/** Whether what is at `key` has this content; it is only read where the store has no checksum of it. */
	async #holds(key: string, occupant: Occupant, size: number, hash: Hash): Promise<boolean> {
		if (occupant.kind !== "object" || occupant.size !== size) return false;
		const found =
			occupant.hash ??
			(await this.#context.landing.hash(key, size, "sha2-256-chunked", this.#context.options.signal));
		return sameHash(found, hash);
	}

	/** Whether a file that the latest revision names has not been touched since that was published. */
	async #isIntact(
		physicalKey: PhysicalKey,
		{ home, size }: Work,
		hash: Hash,
		atHome: Occupant,
	): Promise<boolean> {
		const { versionId } = { versionId: undefined, ...physicalKey };
		const { landing, registry, options } = this.#context;
		const key = keyWithin(registry.store.root, physicalKey);
		const isHome = key === home && versionId === undefined;
		const occupant = isHome ? atHome : await landing.inspect(key, { versionId, signal: options.signal });
		if (occupant.kind !== "object" || occupant.size !== size) return false;
		if (isVersioned(occupant) && occupant.versionId === versionId) return true;
		if (occupant.hash !== undefined) return sameHash(occupant.hash, hash);
		return (
			this.#context.head !== undefined &&
			occupant.modifiedMs + CLOCK_GRAIN_MS <= this.#context.head.modifiedAt.getTime()
		);
	}
}

/** Whether an object is a version that never changes. */
function isVersioned(occupant: Occupant): occupant is Occupant & { readonly versionId: string } {
	return occupant.kind === "object" && isFixedVersion(occupant.versionId);
}

function isVersion(key: PhysicalKey | undefined): boolean {
	return key?.kind === "s3" && isFixedVersion(key.versionId);
}

function withVersion(key: PhysicalKey, occupant: Occupant): PhysicalKey {
	const { versionId } = { versionId: undefined, ...occupant };
	return key.kind === "s3" && versionId !== undefined ? { ...key, versionId } : key;
}
