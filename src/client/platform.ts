/**
 * What the client needs of the machine that it runs on, stated as interfaces. `src/node/` implements
 * them with files and threads; `browser.ts` has the few lines that a page needs.
 */
import type { CreateDigest, Hash } from "../core/hash.ts";
import type { Notes } from "../registry/registry.ts";
import type { Lanes } from "../storage/lanes.ts";
import type { ByteSource, Store } from "../storage/store.ts";

/** What identifies a file's state without reading it. Times are nanoseconds since the epoch. */
export type FileStat = {
	readonly kind: "file" | "directory" | "other";
	/** In bytes. */
	readonly size: number;
	readonly mtimeNs: bigint;
	readonly ctimeNs: bigint;
	readonly inode: bigint;
	readonly device: bigint;
	/** Whether the user who runs this process owns it (always true where there are no owners). */
	readonly owned: boolean;
};

/** What a file's content is known to be unchanged by. */
export type FileState = Pick<FileStat, "size" | "mtimeNs" | "ctimeNs" | "inode" | "device">;

/** A file to be read; what is read is of the state `stat`, or reading fails. */
export type FileSource = ByteSource & {
	readonly stat: FileState;
	/** Before the file was looked at, in milliseconds since the epoch. */
	readonly openedMs: number;
};

/** A file whose hash (`sha2-256-chunked`) has been found out by reading it. */
export type HashedFile = { readonly path: string; readonly source: FileSource; readonly hash: Hash };

/** A file found below a directory. */
export type WalkedFile = {
	/** `/`-separated path below the directory that was walked. */
	readonly relativePath: string;
	/** Absolute real path (a symlink's target). */
	readonly path: string;
	readonly stat: FileStat;
};

/** Why something below a walked directory is not in the package. */
export type WalkWarning = {
	readonly relativePath: string;
	readonly reason: "dangling-link" | "special-file";
};

export type WalkOptions = {
	/** True: leave it out (a directory: with everything below). `relativePath` has no trailing slash. */
	readonly ignore?: (relativePath: string, isDirectory: boolean) => boolean;
	readonly onWarning?: (warning: WalkWarning) => void;
	readonly signal?: AbortSignal | undefined;
};

export type HashJob = {
	readonly path: string;
	/** Expected size in bytes; another size is `SourceChanged`. */
	readonly size: number;
	readonly type: "sha2-256-chunked" | "SHA256" | "CRC64NVME";
	/** The file as it was just seen, so that it is not looked at once more. */
	readonly stat?: FileState;
};

/** Where hashes of untouched files may come from. */
export type RecallOptions = {
	/** False: every file is read. Otherwise the hash of a file whose state is as remembered is taken without reading it. */
	readonly cache?: boolean | undefined;
	/** Directory that the files lie in, absolute: what is known of its files is kept together; default: the deepest that all lie in. */
	readonly root?: string | undefined;
};

export type HashOptions = MoveOptions &
	RecallOptions & {
		/**
		 * The hash of a job and the state of the file that it is of; `kept`: the file was not read. Not called for
		 * CRC64NVME.
		 */
		readonly onHashed?: (index: number, hash: Hash, state: FileState, how: "hashed" | "kept") => void;
	};

/** The files below a directory by number, with their hashes (`sha2-256-chunked`, base64). */
export type HashedFolder = {
	/** The directory's real path. */
	readonly root: string;
	/** Paths below it, in walk order. */
	readonly keys: readonly string[];
	/** Real paths of those that are reached through links; all others are at their key below the root. */
	readonly paths: ReadonlyMap<number, string>;
	readonly hashes: readonly string[];
	/** Five for each: device, inode, size, mtimeNs, ctimeNs. */
	readonly states: BigInt64Array;
};

export type FolderOptions = WalkOptions &
	Omit<RecallOptions, "root"> & {
		/** False: leave the file out. */
		readonly select?: ((relativePath: string) => boolean) | undefined;
		/** Called with bytes since the last call, whether they were read or not. */
		readonly onBytes?: ((bytes: number) => void) | undefined;
		/** Called when the hash of a file is known; `kept`: it was not read. */
		readonly onFile?: ((key: string, size: number, how: "hashed" | "kept") => void) | undefined;
		/** Tasks at once; default: what the machine can use. */
		readonly concurrency?: number | undefined;
	};

export type MoveOptions = {
	/** Called with bytes since the last call, and the index of the job. */
	readonly onBytes?: (index: number, bytes: number) => void;
	readonly onDone?: (index: number) => void;
	/** Jobs at once; default: what the machine can use. */
	readonly concurrency?: number | undefined;
	readonly signal?: AbortSignal | undefined;
};

export type CopyFilesOptions = MoveOptions & {
	/** Directories that earlier calls of one work have prepared; this one leaves them alone and adds its own. */
	readonly prepared?: Set<string>;
};

/** Copy a file so that the target appears whole, verified and flushed, or not at all. */
export type CopyJob = {
	/** A local file, or bytes from elsewhere. */
	readonly from: { readonly path: string } | { readonly source: ByteSource };
	/** Absolute path of the target; its directories are made. */
	readonly to: string;
	/** Directory for the temporary file, on the same file system as `to`; default: the directory of `to`. */
	readonly temporaryDirectory?: string;
	/** Expected size in bytes; anything else is `SourceChanged` (local file) or `IntegrityMismatch`. */
	readonly size: number;
	/** What the bytes must hash to (`IntegrityMismatch` otherwise). */
	readonly expect?: Hash;
	/** `false`: an existing target is `DestinationConflict` (checked atomically); `true`: it is replaced. */
	readonly replace: boolean;
};

export type CopyResult = {
	/** `sha2-256-chunked`, computed from the bytes that were written. */
	readonly hash: Hash;
	readonly stat: FileStat;
};

/**
 * A directory that packages are installed into: nothing is ever written outside of it, whatever the
 * keys say and whatever symlinks it contains (reliability promise "install writes only inside").
 */
export interface Destination {
	/** Absolute path. */
	readonly path: string;
	/**
	 * Checks all keys at once, before anything is written: `InvalidKey`, `UnportableKey`, `KeyCollision`
	 * (also by case or normalisation where the file system folds), `ReservedKey` (`.quilt`, `.bale` first
	 * segments when the destination is, or lies in, a registry), `UnsafeDestination` (a symlinked directory on
	 * the way), `DestinationConflict` (a directory where a file must go, or the reverse), `NoSpace` (for so many bytes).
	 * `signal` ends it: `Aborted`. In little memory when the keys are made as they are asked for.
	 */
	check(
		keys: Iterable<string>,
		options?: { readonly signal?: AbortSignal | undefined; readonly bytes?: number },
	): Promise<void>;
	/** Absolute path of the file for `key`. */
	pathOf(key: string): string;
	/** State of the file for `key` itself (a symlink is `other`), or undefined. */
	stat(key: string): Promise<FileStat | undefined>;
	/** Copies into place; symlinked or hard-linked files are replaced, not followed. Same errors as `LocalFiles.copy`. */
	write(
		jobs: readonly (Omit<CopyJob, "to"> & { readonly key: string })[],
		options?: CopyFilesOptions,
	): Promise<CopyResult[]>;
	/** Removes a file and the directories that become empty. */
	remove(key: string): Promise<void>;
}

/** Files of this machine. Paths are absolute and `/`-separated. */
export interface LocalFiles {
	/** A path as a user types it: `~` expanded, made absolute, symlinks resolved; a trailing slash is kept. */
	resolve(input: string): string;
	/** Follows symlinks; undefined when there is nothing. */
	stat(path: string): Promise<FileStat | undefined>;
	/** Real path, or undefined when there is nothing. */
	realPath(path: string): Promise<string | undefined>;
	/** All regular files below `directory` by the rules of quilt3's `set_dir`; `NotAFile` when it is no directory. Order is not promised. */
	walk(directory: string, options?: WalkOptions): AsyncIterable<WalkedFile>;
	/** As `walk`, some files at a time, which costs less. */
	walkInBatches(directory: string, options?: WalkOptions): AsyncIterable<readonly WalkedFile[]>;
	/** Reads a regular file again and again; `NotAFile` for anything else; a size change is `SourceChanged`. */
	open(path: string): Promise<FileSource>;
	readText(path: string): Promise<string | undefined>;
	/**
	 * Hashes in parallel, in bounded memory, while the jobs still come; results in the order of the jobs. A file that
	 * changes meanwhile is `SourceChanged`, a missing one `ObjectNotFound`.
	 */
	hash(jobs: readonly HashJob[] | AsyncIterable<readonly HashJob[]>, options?: HashOptions): Promise<Hash[]>;
	/**
	 * What `walk` and then `hash` of every file would tell, faster: files are not looked at before they are read. In the
	 * order of `compareLogicalKeys`. Errors: as for the two.
	 */
	hashFolder(directory: string, options?: FolderOptions): Promise<HashedFolder>;
	/** The hashes (`sha2-256-chunked`) that are remembered of files in the state in which they are; undefined for others. */
	recall(
		files: readonly { readonly path: string; readonly size: number }[],
		options?: RecallOptions,
	): (Hash | undefined)[];
	/** Remembers hashes for `hash`, as long as the files are not touched. */
	remember(files: readonly HashedFile[], options?: RecallOptions): Promise<void>;
	copy(jobs: readonly CopyJob[], options?: CopyFilesOptions): Promise<CopyResult[]>;
	/** Writes a whole file atomically (temporary name, flush, rename) with `mode` (default 0o644). */
	write(path: string, bytes: Uint8Array, options?: { readonly mode?: number }): Promise<void>;
	/**
	 * Replaces the text of a small file (undefined: there is none) by what `change` makes of it (undefined: it stays), one
	 * process after the other; one that takes more than two seconds is not waited for.
	 */
	update(
		path: string,
		change: (text: string | undefined) => string | undefined,
		options?: { readonly mode?: number },
	): Promise<void>;
	append(path: string, bytes: Uint8Array): Promise<void>;
	remove(path: string): Promise<void>;
	/** Opens (and makes, when first written) a directory to install into. */
	destination(path: string): Promise<Destination>;
	/** Releases threads; the process can end without it. */
	close(): Promise<void>;
}

/** Settings that decide what a verb does when the caller does not say. */
export interface Settings {
	/** `default_local_registry`: a file URL. */
	localRegistry(): Promise<string>;
	/** `default_remote_registry`. */
	remoteRegistry(): Promise<string | undefined>;
	/** `default_install_location`. */
	installLocation(): Promise<string | undefined>;
	/** `default_registry_version`: the layout that quilt3 uses for every registry. */
	registryVersion(): Promise<number>;
	/** Directory for serialised objects, absolute. */
	scratchDirectory(): Promise<string>;
	/** Directory for bale's own records (what was installed where), absolute. */
	dataDirectory(): Promise<string>;
	/** Upper limit in bytes for a manifest line that is written. */
	maxRecordSize(): number;
}

/** One machine: joined with the client by `index.ts` or `browser.ts`. */
export interface Platform {
	/** Milliseconds since the epoch. */
	readonly now: () => number;
	/** A random UUID. */
	readonly randomId: () => string;
	readonly createSha256: CreateDigest;
	/** Store whose root is a registry or object prefix; `Unsupported` where the platform cannot reach it. */
	readonly openStore: (location: string) => Promise<Store>;
	/** How many objects of stores move at once, where nobody says it. */
	readonly lanes: Lanes;
	/** Absent in a browser. */
	readonly files: LocalFiles | undefined;
	readonly settings: Settings | undefined;
	/** Where manifests' checks are remembered; absent: nowhere. */
	readonly manifestNotes?: Notes;
	/** Who publishes, as `user@host`; recorded beside a registry for the next one's `Conflict`. */
	readonly author: () => string | undefined;
	readonly system: "posix" | "windows" | "browser";
}
