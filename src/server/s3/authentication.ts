/** Whether a request was signed by who has the keys: Signature Version 4, in headers or in the address. */
import { createHash, timingSafeEqual } from "node:crypto";
import { createNodeSha256 } from "../../node/node-digest.ts";
import { encodeKey, formatQuery } from "../../storage/s3/percent.ts";
import { canonicalRequest, Signer, type S3Credentials, type TextScope } from "../../storage/s3/signature.ts";
import { S3Fault } from "./fault.ts";
import type { S3Request } from "./request.ts";

/** A request that was signed; its body is still to be checked. */
export type Signed = {
	/** `x-amz-content-sha256` as it was signed. */
	readonly payload: string;
	readonly signature: string;
	/** Signature, as lower-case hex, of lines that continue the request (its chunks). */
	readonly sign: (kind: string, lines: readonly string[]) => string;
	/** Compares in constant time. */
	readonly equals: (given: string, expected: string) => boolean;
};

const skewMs = 15 * 60_000;
const longestSeconds = 7 * 24 * 3600;
const unsignedPayload = "UNSIGNED-PAYLOAD";

export class Authenticator {
	readonly #keys: S3Credentials;
	readonly #now: () => number;
	readonly #signer = new Signer(createNodeSha256);

	constructor(keys: S3Credentials, now: () => number) {
		this.#keys = keys;
		this.#now = now;
	}

	/**
	 * Throws `AccessDenied` (no signature, expired, headers that are not signed), `InvalidAccessKeyId`, `InvalidRequest` (signed
	 * as in Version 2), `SignatureDoesNotMatch`, `RequestTimeTooSkewed`, `AuthorizationHeaderMalformed`, `AuthorizationQueryParametersError`.
	 */
	check(request: S3Request): Signed {
		const header = request.headers.get("authorization");
		const inQuery = request.query.has("X-Amz-Signature") || request.query.has("X-Amz-Algorithm");
		if (header !== undefined && inQuery)
			throw new S3Fault("InvalidArgument", 400, "Only one way of signing a request is allowed.");
		// Version 2, which some programs still presign with unless they are told otherwise.
		if (header?.startsWith("AWS ") === true || request.query.has("AWSAccessKeyId"))
			throw new S3Fault(
				"InvalidRequest",
				400,
				"The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
			);
		if (header !== undefined) return this.#checkHeader(request, header);
		if (inQuery) return this.#checkQuery(request);
		throw new S3Fault("AccessDenied", 403, "Access Denied: the request is not signed.");
	}

	#checkHeader(request: S3Request, header: string): Signed {
		const malformed = (what: string) => new S3Fault("AuthorizationHeaderMalformed", 400, what);
		const form =
			/^AWS4-HMAC-SHA256\s+Credential=([^\s,]+)\s*,\s*SignedHeaders=([^\s,]+)\s*,\s*Signature=([0-9a-f]{64})$/.exec(
				header,
			);
		if (form === null) throw malformed("The authorization header is not one of Signature Version 4.");
		const stamp = request.headers.get("x-amz-date") ?? stampOf(request.headers.get("date"));
		const time = timeOf(stamp);
		if (stamp === undefined || time === undefined)
			throw new S3Fault("AccessDenied", 403, "A signed request needs a valid x-amz-date or date header.");
		const scope = this.#scope(form[1] ?? "", stamp, malformed);
		this.#checkSkew(time);
		const payload = request.headers.get("x-amz-content-sha256");
		if (payload === undefined)
			throw new S3Fault("InvalidRequest", 400, "The header x-amz-content-sha256 is missing.");
		return this.#verify(request, {
			scope,
			names: (form[2] ?? "").split(";"),
			signature: form[3] ?? "",
			payload,
			query: formatQuery(request.parameters),
		});
	}

	#checkQuery(request: S3Request): Signed {
		const malformed = (what: string) => new S3Fault("AuthorizationQueryParametersError", 400, what);
		const need = (name: string): string => {
			const value = request.query.get(name);
			if (value === undefined) throw malformed(`The parameter ${name} is missing.`);
			return value;
		};
		if (need("X-Amz-Algorithm") !== "AWS4-HMAC-SHA256") throw malformed("X-Amz-Algorithm is not supported.");
		const stamp = need("X-Amz-Date");
		const time = timeOf(stamp);
		if (time === undefined) throw malformed("X-Amz-Date is no time.");
		const seconds = /^\d{1,7}$/.test(need("X-Amz-Expires")) ? Number(need("X-Amz-Expires")) : 0;
		if (seconds < 1 || seconds > longestSeconds)
			throw malformed(`X-Amz-Expires is not between 1 and ${longestSeconds}.`);
		const signature = need("X-Amz-Signature");
		const scope = this.#scope(need("X-Amz-Credential"), stamp, malformed);
		if (time - this.#now() > skewMs) throw new S3Fault("AccessDenied", 403, "Request is not yet valid.");
		if (this.#now() > time + seconds * 1000) throw new S3Fault("AccessDenied", 403, "Request has expired.");
		return this.#verify(request, {
			scope,
			names: need("X-Amz-SignedHeaders").split(";"),
			signature,
			payload:
				request.query.get("X-Amz-Content-Sha256") ??
				request.headers.get("x-amz-content-sha256") ??
				unsignedPayload,
			query: formatQuery(request.parameters.filter(([name]) => name !== "X-Amz-Signature")),
		});
	}

	#scope(credential: string, stamp: string, malformed: (what: string) => S3Fault): TextScope {
		const [terminator, service, region, day, ...id] = credential.split("/").reverse();
		if (terminator !== "aws4_request" || service !== "s3" || !region || !day || id.length === 0)
			throw malformed("The credential is not of the form <key id>/<day>/<region>/s3/aws4_request.");
		if (day !== stamp.slice(0, 8)) throw malformed("The credential is for another day than the request.");
		if (!this.#same(id.reverse().join("/"), this.#keys.accessKeyId))
			throw new S3Fault("InvalidAccessKeyId", 403, "The access key id is not known here.");
		return { stamp, day, region, service };
	}

	#checkSkew(time: number): void {
		if (Math.abs(time - this.#now()) <= skewMs) return;
		throw new S3Fault(
			"RequestTimeTooSkewed",
			403,
			"The difference between the request time and the current time is too large.",
		);
	}

	#verify(
		request: S3Request,
		given: {
			readonly scope: TextScope;
			readonly names: readonly string[];
			readonly signature: string;
			readonly payload: string;
			readonly query: string;
		},
	): Signed {
		const { scope, names, payload } = given;
		if (!names.includes("host")) throw new S3Fault("AccessDenied", 403, "The host header must be signed.");
		for (const name of request.headers.keys())
			if (name.startsWith("x-amz-") && !names.includes(name))
				throw new S3Fault("AccessDenied", 403, `The header ${name} is there and not signed.`);
		const headers = Object.fromEntries(names.map((name) => [name, request.headers.get(name) ?? ""]));
		const canonical = canonicalRequest(
			{ method: request.method, path: encodeKey(request.path), query: given.query, payloadHash: payload },
			headers,
			names,
		);
		const expected = this.#signer.signRequest(canonical, this.#keys, scope);
		if (!this.#same(given.signature, expected))
			throw new S3Fault(
				"SignatureDoesNotMatch",
				403,
				"The signature of the request is not the one that its content and the secret key give.",
			);
		return {
			payload,
			signature: expected,
			sign: (kind, lines) => this.#signer.signText(kind, lines, this.#keys, scope),
			equals: (a, b) => this.#same(a, b),
		};
	}

	/** Takes as long for texts that differ early as late. */
	#same(given: string, expected: string): boolean {
		const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
		return timingSafeEqual(digest(given), digest(expected));
	}
}

/** Milliseconds since the epoch of a time such as `20130524T000000Z`. */
function timeOf(stamp: string | undefined): number | undefined {
	const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(stamp ?? "");
	if (parts === null) return undefined;
	const [, year, month, day, hour, minute, second] = parts;
	const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
	return Number.isNaN(time) ? undefined : time;
}

function stampOf(date: string | undefined): string | undefined {
	const time = Date.parse(date ?? "");
	return Number.isNaN(time) ? undefined : new Date(time).toISOString().replace(/[-:]|\.\d+/g, "");
}
