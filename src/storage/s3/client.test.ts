import { describe, expect, test } from "vitest";
import { createSha256 } from "../../core/sha256.ts";
import { encodeUtf8 } from "../../core/utf8.ts";
import { collect, streamOf } from "../byte-source.ts";
import { S3Store, type S3StoreOptions } from "./s3-store.ts";
import type { TransportRequest, TransportResponse } from "./transport.ts";

type Reply = {
	readonly status: number;
	readonly headers?: Readonly<Record<string, string>>;
	readonly body?: string | ReadableStream<Uint8Array>;
};

const keys = { accessKeyId: "key", secretAccessKey: "secret" };

/** A store whose server gives these replies in turn; what it was asked, and how long the client waited. */
function scripted(
	replies: readonly (Reply | Error)[],
	options: Partial<S3StoreOptions> = {},
): { store: S3Store; requests: TransportRequest[]; waits: number[]; left: () => number } {
	const requests: TransportRequest[] = [];
	const waits: number[] = [];
	const rest = [...replies];
	const store = new S3Store({
		bucket: "data",
		createSha256,
		credentials: () => Promise.resolve(keys),
		random: () => 1,
		sleep: (milliseconds) => {
			waits.push(milliseconds);
			return Promise.resolve();
		},
		transport: (request) => {
			requests.push(request);
			const reply = rest.shift();
			if (reply === undefined) return Promise.reject(new Error("no more replies"));
			return reply instanceof Error ? Promise.reject(reply) : Promise.resolve(respond(reply));
		},
		...options,
	});
	return { store, requests, waits, left: () => rest.length };
}

function respond({ status, headers = {}, body = "" }: Reply): TransportResponse {
	const stream = typeof body === "string" ? streamOf(encodeUtf8(body)) : body;
	const length: Record<string, string> =
		typeof body === "string" ? { "content-length": String(encodeUtf8(body).length) } : {};
	return {
		status,
		header: (name) => ({ ...length, ...headers })[name],
		stream: () => stream,
		discard: () => undefined,
	};
}

const failure = (status: number, code: string, headers: Record<string, string> = {}, more = ""): Reply => ({
	status,
	headers,
	body: `<?xml version="1.0"?><Error><Code>${code}</Code><Message>no</Message>${more}</Error>`,
});

async function text(store: S3Store, key: string): Promise<string | undefined> {
	const object = await store.get(key);
	return object && new TextDecoder().decode(await collect(object.body));
}

test("a request is repeated after connection errors and passing failures, with growing waits", async () => {
	const { store, waits } = scripted([
		new Error("reset"),
		failure(503, "SlowDown"),
		failure(500, "InternalError"),
		failure(409, "ConditionalRequestConflict"),
		{ status: 200, body: "here" },
	]);
	expect(await text(store, "a")).toBe("here");
	expect(waits).toEqual([100, 200, 400, 800]);
});

test("a request waits as long as the server says, up to a minute", async () => {
	const now = Date.UTC(2026, 0, 1);
	const { store, waits } = scripted(
		[
			failure(503, "SlowDown", { "retry-after": "3" }),
			failure(503, "SlowDown", { "retry-after": new Date(now + 5_000).toUTCString() }),
			failure(503, "SlowDown", { "retry-after": "86400" }),
			{ status: 200, body: "here" },
		],
		{ now: () => now },
	);
	expect(await text(store, "a")).toBe("here");
	expect(waits).toEqual([3_000, 5_000, 60_000]);
});

test("a request that never gets an answer is StoreUnavailable after six attempts", async () => {
	const { store, requests } = scripted([]);
	await expect(store.get("a")).rejects.toMatchObject({
		code: "StoreUnavailable",
		details: { bucket: "data", key: "a", action: "s3:GetObject" },
	});
	expect(requests).toHaveLength(6);
});

test.each([
	[failure(400, "InvalidRequest"), "Unexpected"],
	[failure(404, "NoSuchBucket"), "ObjectNotFound"],
	[failure(400, "KeyTooLongError"), "UnportableKey"],
	[failure(400, "EntityTooLarge"), "LimitExceeded"],
	[failure(501, "NotImplemented"), "Unsupported"],
	[failure(507, "QuotaExceeded"), "NoSpace"],
	[failure(403, "SignatureDoesNotMatch"), "AccessDenied"],
	[failure(403, "AccessDenied"), "AccessDenied"],
	[{ status: 403 }, "AccessDenied"],
	[{ status: 418, body: "<html>teapot" }, "Unexpected"],
])("put() that is answered %j is %s, at once", async (reply, code) => {
	const { store, requests } = scripted([reply]);
	await expect(store.put("a", new Uint8Array())).rejects.toMatchObject({ code });
	expect(requests).toHaveLength(1);
});

test("AccessDenied names the action and the resource", async () => {
	const { store } = scripted([failure(403, "AccessDenied")]);
	await expect(store.put("a/b", new Uint8Array())).rejects.toThrow(
		"Cannot write s3://data/a/b: the action s3:PutObject on arn:aws:s3:::data/a/b was refused",
	);
});

test("a refusal to read says that s3:ListBucket may be what is missing, for it hides what is not there", async () => {
	const { store } = scripted([failure(403, "AccessDenied"), failure(403, "AccessDenied")]);
	await expect(store.get("a/b")).rejects.toMatchObject({
		message: "Cannot read s3://data/a/b: the action s3:GetObject on arn:aws:s3:::data/a/b was refused",
		hint: "Ask the owner of the bucket for s3:GetObject, and for s3:ListBucket, without which what is not there is refused as well, or use other credentials",
	});
});

test("reads that are refused are made unsigned, which is remembered once it works", async () => {
	const { store, requests } = scripted([
		failure(403, "AccessDenied"),
		{ status: 200, body: "open" },
		{ status: 200, body: "open" },
		{ status: 200, headers: { etag: '"1"' } },
	]);
	expect(await text(store, "a")).toBe("open");
	expect(await text(store, "b")).toBe("open");
	await store.put("c", new Uint8Array());
	const signed = requests.map(({ headers }) => "authorization" in headers);
	expect(signed).toEqual([true, false, false, true]);
});

test("reads that are refused signed and unsigned are AccessDenied, also when the object is hidden as missing", async () => {
	for (const second of [failure(403, "AccessDenied"), failure(404, "NoSuchKey")]) {
		const { store } = scripted([failure(403, "AccessDenied"), second]);
		await expect(store.get("a")).rejects.toMatchObject({ code: "AccessDenied" });
	}
});

test.each(["NoSuchBucket", "InvalidBucketName", "InvalidAccessKeyId", "SignatureDoesNotMatch"])(
	"what is wrong with the bucket or the keys is not told of one object: %s",
	async (code) => {
		const { store } = scripted([failure(400, code)]);
		await expect(store.get("a")).rejects.toMatchObject({
			message: expect.stringMatching(/^Cannot read s3:\/\/data: /) as string,
			details: { key: "a" },
		});
	},
);

test("a server that takes few requests at once gets few, so that none has to be given up", async () => {
	let underWay = 0;
	const { store } = scripted([], {
		sleep: () => new Promise(setImmediate),
		transport: async () => {
			underWay++;
			const isTooMuch = underWay > 4;
			for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
			underWay--;
			return respond(isTooMuch ? failure(503, "SlowDown") : { status: 200, headers: { etag: '"1"' } });
		},
	});
	let next = 0;
	const lane = async (): Promise<void> => {
		for (let number = next++; number < 400; number = next++) await store.put(`${number}`, encodeUtf8("text"));
	};
	await Promise.all(Array.from({ length: 16 }, lane));
});

describe("head() that is refused", () => {
	const refusal: Reply = { status: 403 };
	const found: Reply = { status: 200, headers: { etag: '"1"' } };
	const asked = (requests: readonly TransportRequest[]): string[] =>
		requests.map(({ method, headers }) =>
			[method, "authorization" in headers ? "signed" : "unsigned", headers["range"] ?? ""].join(" ").trim(),
		);
	const question = "GET signed bytes=0-0";

	test.each([
		["InvalidAccessKeyId", 403, "AccessDenied", "does not know the access key ID"],
		["SignatureDoesNotMatch", 403, "AccessDenied", "does not belong to the access key ID"],
		["XAdminUserNotFound", 404, "AccessDenied", "does not know the access key ID"],
		["AccessDenied", 403, "AccessDenied", "the action s3:GetObject on arn:aws:s3:::data/a was refused"],
		["InvalidRequest", 400, "Unexpected", "400 InvalidRequest no"],
	])("asks once by GET and tells %s", async (code, status, errorCode, message) => {
		const { store, requests, left } = scripted([refusal, refusal, failure(status, code)]);
		await expect(store.head("a")).rejects.toMatchObject({
			code: errorCode,
			message: expect.stringContaining(message) as string,
			details: { code },
		});
		expect(asked(requests)).toEqual(["HEAD signed", "HEAD unsigned", question]);
		expect(left()).toBe(0);
	});

	test("asks about the same version", async () => {
		const { store, requests } = scripted([{ status: 400 }, failure(400, "NoSuchVersion")]);
		expect(await store.head("a", { versionId: "v" })).toBeUndefined();
		expect(requests.map(({ target }) => target)).toEqual(Array(2).fill("/a?versionId=v"));
	});

	test.each<[string, Reply | Error]>([
		["nothing", new Error("reset")],
		["a failure that passes", failure(503, "SlowDown")],
		["no document", { status: 404, body: "<html>" }],
	])("stays AccessDenied when the question is answered by %s", async (_title, reply) => {
		const { store, left } = scripted([refusal, refusal, reply]);
		await expect(store.head("a")).rejects.toMatchObject({ code: "AccessDenied", details: { status: 403 } });
		expect(left()).toBe(0);
	});

	test("asks for expired keys again, of which HEAD told nothing, and says when they are no better", async () => {
		const asking: boolean[] = [];
		const credentials = ({ refresh }: { refresh: boolean }) => {
			asking.push(refresh);
			return Promise.resolve(keys);
		};
		const script = [{ status: 400 }, failure(400, "ExpiredToken")];
		const { store, requests } = scripted([...script, { status: 206, body: "x" }, found], { credentials });
		expect(await store.head("a")).toMatchObject({ etag: '"1"' });
		expect(asked(requests)).toEqual(["HEAD signed", question, question, "HEAD signed"]);
		expect(asking).toEqual([false, false, true, false]);
		const over = scripted([...script, failure(400, "ExpiredToken")]);
		await expect(over.store.head("a")).rejects.toMatchObject({ code: "LoginExpired" });
	});

	test.each([
		["an answer", { status: 206, body: "x" }],
		["that there is no first byte", failure(416, "InvalidRange")],
	])("is repeated once when the question gets %s", async (_title, reply) => {
		const { store } = scripted([refusal, refusal, reply, found]);
		expect(await store.head("a")).toMatchObject({ etag: '"1"' });
		const still = scripted([refusal, refusal, reply, refusal]);
		await expect(still.store.head("a")).rejects.toMatchObject({ code: "AccessDenied" });
		expect(still.left()).toBe(0);
	});

	test("costs nothing more where it works unsigned", async () => {
		const { store, requests } = scripted([refusal, found, found]);
		expect(await store.head("a")).toBeDefined();
		expect(await store.head("a")).toBeDefined();
		expect(asked(requests)).toEqual(["HEAD signed", "HEAD unsigned", "HEAD unsigned"]);
	});
});

test("without credentials requests are unsigned", async () => {
	const { store, requests } = scripted([{ status: 200, body: "open" }], { credentials: undefined });
	expect(await text(store, "a")).toBe("open");
	expect(requests[0]?.headers).not.toHaveProperty("authorization");
});

test("a request goes to the region that AWS names, and so do the following ones", async () => {
	const region = { "x-amz-bucket-region": "eu-west-1" };
	const { store, requests } = scripted([
		{ status: 301, headers: region },
		{ status: 200, headers: { etag: '"1"' } },
		failure(400, "AuthorizationHeaderMalformed", {}, "<Region>ap-south-1</Region>"),
		{ status: 200, body: "here" },
	]);
	expect(await store.head("a")).toBeDefined();
	expect(await text(store, "b")).toBe("here");
	expect(requests.map(({ origin }) => /s3\.(.*?)\.amazonaws/.exec(origin)?.[1])).toEqual([
		"us-east-1",
		"eu-west-1",
		"eu-west-1",
		"ap-south-1",
	]);
});

test("an endpoint that does not have the bucket is an error that names the region which the server told", async () => {
	const elsewhere = { "x-amz-bucket-region": "eu-west-1" };
	const endpoint = "https://s3.us-west-2.amazonaws.com";
	const { store } = scripted(Array(2).fill(failure(301, "PermanentRedirect", elsewhere)), { endpoint });
	await expect(store.get("a")).rejects.toMatchObject({
		code: "InvalidConfig",
		message: "Cannot read s3://data/a: the bucket is in the region eu-west-1",
		hint: "Set AWS_REGION to eu-west-1, and leave out an endpoint of another region",
		details: { endpoint, region: "eu-west-1" },
	});
	const untold = scripted([failure(301, "PermanentRedirect")], { endpoint });
	await expect(untold.store.get("a")).rejects.toMatchObject({
		code: "InvalidConfig",
		hint: "Set AWS_REGION to its region",
	});
});

test("expired credentials are asked for again once, then LoginExpired", async () => {
	const asked: boolean[] = [];
	const credentials = ({ refresh }: { refresh: boolean }) => {
		asked.push(refresh);
		return Promise.resolve(keys);
	};
	const once = scripted([failure(400, "ExpiredToken"), { status: 200, body: "here" }], { credentials });
	expect(await text(once.store, "a")).toBe("here");
	expect(asked).toEqual([false, true]);
	const always = scripted([failure(400, "ExpiredToken"), failure(400, "ExpiredToken")], { credentials });
	await expect(always.store.get("a")).rejects.toMatchObject({ code: "LoginExpired" });
});

test("a wrong clock is set by the server's", async () => {
	const now = Date.UTC(2026, 0, 1);
	const date = new Date(now + 3_600_000).toUTCString();
	const { store, requests } = scripted(
		[failure(403, "RequestTimeTooSkewed", { date }), { status: 200, headers: { etag: '"1"' } }],
		{ now: () => now },
	);
	await store.put("a", new Uint8Array());
	expect(requests.map(({ headers }) => headers["x-amz-date"])).toEqual([
		"20260101T000000Z",
		"20260101T010000Z",
	]);
});

/** A body that gives `given` and then breaks off, or just ends. */
function broken(given: string, error?: Error): ReadableStream<Uint8Array> {
	let sent = false;
	return new ReadableStream<Uint8Array>({
		pull(controller) {
			if (!sent && given !== "") controller.enqueue(encodeUtf8(given));
			else if (error === undefined) controller.close();
			else controller.error(error);
			sent = true;
		},
	});
}

const whole = (body: ReadableStream<Uint8Array>): Reply => ({
	status: 200,
	headers: { "content-length": "10", etag: '"e"' },
	body,
});
const part = (from: number, body: ReadableStream<Uint8Array>): Reply => ({
	status: 206,
	headers: { "content-range": `bytes ${from}-9/10`, etag: '"e"' },
	body,
});

test("a body that breaks off is taken up where it broke, if the object is still the same", async () => {
	const { store, requests } = scripted([
		whole(broken("0123", new Error("reset"))),
		new Error("reset"),
		part(4, broken("45")),
		part(6, broken("6789")),
	]);
	expect(await text(store, "a")).toBe("0123456789");
	expect(requests.slice(1).map(({ headers }) => [headers["range"], headers["if-match"]])).toEqual([
		["bytes=4-9", '"e"'],
		["bytes=4-9", '"e"'],
		["bytes=6-9", '"e"'],
	]);
});

test("a body of an object that was replaced meanwhile is SourceChanged", async () => {
	const { store } = scripted([whole(broken("0123")), failure(412, "PreconditionFailed")]);
	await expect(text(store, "a")).rejects.toMatchObject({ code: "SourceChanged" });
});

test("a body that gives nothing again and again is StoreUnavailable", async () => {
	const { store } = scripted([
		whole(broken("0123")),
		...Array.from({ length: 5 }, () => part(4, broken(""))),
	]);
	await expect(text(store, "a")).rejects.toMatchObject({ code: "StoreUnavailable" });
});

test("a body with too many bytes, and a range that was not asked for, are StoreUnavailable", async () => {
	const long = scripted([whole(broken("0123456789abc"))]);
	await expect(text(long.store, "a")).rejects.toMatchObject({ code: "StoreUnavailable" });
	const other = scripted([part(3, broken("3456789"))]);
	const reading = other.store.get("a", { range: { offset: 2, length: 7 } });
	await expect(reading).rejects.toMatchObject({ code: "StoreUnavailable" });
});

const checksum = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
const head = (sha256: string): Reply => ({
	status: 200,
	headers: { etag: '"e"', "content-length": "0", "x-amz-checksum-sha256": sha256 },
});

test("put() with a condition whose answer was lost succeeds when the object there is ours", async () => {
	const condition = { ifAbsent: true } as const;
	const ours = scripted([new Error("reset"), failure(412, "PreconditionFailed"), head(checksum)]);
	expect(await ours.store.put("a", new Uint8Array(), { condition })).toMatchObject({ etag: '"e"' });
	const theirs = scripted([
		new Error("reset"),
		failure(412, "PreconditionFailed"),
		head(checksum.replace("4", "5")),
	]);
	await expect(theirs.store.put("a", new Uint8Array(), { condition })).rejects.toMatchObject({
		code: "Conflict",
	});
	const clear = scripted([failure(412, "PreconditionFailed"), head(checksum), head(checksum)]);
	await expect(clear.store.put("a", new Uint8Array(), { condition })).rejects.toMatchObject({
		code: "Conflict",
	});
});

test("bytes that arrive damaged are sent again, then IntegrityMismatch", async () => {
	const { store, requests } = scripted(Array.from({ length: 6 }, () => failure(400, "BadDigest")));
	await expect(store.put("a", encodeUtf8("x"))).rejects.toMatchObject({ code: "IntegrityMismatch" });
	expect(requests).toHaveLength(6);
});

test("a listing that is no document of S3 is asked for again, then StoreUnavailable", async () => {
	for (const body of [
		"",
		"<html/>",
		"<ListBucketResult><Contents><Key>a</Key><Size>x</Size></Contents></ListBucketResult>",
		"<ListBucketResult><Contents><Key>a</Key>",
	]) {
		const { store, waits } = scripted(Array.from({ length: 6 }, () => ({ status: 200, body })));
		await expect(store.list("").next()).rejects.toMatchObject({
			code: "StoreUnavailable",
			message: expect.stringContaining(
				"Cannot list s3://data: the server sent not a document of S3",
			) as string,
			hint: "Check that https://data.s3.us-east-1.amazonaws.com is an S3 endpoint, then run the same again",
		});
		expect(waits).toEqual([100, 200, 400, 800, 1600]);
	}
	const { store } = scripted([
		{ status: 200, body: "<ListBucketResult><Conte" },
		{ status: 200, body: "<ListBucketResult></ListBucketResult>" },
	]);
	expect(await store.list("").next()).toMatchObject({ done: true });
});

const late = (code: string): Reply => failure(200, code);
const copied: Reply = { status: 200, body: '<CopyObjectResult><ETag>"e"</ETag></CopyObjectResult>' };
const small = { bucket: "data", key: "a", size: 3, etag: '"e"' };
const headOfCopy: Reply = { status: 200, headers: { etag: '"e"', "content-length": "3" } };

test("an error inside a success is repeated as any other that may pass", async () => {
	const { store, waits, left } = scripted([
		late("SlowDown"),
		late("InternalError"),
		late("ServiceUnavailable"),
		{ status: 200, body: "   " },
		late("RequestTimeout"),
		copied,
		headOfCopy,
	]);
	expect(await store.copyFrom(small, "b")).toMatchObject({ key: "b", etag: '"e"' });
	expect(waits).toEqual([100, 200, 400, 800, 1600]);
	expect(left()).toBe(0);
});

test("an error inside a success that does not pass is StoreUnavailable after six attempts", async () => {
	const { store, requests } = scripted(Array.from({ length: 6 }, () => late("InternalError")));
	await expect(store.copyFrom(small, "b")).rejects.toMatchObject({
		code: "StoreUnavailable",
		details: { code: "InternalError", action: "s3:PutObject" },
	});
	expect(requests).toHaveLength(6);
});

test("expired credentials inside a success are asked for again", async () => {
	const { store } = scripted([late("ExpiredToken"), copied, headOfCopy]);
	expect(await store.copyFrom(small, "b")).toBeDefined();
});

const begun: Reply = {
	status: 200,
	body: "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>",
};
const partSent: Reply = { status: 200, headers: { etag: '"p"' } };
const completed: Reply = {
	status: 200,
	headers: { "x-amz-version-id": "v" },
	body: '\n  \n<CompleteMultipartUploadResult><ETag>"e"</ETag></CompleteMultipartUploadResult>',
};
const large = new Uint8Array(8 * 1024 * 1024);

test("an upload is completed with pauses between the attempts, and looked at when an answer was unclear", async () => {
	const { store, waits, left } = scripted([begun, partSent, completed]);
	expect(await store.put("a", large)).toMatchObject({ etag: '"e"', versionId: "v" });
	expect([waits, left()]).toEqual([[], 0]);
	const found: Reply = { status: 200, headers: { etag: '"e"', "content-length": String(large.length) } };
	const slow = scripted([begun, partSent, late("SlowDown"), late("InternalError"), completed, found]);
	expect(await slow.store.put("a", large)).toMatchObject({ etag: '"e"' });
	expect([slow.waits, slow.left()]).toEqual([[100, 200], 0]);
});

test("an upload whose answer was begun before the version was known is looked at", async () => {
	const document =
		'<?xml version="1.0"?>\n    <CompleteMultipartUploadResult><ETag>"e"</ETag></CompleteMultipartUploadResult>';
	const early: Reply = { status: 200, body: streamOf(encodeUtf8(document)) };
	const found: Reply = {
		status: 200,
		headers: { etag: '"e"', "content-length": String(large.length), "x-amz-version-id": "v" },
	};
	const { store, left } = scripted([begun, partSent, early, found]);
	expect(await store.put("a", large)).toMatchObject({ etag: '"e"', versionId: "v" });
	expect(left()).toBe(0);
});

test("servers have ten minutes for what may take them long", async () => {
	const sent = scripted([begun, partSent, completed]);
	await sent.store.put("a", large);
	expect(sent.requests.map(({ patienceMs }) => patienceMs)).toEqual([undefined, undefined, 600_000]);
	const whole = scripted([copied, headOfCopy]);
	await whole.store.copyFrom(small, "b");
	expect(whole.requests.map(({ patienceMs }) => patienceMs)).toEqual([600_000, undefined]);
	const digest = "<ChecksumSHA256>47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=</ChecksumSHA256>";
	const copiedPart = { status: 200, body: `<CopyPartResult><ETag>"p"</ETag>${digest}</CopyPartResult>` };
	const inParts = scripted([begun, copiedPart, completed, headOfCopy]);
	await inParts.store.copyFrom({ ...small, size: large.length }, "b");
	expect(inParts.requests.map(({ patienceMs }) => patienceMs)).toEqual([
		undefined,
		600_000,
		600_000,
		undefined,
	]);
});

test("a refusal inside the answer to a completion is told at once", async () => {
	const invalid = scripted([begun, partSent, late("InvalidPart"), { status: 204 }]);
	await expect(invalid.store.put("a", large)).rejects.toMatchObject({
		code: "Unexpected",
		details: { code: "InvalidPart" },
	});
	const taken = scripted([
		begun,
		partSent,
		late("PreconditionFailed"),
		{ status: 204 },
		headOfCopy,
		headOfCopy,
	]);
	const condition = { ifAbsent: true } as const;
	await expect(taken.store.put("a", large, { condition })).rejects.toMatchObject({ code: "Conflict" });
});

test("requests are stopped by their signal, also while they wait", async () => {
	const abort = new AbortController();
	const { store } = scripted([failure(503, "SlowDown")], {
		sleep: () => {
			abort.abort();
			return Promise.resolve();
		},
	});
	await expect(store.head("a", { signal: abort.signal })).rejects.toMatchObject({ code: "Aborted" });
});

test("credentials are in no error", async () => {
	const { store } = scripted(
		[failure(403, "SignatureDoesNotMatch", {}, "<StringToSign>hush</StringToSign>")],
		{
			credentials: () => Promise.resolve({ accessKeyId: "key", secretAccessKey: "hush" }),
		},
	);
	const error: unknown = await store.put("a", new Uint8Array()).catch((reason: unknown) => reason);
	expect(JSON.stringify(error)).not.toContain("hush");
	expect(String(error)).not.toContain("hush");
});
