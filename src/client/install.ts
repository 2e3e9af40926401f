import { display } from "../core/display.ts";
import { BaleError } from "../core/errors.ts";
import { layout } from "../core/layout.ts";
import { parsePackageName, type PackageName } from "../core/names.ts";
import { parsePhysicalKey, type PhysicalKey } from "../core/physical-key.ts";
import type { TopHash } from "../core/top-hash.ts";
import type { Tree } from "../core/tree.ts";
import { publish } from "../registry/publish.ts";
import { type Registry, revisionNotFound } from "../registry/registry.ts";
import type { Store } from "../storage/store.ts";
import type { RunOptions } from "../transfer/events.ts";
import { browsePackage } from "./browse.ts";
import { isUntouched, readInstall, writeInstall, type Install, type InstalledFile } from "./installs.ts";
import { installInStore } from "./install-in-store.ts";
import { materialize, type Item } from "./materialize.ts";
import { namedObjects } from "./named-objects.ts";
import { storeSource } from "./object-source.ts";
import { openRegistry, localRoot, nativePath, registryIn, type RegistryInput } from "./registries.ts";
import { isUsable } from "./prepare.ts";
import type { LocalFiles } from "./platform.ts";
import { platform } from "./runtime.ts";
import { addSeen } from "./seen.ts";
import type { PackageState } from "./state.ts";

export type InstallOptions = RunOptions & {
	/** Default: the default remote registry. */
	readonly registry?: RegistryInput | undefined;
	/** Exactly this revision; a prefix of at least 6 digits is enough. */
	readonly topHash?: string | undefined;
	/** `latest` (default) or a timestamp. */
	readonly pointer?: string | undefined;
	/**
	 * Directory for the files; default: `<install location>/<namespace>/<name>`. Or a store, which gets them at their keys,
	 * each when it is verified as a whole in memory: what a page has instead of directories.
	 */
	readonly dest?: string | Store | undefined;
	/** Local registry that records the package; default: the local one. For a `dest` that is a store: any, default: none. */
	readonly destRegistry?: RegistryInput | undefined;
	/** Only this file or directory of the package; the record is of the whole package. */
	readonly path?: string | undefined;
	/** Replace files that the user has edited. */
	readonly overwrite?: boolean | undefined;
	/** Remove files of the previously installed revision that this one no longer has, unless they were edited. */
	readonly prune?: boolean | undefined;
	/** Accept manifests and files that cannot be verified. */
	readonly allowUnverified?: boolean | undefined;
	/** Follow a manifest that names local files of somebody else. */
	readonly allowLocalFiles?: boolean | undefined;
	/** Only say what would happen. */
	readonly dryRun?: boolean | undefined;
};

export type InstallResult = {
	readonly name: string;
	readonly topHash: string;
	readonly registry: string;
	readonly dest: string;
	/** Files and bytes of what was asked for. */
	readonly files: number;
	readonly bytes: number;
	/** Keys below `dest` that were (or would be) written. */
	readonly written: readonly string[];
	/** How many files were there already. */
	readonly kept: number;
	/** Files of the revision that was there before and that this one does not have. */
	readonly stale: readonly string[];
	/** Of those, the ones that were removed. */
	readonly pruned: readonly string[];
	readonly dryRun: boolean;
	readonly state: PackageState;
};

/**
 * Brings one revision's files to a directory (or a store), each verified before it appears, and records the package in the
 * local registry with its manifest unchanged. Files that are there are not moved again.
 */
export async function installPackage(nameText: string, options: InstallOptions = {}): Promise<InstallResult> {
	const name = parsePackageName(nameText);
	const registry = await openRegistry(options.registry, "remote");
	const { state, topHash } = await browsePackage(registry, name, options);
	const items = select(state.tree, options.path);
	const summary = {
		name,
		topHash,
		registry: registry.location,
		files: items.length,
		bytes: items.reduce((sum, { entry }) => sum + (entry.size ?? 0), 0),
		state,
	};
	if (typeof options.dest === "object") {
		const { dest, destRegistry, dryRun = false } = options;
		if (options.prune === true) {
			throw new BaleError(
				"InvalidArgument",
				"Cannot prune a store: nothing is remembered of what was installed there",
			);
		}
		const place = registryIn(dest).location;
		refuseReserved(items, place);
		const moved = await installInStore(items, state.origin, dest, options);
		if (destRegistry !== undefined && !dryRun)
			await record(registry, await openRegistry(destRegistry), name, topHash, options);
		return { ...summary, ...moved, dest: place, stale: [], pruned: [], dryRun };
	}
	const { files } = platform();
	if (files === undefined) {
		throw new BaleError("Unsupported", "A page cannot install files", {
			hint: "Give a store as dest: new MemoryStore(), or one of yours",
		});
	}
	const destRegistry = await openRegistry(options.destRegistry, "local");
	const recordRoot = localRoot(destRegistry.store);
	if (recordRoot === undefined) {
		throw new BaleError(
			"InvalidArgument",
			`Cannot record installed packages in ${destRegistry.location}: it is no local directory`,
			{ hint: "Leave destRegistry out, or name a directory of this machine" },
		);
	}
	const dest = await destination(files, name, recordRoot, options.dest);
	if (`${dest}/`.startsWith(recordRoot.replace(/\/?$/, "/"))) refuseReserved(items, dest);
	const before = await readInstall(dest);
	const installed = new Set([...(before?.files.keys() ?? [])].map((key) => `${dest}/${key}`));
	const protectedPaths: ProtectedPaths = (paths) => namedByRegistries([recordRoot, dest], paths, installed);
	const result = await materialize(items, state.origin, {
		...options,
		dest,
		known: before?.files,
		protectedPaths,
	});
	const stale = staleKeys(before, name, items, options.path);
	const done = { ...summary, dest, written: result.written, kept: result.kept, stale };
	const dryRun = options.dryRun === true;
	const prunes = options.prune === true && before !== undefined;
	const pruned = prunes ? await prune(before, dest, stale, protectedPaths, dryRun) : [];
	if (dryRun) return { ...done, pruned, dryRun };

	await remember(before, name, topHash, registry.location, dest, result.files, stale, pruned);
	await record(registry, destRegistry, name, topHash, options);
	state.known.add(destRegistry.location, name, topHash);
	await addSeen(registry.location, name, topHash, {
		folder: dest,
		isPart: options.path !== undefined,
		isReturn: options.topHash !== undefined || (options.pointer ?? "latest") !== "latest",
		onProgress: options.onProgress,
	});
	return { ...done, pruned, dryRun: false };
}

type ProtectedPaths = (paths: readonly string[]) => Promise<readonly string[]>;

/** A package's files are kept out of a registry's own folders, also before there is such a registry. */
function refuseReserved(items: readonly Item[], dest: string): void {
	for (const { key, source } of items) {
		const first = key.split("/", 1)[0]?.toLowerCase();
		if (first !== ".quilt" && first !== ".bale") continue;
		throw new BaleError(
			"ReservedKey",
			`Cannot install "${display(source)}" into ${dest}: the registry keeps its own files in such folders`,
			{ hint: "Install to a place outside of the registry with --dest", details: { key: source, dest } },
		);
	}
}

/** The entries that are asked for and where they go below the destination. */
function select(tree: Tree, path: string | undefined): Item[] {
	if (path === undefined) return [...tree.walk()].map(([key, entry]) => ({ key, source: key, entry }));
	const node = path === "" || path.endsWith("/") ? undefined : tree.get(path);
	if (node === undefined) {
		throw new BaleError(
			"EntryNotFound",
			`Cannot install "${path}": the package has no such file or directory`,
			{
				...(path.endsWith("/") ? { hint: "Leave out the trailing slash" } : {}),
				details: { path },
			},
		);
	}
	if ("physicalKey" in node) return [{ key: path.split("/").at(-1) ?? path, source: path, entry: node }];
	return [...tree.subtree(path).walk()].map(([key, entry]) => ({ key, source: `${path}/${key}`, entry }));
}

async function destination(
	files: LocalFiles,
	name: PackageName,
	recordRoot: string,
	dest: string | undefined,
): Promise<string> {
	const strip = (path: string): string => path.replace(/(?<=.)\/+$/, "");
	if (dest !== undefined) {
		if (/^[a-z][a-z0-9+.-]*:\/\//i.test(dest) && !/^file:/i.test(dest)) {
			throw new BaleError("InvalidArgument", `Cannot install to ${dest}: it is no local directory`, {
				details: { dest },
			});
		}
		const path = /^file:/i.test(dest) ? parsePhysicalKey(dest) : undefined;
		return strip(files.resolve(path?.kind === "file" ? nativePath(path.path) : dest));
	}
	const location = await platform().settings?.installLocation();
	if (location === undefined) return `${recordRoot}/${name}`;
	const parsed = /^file:/i.test(location) ? parsePhysicalKey(location) : undefined;
	return `${strip(files.resolve(parsed?.kind === "file" ? nativePath(parsed.path) : location))}/${name}`;
}

/**
 * Of `paths`, those that a manifest of a registry above them names: a registry's data are not an install's to replace.
 * In a registry that was moved these are also the files that its recorded paths end in, unless an install put them there.
 */
async function namedByRegistries(
	starts: readonly string[],
	paths: readonly string[],
	installed: ReadonlySet<string>,
): Promise<string[]> {
	const { files, openStore } = platform();
	const roots = new Set<string>();
	for (const start of starts) {
		for (let path = start; path !== ""; path = path.slice(0, path.lastIndexOf("/"))) {
			if ((await files?.stat(`${path}/.quilt`))?.kind === "directory") roots.add(path);
		}
	}
	const named = new Set<string>();
	for (const root of roots) {
		const inside = paths.filter((path) => path.startsWith(`${root}/`));
		if (inside.length === 0) continue;
		const mayBe = async (physicalKey: PhysicalKey, key: string): Promise<boolean> =>
			physicalKey.kind === "file" &&
			!installed.has(`${root}/${key}`) &&
			(await files?.stat(physicalKey.path)) === undefined;
		const keys = inside.map((path) => path.slice(root.length + 1));
		const found = await namedObjects(registryIn(await openStore(root)), keys, { mayBe });
		// Where a manifest cannot be read, it may be any file that no install has put there.
		const protectedKeys = found.uncertain ? keys.filter((key) => !installed.has(`${root}/${key}`)) : [];
		for (const key of [...found.keys, ...protectedKeys]) named.add(`${root}/${key}`);
	}
	return [...named];
}

function staleKeys(
	before: Install | undefined,
	name: string,
	items: readonly Item[],
	path: string | undefined,
): string[] {
	if (before?.name !== name || path !== undefined) return [];
	const now = new Set(items.map((item) => item.key));
	return [...before.files.keys()].filter((key) => !now.has(key));
}

async function prune(
	before: Install,
	dest: string,
	stale: readonly string[],
	protectedPaths: ProtectedPaths,
	dryRun: boolean,
): Promise<string[]> {
	const destination = await platform().files?.destination(dest);
	if (destination === undefined || stale.length === 0) return [];
	const guarded = new Set(await protectedPaths(stale.map((key) => destination.pathOf(key))));
	const removed: string[] = [];
	for (const key of stale) {
		const file = before.files.get(key);
		const stat = await destination.stat(key);
		if (file === undefined || stat?.kind !== "file" || !isUntouched(file, stat)) continue;
		if (guarded.has(destination.pathOf(key))) continue;
		if (!dryRun) await destination.remove(key);
		removed.push(key);
	}
	return removed;
}

async function remember(
	before: Install | undefined,
	name: string,
	topHash: string,
	registry: string,
	dest: string,
	found: ReadonlyMap<string, InstalledFile>,
	stale: readonly string[],
	pruned: readonly string[],
): Promise<void> {
	const files = new Map<string, InstalledFile>();
	const gone = new Set(pruned);
	if (before?.name === name) {
		const left = new Set(stale);
		for (const [key, file] of before.files) {
			if (!gone.has(key) && (left.has(key) || !found.has(key))) files.set(key, file);
		}
	}
	for (const [key, file] of found) files.set(key, file);
	const installedAt = new Date(platform().now()).toISOString();
	await writeInstall({ dest, name, topHash, registry, installedAt, files });
}

/** Publishes the manifest's bytes in the local registry as they are. */
async function record(
	from: Registry,
	to: Registry,
	name: PackageName,
	topHash: TopHash,
	options: InstallOptions,
): Promise<void> {
	if (from.location === to.location && (await to.head(name).catch(() => undefined))?.topHash === topHash)
		return;
	const manifest = await storeSource(from.store, layout.manifest(topHash), undefined, options.signal);
	if (manifest === undefined) throw revisionNotFound(topHash, from.location);
	await publish(to, name, {
		manifest,
		topHash,
		accept: "any",
		usable: (existing) => isUsable(to, existing),
		onWarning: (code, message) => options.onProgress?.({ kind: "warning", code, message }),
		signal: options.signal,
	});
}
