/** What doctor says about one thing that it looked at. */

/** `problem`: something does not work; `warning`: something deserves a look; `note`: nothing is wrong, but good to know. */
export type Severity = "ok" | "note" | "warning" | "problem";

export type Finding = {
	/** Stable name of the check, for programs. */
	readonly check: string;
	readonly severity: Severity;
	/** One sentence without period. */
	readonly what: string;
	/** Imperative: how to mend it. */
	readonly remedy?: string;
	/** File or folder that it is about. */
	readonly path?: string;
	/** The unfinished upload that it is about; `path` is where its object would have appeared. */
	readonly upload?: UploadFacts;
};

export type UploadFacts = {
	readonly id: string;
	/** ISO 8601. */
	readonly startedAt: string;
	/** That are kept. */
	readonly bytes: number;
	/** Whether it was removed now. */
	readonly aborted: boolean;
};

/** A finding without a fault. */
export function ok(check: string, what: string, path?: string): Finding {
	return { check, severity: "ok", what, ...(path === undefined ? {} : { path }) };
}

/** A finding with a fault and how to mend it. */
export function fault(
	check: string,
	severity: Exclude<Severity, "ok">,
	what: string,
	remedy: string,
	path?: string,
): Finding {
	return { check, severity, what, remedy, ...(path === undefined ? {} : { path }) };
}

/** Reason of a failed system call, in words. */
export function reasonOf(error: unknown): string {
	const code = error instanceof Error && "code" in error ? String(error.code) : "";
	const known: Readonly<Record<string, string>> = {
		EACCES: "permission is refused",
		EPERM: "permission is refused",
		EROFS: "the file system is read-only",
		ENOENT: "it is not there",
		ENOTDIR: "it is no directory",
		EISDIR: "it is a directory",
		ENOSPC: "the disk is full",
	};
	return known[code] ?? (error instanceof Error ? (error.message.split("\n", 1)[0] ?? "") : String(error));
}
