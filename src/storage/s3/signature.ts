/** AWS Signature Version 4 in headers, as S3 wants it (the path is encoded once and not normalised). */
import { type CreateDigest, digestOnce } from "../../core/hash.ts";
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
export type TextScope = Place & { readonly stamp: string };
type Place = { readonly day: string; readonly region: string; readonly service: string };

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
		...names.map((name) => `${name}:${headers[name] === undefined ? "" : canonicalValue(headers[name])}`),
		"",
		names.join(";"),
		input.payloadHash,
	].join("\n");
}

/** A value without spaces around it, and with single ones in it. */
function canonicalValue(value: string): string {
	const trimmed = value.trim();
	return trimmed.includes("  ") ? trimmed.replace(/ +/g, " ") : trimmed;
}

/** The place and day that a signature is for, as it stands in the text that is signed. */
export function scopeText(day: string, region: string, service: string): string {
	return `${day}/${region}/${service}/aws4_request`;
}

/** Signs texts; derived keys are kept for as long as key, day and region stay the same. */
export class Signer {
	readonly #createSha256: CreateDigest;
	#derived: (Place & { readonly secretAccessKey: string; readonly key: HmacKey }) | undefined;
	#second = { time: Number.NaN, stamp: "" };

	constructor(createSha256: CreateDigest) {
		this.#createSha256 = createSha256;
	}

	/** All headers of the signed request: those given, those that a signature adds, and `authorization`. */
	sign(input: SigningInput, credentials: S3Credentials, scope: SigningScope): Record<string, string> {
		const stamp = this.#stamp(scope.time);
		const headers: Record<string, string> = {
			...input.headers,
			"x-amz-content-sha256": input.payloadHash,
			"x-amz-date": stamp,
		};
		if (credentials.sessionToken !== undefined) headers["x-amz-security-token"] = credentials.sessionToken;
		const names = Object.keys(headers).sort((a, b) => (a < b ? -1 : 1));
		const { region, service = "s3" } = scope;
		const text: TextScope = { day: stamp.slice(0, 8), region, service, stamp };
		const signature = this.signRequest(canonicalRequest(input, headers, names), credentials, text);
		headers["authorization"] =
			`AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/${scopeText(text.day, region, service)}, ` +
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
		return formatHex(this.#hmac(this.#key(credentials, { day, region, service }), text));
	}

	/** SHA-256 as lower-case hex. */
	sha256(bytes: Uint8Array): string {
		return formatHex(digestOnce(bytes, this.#createSha256));
	}

	/** The time as signatures have it; many requests are of one second. */
	#stamp(time: number): string {
		const second = Math.floor(time / 1000);
		if (this.#second.time !== second) {
			const stamp = new Date(time).toISOString().replace(/[-:]|\.\d+/g, "");
			this.#second = { time: second, stamp };
		}
		return this.#second.stamp;
	}

	#key({ secretAccessKey }: S3Credentials, { day, region, service }: Place): HmacKey {
		const kept = this.#derived;
		if (
			kept?.secretAccessKey === secretAccessKey &&
			kept.day === day &&
			kept.region === region &&
			kept.service === service
		) {
			return kept.key;
		}
		let key: Uint8Array = encodeUtf8(`AWS4${secretAccessKey}`);
		for (const part of [day, region, service, "aws4_request"]) key = this.#hmac(this.#hmacKey(key), part);
		this.#derived = { secretAccessKey, day, region, service, key: this.#hmacKey(key) };
		return this.#derived.key;
	}

	#hmacKey(key: Uint8Array): HmacKey {
		const block = new Uint8Array(hmacBlockBytes);
		block.set(key.length > hmacBlockBytes ? digestOnce(key, this.#createSha256) : key);
		return { inner: block.map((byte) => byte ^ 0x36), outer: block.map((byte) => byte ^ 0x5c) };
	}

	/** HMAC-SHA-256 (RFC 2104). */
	#hmac({ inner, outer }: HmacKey, text: string): Uint8Array {
		const digest = digestOnce(joined(inner, encodeUtf8(text)), this.#createSha256);
		return digestOnce(joined(outer, digest), this.#createSha256);
	}
}

/** A key of HMAC as it stands before what is signed, and before the digest of that. */
type HmacKey = { readonly inner: Uint8Array; readonly outer: Uint8Array };

const hmacBlockBytes = 64;

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
	const bytes = new Uint8Array(first.length + second.length);
	bytes.set(first);
	bytes.set(second, first.length);
	return bytes;
}
