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

/** What a signature is for; `stamp` is its time as `20130524T000000Z`, `day` the first eight characters of it. */
export type TextScope = {
	readonly stamp: string;
	readonly day: string;
	readonly region: string;
	readonly service: string;
};

/** Text that a request is signed by. `names`: the signed headers, lower-case and sorted. */
export function canonicalRequest(
	input: Omit<SigningInput, "headers">,
	headers: Readonly<Record<string, string>>,
	names: readonly string[],
): string {
	return [
		input.method,
		input.path,
		input.query,
		...names.map((name) => `${name}:${(headers[name] ?? "").trim().replace(/ +/g, " ")}`),
		"",
		names.join(";"),
		input.payloadHash,
	].join("\n");
}

/** The place and day that a signature is for, as it stands in the text that is signed. */
export function scopeText(day: string, region: string, service: string): string {
	return `${day}/${region}/${service}/aws4_request`;
}

/** Signs texts; derived keys are kept for as long as key, day and region stay the same. */
export class Signer {
	readonly #createSha256: CreateDigest;
	#derived: { readonly id: string; readonly key: Uint8Array } | undefined;

	constructor(createSha256: CreateDigest) {
		this.#createSha256 = createSha256;
	}

	/** All headers of the signed request: those given, those that a signature adds, and `authorization`. */
	sign(input: SigningInput, credentials: S3Credentials, scope: SigningScope): Record<string, string> {
		const stamp = new Date(scope.time).toISOString().replace(/[-:]|\.\d+/g, "");
		const headers: Record<string, string> = {
			...input.headers,
			"x-amz-content-sha256": input.payloadHash,
			"x-amz-date": stamp,
			...(credentials.sessionToken === undefined ? {} : { "x-amz-security-token": credentials.sessionToken }),
		};
		const names = Object.keys(headers).sort((a, b) => (a < b ? -1 : 1));
		const place = { day: stamp.slice(0, 8), region: scope.region, service: scope.service ?? "s3" };
		const signature = this.signRequest(canonicalRequest(input, headers, names), credentials, {
			...place,
			stamp,
		});
		headers["authorization"] =
			`AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/${scopeText(place.day, place.region, place.service)}, ` +
			`SignedHeaders=${names.join(";")}, Signature=${signature}`;
		return headers;
	}

	/** Signature of a canonical request, as lower-case hex. */
	signRequest(canonical: string, credentials: S3Credentials, scope: TextScope): string {
		return this.signText("AWS4-HMAC-SHA256", [this.sha256(encodeUtf8(canonical))], credentials, scope);
	}

	/** Signature of `lines` under the heading of their kind and the scope, as lower-case hex. */
	signText(
		kind: string,
		lines: readonly string[],
		credentials: S3Credentials,
		{ stamp, day, region, service }: TextScope,
	): string {
		const text = [kind, stamp, scopeText(day, region, service), ...lines].join("\n");
		return formatHex(this.#hmac(this.#key(credentials, day, region, service), text));
	}

	/** SHA-256 as lower-case hex. */
	sha256(bytes: Uint8Array): string {
		return formatHex(this.#sha256(bytes));
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
