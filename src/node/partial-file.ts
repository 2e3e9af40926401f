/**
 * Large files that arrive in parts and outlive the process that receives them. The file has the name of a temporary file,
 * found again by what it is to become; behind its content the digest of each part that is whole is written, and cut off at
 * the end. Whoever takes such a file over reads the parts that it names and keeps those that still have their digests; one
 * that ends with its content was complete if it hashes to what it is to be.
 */
import { createHash } from "./crypto.mjs";
import { closeSync, constants, fstatSync, openSync, readSync, renameSync } from "node:fs";
import { hostname } from "node:os";
import { setImmediate as nextTurn } from "node:timers/promises";
import { chunkedHashValue, type Hash, partSize } from "../core/hash.ts";
import { throwIfAborted } from "../storage/abort.ts";
import { FileWriter } from "./file-writer.ts";
import { createNodeSha256 } from "./node-digest.ts";
import { createReadBuffer, readBufferBytes } from "./read-buffer.mjs";
import { discard, findOwnerless, ownerlessName, temporaryName } from "./temporary-file.ts";

const digestBytes = 32;
/** Windows has no such flag. */
const noFollow = (constants as Partial<typeof constants>).O_NOFOLLOW ?? 0;

/** Files that this process is receiving. */
const received = new Set<string>();

export type PartialOptions = {
	/** Where the temporary file is. */
	readonly directory: string;
	/** Path of the file to be. */
	readonly target: string;
	/** In bytes. */
	readonly size: number;
	/** What the content must hash to, in parts. */
	readonly expect: Hash;
	readonly signal: AbortSignal;
};

export class PartialFile {
	readonly writer: FileWriter;
	/** Digests of the parts that are in the file; empty places for those that are missing. */
	readonly digests: (Uint8Array | undefined)[];
	/** Whether an earlier process has left parts. */
	readonly isResumed: boolean;
	readonly #id: string;
	readonly #path: string;
	readonly #size: number;

	private constructor(
		{ id, path, size }: { readonly id: string; readonly path: string; readonly size: number },
		writer: FileWriter,
		digests: (Uint8Array | undefined)[],
	) {
		this.#id = id;
		this.#path = path;
		this.#size = size;
		this.writer = writer;
		this.digests = digests;
		this.isResumed = hasAny(digests);
	}

	/**
	 * Takes over what was left of the same file in the same directory, or begins anew; undefined when this process is at
	 * the same already. Only files of this machine (or container) are found.
	 */
	static async open(options: PartialOptions): Promise<PartialFile | undefined> {
		const { directory, target, size, expect } = options;
		const id = createHash("sha256")
			.update(JSON.stringify([hostname(), size, expect.type, expect.value]))
			.digest("hex")
			.slice(0, 24);
		const path = `${directory}/${temporaryName(id)}`;
		if (received.has(path)) return undefined;
		received.add(path);
		try {
			const fd = takeOver(directory, id, path);
			if (fd === undefined) {
				return new PartialFile({ id, path, size }, new FileWriter(path, target), noParts(size));
			}
			const writer = new FileWriter(path, target, 0o666, fd);
			try {
				return new PartialFile({ id, path, size }, writer, await readParts(fd, options));
			} catch (error) {
				writer.leave(ownerlessName(id));
				writer.close();
				throw error;
			}
		} catch (error) {
			received.delete(path);
			throw error;
		}
	}

	/** A part is whole in the file. */
	arrived(part: number, digest: Uint8Array): void {
		this.digests[part] = digest;
		this.writer.writeAt(digest, this.#size + part * digestBytes);
	}

	/** The content is complete: nothing but it is left in the file. */
	complete(): void {
		this.writer.truncate(this.#size);
	}

	/** Leaves what has arrived to whoever goes on with it. */
	leave(): void {
		if (hasAny(this.digests)) this.writer.leave(ownerlessName(this.#id));
	}

	/** To be called in any case, after the file was published or left; otherwise it is removed. */
	close(): void {
		this.writer.close();
		received.delete(this.#path);
	}
}

/** Every place is looked at: those of an array that nobody has written to, too. */
function hasAny(digests: readonly (Uint8Array | undefined)[]): boolean {
	return digests.some((digest) => digest !== undefined);
}

/** Gives a file that nobody works on our name, and opens it; who renames it first has it. */
function takeOver(directory: string, id: string, path: string): number | undefined {
	for (const left of findOwnerless(directory, id)) {
		try {
			renameSync(left, path);
			// Nothing but a file of its own is written to.
			const fd = openSync(path, constants.O_RDWR | noFollow);
			const stat = fstatSync(fd);
			if (stat.isFile() && stat.nlink === 1) return fd;
			closeSync(fd);
		} catch {
			// Somebody else was faster, or it cannot be used.
		}
		discard(path);
	}
	return undefined;
}

function noParts(size: number): (Uint8Array | undefined)[] {
	return new Array<undefined>(Math.ceil(size / partSize(size)));
}

/** The digests of those parts whose content still has them; of a file that ends with its content, of all or of none. */
async function readParts(fd: number, options: PartialOptions): Promise<(Uint8Array | undefined)[]> {
	const { size, expect } = options;
	if (fstatSync(fd).size === size) {
		const digests = await digestsOf(fd, options, () => true);
		const isRight = isWhole(digests) && chunkedHashValue(digests, createNodeSha256) === expect.value;
		return isRight ? digests : noParts(size);
	}
	const all = Buffer.alloc(noParts(size).length * digestBytes);
	readFully(fd, all, size);
	const told = (part: number): Buffer => all.subarray(part * digestBytes, (part + 1) * digestBytes);
	const digests = await digestsOf(fd, options, (part) => told(part).some((byte) => byte !== 0));
	return digests.map((digest, part) =>
		digest !== undefined && told(part).equals(digest) ? digest : undefined,
	);
}

/** The places that nobody has written to count, too. */
function isWhole(digests: readonly (Uint8Array | undefined)[]): digests is Uint8Array[] {
	return !digests.includes(undefined);
}

/** What the wanted parts hash to now. */
async function digestsOf(
	fd: number,
	{ size, signal }: PartialOptions,
	isWanted: (part: number) => boolean,
): Promise<(Uint8Array | undefined)[]> {
	const digests = noParts(size);
	const length = partSize(size);
	for (let part = 0; part < digests.length; part++) {
		if (!isWanted(part)) continue;
		const offset = part * length;
		digests[part] = digestOf(fd, offset, Math.min(length, size - offset));
		await nextTurn();
		throwIfAborted(signal);
	}
	return digests;
}

function digestOf(fd: number, offset: number, length: number): Uint8Array | undefined {
	const buffer = createReadBuffer(readBufferBytes);
	const digest = createNodeSha256();
	for (let at = 0; at < length;) {
		const count = readSync(fd, buffer, 0, Math.min(buffer.length, length - at), offset + at);
		if (count === 0) return undefined;
		digest.update(buffer.subarray(0, count));
		at += count;
	}
	return digest.digest();
}

/** As much as there is; the rest stays as it is. */
function readFully(fd: number, into: Buffer, position: number): void {
	for (let at = 0; at < into.length;) {
		const count = readSync(fd, into, at, into.length - at, position + at);
		if (count === 0) return;
		at += count;
	}
}
