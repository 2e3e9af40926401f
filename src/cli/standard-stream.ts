/**
 * stdout and stderr of this process. Node's own streams for them take longer to make than most commands take for all that they
 * print, so they are made only for terminals and for what might have to wait.
 */
import { fstatSync, statSync, writeSync } from "node:fs";
import { isatty } from "node:tty";

/** A pipe holds so many bytes before a write to it waits; a process that waits in a write heeds no Ctrl-C. */
const pipeBytes = 64 * 1024;

export class StandardStream {
	readonly #fd: 1 | 2;
	readonly #onGone: (error: NodeJS.ErrnoException) => void;
	#isTerminal: boolean | undefined;
	/** Node's stream, once it was needed: then everything goes through it, or the order would be lost. */
	#stream: NodeJS.WriteStream | undefined;
	/** Bytes that can still be written at once. */
	#room: number | undefined;

	/** `onGone` is called when whoever reads the stream has gone; other failures reach whoever writes. */
	constructor(fd: 1 | 2, onGone: (error: NodeJS.ErrnoException) => void) {
		this.#fd = fd;
		this.#onGone = onGone;
	}

	get isTTY(): boolean {
		return (this.#isTerminal ??= isTerminal(this.#fd));
	}

	/** Of a terminal that tells it. */
	get columns(): number | undefined {
		const columns = this.isTTY ? this.#nodeStream().columns : 0;
		return columns > 0 ? columns : undefined;
	}

	/** Writes UTF-8; `done` is called when it was handed to the system, or that failed. */
	write(data: string | Uint8Array, done?: (error?: Error | null) => void): boolean {
		const bytes = typeof data === "string" ? Buffer.from(data) : data;
		if (this.#stream !== undefined || this.isTTY) return this.#nodeStream().write(bytes, done);
		this.#room ??= isFile(this.#fd) ? Number.POSITIVE_INFINITY : pipeBytes;
		if (bytes.length > this.#room) return this.#nodeStream().write(bytes, done);
		let written = 0;
		try {
			while (written < bytes.length) written += writeSync(this.#fd, bytes, written);
			this.#room -= bytes.length;
			done?.();
		} catch (cause) {
			const error = cause as NodeJS.ErrnoException;
			// The pipe is full, and was made not to wait.
			if (error.code === "EAGAIN") return this.#nodeStream().write(bytes.subarray(written), done);
			this.#noticeEnd(error);
			done?.(error);
		}
		return true;
	}

	/** Resolves when everything was handed to the system, or cannot be. */
	async drained(): Promise<void> {
		const stream = this.#stream;
		if (stream === undefined || stream.destroyed || stream.writableLength === 0) return;
		await new Promise<void>((resolve) => stream.write("", () => resolve()));
	}

	#nodeStream(): NodeJS.WriteStream {
		if (this.#stream === undefined) {
			this.#stream = this.#fd === 1 ? process.stdout : process.stderr;
			this.#stream.on("error", (error: NodeJS.ErrnoException) => this.#noticeEnd(error));
		}
		return this.#stream;
	}

	#noticeEnd(error: NodeJS.ErrnoException): void {
		if (error.code === "EPIPE" || error.code === "EOF") this.#onGone(error);
	}
}

/** Whether a standard stream (0 to 2) is a terminal; it is not opened for that. */
export function isTerminal(fd: number): boolean {
	try {
		const stat = fstatSync(fd);
		if (!stat.isCharacterDevice() || stat.rdev === statSync("/dev/null").rdev) return false;
	} catch {
		// Windows has no such file.
	}
	return isatty(fd);
}

function isFile(fd: number): boolean {
	try {
		return fstatSync(fd).isFile();
	} catch {
		return false;
	}
}
