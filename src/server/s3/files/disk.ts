/** Small steps on files, each whole or not at all. */
import {
	closeSync,
	constants,
	fstatSync,
	fsync,
	linkSync,
	lstatSync,
	mkdirSync,
	openSync,
	readFileSync,
	renameSync,
	unlinkSync,
	writeFileSync,
} from "node:fs";
import { constants as copyFlags } from "node:fs";
import { copyFile } from "node:fs/promises";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { errnoOf, fileError } from "../../../node/file-error.ts";
import { linkStatOf } from "../../../node/file-stat.ts";
import { discard, temporaryName } from "../../../node/temporary-file.ts";
import type { FileIdentity } from "./record.ts";

export type FileStat = NonNullable<ReturnType<typeof linkStatOf>>;

const syncAsync = promisify(fsync);
const nothingThere = new Set(["ENOENT", "ENOTDIR", "ELOOP", "ENAMETOOLONG", "EISDIR"]);
/** What a link call fails with where there are none. */
export const withoutHardLinks = new Set(["EPERM", "ENOSYS", "ENOTSUP", "EOPNOTSUPP", "EMLINK"]);

/** State of `path` if it is a regular file and no link to one. */
export function regularFile(path: string): FileStat | undefined {
	const stat = linkStatOf(path);
	return stat?.kind === "file" ? stat : undefined;
}

export function identityOf(stat: FileStat): FileIdentity {
	return { inode: String(stat.inode), size: stat.size, mtimeNs: String(stat.mtimeNs) };
}

/** Opens a regular file for reading; undefined when there is none of that name (links are not followed). */
export function openRegular(path: string): number | undefined {
	let fd: number;
	try {
		fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
	} catch (error) {
		if (nothingThere.has(errnoOf(error) ?? "") || errnoOf(error) === "ENXIO") return undefined;
		throw fileError(error, "read", path);
	}
	if (fstatSync(fd).isFile()) return fd;
	closeSync(fd);
	return undefined;
}

/** Text of a file; undefined when there is none. */
export function readText(path: string): string | undefined {
	try {
		return readFileSync(path, "utf8");
	} catch (error) {
		if (nothingThere.has(errnoOf(error) ?? "")) return undefined;
		throw fileError(error, "read", path);
	}
}

/** Writes a file of the bucket's own under a temporary name in `temporaryFolder`, and renames it to `path`. */
export async function writeText(
	path: string,
	text: string,
	options: { readonly temporaryFolder: string; readonly durable: boolean; readonly makeFolder?: boolean },
): Promise<void> {
	const temporary = `${options.temporaryFolder}/${temporaryName()}`;
	try {
		inFolder(temporary, () => {
			writeFileSync(temporary, text, { flag: "wx" });
		});
		if (options.durable) await syncFile(temporary);
		const place = (): void => {
			renameSync(temporary, path);
		};
		if (options.makeFolder === false) place();
		else inFolder(path, place);
	} catch (error) {
		discard(temporary);
		throw fileError(error, "write", path);
	}
}

/** Makes a file's content survive a power cut. */
async function syncFile(path: string): Promise<void> {
	const fd = openSync(path, "r");
	try {
		await syncAsync(fd);
	} finally {
		closeSync(fd);
	}
}

/**
 * Does what makes `path`, whose folder is one of the bucket's own. It is made when it is missing, again and again since
 * others remove empty ones.
 */
export function inFolder(path: string, work: () => void): void {
	for (let attempt = 1; ; attempt++) {
		try {
			work();
			return;
		} catch (error) {
			if (errnoOf(error) !== "ENOENT" || attempt === 20) throw error;
			makeFolder(dirname(path));
		}
	}
}

function makeFolder(path: string): void {
	try {
		mkdirSync(path, { recursive: true });
	} catch (error) {
		if (errnoOf(error) !== "ENOENT") throw error;
	}
}

/** Gives the file `from` also the name `to`, which may be there already; where that cannot be, `to` is a copy. */
export async function linkOrCopy(from: string, to: string, temporaryFolder: string): Promise<void> {
	try {
		inFolder(to, () => {
			linkSync(from, to);
		});
	} catch (error) {
		if (errnoOf(error) === "EEXIST") {
			if (sameFile(from, to)) return;
		} else if (!withoutHardLinks.has(errnoOf(error) ?? "")) {
			throw fileError(error, "keep", from);
		}
		await copyTo(from, to, temporaryFolder);
	}
}

async function copyTo(from: string, to: string, temporaryFolder: string): Promise<void> {
	const temporary = `${temporaryFolder}/${temporaryName()}`;
	try {
		await copyFile(from, temporary, copyFlags.COPYFILE_FICLONE);
		await syncFile(temporary);
		inFolder(to, () => {
			renameSync(temporary, to);
		});
	} catch (error) {
		discard(temporary);
		throw fileError(error, "keep", from);
	}
}

function sameFile(a: string, b: string): boolean {
	const left = lstatSync(a, { bigint: true, throwIfNoEntry: false });
	const right = lstatSync(b, { bigint: true, throwIfNoEntry: false });
	return left !== undefined && left.ino === right?.ino && left.dev === right.dev;
}

/** Removes a file that may be missing. */
export function removeFile(path: string): void {
	try {
		unlinkSync(path);
	} catch (error) {
		if (!nothingThere.has(errnoOf(error) ?? "")) throw fileError(error, "delete", path);
	}
}
