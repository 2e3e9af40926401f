/**
 * Requests to one bucket: addressed, signed, repeated where that is safe. Redirects to the right region,
 * expired credentials, a wrong clock and buckets that want no signature are dealt with here.
 */
import { BaleError, isBaleError } from "../../core/errors.ts";
import { type CreateDigest, digestOnce } from "../../core/hash.ts";
import { formatHex } from "../../core/hex.ts";
import type { Addressing, Encryption } from "../../core/registry-setting-names.ts";
import { decodeUtf8Lenient } from "../../core/utf8.ts";
import { throwIfAborted } from "../abort.ts";
import { collect } from "../byte-source.ts";
import type { Lanes } from "../lanes.ts";
import { bucketAddress, type BucketAddress } from "./endpoint.ts";
import {
	asksToSlowDown,
	isRetryable,
	malformed,
	parseRetryAfter,
	readErrorDocument,
	readRefusal,
	staleCredentialCodes,
	statusOfCode,
	toBaleError,
	unreachable,
	type ErrorDocument,
	type Failure,
	type Subject,
} from "./failure.ts";
import { Pace } from "./pace.ts";
import { encodeKey, encodeQueryPart, formatQuery } from "./percent.ts";
import { Signer, type S3Credentials } from "./signature.ts";
import type { Transport, TransportRequest, TransportResponse } from "./transport.ts";
import { parseXml, XmlSyntaxError, type XmlElement } from "./xml.ts";

/** Gives the credentials of the moment; undefined: there are none, requests go out unsigned. */
export type CredentialSource = (options: { readonly refresh: boolean }) => Promise<S3Credentials | undefined>;

export type S3ClientOptions = {
	readonly bucket: string;
	readonly transport: Transport;
	readonly createSha256: CreateDigest;
	/** Absent: unsigned requests. */
	readonly credentials?: CredentialSource | undefined;
	/** Where the user can put keys; for the hint of a refusal when there are none. */
	readonly keysHint?: string | undefined;
	/** Default: `us-east-1`; AWS tells when it is another. */
	readonly region?: string | undefined;
	/** Default: AWS. */
	readonly endpoint?: string | undefined;
	readonly addressing?: Addressing | undefined;
	/** The requester agrees to pay for the traffic. */
	readonly requesterPays?: boolean | undefined;
	/** How the server is to encrypt what is written; absent: as the bucket is set up. */
	readonly encryption?: Encryption | undefined;
	/** The key of that encryption, where it is one of KMS; absent: the service's own. */
	readonly kmsKeyId?: string | undefined;
	/** Is told how long answers take. */
	readonly lanes?: Lanes | undefined;
	/** Milliseconds since the epoch. */
	readonly now?: (() => number) | undefined;
	/** From 0 up to 1; decides how long a retry waits. */
	readonly random?: (() => number) | undefined;
	readonly sleep?: ((milliseconds: number, signal: AbortSignal | undefined) => Promise<void>) | undefined;
};

export type Operation = {
	/** IAM action, for messages. */
	readonly action: string;
	readonly method: TransportRequest["method"];
	/** Absent: the bucket itself. */
	readonly key?: string;
	readonly query?: readonly (readonly [string, string])[];
	/** Lower-case names. */
	readonly headers?: Readonly<Record<string, string>>;
	/** Headers that only a signed request gets: an unsigned one of a page would have to be allowed by the bucket for their sake. */
	readonly headersWhenSigned?: Readonly<Record<string, string>>;
	readonly body?: { readonly bytes: Uint8Array; readonly sha256: Uint8Array };
	/** An object comes into being by it, or an upload that becomes one: it is to be encrypted as the options say. */
	readonly creates?: true;
	/** Nothing changes by it: may be repeated unsigned when the signature is refused. */
	readonly isRead: boolean;
	/** The server may work for minutes before it answers: it copies, or makes an object of parts. */
	readonly isLong?: true;
	/** Not sent again when it is not known whether it was carried out: `StoreUnavailable`, or what the server said. */
	readonly once?: true;
	readonly signal?: AbortSignal | undefined;
};

export type Answer = {
	readonly ok: true;
	readonly response: TransportResponse;
	/** An earlier attempt got no answer, or no clear one: the server may have carried it out. */
	readonly repeated: boolean;
};
export type DocumentAnswer<T> = Answer & { readonly document: T };
export type Refusal = { readonly ok: false; readonly failure: Failure; readonly repeated: boolean };

/** What an answer that is a success by its status has turned out to be. */
type Received<T> = { readonly value: T } | { readonly failure: Failure };

const maxAttempts = 6;
const firstDelayMs = 100;
const maxDelayMs = 20_000;
const maxRetryAfterMs = 60_000;
/** As long as services take for objects of 5 TiB, and SDKs wait. */
const longPatienceMs = 600_000;
/** How long sending takes does not count for bodies up to this size. */
const usualBodyBytes = 1024 * 1024;
const errorDocumentBytes = 64 * 1024;
const documentBytes = 32 * 1024 * 1024;
/** The requester agrees to pay. */
export const payerHeaders = { "x-amz-request-payer": "requester" };
const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

export class S3Client {
	readonly bucket: string;
	readonly createSha256: CreateDigest;
	/** Which service the bucket is on: its endpoint, or "aws". */
	readonly service: string;
	/** Added to what `creates`. */
	readonly #encryptionHeaders: Readonly<Record<string, string>>;
	readonly #options: S3ClientOptions;
	readonly #signer: Signer;
	readonly #pace = new Pace();
	#region: string;
	#clockOffsetMs = 0;
	/** Reads of this bucket are refused when signed, and allowed unsigned. */
	#readsUnsigned = false;
	/** What requests were signed with last: servers may repeat it. */
	#secrets: readonly string[] = [];

	constructor(options: S3ClientOptions) {
		this.bucket = options.bucket;
		this.createSha256 = options.createSha256;
		this.service = options.endpoint?.replace(/\/+$/, "").toLowerCase() ?? "aws";
		this.#options = options;
		const { encryption, kmsKeyId } = options;
		this.#encryptionHeaders = {
			...(encryption === undefined ? {} : { "x-amz-server-side-encryption": encryption }),
			...(kmsKeyId === undefined ? {} : { "x-amz-server-side-encryption-aws-kms-key-id": kmsKeyId }),
		};
		this.#signer = new Signer(options.createSha256);
		this.#region = options.region ?? "us-east-1";
	}

	/** Whether it asks the server to encrypt. */
	get encrypts(): boolean {
		return this.#options.encryption !== undefined;
	}

	/** What an operation is about, for messages. */
	subject(operation: Pick<Operation, "action" | "key">): Subject {
		const { action, key } = operation;
		return { action, bucket: this.bucket, key, endpoint: this.#address().origin };
	}

	/** The words of a server without the secrets that requests were signed with. */
	redact(text: string): string {
		return this.#secrets.reduce(
			(rest, secret) => (secret === "" ? rest : rest.replaceAll(secret, "…")),
			text,
		);
	}

	/** SHA-256 of bytes. */
	sha256(bytes: Uint8Array): Uint8Array {
		return digestOnce(bytes, this.createSha256);
	}

	/** Like `send`; whatever is no success is thrown as a `BaleError`. */
	async expect(operation: Operation): Promise<TransportResponse> {
		const outcome = await this.send(operation);
		if (outcome.ok) return outcome.response;
		throw toBaleError(this.subject(operation), outcome.failure);
	}

	/** Like `sendForDocument`; whatever is no success is thrown as a `BaleError`. */
	async expectDocument<T>(operation: Operation, read: (document: XmlElement) => T): Promise<T> {
		const outcome = await this.sendForDocument(operation, read);
		if (outcome.ok) return outcome.document;
		throw toBaleError(this.subject(operation), outcome.failure);
	}

	/**
	 * Like `send`, for answers that are documents, which `read` makes a value of. A document that breaks off, and one that `read`
	 * throws `XmlSyntaxError` for, is as good as no answer; one that tells an error is a failure whatever the status is: the head
	 * of an answer may be sent before the work is done.
	 */
	async sendForDocument<T>(
		operation: Operation,
		read: (document: XmlElement) => T,
	): Promise<DocumentAnswer<T> | Refusal> {
		const outcome = await this.#sendUntil(operation, async (response) => {
			const document = parseXml(await textOf(response));
			const error = readErrorDocument(document);
			if (error.code === "") return { value: { response, document: read(document) } };
			return { failure: this.#describe(response, statusOfCode(error.code), error) };
		});
		return outcome.ok ? { ok: true, repeated: outcome.repeated, ...outcome.value } : outcome;
	}

	/**
	 * Sends until there is an answer that repeating does not change. Throws `StoreUnavailable` when there is
	 * none, and `Aborted`.
	 */
	async send(operation: Operation): Promise<Answer | Refusal> {
		const outcome = await this.#sendUntil(operation, (value) => Promise.resolve({ value }));
		return outcome.ok ? { ok: true, repeated: outcome.repeated, response: outcome.value } : outcome;
	}

	/** `receive` makes something of an answer that is a success by its status; what it throws is no answer. */
	async #sendUntil<T>(
		operation: Operation,
		receive: (response: TransportResponse) => Promise<Received<T>>,
	): Promise<{ readonly ok: true; readonly value: T; readonly repeated: boolean } | Refusal> {
		const { signal } = operation;
		const most = operation.once === true ? 1 : maxAttempts;
		let repeated = false;
		let refreshed = false;
		let clockSet = false;
		let regionsTried = 0;
		let refresh = false;
		let unsigned = operation.isRead && this.#readsUnsigned;
		let refusedSigned: Failure | undefined;
		for (let attempt = 1; ; attempt++) {
			throwIfAborted(signal);
			let received: Received<T>;
			const credentials = unsigned ? undefined : await this.#options.credentials?.({ refresh });
			if (credentials !== undefined) this.#keepSecret(credentials);
			try {
				received = await this.#pace.run(
					async () => {
						const sent = performance.now();
						const response = await this.#options.transport(this.#build(operation, credentials), signal);
						this.#tell(operation, performance.now() - sent);
						const isSuccess = response.status >= 200 && response.status < 300;
						return isSuccess ? receive(response) : { failure: await this.#failure(operation, response) };
					},
					(answer) => "failure" in answer && asksToSlowDown(answer.failure),
					signal,
				);
			} catch (error) {
				throwIfAborted(signal);
				// Nothing that trying again would change.
				if (error instanceof BaleError) throw error;
				repeated = true;
				if (attempt >= most) throw this.#noAnswer(operation, error);
				await this.#wait(attempt, undefined, signal);
				continue;
			}
			if ("value" in received) {
				if (refusedSigned !== undefined) this.#readsUnsigned = true;
				return { ok: true, value: received.value, repeated };
			}
			const isKeyless = credentials === undefined && !unsigned;
			const failure = isKeyless ? { ...received.failure, keysHint: this.#keysHint() } : received.failure;
			if (failure.region !== undefined && failure.region !== this.#region && regionsTried < 3) {
				this.#region = failure.region;
				regionsTried++;
				continue;
			}
			if (staleCredentialCodes.has(failure.code) && !refreshed && credentials !== undefined) {
				refreshed = true;
				refresh = true;
				continue;
			}
			refresh = false;
			if (failure.code === "RequestTimeTooSkewed" && !clockSet && failure.serverTime !== undefined) {
				clockSet = true;
				this.#clockOffsetMs = failure.serverTime - this.#now();
				continue;
			}
			if (operation.isRead && failure.status === 403 && credentials !== undefined) {
				unsigned = true;
				refusedSigned = failure;
				continue;
			}
			// "Not there" is only believed of a bucket that is known to be open: who may not look sees the same.
			if (refusedSigned !== undefined && [403, 404].includes(failure.status)) {
				return { ok: false, failure: refusedSigned, repeated };
			}
			if (!isRetryable(failure) || attempt >= most) return { ok: false, failure, repeated };
			if (failure.status >= 500) repeated = true;
			await this.#wait(attempt, failure.retryAfterMs, signal);
		}
	}

	/** Waits. Throws `Aborted`. */
	async pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
		await (this.#options.sleep ?? sleep)(milliseconds, signal);
	}

	#tell({ method, body, isLong }: Operation, milliseconds: number): void {
		const isUsual = isLong !== true && (body?.bytes.length ?? 0) <= usualBodyBytes;
		if (isUsual) this.#options.lanes?.answered(method, milliseconds);
	}

	#build(operation: Operation, credentials: S3Credentials | undefined): TransportRequest {
		const { method, key, body } = operation;
		const address = this.#address();
		const keyPath = key === undefined ? "" : `/${encodeKey(key)}`;
		const path = address.basePath + keyPath || "/";
		const query = formatQuery(operation.query ?? []);
		const plain: Record<string, string> = {
			host: address.host,
			...operation.headers,
			...(credentials === undefined ? {} : operation.headersWhenSigned),
			...(operation.creates === true ? this.#encryptionHeaders : {}),
			...(this.#options.requesterPays === true ? payerHeaders : {}),
		};
		const payloadHash = body === undefined ? emptyHash : formatHex(body.sha256);
		const headers =
			credentials === undefined
				? plain
				: this.#signer.sign({ method, path, query, headers: plain, payloadHash }, credentials, {
						region: this.#region,
						time: this.#now() + this.#clockOffsetMs,
					});
		return {
			method,
			origin: address.origin,
			target: query === "" ? path : `${path}?${query}`,
			headers,
			body: body?.bytes,
			...(operation.isLong === true ? { patienceMs: longPatienceMs } : {}),
		};
	}

	#address(): BucketAddress {
		return bucketAddress(this.bucket, this.#region, this.#options);
	}

	async #failure(operation: Operation, response: TransportResponse): Promise<Failure> {
		if (operation.method === "HEAD") {
			response.discard();
			return this.#describe(response, response.status, { code: "", message: "" });
		}
		const text = await collect(response.stream(), errorDocumentBytes)
			.then(decodeUtf8Lenient)
			.catch(() => "");
		return this.#describe(response, response.status, readRefusal(text));
	}

	#describe(
		response: TransportResponse,
		answered: number,
		{ code, message, region }: ErrorDocument,
	): Failure {
		// versitygw's answer to unknown keys is 404.
		const status = code === "XAdminUserNotFound" ? 403 : answered;
		const named = response.header("x-amz-bucket-region");
		const told = named ?? (code === "AuthorizationHeaderMalformed" ? region : undefined);
		const date = Date.parse(response.header("date") ?? "");
		return {
			status,
			code: this.redact(code),
			message: this.redact(message),
			region: status === 404 || status === 403 ? undefined : told,
			requestId: this.redact(response.header("x-amz-request-id") ?? "") || undefined,
			retryAfterMs: parseRetryAfter(response.header("retry-after"), this.#now()),
			...(Number.isNaN(date) ? {} : { serverTime: date }),
		};
	}

	#noAnswer(operation: Operation, error: unknown): BaleError {
		const subject = this.subject(operation);
		if (error instanceof XmlSyntaxError) return malformed(subject, this.redact(error.message));
		return unreachable(subject, error);
	}

	#keysHint(): string {
		return this.#options.keysHint ?? "Give the store keys: new S3Store({ credentials: … })";
	}

	#keepSecret({ secretAccessKey, sessionToken = "" }: S3Credentials): void {
		if (this.#secrets.includes(secretAccessKey) && this.#secrets.includes(sessionToken)) return;
		const spellings = [secretAccessKey, sessionToken].flatMap((text) => [text, encodeQueryPart(text)]);
		// Those of the requests that are still under way, too.
		this.#secrets = [...spellings, ...this.#secrets].slice(0, 16);
	}

	#now(): number {
		return (this.#options.now ?? Date.now)();
	}

	/** Waits a random part of a time that doubles with each attempt, or as long as the server says. */
	async #wait(attempt: number, toldMs: number | undefined, signal: AbortSignal | undefined): Promise<void> {
		const limit = Math.min(maxDelayMs, firstDelayMs * 2 ** (attempt - 1));
		const own = limit * (this.#options.random ?? Math.random)();
		await (this.#options.sleep ?? sleep)(Math.max(own, Math.min(toldMs ?? 0, maxRetryAfterMs)), signal);
	}
}

/** The text of an answer. Rejects when it breaks off, and with `XmlSyntaxError` when it is too long for a document. */
async function textOf(response: TransportResponse): Promise<string> {
	const bytes = await collect(response.stream(), documentBytes).catch((error: unknown) => {
		if (!isBaleError(error, "LimitExceeded")) throw error;
		throw new XmlSyntaxError("a document that is too long");
	});
	const told = response.header("content-length");
	if (told !== undefined && Number(told) !== bytes.length) throw new TypeError("the answer breaks off");
	return decodeUtf8Lenient(bytes);
}

async function sleep(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
	await new Promise<void>((resolve) => {
		const done = (): void => {
			clearTimeout(timer);
			signal?.removeEventListener("abort", done);
			resolve();
		};
		const timer = setTimeout(done, milliseconds);
		signal?.addEventListener("abort", done, { once: true });
	});
	throwIfAborted(signal);
}
