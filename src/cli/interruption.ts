import { BaleError } from "../core/errors.ts";

/**
 * A signal that fires on the first Ctrl-C (or SIGTERM, SIGHUP), so that work can end cleanly, and
 * when `also` fires. The second Ctrl-C ends the process at once.
 */
export function interruption(also: AbortSignal | undefined): AbortSignal {
	const controller = new AbortController();
	const stop = (): void => {
		if (controller.signal.aborted) process.exit(130);
		controller.abort(aborted());
	};
	for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, stop);
	return also === undefined ? controller.signal : AbortSignal.any([controller.signal, also]);
}

/** The error of a command that was interrupted. */
export function aborted(): BaleError {
	return new BaleError("Aborted", "The command was interrupted; nothing is half-written", {
		hint: "Run it again to continue",
	});
}
