import type { Entry } from "../core/entry.ts";
import { BaleError } from "../core/errors.ts";
import { emptyObject, toJson, type Json } from "../core/json.ts";
import { isLogicalKey, parseLogicalKey } from "../core/logical-key.ts";
import { Directory, Tree } from "../core/tree.ts";
import type { PhysicalKey } from "../core/physical-key.ts";
import { bucketDirectory, objectsBelow } from "./bucket-directory.ts";
import { type FolderSelection, openFolder, refuseInvalid, selection } from "./folder.ts";
import { isUntouched, linesOfFolder } from "./folder-lines.ts";
import { userOrigin, type ClientEntry } from "./origin.ts";
import type { HashedFolder, HashJob, WalkedFile } from "./platform.ts";
import { platform } from "./runtime.ts";
import { parseLocation } from "./sources.ts";
import type { PackageState } from "./state.ts";

export type SetDirOptions = FolderSelection & {
	/** Metadata of the directory; absent: null, as quilt3 writes it. */
	readonly meta?: unknown;
	/** What wins where the package has an entry already: the file found (default), or the entry. */
	readonly updatePolicy?: "incoming" | "existing" | undefined;
	/** Also hash local files, while others are still looked for; a `build` then reads nothing more. Default: false. */
	readonly hash?: boolean | undefined;
	/** Take objects without their versions. */
	readonly unversioned?: boolean | undefined;
};

/** Sets everything below a directory at `key` (`.` or empty: the root). Entries replaced lose their metadata. */
export async function setDirectory(
	state: PackageState,
	key: string,
	path: string | undefined,
	options: SetDirOptions = {},
): Promise<void> {
	const at = directoryKey(key);
	const policy: string = options.updatePolicy ?? "incoming";
	if (policy !== "incoming" && policy !== "existing") {
		throw new BaleError(
			"InvalidArgument",
			`Cannot use the update policy "${policy}": it is "incoming" or "existing"`,
			{
				details: { updatePolicy: policy },
			},
		);
	}
	const meta = toJson(options.meta ?? null);
	const source = path ?? (at === "" ? "." : at);
	const location = parseLocation(source);
	const { tree } = state;
	if (location.kind === "file" && at === "" && options.hash === true && isUntouched(tree)) {
		const lines = linesOfFolder(await hashFolder(location.path, options));
		if (isUntouched(tree)) tree.root.fill(lines);
		// Something was put into it meanwhile.
		else put(tree, at, new Tree(new Directory(lines)).walk(), policy, meta);
	} else {
		const found =
			location.kind === "s3"
				? await listBucket(location, at, options)
				: await walk(location.path, at, options);
		// Files of one directory never collide with one another: only what was there before can be in the way.
		if (tree.fileCount > 0) put(tree.clone(), at, found, policy, meta);
		put(tree, at, found, policy, meta);
	}
	if (at !== "") return;
	state.header.set("user_meta", meta);
	tree.root.meta = meta;
}

/** Slashes around a directory's key do not count; `.` and nothing are the root. */
export function directoryKey(key: string): string {
	const stripped = key.replace(/^\/+|\/+$/g, "");
	if (stripped === "" || stripped === ".") return "";
	return parseLogicalKey(stripped);
}

function put(
	tree: Tree,
	at: string,
	found: Iterable<readonly [string, ClientEntry]>,
	policy: "incoming" | "existing",
	meta: Json,
): void {
	if (at !== "") tree.setDirectoryMeta(at, meta);
	for (const [key, entry] of found) {
		if (policy === "existing" && tree.has(key)) continue;
		tree.set(key, entry);
	}
}

async function walk(
	path: string,
	at: string,
	options: SetDirOptions,
): Promise<(readonly [string, ClientEntry])[]> {
	const { files, root, selected, walkOptions } = await openFolder(path, options);
	options.onProgress?.({ kind: "started", phase: "walk", files: 0, bytes: 0 });
	const found: (readonly [string, ClientEntry])[] = [];
	const invalid: string[] = [];
	const take = ({ relativePath, path, stat: { size } }: WalkedFile, hashed?: Hashed): void => {
		const key = at === "" ? relativePath : `${at}/${relativePath}`;
		if (!isLogicalKey(key)) invalid.push(key);
		const physicalKey = { kind: "file", path } as const;
		const base = { physicalKey, size, meta: emptyObject, origin: userOrigin };
		found.push([key, hashed === undefined ? { ...base, hash: undefined } : { ...base, ...hashed }]);
		options.onProgress?.({ kind: "advanced", phase: "walk", key, bytes: size });
	};
	const walked = files.walkInBatches(root, walkOptions);
	if (options.hash === true) await hashWalked(walked, { root, selected, take }, options);
	else {
		for await (const batch of walked) {
			for (const file of batch) if (selected(file.relativePath)) take(file);
		}
	}
	refuseInvalid(invalid, root);
	options.onProgress?.({ kind: "finished", phase: "walk" });
	return found;
}

/** All files of a directory with their hashes, which is what most revisions consist of. */
async function hashFolder(path: string, options: SetDirOptions): Promise<HashedFolder> {
	const { files, root, selected, walkOptions } = await openFolder(path, options);
	const { onProgress, concurrency, cache } = options;
	for (const phase of ["walk", "hash"] as const) onProgress?.({ kind: "started", phase, files: 0, bytes: 0 });
	const onFile = (key: string, bytes: number, how: "hashed" | "kept"): void => {
		onProgress?.({ kind: "advanced", phase: "walk", key, bytes });
		onProgress?.({ kind: "settled", phase: "hash", key, how });
	};
	const folder = await files.hashFolder(root, {
		...walkOptions,
		select: selected,
		concurrency,
		cache,
		...(onProgress === undefined ? {} : { onFile }),
		onBytes: (bytes) => onProgress?.({ kind: "advanced", phase: "hash", bytes }),
	});
	for (const phase of ["hash", "walk"] as const) onProgress?.({ kind: "finished", phase });
	return folder;
}

type Hashed = Pick<ClientEntry, "hash" | "hashedAt">;

/** Hashes the files while they are found, and takes each when its hash is known. */
async function hashWalked(
	walked: AsyncIterable<readonly WalkedFile[]>,
	{
		root,
		selected,
		take,
	}: {
		readonly root: string;
		readonly selected: (path: string) => boolean;
		readonly take: (file: WalkedFile, hashed: Hashed) => void;
	},
	options: SetDirOptions,
): Promise<void> {
	const { onProgress, signal, concurrency, cache } = options;
	const waiting = new Map<number, WalkedFile>();
	let count = 0;
	const jobs = async function* (): AsyncGenerator<readonly HashJob[], void> {
		for await (const batch of walked) {
			const chosen = batch.filter(({ relativePath }) => selected(relativePath));
			for (const file of chosen) waiting.set(count++, file);
			yield chosen.map(({ path, stat }) => ({ path, size: stat.size, type: "sha2-256-chunked", stat }));
		}
	};
	onProgress?.({ kind: "started", phase: "hash", files: 0, bytes: 0 });
	await platform().files?.hash(jobs(), {
		root,
		signal,
		concurrency,
		cache,
		onBytes: (_index, bytes) => onProgress?.({ kind: "advanced", phase: "hash", bytes }),
		onHashed: (index, hash, hashedAt, how) => {
			const file = waiting.get(index);
			waiting.delete(index);
			if (file === undefined) return;
			take(file, { hash, hashedAt });
			onProgress?.({ kind: "settled", phase: "hash", key: file.relativePath, how });
		},
	});
	onProgress?.({ kind: "finished", phase: "hash" });
}

/** The objects below a prefix, each in its latest version; what only stands for a folder is left out. */
async function listBucket(
	location: PhysicalKey & { readonly kind: "s3" },
	at: string,
	options: SetDirOptions,
): Promise<(readonly [string, ClientEntry])[]> {
	const directory = bucketDirectory(location);
	const { bucket, where } = directory;
	const store = await platform().openStore(`s3://${bucket}`);
	const selected = await selection(options);
	const { signal, onProgress } = options;
	onProgress?.({ kind: "started", phase: "walk", files: 0, bytes: 0 });
	const found: (readonly [string, ClientEntry])[] = [];
	const invalid: string[] = [];
	let isEmpty = true;
	const versions = options.unversioned !== true;
	for await (const { key: relative, object } of objectsBelow(store, directory, {
		signal,
		onProgress,
		versions,
	})) {
		isEmpty = false;
		if (!selected(relative)) continue;
		const key = at === "" ? relative : `${at}/${relative}`;
		if (!isLogicalKey(key)) invalid.push(key);
		const version =
			object.versionId === undefined || options.unversioned === true ? {} : { versionId: object.versionId };
		const entry: Entry = {
			physicalKey: { kind: "s3", bucket, key: object.key, ...version },
			size: object.size,
			hash: undefined,
			meta: emptyObject,
		};
		found.push([key, { ...entry, origin: userOrigin }]);
		onProgress?.({ kind: "advanced", phase: "walk", key, bytes: object.size });
	}
	refuseInvalid(invalid, where);
	onProgress?.({ kind: "finished", phase: "walk" });
	if (isEmpty) {
		onProgress?.({
			kind: "warning",
			code: "NothingFound",
			message: `There is nothing below ${where}: no file was added`,
			details: { source: where },
		});
	}
	return found;
}
