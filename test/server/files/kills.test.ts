import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Bucket } from "../../../src/server/s3/bucket.ts";
import { filesBelow } from "../../support/files.ts";
import { makeTemporaryDirectory, removeDirectory } from "../../support/temporary.ts";
import { content, keysIn, listAll, newBucket, put, stream } from "./folder-bucket.ts";
import { killedAfter } from "./broken-disk.ts";

const key = "a/b";

/** What there is, and what is done to it. */
type Case = {
	readonly name: string;
	readonly before: (bucket: Bucket, root: string) => Promise<unknown>;
	readonly change: (bucket: Bucket) => Promise<unknown>;
};

const twoVersions = async (bucket: Bucket) => {
	await put(bucket, key, "one", { headers: { "x-amz-meta-n": "1" } });
	await put(bucket, key, "two", { headers: { "x-amz-meta-n": "2" } });
};
const foreign = async (bucket: Bucket, root: string) => {
	await twoVersions(bucket);
	rmSync(join(root, key));
	writeFileSync(join(root, key), "foreign");
};
const deleted = async (bucket: Bucket) => {
	await twoVersions(bucket);
	await bucket.delete(key);
};
const third = (bucket: Bucket) => put(bucket, key, "three", { headers: { "x-amz-meta-n": "3" } });
const hide = (bucket: Bucket) => bucket.delete(key);
const remove = (index: number) => async (bucket: Bucket) => {
	const { versions } = await bucket.listVersions({ prefix: key, delimiter: "", limit: 10 });
	await bucket.delete(key, versions[index]!.versionId);
};
const complete = async (bucket: Bucket) => {
	const [upload] = (await bucket.listUploads({ prefix: "", delimiter: "", limit: 1 })).uploads;
	const { parts } = await bucket.listParts(upload!, 0, 10);
	await bucket.completeUpload(
		upload!,
		parts.map(({ number, etag }) => ({ number, etag, checksum: undefined })),
	);
};
const uploaded = (parts: readonly string[]) => async (bucket: Bucket) => {
	await twoVersions(bucket);
	const start = { key, headers: {}, algorithm: undefined, checksumType: undefined };
	const upload = await bucket.startUpload(start);
	for (const [index, text] of parts.entries()) {
		await bucket.putPart(
			upload,
			index + 1,
			await bucket.receive(stream(text), [], new AbortController().signal),
		);
	}
};
const unversioned = (before: Case["before"]) => async (bucket: Bucket, root: string) => {
	await before(bucket, root);
	await bucket.setVersioning(false);
};

const cases: readonly Case[] = [
	{ name: "the first version", before: async () => undefined, change: third },
	{ name: "a version over another", before: twoVersions, change: third },
	{ name: "a version over a file of somebody else", before: foreign, change: third },
	{ name: "a version over a delete marker", before: deleted, change: third },
	{ name: "a delete marker", before: twoVersions, change: hide },
	{ name: "a delete marker for a file of somebody else", before: foreign, change: hide },
	{ name: "the deletion of the newest version", before: twoVersions, change: remove(0) },
	{ name: "the deletion of a file of somebody else", before: foreign, change: remove(0) },
	{ name: "the deletion of a delete marker", before: deleted, change: remove(0) },
	{ name: "the deletion of an older version", before: twoVersions, change: remove(1) },
	{ name: "an upload of one part", before: uploaded(["part"]), change: complete },
	{ name: "an upload of two parts", before: uploaded(["x".repeat(5 << 20), "end"]), change: complete },
	{ name: "without versions, an object over a version", before: unversioned(twoVersions), change: third },
	{ name: "without versions, the deletion of a version", before: unversioned(twoVersions), change: hide },
	{
		name: "without versions, an object over another",
		before: (bucket) => bucket.setVersioning(false).then(() => twoVersions(bucket)),
		change: third,
	},
];

/** Everything that a client sees of the versions of the key, but for the ids of those that the change made. */
async function seen(bucket: Bucket, known?: ReadonlySet<string>): Promise<unknown[]> {
	const { versions } = await listAll((request) => bucket.listVersions(request));
	expect((await bucket.head(key))?.versionId).toBe(versions[0]?.versionId);
	expect(await content(bucket, key)).toBe(
		versions[0] === undefined ? undefined : await content(bucket, key, versions[0].versionId),
	);
	const facts = [];
	for (const { versionId, etag, size, headers, isDeleteMarker, isLatest } of versions) {
		const text = await content(bucket, key, versionId);
		const id = known?.has(versionId) === false ? "new" : versionId;
		facts.push({ id, etag, size, headers, isDeleteMarker, isLatest, text });
	}
	return facts;
}

async function idsOf(bucket: Bucket): Promise<Set<string>> {
	const { versions } = await listAll((request) => bucket.listVersions(request));
	return new Set(versions.map(({ versionId }) => versionId));
}

/** Runs the case in a new folder; returns what was seen, and whether the change was cut off. */
async function run(
	{ before, change }: Case,
	steps: number,
): Promise<{ cut: boolean; old: unknown; now: unknown }> {
	const root = makeTemporaryDirectory();
	try {
		const { bucket } = await newBucket(root);
		await before(bucket, root);
		const known = await idsOf(bucket);
		const old = withoutIds(await seen(bucket, known));
		const cut = await killedAfter(steps, () => change(bucket));
		// Its process is dead, so that others take its locks over.
		rmSync(join(root, ".bale/locks"), { recursive: true, force: true });
		const next = await newBucket(root);
		const now = await seen(next.bucket, known);
		await checkUsable(next.bucket, root);
		return { cut, old, now: withoutIds(now) };
	} finally {
		removeDirectory(root);
	}
}

/** Ids differ from run to run; that those known before stay with their content is what `new` tells. */
function withoutIds(facts: unknown[]): unknown[] {
	return (facts as { id: string }[]).map(({ id, ...rest }) => ({ ...rest, isNew: id === "new" }));
}

/** What a kill left behind hinders nobody and does not stay for ever. */
async function checkUsable(bucket: Bucket, root: string): Promise<void> {
	const path = join(root, key);
	mkdirSync(dirname(path), { recursive: true });
	rmSync(path, { force: true });
	writeFileSync(path, "of somebody else");
	for (const { text, isDeleteMarker } of (await seen(bucket)) as {
		text?: string;
		isDeleteMarker: boolean;
	}[]) {
		expect(text === undefined, "a version without its content").toBe(isDeleteMarker);
	}
	await put(bucket, key, "after");
	expect(await content(bucket, key)).toBe("after");
	for (const versionId of await idsOf(bucket)) await bucket.delete(key, versionId);
	await bucket.delete(key);
	expect(await keysIn(bucket)).toEqual([]);
	expect(readdirSync(root)).toEqual([".bale"]);
	const kept = join(root, ".bale/versions");
	expect(existsSync(kept) ? filesBelow(kept) : []).toEqual([]);
}

describe("a kill before any step of", () => {
	test.each(cases)("$name leaves the old versions or the new ones", async (item) => {
		const whole = await run(item, Infinity);
		expect(whole.cut).toBe(false);
		expect(whole.now).not.toEqual(whole.old);
		let changes = 0;
		for (let steps = 0; ; steps++) {
			const { cut, old, now } = await run(item, steps);
			expect([whole.old, whole.now], `killed after ${steps} steps`).toContainEqual(now);
			expect(old).toEqual(whole.old);
			if (JSON.stringify(now) === JSON.stringify(whole.now)) changes++;
			else expect(changes, `turned back after ${steps} steps`).toBe(0);
			if (!cut) break;
		}
		expect(changes).toBeGreaterThan(0);
	});
});
