/**
 * What a server of S3 must do, told in tests that know nothing of who made it. Where one is known to do otherwise, the
 * table below says so, and the test must fail there: an entry that no longer holds is an error, too.
 */
import { describe, test } from "vitest";
import { onEachServer } from "../../support/s3/servers.ts";
import type { S3Server } from "../../support/s3/server.ts";
import { raw, type RawAnswer, type RawRequest } from "./raw.ts";

/** Of each server, by the name of its kind: titles of the tests that it fails, with the reason. */
const deviations: Readonly<Record<string, Readonly<Record<string, string>>>> = {
	bale: {
		"reading: buckets are listed, and made and removed once":
			"its buckets are folders, which it does not remove",
		"boto3: refusals have names": "its buckets are folders, which it does not remove",
		"listing: has objects below an object": "objects are files",
	},
	versitygw: {
		"reading: a key that is one byte too long is refused": "it takes what fits into names of files",
		"writing: pieces are a coding of the transfer and not of the object": 'it keeps "aws-chunked"',
		"writing: If-None-Match: * writes where a marker says that nothing is there": "it sees the marker",
		"writing: If-Match deletes only what is there": "it says that all went well",
		"copying: refuses a source that the client knows already": "it answers 304",
		"listing: has objects below an object": "objects are files",
		"listing: encodes keys when that is wanted": "it does not, and does not say so",
		"listing: DeleteObjects says nothing of what went well when that is wanted": "it says all",
		"listing: DeleteObjects deletes only objects with the ETag that is told": "it deletes all",
		"listing: DeleteObjects refuses what is no list": "it answers InvalidRequest",
		'versions: suspended, answers name the version "null"': "it names none",
		"boto3: pages of versions and markers": "it gives the page of a marker again and again",
		"signatures: need known keys": "it answers 404",
	},
	minio: {
		"reading: GET ignores ranges that are none": "it refuses them",
		"writing: If-Match deletes only what is known": "it ignores conditions of deletions",
		"writing: If-Match deletes only what is there": "it ignores conditions of deletions",
		"writing: If-Match hides only the newest version": "it ignores conditions of deletions",
		"uploads in parts: a completion without parts is refused": "it answers InvalidRequest",
		'versions: suspended, answers name the version "null"': "it names none",
		'versions: suspended, a deletion is a marker "null" in place of that version':
			"it says nothing of a marker",
		"listing: has objects below an object": "it does not list them",
		"listing: DeleteObjects deletes only objects with the ETag that is told": "it deletes all",
	},
};

export type Spec = {
	/** Registers what is expected of every server. */
	spec(title: string, check: () => Promise<void>): void;
	server(): S3Server;
	/** Sends one request. */
	ask(request: RawRequest): Promise<RawAnswer>;
	/** Makes an object. */
	put(
		bucket: string,
		key: string,
		body: Uint8Array | string,
		headers?: RawRequest["headers"],
	): Promise<RawAnswer>;
};

/** Registers a part of the suite for every server of this run. */
export function conformance(area: string, define: (suite: Spec) => void): void {
	onEachServer((server, { name }) => {
		describe(area, () => {
			const known = deviations[name] ?? {};
			const ask = (request: RawRequest): Promise<RawAnswer> => raw(server(), request);
			define({
				server,
				ask,
				put: (bucket, key, body, headers = {}) => ask({ method: "PUT", bucket, key, body, headers }),
				spec(title, check) {
					const reason = known[`${area}: ${title}`];
					if (reason === undefined) test(title, check);
					else test.fails(`${title} [not here: ${reason}]`, check);
				},
			});
		});
	});
}
