import { BaleError, isBaleError } from "../core/errors.ts";
import { parseLogicalKey } from "../core/logical-key.ts";
import type { Manifest } from "../core/manifest.ts";
import { parsePackageName, type PackageName } from "../core/names.ts";
import { physicalKeyEquals } from "../core/physical-key.ts";
import type { Tree } from "../core/tree.ts";
import { Base } from "../registry/base.ts";
import { checkBase, type Published } from "../registry/publish.ts";
import type { Registry } from "../registry/registry.ts";
import type { RunOptions } from "../transfer/events.ts";
import { adopt, countTree } from "./build.ts";
import { hashMissing } from "./hashing.ts";
import type { ClientEntry, Origin } from "./origin.ts";
import {
	checkPublishable,
	nextHeader,
	recordedWorkflow,
	type HeaderOptions,
	type WorkflowRecord,
} from "./prepare.ts";
import { forgetTouched } from "./rehashing.ts";
import { Mover, registryOrigin } from "./push-mover.ts";
import { checkDest } from "./push-selection.ts";
import { registryOfDest } from "./push-target.ts";
import { keepManifest, mayRepeat, publishManifest } from "./push-publish.ts";
import { findAncestor, Rebase, type Rebased } from "./rebase.ts";
import { nativePath, openRegistry, type RegistryInput } from "./registries.ts";
import { platform } from "./runtime.ts";
import { addSeen, readReplaceable } from "./seen.ts";
import { localDirectory } from "./sources.ts";
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
		/**
		 * When others have published in the meantime, join their changes with ours (since the revision that this package
		 * comes from) and publish that. What both have changed differently is `Conflict`, with `details.conflicts`.
		 */
		readonly rebase?: boolean | undefined;
		/** Write nothing when the new revision is the latest already (bale never adds a pointer for it anyway). */
		readonly dedupe?: boolean | undefined;
		/**
		 * False: nothing that is remembered is trusted. Local files are read to be hashed, and every object of the latest
		 * revision is looked at (one request each): one whose version somebody has deleted is sent again.
		 */
		readonly cache?: boolean | undefined;
		/** Only say what would happen: files are hashed, nothing is written. */
		readonly dryRun?: boolean | undefined;
		/**
		 * Also publish over the revisions that this user pushed to this registry or installed from it; with `folder`, as far
		 * as that is known, only over those that the folder's content comes from.
		 */
		readonly acceptSeen?: boolean | undefined;
		/** With `acceptSeen`: the local folder that the package was made from; the revisions that it comes from are remembered. */
		readonly folder?: string | undefined;
		/** The package has files, too, that the folder lacks: it is not what the folder comes from. */
		readonly folderIsPart?: boolean | undefined;
		/** What `readBase` has read of this package in this registry. @internal */
		readonly base?: Base | undefined;
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
	/** The revision that the changes were joined with; absent: nobody had published in the meantime. */
	readonly rebased?: Rebased;
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
	const { folder, isPart = false } =
		options.folder !== undefined
			? { folder: localDirectory(options.folder, "push"), isPart: options.folderIsPart }
			: options.acceptSeen === true
				? builtFrom(state.tree)
				: {};
	const registry = await openRegistry(
		options.registry ?? (await registryOfDest(options.dest, state.tree)),
		"remote",
	);
	checkDest(registry, options);
	await forgetTouched(state.tree);
	const header = await nextHeader(state, registry, name, options);
	const rebase = await openRebase(state, registry, name, folder, options);
	const accept = rebase?.accept ?? (await acceptable(state, registry, name, folder, options));
	const tree = state.tree.clone();
	const base = options.base ?? (await Base.read(registry, name, options.signal));
	await checkBase(registry, name, base, accept, options.signal).catch(async (error: unknown) => {
		if (!isBaleError(error, "Conflict")) throw error;
		if (rebase !== undefined && base.head !== undefined) {
			await rebase.check(base.head, header, tree, state.origin, options);
		} else if (!(await mayRepeat(registry, base, { header, tree: state.tree }, options.signal))) throw error;
	});

	const { landed, ...moved } = await new Mover(
		{ header, tree },
		state.origin,
		registry,
		name,
		base,
		options,
	).run();
	await hashMissing(tree, state.origin, options);
	keepOrigins(tree, state.origin);
	const own: Manifest = { header, tree };
	const publishOne = (
		manifest: Manifest,
		mayReplace: "any" | ReadonlySet<string>,
		onto: Base,
	): Promise<Published> => publishManifest(registry, name, manifest, onto, mayReplace, landed, options);
	const isDry = options.dryRun === true;
	const outcome =
		rebase === undefined
			? { manifest: own, published: await publishOne(own, accept, base), onto: undefined }
			: await rebase.run(
					state.tree,
					own,
					base,
					async ({ header: joined, tree: all }) => ({
						header: await nextHeader(
							{ ...state, header: new Map(joined), tree: all },
							registry,
							name,
							options,
						),
						tree: all,
					}),
					publishOne,
				);
	const { published, onto } = outcome;
	const { topHash, kept } = published;
	// What the registry's manifest says holds for everybody.
	const manifest = kept === undefined ? outcome.manifest : { ...kept, tree: kept.tree.clone() };
	const pushed: PackageState = {
		header: new Map(manifest.header),
		tree: manifest.tree,
		origin: registryOrigin(registry),
		known: state.known,
	};
	const result = {
		name,
		topHash,
		registry: registry.location,
		...countTree(manifest.tree),
		...moved,
		...recordedWorkflow(manifest.header),
		...(published.pointer === undefined ? {} : { pointer: published.pointer }),
		changed: published.changed,
		dryRun: isDry,
		...(onto === undefined || rebase === undefined ? {} : { rebased: { base: rebase.base, onto } }),
	};
	if (isDry) return { ...result, state: pushed };
	const { onProgress } = options;
	await adopt(state, header, tree);
	await releaseScratch(state, tree);
	if (onto === undefined) {
		state.known.add(registry.location, name, topHash);
		await addSeen(registry.location, name, topHash, { folder, isPart, onProgress });
		return { ...result, state: pushed };
	}
	const known = state.known.clone();
	known.add(registry.location, name, topHash);
	// The package that was pushed lacks the others' changes: it goes on from a revision of its own, under no pointer.
	const ownHash = await keepManifest(registry, own, options);
	state.known.add(registry.location, name, ownHash);
	await addSeen(registry.location, name, ownHash, { folder, isPart, seen: false, onProgress });
	return { ...result, state: { ...pushed, known } };
}

/** What a rebase needs, when one is wished for and the package comes from a revision that is there. */
async function openRebase(
	state: PackageState,
	registry: Registry,
	name: PackageName,
	folder: string | undefined,
	options: PushOptions,
): Promise<Rebase | undefined> {
	if (options.rebase !== true) return undefined;
	if (options.force === true) {
		throw new BaleError("InvalidArgument", "Cannot push with both rebase and force", {
			hint: "Rebase keeps what others have published, force does not look at it: choose one",
		});
	}
	const ancestor = await findAncestor(state, registry, name, { ...options, folder });
	return ancestor && new Rebase(registry, name, ancestor, options.signal);
}

async function acceptable(
	state: PackageState,
	registry: Registry,
	name: PackageName,
	folder: string | undefined,
	options: PushOptions,
): Promise<"any" | ReadonlySet<string>> {
	if (options.force === true) return "any";
	const accept: string[] = [...state.known.named(name)];
	if (options.acceptSeen === true) accept.push(...(await readReplaceable(registry.location, name, folder)));
	return new Set(accept);
}

/** The folder that a package was built from, as the places of its files tell, and whether the package has files besides. */
function builtFrom(tree: Tree): { readonly folder?: string; readonly isPart?: boolean } {
	let folder: string | undefined;
	let isPart = false;
	for (const [key, { physicalKey }] of tree.walk()) {
		if (physicalKey.kind !== "file") isPart = true;
		else if (folder === undefined && physicalKey.path.endsWith(`/${key}`))
			folder = nativePath(physicalKey.path.slice(0, -1 - key.length));
	}
	return folder === undefined ? {} : { folder, isPart };
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
