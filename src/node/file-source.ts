import { closeSync, constants, fstatSync, openSync, read, readSync } from "node:fs";
import { promisify } from "node:util";
import { BaleError } from "../core/errors.ts";
import { createHasher, type Hash, type HashType } from "../core/hash.ts";
import { throwIfAborted } from "../storage/abort.ts";
import { changedHints, checkRange, chunksOf } from "../storage/byte-source.ts";
import type { FileSource } from "../client/platform.ts";
import type { ByteRange } from "../storage/store.ts";
import { fileError } from "./file-error.ts";
import { linkStatOf, statOf } from "./file-stat.ts";
import { createNodeSha256 } from "./node-digest.ts";
import { createReadBuffer, readBufferBytes } from "./read-buffer.mjs";

const readAsync = promisify(read);

/** A read of at most this many bytes is done at once: going through the thread pool would cost more. */
const readAtOnceBytes = 64 * 1024;
/** The same for reads into a buffer that is there, of which there is one for each file. */
const readWholeBytes = 1024 * 1024;

/**
 * A regular file as a source: every opened stream reads the file anew and fails with `SourceChanged` when
 * its size or modification time is not what it was at the time of this call. Throws `ObjectNotFound`,
 * and `NotAFile` for anything but a regular file; what is none now is never opened.
 */
export function fileSource(path: string): FileSource {
	const openedMs = Date.now();
	const stat = statOf(path);
	if (stat === undefined) throw missing(path, linkStatOf(path) !== undefined);
	if (stat.kind !== "file") throw notAFile(path);
	const { size, mtimeNs } = stat;
	// Not even a FIFO that has taken its place makes this wait.
	const open = (): number => openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
	const check = (fd: number): void => {
		const now = fstatSync(fd, { bigint: true });
		if (!now.isFile()) throw notAFile(path);
		if (now.size !== BigInt(size) || now.mtimeNs !== mtimeNs) throw changed(path);
	};
	return {
		size,
		stat,
		openedMs,
		open(range = { offset: 0, length: size }, signal) {
			checkRange(range, size);
			throwIfAborted(signal);
			return descriptorStream({ path, range, open, check }, signal);
		},
		async readInto(into, offset, signal) {
			checkRange({ offset, length: into.length }, size);
			throwIfAborted(signal);
			let fd: number | undefined;
			try {
				fd = open();
				check(fd);
				for (let at = 0; at < into.length;) {
					const count = await readSome(fd, into, at, offset + at);
					throwIfAborted(signal);
					if (count === 0) throw changed(path);
					at += count;
				}
				check(fd);
			} catch (error) {
				throw fileError(error, "read", path);
			} finally {
				if (fd !== undefined) closeSync(fd);
			}
		},
	};
}

/** Reads on in `into` from `at`; a large read does not keep this thread. */
async function readSome(fd: number, into: Uint8Array, at: number, position: number): Promise<number> {
	const length = into.length - at;
	if (length <= readWholeBytes) return readSync(fd, into, at, length, position);
	return (await readAsync(fd, into, at, length, position)).bytesRead;
}

export type DescriptorStream = {
	readonly path: string;
	readonly range: ByteRange;
	/** Called when the first bytes are asked for. */
	readonly open: () => number;
	/** Called after the opening and before the end; throws when the file is not what it was. */
	readonly check: (fd: number) => void;
};

/**
 * The bytes of a range of an open file, read as they are asked for. The descriptor is closed when the
 * stream ends, fails or is cancelled. A file that ends inside the range is `SourceChanged`.
 */
export function descriptorStream(
	{ path, range, open, check }: DescriptorStream,
	signal: AbortSignal | undefined,
): ReadableStream<Uint8Array> {
	let fd: number | undefined;
	let position = range.offset;
	const end = range.offset + range.length;
	const release = (): void => {
		if (fd !== undefined) closeSync(fd);
		fd = undefined;
	};
	return new ReadableStream<Uint8Array>(
		{
			async pull(controller) {
				try {
					throwIfAborted(signal);
					if (fd === undefined) {
						fd = open();
						check(fd);
					}
					if (position < end) {
						const chunk = await readChunk(fd, position, Math.min(readBufferBytes, end - position));
						if (chunk.length === 0) throw changed(path);
						position += chunk.length;
						controller.enqueue(chunk);
					}
					if (position < end) return;
					check(fd);
					release();
					controller.close();
				} catch (error) {
					release();
					throw fileError(error, "read", path);
				}
			},
			cancel: release,
		},
		{ highWaterMark: 0 },
	);
}

async function readChunk(fd: number, position: number, length: number): Promise<Buffer> {
	const buffer = createReadBuffer(length);
	const bytesRead =
		length <= readAtOnceBytes
			? readSync(fd, buffer, 0, length, position)
			: (await readAsync(fd, buffer, 0, length, position)).bytesRead;
	return buffer.subarray(0, bytesRead);
}

/** Hashes one file on this thread, for the types that the worker threads do not know. */
export async function hashByStreaming(
	path: string,
	type: HashType,
	options: { readonly signal?: AbortSignal | undefined; readonly onBytes?: (bytes: number) => void } = {},
): Promise<{ readonly hash: Hash; readonly size: number }> {
	const source = fileSource(path);
	const hasher = createHasher(type, source.size, createNodeSha256);
	for await (const chunk of chunksOf(source, options.signal)) {
		hasher.update(chunk);
		options.onBytes?.(chunk.length);
	}
	return { hash: hasher.digest(), size: source.size };
}

/** The error for a file that was written to while it was read. */
export function changed(path: string): BaleError {
	return new BaleError("SourceChanged", `Cannot read "${path}": it was written to while it was in use`, {
		hint: changedHints.meanwhile,
		details: { path },
	});
}

function missing(path: string, isLink: boolean): BaleError {
	const state = isLink ? "it is a link to something that does not exist" : "it does not exist";
	return new BaleError("ObjectNotFound", `Cannot read "${path}": ${state}`, { details: { path } });
}

function notAFile(path: string): BaleError {
	return new BaleError("NotAFile", `Cannot read "${path}": it is not a regular file`, { details: { path } });
}
