import { BaleError } from "../core/errors.ts";

/** The error of interrupted work. */
export function abortedError(signal: AbortSignal): BaleError {
	return new BaleError("Aborted", "The work was interrupted", { cause: signal.reason });
}

/** Throws `Aborted` when the signal has fired. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
	if (signal?.aborted === true) throw abortedError(signal);
}
