import { closeSync, fstatSync, read } from "node:fs";
import { promisify } from "node:util";
import { statData } from "../../../node/file-work.mjs";
import { createReadBuffer } from "../../../node/read-buffer.mjs";
import { fileError } from "../../../node/file-error.ts";
import type { ObjectVersion, OpenedObject } from "../bucket.ts";
import type { BucketState } from "./bucket-state.ts";
import { openRegular } from "./disk.ts";
import type { KeyRecords } from "./key-records.ts";
import { findNewest, type Newest } from "./newest.ts";
import { findOlder } from "./older.ts";
import { isObjectKey } from "./places.ts";
import { historyName, toVersion } from "./record.ts";

const readAsync = promisify(read);
const chunkBytes = 1024 * 1024;
const attempts = 20;

/** A version and the file that holds its content. */
interface Found {
	readonly version: ObjectVersion;
	readonly path: string;
	readonly newest: Newest | undefined;
}

/** The newest version of a key, or the one named; undefined when there is none. */
export function headObject(state: BucketState, key: string, versionId?: string): ObjectVersion | undefined {
	return isObjectKey(key) ? find(state.records(key), state.versioning(), versionId)?.version : undefined;
}

/** Opens a version for reading; a delete marker can be opened, and holds nothing. */
export async function openObject(
	state: BucketState,
	key: string,
	versionId?: string,
): Promise<OpenedObject | undefined> {
	if (!isObjectKey(key)) return undefined;
	const records = state.records(key);
	for (let attempt = 1; attempt <= attempts; attempt++) {
		const found = find(records, state.versioning(), versionId);
		if (found === undefined) return undefined;
		if (found.version.isDeleteMarker) return new OpenFile(found.version, undefined, found.path);
		const fd = openRegular(found.path);
		if (fd === undefined) continue; // It went to the history meanwhile, or came from there.
		const stat = statData(fstatSync(fd, { bigint: true }));
		const expected = found.newest?.stat;
		if (expected === undefined || (expected.inode === stat.inode && expected.mtimeNs === stat.mtimeNs)) {
			if (stat.size === found.version.size) return new OpenFile(found.version, fd, found.path);
		}
		closeSync(fd);
	}
	return undefined;
}

function find(
	records: KeyRecords,
	versioning: boolean,
	versionId: string | undefined,
	again = true,
): Found | undefined {
	const newest = findNewest(records, versioning);
	if (newest !== undefined) {
		const { record } = newest;
		if (versionId === undefined || versionId === record.versionId || versionId === newest.versionId) {
			const version = { ...toVersion(records.key, record, true), versionId: versionId ?? record.versionId };
			return { version, path: records.places.object(records.key), newest };
		}
	}
	if (versionId === undefined) return undefined;
	const record = findOlder(records, newest, versionId);
	// It may just have left the history to become the newest.
	if (record === undefined) return again ? find(records, versioning, versionId, false) : undefined;
	const path = records.contentPath(historyName(record));
	return { version: toVersion(records.key, record, false), path, newest: undefined };
}

class OpenFile implements OpenedObject {
	#fd: number | undefined;
	#reading: Promise<unknown> | undefined;

	readonly version: ObjectVersion;
	readonly path: string;

	constructor(version: ObjectVersion, fd: number | undefined, path: string) {
		this.version = version;
		this.path = path;
		this.#fd = fd;
	}

	async *read(start: number, end: number): AsyncGenerator<Uint8Array, void> {
		try {
			for (let offset = start; offset < end;) {
				const buffer = createReadBuffer(Math.min(chunkBytes, end - offset));
				const length = await this.#fill(buffer, offset);
				if (length === 0) throw new Error(`"${this.version.key}" became shorter while it was read`);
				offset += length;
				yield buffer.subarray(0, length);
			}
		} finally {
			await this.close();
		}
	}

	async close(): Promise<void> {
		const fd = this.#fd;
		this.#fd = undefined;
		if (fd === undefined) return;
		await this.#reading; // The number of a closed file may soon be that of another.
		closeSync(fd);
	}

	async #fill(buffer: Uint8Array, offset: number): Promise<number> {
		if (this.#fd === undefined) throw new TypeError("The object is closed");
		try {
			const reading = readAsync(this.#fd, buffer, 0, buffer.length, offset);
			this.#reading = reading.catch(() => undefined);
			return (await reading).bytesRead;
		} catch (error) {
			throw fileError(error, "read", this.path);
		}
	}
}
