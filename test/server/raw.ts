/** Requests to a gateway as no client library would send them: signed, but otherwise whatever a test wants. */
import { createHash } from "node:crypto";
import { request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { createNodeSha256 } from "../../src/node/node-digest.ts";
import { encodeKey, formatQuery } from "../../src/storage/s3/percent.ts";
import { Signer } from "../../src/storage/s3/signature.ts";
import type { S3Server } from "../support/s3/server.ts";

export type RawAnswer = {
	readonly status: number;
	readonly headers: IncomingHttpHeaders;
	readonly body: string;
	/** The error code in the document. */
	readonly code: string | undefined;
};

export type RawRequest = {
	readonly method?: string;
	readonly path: string;
	readonly query?: readonly (readonly [string, string])[];
	/** Signed. */
	readonly headers?: Readonly<Record<string, string>>;
	/** Sent and not signed. */
	readonly unsigned?: Readonly<Record<string, string>>;
	readonly body?: Uint8Array | string;
	/** Default: the hash of the body. */
	readonly payload?: string;
	/** Milliseconds since the epoch. */
	readonly time?: number;
	readonly region?: string;
};

/** Headers and target of a signed request. */
export function signed(
	server: S3Server,
	request: RawRequest,
): { target: string; headers: Record<string, string> } {
	const query = formatQuery(request.query ?? []);
	const path = encodeKey(request.path);
	const payloadHash =
		request.payload ??
		createHash("sha256")
			.update(request.body ?? "")
			.digest("hex");
	const headers = new Signer(createNodeSha256).sign(
		{
			method: request.method ?? "GET",
			path,
			query,
			headers: { host: new URL(server.endpoint).host, ...request.headers },
			payloadHash,
		},
		server.credentials,
		{ region: request.region ?? "us-east-1", time: request.time ?? Date.now() },
	);
	return { target: query === "" ? path : `${path}?${query}`, headers };
}

/** Sends a signed request. */
export async function send(server: S3Server, request: RawRequest): Promise<RawAnswer> {
	const { target, headers } = signed(server, request);
	return await sendAs(
		server,
		request.method ?? "GET",
		target,
		{ ...headers, ...request.unsigned },
		request.body,
	);
}

/** Sends a request as it is. */
export async function sendAs(
	server: S3Server,
	method: string,
	target: string,
	headers: Readonly<Record<string, string>>,
	body?: Uint8Array | string,
): Promise<RawAnswer> {
	const { hostname, port } = new URL(server.endpoint);
	return await new Promise((resolve, reject) => {
		const sent = httpRequest({ hostname, port, method, path: target, headers, agent: false }, (response) => {
			text(response).then((answer) => {
				resolve({
					status: response.statusCode ?? 0,
					headers: response.headers,
					body: answer,
					code: /<Code>([^<]*)<\/Code>/.exec(answer)?.[1],
				});
			}, reject);
		});
		sent.on("error", reject);
		sent.end(body);
	});
}

/** Writes bytes on a connection of its own, and gives all that comes back until the server ends it. */
export async function converse(server: S3Server, bytes: string | Uint8Array): Promise<string> {
	const { hostname, port } = new URL(server.endpoint);
	const socket = connect(Number(port), hostname);
	socket.on("error", () => undefined);
	socket.write(bytes);
	return await text(socket);
}
