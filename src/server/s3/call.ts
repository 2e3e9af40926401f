/** What an operation is given, and what it gives back. */
import type { Bucket, ReceivedBytes } from "./bucket.ts";
import type { RequestBody } from "./body.ts";
import { S3Fault } from "./fault.ts";
import type { S3Request } from "./request.ts";

/** The buckets that are served. */
export interface Buckets {
	readonly readOnly: boolean;
	find(name: string): Bucket | undefined;
	all(): readonly Bucket[];
	/** Undefined: none can be made. Gives the new bucket. */
	readonly create: ((name: string) => Promise<Bucket>) | undefined;
}

export type Call = {
	readonly request: S3Request;
	readonly body: RequestBody;
	readonly buckets: Buckets;
	/** Called where the work begins that may take long: from then on the client is told that it goes on. */
	readonly keepAlive: () => void;
	/** Fires when the client has gone or the server ends. */
	readonly signal: AbortSignal;
};

export type Answer = {
	readonly status: number;
	/** Lower-case names. */
	readonly headers?: Readonly<Record<string, string>>;
	/** A document. */
	readonly xml?: string;
	/** Content of an object; `content-length` is among the headers. */
	readonly bytes?: AsyncIterable<Uint8Array>;
	/** Called when the answer is over, whether it was sent or not. */
	readonly close?: () => Promise<void>;
};

/** An operation on one bucket. */
export type BucketOperation = (call: Call, bucket: Bucket) => Promise<Answer>;

/** A query parameter that is a whole number; `fallback` when it is not there. Throws `InvalidArgument`. */
export function wholeParameter(
	call: Call,
	name: string,
	range: readonly [number, number],
	fallback: number,
): number {
	const text = call.request.query.get(name);
	if (text === undefined || text === "") return fallback;
	const value = /^\d{1,10}$/.test(text) ? Number(text) : -1;
	if (value < range[0] || value > range[1])
		throw new S3Fault(
			"InvalidArgument",
			400,
			`Argument ${name} must be an integer between ${range[0]} and ${range[1]}.`,
		);
	return value;
}

/** Throws `NoSuchBucket`. */
export function bucketOf(buckets: Buckets, name: string): Bucket {
	const bucket = buckets.find(name);
	if (bucket === undefined) throw new S3Fault("NoSuchBucket", 404, "The specified bucket does not exist");
	return bucket;
}

/** Gives received bytes to `use`; where it fails they are discarded. */
export async function using<T>(bytes: ReceivedBytes, use: (bytes: ReceivedBytes) => Promise<T>): Promise<T> {
	try {
		return await use(bytes);
	} catch (error) {
		await bytes.discard();
		throw error;
	}
}
