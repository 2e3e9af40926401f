/** What long work reports while it runs: a union of small facts, drawn by whoever listens. */

/** A stretch of work: finding files, hashing them, moving bytes, or checking what is there. */
export type Phase = "walk" | "hash" | "copy" | "verify";

/** How the work on one entry ended. */
export type Outcome = "hashed" | "copied" | "reused" | "kept" | "verified" | "failed";

export type ProgressEvent =
	/** A phase begins; totals in files and bytes. */
	| { readonly kind: "started"; readonly phase: Phase; readonly files: number; readonly bytes: number }
	/** Bytes since the last event of the phase. */
	| { readonly kind: "advanced"; readonly phase: Phase; readonly key?: string; readonly bytes: number }
	| { readonly kind: "settled"; readonly phase: Phase; readonly key: string; readonly how: Outcome }
	| { readonly kind: "finished"; readonly phase: Phase }
	/** Something that the user should know and that stops nothing. */
	| {
			readonly kind: "warning";
			readonly code: string;
			readonly message: string;
			readonly details?: Readonly<Record<string, unknown>>;
	  };

export type OnProgress = (event: ProgressEvent) => void;

/** Options of everything that takes long. */
export type RunOptions = {
	/** Stops the work; it then rejects with `Aborted` and leaves nothing half-written. */
	readonly signal?: AbortSignal | undefined;
	readonly onProgress?: OnProgress | undefined;
	/** Files at once; default: what the machine can use. */
	readonly concurrency?: number | undefined;
	/** False: local files are read to be hashed, also those that have not been touched since this user hashed them last. */
	readonly cache?: boolean | undefined;
};
