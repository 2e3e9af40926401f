/**
 * Hashing and copying of files by synchronous calls. This runs in worker threads, and on the main thread
 * when there is too little to do to start one; a promise for each system call would cost five times the
 * CPU. It is plain JavaScript so that a worker can load it from the sources as well as from the build.
 *
 * What goes in and comes out can be posted between threads. Failures are data (`Failure`); `file-error.ts`
 * makes errors of them.
 */
import { createHash, hashOnce } from "./crypto.mjs";
import {
	closeSync,
	constants,
	fstatSync,
	fsyncSync,
	linkSync,
	lstatSync,
	openSync,
	readSync,
	renameSync,
	statSync,
	unlinkSync,
	writeSync,
} from "node:fs";
import { createReadBuffer, readBufferBytes } from "./read-buffer.mjs";

/**
 * @typedef {"changed" | "missing" | "not-a-file" | "mismatch" | "exists" | "aborted" | "system"} FailureReason
 * @typedef {{ reason: FailureReason, path: string, state: string, errno?: string }} Failure
 *
 * @typedef {{
 *   from: string, to: string, temporary: string, size: number, partSize: number,
 *   expect?: { type: string, value: string }, replace: boolean,
 * }} CopyItem
 * @typedef {{
 *   kind: "file" | "directory" | "other", size: number, mtimeNs: bigint, ctimeNs: bigint,
 *   inode: bigint, device: bigint, owned: boolean,
 * }} StatData
 * @typedef {{ value: string, stat: StatData }} CopyOutput
 *
 * @typedef {{
 *   kind: "hash", plain: boolean, seen: boolean, base: string, paths: string, sizes: number[] | undefined,
 *   wholeBytes?: number,
 * }} HashTask
 * @typedef {{ kind: "part", path: string, size: number, offset: number, length: number }} PartTask
 * @typedef {{ kind: "copy", items: CopyItem[], durable: boolean }} CopyTask
 * @typedef {HashTask | PartTask | CopyTask} Task
 *
 * @typedef {{
 *   hashes?: (string | Failure)[],
 *   states?: BigInt64Array,
 *   startedMs?: number,
 *   part?: { digest: Uint8Array, state: string } | Failure,
 *   copies?: (CopyOutput | Failure)[],
 * }} TaskOutput
 *
 * @typedef {{ cancelled: Int32Array, onBytes: (item: number, bytes: number) => void }} Context
 */

/**
 * Progress within a file is told in steps of this many bytes. What is left over is not told: whoever gave
 * the order knows the size, and a message for each small file would cost more than hashing it.
 */
const progressStepBytes = 8 * 1024 * 1024;

const userId = process.getuid?.();

/** What tells one state of a file from another: device, inode, size, mtimeNs, ctimeNs. */
export const stateFields = 5;

/** @param {BigInt64Array} states @param {number} index @param {import("node:fs").BigIntStats} stat */
export function noteState(states, index, stat) {
	const at = index * stateFields;
	states[at] = stat.dev;
	states[at + 1] = stat.ino;
	states[at + 2] = stat.size;
	states[at + 3] = stat.mtimeNs;
	states[at + 4] = stat.ctimeNs;
}

/** A failure on its way up. */
class WorkError extends Error {
	/** @param {Failure} failure */
	constructor(failure) {
		super(failure.state);
		this.failure = failure;
	}
}

/**
 * Runs one task to its end. A failed item does not stop the others of its task.
 * @param {Task} task
 * @param {Context} context
 * @returns {TaskOutput}
 */
export function runTask(task, context) {
	switch (task.kind) {
		case "hash":
			return hashWholeFiles(task, context);
		case "part": {
			const states = new BigInt64Array(stateFields);
			const startedMs = Date.now();
			return { part: guard(task.path, () => hashPart(task, states, context)), states, startedMs };
		}
		case "copy":
			return { copies: copyFiles(task.items, task.durable, context) };
	}
}

/**
 * @template T
 * @param {string} path
 * @param {() => T} work
 * @returns {T | Failure}
 */
function guard(path, work) {
	try {
		return work();
	} catch (error) {
		return failureOf(error, path);
	}
}

/**
 * @param {unknown} error
 * @param {string} path
 * @returns {Failure}
 */
function failureOf(error, path) {
	if (error instanceof WorkError) return error.failure;
	const errno = error instanceof Error && "code" in error ? String(error.code) : "UNKNOWN";
	const state = error instanceof Error ? error.message : String(error);
	const missing = errno === "ENOENT" || errno === "ENOTDIR";
	return { reason: missing ? "missing" : "system", path, state, errno };
}

/**
 * @param {FailureReason} reason
 * @param {string} path
 * @param {string} state
 */
function fail(reason, path, state) {
	return new WorkError({ reason, path, state });
}

/** @param {bigint} size @param {number} expected */
const sizeState = (size, expected) => `it has ${size} bytes where ${expected} were expected`;

/** What must stay the same while a file is read. @param {import("node:fs").BigIntStats} stat */
const stateOf = (stat) => `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeNs}`;

/**
 * Opens a regular file of the expected size. Nothing else is ever opened: a FIFO would block, a device
 * could do anything.
 * @param {string} path
 * @param {number} [size]
 */
export function openRegular(path, size) {
	const before = statSync(path, { bigint: true });
	if (!before.isFile()) throw fail("not-a-file", path, "it is not a regular file");
	if (size !== undefined && Number(before.size) !== size)
		throw fail("changed", path, sizeState(before.size, size));
	const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
	try {
		const stat = fstatSync(fd, { bigint: true });
		const state = stateOf(stat);
		if (state !== stateOf(before)) throw fail("changed", path, "it was replaced while it was opened");
		return { fd, state, stat };
	} catch (error) {
		closeSync(fd);
		throw error;
	}
}

/** @param {number} fd @param {string} path @param {string} state */
function checkUnchanged(fd, path, state) {
	if (stateOf(fstatSync(fd, { bigint: true })) !== state) {
		throw fail("changed", path, "it was written to while it was read");
	}
}

/** @type {Buffer | undefined} */
let sharedBuffer;

/**
 * Reads `length` bytes from `offset` through the thread's one buffer.
 * @param {{ fd: number, path: string, offset: number, length: number }} run
 * @param {Context} context
 * @param {(chunk: Buffer) => void} onChunk the chunk is overwritten after the call
 */
function readRun({ fd, path, offset, length }, context, onChunk) {
	const buffer = (sharedBuffer ??= createReadBuffer());
	const end = offset + length;
	let position = offset;
	while (position < end) {
		if (Atomics.load(context.cancelled, 0) !== 0) throw fail("aborted", path, "the work was interrupted");
		const count = readSync(fd, buffer, 0, Math.min(buffer.length, end - position), position);
		if (count === 0) throw fail("changed", path, `it ended after ${position} bytes while it was read`);
		onChunk(buffer.subarray(0, count));
		position += count;
	}
}

/**
 * All of a file that fits into the thread's buffer; the next call overwrites it.
 * @param {number} fd
 * @param {string} path
 * @param {number} size
 * @param {Context} context
 */
function readWhole(fd, path, size, context) {
	const buffer = (sharedBuffer ??= createReadBuffer());
	if (Atomics.load(context.cancelled, 0) !== 0) throw fail("aborted", path, "the work was interrupted");
	let length = 0;
	while (length < size) {
		const count = readSync(fd, buffer, length, size - length, length);
		if (count === 0) throw fail("changed", path, `it ended after ${length} bytes while it was read`);
		length += count;
	}
	return buffer.subarray(0, size);
}

/** SHA-256 of each part, then of the digests: a content hash and, on demand, the plain one. */
class ContentHash {
	/** @param {number} partSize @param {boolean} plain */
	constructor(partSize, plain) {
		this.partSize = partSize;
		this.digests = createHash("sha256");
		/** @type {import("node:crypto").Hash | undefined} */
		this.part = undefined;
		this.left = 0;
		this.plain = plain ? createHash("sha256") : undefined;
	}

	/** @param {Uint8Array} chunk */
	update(chunk) {
		this.plain?.update(chunk);
		for (let offset = 0; offset < chunk.length;) {
			if (this.part === undefined) {
				this.part = createHash("sha256");
				this.left = this.partSize;
			}
			const length = Math.min(this.left, chunk.length - offset);
			this.part.update(length === chunk.length ? chunk : chunk.subarray(offset, offset + length));
			offset += length;
			this.left -= length;
			if (this.left === 0) this.endPart();
		}
	}

	endPart() {
		if (this.part === undefined) return;
		this.digests.update(this.part.digest());
		this.part = undefined;
	}

	/** Base64. */
	chunkedValue() {
		this.endPart();
		return this.digests.digest("base64");
	}

	/** Hex. */
	plainValue() {
		return this.plain?.digest("hex") ?? "";
	}
}

/**
 * Files and results are columns, not objects, because they cross threads by the thousand; paths are joined
 * by NUL, and `base` stands in front of each. `plain`: SHA-256 (hex), else the hash of a single part (base64). `seen`:
 * the paths have just been found to be regular files. Without `sizes`, files may have any; those of more than
 * `wholeBytes` are only looked at and get an empty text.
 * @param {HashTask} task
 * @param {Context} context
 * @returns {TaskOutput} `startedMs` is before anything was read; `states` has `stateFields` for each of the hashes
 */
function hashWholeFiles({ base, paths: joined, sizes, plain, seen, wholeBytes = Infinity }, context) {
	const paths = joined.split("\0");
	const states = new BigInt64Array(paths.length * stateFields);
	const startedMs = Date.now();
	/** @type {(string | Failure)[]} */
	const hashes = [];
	for (let index = 0; index < paths.length; index++) {
		const path = base + paths[index];
		try {
			const { fd, stat } = (seen ? openSeen : openRegular)(path, sizes?.[index]);
			try {
				const size = Number(stat.size);
				hashes[index] =
					size > wholeBytes ? "" : hashOpened({ fd, path, size, plain, index, before: stat }, context);
			} finally {
				closeSync(fd);
			}
			noteState(states, index, stat);
		} catch (error) {
			hashes[index] = failureOf(error, path);
		}
	}
	return { hashes, states, startedMs };
}

/**
 * Opens what has just been found to be a regular file. Should it have become another thing meanwhile, that is opened
 * without waiting (a FIFO would block) and never read.
 * @param {string} path
 * @param {number} [size]
 */
function openSeen(path, size) {
	const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
	try {
		const stat = fstatSync(fd, { bigint: true });
		if (!stat.isFile()) throw fail("not-a-file", path, "it is not a regular file");
		if (size !== undefined && Number(stat.size) !== size) {
			throw fail("changed", path, sizeState(stat.size, size));
		}
		return { fd, stat };
	} catch (error) {
		closeSync(fd);
		throw error;
	}
}

/** @param {import("node:fs").BigIntStats} a @param {import("node:fs").BigIntStats} b */
function isSameContent(a, b) {
	return a.size === b.size && a.mtimeNs === b.mtimeNs && a.ino === b.ino && a.dev === b.dev;
}

/**
 * The hash of an open file that stays as it was `before`: what fits into the buffer is hashed by one call for each hash.
 * @param {{
 *   fd: number, path: string, size: number, plain: boolean, index: number, before: import("node:fs").BigIntStats,
 * }} file
 * @param {Context} context
 */
function hashOpened({ fd, path, size, plain, index, before }, context) {
	const isSmall = size <= readBufferBytes;
	const bytes = isSmall ? readWhole(fd, path, size, context) : undefined;
	const digest = bytes ?? hashInPieces({ fd, path, size, index }, context);
	if (!isSameContent(before, fstatSync(fd, { bigint: true }))) {
		throw fail("changed", path, "it was written to while it was read");
	}
	if (plain) return bytes === undefined ? digest.toString("hex") : hashOnce("sha256", bytes, "hex");
	// Of nothing there is no part.
	const part = bytes === undefined || size === 0 ? digest : hashOnce("sha256", bytes, "buffer");
	return hashOnce("sha256", part, "base64");
}

/**
 * SHA-256 of a file that is larger than the buffer.
 * @param {{ fd: number, path: string, size: number, index: number }} file
 * @param {Context} context
 */
function hashInPieces({ fd, path, size, index }, context) {
	const hash = createHash("sha256");
	let untold = 0;
	readRun({ fd, path, offset: 0, length: size }, context, (chunk) => {
		hash.update(chunk);
		untold += chunk.length;
		if (untold >= progressStepBytes) {
			context.onBytes(index, untold);
			untold = 0;
		}
	});
	return hash.digest();
}

/**
 * One part of a large file. `state` must be the same for all parts of the file.
 * @param {PartTask} task
 * @param {BigInt64Array} states
 * @param {Context} context
 */
function hashPart({ path, size, offset, length }, states, context) {
	const { fd, state, stat } = openRegular(path, size);
	try {
		noteState(states, 0, stat);
		const hash = createHash("sha256");
		readRun({ fd, path, offset, length }, context, (chunk) => void hash.update(chunk));
		checkUnchanged(fd, path, state);
		return { digest: new Uint8Array(hash.digest()), state };
	} finally {
		closeSync(fd);
	}
}

/**
 * Copies in three steps over the whole batch (write, flush, publish): the first flush of a batch makes
 * the file system commit what the others need too.
 * @param {CopyItem[]} items
 * @param {boolean} durable
 * @param {Context} context
 */
function copyFiles(items, durable, context) {
	/** @type {(CopyOutput | Failure)[]} */
	const outputs = [];
	/** @type {{ index: number, item: CopyItem, fd: number, value: string }[]} */
	const written = [];
	for (const [index, item] of items.entries()) {
		const output = guard(item.from, () => writeTemporary(item, index, context));
		if ("reason" in output) outputs[index] = output;
		else written.push({ index, item, ...output });
	}
	for (const { index, item, fd, value } of written) {
		outputs[index] = guard(item.to, () => {
			try {
				if (durable) fsyncSync(fd);
				publish(item.temporary, item.to, item.replace);
				return { value, stat: statData(fstatSync(fd, { bigint: true })) };
			} catch (error) {
				removeQuietly(item.temporary);
				throw error;
			} finally {
				closeSync(fd);
			}
		});
	}
	return outputs;
}

/**
 * @param {CopyItem} item
 * @param {number} index
 * @param {Context} context
 */
function writeTemporary({ from, to, temporary, size, partSize, expect }, index, context) {
	const { fd: source, state } = openRegular(from, size);
	/** @type {number | undefined} */
	let target;
	try {
		const fd = createExclusive(temporary, to);
		target = fd;
		const hash = new ContentHash(partSize, expect?.type === "SHA256");
		let untold = 0;
		readRun({ fd: source, path: from, offset: 0, length: size }, context, (chunk) => {
			writeAll(fd, chunk, to);
			hash.update(chunk);
			untold += chunk.length;
			if (untold >= progressStepBytes) {
				context.onBytes(index, untold);
				untold = 0;
			}
		});
		checkUnchanged(source, from, state);
		const value = hash.chunkedValue();
		const found = expect?.type === "SHA256" ? hash.plainValue() : value;
		if (expect !== undefined && found !== expect.value) {
			throw fail("mismatch", from, `its ${expect.type} hash is ${found}, not ${expect.value}`);
		}
		return { fd, value };
	} catch (error) {
		if (target !== undefined) {
			closeSync(target);
			removeQuietly(temporary);
		}
		throw error;
	} finally {
		closeSync(source);
	}
}

/**
 * @param {string} path
 * @param {string} target the path that an error names: that of the file which this is going to be
 * @param {number} [mode]
 */
export function createExclusive(path, target, mode = 0o666) {
	try {
		return openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, mode);
	} catch (error) {
		throw new WorkError(asSystemFailure(error, target));
	}
}

/** Nothing of a target is ever "missing" in the sense of a source. @param {unknown} error @param {string} path */
function asSystemFailure(error, path) {
	const failure = failureOf(error, path);
	/** @type {Failure} */
	const system = { ...failure, reason: failure.reason === "missing" ? "system" : failure.reason };
	return system;
}

/** @param {number} fd @param {Uint8Array} chunk @param {string} path */
function writeAll(fd, chunk, path) {
	try {
		for (let offset = 0; offset < chunk.length;) {
			offset += writeSync(fd, chunk, offset, chunk.length - offset);
		}
	} catch (error) {
		throw new WorkError(asSystemFailure(error, path));
	}
}

/**
 * Gives a finished temporary file its final name. With `replace`, whatever file or link has the name is
 * replaced (never followed); without, the name must be free, and of several processes that try one wins.
 * @param {string} temporary
 * @param {string} to
 * @param {boolean} replace
 */
export function publish(temporary, to, replace) {
	try {
		if (replace) {
			renameSync(temporary, to);
			return;
		}
		try {
			linkSync(temporary, to);
		} catch (error) {
			const errno = failureOf(error, to).errno;
			if (errno === undefined || !withoutHardLinks.has(errno)) throw error;
			// A file system without hard links (FAT, some network ones): the best that is left.
			if (lstatSync(to, { throwIfNoEntry: false }) !== undefined) {
				throw fail("exists", to, "something of that name exists already");
			}
			renameSync(temporary, to);
			return;
		}
		unlinkSync(temporary);
	} catch (error) {
		const failure = asSystemFailure(error, to);
		const taken = failure.errno !== undefined && nameTaken.has(failure.errno);
		throw new WorkError(
			taken ? { reason: "exists", path: to, state: "something of that name exists already" } : failure,
		);
	}
}

const withoutHardLinks = new Set(["EPERM", "ENOSYS", "ENOTSUP", "EOPNOTSUPP", "EMLINK"]);
const nameTaken = new Set(["EEXIST", "EISDIR", "ENOTEMPTY", "ENOTDIR"]);

/** @param {string} path */
function removeQuietly(path) {
	try {
		unlinkSync(path);
	} catch {
		// It is gone, or it will be found as a leftover by a later run.
	}
}

/**
 * @param {import("node:fs").BigIntStats} stat
 * @returns {StatData}
 */
export function statData(stat) {
	return {
		kind: stat.isFile() ? "file" : stat.isDirectory() ? "directory" : "other",
		size: Number(stat.size),
		mtimeNs: stat.mtimeNs,
		ctimeNs: stat.ctimeNs,
		inode: stat.ino,
		device: stat.dev,
		owned: userId === undefined || stat.uid === BigInt(userId),
	};
}

export { WorkError };
