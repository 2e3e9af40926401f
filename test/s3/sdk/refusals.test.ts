/** What our client is told when something is refused, beside what AWS's SDK is told; and large objects of both. */
import {
	AbortMultipartUploadCommand,
	CompleteMultipartUploadCommand,
	CopyObjectCommand,
	CreateMultipartUploadCommand,
	GetObjectCommand,
	HeadObjectCommand,
	ListObjectsV2Command,
	PutObjectCommand,
	S3ServiceException,
	UploadPartCommand,
	type S3Client as SdkClient,
} from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { expect, test } from "vitest";
import { createNodeSha256 } from "../../../src/node/node-digest.ts";
import { nodeTransport } from "../../../src/node/s3-transport.ts";
import { collect } from "../../../src/storage/byte-source.ts";
import { S3Client, type Operation } from "../../../src/storage/s3/client.ts";
import { sha256 } from "../../support/files.ts";
import type { S3Server, ServerKeys } from "../../support/s3/server.ts";
import { onEachServer } from "../../support/s3/servers.ts";
import { sdkOn, toldBySdk } from "./sdk.ts";

/** One request in the words of both. */
type Refusal = readonly [
	title: string,
	send: (sdk: SdkClient, bucket: string) => Promise<unknown>,
	operation: (bucket: string) => Omit<Operation, "action"> & { readonly bucket?: string },
];

const bytes = Buffer.from("content");
const body = { bytes, sha256: Buffer.from(sha256(bytes), "hex") };
const missing = "no-such-bucket-anywhere";
const never = '"00000000000000000000000000000000"';

const refusals: readonly Refusal[] = [
	[
		"an object that is not there",
		(sdk, Bucket) => sdk.send(new GetObjectCommand({ Bucket, Key: "no/such" })),
		() => ({ method: "GET", key: "no/such", isRead: true }),
	],
	[
		"the head of an object that is not there",
		(sdk, Bucket) => sdk.send(new HeadObjectCommand({ Bucket, Key: "no/such" })),
		() => ({ method: "HEAD", key: "no/such", isRead: true }),
	],
	[
		"a bucket that is not there",
		(sdk) => sdk.send(new ListObjectsV2Command({ Bucket: missing })),
		() => ({ bucket: missing, method: "GET", query: [["list-type", "2"]], isRead: true }),
	],
	[
		"a write to a bucket that is not there",
		(sdk) => sdk.send(new PutObjectCommand({ Bucket: missing, Key: "a", Body: bytes })),
		() => ({ bucket: missing, method: "PUT", key: "a", body, isRead: false }),
	],
	[
		"a range behind the end",
		(sdk, Bucket) => sdk.send(new GetObjectCommand({ Bucket, Key: "a", Range: "bytes=99-" })),
		() => ({ method: "GET", key: "a", headers: { range: "bytes=99-" }, isRead: true }),
	],
	[
		"another state of an object",
		(sdk, Bucket) => sdk.send(new GetObjectCommand({ Bucket, Key: "a", IfMatch: never })),
		() => ({ method: "GET", key: "a", headers: { "if-match": never }, isRead: true }),
	],
	[
		"a write over what is there already",
		(sdk, Bucket) => sdk.send(new PutObjectCommand({ Bucket, Key: "a", Body: bytes, IfNoneMatch: "*" })),
		() => ({ method: "PUT", key: "a", headers: { "if-none-match": "*" }, body, isRead: false }),
	],
	[
		"a write over another state",
		(sdk, Bucket) => sdk.send(new PutObjectCommand({ Bucket, Key: "a", Body: bytes, IfMatch: never })),
		() => ({ method: "PUT", key: "a", headers: { "if-match": never }, body, isRead: false }),
	],
	[
		"a write over a state of what is not there",
		(sdk, Bucket) => sdk.send(new PutObjectCommand({ Bucket, Key: "no/such", Body: bytes, IfMatch: never })),
		() => ({ method: "PUT", key: "no/such", headers: { "if-match": never }, body, isRead: false }),
	],
	[
		"a copy of what is not there",
		(sdk, Bucket) => sdk.send(new CopyObjectCommand({ Bucket, Key: "b", CopySource: `${Bucket}/no/such` })),
		(bucket) => ({
			method: "PUT",
			key: "b",
			headers: { "x-amz-copy-source": `${bucket}/no/such` },
			isRead: false,
		}),
	],
	[
		"an upload that is not there",
		(sdk, Bucket) => sdk.send(new AbortMultipartUploadCommand({ Bucket, Key: "a", UploadId: "none" })),
		() => ({ method: "DELETE", key: "a", query: [["uploadId", "none"]], isRead: false }),
	],
];

const notRefused = [200, ""] as const;

async function toldToSdk(work: Promise<unknown>): Promise<readonly [number, string]> {
	const refusal = await work.then(
		() => undefined,
		(error: unknown) => {
			if (error instanceof S3ServiceException) return error;
			throw error;
		},
	);
	if (refusal === undefined) return notRefused;
	const { name, $metadata } = refusal;
	return [$metadata.httpStatusCode ?? 0, name === "NotFound" || name === "Unknown" ? "" : name];
}

async function toldToUs(
	server: S3Server,
	keys: ServerKeys,
	{ bucket, ...operation }: Omit<Operation, "action"> & { readonly bucket: string },
): Promise<readonly [number, string]> {
	const client = new S3Client({
		bucket,
		endpoint: server.endpoint,
		transport: nodeTransport,
		createSha256: createNodeSha256,
		credentials: () => Promise.resolve(keys),
	});
	const outcome = await client.send({ action: "s3:Any", once: true, ...operation });
	if (outcome.ok) {
		outcome.response.discard();
		return notRefused;
	}
	return [outcome.failure.status, outcome.failure.code];
}

onEachServer((server, { name }) => {
	test("our client and AWS's SDK are told the same of what is refused", async () => {
		const bucket = await server().makeBucket({ versions: true });
		await server().openStore(bucket).put("a", bytes);
		const { accessKeyId } = server().credentials;
		const sdk = sdkOn(server());
		const allowed: string[] = [];
		for (const [title, send, operation] of refusals) {
			const outcome = await toldToUs(server(), server().credentials, { bucket, ...operation(bucket) });
			expect(outcome, title).toEqual(await toldToSdk(send(sdk, bucket)));
			if (outcome === notRefused) allowed.push(title);
		}
		// MinIO answers that it has aborted it.
		expect(allowed).toEqual(name === "minio" ? ["an upload that is not there"] : []);

		const wrong = { accessKeyId, secretAccessKey: "another one" };
		const read = { bucket, method: "PUT", key: "a", body, isRead: false } as const;
		expect(await toldToUs(server(), wrong, read)).toEqual(
			await toldToSdk(
				sdkOn(server(), wrong).send(new PutObjectCommand({ Bucket: bucket, Key: "a", Body: bytes })),
			),
		);
	});

	test("an object of parts is the same whichever of the two has sent it, and each reads that of the other", async () => {
		const bucket = await server().makeBucket();
		const sdk = sdkOn(server());
		const large = Buffer.alloc(9 * 2 ** 20, "nine mebibytes; ");
		const object = { Bucket: bucket, Key: "theirs +%" };
		const { UploadId } = await sdk.send(
			new CreateMultipartUploadCommand({ ...object, ChecksumAlgorithm: "SHA256", ChecksumType: "COMPOSITE" }),
		);
		const Parts = [];
		for (const [index, Body] of [large.subarray(0, 8 * 2 ** 20), large.subarray(8 * 2 ** 20)].entries()) {
			const part = { ...object, UploadId, PartNumber: index + 1, Body, ChecksumAlgorithm: "SHA256" as const };
			const { ETag, ChecksumSHA256 } = await sdk.send(new UploadPartCommand(part));
			Parts.push({ ETag, ChecksumSHA256, PartNumber: index + 1 });
		}
		const complete = { ...object, UploadId, MultipartUpload: { Parts } };
		const sent = await sdk.send(new CompleteMultipartUploadCommand(complete));
		const store = server().openStore(bucket);
		const ours = await store.put("ours", large);
		expect(ours.etag).toBe(sent.ETag);
		expect(`${ours.checksum?.sha256}-${ours.checksum?.parts}`).toBe(sent.ChecksumSHA256);

		const theirs = await store.get("theirs +%");
		expect(sha256(await collect(theirs!.body))).toBe(sha256(large));
		expect((await store.head("theirs +%"))?.checksum).toEqual(ours.checksum);
		const read = await sdk.send(
			new GetObjectCommand({ Bucket: bucket, Key: "ours", ChecksumMode: "ENABLED" }),
		);
		expect(await toldBySdk(read)).toMatchObject({
			etag: sent.ETag,
			size: large.length,
			content: sha256(large),
		});
	});

	test("an address that the SDK has signed gives an object, and takes one, of any key", async () => {
		const bucket = await server().makeBucket();
		const sdk = sdkOn(server());
		const object = { Bucket: bucket, Key: "dir/é😀 +%&=?#'()*!~;:@$," };
		const put = await getSignedUrl(sdk, new PutObjectCommand(object), { expiresIn: 60 });
		expect((await fetch(put, { method: "PUT", body: "from away" })).status).toBe(200);
		const get = await getSignedUrl(sdk, new GetObjectCommand(object), { expiresIn: 60 });
		expect(await (await fetch(get)).text()).toBe("from away");
		expect((await fetch(get.replace("/dir/", "/dis/"))).status).toBe(403);
	});
});
