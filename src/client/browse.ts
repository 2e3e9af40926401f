import { BaleError, isBaleError } from "../core/errors.ts";
import type { Manifest } from "../core/manifest.ts";
import { parsePackageName, type PackageName } from "../core/names.ts";
import type { TopHash } from "../core/top-hash.ts";
import { Base } from "../registry/base.ts";
import type { Registry } from "../registry/registry.ts";
import { openRegistry, type RegistryInput } from "./registries.ts";
import { KnownRevisions, type PackageState } from "./state.ts";

export type BrowseOptions = {
	/** Exactly this revision; a prefix of at least 6 digits is enough. The name is not compared then, as in quilt3. */
	readonly topHash?: string | undefined;
	/** `latest` (default) or a timestamp. */
	readonly pointer?: string | undefined;
	/** Accept a manifest whose content does not give its name. */
	readonly allowUnverified?: boolean | undefined;
	readonly allowLocalFiles?: boolean | undefined;
	readonly signal?: AbortSignal | undefined;
};

/** Reads one revision. Throws `PackageNotFound`, `RevisionNotFound`, `AmbiguousHash`, `DanglingPointer`, `TopHashMismatch`. */
export async function browsePackage(
	registry: Registry,
	name: PackageName,
	options: BrowseOptions = {},
): Promise<{ state: PackageState; topHash: TopHash }> {
	const pointer = options.pointer ?? "latest";
	const topHash = await findRevision(registry, name, options);
	const manifest = await registry
		.read(topHash, { allowUnverified: options.allowUnverified, signal: options.signal })
		.catch(async (error: unknown) => {
			const dangling =
				error instanceof BaleError && error.code === "RevisionNotFound" && options.topHash === undefined;
			throw dangling ? await danglingPointer(registry, name, pointer, topHash) : error;
		});
	return { state: stateOf(manifest, registry, name, topHash, options.allowLocalFiles === true), topHash };
}

/** Which revision the options mean. */
async function findRevision(
	registry: Registry,
	name: PackageName,
	{ topHash, pointer, signal }: BrowseOptions,
): Promise<TopHash> {
	if (topHash === undefined) return registry.follow(name, pointer ?? "latest", signal);
	if (pointer !== undefined) throw new BaleError("InvalidArgument", "Give a top hash or a pointer, not both");
	return registry.resolve(topHash, signal);
}

/** A revision as a user names it. */
export type Revision = BrowseOptions & {
	readonly name: string;
	readonly registry?: RegistryInput | undefined;
};

/** Reads two revisions that are to be compared: in one pass, where they lie in the same registry and that can be done. */
export async function browseTwo(first: Revision, second: Revision): Promise<[PackageState, PackageState]> {
	const names = [parsePackageName(first.name), parsePackageName(second.name)] as const;
	const registry = await openRegistry(first.registry, "local");
	const found = await openRegistry(second.registry, "local");
	const other = found.location === registry.location ? registry : found;
	if (other === registry && registry.store.openBytes !== undefined) {
		try {
			const topHash = await findRevision(registry, names[0], first);
			await registry.readAhead(topHash, await findRevision(registry, names[1], second), first.signal);
		} catch {
			// What cannot be read is told by who asks for it.
		}
	}
	const before = await browsePackage(registry, names[0], first);
	const after = await browsePackage(other, names[1], second);
	return [before.state, after.state];
}

/** Reads what is latest, for a `push` or `build` that is given it as `base`: nothing of it is read again then. */
export async function readBase(
	nameText: string,
	registryInput: RegistryInput | undefined,
	{ signal }: Pick<BrowseOptions, "signal"> = {},
): Promise<Base> {
	const name = parsePackageName(nameText);
	return Base.read(await openRegistry(registryInput, "local"), name, signal);
}

/** The revision that a base names, each time a new package; undefined when there is none. Throws what `browsePackage` throws. */
export async function browseBase(
	base: Base,
	options: Pick<BrowseOptions, "allowUnverified" | "signal"> = {},
): Promise<PackageState | undefined> {
	const { registry, name, head } = base;
	const manifest = await base.revision(options).catch(async (error: unknown) => {
		if (head === undefined || !isBaleError(error, "RevisionNotFound")) throw error;
		throw await danglingPointer(registry, name, "latest", head.topHash);
	});
	if (manifest === undefined || head === undefined) return undefined;
	return stateOf({ ...manifest, tree: manifest.tree.clone() }, registry, name, head.topHash, false);
}

function stateOf(
	{ header, tree }: Manifest,
	registry: Registry,
	name: PackageName,
	topHash: TopHash,
	allowLocalFiles: boolean,
): PackageState {
	const known = new KnownRevisions();
	known.add(registry.location, name, topHash);
	const origin = { kind: "registry", store: registry.store, allowLocalFiles } as const;
	return { header: new Map(header), tree, origin, known };
}

async function danglingPointer(
	registry: Registry,
	name: PackageName,
	pointer: string,
	topHash: TopHash,
): Promise<BaleError> {
	let good: string | undefined;
	for (const item of (await registry.pointers(name)).reverse()) {
		if (await registry.has(item.topHash)) {
			good = item.topHash;
			break;
		}
	}
	return new BaleError(
		"DanglingPointer",
		`Cannot read "${name}" from ${registry.location}: its pointer "${pointer}" names ${topHash}, which is not there`,
		{
			hint: good === undefined ? "Publish the package again" : `The newest revision that is there is ${good}`,
			details: { name, pointer, topHash, newestGood: good ?? null, registry: registry.location },
		},
	);
}
