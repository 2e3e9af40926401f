/** What every S3 server of the tests offers, whoever made it. */
import { randomBytes } from "node:crypto";
import { encodeUtf8 } from "../../../src/core/utf8.ts";
import { createNodeSha256 } from "../../../src/node/node-digest.ts";
import { nodeTransport } from "../../../src/node/s3-transport.ts";
import { S3Client } from "../../../src/storage/s3/client.ts";
import { S3Store, type S3StoreOptions } from "../../../src/storage/s3/s3-store.ts";

export type ServerKeys = { readonly accessKeyId: string; readonly secretAccessKey: string };

export type S3Server = {
	/** `http://127.0.0.1:port`. */
	readonly endpoint: string;
	readonly credentials: ServerKeys;
	/** What AWS tools read, for child processes and for `process.env`. */
	readonly environment: Readonly<Record<string, string>>;
	/** Makes an empty bucket and gives its name, which is a new one when none is given. */
	makeBucket(options?: { readonly versions?: boolean; readonly name?: string }): Promise<string>;
	/** Has overwritten objects kept, or no more of them. */
	setVersioning(bucket: string, status: "Enabled" | "Suspended"): Promise<void>;
	/** A store over a bucket. */
	openStore(bucket: string, options?: Partial<S3StoreOptions>): S3Store;
	/** Requests to a bucket. */
	client(bucket: string): S3Client;
	/** Ends the server and removes its data. */
	stop(): Promise<void>;
};

/** Keys that nobody else has. */
export function makeKeys(): ServerKeys {
	return {
		accessKeyId: `key${randomBytes(6).toString("hex")}`,
		secretAccessKey: randomBytes(16).toString("hex"),
	};
}

/** A server that answers at `endpoint`, over its own protocol. */
export function serverAt(endpoint: string, credentials: ServerKeys, stop: () => Promise<void>): S3Server {
	const options = (bucket: string) => ({
		bucket,
		endpoint,
		transport: nodeTransport,
		createSha256: createNodeSha256,
		credentials: () => Promise.resolve(credentials),
	});
	const client = (bucket: string) => new S3Client(options(bucket));
	const setVersioning = async (bucket: string, status: string): Promise<void> => {
		const admin = client(bucket);
		const bytes = encodeUtf8(
			`<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Status>${status}</Status></VersioningConfiguration>`,
		);
		const body = { bytes, sha256: admin.sha256(bytes) };
		const action = "s3:PutBucketVersioning";
		(
			await admin.expect({ action, method: "PUT", query: [["versioning", ""]], body, isRead: false })
		).discard();
	};
	return {
		endpoint,
		credentials,
		environment: {
			AWS_ACCESS_KEY_ID: credentials.accessKeyId,
			AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
			AWS_ENDPOINT_URL_S3: endpoint,
			AWS_REGION: "us-east-1",
			AWS_DEFAULT_REGION: "us-east-1",
			AWS_EC2_METADATA_DISABLED: "true",
		},
		async makeBucket({ versions = false, name: bucket = `bale-${randomBytes(5).toString("hex")}` } = {}) {
			const admin = client(bucket);
			(await admin.expect({ action: "s3:CreateBucket", method: "PUT", isRead: false })).discard();
			if (versions) await setVersioning(bucket, "Enabled");
			return bucket;
		},
		setVersioning,
		openStore: (bucket, more = {}) => new S3Store({ ...options(bucket), ...more }),
		client,
		stop,
	};
}
