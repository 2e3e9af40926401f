/**
 * The one error class of bale and the one table of its codes. The command line, the documentation
 * and the tests read this table, so that none of them can disagree about an exit code.
 */

/** What a code means to the outside: process exit code, HTTP status, and whether trying again can help. */
export type ErrorKind = {
	readonly exit: number;
	readonly status: number;
	readonly retry: boolean;
	/** One line for the documentation. */
	readonly meaning: string;
};

const kind = (exit: number, status: number, meaning: string, retry = false): ErrorKind => ({
	exit,
	status,
	retry,
	meaning,
});

/** Every error code with its exit code (`docs/cli.md` prints this table). */
export const errorTable = {
	Unexpected: kind(1, 500, "a failure that bale did not foresee"),

	InvalidName: kind(2, 400, "a package name is not of the form namespace/name"),
	InvalidKey: kind(2, 400, "a logical key cannot be used"),
	InvalidHash: kind(2, 400, "a top hash or hash prefix is malformed"),
	InvalidUrl: kind(2, 400, "a physical key, registry or package URI cannot be parsed"),
	UnsupportedScheme: kind(2, 400, "a URL has a scheme that bale does not read"),
	InvalidConfig: kind(2, 400, "a setting or the configuration file is invalid"),
	InvalidArgument: kind(2, 400, "an argument or option is invalid"),
	InvalidMetadata: kind(2, 400, "metadata cannot be expressed as JSON"),
	ReservedKey: kind(2, 400, "a key would write inside .quilt or .bale of a registry"),
	UnportableKey: kind(2, 400, "a key cannot be a file name on this system"),
	KeyCollision: kind(2, 400, "two keys need the same file, or one is both file and directory"),
	LimitExceeded: kind(2, 400, "something is larger or deeper than a documented limit"),
	NotAFile: kind(2, 400, "a path is not a regular file, or not a directory where one is needed"),
	Unsupported: kind(2, 400, "this version of bale, or this store, cannot do that"),

	PackageNotFound: kind(10, 404, "no package of that name in the registry"),
	RevisionNotFound: kind(10, 404, "no revision with that top hash or pointer"),
	EntryNotFound: kind(10, 404, "no such logical key in the package"),
	ObjectNotFound: kind(10, 404, "the bytes or the file are not there"),
	AmbiguousHash: kind(10, 409, "several revisions begin with that hash prefix"),

	Conflict: kind(11, 409, "somebody, or you elsewhere, published in the meantime"),

	NotLoggedIn: kind(12, 401, "no login for that service"),
	LoginExpired: kind(12, 401, "the login is no longer accepted"),
	AccessDenied: kind(12, 403, "permission was refused"),
	LocalReference: kind(12, 403, "a manifest points to a local file that it may not name"),

	IntegrityMismatch: kind(13, 422, "bytes are not what the manifest says"),
	TopHashMismatch: kind(13, 422, "a manifest's content does not give its name"),
	InvalidManifest: kind(13, 422, "a manifest cannot be read"),
	DuplicateKey: kind(13, 422, "a manifest holds a logical key twice"),
	Unverifiable: kind(13, 422, "an entry has no hash, or one of an unknown type"),
	CorruptPointer: kind(13, 422, "a pointer does not hold a top hash"),
	DanglingPointer: kind(13, 422, "a pointer names a manifest that is not there"),
	SourceChanged: kind(13, 409, "a file changed while it was read", true),
	UnsafeDestination: kind(13, 422, "the destination would lead outside of itself"),
	DestinationConflict: kind(13, 409, "files at the destination would be lost"),
	VerifyFailed: kind(13, 422, "a folder does not match the package"),

	WorkflowRejected: kind(14, 422, "the registry's workflow refuses this package"),
	InvalidWorkflow: kind(14, 500, "the registry's workflow configuration cannot be used"),

	StoreUnavailable: kind(15, 503, "storage is out of reach", true),
	IdentityUnavailable: kind(15, 503, "the identity service is out of reach", true),
	Locked: kind(15, 503, "another process holds the lock", true),
	NoSpace: kind(15, 507, "the disk is full", true),

	Aborted: kind(130, 499, "interrupted"),
} as const satisfies Record<string, ErrorKind>;

/** A stable name for a kind of failure; part of the public interface. */
export type ErrorCode = keyof typeof errorTable;

/** Fields of an error for programs: JSON values only, never a credential. */
export type ErrorDetails = { readonly [field: string]: unknown };

/**
 * Every failure that bale foresees. `message` is one sentence: what could not be done, to what, and
 * the state that prevented it, without a final period. `hint` is an imperative: what to do about it.
 */
export class BaleError extends Error {
	override readonly name = "BaleError";
	readonly code: ErrorCode;
	readonly details: ErrorDetails;
	readonly hint: string | undefined;

	constructor(
		code: ErrorCode,
		message: string,
		options: { readonly hint?: string; readonly details?: ErrorDetails; readonly cause?: unknown } = {},
	) {
		super(message, options.cause === undefined ? undefined : { cause: options.cause });
		this.code = code;
		this.details = options.details ?? {};
		this.hint = options.hint;
	}

	/** Exit code of the command line for this error. */
	get exitCode(): number {
		return errorTable[this.code].exit;
	}

	/** Whether doing the same again later can succeed. */
	get retryable(): boolean {
		return errorTable[this.code].retry;
	}

	/** The documented shape of an error in JSON output. */
	toJSON(): { code: ErrorCode; message: string; hint?: string; details: ErrorDetails } {
		return {
			code: this.code,
			message: this.message,
			...(this.hint === undefined ? {} : { hint: this.hint }),
			details: this.details,
		};
	}
}

/** Whether `error` is a `BaleError`, and of one of `codes` when any are given. */
export function isBaleError(error: unknown, ...codes: readonly ErrorCode[]): error is BaleError {
	return error instanceof BaleError && (codes.length === 0 || codes.includes(error.code));
}
