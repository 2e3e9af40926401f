/** What can go wrong between a client and an S3 server, and plans of when it does. */
import type { Random } from "../random.ts";
import type { Named } from "./operations.ts";

/** Each is done by `proxy.ts` to one request. */
export const faultKinds = [
	/** 500 InternalError; the server never sees the request. */
	"internal-error",
	/** 503 SlowDown; the server never sees the request. */
	"slow-down",
	/** The connection is reset when about half of the request has arrived. */
	"reset-request",
	/** The connection is reset when about half of the answer has been sent. */
	"reset-response",
	/** The connection is closed in order when about half of the answer has been sent. */
	"truncate-response",
	/** Nothing comes back, and the server never sees the request. */
	"no-answer",
	/** The server does its work, and the connection is reset instead of the answer. */
	"lost-answer",
	/** The answer comes later. */
	"delay",
	/** One bit of an object or a part is flipped on its way to the server. */
	"corrupt-request",
	/** One bit of a file is flipped on its way back. */
	"corrupt-response",
	/** The answer's checksum headers are those of other bytes. */
	"wrong-checksum",
	/** 200 with an error document, for what a server may answer before it is done; it never sees the request. */
	"error-in-200",
	/** The same, although the server has done its work. */
	"late-error-in-200",
	/** The document of an answer ends in the middle, and the length says so: nothing has broken off. */
	"half-document",
] as const;

export type FaultKind = (typeof faultKinds)[number];

/** Whether a fault can happen to a request of this kind. */
export function canHappen(kind: FaultKind, { operation }: Named): boolean {
	const answeredEarly = /^(CompleteMultipartUpload|CopyObject|UploadPartCopy)$/.test(operation);
	if (kind === "error-in-200" || kind === "late-error-in-200") return answeredEarly;
	return kind !== "half-document" || answeredEarly || /^(CreateMultipartUpload|List)/.test(operation);
}

/** Those for which no client waits until its patience ends. */
export const promptFaultKinds = faultKinds.filter((kind) => kind !== "no-answer");

/** Which fault a request has; undefined: it passes. */
export type FaultPlan = (request: Named) => FaultKind | undefined;

/** Each request fails with the probability `share`, in one of `kinds`. */
export function randomFaults(random: Random, share: number, kinds: readonly FaultKind[]): FaultPlan {
	return () => (random.chance(share) ? random.pick(kinds) : undefined);
}

/** Every request fails once in this way, and passes when it is sent again. */
export function eachOnce(kind: FaultKind): FaultPlan {
	const seen = new Set<string>();
	return ({ method, key, query }) => {
		const id = `${method} ${key} ${query.get("partNumber") ?? ""} ${query.has("uploads")}`;
		if (seen.has(id)) return undefined;
		seen.add(id);
		return kind;
	};
}
