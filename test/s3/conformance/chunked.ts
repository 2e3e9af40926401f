/** Bodies in the coding `aws-chunked`: in pieces, each with or without a signature, and a checksum after them. */
import { deliver, hmac, sha256, signed, type RawAnswer, type RawRequest } from "./raw.ts";
import type { S3Server } from "../../support/s3/server.ts";

export type ChunkedRequest = Omit<RawRequest, "body" | "payload" | "tamper"> & {
	readonly body: Uint8Array;
	/** Each piece has a signature. */
	readonly signChunks: boolean;
	/** Header that follows the body, with its value. */
	readonly trailer?: readonly [name: string, value: string];
	/** Changes the coded body before it is sent. */
	readonly tamper?: (coded: Buffer) => Buffer;
};

const chunkBytes = 64 * 1024;

/** Sends a body in pieces. */
export async function sendChunked(server: S3Server, request: ChunkedRequest): Promise<RawAnswer> {
	const { body, signChunks, trailer, tamper, ...rest } = request;
	const suffix = trailer === undefined ? "" : "-TRAILER";
	const payload = signChunks
		? `STREAMING-AWS4-HMAC-SHA256-PAYLOAD${suffix}`
		: "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
	const headers: Record<string, string> = {
		"content-encoding": "aws-chunked",
		"x-amz-decoded-content-length": String(body.length),
		...(trailer === undefined ? {} : { "x-amz-trailer": trailer[0] }),
		...rest.headers,
	};
	const sent = signed(server, { ...rest, headers, payload });
	const { stamp, place, key } = sent.scope;
	let previous = sent.signature;
	const next = (kind: string, lines: readonly string[]): string => {
		previous = hmac(key, [`AWS4-HMAC-SHA256-${kind}`, stamp, place, previous, ...lines].join("\n")).toString(
			"hex",
		);
		return previous;
	};
	const coded: Uint8Array[] = [];
	for (let at = 0; ; at += chunkBytes) {
		const chunk = body.subarray(at, at + chunkBytes);
		const signature = signChunks
			? `;chunk-signature=${next("PAYLOAD", [sha256("", "hex"), sha256(chunk, "hex")])}`
			: "";
		coded.push(Buffer.from(`${chunk.length.toString(16)}${signature}\r\n`));
		if (chunk.length === 0) break;
		coded.push(chunk, Buffer.from("\r\n"));
	}
	if (trailer !== undefined) {
		const line = `${trailer[0]}:${trailer[1]}`;
		coded.push(Buffer.from(`${line}\r\n`));
		if (signChunks) {
			const signature = next("TRAILER", [sha256(`${line}\n`, "hex")]);
			coded.push(Buffer.from(`x-amz-trailer-signature:${signature}\r\n`));
		}
	}
	coded.push(Buffer.from("\r\n"));
	const bytes = Buffer.concat(coded);
	return deliver(server.endpoint, { ...sent, body: tamper === undefined ? bytes : tamper(bytes) });
}
