/** Which entries a push copies, and where each belongs in the registry. */
import { BaleError } from "../core/errors.ts";
import type { PackageName } from "../core/names.ts";
import {
	type PhysicalKey,
	formatPhysicalKey,
	joinPhysicalKey,
	keyBelow,
	parsePhysicalKey,
	physicalKeyEquals,
} from "../core/physical-key.ts";
import { unportableReason } from "../core/portable-key.ts";
import type { Tree } from "../core/tree.ts";
import type { Registry } from "../registry/registry.ts";
import { checkStoreKey } from "../storage/store-key.ts";
import { locate, type Candidate, type ClientEntry, type Origin } from "./origin.ts";
import { isInside } from "./prepare.ts";
import type { PushOptions, SelectedEntry } from "./push.ts";
import { localRoot } from "./registries.ts";
import { platform } from "./runtime.ts";
import { parseLocation } from "./sources.ts";

/** One file to be pushed. */
export type Work = {
	readonly key: string;
	readonly entry: ClientEntry;
	readonly from: Candidate;
	readonly size: number;
	/** Key in the registry's store where the file belongs. */
	readonly home: string;
};
/**
 * Refuses a `dest` of which no file could land in the registry, also when there is nothing to copy: `InvalidArgument`,
 * `ReservedKey`, `UnportableKey`. What a function gives is looked at when it is asked.
 */
export function checkDest(registry: Registry, { dest }: PushOptions): void {
	if (typeof dest !== "string") return;
	const base = baseOf(registry.store.root, dest);
	if (base === "") return;
	checkStoreKey(base);
	checkHome(registry, base);
}

/**
 * The entries that are to be copied, with their places in the store, and how many are at the places that they should have
 * (where `dest` is a function, of the selected ones). Throws `KeyCollision`, `ReservedKey`,
 * `InvalidArgument`.
 */
export async function selectWork(
	tree: Tree,
	origin: Origin,
	registry: Registry,
	name: PackageName,
	options: PushOptions,
): Promise<{ works: Work[]; atHome: number }> {
	const works: Work[] = [];
	let atHome = 0;
	const homes = new Map<string, string>();
	const target = targetOf(registry, name, options);
	for (const [key, entry] of tree.walk() as Iterable<[string, ClientEntry]>) {
		const seen: SelectedEntry = { physicalKey: formatPhysicalKey(entry.physicalKey), size: entry.size };
		if (entry.content === undefined && !isSelected(key, entry, seen, registry, options)) {
			if (typeof options.dest !== "function" && isAt(registry, entry.physicalKey, target(key, seen)))
				atHome++;
			continue;
		}
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
		if (isAt(registry, entry.physicalKey, home)) {
			atHome++;
			continue;
		}
		checkHome(registry, home, key);
		if (entry.size === undefined) {
			throw new BaleError("InvalidManifest", `Cannot push "${key}": its size is no number of bytes`, {
				details: { key },
			});
		}
		const [from] = await locate(key, entry, origin, options.signal, { lazy: true });
		works.push({ key, entry, from: from as Candidate, size: entry.size, home });
	}
	return { works, atHome };
}

/** Whether bytes are at this key of the registry, in whatever version. */
export function isAt(registry: Registry, physicalKey: PhysicalKey, home: string): boolean {
	const { versionId: _version, ...place } = { versionId: undefined, ...physicalKey };
	return physicalKeyEquals(place, joinPhysicalKey(registry.store.root, home));
}

function isSelected(
	key: string,
	entry: ClientEntry,
	seen: SelectedEntry,
	registry: Registry,
	options: PushOptions,
): boolean {
	const selector = options.selector ?? "missing";
	if (typeof selector === "function") return selector(key, seen);
	switch (selector) {
		case "all":
			return true;
		case "local":
			return entry.physicalKey.kind === "file" && !isInside(registry.store.root, entry.physicalKey);
		case "none":
			return false;
		case "missing":
			return !isInside(registry.store.root, entry.physicalKey);
	}
}

/** Gives each logical key its key in the store. Throws `InvalidArgument` for places outside of the registry. */
function targetOf(
	registry: Registry,
	name: PackageName,
	options: PushOptions,
): (key: string, entry: SelectedEntry) => string {
	const { dest } = options;
	const { root } = registry.store;
	if (dest === undefined) return (key) => `${name}/${key}`;
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
	const base = baseOf(root, dest);
	return (key) => (base === "" ? key : `${base}/${key}`);
}

/** The key in a store of what is inside of it, in whatever version. */
export function keyWithin(root: PhysicalKey, physicalKey: PhysicalKey): string {
	const { versionId: _versionId, ...place } = { versionId: undefined, ...physicalKey };
	return relativeTo(root, place, formatPhysicalKey(physicalKey));
}

/** The key in the store below which everything lands, without a slash at its end. Throws `InvalidArgument`. */
function baseOf(root: PhysicalKey, dest: string): string {
	return relativeTo(root, parseLocation(dest), dest).replace(/\/+$/, "");
}

/** `key`: whose place it is; undefined: that of all. */
function checkHome(registry: Registry, home: string, key?: string): void {
	refuseReserved(key, home);
	if (localRoot(registry.store) !== undefined) refuseUnportable(key, home);
}

function describeMove(key: string | undefined, home: string): string {
	return `Cannot push${key === undefined ? "" : ` "${key}"`} to "${home}"`;
}

/** A directory registry cannot keep a file of that name; said before anything is copied. */
function refuseUnportable(key: string | undefined, home: string): void {
	const reason = unportableReason(home, platform().system === "windows" ? "windows" : "posix");
	if (reason === undefined) return;
	throw new BaleError("UnportableKey", `${describeMove(key, home)}: ${reason}`, {
		hint: "Rename the file, or choose a shorter dest",
		details: { ...(key === undefined ? {} : { key }), place: home },
	});
}

/** A registry's own folders are written by publishing only: a file there could pass for a revision. */
function refuseReserved(key: string | undefined, home: string): void {
	const first = home.split("/", 1)[0]?.toLowerCase();
	if (first !== ".quilt" && first !== ".bale") return;
	throw new BaleError(
		"ReservedKey",
		`${describeMove(key, home)}: that folder belongs to the registry itself`,
		{
			hint: "Choose another dest",
			details: { ...(key === undefined ? {} : { key }), place: home },
		},
	);
}

/** The key in a store of a place below its root. Throws `InvalidArgument` for another place; `text` is how it was given. */
export function relativeTo(root: PhysicalKey, key: PhysicalKey, text: string): string {
	const versioned = key.kind === "s3" && key.versionId !== undefined;
	// The root itself may be written without its final slash.
	const below = versioned ? undefined : (keyBelow(root, key) ?? keyBelow(root, joinPhysicalKey(key, "")));
	if (below !== undefined) return below;
	const details = { dest: text, registry: formatPhysicalKey(root) };
	if (versioned) {
		throw new BaleError("InvalidArgument", `Cannot push to ${text}: it names a version of an object`, {
			hint: "Leave ?versionId=… out: the store gives each object that is written its own",
			details,
		});
	}
	throw new BaleError(
		"InvalidArgument",
		`Cannot push to ${text}: it is not inside the registry ${formatPhysicalKey(root)}`,
		{ hint: "Give a place inside the registry, or another registry", details },
	);
}
