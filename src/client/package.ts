/** What a user edits: a tree of entries with metadata, and the verbs of the product. */
import { diffTrees, type TreeDiff } from "../core/diff.ts";
import { BaleError } from "../core/errors.ts";
import { fromJson, toJson, type Json } from "../core/json.ts";
import { parsePackageName } from "../core/names.ts";
import { computeTopHash } from "../core/top-hash.ts";
import { Directory, Tree } from "../core/tree.ts";
import { rollback } from "../registry/pointers.ts";
import type { OnProgress } from "../transfer/events.ts";
import { browsePackage, type BrowseOptions } from "./browse.ts";
import { buildPackage, type BuildOptions } from "./build.ts";
import { setEntry, type EntrySource, type SetOptions } from "./set-entry.ts";
import { PackageEntry } from "./entry.ts";
import { installPackage, type InstallOptions } from "./install.ts";
import { fetchPackage, type FetchOptions } from "./fetch.ts";
import { isMaterialized } from "./materialized.ts";
import { loadManifest, manifestRecords, manifestStream, type ManifestSource } from "./manifest-text.ts";
import type { ClientEntry } from "./origin.ts";
import { pushTarget } from "./push-target.ts";
import { pushPackage, type PushOptions } from "./push.ts";
import { openRegistry, type RegistryInput } from "./registries.ts";
import { platform } from "./runtime.ts";
import { setDirectory, type SetDirOptions } from "./set-dir.ts";
import { emptyState, KnownRevisions, type PackageState } from "./state.ts";
import { formatTree } from "./tree-text.ts";
import { verifyTree, type VerifyOptions, type VerifyReport } from "./verify.ts";

export type FilterOptions = {
	/** Also ask about directories (`x/`): a refused one goes with everything below it. */
	readonly includeDirectories?: boolean | undefined;
};

export class Package implements Iterable<string> {
	#state: PackageState = emptyState();

	/** Reads one revision from a registry (default: the local one). */
	static async browse(
		name: string,
		options: BrowseOptions & {
			readonly registry?: RegistryInput | undefined;
			readonly onProgress?: OnProgress;
		} = {},
	): Promise<Package> {
		const parsed = parsePackageName(name);
		const registry = await openRegistry(options.registry, "local");
		return Package.fromState((await browsePackage(registry, parsed, options)).state);
	}

	/** Brings one revision to a local directory, verified; see `InstallOptions`. */
	static async install(name: string, options: InstallOptions = {}): Promise<Package> {
		return Package.fromState((await installPackage(name, options)).state);
	}

	/** Reads a manifest's text. The order of its lines does not matter. */
	static async load(source: ManifestSource): Promise<Package> {
		return Package.fromState(await loadManifest(source));
	}

	/** The one top hash in the registry that begins with `prefix` (6 digits or more). */
	static async resolveHash(
		name: string,
		registry: RegistryInput | undefined,
		prefix: string,
	): Promise<string> {
		parsePackageName(name);
		return (await openRegistry(registry, "local")).resolve(prefix);
	}

	/** Lets `latest` name an older revision again; nothing else changes. */
	static async rollback(name: string, registry: RegistryInput, topHash: string): Promise<void> {
		const parsed = parsePackageName(name);
		const opened = await openRegistry(registry);
		await rollback(opened, parsed, await opened.resolve(topHash));
	}

	/** @internal */
	static fromState(state: PackageState): Package {
		const made = new Package();
		made.#state = state;
		return made;
	}

	/** @internal */
	static stateOf(of: Package): PackageState {
		return of.#state;
	}

	/** Identifies this content for ever. Throws `Unverifiable` while entries have no hash: build the package first. */
	get topHash(): string {
		return computeTopHash(this.#state.header, this.#state.tree, platform().createSha256);
	}

	/** User metadata as plain frozen values; `{}` when never set. */
	get meta(): unknown {
		const meta = this.#state.header.get("user_meta");
		return meta === undefined ? Object.freeze({}) : fromJson(meta);
	}

	/** The message of the revision; undefined when the package was never built. */
	get message(): string | null | undefined {
		const message = this.#state.header.get("message");
		return message === undefined || message === null || typeof message === "string" ? message : undefined;
	}

	/** The workflow that the revision was checked by, as recorded. */
	get workflow(): unknown {
		const workflow = this.#state.header.get("workflow");
		return workflow === undefined ? undefined : fromJson(workflow);
	}

	/** Sets the user metadata: anything that JSON can express (`InvalidMetadata` otherwise). */
	setMeta(meta: unknown): this {
		const json = toJson(meta);
		this.#state.header.set("user_meta", json);
		this.#state.tree.root.meta = json;
		return this;
	}

	/**
	 * Puts one file at `key`: a path or URL, another package's entry, bytes, or a value to be stored as JSON. Without
	 * `source` the key itself is the path. Metadata that was at the key is gone. Nothing is hashed yet.
	 */
	async set(key: string, source?: EntrySource, options: SetOptions = {}): Promise<this> {
		await setEntry(this.#state, key, source, options);
		return this;
	}

	/** Stores text as a UTF-8 file (`.txt`, `.md`, `.rst` or no extension). */
	async setText(key: string, text: string, options: SetOptions = {}): Promise<this> {
		await setEntry(this.#state, key, { text }, options, true);
		return this;
	}

	/** Puts everything below a directory at `key` (`.`: the root) and sets the metadata there, also when it is absent. */
	async setDir(key: string, path?: string, options: SetDirOptions = {}): Promise<this> {
		await setDirectory(this.#state, key, path, options);
		return this;
	}

	/** Removes a file or a whole directory. Throws `EntryNotFound`. */
	delete(key: string): this {
		if (key === "" || key.endsWith("/") || !this.#state.tree.delete(key)) throw notFound(key);
		return this;
	}

	/** Whether there is a file or directory. */
	has(key: string): boolean {
		return key !== "" && this.#state.tree.has(key);
	}

	/** Where a file's bytes are, as a URL. Throws `EntryNotFound`, `InvalidArgument` for a directory. */
	get(key: string): string {
		return this.entry(key).physicalKey;
	}

	/** The file at `key`. Throws `EntryNotFound`, `InvalidArgument` for a directory. */
	entry(key: string): PackageEntry {
		const node = this.at(key);
		if (node instanceof PackageEntry) return node;
		throw new BaleError("InvalidArgument", `"${key}" is a directory`, {
			hint: "Use subpackage for directories",
			details: { key },
		});
	}

	/** The directory at `key` as a package: a live view that can be built by itself. Throws `EntryNotFound`. */
	subpackage(key: string): Package {
		const node = this.at(key);
		if (node instanceof Package) return node;
		throw new BaleError("EntryNotFound", `Cannot open "${key}" as a directory: it is a file`, {
			details: { key },
		});
	}

	/** The file or directory at `key`, a path or its segments. Throws `EntryNotFound`. */
	at(key: string | readonly string[]): Package | PackageEntry {
		const path = typeof key === "string" ? key : key.join("/");
		const node = path === "" || path.endsWith("/") ? undefined : this.#state.tree.get(path);
		if (node === undefined) throw notFound(path);
		if (node instanceof Directory) {
			return Package.fromState({
				header: directoryHeader(this.#state.tree, path),
				tree: this.#state.tree.subtree(path),
				origin: this.#state.origin,
				known: new KnownRevisions(),
			});
		}
		return new PackageEntry(node, this.#state.origin, path, this.#state.tree);
	}

	/** Names on the first level, in the order in which they were set. */
	keys(): string[] {
		return [...this.#state.tree.names()];
	}

	/** Number of names on the first level. */
	get size(): number {
		return this.keys().length;
	}

	[Symbol.iterator](): Iterator<string> {
		return this.keys()[Symbol.iterator]();
	}

	/** All files with their full keys, directory by directory, names by code point. */
	*walk(): Generator<[key: string, entry: PackageEntry]> {
		const { tree, origin } = this.#state;
		for (const run of tree.walkRuns()) {
			for (let index = 0; index < run.keys.length; index++) {
				const key = run.keys[index] as string;
				const open = run.opener(index);
				if (open !== undefined) yield [key, new PackageEntry(open, origin, key, tree)];
			}
		}
	}

	/** `f` of every file and, when asked for, of every directory with metadata (`x/`), lazily. */
	*map<T>(f: (key: string, value: PackageEntry | Package) => T, options: FilterOptions = {}): Generator<T> {
		if (options.includeDirectories === true) {
			for (const [key] of this.#state.tree.directories()) yield f(key, this.subpackage(key.slice(0, -1)));
		}
		for (const [key, entry] of this.walk()) yield f(key, entry);
	}

	/**
	 * A new package of the files for which `f` is true, with their hashes and metadata; metadata of the package and of
	 * directories, and the message, are not taken over.
	 */
	filter(f: (key: string, value: PackageEntry | Package) => boolean, options: FilterOptions = {}): Package {
		const { tree, origin } = this.#state;
		const refused: string[] = [];
		if (options.includeDirectories === true) {
			for (const key of directoriesOf(tree)) {
				if (refused.some((prefix) => key.startsWith(prefix))) continue;
				if (!f(key, this.subpackage(key.slice(0, -1)))) refused.push(key);
			}
		}
		const kept = new Tree();
		for (const [key, open] of tree.walkLazily() as Iterable<[string, () => ClientEntry]>) {
			if (refused.some((prefix) => key.startsWith(prefix))) continue;
			if (f(key, new PackageEntry(open, origin, key, tree))) {
				const entry = open();
				kept.set(key, { ...entry, origin: entry.origin ?? origin } as ClientEntry);
			}
		}
		return Package.fromState({ ...emptyState(), tree: kept });
	}

	/** What changes from this package to `other`: size, hash or metadata of files. */
	diff(other: Package): TreeDiff {
		return diffTrees(this.#state.tree, other.#state.tree);
	}

	/** The file `README.md`. Throws `EntryNotFound`. */
	readme(): PackageEntry {
		const node = this.#state.tree.get("README.md");
		if (node === undefined || node instanceof Directory) throw notFound("README.md");
		return this.entry("README.md");
	}

	/** The manifest's records, header first, as plain values. */
	manifest(): Generator {
		return manifestRecords(this.#state);
	}

	/** The manifest's text as a stream of UTF-8, or written to `target`. */
	dump(): ReadableStream<Uint8Array>;
	dump(target: WritableStream<Uint8Array>): Promise<void>;
	dump(target?: WritableStream<Uint8Array>): ReadableStream<Uint8Array> | Promise<void> {
		const stream = manifestStream(this.#state);
		return target === undefined ? stream : stream.pipeTo(target);
	}

	/**
	 * Publishes the manifest in a registry (default: the local one) and returns the top hash. No data is copied and no
	 * physical key changes. See `buildPackage` for conflicts.
	 */
	async build(name: string, registry?: RegistryInput, options: BuildOptions = {}): Promise<string> {
		return (await buildPackage(this.#state, name, registry, options)).topHash;
	}

	/**
	 * Copies the files to a registry (default: the default remote one), publishes, and returns the package as published;
	 * its text is its top hash. `target` may be a place inside a bucket: that bucket is the registry then, the place
	 * `dest`.
	 */
	async push(name: string, target?: RegistryInput, options: PushOptions = {}): Promise<Package> {
		const result = await pushPackage(this.#state, name, { ...options, ...pushTarget(target, options) });
		return result.changed || result.dryRun || options.dedupe !== true
			? Package.fromState(result.state)
			: this;
	}

	/**
	 * Copies all files below `dest` (default: the current directory), verified, and returns a package of the copies
	 * without metadata of the package and of directories. Other content that is there is `DestinationConflict`.
	 */
	async fetch(dest = "./", options: FetchOptions = {}): Promise<Package> {
		return Package.fromState(await fetchPackage(this.#state, dest, options));
	}

	/**
	 * Compares a directory, local or `s3://bucket/prefix/`, with the package; every difference is told. Of objects, only
	 * those are read whose content the store's checksum does not prove.
	 */
	verify(directory: string, options: VerifyOptions = {}): Promise<VerifyReport> {
		return verifyTree(this.#state.tree, directory, options);
	}

	/**
	 * Whether every file's physical key lies in the registry (default: the default remote one), so that whoever can read
	 * it can read the package. Nothing is looked at there.
	 */
	async isMaterialized(registry?: RegistryInput): Promise<boolean> {
		return isMaterialized(this.#state.tree, await openRegistry(registry, "remote"));
	}

	/** The tree as text, at most `maxLines` lines (default 20). */
	tree(options: { readonly maxLines?: number } = {}): string {
		return formatTree(this.#state.tree, options.maxLines ?? 20);
	}

	/** The top hash once every entry has its hash, the tree before. */
	toString(): string {
		try {
			return this.topHash;
		} catch (error) {
			if (error instanceof BaleError && error.code === "Unverifiable") return this.tree();
			throw error;
		}
	}

	[Symbol.for("nodejs.util.inspect.custom")](): string {
		return `Package\n${this.tree()}`;
	}
}

/** The header that a sub-package has: a new one, with the directory's metadata as the package's. */
function directoryHeader(tree: Tree, key: string): Map<string, Json> {
	const meta = tree.directoryMeta(key);
	return new Map<string, Json>([
		["version", "v0"],
		...(meta === undefined ? [] : [["user_meta", meta] as const]),
	]);
}

function* directoriesOf(tree: Tree): Generator<string> {
	const open: [string, Tree][] = [["", tree]];
	for (let item = open.pop(); item !== undefined; item = open.pop()) {
		const [prefix, at] = item;
		for (const [name, child] of at.children()) {
			if (!(child instanceof Directory)) continue;
			yield `${prefix}${name}/`;
			open.push([`${prefix}${name}/`, at.subtree(name)]);
		}
	}
}

function notFound(key: string): BaleError {
	return new BaleError("EntryNotFound", `The package has no "${key}"`, { details: { key } });
}
