import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import type { LocalBytes } from "../storage/store.ts";
import { errnoOf, fileError } from "./file-error.ts";
import { changed } from "./file-source.ts";
import { statOf } from "./file-stat.ts";
import { statData } from "./file-work.mjs";
import { createReadBuffer } from "./read-buffer.mjs";

/** Smaller files are as well kept in memory. */
const minBytes = 1 << 20;
/** Descriptors that are kept open at most. */
const maxOpen = 64;
/** Within this time a file could change without its times changing. */
const clockGrainNs = 2_000_000_000n;

/** Asking for a file's state costs more than a small read, so it is not done for each of them. */
const checkEveryNs = 20_000_000n;

let open = 0;
const closer = new FinalizationRegistry<number>((fd) => {
	closeSync(fd);
	open--;
});

const nothingThere = new Set(["ENOENT", "ENOTDIR", "ENAMETOOLONG", "ELOOP", "EMFILE", "ENFILE"]);

/**
 * The bytes of a large regular file, which stays open until they are forgotten: removing or replacing it does not
 * change them, and writing into it is `SourceChanged` at the next read. Undefined for small files and for what can
 * be read in other ways only.
 */
export function openFileBytes(path: string): LocalBytes | undefined {
	const found = statOf(path);
	if (found?.kind !== "file" || found.size < minBytes || open >= maxOpen) return undefined;
	let fd: number;
	try {
		fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
	} catch (error) {
		if (nothingThere.has(errnoOf(error) ?? "")) return undefined;
		throw fileError(error, "read", path);
	}
	open++;
	const { size, mtimeNs, ctimeNs, inode, device } = statData(fstatSync(fd, { bigint: true }));
	const { mtimeMs } = fstatSync(fd);
	let checkNextNs = 0n;
	const bytes = {
		size,
		read(start: number, end: number, buffer?: Uint8Array): Uint8Array {
			const length = end - start;
			const target = buffer !== undefined && buffer.length >= length ? buffer : createReadBuffer(length);
			const count = readSync(fd, target, 0, length, start);
			if (count !== length) throw changed(path);
			const timeNs = process.hrtime.bigint();
			if (timeNs >= checkNextNs) {
				checkNextNs = timeNs + checkEveryNs;
				const now = fstatSync(fd);
				if (now.size !== size || now.mtimeMs !== mtimeMs) throw changed(path);
			}
			return new Uint8Array(target.buffer, target.byteOffset, length);
		},
		equal: (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0,
	};
	closer.register(bytes, fd);
	const age = BigInt(Date.now()) * 1_000_000n - (mtimeNs > ctimeNs ? mtimeNs : ctimeNs);
	const state = `${device}-${inode}-${size}-${mtimeNs}-${ctimeNs}`;
	return { bytes, ...(age > clockGrainNs ? { state } : {}) };
}
