import { metaJson } from "../core/entry.ts";
import { isBaleError } from "../core/errors.ts";
import { jsonEquals } from "../core/json.ts";
import { parseLogicalKey } from "../core/logical-key.ts";
import { formatManifest, type Manifest } from "../core/manifest.ts";
import { parsePackageName, type PackageName } from "../core/names.ts";
import { physicalKeyEquals } from "../core/physical-key.ts";
import { computeTopHash } from "../core/top-hash.ts";
import type { Tree } from "../core/tree.ts";
import { ChunkedText } from "../registry/bytes.ts";
import { checkBase, publish } from "../registry/publish.ts";
import type { Head, Registry } from "../registry/registry.ts";
import type { RunOptions } from "../transfer/events.ts";
import { adopt, countTree, lineLimit } from "./build.ts";
import { hashMissing } from "./hashing.ts";
import { addSeen, readSeen } from "./installs.ts";
import type { ClientEntry, Origin } from "./origin.ts";
import {
	checkPublishable,
	isInside,
	isUsable,
	nextHeader,
	recordedWorkflow,
	type HeaderOptions,
	type WorkflowRecord,
} from "./prepare.ts";
import { forgetTouched } from "./rehashing.ts";
import { Mover, registryOrigin } from "./push-mover.ts";
import { openRegistry, type RegistryInput } from "./registries.ts";
import { platform } from "./runtime.ts";
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
	/** The workflow that it was checked by; absent when the registry has no workflow configuration. */
	readonly workflow?: WorkflowRecord;
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
	const header = await nextHeader(state, registry, name, options);
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
	const result = {
		name,
		topHash,
		registry: registry.location,
		...countTree(tree),
		...moved,
		...recordedWorkflow(header),
		state: pushed,
	};
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
