/** The body of a request: read once, within limits, and verified by everything that the request promises of it. */
import type { IncomingMessage } from "node:http";
import { parseBase64 } from "../../core/base64.ts";
import { equalBytes } from "../../core/common-bytes.ts";
import { parseHex } from "../../core/hex.ts";
import type { Signed } from "./authentication.ts";
import type { Bucket, ObjectChecksum, ReceivedBytes } from "./bucket.ts";
import {
	algorithms,
	checkForm,
	checksumHeader,
	fullChecksum,
	givenChecksums,
	namedAlgorithm,
	verifyDigest,
} from "./checksums.ts";
import { ChunkedBody } from "./chunked-body.ts";
import type { ChecksumAlgorithm } from "./checksums.ts";
import { createDigests } from "./files/digests.ts";
import { S3Fault } from "./fault.ts";
import type { S3Request } from "./request.ts";

/** Bytes that one request may send. */
const maxBytes = 5 * 1024 ** 3;

/** How a body of a request is encoded and what it was signed as. */
type Form = {
	readonly exact: string | undefined;
	readonly chunked: boolean;
	readonly signed: boolean;
	readonly trailer: boolean;
};

export type Verified = {
	readonly bytes: ReceivedBytes;
	readonly checksum: ObjectChecksum | undefined;
};

export class RequestBody {
	readonly #request: S3Request;
	readonly #signed: Signed;
	readonly #open: () => AsyncIterable<Uint8Array>;

	/** `open` begins reading what HTTP transports; it is called at most once. */
	constructor(request: S3Request, signed: Signed, open: () => AsyncIterable<Uint8Array>) {
		this.#request = request;
		this.#signed = signed;
		this.#open = open;
	}

	/**
	 * Receives the body into a bucket and verifies it. `algorithm`: the checksum that is to be computed; by default the one that
	 * the request gives or names, else CRC64NVME. Whoever calls it must put or discard the bytes. Throws `BadDigest`, `XAmzContentSHA256Mismatch`, `IncompleteBody`, `EntityTooLarge`, `MissingContentLength`, ….
	 */
	async receive(
		bucket: Bucket,
		signal: AbortSignal,
		algorithm?: ChecksumAlgorithm | "none",
	): Promise<Verified> {
		const plan = this.#plan(maxBytes, algorithm);
		const bytes = await bucket.receive(plan.stream, plan.algorithms, signal);
		try {
			return { bytes, checksum: plan.verify(bytes.size, bytes.md5, bytes.digests) };
		} catch (error) {
			await bytes.discard();
			throw error;
		}
	}

	/** The body as a text of at most `limit` bytes, verified. */
	async text(limit: number): Promise<string> {
		const plan = this.#plan(limit, "none");
		const pieces: Uint8Array[] = [];
		const sums = createDigests(plan.algorithms);
		for await (const piece of plan.stream) {
			sums.update(piece);
			pieces.push(piece);
		}
		const bytes = Buffer.concat(pieces);
		plan.verify(bytes.length, ...sums.digest());
		try {
			return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
		} catch {
			throw new S3Fault("MalformedXML", 400, "The document is not UTF-8.");
		}
	}

	#plan(limit: number, wanted: ChecksumAlgorithm | "none" | undefined) {
		const { headers } = this.#request;
		const form = formOf(this.#signed.payload);
		const size = sizeOf(headers, form.chunked, limit);
		const given = givenChecksums(headers);
		const trailers = form.trailer ? announcedTrailers(headers) : [];
		const promised = [...given.keys(), ...trailers];
		const named = headers.get("x-amz-checksum-algorithm") ?? headers.get("x-amz-sdk-checksum-algorithm");
		const keep =
			wanted === "none" ? undefined : (wanted ?? promised[0] ?? namedAlgorithm(named) ?? "CRC64NVME");
		const needed = new Set<ChecksumAlgorithm>(promised);
		if (keep !== undefined) needed.add(keep);
		if (form.exact !== undefined) needed.add("SHA256");
		const contentMd5 = headers.get("content-md5");
		if (contentMd5 !== undefined && parseBase64(contentMd5)?.length !== 16)
			throw new S3Fault("InvalidDigest", 400, "The Content-MD5 you specified is not valid.");
		const chunked = form.chunked
			? new ChunkedBody(this.#open(), {
					signing: form.signed
						? { seed: this.#signed.signature, sign: this.#signed.sign, equals: this.#signed.equals }
						: undefined,
					trailers: trailers.map(checksumHeader),
					size,
				})
			: undefined;
		const verify = (
			received: number,
			md5: Uint8Array,
			digests: Readonly<Partial<Record<ChecksumAlgorithm, Uint8Array>>>,
		): ObjectChecksum | undefined => {
			if (received !== size)
				throw new S3Fault("IncompleteBody", 400, "The body does not have as many bytes as the request says.");
			if (form.exact !== undefined && !sameBytes(digests.SHA256, parseHex(form.exact)))
				throw new S3Fault(
					"XAmzContentSHA256Mismatch",
					400,
					"The provided 'x-amz-content-sha256' header does not match what was computed.",
				);
			if (contentMd5 !== undefined) verifyDigest("Content-MD5", md5, contentMd5);
			for (const [algorithm, value] of given) verifyDigest(algorithm, digests[algorithm], value);
			for (const algorithm of trailers) {
				const value = chunked?.trailers.get(checksumHeader(algorithm)) ?? "";
				checkForm(algorithm, value);
				verifyDigest(algorithm, digests[algorithm], value);
			}
			return fullChecksum(keep, digests);
		};
		return { algorithms: [...needed], stream: chunked?.bytes() ?? this.#open(), verify };
	}
}

/** Bytes of a message as they come. Throws `RequestTimeout` when none come for `idleMs`. */
export async function* readMessage(message: IncomingMessage, idleMs: number): AsyncIterable<Uint8Array> {
	// Node would end the connection, and with it the answer, when reading stops early.
	const source = message.iterator({ destroyOnReturn: false });
	const state = { idle: false };
	try {
		for (;;) {
			let timer: NodeJS.Timeout | undefined;
			const waiting = new Promise<never>((_resolve, reject) => {
				timer = setTimeout(() => {
					state.idle = true;
					reject(
						new S3Fault("RequestTimeout", 400, "Nothing came over the connection for too long.", {
							connection: "close",
						}),
					);
				}, idleMs);
			});
			let next: IteratorResult<unknown>;
			try {
				next = await Promise.race([source.next(), waiting]);
			} finally {
				clearTimeout(timer);
			}
			if (next.done === true) return;
			yield next.value as Uint8Array;
		}
	} finally {
		// Lets the rest be skipped. Where nothing comes this would wait for ever.
		if (!state.idle) await source.return?.();
	}
}

function formOf(payload: string): Form {
	const plain = { exact: undefined, chunked: false, signed: false, trailer: false };
	switch (payload) {
		case "UNSIGNED-PAYLOAD":
			return plain;
		case "STREAMING-UNSIGNED-PAYLOAD-TRAILER":
			return { ...plain, chunked: true, trailer: true };
		case "STREAMING-AWS4-HMAC-SHA256-PAYLOAD":
			return { ...plain, chunked: true, signed: true };
		case "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER":
			return { ...plain, chunked: true, signed: true, trailer: true };
		default:
			if (/^[0-9a-f]{64}$/.test(payload)) return { ...plain, exact: payload };
			throw new S3Fault(
				"InvalidArgument",
				400,
				"x-amz-content-sha256 must be UNSIGNED-PAYLOAD, a STREAMING-… value that is supported, or a SHA-256 in lower-case hex.",
			);
	}
}

function sizeOf(headers: ReadonlyMap<string, string>, chunked: boolean, limit: number): number {
	const name = chunked ? "x-amz-decoded-content-length" : "content-length";
	const text = headers.get(name);
	const size = text === undefined && !chunked && !headers.has("transfer-encoding") ? "0" : text;
	if (size === undefined)
		throw new S3Fault("MissingContentLength", 411, `You must provide the ${name} header.`);
	if (!/^\d{1,15}$/.test(size)) throw new S3Fault("InvalidArgument", 400, `The header ${name} is no number.`);
	if (Number(size) > limit)
		throw new S3Fault("EntityTooLarge", 400, `The body is larger than the ${limit} bytes that are allowed.`);
	return Number(size);
}

function announcedTrailers(headers: ReadonlyMap<string, string>): ChecksumAlgorithm[] {
	const names = (headers.get("x-amz-trailer") ?? "").toLowerCase().split(",");
	return names.map((name) => {
		const found = algorithms.find((algorithm) => checksumHeader(algorithm) === name.trim());
		if (found === undefined)
			throw new S3Fault(
				"InvalidRequest",
				400,
				"The value in x-amz-trailer is no checksum that is supported.",
			);
		return found;
	});
}

function sameBytes(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
	return a !== undefined && b !== undefined && equalBytes(a, b);
}
