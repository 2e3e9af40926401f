import { isBaleError } from "../../../core/errors.ts";
import { S3Fault } from "../fault.ts";

/** The faults of a folder, each with what it was about. */
export const faults = {
	invalidArgument: (message: string) => new S3Fault("InvalidArgument", 400, message),
	invalidRequest: (message: string) => new S3Fault("InvalidRequest", 400, message),
	keyTooLong: (message: string) => new S3Fault("KeyTooLongError", 400, message),
	preconditionFailed: (key: string, state: string) =>
		new S3Fault("PreconditionFailed", 412, `Cannot write "${key}": ${state}`),
	noSuchKey: (key: string) => new S3Fault("NoSuchKey", 404, `There is no object "${key}"`),
	noSuchUpload: (uploadId: string) =>
		new S3Fault("NoSuchUpload", 404, `There is no upload "${uploadId}"; it was completed or aborted`),
	/** A folder cannot hold `a` and `a/b`; S3 can, so it has no code for this. */
	keyCollision: (key: string, state: string) =>
		new S3Fault("KeyCollision", 409, `Cannot write "${key}" into a folder: ${state}`),
	accessDenied: (message: string) => new S3Fault("AccessDenied", 403, message),
};

/** Makes failures of the disk faults that a client of S3 understands; everything else is handed on. */
export async function asFaults<T>(work: () => T | Promise<T>): Promise<T> {
	try {
		return await work();
	} catch (error) {
		if (isBaleError(error, "NoSpace")) throw new S3Fault("InsufficientStorage", 507, error.message);
		if (isBaleError(error, "AccessDenied", "UnsafeDestination")) throw faults.accessDenied(error.message);
		if (isBaleError(error, "UnportableKey")) throw faults.invalidArgument(error.message);
		if (isBaleError(error, "Locked")) throw new S3Fault("SlowDown", 503, error.message);
		throw error;
	}
}
