import { BaleError, type ErrorCode } from "../core/errors.ts";
import { changedHints } from "../storage/byte-source.ts";
import type { Failure, FailureReason } from "./file-work.mjs";

const codeOfErrno: Readonly<Record<string, ErrorCode>> = {
	ENOSPC: "NoSpace",
	EDQUOT: "NoSpace",
	EFBIG: "NoSpace",
	EACCES: "AccessDenied",
	EPERM: "AccessDenied",
	EROFS: "AccessDenied",
	ENOENT: "ObjectNotFound",
	ENOTDIR: "NotAFile",
	EISDIR: "NotAFile",
	ELOOP: "NotAFile",
	ENAMETOOLONG: "UnportableKey",
	EEXIST: "DestinationConflict",
	ERR_FS_FILE_TOO_LARGE: "LimitExceeded",
};

const stateOfErrno: Readonly<Record<string, string>> = {
	ENOSPC: "the disk is full",
	EDQUOT: "the disk quota is used up",
	EFBIG: "the file would be larger than the file system allows",
	EACCES: "permission was refused",
	EPERM: "the operation is not permitted",
	EROFS: "the file system is read-only",
	ENOENT: "it does not exist",
	ENOTDIR: "a part of the path is no directory",
	EISDIR: "it is a directory",
	ELOOP: "its symbolic links go round in a circle",
	ENAMETOOLONG: "the name is too long for this file system",
	EEXIST: "something of that name exists already",
	EMFILE: "too many files are open",
	ENFILE: "too many files are open on this machine",
	EIO: "the disk reported an error",
	ESTALE: "the network file system lost the file",
};

const hintOfCode: { readonly [code in ErrorCode]?: string } = {
	NoSpace: "Free some space and run the same again",
	AccessDenied: "Check who owns the file and its directory, and their permissions",
};

/** The `code` of a failed system call, or undefined when `error` is something else. */
export function errnoOf(error: unknown): string | undefined {
	if (!(error instanceof Error) || !("code" in error)) return undefined;
	return typeof error.code === "string" ? error.code : undefined;
}

/**
 * Makes the failure of a system call a `BaleError`: no space -> `NoSpace`, no permission or a read-only
 * file system -> `AccessDenied`, nothing there -> `ObjectNotFound`, not a file -> `NotAFile`, name too
 * long -> `UnportableKey`, everything else -> `StoreUnavailable`. A `BaleError` is handed on as it is.
 * `action` is the infinitive of the sentence, for example "write".
 */
export function fileError(error: unknown, action: string, path: string): BaleError {
	if (error instanceof BaleError) return error;
	const errno = errnoOf(error);
	if (errno === undefined) {
		// Not the system's doing but a mistake in a caller or in a stream: never disguised.
		const state = error instanceof Error ? error.message : String(error);
		return new BaleError("Unexpected", `Cannot ${action} "${path}": ${state}`, { cause: error });
	}
	return systemError(errno, action, path, error);
}

function systemError(errno: string, action: string, path: string, cause: unknown): BaleError {
	const code = codeOfErrno[errno] ?? "StoreUnavailable";
	const state = stateOfErrno[errno] ?? `the system reported ${errno}`;
	const hint = hintOfCode[code];
	return new BaleError(code, `Cannot ${action} "${path}": ${state}`, {
		...(hint === undefined ? {} : { hint }),
		details: { path, errno },
		cause,
	});
}

const codeOfReason: Readonly<Record<Exclude<FailureReason, "system">, ErrorCode>> = {
	changed: "SourceChanged",
	missing: "ObjectNotFound",
	"not-a-file": "NotAFile",
	mismatch: "IntegrityMismatch",
	exists: "DestinationConflict",
	aborted: "Aborted",
};

/** The error for a failure that `file-work.mjs` reported, perhaps from another thread. */
export function workError(failure: Failure, action: string): BaleError {
	const { reason, path, state, errno } = failure;
	if (reason === "system") return systemError(errno ?? "UNKNOWN", action, path, new Error(state));
	if (reason === "aborted") return new BaleError("Aborted", "The work was interrupted");
	const told = reason === "missing" ? "it does not exist" : state;
	return new BaleError(codeOfReason[reason], `Cannot ${action} "${path}": ${told}`, {
		...(reason === "changed" ? { hint: changedHints.meanwhile } : {}),
		details: { path },
	});
}
