/** Buckets that everybody may read: by a policy, or behind a server that signs what comes without a signature. */
import { createServer, request as send, type IncomingHttpHeaders } from "node:http";
import { encodeUtf8 } from "../../../src/core/utf8.ts";
import { formatHex } from "../../../src/core/hex.ts";
import { createNodeSha256 } from "../../../src/node/node-digest.ts";
import { Signer } from "../../../src/storage/s3/signature.ts";
import { listen } from "../proxy.ts";
import type { ServerKind } from "./servers.ts";
import type { S3Server } from "./server.ts";

/** A request as the golden cases write it down. */
export type Seen = readonly [method: string, url: string, signature: "signed" | "unsigned", status: number];

export type PublicServer = {
	readonly endpoint: string;
	/** Every request, in the order of the answers. */
	readonly seen: Seen[];
};

const reads = ["s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "s3:ListBucketVersions"];

/** Opens buckets of a server for reading by everybody. The end of the test ends what it gives. */
export async function publish(
	server: S3Server,
	kind: ServerKind,
	buckets: readonly string[],
): Promise<PublicServer> {
	if (kind.hasPolicies === true) await Promise.all(buckets.map((bucket) => allowReading(server, bucket)));
	const upstream = new URL(server.endpoint);
	const seen: Seen[] = [];
	const front = createServer((incoming, answer) => {
		const { method = "", url = "", headers } = incoming;
		const isSigned = headers.authorization !== undefined;
		const mayRead = ["GET", "HEAD"].includes(method) && buckets.includes(url.split(/[/?]/)[1] ?? "");
		const onward = send(new URL(url, upstream), {
			method,
			headers:
				isSigned || kind.hasPolicies === true || !mayRead ? headers : signed(server, method, url, headers),
		});
		onward.on("response", (response) => {
			const status = response.statusCode ?? 0;
			seen.push([method, url, isSigned ? "signed" : "unsigned", status]);
			answer.writeHead(status, response.headers);
			response.pipe(answer);
		});
		incoming.pipe(onward);
	});
	return { endpoint: `http://127.0.0.1:${await listen(front)}`, seen };
}

async function allowReading(server: S3Server, bucket: string): Promise<void> {
	const Resource = [`arn:aws:s3:::${bucket}`, `arn:aws:s3:::${bucket}/*`];
	const statement = { Effect: "Allow", Principal: { AWS: ["*"] }, Action: reads, Resource };
	const bytes = encodeUtf8(JSON.stringify({ Version: "2012-10-17", Statement: [statement] }));
	const client = server.client(bucket);
	const response = await client.expect({
		action: "s3:PutBucketPolicy",
		method: "PUT",
		query: [["policy", ""]],
		body: { bytes, sha256: client.sha256(bytes) },
		isRead: false,
	});
	response.discard();
}

function signed(
	{ credentials }: S3Server,
	method: string,
	url: string,
	{ host = "", range }: IncomingHttpHeaders,
): Record<string, string> {
	const [path = "", query = ""] = url.split("?", 2);
	const headers = { host, ...(range === undefined ? {} : { range }) };
	const payloadHash = formatHex(createNodeSha256().digest());
	return new Signer(createNodeSha256).sign({ method, path, query, headers, payloadHash }, credentials, {
		region: "us-east-1",
		time: Date.now(),
	});
}
