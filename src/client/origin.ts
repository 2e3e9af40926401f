/**
 * Where an entry's physical key was learnt, and what that allows. A key that the user gave is followed as it
 * is. A key that a manifest holds is only somebody's word: it may name files below its own registry, and other
 * local files only when they and the registry belong to the user.
 */
import type { Entry } from "../core/entry.ts";
import { BaleError, isBaleError } from "../core/errors.ts";
import type { Hash } from "../core/hash.ts";
import { formatPhysicalKey, isFixedVersion, keyBelow, type PhysicalKey } from "../core/physical-key.ts";
import type { ByteSource, CopySource, ObjectInfo, Store } from "../storage/store.ts";
import { provenHash, toldHash } from "../storage/s3/checksum.ts";
import type { FileState } from "./platform.ts";
import { copyTraits, objectSource, storeSource, type FitsNullVersion } from "./object-source.ts";
import { localRoot, nativePath } from "./registries.ts";
import { platform } from "./runtime.ts";
import { keysOfServed } from "./served-folder.ts";

export type Origin =
	| { readonly kind: "user" }
	/** A manifest that the user loaded from a stream. */
	| { readonly kind: "manifest" }
	| { readonly kind: "registry"; readonly store: Store; readonly allowLocalFiles: boolean };

/** An entry with its origin, where that differs from the package's, with bytes that are only in memory, or both. */
export type ClientEntry = Entry & {
	readonly origin?: Origin;
	readonly content?: ByteSource;
	/** State of the user's file when its hash was taken; see `rehashing.ts`. */
	readonly hashedAt?: FileState;
};

export const userOrigin: Origin = { kind: "user" };

/** A place where an entry's bytes may be. */
export type Candidate =
	| { readonly path: string }
	| {
			readonly source: ByteSource;
			/** Where the bytes are, when they are an object in a bucket. */
			readonly object?: CopySource;
			/** The object as it is now, so that no other one is copied in its place. */
			readonly pin?: (signal: AbortSignal | undefined) => Promise<CopySource>;
			/** `sha2-256-chunked` of the bytes, when the store has proved it. */
			readonly hash?: Hash;
	  };

export type LocateOptions = {
	/** Believe the entry's size: an object is only asked for when it is read, and is then found missing or different. */
	readonly lazy?: boolean;
	/** What is at its recorded place does not end the search: it has turned out to be something else. */
	readonly everywhere?: boolean;
};

/** Stands for "no leading segments are known to lead below the root". */
type Relocation = { skip: number };
const relocations = new WeakMap<Store, Relocation>();

/**
 * The places to look for an entry's bytes, best first; the hash decides which is right. Throws `ObjectNotFound`
 * when there is none, `LocalReference` when the manifest names a local file that it may not name, and
 * `Unsupported` when this platform cannot reach the store.
 */
export async function locate(
	key: string,
	entry: ClientEntry,
	packageOrigin: Origin,
	signal?: AbortSignal,
	options: LocateOptions = {},
): Promise<Candidate[]> {
	if (entry.content !== undefined) return [{ source: entry.content }];
	const origin = entry.origin ?? packageOrigin;
	const { physicalKey } = entry;
	if (physicalKey.kind === "s3") {
		const served = await locateServed(entry, physicalKey, origin, signal, options.everywhere === true);
		if (served.length > 0) return served;
		return locateInBucket(key, entry, physicalKey, origin, signal, options);
	}
	const root = origin.kind === "registry" ? localRoot(origin.store) : undefined;
	if (origin.kind === "registry" && root === undefined) {
		return locateInStore(key, entry, physicalKey.path, origin.store, signal);
	}
	return locateFile(key, entry, nativePath(physicalKey.path), origin, root, options.everywhere === true);
}

/** Files of a directory registry that is the bucket, too, which the physical key names. */
async function locateServed(
	entry: Entry,
	physicalKey: PhysicalKey & { kind: "s3" },
	origin: Origin,
	signal: AbortSignal | undefined,
	everywhere: boolean,
): Promise<Candidate[]> {
	const root = origin.kind === "registry" ? localRoot(origin.store) : undefined;
	const { files } = platform();
	if (root === undefined || origin.kind !== "registry" || files === undefined) return [];
	const paths = new Set<string>();
	const look = async (named: typeof physicalKey): Promise<void> => {
		for (const key of await keysOfServed(origin.store, named, signal)) {
			const path = `${root.replace(/\/+$/, "")}/${key}`;
			const stat = await files.stat(path);
			const fits = stat?.kind === "file" && (entry.size === undefined || stat.size === entry.size);
			if (fits && (await isBelow(path, root))) paths.add(path);
		}
	};
	await look(physicalKey);
	// As in a bucket: what was there before there were versions.
	const mayBeOlder = physicalKey.versionId === undefined && entry.hash !== undefined;
	if (mayBeOlder && (paths.size === 0 || everywhere)) await look({ ...physicalKey, versionId: "null" });
	return Array.from(paths, (path) => ({ path }));
}

async function locateInBucket(
	key: string,
	entry: Entry,
	physicalKey: PhysicalKey & { kind: "s3" },
	origin: Origin,
	signal: AbortSignal | undefined,
	{ lazy, everywhere }: LocateOptions,
): Promise<Candidate[]> {
	const own = origin.kind === "registry" ? origin.store : undefined;
	const inOwn = own && keyBelow(own.root, physicalKey);
	const relative = inOwn ?? physicalKey.key;
	const store =
		own === undefined || inOwn === undefined ? await platform().openStore(`s3://${physicalKey.bucket}`) : own;
	const { kind: _kind, ...place } = physicalKey;
	const traits = copyTraits(store);
	const { versionId } = physicalKey;
	const missing = (): BaleError => objectNotFound(key, physicalKey);
	const isPinned = isFixedVersion(versionId);
	const named = versionId === undefined ? {} : { versionId };
	const nullVersion =
		origin.kind === "user" || versionId !== undefined ? undefined : nullVersionOf(store, relative, entry);
	const fitsNull: FitsNullVersion | undefined =
		nullVersion && (async (options) => (await nullVersion(options)) !== undefined);

	/** The object as it is or, where that does not fit, as it was before there were versions. */
	const look = async (signal: AbortSignal | undefined): Promise<{ info: ObjectInfo; versionId?: string }> => {
		const info = await store.head(relative, { ...named, signal });
		const fit = info === undefined ? "no" : fitOf(info, entry);
		const isLater = isFixedVersion(info?.versionId);
		if (fit === "no" || (fit === "perhaps" && isLater)) {
			const old = await nullVersion?.({ certainly: fit === "perhaps", signal });
			if (old !== undefined) return { info: old, versionId: "null" };
		}
		if (info === undefined) throw missing();
		return { info, ...named };
	};
	const copySource = ({ info, ...version }: Awaited<ReturnType<typeof look>>): CopySource => ({
		...place,
		...version,
		...traits,
		size: info.size,
		...(isPinned ? {} : { etag: info.etag }),
	});

	if (lazy === true && everywhere !== true && entry.size !== undefined) {
		const { size } = entry;
		const object: CopySource = { ...place, ...traits, size };
		const source = objectSource(store, relative, versionId, size, missing, fitsNull);
		if (isPinned) return [{ source, object }];
		return [{ source, object, pin: async (signal) => copySource(await look(signal)) }];
	}
	const candidateOf = (found: Awaited<ReturnType<typeof look>>): Candidate => {
		const hash = provenHash(found.info, platform().createSha256);
		const source = objectSource(store, relative, found.versionId, found.info.size, missing);
		return { source, object: copySource(found), ...(hash === undefined ? {} : { hash }) };
	};
	const found = await look(signal);
	if (everywhere !== true || found.versionId !== undefined) return [candidateOf(found)];
	const old = await nullVersion?.({ certainly: false, signal });
	if (old === undefined || old.etag === found.info.etag) return [candidateOf(found)];
	return [candidateOf(found), candidateOf({ info: old, versionId: "null" })];
}

/**
 * The version `null` of an object: what a key had before its bucket kept versions, and has still when others have written
 * over it. Only one that may be, or `certainly` is, what the entry says; without a hash none is.
 */
function nullVersionOf(
	store: Store,
	key: string,
	entry: Entry,
): ((options: Parameters<FitsNullVersion>[0]) => Promise<ObjectInfo | undefined>) | undefined {
	if (entry.hash === undefined) return undefined;
	return async ({ certainly, signal }) => {
		const info = await store.head(key, { versionId: "null", signal }).catch((error: unknown) => {
			// Whoever may not read versions is told of the object itself, as where there are none.
			if (!isBaleError(error, "AccessDenied", "Unsupported")) throw error;
			return undefined;
		});
		const fit = info === undefined ? "no" : fitOf(info, entry);
		return fit === "certainly" || (fit === "perhaps" && !certainly) ? info : undefined;
	};
}

/** Whether an object is what the entry says, as far as its size and checksum tell. */
function fitOf(info: ObjectInfo, { size, hash }: Entry): "certainly" | "perhaps" | "no" {
	if (size !== undefined && info.size !== size) return "no";
	const told = hash && toldHash(info, hash, platform().createSha256);
	if (told === undefined) return "perhaps";
	return told.value === hash?.value ? "certainly" : "no";
}

async function locateFile(
	key: string,
	entry: Entry,
	path: string,
	origin: Origin,
	root: string | undefined,
	everywhere: boolean,
): Promise<Candidate[]> {
	const { files } = platform();
	if (files === undefined) throw localReference(key, path, "a page cannot read local files");
	const found: Candidate[] = [];
	let refused: BaleError | undefined;
	const stat = await files.stat(path);
	if (stat?.kind === "file") {
		refused = await refusal(key, path, origin, root);
		if (refused === undefined) found.push({ path });
	} else if (stat !== undefined) {
		throw new BaleError("NotAFile", `Cannot read "${key}": ${path} is not a regular file`, {
			details: { key, path },
		});
	}
	const fits = found.length > 0 && (entry.size === undefined || stat?.size === entry.size);
	if (root !== undefined && origin.kind === "registry" && (everywhere || !fits)) {
		const moved = await findBelow(root, path, origin.store, async (candidate) => {
			const info = await files.stat(candidate);
			return info?.kind === "file" && (entry.size === undefined || info.size === entry.size);
		});
		if (moved !== undefined && moved !== path && (await isBelow(moved, root))) {
			if (fits) found.push({ path: moved });
			else found.unshift({ path: moved });
		}
	}
	if (found.length > 0) return found;
	throw refused ?? objectNotFound(key, entry.physicalKey);
}

/** Why a manifest may not name the local file, or undefined when it may. */
async function refusal(
	key: string,
	path: string,
	origin: Origin,
	root: string | undefined,
): Promise<BaleError | undefined> {
	const { files } = platform();
	if (origin.kind === "user" || files === undefined) return undefined;
	if (origin.kind === "registry") {
		if (origin.allowLocalFiles) return undefined;
		if (root !== undefined && (await isBelow(path, root))) return undefined;
	}
	const stat = await files.stat(path);
	const home = root === undefined ? undefined : await files.stat(root);
	const mine = stat?.owned === true && (root === undefined || home?.owned === true);
	if (mine) return undefined;
	return localReference(key, path, "the registry or the file belongs to somebody else");
}

async function isBelow(path: string, root: string): Promise<boolean> {
	const files = platform().files;
	const [real, realRoot] = [await files?.realPath(path), await files?.realPath(root)];
	if (real === undefined || realRoot === undefined) return false;
	return real.startsWith(realRoot.replace(/\/?$/, "/"));
}

async function locateInStore(
	key: string,
	entry: Entry,
	path: string,
	store: Store,
	signal: AbortSignal | undefined,
): Promise<Candidate[]> {
	const found = await findBelow("", path, store, async (candidate) => {
		const info = await store.head(candidate, { signal });
		return info !== undefined && (entry.size === undefined || info.size === entry.size);
	});
	const source = found === undefined ? undefined : await storeSource(store, found, undefined, signal);
	if (source === undefined) {
		throw localReference(key, path, "the package comes from a registry on another machine");
	}
	return [{ source }];
}

/**
 * Looks below a registry's root for what was recorded under another root: the longest tail of the recorded path
 * that is there. How much the last one had to drop is remembered, since a registry moves as a whole.
 */
async function findBelow(
	root: string,
	path: string,
	store: Store,
	fits: (candidate: string) => Promise<boolean>,
): Promise<string | undefined> {
	const segments = path.split("/").filter((segment) => segment !== "");
	if (segments.includes("..")) return undefined;
	const at = (skip: number): string => [...(root === "" ? [] : [root]), ...segments.slice(skip)].join("/");
	const known = relocations.get(store)?.skip;
	if (known !== undefined && known < segments.length && (await fits(at(known)))) return at(known);
	for (let skip = 0; skip < segments.length; skip++) {
		if (skip === known || !(await fits(at(skip)))) continue;
		relocations.set(store, { skip });
		return at(skip);
	}
	return undefined;
}

function objectNotFound(key: string, physicalKey: PhysicalKey): BaleError {
	const where = formatPhysicalKey(physicalKey);
	return new BaleError("ObjectNotFound", `Cannot read "${key}": there is nothing at ${where}`, {
		hint: "It was deleted since the package was made: push the file again, with --no-cache",
		details: { key, physicalKey: where },
	});
}

function localReference(key: string, path: string, reason: string): BaleError {
	return new BaleError("LocalReference", `Cannot read "${key}" from the local path ${path}: ${reason}`, {
		hint: "Use --allow-local-files if you trust the registry with your files",
		details: { key, path },
	});
}
