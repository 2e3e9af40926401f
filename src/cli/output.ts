/** Where a command's words go: data to stdout, everything else to stderr, once each. */
import type { OnProgress, ProgressEvent } from "../transfer/events.ts";
import { BaleError } from "../core/errors.ts";
import { type Paint, paintFor, plain } from "./color.ts";

/** What a stream of the process must be able to do. */
export type Sink = {
	write(data: string | Uint8Array, done?: (error?: Error | null) => void): boolean;
	readonly isTTY?: boolean;
};

export type OutputOptions = {
	readonly json: boolean;
	readonly quiet: boolean;
	readonly noColor: boolean;
	readonly env: Readonly<Record<string, string | undefined>>;
	/** Whether answers can be asked for. */
	readonly canAsk: () => boolean;
	/** Escapes what a terminal could take for a command. */
	readonly display: (text: string) => string;
	/** Draws progress; absent where there is no terminal. */
	readonly progress?: { readonly onProgress: OnProgress; clear(): void };
};

/** A warning that long work gave. */
export type Warning = {
	readonly code: string;
	readonly message: string;
	/** Fields for programs. */
	readonly details?: Readonly<Record<string, unknown>>;
};

export class Output {
	readonly json: boolean;
	readonly quiet: boolean;
	/** Whether answers can be asked for. */
	readonly canAsk: () => boolean;
	/** Colours for stdout and for stderr. */
	readonly paint: { readonly data: Paint; readonly notes: Paint };
	readonly display: (text: string) => string;
	/** Warnings so far, in order, each message once. */
	readonly warnings: Warning[] = [];
	readonly #stdout: Sink;
	readonly #stderr: Sink;
	readonly #progress: OutputOptions["progress"];

	constructor(stdout: Sink, stderr: Sink, options: OutputOptions) {
		this.#stdout = stdout;
		this.#stderr = stderr;
		this.json = options.json;
		this.quiet = options.quiet;
		this.canAsk = options.canAsk;
		this.display = options.display;
		this.#progress = options.progress;
		this.paint = {
			data: options.json ? plain : paintFor(stdout.isTTY === true, options.env, options.noColor),
			notes: paintFor(stderr.isTTY === true, options.env, options.noColor),
		};
	}

	/** Listener for long work. */
	readonly onProgress: OnProgress = (event: ProgressEvent) => {
		if (event.kind === "warning") this.warn(event.code, event.message, event.details);
		else this.#progress?.onProgress(event);
	};

	/** A line of data on stdout; resolves when it is handed to the system. */
	async data(text: string | Uint8Array): Promise<void> {
		this.#progress?.clear();
		await new Promise<void>((resolve, reject) => {
			this.#stdout.write(text, (error) => {
				if (error) reject(unwritable(error));
				else resolve();
			});
		});
	}

	/** A line for people on stderr, unless `--quiet` or `--json`. `line` must be safe to print already. */
	note(line: string): void {
		if (!this.quiet && !this.json) this.error(line);
	}

	/** A line on stderr, always. */
	error(line: string): void {
		this.#progress?.clear();
		this.#stderr.write(`${line}\n`);
	}

	/** A warning: on stderr, and in the document of `--json`. */
	warn(code: string, message: string, details?: Warning["details"]): void {
		if (this.warnings.some((warning) => warning.code === code && warning.message === message)) return;
		this.warnings.push({ code, message, ...(details === undefined ? {} : { details }) });
		if (!this.json) this.error(`${this.paint.notes.yellow("warning:")} ${this.display(message)}`);
	}

	/** Removes the progress line. */
	settle(): void {
		this.#progress?.clear();
	}
}

/** Where stdout is a file on a full disk, for instance. A closed pipe is found out elsewhere. */
function unwritable(error: Error): Error {
	const code = "code" in error ? error.code : undefined;
	if (code === "EPIPE" || code === "EOF") return error;
	return code === "ENOSPC"
		? new BaleError("NoSpace", "Cannot write the output: the disk is full", { cause: error })
		: new BaleError("StoreUnavailable", `Cannot write the output: ${error.message}`, { cause: error });
}
