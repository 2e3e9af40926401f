import { createHash } from "./crypto.mjs";
import { closeSync, constants, fstatSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import { BaleError } from "../core/errors.ts";
import type { ObjectInfo } from "../storage/store.ts";
import { errnoOf, fileError } from "./file-error.ts";
import { statOf } from "./file-stat.ts";
import { statData } from "./file-work.mjs";
import { createReadBuffer } from "./read-buffer.mjs";

/**
 * Objects of at most this size have their content's hash as ETag: they are what is swapped (pointers),
 * and a time stamp is too coarse to tell two of them apart.
 */
export const hashedEtagBytes = 4096;

/** Objects up to this size are read when they are asked for; larger ones while they are consumed. */
const readAtOnceBytes = 64 * 1024;

const nothingThere = new Set(["ENOENT", "ENOTDIR", "ENAMETOOLONG", "ELOOP"]);

/** An object that was found: a small one with its bytes, a large one with a descriptor, which is to be closed. */
export type OpenObject =
	| { readonly info: ObjectInfo; readonly bytes: Uint8Array; readonly fd: undefined }
	| { readonly info: ObjectInfo; readonly bytes: undefined; readonly fd: number };

/**
 * Opens the file of an object. Undefined when there is none (a directory is none); `NotAFile` for special
 * files, which are never opened.
 */
export function openObject(key: string, path: string): OpenObject | undefined {
	const kind = statOf(path)?.kind;
	if (kind === undefined || kind === "directory") return undefined;
	if (kind === "other") {
		throw new BaleError("NotAFile", `Cannot read "${path}": it is not a regular file`, { details: { path } });
	}
	let fd: number | undefined;
	try {
		fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
		const stat = statData(fstatSync(fd, { bigint: true }));
		if (stat.size > readAtOnceBytes) {
			const opened = { info: describeObject(key, stat, undefined), bytes: undefined, fd };
			fd = undefined;
			return opened;
		}
		const bytes = readUpTo(fd, stat.size);
		const digest =
			bytes.length <= hashedEtagBytes ? createHash("sha256").update(bytes).digest("hex") : undefined;
		return { info: describeObject(key, { ...stat, size: bytes.length }, digest), bytes, fd: undefined };
	} catch (error) {
		if (nothingThere.has(errnoOf(error) ?? "")) return undefined;
		throw fileError(error, "read", path);
	} finally {
		if (fd !== undefined) closeSync(fd);
	}
}

/** The content of a file of at most `limitBytes`; undefined for anything else, whatever the reason. */
export function smallContent(path: string, limitBytes: number): Uint8Array | undefined {
	try {
		const stat = statSync(path);
		if (!stat.isFile() || stat.size > limitBytes) return undefined;
		const bytes = readFileSync(path);
		return bytes.length > limitBytes ? undefined : bytes;
	} catch {
		return undefined;
	}
}

/** The info of an object from the state of its file; `digest` is the hash of a small one's content. */
export function describeObject(
	key: string,
	stat: { readonly size: number; readonly inode: bigint; readonly mtimeNs: bigint },
	digest: string | undefined,
): ObjectInfo {
	const etag = digest === undefined ? `${stat.inode}-${stat.size}-${stat.mtimeNs}` : digest.slice(0, 32);
	const modifiedAt = new Date(Number(stat.mtimeNs / 1_000_000n));
	return { key, size: stat.size, etag: `"${etag}"`, modifiedAt };
}

/** Up to `size` bytes from the start of a file; fewer when it has become shorter. */
function readUpTo(fd: number, size: number): Uint8Array {
	const buffer = createReadBuffer(size);
	let length = 0;
	while (length < size) {
		const count = readSync(fd, buffer, length, size - length, length);
		if (count === 0) break;
		length += count;
	}
	return buffer.subarray(0, length);
}
