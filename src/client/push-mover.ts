/** Brings files into a registry: has them placed, and what is not there yet copied. */
import { isBaleError } from "../core/errors.ts";
import { isKnownHashType, type Hash } from "../core/hash.ts";
import type { Manifest } from "../core/manifest.ts";
import type { PackageName } from "../core/names.ts";
import { formatPhysicalKey, joinPhysicalKey, type PhysicalKey } from "../core/physical-key.ts";
import type { Tree } from "../core/tree.ts";
import type { Base } from "../registry/base.ts";
import type { Registry } from "../registry/registry.ts";
import type { Outcome } from "../transfer/events.ts";
import { openLanding, type Landing, type LandingJob } from "./landing.ts";
import type { ClientEntry, Origin } from "./origin.ts";
import { contentHashes, localRoot } from "./push-content.ts";
import { Placing, type Found, type Placed, type PlacingContext } from "./push-placing.ts";
import { isAt, keyWithin, selectWork, type Work } from "./push-selection.ts";
import type { MoveOptions } from "./platform.ts";
import { platform } from "./runtime.ts";
import { findSame } from "./push-same.ts";
import { findTwins, objectAt, type Copying } from "./push-twins.ts";
import type { PushOptions, PushResult } from "./push.ts";

const ROUNDS = 4;

/** Where files landed that could not get their usual place, by key. */
type Displaced = Map<string, PhysicalKey>;

/** Moves the selected entries of one tree into one registry. */
export class Mover {
	readonly #header: Manifest["header"];
	readonly #tree: Tree;
	readonly #origin: Origin;
	readonly #registry: Registry;
	readonly #name: PackageName;
	readonly #base: Base;
	readonly #options: PushOptions;
	readonly #landing: Landing;
	/** Origin of the entries whose bytes are in the registry now. */
	readonly #landed: Origin;
	/** What was put somewhere beside files whose places were taken: the next round finds it there. */
	readonly #put = new Map<string, Placed>();
	/** Bytes that were told of files that are not settled yet, by key. */
	readonly #told = new Map<string, number>();

	constructor(
		{ header, tree }: Manifest,
		origin: Origin,
		registry: Registry,
		name: PackageName,
		base: Base,
		options: PushOptions,
	) {
		this.#header = header;
		this.#tree = tree;
		this.#origin = origin;
		this.#registry = registry;
		this.#name = name;
		this.#base = base;
		this.#options = options;
		this.#landing = openLanding(registry.store);
		this.#landed = registryOrigin(registry);
	}

	/**
	 * Runs the moves; the tree's entries then point to where their bytes are. `landed`: keys of the files that were put
	 * somewhere, or are displaced, so that the manifest has to name these places.
	 */
	async run(): Promise<
		Pick<PushResult, "copied" | "reused" | "displaced"> & { readonly landed: ReadonlySet<string> }
	> {
		const { works, atHome } = await selectWork(
			this.#tree,
			this.#origin,
			this.#registry,
			this.#name,
			this.#options,
		);
		let pending = works;
		let placed = atHome;
		const copied = { files: 0, bytes: 0 };
		const reused = { files: 0, bytes: 0 };
		const displaced: Displaced = new Map();
		const draft = { header: this.#header, tree: this.#tree };
		const { copies } = this.#landing;
		const context: PlacingContext = {
			registry: this.#registry,
			name: this.#name,
			landing: this.#landing,
			head: this.#base.head,
			previous: pending.length === 0 ? undefined : (await this.#base.manifest(this.#options.signal))?.tree,
			same: copies ? await findSame(this.#base, draft, pending, this.#options) : undefined,
			localRoot: localRoot(pending),
			options: this.#options,
		};
		const placing = new Placing(context);
		const landed = new Set<string>();
		const total = pending.reduce((sum, work) => sum + work.size, 0);
		this.#options.onProgress?.({ kind: "started", phase: "copy", files: pending.length, bytes: total });
		for (let round = 1; pending.length > 0; round++) {
			const { place, found } = await placing.decide(pending, round > 1);
			for (const { work, physicalKey, hash } of found) {
				if (isAt(this.#registry, physicalKey, work.home)) placed++;
				this.#point(work, physicalKey, hash);
				const put = this.#put.get(work.key);
				const amount = put === undefined ? reused : copied;
				amount.files += 1;
				amount.bytes += work.size;
				if (put?.displaced === true) displaced.set(work.key, physicalKey);
				if (put === undefined) this.#tellSettled(work, "reused");
			}
			if (this.#options.dryRun === true) {
				await this.#planOnly(place, copied, displaced);
				break;
			}
			await this.#settle(found);
			for (const { key } of place) landed.add(key);
			try {
				await this.#copy(place, context, displaced);
				copied.files += place.length;
				for (const work of place) copied.bytes += work.size;
				pending = [];
			} catch (error) {
				if (!isBaleError(error, "DestinationConflict") || round === ROUNDS) throw error;
				pending = place;
			}
		}
		this.#options.onProgress?.({ kind: "finished", phase: "copy" });
		if (copied.files === 0 && placed === 0) this.#warnOfDest();
		return {
			copied,
			reused,
			displaced: Array.from(displaced, ([key, physicalKey]) => ({
				key,
				physicalKey: formatPhysicalKey(physicalKey),
			})),
			landed: new Set([...landed, ...placing.elsewhere]),
		};
	}

	/** What was found may be what an earlier process has sent and could not go on with any more. */
	async #settle(found: readonly Found[]): Promise<void> {
		const { store } = this.#registry;
		const keys = function* (): Generator<string, void> {
			for (const { physicalKey } of found) yield keyWithin(store.root, physicalKey);
		};
		await store.settled?.(keys());
	}

	/** Warns (`DestUnused`) when `dest` was given and no file is there. */
	#warnOfDest(): void {
		const { dest, onProgress } = this.#options;
		if (dest === undefined || this.#tree.fileCount === 0) return;
		const which = typeof dest === "string" ? ` ${dest}` : "";
		onProgress?.({
			kind: "warning",
			code: "DestUnused",
			message: `The dest${which} had no effect: no file had to be copied, and those that are in a registry already stay where they are`,
			details: { registry: this.#registry.location, ...(typeof dest === "string" ? { dest } : {}) },
		});
	}

	/** Places the files: those whose bytes are in the registry, or have just got there, are copied by the store. */
	async #copy(place: readonly Placed[], context: PlacingContext, displaced: Displaced): Promise<void> {
		const { first, later } = await findTwins(place, context);
		const landed = await this.#write(first, context, displaced);
		try {
			await this.#write(
				later.map(({ work, leader, hash }) => ({ work, hash, twin: objectAt(landed.get(leader)) })),
				context,
				displaced,
			);
		} catch (error) {
			for (const { work } of first) this.#put.set(work.key, work);
			throw error;
		}
	}

	async #write(
		copyings: readonly Copying[],
		{ localRoot: root }: PlacingContext,
		displaced: Displaced,
	): Promise<Map<Placed, PhysicalKey>> {
		const jobs = copyings.map(({ work, hash, twin }): LandingJob => {
			const own = work.entry.hash;
			const found = twin === undefined ? undefined : hash;
			const expect = own !== undefined && isKnownHashType(own.type) ? own : found;
			return {
				source: work.key,
				from: work.from,
				to: work.at,
				size: work.size,
				replace: work.replace,
				neverThere: work.neverThere,
				...(expect === undefined ? {} : { expect }),
				...(twin === undefined ? {} : { twin }),
			};
		});
		const isDone = new Uint8Array(copyings.length);
		const options: MoveOptions = {
			...this.#moveOptions(),
			onBytes: (index, bytes) => {
				this.#tellBytes((copyings[index] as Copying).work, bytes);
			},
			onDone: (index) => {
				isDone[index] = 1;
				this.#tellSettled((copyings[index] as Copying).work, "copied");
			},
		};
		const results = await this.#landing.write(jobs, options).catch((error: unknown) => {
			for (const [index, { work }] of copyings.entries())
				if (isDone[index] === 1) this.#put.set(work.key, work);
			throw error;
		});
		const { cache } = this.#options;
		const read = results.flatMap((result) => result.read ?? []);
		if (read.length > 0) await platform().files?.remember(read, { root, cache });
		const landed = new Map<Placed, PhysicalKey>();
		for (const [index, { work }] of copyings.entries()) {
			const result = results[index];
			if (result === undefined) throw new TypeError("a copy without a result");
			landed.set(work, result.physicalKey);
			this.#point(work, result.physicalKey, result.hash);
			if (work.displaced) displaced.set(work.key, result.physicalKey);
		}
		return landed;
	}

	async #planOnly(
		place: readonly Placed[],
		copied: { files: number; bytes: number },
		displaced: Displaced,
	): Promise<void> {
		const hashes = await contentHashes(place, this.#moveOptions());
		for (const [index, work] of place.entries()) {
			copied.files += 1;
			copied.bytes += work.size;
			const physicalKey = joinPhysicalKey(this.#registry.store.root, work.at);
			this.#point(work, physicalKey, hashes[index] as Hash);
			if (work.displaced) displaced.set(work.key, physicalKey);
		}
	}

	/** The entry as it is after the move; a moved entry always has the chunked hash, as quilt3 gives it. */
	#point(work: Work, physicalKey: PhysicalKey, hash: Hash): void {
		const { meta, size } = work.entry;
		const entry: ClientEntry = { physicalKey, size, hash, meta, origin: this.#landed };
		this.#tree.set(work.key, entry);
	}

	/** A file counts once, also when it is sent again. */
	#tellBytes({ key, size }: Work, bytes: number): void {
		const told = this.#told.get(key) ?? 0;
		const more = Math.min(bytes, size - told);
		if (more <= 0) return;
		this.#told.set(key, told + more);
		this.#options.onProgress?.({ kind: "advanced", phase: "copy", key, bytes: more });
	}

	#tellSettled(work: Work, how: Outcome): void {
		this.#tellBytes(work, work.size);
		this.#told.delete(work.key);
		this.#options.onProgress?.({ kind: "settled", phase: "copy", key: work.key, how });
	}

	#moveOptions(): { signal: AbortSignal | undefined; concurrency: number | undefined } {
		return { signal: this.#options.signal, concurrency: this.#options.concurrency };
	}
}

/** Origin of entries whose bytes are in the registry. */
export function registryOrigin({ store }: Registry): Origin {
	return { kind: "registry", store, allowLocalFiles: false };
}
