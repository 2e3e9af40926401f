/** AWS Signature Version 4 in headers, as S3 wants it (the path is encoded once and not normalised). */
import type { CreateDigest } from "../../core/hash.ts";
import { formatHex } from "../../core/hex.ts";
import { encodeUtf8 } from "../../core/utf8.ts";

/** Keys for storage. */
export type S3Credentials = {
	readonly accessKeyId: string;
	readonly secretAccessKey: string;
	readonly sessionToken?: string;
	readonly expiration?: Date;
};

export type SigningInput = {
	readonly method: string;
	/** Percent-encoded path. */
	readonly path: string;
	/** Query as `formatQuery` writes it. */
	readonly query: string;
	/** Lower-case names; with `host`. All of them are signed. */
	readonly headers: Readonly<Record<string, string>>;
	/** SHA-256 of the body, as lower-case hex. */
	readonly payloadHash: string;
};

export type SigningScope = {
	readonly region: string;
	/** Milliseconds since the epoch. */
	readonly time: number;
	readonly service?: string;
};

/** Signs requests; derived keys are kept for as long as key, day and region stay the same. */
export class Signer {
	readonly #createSha256: CreateDigest;
	#derived: { readonly id: string; readonly key: Uint8Array } | undefined;

	constructor(createSha256: CreateDigest) {
		this.#createSha256 = createSha256;
	}

	/** All headers of the signed request: those given, those that a signature adds, and `authorization`. */
	sign(input: SigningInput, credentials: S3Credentials, scope: SigningScope): Record<string, string> {
		const stamp = new Date(scope.time).toISOString().replace(/[-:]|\.\d+/g, "");
		const day = stamp.slice(0, 8);
		const headers: Record<string, string> = {
			...input.headers,
			"x-amz-content-sha256": input.payloadHash,
			"x-amz-date": stamp,
			...(credentials.sessionToken === undefined ? {} : { "x-amz-security-token": credentials.sessionToken }),
		};
		const names = Object.keys(headers).sort((a, b) => (a < b ? -1 : 1));
		const canonical = [
			input.method,
			input.path,
			input.query,
			...names.map((name) => `${name}:${(headers[name] ?? "").trim().replace(/ +/g, " ")}`),
			"",
			names.join(";"),
			input.payloadHash,
		].join("\n");
		const service = scope.service ?? "s3";
		const place = `${day}/${scope.region}/${service}/aws4_request`;
		const text = `AWS4-HMAC-SHA256\n${stamp}\n${place}\n${formatHex(this.#sha256(encodeUtf8(canonical)))}`;
		const signature = formatHex(this.#hmac(this.#key(credentials, day, scope.region, service), text));
		headers["authorization"] =
			`AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/${place}, ` +
			`SignedHeaders=${names.join(";")}, Signature=${signature}`;
		return headers;
	}

	#key(credentials: S3Credentials, day: string, region: string, service: string): Uint8Array {
		const id = JSON.stringify([credentials.accessKeyId, credentials.secretAccessKey, day, region, service]);
		if (this.#derived?.id === id) return this.#derived.key;
		let key: Uint8Array = encodeUtf8(`AWS4${credentials.secretAccessKey}`);
		for (const part of [day, region, service, "aws4_request"]) key = this.#hmac(key, part);
		this.#derived = { id, key };
		return key;
	}

	#sha256(...parts: readonly Uint8Array[]): Uint8Array {
		const digest = this.#createSha256();
		for (const part of parts) digest.update(part);
		return digest.digest();
	}

	/** HMAC-SHA-256 (RFC 2104). */
	#hmac(key: Uint8Array, text: string): Uint8Array {
		const block = new Uint8Array(64);
		block.set(key.length > 64 ? this.#sha256(key) : key);
		const inner = this.#sha256(
			block.map((byte) => byte ^ 0x36),
			encodeUtf8(text),
		);
		return this.#sha256(
			block.map((byte) => byte ^ 0x5c),
			inner,
		);
	}
}
