/** What `copy` reads: one file or object, or all below a directory. */
import { BaleError } from "../core/errors.ts";
import { emptyObject } from "../core/json.ts";
import { formatPhysicalKey, type PhysicalKey } from "../core/physical-key.ts";
import type { RunOptions } from "../transfer/events.ts";
import { bucketDirectory, objectsBelow } from "./bucket-directory.ts";
import type { FoundFile } from "./found-files.ts";
import { copyTraits, objectSource } from "./object-source.ts";
import { locate, userOrigin, type Candidate } from "./origin.ts";
import { platform } from "./runtime.ts";

/** One file to be copied. */
export type CopyItem = {
	/** Its path below the directory that is copied; of a single file its name. */
	readonly name: string;
	/** As a URL, for messages. */
	readonly where: string;
	readonly from: Candidate;
	/** In bytes. */
	readonly size: number;
};

export type CopySources = {
	/** The files at a place; none when a directory is empty or not there. Throws `ObjectNotFound`, `NotAFile`. */
	readonly found: AsyncIterable<FoundFile>;
	/** One of them, to be copied. */
	item(file: FoundFile): CopyItem;
};

export async function openCopySources(from: PhysicalKey, options: RunOptions): Promise<CopySources> {
	if (from.kind === "file") return from.path.endsWith("/") ? folder(from.path, options) : file(from.path);
	return from.key === "" || from.key.endsWith("/") ? prefix(from, options) : object(from, options);
}

async function file(path: string): Promise<CopySources> {
	const stat = await files().stat(path);
	const where = formatPhysicalKey({ kind: "file", path });
	if (stat === undefined) {
		throw new BaleError("ObjectNotFound", `There is nothing to copy at ${where}`, { details: { path } });
	}
	if (stat.kind !== "file") {
		throw new BaleError("NotAFile", `Cannot copy ${path}: it is no regular file`, {
			hint: "End both paths with a slash to copy a directory",
			details: { path },
		});
	}
	return single({ name: lastSegment(path), where, from: { path }, size: stat.size });
}

async function object(
	physicalKey: PhysicalKey & { readonly kind: "s3" },
	{ signal }: RunOptions,
): Promise<CopySources> {
	const where = formatPhysicalKey(physicalKey);
	const name = lastSegment(physicalKey.key);
	const entry = { physicalKey, size: undefined, hash: undefined, meta: emptyObject };
	const [from] = await locate(name, entry, userOrigin, signal);
	if (from === undefined || !("source" in from)) throw new TypeError("an object that is no source");
	return single({ name, where, from, size: from.source.size });
}

function single(item: CopyItem): CopySources {
	async function* found(): AsyncGenerator<FoundFile, void> {
		yield item;
	}
	return { found: found(), item: () => item };
}

/** A file that is reached through a link is not at its name below the folder: `rest` is its path then. */
function folder(path: string, { signal }: RunOptions): CopySources {
	async function* found(): AsyncGenerator<FoundFile, void> {
		if ((await files().stat(path))?.kind !== "directory") return;
		for await (const batch of files().walkInBatches(path.slice(0, -1) || "/", { signal })) {
			for (const { relativePath: name, path: real, stat } of batch) {
				yield { name, size: stat.size, ...(real === path + name ? {} : { rest: real }) };
			}
		}
	}
	return {
		found: found(),
		item({ name, size, rest = path + name }) {
			const where = formatPhysicalKey({ kind: "file", path: rest });
			return { name, where, from: { path: rest }, size };
		},
	};
}

/** `rest` is the ETag of the object that was listed. */
async function prefix(
	location: PhysicalKey & { readonly kind: "s3" },
	{ signal, onProgress }: RunOptions,
): Promise<CopySources> {
	const directory = bucketDirectory(location);
	const { bucket } = directory;
	const store = await platform().openStore(`s3://${bucket}`);
	const traits = copyTraits(store);
	async function* found(): AsyncGenerator<FoundFile, void> {
		for await (const { key: name, object } of objectsBelow(store, directory, { signal, onProgress })) {
			yield { name, size: object.size, rest: object.etag };
		}
	}
	return {
		found: found(),
		item({ name, size, rest: etag }) {
			const key = directory.prefix + name;
			const where = formatPhysicalKey({ kind: "s3", bucket, key });
			const gone = (): BaleError =>
				new BaleError("ObjectNotFound", `${where} is gone`, { details: { where } });
			const source = objectSource(store, key, undefined, size, gone);
			const object = { bucket, key, size, ...(etag === undefined ? {} : { etag }), ...traits };
			return { name, where, from: { source, object }, size };
		},
	};
}

function files() {
	const { files } = platform();
	if (files === undefined) throw new BaleError("Unsupported", "A page cannot read local files");
	return files;
}

function lastSegment(path: string): string {
	return path.slice(path.lastIndexOf("/") + 1);
}
