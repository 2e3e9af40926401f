/**
 * Small files that hold a user's settings and secrets: seen whole or not at all, and with their final permissions from the
 * moment that they exist.
 */
import { readFileSync, statSync } from "node:fs";
import { chmod, mkdir, open, readFile, realpath, rename, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { BaleError } from "../core/errors.ts";
import { errnoOf, fileError } from "./file-error.ts";
import { discard, syncDirectory, temporaryName } from "./temporary-file.ts";

const readLimitBytes = 1024 * 1024;

/** Text of a file, or undefined when there is none. At most 1 MiB (`LimitExceeded`). */
export async function readSmallFile(path: string): Promise<string | undefined> {
	try {
		const found = statSync(path);
		const { size } = found;
		if (size > readLimitBytes) {
			throw new BaleError("LimitExceeded", `Cannot read "${path}": it is larger than 1 MiB`, {
				hint: "Check what this file is; bale writes far smaller ones",
				details: { path, size },
			});
		}
		// What is no file (a pipe of the shell, perhaps) may have to be waited for.
		return found.isFile() ? readFileSync(path, "utf8") : await readFile(path, "utf8");
	} catch (error) {
		if (errnoOf(error) === "ENOENT") return undefined;
		throw fileError(error, "read", path);
	}
}

/**
 * Replaces a file in one step: temporary name, flush, rename, flush of the directory. A symbolic link stays and its target
 * is replaced. The directory is made with mode 0700.
 */
export async function replaceFile(path: string, text: string, mode: number): Promise<void> {
	const target = await realpath(path).catch(() => path);
	const directory = dirname(target);
	const temporary = join(directory, temporaryName());
	try {
		await mkdir(directory, { recursive: true, mode: 0o700 });
		const file = await open(temporary, "wx", mode);
		try {
			await file.writeFile(text, "utf8");
			await file.sync();
		} finally {
			await file.close();
		}
		await rename(temporary, target);
		await syncDirectory(directory);
	} catch (error) {
		discard(temporary);
		throw fileError(error, "write", path);
	}
}

/** Makes a directory that only its owner can enter, and closes one of the user's that others could. */
export async function closeDirectory(path: string): Promise<void> {
	try {
		await mkdir(path, { recursive: true, mode: 0o700 });
		if (process.getuid === undefined) return;
		const { uid, mode } = await stat(path);
		if (uid === process.getuid() && (mode & 0o077) !== 0) await chmod(path, 0o700);
	} catch (error) {
		throw fileError(error, "make private", path);
	}
}

/** Renames a file that cannot be used, so that nothing of it is lost; gives the new path. */
export async function moveAside(path: string): Promise<string> {
	const aside = `${path}.broken.${timestamp(new Date())}`;
	try {
		await rename(path, aside);
		return aside;
	} catch (error) {
		throw fileError(error, "move aside", path);
	}
}

/** Time in UTC as quilt3 writes it in names of backups: `20260102T030405.678000Z`. */
export function timestamp(time: Date): string {
	return time.toISOString().replace(/[-:]/g, "").replace(/Z$/, "000Z");
}
