/** Buckets in temporary folders, and short ways to use them. */
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import type { Bucket, ListRequest, ObjectVersion, WriteCondition } from "../../../src/server/s3/bucket.ts";
import { openBucket } from "../../../src/server/s3/files/bucket-files.ts";
import { temporaryDirectory } from "../../support/temporary.ts";

export type FolderBucket = { readonly bucket: Bucket; readonly root: string };

/** A bucket in a new folder. Nothing is forced to the disk, which no test could see. */
export async function newBucket(root = temporaryDirectory()): Promise<FolderBucket> {
	return { root, bucket: await openBucket(root, "bucket", { durability: "process" }) };
}

/** Bytes as they come from a client. */
export function stream(...chunks: (string | Uint8Array)[]): AsyncIterable<Uint8Array> {
	return Readable.from(chunks.map((chunk) => Buffer.from(chunk)));
}

/** Writes an object of some text. */
export async function put(
	bucket: Bucket,
	key: string,
	content: string,
	facts: { headers?: Record<string, string>; condition?: WriteCondition } = {},
): Promise<ObjectVersion> {
	const received = await bucket.receive(stream(content), [], new AbortController().signal);
	try {
		const { headers = {}, condition } = facts;
		return await bucket.put(key, received, {
			headers,
			checksum: undefined,
			...(condition === undefined ? {} : { condition }),
		});
	} finally {
		await received.discard();
	}
}

/** The content of an object; undefined when there is none, or a delete marker. */
export async function content(bucket: Bucket, key: string, versionId?: string): Promise<string | undefined> {
	const opened = await bucket.open(key, versionId);
	if (opened === undefined) return undefined;
	if (opened.version.isDeleteMarker) {
		await opened.close();
		return undefined;
	}
	return text(Readable.from(opened.read(0, opened.version.size)));
}

/** Everything that a listing shows, gathered from pages of `limit`. */
export async function listAll(
	list: (request: ListRequest) => ReturnType<Bucket["list"]>,
	request: Partial<ListRequest> = {},
): Promise<{ versions: ObjectVersion[]; prefixes: string[]; pages: number }> {
	const versions: ObjectVersion[] = [];
	const prefixes: string[] = [];
	let next: ListRequest = { prefix: "", delimiter: "", limit: 1000, ...request };
	for (let pages = 1; ; pages++) {
		const page = await list(next);
		versions.push(...page.versions);
		prefixes.push(...page.commonPrefixes);
		if (page.next === undefined) return { versions, prefixes, pages };
		next = { ...next, after: page.next };
	}
}

/** Keys of the objects in a bucket. */
export async function keysIn(bucket: Bucket, request: Partial<ListRequest> = {}): Promise<string[]> {
	return (await listAll((page) => bucket.list(page), request)).versions.map(({ key }) => key);
}

/** Versions of one key as text: the content, or `-` for a delete marker; the newest first. */
export async function historyOf(bucket: Bucket, key: string): Promise<string[]> {
	const { versions } = await listAll((page) => bucket.listVersions(page), { prefix: key });
	const own = versions.filter((version) => version.key === key);
	return Promise.all(
		own.map(async ({ isDeleteMarker, versionId }) =>
			isDeleteMarker ? "-" : ((await content(bucket, key, versionId)) ?? "gone"),
		),
	);
}
