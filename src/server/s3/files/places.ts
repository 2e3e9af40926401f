/** Which file of the folder an object is, and where what the bucket itself keeps lies. */
import { createHash } from "node:crypto";
import { unportableReason } from "../../../core/portable-key.ts";
import { olderVersionsOf, servedFolderSettings, versionsBelow } from "../../../core/served-folder.ts";
import { isWellFormed, utf8Length } from "../../../core/utf8.ts";
import { faults } from "./faults.ts";

/** Folders below `.bale/` that are no part of the bucket's content. */
const hidden = ["tmp", "locks", "versions", "uploads", "bucket"].map((name) => `.bale/${name}/`);

const keyBytes = 1024;
/** One less than a file name has, for the mark that the records' names have at their end. */
const segmentBytes = 254;

/** Marks at the end of the names of records: none of them is a name of another kind. */
export const recordMark = "@";

/** Paths of one bucket. */
export class Places {
	readonly root: string;

	/** `root` is an absolute real path. */
	constructor(root: string) {
		this.root = root.replace(/\/+$/, "");
	}

	get temporary(): string {
		return `${this.root}/.bale/tmp`;
	}
	get locks(): string {
		return `${this.root}/.bale/locks`;
	}
	get versions(): string {
		return `${this.root}/.bale/versions`;
	}
	get uploads(): string {
		return `${this.root}/.bale/uploads`;
	}
	get settings(): string {
		return `${this.root}/${servedFolderSettings}`;
	}

	/** The file of an object. */
	object(key: string): string {
		return `${this.root}/${key}`;
	}

	/** The file that tells which versions may be the newest one. */
	record(key: string): string {
		return this.#recordPath(key) + recordMark;
	}

	/** The folder of the other versions. */
	history(key: string): string {
		return `${this.root}/${olderVersionsOf(key).slice(0, -1)}`;
	}

	/** The folder of the records of keys below `base`, which is empty or ends in a slash. */
	recordFolder(base: string): string {
		return `${this.root}/${versionsBelow(base)}`;
	}

	/** The same file as `DirectoryStore` has: who writes a key through either waits for the other. */
	keyLock(key: string): string {
		return `${this.locks}/${createHash("sha256").update(key).digest("hex")}.lock`;
	}

	uploadLock(uploadId: string): string {
		return `${this.locks}/upload-${uploadId}.lock`;
	}

	get settingsLock(): string {
		return `${this.locks}/bucket-settings.lock`;
	}

	#recordPath(key: string): string {
		const base = key.slice(0, key.lastIndexOf("/") + 1);
		return this.recordFolder(base) + key.slice(base.length);
	}
}

/** Whether an object can have this key in a folder, and is shown. */
export function isObjectKey(key: string): boolean {
	return keyProblem(key) === undefined && utf8Length(key) <= keyBytes && !isHidden(`${key}/`);
}

/** Whether all below the folder `base`, which ends in a slash, is no part of the content. */
export function isHidden(base: string): boolean {
	return hidden.some((prefix) => base.startsWith(prefix));
}

/** Refuses keys that an object of a folder cannot have: `KeyTooLongError`, `InvalidArgument`. */
export function checkObjectKey(key: string): void {
	if (utf8Length(key) > keyBytes) throw faults.keyTooLong(`A key has at most ${keyBytes} bytes`);
	const problem = isHidden(`${key}/`) ? "the bucket keeps its own files there" : keyProblem(key);
	if (problem !== undefined) throw faults.invalidArgument(`Cannot keep "${key}" in a folder: ${problem}`);
}

function keyProblem(key: string): string | undefined {
	if (key.includes("\0")) return "it has a NUL character";
	if (!isWellFormed(key)) return "it is not well-formed Unicode";
	for (const segment of key.split("/")) {
		if (segment === "") return "it has an empty segment";
		if (segment === "." || segment === "..") return `it has a segment "${segment}"`;
		if (utf8Length(segment) > segmentBytes) return `it has a segment of more than ${segmentBytes} bytes`;
	}
	return process.platform === "win32" ? unportableReason(key, "windows") : undefined;
}
