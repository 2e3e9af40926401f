/**
 * A lock between processes: a file that exists exactly once. It holds who has it, so that the lock of a
 * dead process can be taken over, and a live but slow one is waited for.
 */
import { randomBytes } from "./crypto.mjs";
import { linkSync, mkdirSync, readFileSync, renameSync, unlinkSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { BaleError } from "../core/errors.ts";
import { throwIfAborted } from "../storage/abort.ts";
import { errnoOf, fileError } from "./file-error.ts";
import { isDead, ownIdentity, type ProcessIdentity } from "./process-identity.ts";
import { discard, temporaryName } from "./temporary-file.ts";

/** What a lock file holds, as JSON. */
export type LockHolder = ProcessIdentity & {
	/** Different for every time that a lock is taken. */
	readonly token: string;
	/** Milliseconds since the epoch, for people. */
	readonly since: number;
};

export type LockOptions = {
	readonly signal?: AbortSignal | undefined;
	/** How long a live holder is waited for. */
	readonly waitMs?: number;
	/** What is locked, for the error message. */
	readonly subject?: string;
};

const defaultWaitMs = 30_000;
const longestPauseMs = 40;

/** Those in this process who want a lock wait for one another here, not at the file. */
const queues = new Map<string, Promise<unknown>>();

/**
 * Runs `work` while holding the lock `path` (its directory is made). Throws `Locked` when a holder that
 * is not provably dead keeps it longer than `waitMs` (default 30 s).
 */
export async function withFileLock<T>(
	path: string,
	work: () => T | Promise<T>,
	options: LockOptions = {},
): Promise<T> {
	const before = queues.get(path) ?? Promise.resolve();
	const run = before.then(async () => {
		const token = await acquire(path, options);
		try {
			return await work();
		} finally {
			release(path, token);
		}
	});
	const settled = run.then(
		() => undefined,
		() => undefined,
	);
	queues.set(path, settled);
	try {
		return await run;
	} finally {
		if (queues.get(path) === settled) queues.delete(path);
	}
}

async function acquire(path: string, options: LockOptions): Promise<string> {
	const deadline = performance.now() + (options.waitMs ?? defaultWaitMs);
	const token = randomBytes(16).toString("hex");
	for (let attempt = 0; ; attempt++) {
		throwIfAborted(options.signal);
		if (create(path, token)) return token;
		const holder = readHolder(path);
		if (holder !== undefined && isDead(holder) && (await takeOver(path, holder, token, options)))
			return token;
		if (performance.now() >= deadline) throw locked(path, holder, options.subject);
		// Random, so that those who wait do not meet again and again.
		await sleep(Math.random() * Math.min(longestPauseMs, 2 + attempt * 2));
	}
}

/** The file is written under another name and linked, so that nobody ever sees a lock without its holder. */
function create(path: string, token: string): boolean {
	const temporary = writeHolder(path, token);
	try {
		linkSync(temporary, path);
		return true;
	} catch (error) {
		if (errnoOf(error) === "EEXIST") return false;
		if (!["EPERM", "ENOSYS", "ENOTSUP", "EOPNOTSUPP"].includes(errnoOf(error) ?? "")) {
			throw fileError(error, "lock", path);
		}
		return createWithoutLink(path, token);
	} finally {
		discard(temporary);
	}
}

/** For file systems without hard links: the file may be seen empty for a moment, which counts as held. */
function createWithoutLink(path: string, token: string): boolean {
	try {
		writeFileSync(path, holderText(token), { flag: "wx" });
		return true;
	} catch (error) {
		if (errnoOf(error) === "EEXIST") return false;
		throw fileError(error, "lock", path);
	}
}

function writeHolder(path: string, token: string): string {
	const temporary = `${dirname(path)}/${temporaryName()}`;
	try {
		try {
			writeFileSync(temporary, holderText(token), { flag: "wx" });
		} catch (error) {
			if (errnoOf(error) !== "ENOENT") throw error;
			mkdirSync(dirname(path), { recursive: true });
			writeFileSync(temporary, holderText(token), { flag: "wx" });
		}
	} catch (error) {
		throw fileError(error, "lock", path);
	}
	return temporary;
}

function holderText(token: string): string {
	const holder: LockHolder = { ...ownIdentity(), token, since: Date.now() };
	return `${JSON.stringify(holder)}\n`;
}

/** Undefined: nobody, or a file that is being written. */
function readHolder(path: string): LockHolder | undefined {
	try {
		const holder: unknown = JSON.parse(readFileSync(path, "utf8"));
		return isHolder(holder) ? holder : undefined;
	} catch {
		return undefined;
	}
}

function isHolder(value: unknown): value is LockHolder {
	if (typeof value !== "object" || value === null) return false;
	const fields: Partial<Record<keyof LockHolder, unknown>> = value;
	const texts = [fields.host, fields.machineId, fields.bootId, fields.pidNamespace, fields.startTime];
	return typeof fields.pid === "number" && [...texts, fields.token].every((text) => typeof text === "string");
}

/**
 * Replaces the lock of a dead process by ours. Several may find it dead at once; removing and creating
 * would let the second remove the lock of the first. So whoever wants to replace holder H first holds a
 * lock that is named after H, looks again, and then replaces the file in one step.
 */
async function takeOver(
	path: string,
	dead: LockHolder,
	token: string,
	options: LockOptions,
): Promise<boolean> {
	if (!/^[0-9a-f]{32}$/.test(dead.token)) return false;
	return withFileLock(
		`${path}.${dead.token.slice(0, 16)}`,
		() => {
			if (readHolder(path)?.token !== dead.token) return false;
			renameSync(writeHolder(path, token), path);
			return true;
		},
		options,
	);
}

function release(path: string, token: string): void {
	if (readHolder(path)?.token !== token) return;
	try {
		unlinkSync(path);
	} catch (error) {
		if (errnoOf(error) !== "ENOENT") throw fileError(error, "unlock", path);
	}
}

function locked(path: string, holder: LockHolder | undefined, subject = path): BaleError {
	const who = holder === undefined ? "another process" : `process ${holder.pid} on ${holder.host}`;
	return new BaleError("Locked", `Cannot write "${subject}": ${who} holds its lock`, {
		hint: `Wait for that process; if it no longer exists, remove "${path}"`,
		details: { path, ...(holder === undefined ? {} : { pid: holder.pid, host: holder.host }) },
	});
}
