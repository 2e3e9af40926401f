/** Our requests beside those that AWS's SDK would send and sign for the same inputs. No server is asked. */
import {
	CopyObjectCommand,
	CreateMultipartUploadCommand,
	DeleteObjectCommand,
	GetBucketVersioningCommand,
	GetObjectCommand,
	ListObjectsV2Command,
	ListObjectVersionsCommand,
	PutObjectCommand,
	S3Client as SdkClient,
	UploadPartCommand,
	type S3ClientConfig,
} from "@aws-sdk/client-s3";
import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { BaleError } from "../../../src/core/errors.ts";
import { encodeUtf8 } from "../../../src/core/utf8.ts";
import { createNodeSha256 } from "../../../src/node/node-digest.ts";
import { S3Client, type Operation } from "../../../src/storage/s3/client.ts";
import { encodeKey, formatQuery } from "../../../src/storage/s3/percent.ts";
import { canonicalRequest, Signer, type S3Credentials } from "../../../src/storage/s3/signature.ts";
import type { TransportRequest } from "../../../src/storage/s3/transport.ts";
import { chooseSeed } from "../../support/random.ts";

/** A request as the SDK hands it to its HTTP client. */
type SdkRequest = {
	readonly method: string;
	readonly protocol: string;
	readonly hostname: string;
	readonly port?: number;
	readonly path: string;
	readonly query: Readonly<Record<string, string>>;
	readonly headers: Readonly<Record<string, string>>;
};

type Place = {
	readonly bucket: string;
	readonly region: string;
	readonly endpoint: string | undefined;
	readonly credentials: S3Credentials;
};

/** One operation in the words of both. */
type Pair = {
	readonly send: (client: SdkClient, bucket: string) => Promise<unknown>;
	readonly operation: Omit<Operation, "action" | "isRead">;
};

async function sentBySdk(place: Place, pair: Pair): Promise<SdkRequest> {
	let sent: SdkRequest | undefined;
	const config: S3ClientConfig = {
		region: place.region,
		credentials: place.credentials,
		requestChecksumCalculation: "WHEN_REQUIRED",
		responseChecksumValidation: "WHEN_REQUIRED",
		maxAttempts: 1,
		requestHandler: {
			handle: (request: unknown) => {
				sent = request as SdkRequest;
				return Promise.reject(new Error("enough"));
			},
		},
		...(place.endpoint === undefined ? {} : { endpoint: place.endpoint, forcePathStyle: true }),
	};
	const client = new SdkClient(config);
	await pair.send(client, place.bucket).catch(() => undefined);
	if (sent === undefined) throw new Error("the SDK sent nothing");
	return sent;
}

async function sentByUs(place: Place, pair: Pair, time: number): Promise<TransportRequest> {
	let sent: TransportRequest | undefined;
	const client = new S3Client({
		bucket: place.bucket,
		region: place.region,
		endpoint: place.endpoint,
		credentials: () => Promise.resolve(place.credentials),
		createSha256: createNodeSha256,
		now: () => time,
		transport: (request) => {
			sent = request;
			return Promise.reject(new BaleError("Aborted", "enough"));
		},
	});
	await client.send({ action: "s3:Any", isRead: true, ...pair.operation }).catch(() => undefined);
	if (sent === undefined) throw new Error("we sent nothing");
	return sent;
}

const text = fc.string({ unit: "binary", minLength: 1, maxLength: 30 });
const key = fc.oneof(
	text,
	fc
		.array(
			fc.constantFrom(
				"a",
				"/",
				"//",
				".",
				"..",
				" ",
				"+",
				"%",
				"%20",
				"&",
				"=",
				"?",
				"#",
				"é",
				"😀",
				"~",
				"*",
				"'",
				"(",
				"!",
				":",
				"@",
				"$",
				";",
				",",
			),
			{
				minLength: 1,
				maxLength: 12,
			},
		)
		.map((parts) => parts.join("")),
);
const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
	fc.option(arbitrary, { nil: undefined });

/** Inputs of the SDK without those that are undefined, and a query of ours likewise. */
const given = (input: Readonly<Record<string, unknown>>): Record<string, never> =>
	Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined)) as Record<
		string,
		never
	>;
const queryOf = (query: Readonly<Record<string, string | undefined>>): [string, string][] =>
	Object.entries(query).filter((pair): pair is [string, string] => pair[1] !== undefined);

const pairs: fc.Arbitrary<Pair> = fc.oneof(
	fc
		.record({ key, versionId: optional(text), range: optional(fc.nat(99)) })
		.map(({ key: Key, versionId, range }) => ({
			send: (sdk: SdkClient, Bucket: string) =>
				sdk.send(
					new GetObjectCommand({
						Bucket,
						Key,
						...given({ VersionId: versionId, Range: range === undefined ? undefined : `bytes=0-${range}` }),
					}),
				),
			operation: {
				method: "GET" as const,
				key: Key,
				query: queryOf({ versionId }),
				headers: range === undefined ? {} : { range: `bytes=0-${range}` },
			},
		})),
	fc.record({ key, content: text }).map(({ key: Key, content }) => {
		const bytes = encodeUtf8(content);
		const digest = createNodeSha256();
		digest.update(bytes);
		return {
			send: (sdk: SdkClient, Bucket: string) =>
				sdk.send(new PutObjectCommand({ Bucket, Key, Body: bytes, IfNoneMatch: "*" })),
			operation: {
				method: "PUT" as const,
				key: Key,
				headers: { "if-none-match": "*" },
				body: { bytes, sha256: digest.digest() },
			},
		};
	}),
	fc.record({ key, versionId: optional(text) }).map(({ key: Key, versionId }) => ({
		send: (sdk: SdkClient, Bucket: string) =>
			sdk.send(new DeleteObjectCommand({ Bucket, Key, ...given({ VersionId: versionId }) })),
		operation: { method: "DELETE" as const, key: Key, query: queryOf({ versionId }) },
	})),
	fc
		.record({
			prefix: optional(key),
			delimiter: optional(fc.constantFrom("/", "|", " ")),
			after: optional(key),
			token: optional(text),
		})
		.map(({ prefix, delimiter, after, token }) => ({
			send: (sdk: SdkClient, Bucket: string) =>
				sdk.send(
					new ListObjectsV2Command({
						Bucket,
						EncodingType: "url",
						...given({ Prefix: prefix, Delimiter: delimiter, StartAfter: after, ContinuationToken: token }),
					}),
				),
			operation: {
				method: "GET" as const,
				query: queryOf({
					"list-type": "2",
					"encoding-type": "url",
					prefix,
					delimiter,
					"start-after": after,
					"continuation-token": token,
				}),
			},
		})),
	fc.record({ prefix: key, marker: key, version: text }).map(({ prefix, marker, version }) => ({
		send: (sdk: SdkClient, Bucket: string) =>
			sdk.send(
				new ListObjectVersionsCommand({
					Bucket,
					Prefix: prefix,
					KeyMarker: marker,
					VersionIdMarker: version,
				}),
			),
		operation: {
			method: "GET" as const,
			query: queryOf({ versions: "", prefix, "key-marker": marker, "version-id-marker": version }),
		},
	})),
	fc.constant({
		send: (sdk: SdkClient, Bucket: string) => sdk.send(new GetBucketVersioningCommand({ Bucket })),
		operation: { method: "GET" as const, query: queryOf({ versioning: "" }) },
	}),
	fc.record({ key, source: key }).map(({ key: Key, source }) => ({
		send: (sdk: SdkClient, Bucket: string) =>
			sdk.send(new CopyObjectCommand({ Bucket, Key, CopySource: encodeKey(`from/${source}`) })),
		operation: {
			method: "PUT" as const,
			key: Key,
			headers: { "x-amz-copy-source": encodeKey(`from/${source}`) },
		},
	})),
	key.map((Key) => ({
		send: (sdk: SdkClient, Bucket: string) => sdk.send(new CreateMultipartUploadCommand({ Bucket, Key })),
		operation: { method: "POST" as const, key: Key, query: queryOf({ uploads: "" }) },
	})),
	fc
		.record({ key, uploadId: text, part: fc.integer({ min: 1, max: 10_000 }) })
		.map(({ key: Key, uploadId, part }) => ({
			send: (sdk: SdkClient, Bucket: string) =>
				sdk.send(new UploadPartCommand({ Bucket, Key, UploadId: uploadId, PartNumber: part, Body: "" })),
			operation: { method: "PUT" as const, key: Key, query: queryOf({ uploadId, partNumber: String(part) }) },
		})),
);

const places: fc.Arbitrary<Place> = fc.record({
	bucket: fc.constantFrom("bucket", "a-1", "with.dots.in-it", "0".repeat(63)),
	region: fc.constantFrom(
		"us-east-1",
		"eu-central-1",
		"ap-northeast-3",
		"us-gov-west-1",
		"cn-north-1",
		"cn-northwest-1",
		"eusc-de-east-1",
		"us-iso-east-1",
		"us-isob-east-1",
		"us-isof-south-1",
		"eu-isoe-west-1",
	),
	endpoint: fc.option(
		fc.constantFrom(
			"http://127.0.0.1:9000",
			"https://storage.example.com",
			"https://storage.example.com:8443",
			"http://[::1]:80",
		),
		{ nil: undefined },
	),
	credentials: fc.record({ id: text, secret: text, token: optional(text) }).map(({ secret, token }) => ({
		accessKeyId: "AKIAEXAMPLE",
		secretAccessKey: secret,
		...(token === undefined ? {} : { sessionToken: encodeKey(token) }),
	})),
});

test("requests go to the host, path and query that the SDK sends them to, and are signed as it signs", async () => {
	vi.stubEnv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true");
	vi.stubEnv("AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED", "true");
	const signer = new Signer(createNodeSha256);
	await fc.assert(
		fc.asyncProperty(places, pairs, async (place, pair) => {
			const theirs = await sentBySdk(place, pair);
			const stamp = theirs.headers["x-amz-date"] ?? "";
			const time = Date.parse(stamp.replace(/^(.{4})(..)(..T..)(..)(..Z)$/, "$1-$2-$3:$4:$5"));
			const ours = await sentByUs(place, pair, time);

			const { "x-id": _name, ...query } = theirs.query;
			// It ends the address of a bucket in a slash, we do not.
			const path = theirs.path;
			const target = pair.operation.key === undefined && path !== "/" ? path.replace(/\/$/, "") : path;
			const text = formatQuery(Object.entries(query));
			expect(ours.target).toBe(text === "" ? target : `${target}?${text}`);
			expect(ours.headers["host"]).toBe(theirs.headers["host"]);
			const port = theirs.port === undefined ? "" : `:${theirs.port}`;
			expect(new URL(ours.origin).href).toBe(new URL(`${theirs.protocol}//${theirs.hostname}${port}`).href);
			expect(ours.method).toBe(theirs.method);

			// What the SDK has signed, signed by us.
			const payloadHash = theirs.headers["x-amz-content-sha256"] ?? "";
			const [, names = "", signature] =
				/SignedHeaders=(.*), Signature=(.*)$/.exec(theirs.headers["authorization"] ?? "") ?? [];
			const input = {
				method: theirs.method,
				path,
				query: formatQuery(Object.entries(theirs.query)),
				payloadHash,
			};
			const scope = { stamp, day: stamp.slice(0, 8), region: place.region, service: "s3" };
			expect(
				signer.signRequest(
					canonicalRequest(input, theirs.headers, names.split(";")),
					place.credentials,
					scope,
				),
			).toBe(signature);
		}),
		{ seed: chooseSeed("requests of the SDK"), numRuns: 500 },
	);
});
