/**
 * Files that are being written: they have a name of their own until they are whole, and get their final
 * one in a single step. What a process leaves behind when it is killed is removed by later ones.
 */
import { createHash, randomBytes } from "./crypto.mjs";
import { closeSync, fsync, lstatSync, opendirSync, openSync, readdirSync, unlinkSync } from "node:fs";
import { promisify } from "node:util";
import { errnoOf, fileError } from "./file-error.ts";
import { ownIdentity, processIsGone } from "./process-identity.ts";

const syncAsync = promisify(fsync);
const prefix = ".bale-tmp-";
const pattern = /^\.bale-tmp-([0-9a-z]+)-[0-9a-f]{24}$/;
const leftoverAgeMs = 24 * 60 * 60 * 1000;
const randomIdBytes = 12;
const markBytes = 4;

/** Most bytes that the name of a temporary file has. */
export const temporaryNameBytes = 48;

/** A new name for a temporary file, which tells the process that made it. `id`: 24 hex digits by which it is found again. */
export function temporaryName(id = newId()): string {
	return `${prefix}${process.pid.toString(36)}-${id}`;
}

/** Nobody finds a file with such an id again: once its process is gone it is of no use. */
function newId(): string {
	const mark = originMark();
	return mark + randomBytes(randomIdBytes - mark.length / 2).toString("hex");
}

let ownMark: string | undefined;

/** Eight hex digits for where the ids of processes mean the same as here; empty where the system does not tell. */
function originMark(): string {
	if (ownMark === undefined) {
		const { host, bootId, pidNamespace } = ownIdentity();
		const isKnown = bootId !== "" && pidNamespace !== "";
		const text = JSON.stringify([host, bootId, pidNamespace]);
		ownMark = isKnown
			? createHash("sha256")
					.update(text)
					.digest("hex")
					.slice(0, 2 * markBytes)
			: "";
	}
	return ownMark;
}

/** The name of a temporary file that its process has let go of. */
export function ownerlessName(id: string): string {
	return `${prefix}0-${id}`;
}

/** Paths of the temporary files in a directory that have this id and that no living process works on. */
export function findOwnerless(directory: string, id: string): string[] {
	return readdirSync(directory)
		.filter((name) => name.endsWith(id) && isOwnerless(name))
		.map((name) => `${directory}/${name}`);
}

function isOwnerless(name: string): boolean {
	const pid = pattern.exec(name)?.[1];
	return pid !== undefined && (pid === "0" || processIsGone(Number.parseInt(pid, 36)));
}

/** Whether it was made where the ids of processes mean the same as here, to be found by nobody. */
function isOfNoUse(ownerless: string): boolean {
	const mark = originMark();
	return mark !== "" && ownerless.slice(-2 * randomIdBytes).startsWith(mark);
}

/** Whether a file name is one that `temporaryName` gives. */
export function isTemporaryName(name: string): boolean {
	return pattern.test(name);
}

/**
 * Removes temporary files from a directory whose process is gone: at once where that is certain and nobody can go on with
 * them, otherwise when they are older than a day. Never fails: it is a service to the user beside the work at hand.
 */
export function removeLeftovers(directory: string, nowMs = Date.now()): void {
	try {
		const entries = opendirSync(directory);
		try {
			for (let entry = entries.readSync(); entry !== null; entry = entries.readSync()) {
				if (!isOwnerless(entry.name)) continue;
				const path = `${directory}/${entry.name}`;
				const stat = lstatSync(path);
				const isOld = nowMs - stat.mtimeMs > leftoverAgeMs;
				if (stat.isFile() && (isOld || isOfNoUse(entry.name))) unlinkSync(path);
			}
		} finally {
			entries.closeSync();
		}
	} catch {
		// Somebody else removed it, or it is not ours to remove.
	}
}

/** Removes a temporary file if it is there. */
export function discard(path: string): void {
	try {
		unlinkSync(path);
	} catch {
		// It was renamed, or never made; else a later run finds it.
	}
}

/**
 * Makes names that were created or removed in a directory survive a power cut. File systems that cannot
 * do this (and Windows) are left alone, and a directory that is gone needs nothing.
 */
export async function syncDirectory(directory: string): Promise<void> {
	let fd: number | undefined;
	try {
		fd = openSync(directory, "r");
		await syncAsync(fd);
	} catch (error) {
		if (!cannotSync(error)) throw fileError(error, "write", directory);
	} finally {
		if (fd !== undefined) closeSync(fd);
	}
}

function cannotSync(error: unknown): boolean {
	return ["EINVAL", "ENOTSUP", "EPERM", "EACCES", "EISDIR", "EBADF", "ENOENT", "ENOTDIR"].includes(
		errnoOf(error) ?? "",
	);
}
