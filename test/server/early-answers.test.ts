/** Copies and completions that take long: the answer begins before the work is done, and the document tells how it went. */
import { statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { collect } from "../../src/storage/byte-source.ts";
import { beginUpload } from "../../src/storage/s3/uploads.ts";
import { filesBelow } from "../support/files.ts";
import { startTestGateway, type TestGateway } from "../support/s3/gateway.ts";
import { send } from "./raw.ts";

let server: TestGateway;
let bucket: string;

beforeAll(async () => {
	server = await startTestGateway({ keepAliveMs: 1 });
	bucket = await server.makeBucket({ versions: true });
});
afterAll(() => server.stop());

const large = Buffer.alloc(25_000_000, "twenty-five million ");
const sizeOf = (folder: string, name: string): number => statSync(join(folder, name)).size;
const early = /^<\?xml version="1.0" encoding="UTF-8"\?>\n +\n</;

test("an object that is sent in parts has the version that the answer could not tell", async () => {
	const store = server.openStore(bucket);
	const written = await store.put("sent", large);
	const found = await store.head("sent");
	expect(written.versionId).toBeDefined();
	expect(written).toMatchObject({ etag: found?.etag, versionId: found?.versionId });
});

test("copies arrive whole, in one piece and in parts", async () => {
	const store = server.openStore(bucket);
	await store.put("source", large);
	const copy = { "x-amz-copy-source": `/${bucket}/source` };
	const answer = await send(server, { method: "PUT", path: `/${bucket}/copy`, headers: copy });
	expect(answer).toMatchObject({ status: 200, body: expect.stringMatching(early) as string });
	expect(answer.headers).not.toHaveProperty("content-length");
	expect(answer.headers).toHaveProperty("x-amz-request-id");
	const source = { bucket, key: "source", size: large.length, service: store.service };
	expect(await store.copyFrom(source, "copy in parts")).toMatchObject({ size: large.length });
	for (const key of ["copy", "copy in parts"]) {
		expect(Buffer.from(await collect((await store.get(key))!.body)).equals(large)).toBe(true);
	}
});

test("what fails is told inside the success that was begun, and nothing is there", async () => {
	const path = `/${bucket}/refused`;
	const client = server.client(bucket);
	const { uploadId } = await beginUpload(client, "refused", { checksums: true, signal: undefined });
	const query = [["uploadId", uploadId]] as const;
	const parts: string[] = [];
	for (const number of [1, 2]) {
		const sent = await send(server, {
			method: "PUT",
			path,
			query: [["partNumber", String(number)], ...query],
			body: large,
		});
		const sum = sent.headers["x-amz-checksum-sha256"] as string;
		parts.push(
			`<Part><PartNumber>${number}</PartNumber><ETag>${sent.headers.etag ?? ""}</ETag><ChecksumSHA256>${sum}</ChecksumSHA256></Part>`,
		);
	}
	const folder = server.folderOf(bucket);
	const part = filesBelow(folder).findLast(
		(name) => name.includes(uploadId) && sizeOf(folder, name) === large.length,
	);
	truncateSync(join(folder, part!), large.length - 1);
	const answer = await send(server, {
		method: "POST",
		path,
		query,
		body: `<CompleteMultipartUpload>${parts.join("")}</CompleteMultipartUpload>`,
	});
	expect(answer).toMatchObject({
		status: 200,
		code: "InvalidPart",
		body: expect.stringMatching(early) as string,
	});
	expect(await server.openStore(bucket).head("refused")).toBeUndefined();
});
