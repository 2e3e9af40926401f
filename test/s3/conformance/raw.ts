/**
 * Requests as the protocol describes them, signed here and not by bale, so that what is asserted of a server is the
 * protocol and not an agreement between our two ends.
 */
import { createHash, createHmac } from "node:crypto";
import { request as send, type IncomingHttpHeaders } from "node:http";
import { childText, parseXml, type XmlElement } from "../../../src/storage/s3/xml.ts";
import type { S3Server, ServerKeys } from "../../support/s3/server.ts";

export type RawRequest = {
	readonly method?: "GET" | "HEAD" | "PUT" | "POST" | "DELETE" | "OPTIONS";
	/** Absent: the service itself. */
	readonly bucket?: string;
	readonly key?: string;
	readonly query?: Readonly<Record<string, string>>;
	/** Lower-case names. */
	readonly headers?: Readonly<Record<string, string>>;
	readonly body?: Uint8Array | string;
	/** Where the signature goes. Default: into headers. */
	readonly sign?: "headers" | "query" | "nowhere";
	/** What the signature says of the body. Default: its SHA-256. */
	readonly payload?: string;
	/** Milliseconds since the epoch. Default: now. */
	readonly time?: number;
	/** Seconds for which a signature in the query is good. */
	readonly expires?: number;
	readonly keys?: ServerKeys;
	/** Changes what was signed, before it is sent. */
	readonly tamper?: (sent: Sent) => Sent;
};

export type Sent = {
	readonly method: string;
	readonly target: string;
	readonly headers: Readonly<Record<string, string>>;
	readonly body: Uint8Array;
};

export type RawAnswer = {
	readonly status: number;
	readonly headers: IncomingHttpHeaders;
	readonly body: Buffer;
	/** The body as text. */
	readonly text: string;
	/** Code of an error document; "" when the body is none. */
	readonly code: string;
};

/** Signature, and what the signatures of chunks go on from. */
export type Signed = Sent & { readonly scope: SigningScope; readonly signature: string };
export type SigningScope = { readonly stamp: string; readonly place: string; readonly key: Buffer };

const region = "us-east-1";
const patienceMs = 20_000;

/** Sends one request to `server` and reads the answer whole. */
export async function raw(server: S3Server, request: RawRequest): Promise<RawAnswer> {
	const { scope: _scope, signature: _signature, ...sent } = signed(server, request);
	return deliver(server.endpoint, request.tamper === undefined ? sent : request.tamper(sent));
}

/** The request with its signature. */
export function signed(server: S3Server, request: RawRequest): Signed {
	const { method = "GET", bucket, key, query = {}, body = "", sign = "headers" } = request;
	const keys = request.keys ?? server.credentials;
	const bytes = typeof body === "string" ? Buffer.from(body) : body;
	const path = [bucket, key].filter((part) => part !== undefined).map((part) => `/${encodePath(part)}`);
	const host = new URL(server.endpoint).host;
	const stamp = new Date(request.time ?? Date.now()).toISOString().replace(/[-:]|\.\d+/g, "");
	const place = `${stamp.slice(0, 8)}/${region}/s3/aws4_request`;
	const payload = request.payload ?? (sign === "query" ? "UNSIGNED-PAYLOAD" : sha256(bytes, "hex"));
	const headers: Record<string, string> = { host, ...request.headers };
	const parameters: Record<string, string> = { ...query };
	if (sign === "headers") Object.assign(headers, { "x-amz-date": stamp, "x-amz-content-sha256": payload });
	const names = Object.keys(headers).sort((a, b) => (a < b ? -1 : 1));
	if (sign === "query") {
		Object.assign(parameters, {
			"X-Amz-Algorithm": "AWS4-HMAC-SHA256",
			"X-Amz-Credential": `${keys.accessKeyId}/${place}`,
			"X-Amz-Date": stamp,
			"X-Amz-Expires": String(request.expires ?? 60),
			"X-Amz-SignedHeaders": names.join(";"),
		});
	}
	const target = path.join("") || "/";
	const canonical = [
		method,
		target,
		formatParameters(parameters),
		...names.map((name) => `${name}:${(headers[name] ?? "").trim().replace(/ +/g, " ")}`),
		"",
		names.join(";"),
		payload,
	].join("\n");
	let derived: Buffer = Buffer.from(`AWS4${keys.secretAccessKey}`);
	for (const part of place.split("/")) derived = hmac(derived, part);
	const signature = hmac(
		derived,
		`AWS4-HMAC-SHA256\n${stamp}\n${place}\n${sha256(Buffer.from(canonical), "hex")}`,
	).toString("hex");
	if (sign === "query") parameters["X-Amz-Signature"] = signature;
	if (sign === "headers") {
		headers["authorization"] =
			`AWS4-HMAC-SHA256 Credential=${keys.accessKeyId}/${place}, ` +
			`SignedHeaders=${names.join(";")}, Signature=${signature}`;
	}
	const sentQuery = formatParameters(parameters);
	return {
		method,
		target: sentQuery === "" ? target : `${target}?${sentQuery}`,
		headers,
		body: bytes,
		scope: { stamp, place, key: derived },
		signature,
	};
}

/** Sends bytes to a server as they are. */
export async function deliver(endpoint: string, { method, target, headers, body }: Sent): Promise<RawAnswer> {
	const { hostname, port } = new URL(endpoint);
	return new Promise((resolve, reject) => {
		const length = body.length > 0 || method === "PUT" || method === "POST";
		const outgoing = send(
			{
				host: hostname,
				port,
				method,
				path: target,
				agent: false,
				headers: { ...headers, ...(length ? { "content-length": body.length } : {}) },
			},
			(response) => {
				const chunks: Buffer[] = [];
				response.on("data", (chunk: Buffer) => chunks.push(chunk));
				response.once("error", reject);
				response.once("end", () => {
					const bytes = Buffer.concat(chunks);
					const text = bytes.toString();
					resolve({
						status: response.statusCode ?? 0,
						headers: response.headers,
						body: bytes,
						text,
						code: codeOf(text),
					});
				});
			},
		);
		outgoing.setTimeout(patienceMs, () => outgoing.destroy(new Error(`no answer to ${method} ${target}`)));
		outgoing.once("error", reject);
		outgoing.end(body);
	});
}

/** Digest of bytes. */
export function sha256(bytes: Uint8Array | string, encoding: "hex" | "base64"): string {
	return createHash("sha256").update(bytes).digest(encoding);
}

export function md5(bytes: Uint8Array | string, encoding: "hex" | "base64"): string {
	return createHash("md5").update(bytes).digest(encoding);
}

export function hmac(key: Buffer, text: string): Buffer {
	return createHmac("sha256", key).update(text).digest();
}

/** The children of an answer's document that have a name. */
export function elements(answer: RawAnswer, name: string): readonly XmlElement[] {
	return parseXml(answer.text).children.filter((child) => child.name === name);
}

/** One text of each child that has a name. */
export function texts(answer: RawAnswer, name: string, field: string): readonly string[] {
	return elements(answer, name).map((child) => childText(child, field) ?? "");
}

/** Text of the only child of the root that has a name; "" when there is none. */
export function text(answer: RawAnswer, name: string): string {
	return childText(parseXml(answer.text), name) ?? "";
}

function codeOf(document: string): string {
	return /<Error>.*?<Code>(\w+)<\/Code>/s.exec(document)?.[1] ?? "";
}

function encode(part: string): string {
	return encodeURIComponent(part).replace(
		/[!'()*]/g,
		(character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
	);
}

function encodePath(path: string): string {
	return path.split("/").map(encode).join("/");
}

function formatParameters(parameters: Readonly<Record<string, string>>): string {
	return Object.entries(parameters)
		.map(([name, value]) => [encode(name), encode(value)] as const)
		.sort((a, b) => (a[0] < b[0] ? -1 : 1))
		.map(([name, value]) => `${name}=${value}`)
		.join("&");
}
