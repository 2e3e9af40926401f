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

/** Writes a file of the bucket's own in one step. */
export async function writeText(path: string, text: string, options: StageOptions): Promise<void> {
	renameStaged(await stageText(text, options), path);
}

export interface StageOptions {
	readonly temporaryFolder: string;
	readonly durable: boolean;
}

/** Writes a file under a temporary name, which is returned. */
export async function stageText(text: string, options: StageOptions): Promise<string> {
	const temporary = `${options.temporaryFolder}/${temporaryName()}`;
	try {
		inFolder(temporary, () => {
			writeFileSync(temporary, text, { flag: "wx" });
		});
		if (options.durable) await syncFile(temporary);
		return temporary;
	} catch (error) {
		discard(temporary);
		throw fileError(error, "write", temporary);
	}
}

/** Gives a file under a temporary name its own; folders that have new names are added to `changed`. */
export function renameStaged(staged: string, path: string, changed = new Set<string>()): void {
	try {
		inFolder(
			path,
			() => {
				renameSync(staged, path);
			},
			changed,
		);
		changed.add(dirname(path));
	} catch (error) {
		discard(staged);
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
 * others remove empty ones; folders that have new names by that are added to `changed`.
 */
function inFolder(path: string, work: () => void, changed?: Set<string>): void {
	for (let attempt = 1; ; attempt++) {
		try {
			work();
			return;
		} catch (error) {
			if (errnoOf(error) !== "ENOENT" || attempt === 20) throw error;
			makeFolder(dirname(path), changed);
		}
	}
}

function makeFolder(path: string, changed: Set<string> | undefined): void {
	try {
		const first = mkdirSync(path, { recursive: true });
		if (first === undefined) return;
		for (let made = path; made.length >= first.length; made = dirname(made)) changed?.add(dirname(made));
	} catch (error) {
		if (errnoOf(error) !== "ENOENT") throw error;
	}
}

/**
 * Gives the file `from` also the name `to`, which may be there already; where that cannot be, `to` is a copy. Folders
 * that have new names are added to `changed`.
 */
export async function linkOrCopy(
	from: string,
	to: string,
	options: StageOptions & { readonly changed: Set<string> },
): Promise<void> {
	options.changed.add(dirname(to));
	try {
		inFolder(
			to,
			() => {
				linkSync(from, to);
			},
			options.changed,
		);
	} catch (error) {
		if (errnoOf(error) === "EEXIST") {
			if (sameFile(from, to)) return;
		} else if (!withoutHardLinks.has(errnoOf(error) ?? "")) {
			throw fileError(error, "keep", from);
		}
		renameStaged(await stageCopy(from, options), to, options.changed);
	}
}

async function stageCopy(from: string, { temporaryFolder, durable }: StageOptions): Promise<string> {
	const temporary = `${temporaryFolder}/${temporaryName()}`;
	try {
		await copyFile(from, temporary, constants.COPYFILE_FICLONE);
		if (durable) await syncFile(temporary);
		return temporary;
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
