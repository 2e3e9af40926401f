import { BaleError } from "../core/errors.ts";

/** Throws `Aborted` when the signal has fired. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
	if (signal?.aborted === true) {
		throw new BaleError("Aborted", "The work was interrupted", { cause: signal.reason });
	}
}
