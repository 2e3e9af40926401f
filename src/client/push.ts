import { metaJson } from "../core/entry.ts";
import { BaleError, isBaleError } from "../core/errors.ts";
import { isKnownHashType, type Hash, type HashType } from "../core/hash.ts";
import { jsonEquals } from "../core/json.ts";
import { layout } from "../core/layout.ts";
import { parseLogicalKey } from "../core/logical-key.ts";
import { formatManifest, type Manifest } from "../core/manifest.ts";
import { parsePackageName, type PackageName } from "../core/names.ts";
import {
	formatPhysicalKey,
	joinPhysicalKey,
	parsePhysicalKey,
	physicalKeyEquals,
	type PhysicalKey,
} from "../core/physical-key.ts";
import { computeTopHash } from "../core/top-hash.ts";
import type { Tree } from "../core/tree.ts";
import { ChunkedText } from "../registry/bytes.ts";
import { checkBase, publish } from "../registry/publish.ts";
import type { Head, Registry } from "../registry/registry.ts";
import type { RunOptions } from "../transfer/events.ts";
import { hashSource } from "../transfer/hash-source.ts";
import type { CopySource } from "../storage/store.ts";
import { mapPool } from "../transfer/pool.ts";
import { adopt, countTree, lineLimit } from "./build.ts";
import { hashMissing } from "./hashing.ts";
import { addSeen, readSeen } from "./installs.ts";
import { openLanding, plainSha256, type Landing, type LandingJob, type Occupant } from "./landing.ts";
import { locate, type Candidate, type ClientEntry, type Origin } from "./origin.ts";
import { checkPublishable, isInside, isUsable, nextHeader, type HeaderOptions } from "./prepare.ts";
import { forgetTouched } from "./rehashing.ts";
import { openRegistry, type RegistryInput } from "./registries.ts";
import { platform } from "./runtime.ts";
import { parseLocation } from "./sources.ts";
import type { PackageState } from "./state.ts";

/** What is copied: what is not in the registry yet, everything, local files only, nothing, or as the function says. */
export type Selector =
	"missing" | "all" | "local" | "none" | ((key: string, entry: SelectedEntry) => boolean);
/** What a selector or `dest` function sees of an entry. */
export type SelectedEntry = { readonly physicalKey: string; readonly size: number | undefined };
/** A prefix in the registry (the package name is not added), or a function that gives each file's URL. */
export type Dest = string | ((key: string, entry: SelectedEntry) => string);

export type PushOptions = RunOptions &
	HeaderOptions & {
		readonly registry?: RegistryInput | undefined;
		readonly dest?: Dest | undefined;
		/** Default: `missing`. */
		readonly selector?: Selector | undefined;
		/** Publish also over revisions that this package does not come from. */
		readonly force?: boolean | undefined;
		/** Write nothing when the new revision is the latest already (bale never adds a pointer for it anyway). */
		readonly dedupe?: boolean | undefined;
		/** Only say what would happen: files are hashed, nothing is written. */
		readonly dryRun?: boolean | undefined;
		/** Also publish over the revisions that this user pushed to this registry or installed from it. */
		readonly acceptSeen?: boolean | undefined;
	};

type Amount = { readonly files: number; readonly bytes: number };

export type PushResult = {
	readonly name: string;
	readonly topHash: string;
	readonly registry: string;
	readonly pointer?: string;
	readonly changed: boolean;
	readonly dryRun: boolean;
	readonly files: number;
	readonly bytes: number;
	/** What was (or would be) copied. */
	readonly copied: Amount;
	/** What was in the registry already. */
	readonly reused: Amount;
	/** Files that landed elsewhere because their place holds content that another revision may need. */
	readonly displaced: readonly { readonly key: string; readonly physicalKey: string }[];
	/** The package as published: its entries point into the registry. */
	readonly state: PackageState;
};

/**
 * Copies a package's files into a registry and publishes the revision. Nothing that is there is ever
 * overwritten. Throws `Conflict` when `latest` is not a revision that the package comes from; the data may have
 * been copied then, but no pointer names it.
 */
export async function pushPackage(
	state: PackageState,
	nameText: string,
	options: PushOptions = {},
): Promise<PushResult> {
	const name = parsePackageName(nameText);
	checkPublishable(state, options);
	for (const [key] of state.tree.walk()) parseLogicalKey(key);
	const registry = await openRegistry(options.registry ?? (await bucketOf(options.dest)), "remote");
	await forgetTouched(state.tree);
	const header = await nextHeader(state, registry, options);
	const accept = await acceptable(state, registry, name, options);
	const head = await checkBase(registry, name, accept, options.signal).catch((error: unknown) =>
		headIfAlike(registry, name, { header, tree: state.tree }, error, options.signal),
	);

	const tree = state.tree.clone();
	const { elsewhere, ...moved } = await new Mover(tree, state.origin, registry, name, head, options).run();
	await hashMissing(tree, state.origin, options);
	keepOrigins(tree, state.origin);
	const topHash = computeTopHash(header, tree, platform().createSha256);
	const pushed: PackageState = { header, tree, origin: registryOrigin(registry), known: state.known };
	const result = { name, topHash, registry: registry.location, ...countTree(tree), ...moved, state: pushed };
	const manifest = ChunkedText.from(formatManifest({ header, tree }, lineLimit()));
	if (options.dryRun === true) return { ...result, changed: head?.topHash !== topHash, dryRun: true };

	const published = await publish(registry, name, {
		manifest,
		topHash,
		accept,
		usable: async (existing) => {
			for (const [key, entry] of existing.tree.walk()) {
				const mine = tree.get(key);
				if (mine === undefined || !("physicalKey" in mine)) continue;
				const inside = isInside(registry.store.root, mine.physicalKey);
				if (inside && !isInside(registry.store.root, entry.physicalKey)) return false;
				if (elsewhere.has(key) && !physicalKeyEquals(mine.physicalKey, entry.physicalKey)) return false;
			}
			return isUsable(registry, existing);
		},
		author: platform().author(),
		onWarning: (code, message) => options.onProgress?.({ kind: "warning", code, message }),
		signal: options.signal,
	});
	await adopt(state, header, tree);
	await releaseScratch(state, tree);
	state.known.add(registry.location, name, topHash);
	await addSeen(registry.location, name, topHash);
	return {
		...result,
		...(published.pointer === undefined ? {} : { pointer: published.pointer }),
		changed: published.changed,
		dryRun: false,
	};
}

/**
 * The latest revision although the package does not come from it, when this push may be a repetition of the one
 * that published it: header, keys, sizes and metadata are the same. The hashes decide when it is published.
 */
async function headIfAlike(
	registry: Registry,
	name: PackageName,
	ours: Manifest,
	error: unknown,
	signal: AbortSignal | undefined,
): Promise<Head | undefined> {
	if (!isBaleError(error, "Conflict")) throw error;
	const head = await registry.head(name, signal);
	const theirs =
		head && (await registry.read(head.topHash, { allowUnverified: true, signal }).catch(() => undefined));
	if (theirs === undefined || !isAlike(ours, theirs)) throw error;
	return head;
}

function isAlike(ours: Manifest, theirs: Manifest): boolean {
	if (!jsonEquals(ours.header, theirs.header) || ours.tree.fileCount !== theirs.tree.fileCount) return false;
	for (const [key, entry] of ours.tree.walk()) {
		const other = theirs.tree.get(key);
		if (other === undefined || !("physicalKey" in other)) return false;
		if (other.size !== entry.size || !jsonEquals(metaJson(other), metaJson(entry))) return false;
	}
	return true;
}

/** The bucket that `dest` lies in, when no default registry says otherwise. */
async function bucketOf(dest: Dest | undefined): Promise<string | undefined> {
	const bucket = typeof dest === "string" ? /^s3:\/\/[^/?#]+/i.exec(dest)?.[0] : undefined;
	if (bucket === undefined || (await platform().settings?.remoteRegistry()) !== undefined) return undefined;
	return bucket;
}

async function acceptable(
	state: PackageState,
	registry: Registry,
	name: PackageName,
	options: PushOptions,
): Promise<"any" | ReadonlySet<string>> {
	if (options.force === true) return "any";
	const accept = new Set(state.known.named(name));
	if (options.acceptSeen === true) {
		for (const seen of await readSeen(registry.location, name)) accept.add(seen);
	}
	return accept;
}

function registryOrigin({ store }: Registry): Origin {
	return { kind: "registry", store, allowLocalFiles: false };
}

/** Entries that stay where they are go on being read as before, although the package now is another registry's. */
function keepOrigins(tree: Tree, origin: Origin): void {
	for (const [key, entry] of tree.walk() as Iterable<[string, ClientEntry]>) {
		if (entry.origin === undefined) tree.set(key, { ...entry, origin } as ClientEntry);
	}
}

/** Serialised values were only saved for the push: their entries now point to the registry. */
async function releaseScratch(state: PackageState, pushed: Tree): Promise<void> {
	const { files, settings } = platform();
	const scratch = await settings?.scratchDirectory();
	if (files === undefined || scratch === undefined) return;
	for (const [key, entry] of pushed.walk() as Iterable<[string, ClientEntry]>) {
		const own = state.tree.get(key) as ClientEntry | undefined;
		if (own?.physicalKey.kind !== "file" || !own.physicalKey.path.startsWith(`${scratch}/`)) continue;
		if (physicalKeyEquals(own.physicalKey, entry.physicalKey)) continue;
		state.tree.set(key, { ...own, physicalKey: entry.physicalKey, origin: entry.origin } as ClientEntry);
		await files.remove(own.physicalKey.path);
	}
}

type Work = {
	readonly key: string;
	readonly entry: ClientEntry;
	readonly from: Candidate;
	readonly size: number;
	/** Key in the registry's store where the file belongs. */
	readonly home: string;
};
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

/** Moves the selected entries of one tree into one registry. */
class Mover {
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
		let pending = await this.#select();
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

	async #select(): Promise<Work[]> {
		const selected: Work[] = [];
		const homes = new Map<string, string>();
		const target = this.#target();
		for (const [key, entry] of this.#tree.walk() as Iterable<[string, ClientEntry]>) {
			const seen: SelectedEntry = { physicalKey: formatPhysicalKey(entry.physicalKey), size: entry.size };
			if (entry.content === undefined && !this.#isSelected(key, entry, seen)) continue;
			const home = target(key, seen);
			const rival = homes.get(home);
			if (rival !== undefined) {
				throw new BaleError(
					"KeyCollision",
					`Cannot push: "${rival}" and "${key}" would land at the same place "${home}"`,
					{
						details: { keys: [rival, key], place: home },
					},
				);
			}
			homes.set(home, key);
			const { versionId: _version, ...place } = { versionId: undefined, ...entry.physicalKey };
			if (physicalKeyEquals(place, joinPhysicalKey(this.#registry.store.root, home))) continue;
			refuseReserved(key, home);
			if (entry.size === undefined) {
				throw new BaleError("InvalidManifest", `Cannot push "${key}": its size is no number of bytes`, {
					details: { key },
				});
			}
			const [from] = await locate(key, entry, this.#origin, this.#options.signal, { lazy: true });
			selected.push({ key, entry, from: from as Candidate, size: entry.size, home });
		}
		return selected;
	}

	#isSelected(key: string, entry: ClientEntry, seen: SelectedEntry): boolean {
		const selector = this.#options.selector ?? "missing";
		if (typeof selector === "function") return selector(key, seen);
		switch (selector) {
			case "all":
				return true;
			case "local":
				return entry.physicalKey.kind === "file" && !isInside(this.#registry.store.root, entry.physicalKey);
			case "none":
				return false;
			case "missing":
				return !isInside(this.#registry.store.root, entry.physicalKey);
		}
	}

	/** Gives each logical key its key in the store. Throws `InvalidArgument` for places outside of the registry. */
	#target(): (key: string, entry: SelectedEntry) => string {
		const { dest } = this.#options;
		const { root } = this.#registry.store;
		if (dest === undefined) return (key) => `${this.#name}/${key}`;
		if (typeof dest === "function") {
			return (key, entry) => {
				const url: unknown = dest(key, entry);
				if (typeof url !== "string") {
					throw new BaleError("InvalidArgument", `Cannot push "${key}": dest gave no URL for it`, {
						details: { key },
					});
				}
				return relativeTo(root, parsePhysicalKey(url), url);
			};
		}
		const location = parseLocation(dest);
		const base = relativeTo(root, location, dest).replace(/\/+$/, "");
		return (key) => (base === "" ? key : `${base}/${key}`);
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
		const hashes = await this.#contentHashes(contested.map(({ work }) => work));
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
		return this.#head !== undefined && occupant.modifiedMs <= this.#head.modifiedAt.getTime();
	}

	/** `sha2-256-chunked` of what would be pushed; entries that have another hash are checked against it. */
	async #contentHashes(works: readonly Work[]): Promise<Hash[]> {
		const hashes = works.map(({ entry }) =>
			entry.hash?.type === "sha2-256-chunked" ? entry.hash : undefined,
		);
		const missing = works.flatMap((work, index) => (hashes[index] === undefined ? [{ work, index }] : []));
		const local = missing.filter(({ work }) => "path" in work.from);
		const jobs = local.map(({ work }) => ({
			path: (work.from as { path: string }).path,
			size: work.size,
			type: "sha2-256-chunked" as const,
		}));
		const found = jobs.length === 0 ? [] : ((await platform().files?.hash(jobs, this.#moveOptions())) ?? []);
		local.forEach(({ index }, job) => {
			hashes[index] = found[job];
		});
		for (const { work, index } of missing) {
			hashes[index] ??= await this.#hashOf(work, "sha2-256-chunked");
			await this.#checkLegacy(work);
		}
		return hashes as Hash[];
	}

	async #hashOf(work: Work, type: HashType): Promise<Hash | undefined> {
		const { files, createSha256 } = platform();
		if (!("path" in work.from)) {
			return hashSource(work.from.source, type, createSha256, { signal: this.#options.signal });
		}
		return (await files?.hash([{ path: work.from.path, size: work.size, type }], this.#moveOptions()))?.[0];
	}

	/** An entry with another hash type is not published under a new hash unless its bytes fit the old one. */
	async #checkLegacy(work: Work): Promise<void> {
		const { hash } = work.entry;
		if (hash === undefined || !isKnownHashType(hash.type)) return;
		const found = await this.#hashOf(work, hash.type);
		if (sameHash(found, hash)) return;
		throw new BaleError(
			"IntegrityMismatch",
			`The bytes of "${work.key}" are not those that the package names`,
			{
				details: { key: work.key, expected: hash, found },
			},
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
		const hashes = candidates.length === 0 ? [] : await this.#contentHashes(candidates);
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
		const hashes = await this.#contentHashes(place);
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

/** A registry's own folders are written by publishing only: a file there could pass for a revision. */
function refuseReserved(key: string, home: string): void {
	const first = home.split("/", 1)[0]?.toLowerCase();
	if (first !== ".quilt" && first !== ".bale") return;
	throw new BaleError(
		"ReservedKey",
		`Cannot push "${key}" to "${home}": that folder belongs to the registry itself`,
		{
			hint: "Choose another dest",
			details: { key, place: home },
		},
	);
}

function relativeTo(root: PhysicalKey, key: PhysicalKey, text: string): string {
	const base = root.kind === "s3" ? root.key : root.path;
	const prefix = base === "" ? "" : base.replace(/\/?$/, "/");
	const path = key.kind === "s3" ? key.key : key.path;
	const same = root.kind === "s3" ? key.kind === "s3" && key.bucket === root.bucket : key.kind === "file";
	const versioned = key.kind === "s3" && key.versionId !== undefined;
	if (same && !versioned && (path.startsWith(prefix) || `${path}/` === prefix))
		return path.slice(prefix.length);
	throw new BaleError(
		"InvalidArgument",
		`Cannot push to ${text}: it is not inside the registry ${formatPhysicalKey(root)}`,
		{
			hint: "Give a place inside the registry, or another registry",
			details: { dest: text, registry: formatPhysicalKey(root) },
		},
	);
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

function sameHash(a: Hash | undefined, b: Hash | undefined): boolean {
	return a !== undefined && b !== undefined && a.type === b.type && a.value === b.value;
}
