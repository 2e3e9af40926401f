/** What `copy` reads: one file or object, or all below a directory. */
import { BaleError } from "../core/errors.ts";
import { emptyObject } from "../core/json.ts";
import { formatPhysicalKey, type PhysicalKey } from "../core/physical-key.ts";
import type { RunOptions } from "../transfer/events.ts";
import { bucketDirectory, objectsBelow } from "./bucket-directory.ts";
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

/** The files at a place; none when a directory is empty or not there. Throws `ObjectNotFound`, `NotAFile`. */
export function copyItems(from: PhysicalKey, options: RunOptions): AsyncIterable<CopyItem> {
	if (from.kind === "file") return from.path.endsWith("/") ? folder(from.path, options) : file(from.path);
	return from.key === "" || from.key.endsWith("/") ? prefix(from, options) : object(from, options);
}

async function* file(path: string): AsyncGenerator<CopyItem, void> {
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
	yield { name: lastSegment(path), where, from: { path }, size: stat.size };
}

async function* folder(path: string, { signal }: RunOptions): AsyncGenerator<CopyItem, void> {
	if ((await files().stat(path))?.kind !== "directory") return;
	for await (const batch of files().walkInBatches(path.slice(0, -1) || "/", { signal })) {
		for (const found of batch) {
			const where = formatPhysicalKey({ kind: "file", path: found.path });
			yield { name: found.relativePath, where, from: { path: found.path }, size: found.stat.size };
		}
	}
}

async function* object(
	physicalKey: PhysicalKey & { readonly kind: "s3" },
	{ signal }: RunOptions,
): AsyncGenerator<CopyItem, void> {
	const where = formatPhysicalKey(physicalKey);
	const name = lastSegment(physicalKey.key);
	const entry = { physicalKey, size: undefined, hash: undefined, meta: emptyObject };
	const [from] = await locate(name, entry, userOrigin, signal);
	if (from === undefined || !("source" in from)) throw new TypeError("an object that is no source");
	yield { name, where, from, size: from.source.size };
}

async function* prefix(
	location: PhysicalKey & { readonly kind: "s3" },
	{ signal, onProgress }: RunOptions,
): AsyncGenerator<CopyItem, void> {
	const directory = bucketDirectory(location);
	const { bucket } = directory;
	const store = await platform().openStore(`s3://${bucket}`);
	const traits = copyTraits(store);
	for await (const { key: name, object } of objectsBelow(store, directory, { signal, onProgress })) {
		const { key, size, etag } = object;
		const where = formatPhysicalKey({ kind: "s3", bucket, key });
		const gone = (): BaleError => new BaleError("ObjectNotFound", `${where} is gone`, { details: { where } });
		const source = objectSource(store, key, undefined, size, gone);
		yield { name, where, from: { source, object: { bucket, key, etag, size, ...traits } }, size };
	}
}

function files() {
	const { files } = platform();
	if (files === undefined) throw new BaleError("Unsupported", "A page cannot read local files");
	return files;
}

function lastSegment(path: string): string {
	return path.slice(path.lastIndexOf("/") + 1);
}
