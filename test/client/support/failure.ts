import { expect } from "vitest";
import { BaleError, errorTable, type ErrorCode } from "../../../src/core/errors.ts";

/**
 * The `BaleError` that `work` ends with. Checks what every error of bale promises: the code is in the table, the
 * message is one sentence without period or line break, details and hint can be written as JSON.
 */
export async function failure(
	work: Promise<unknown> | (() => unknown),
	code?: ErrorCode,
): Promise<BaleError> {
	const error = await caught(work);
	expect(error).toBeInstanceOf(BaleError);
	const failed = error as BaleError;
	if (code !== undefined) expect([failed.code, failed.message]).toEqual([code, failed.message]);
	expect(failed.exitCode).toBe(errorTable[failed.code].exit);
	expect(failed.exitCode).not.toBe(0);
	expect(failed.message).not.toMatch(/\n|\.$|\[object/);
	expect(() => JSON.stringify(failed)).not.toThrow();
	return failed;
}

async function caught(work: Promise<unknown> | (() => unknown)): Promise<unknown> {
	try {
		await (typeof work === "function" ? work() : work);
	} catch (error) {
		return error;
	}
	throw new Error("nothing was thrown");
}
