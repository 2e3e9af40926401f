import { closeSync, fstatSync, fsync, ftruncateSync, renameSync, write, writeSync } from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";
import type { FileStat } from "../client/platform.ts";
import { fileError, workError } from "./file-error.ts";
import { createExclusive, publish, statData, WorkError } from "./file-work.mjs";
import { discard } from "./temporary-file.ts";

const writeAsync = promisify(write);
const syncAsync = promisify(fsync);

/** Chunks are gathered up to this size, so that there are few trips to the thread pool. */
const gatherBytes = 256 * 1024;
/** A chunk of this size is a trip of its own: joining it with others would copy it. */
const largeChunkBytes = 128 * 1024;
/** Up to this size, writing at once costs less than such a trip. */
const writeAtOnceBytes = 64 * 1024;

/** Writes a new file under a temporary name and gives it its final one when it is whole. */
export class FileWriter {
	readonly #path: string;
	/** What errors name. */
	readonly #target: string;
	#fd: number | undefined;
	#gathered: Uint8Array[] = [];
	#gatheredBytes = 0;
	/** It is no temporary file any more. */
	#published = false;

	/**
	 * Creates the temporary file for `target`; it must not exist, its directory must. The umask is taken off `mode`.
	 * `fd`: it is there already, and open.
	 */
	constructor(temporary: string, target: string, mode = 0o666, fd?: number) {
		this.#path = temporary;
		this.#target = target;
		this.#fd = fd ?? this.#translated(target, () => createExclusive(temporary, target, mode));
	}

	/** The chunk must not change until the file is finished. */
	async write(chunk: Uint8Array): Promise<void> {
		this.#gathered.push(chunk);
		this.#gatheredBytes += chunk.length;
		if (this.#gatheredBytes >= gatherBytes || chunk.length >= largeChunkBytes) await this.#flush();
	}

	/** Writes at once, at its place in the file; the chunk may change afterwards. Not to be mixed with `write`. */
	writeAt(chunk: Uint8Array, position: number): void {
		this.#translated(this.#target, () => {
			for (let offset = 0; offset < chunk.length;) {
				offset += writeSync(this.#opened(), chunk, offset, chunk.length - offset, position + offset);
			}
		});
	}

	/** Cuts off what is behind the first `size` bytes. */
	truncate(size: number): void {
		this.#translated(this.#target, () => ftruncateSync(this.#opened(), size));
	}

	/** The file stays, under this name in its directory. */
	leave(name: string): void {
		try {
			renameSync(this.#path, `${dirname(this.#path)}/${name}`);
			this.#published = true;
		} catch {
			// Then it is removed.
		}
	}

	/** Everything is with the operating system after this, and on the disk when `durable`. */
	async finish(durable: boolean): Promise<void> {
		await this.#flush();
		if (!durable) return;
		try {
			await syncAsync(this.#opened());
		} catch (error) {
			throw fileError(error, "write", this.#target);
		}
	}

	/**
	 * Gives the file its final name (see `publish`); returns its state. Throws `DestinationConflict` when
	 * the name is taken, and is to be kept or belongs to a directory.
	 */
	publish(to: string, replace: boolean): FileStat {
		return this.#translated(to, () => {
			publish(this.#path, to, replace);
			this.#published = true;
			return statData(fstatSync(this.#opened(), { bigint: true }));
		});
	}

	/** Closes the file, and removes it if it has no final name. To be called in any case. */
	close(): void {
		const fd = this.#fd;
		this.#fd = undefined;
		if (fd === undefined) return;
		if (!this.#published) discard(this.#path);
		closeSync(fd);
	}

	async #flush(): Promise<void> {
		const chunks = this.#gathered;
		const [only] = chunks;
		if (only === undefined) return;
		const bytes = chunks.length === 1 ? only : Buffer.concat(chunks, this.#gatheredBytes);
		this.#gathered = [];
		this.#gatheredBytes = 0;
		try {
			for (let offset = 0; offset < bytes.length;) {
				const rest = bytes.length - offset;
				offset +=
					rest <= writeAtOnceBytes
						? writeSync(this.#opened(), bytes, offset, rest)
						: (await writeAsync(this.#opened(), bytes, offset, rest)).bytesWritten;
			}
		} catch (error) {
			throw fileError(error, "write", this.#target);
		}
	}

	#opened(): number {
		if (this.#fd === undefined) throw new TypeError("The file is closed");
		return this.#fd;
	}

	#translated<T>(path: string, action: () => T): T {
		try {
			return action();
		} catch (error) {
			if (error instanceof WorkError) throw workError(error.failure, "write");
			throw fileError(error, "write", path);
		}
	}
}
