/** What quilt3 8.0.0 did with buckets, and how its outcomes are compared with ours. */
import { expect } from "vitest";
import { isBaleError, type ErrorCode } from "../../src/core/errors.ts";
import { goldenJson } from "./data.ts";

export type BucketCase = {
	readonly case: string;
	readonly returned?: unknown;
	/** The requests that were seen: method, address, `signed` or `unsigned`, status of the answer. */
	readonly http?: readonly (readonly [method: string, url: string, signature: string, status: number])[];
	/** Python's class; null: it succeeded. */
	readonly error_class: string | null;
};

/** What bale does where quilt3 does something else, and why. */
export type Otherwise = { readonly why: string } & (
	{ readonly code: ErrorCode } | { readonly value: unknown }
);

const { cases } = goldenJson("peripherals/bucket/cases.json") as { readonly cases: readonly BucketCase[] };

export const bucketCases: readonly string[] = cases.map((item) => item.case);

export function bucketCase(name: string): BucketCase {
	const found = cases.find((item) => item.case === name);
	if (found === undefined) throw new Error(`there is no case "${name}"`);
	return found;
}

/** Expects of `work` what quilt3 did in the case: the same value, or an error where that failed. */
export async function expectCase(
	name: string,
	work: () => Promise<unknown>,
	otherwise?: Otherwise,
): Promise<void> {
	const { returned = null, error_class: errorClass } = bucketCase(name);
	const outcome: unknown = await work().catch((error: unknown) => error);
	if (otherwise !== undefined && "value" in otherwise) {
		expect([name, outcome]).toEqual([name, otherwise.value]);
	} else if (otherwise !== undefined) {
		expect([name, outcome]).toMatchObject([name, { code: otherwise.code }]);
	} else if (errorClass !== null) {
		expect([name, isBaleError(outcome), outcome]).toEqual([name, true, outcome]);
	} else expect([name, outcome ?? null]).toEqual([name, returned]);
}
