/** What S3 servers answer instead of what was asked for, and what that means to users. */
import { display } from "../../core/display.ts";
import { BaleError, type ErrorCode } from "../../core/errors.ts";
import { childText, parseXml, type XmlElement } from "./xml.ts";

/** What a request was about, for messages. */
export type Subject = {
	/** IAM action, such as `s3:GetObject`. */
	readonly action: string;
	readonly bucket: string;
	readonly key?: string | undefined;
	readonly endpoint: string;
};

/** A response that is no success. `code` is empty when the server sent none (it never does for HEAD). */
export type Failure = {
	readonly status: number;
	readonly code: string;
	readonly message: string;
	readonly region?: string | undefined;
	readonly requestId?: string | undefined;
	/** Milliseconds to wait, when the server says so. */
	readonly retryAfterMs?: number | undefined;
	/** The request was not signed, for there are no keys; this is how to give some. */
	readonly keysHint?: string | undefined;
	/** The server's clock, in milliseconds since the epoch. */
	readonly serverTime?: number | undefined;
};

const codesByStatus: Readonly<Record<number, string>> = {
	400: "BadRequest",
	403: "AccessDenied",
	405: "MethodNotAllowed",
	409: "OperationAborted",
	412: "PreconditionFailed",
	416: "InvalidRange",
	429: "SlowDown",
	500: "InternalError",
	501: "NotImplemented",
	503: "ServiceUnavailable",
};

/** Of the errors that a document can tell inside a success, those that are final. */
const statusByCode: ReadonlyMap<string, number> = new Map([
	...Object.entries(codesByStatus).map(([status, code]) => [code, Number(status)] as const),
	["EntityTooLarge", 400],
	["EntityTooSmall", 400],
	["InvalidArgument", 400],
	["InvalidPart", 400],
	["InvalidPartOrder", 400],
	["InvalidRequest", 400],
	["MalformedXML", 400],
	["NoSuchBucket", 404],
	["NoSuchKey", 404],
	["NoSuchUpload", 404],
	["NoSuchVersion", 404],
]);

const retryableCodes = new Set([
	"BadDigest",
	"ConditionalRequestConflict",
	"IncompleteBody",
	"InternalError",
	"OperationAborted",
	"RequestTimeout",
	"ServiceUnavailable",
	"SlowDown",
	"Throttling",
	"ThrottlingException",
	"TooManyRequests",
	"XAmzContentChecksumMismatch",
	"XAmzContentSHA256Mismatch",
]);

/** What is wrong with the bucket or the keys as a whole: the object that happened to be asked for first tells nothing. */
const codesOfBucket: ReadonlySet<string> = new Set([
	"InvalidAccessKeyId",
	"InvalidBucketName",
	"NoSuchBucket",
	"RequestTimeTooSkewed",
	"SignatureDoesNotMatch",
	"XAdminUserNotFound",
]);

/** Credentials that may be good after the next look at where they come from. */
export const staleCredentialCodes: ReadonlySet<string> = new Set([
	"ExpiredToken",
	"ExpiredTokenException",
	"InvalidToken",
	"TokenRefreshRequired",
]);

export type ErrorDocument = { readonly code: string; readonly message: string; readonly region?: string };

const noError: ErrorDocument = { code: "", message: "" };

/** The code and message of an error document; empty texts when it is none. */
export function readErrorDocument(document: XmlElement): ErrorDocument {
	if (document.name !== "Error") return noError;
	const region = childText(document, "Region");
	return {
		code: childText(document, "Code") ?? "",
		message: childText(document, "Message") ?? "",
		...(region === undefined ? {} : { region }),
	};
}

/** The same of the text of a refusal, which may be no document at all. */
export function readRefusal(text: string): ErrorDocument {
	try {
		return readErrorDocument(parseXml(text));
	} catch {
		return noError;
	}
}

/** The HTTP status that belongs to a code; 500 for what may pass. */
export function statusOfCode(code: string): number {
	return statusByCode.get(code) ?? 500;
}

/** Whether the same request may succeed a little later. */
export function isRetryable(failure: Failure): boolean {
	if (retryableCodes.has(failure.code)) return true;
	return [429, 500, 502, 503, 504].includes(failure.status) && failure.code !== "NotImplemented";
}

/** Whether the server has more requests than it can take. */
export function asksToSlowDown({ status, code }: Failure): boolean {
	return status === 429 || status === 503 || /^(SlowDown|Throttling.*|TooManyRequests)$/.test(code);
}

/** Milliseconds of a `Retry-After` header: seconds, or a date. */
export function parseRetryAfter(text: string | undefined, now: number): number | undefined {
	if (text === undefined) return undefined;
	if (/^\d{1,6}$/.test(text)) return Number(text) * 1000;
	const date = Date.parse(text);
	return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** The error for a failure that nobody expected, with what was tried and what can be done. */
export function toBaleError(subject: Subject, failure: Failure): BaleError {
	const code = failure.code === "" ? (codesByStatus[failure.status] ?? "") : failure.code;
	const make = (errorCode: ErrorCode, state: string, hint?: string): BaleError =>
		new BaleError(
			errorCode,
			`${attempted(codesOfBucket.has(code) ? { ...subject, key: undefined } : subject)}: ${state}`,
			{
				...(hint === undefined ? {} : { hint }),
				details: {
					...detailsOf(subject),
					status: failure.status,
					code,
					...(failure.region === undefined ? {} : { region: failure.region }),
					...(failure.requestId === undefined ? {} : { requestId: failure.requestId }),
				},
			},
		);
	switch (code) {
		case "NoSuchBucket":
			return make("ObjectNotFound", "there is no such bucket", "Check its name and the endpoint");
		case "NoSuchKey":
		case "NoSuchVersion":
			if (subject.key === undefined) {
				return make(
					"ObjectNotFound",
					"the server takes the bucket for an object",
					"Give the address of the server as endpoint, without a bucket",
				);
			}
			return make("ObjectNotFound", "there is no such object");
		case "AccessDenied":
		case "AllAccessDisabled":
		case "AccountProblem":
			return make("AccessDenied", ...refused(subject, failure));
		case "InvalidAccessKeyId":
		case "XAdminUserNotFound":
			return make(
				"AccessDenied",
				"the server does not know the access key ID",
				"Check the access key ID, and that it is one of this endpoint",
			);
		case "SignatureDoesNotMatch":
			return make(
				"AccessDenied",
				"the secret access key does not belong to the access key ID",
				"Check the secret access key",
			);
		case "RequestTimeTooSkewed":
			return make("AccessDenied", "the clock of this machine is wrong", "Set the clock");
		case "ExpiredToken":
		case "ExpiredTokenException":
		case "InvalidToken":
		case "TokenRefreshRequired":
			return make(
				"LoginExpired",
				"the credentials have expired",
				'Run "bale login", or renew the credentials',
			);
		case "AuthorizationHeaderMalformed":
		case "IllegalLocationConstraintException":
		case "PermanentRedirect":
		case "TemporaryRedirect":
			return make("InvalidConfig", ...elsewhere(failure.region));
		case "PreconditionFailed":
		case "ConditionalRequestConflict":
		case "OperationAborted":
			return make("Conflict", "it was changed by somebody else");
		case "InvalidRange":
			return make("InvalidArgument", "the range is not there");
		case "KeyTooLongError":
			return make("UnportableKey", "the key is too long");
		case "InvalidBucketName":
			return make("InvalidUrl", "that cannot be the name of a bucket", "Check the name");
		case "XMinioInvalidObjectName":
		case "XMinioInvalidResourceName":
			return make(
				"InvalidKey",
				"the server allows no such keys",
				'Leave out empty parts, "." and ".." between the slashes',
			);
		case "EntityTooLarge":
			return make("LimitExceeded", "it is larger than the server allows");
		case "NotImplemented":
			return make(
				"Unsupported",
				["the server cannot do that", display(failure.message)].filter((part) => part !== "").join(": "),
			);
		case "QuotaExceeded":
		case "XMinioStorageFull":
			return make("NoSpace", "the storage is full");
		case "BadDigest":
		case "XAmzContentChecksumMismatch":
		case "XAmzContentSHA256Mismatch":
			return make("IntegrityMismatch", "the bytes that arrived were not those that were sent");
		default:
			if (code.startsWith("KMS.")) {
				return make(
					"InvalidConfig",
					`the key for the encryption cannot be used (${display(code)})`,
					`Check it: bale config registry s3://${display(subject.bucket)}`,
				);
			}
			if (failure.status === 507) return make("NoSpace", "the storage is full");
			return make(
				isRetryable(failure) || failure.status >= 500 ? "StoreUnavailable" : "Unexpected",
				`the server answered ${[failure.status, display(code), display(failure.message)].filter((part) => part !== "").join(" ")}`,
			);
	}
}

function refused(subject: Subject, { keysHint }: Failure): readonly [state: string, hint: string] {
	const { action } = subject;
	const state = `the action ${action} on ${resourceOf(subject)} was refused`;
	if (keysHint !== undefined) return [`${state}, and there are no keys to sign the request with`, keysHint];
	// Who may not list does not learn what is not there.
	const also = /^s3:GetObject/.test(action)
		? ", and for s3:ListBucket, without which what is not there is refused as well"
		: "";
	return [state, `Ask the owner of the bucket for ${action}${also}, or use other credentials`];
}

/** What is wrong and what to do when a bucket is in another region, which the server may have named. */
function elsewhere(region: string | undefined): readonly [state: string, hint: string] {
	if (region === undefined) return ["the bucket is in another region", "Set AWS_REGION to its region"];
	const named = display(region);
	return [
		`the bucket is in the region ${named}`,
		`Set AWS_REGION to ${named}, and leave out an endpoint of another region`,
	];
}

/** The error for requests that got no answer. */
export function unreachable(subject: Subject, cause: unknown): BaleError {
	return new BaleError(
		"StoreUnavailable",
		`${attempted(subject)}: ${subject.endpoint} could not be reached`,
		{
			hint: isOfFetch(cause)
				? "Check the network, the endpoint, and whether the CORS rules of the bucket allow this page"
				: "Check the network and the endpoint",
			details: detailsOf(subject),
			cause,
		},
	);
}

/** The error for answers that are a success but no document of S3; `what` came instead. */
export function malformed(subject: Subject, what: string): BaleError {
	return new BaleError("StoreUnavailable", `${attempted(subject)}: the server sent ${what}`, {
		hint: `Check that ${subject.endpoint} is an S3 endpoint, then run the same again`,
		details: detailsOf(subject),
	});
}

/** What `fetch` throws, in the words of each browser: it does not tell a dead network from rules that forbid the request. */
function isOfFetch(cause: unknown): boolean {
	return cause instanceof TypeError && /failed to fetch|load failed|networkerror/i.test(cause.message);
}

/** `s3://bucket/key` as it is written in messages. */
export function locationOf(subject: Pick<Subject, "bucket" | "key">): string {
	return `s3://${display(subject.bucket)}${subject.key === undefined ? "" : `/${display(subject.key)}`}`;
}

function detailsOf({ action, bucket, key, endpoint }: Subject) {
	return { action, bucket, ...(key === undefined ? {} : { key }), endpoint };
}

function resourceOf(subject: Subject): string {
	const path = subject.key === undefined ? "" : `/${display(subject.key)}`;
	return `arn:aws:s3:::${display(subject.bucket)}${path}`;
}

function attempted(subject: Subject): string {
	const verb = /^s3:(Put|Abort|Create)/.test(subject.action)
		? "write"
		: subject.action.startsWith("s3:Delete")
			? "delete"
			: subject.action.startsWith("s3:List")
				? "list"
				: "read";
	return `Cannot ${verb} ${locationOf(subject)}`;
}
