import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createNodeSha256 } from "../../src/node/node-digest.ts";
import { encodeKey, formatQuery } from "../../src/storage/s3/percent.ts";
import { canonicalRequest, Signer } from "../../src/storage/s3/signature.ts";
import { startTestGateway, type TestGateway } from "../support/s3/gateway.ts";
import { send, sendAs, signed } from "./raw.ts";

let server: TestGateway;
let bucket: string;
const minute = 60_000;

beforeAll(async () => {
	server = await startTestGateway();
	bucket = await server.makeBucket();
	await server.openStore(bucket).put("odd key+%?#/ü~(1)", new TextEncoder().encode("hello"));
});
afterAll(() => server.stop());

const path = () => `/${bucket}/odd key+%?#/ü~(1)`;

/** The query of a presigned address. */
function presign(
	options: { seconds?: string; time?: number; method?: string; extra?: [string, string][] } = {},
): string {
	const stamp = new Date(options.time ?? Date.now()).toISOString().replace(/[-:]|\.\d+/g, "");
	const day = stamp.slice(0, 8);
	const parameters: [string, string][] = [
		["X-Amz-Algorithm", "AWS4-HMAC-SHA256"],
		["X-Amz-Credential", `${server.credentials.accessKeyId}/${day}/eu-west-3/s3/aws4_request`],
		["X-Amz-Date", stamp],
		["X-Amz-Expires", options.seconds ?? "60"],
		["X-Amz-SignedHeaders", "host"],
		...(options.extra ?? []),
	];
	const host = new URL(server.endpoint).host;
	const canonical = canonicalRequest(
		{
			method: options.method ?? "GET",
			path: encodeKey(path()),
			query: formatQuery(parameters),
			payloadHash: "UNSIGNED-PAYLOAD",
		},
		{ host },
		["host"],
	);
	const scope = { stamp, day, region: "eu-west-3", service: "s3" };
	const signature = new Signer(createNodeSha256).signRequest(canonical, server.credentials, scope);
	return `${encodeKey(path())}?${formatQuery([...parameters, ["X-Amz-Signature", signature]])}`;
}

const host = () => ({ host: new URL(server.endpoint).host });

describe("a signature in headers", () => {
	test("lets in who has the keys, for any region and any key", async () => {
		for (const region of ["us-east-1", "eu-central-1", "auto"])
			expect(await send(server, { path: path(), region })).toMatchObject({ status: 200, body: "hello" });
	});

	test.each([
		["without a signature", {}, "AccessDenied"],
		["of the older kind", { authorization: "AWS key:c2lnbmF0dXJl" }, "InvalidRequest"],
		["that is empty", { authorization: "" }, "AuthorizationHeaderMalformed"],
	])("a request %s is refused", async (_what, headers, code) => {
		const answer = await sendAs(server, "GET", encodeKey(path()), { ...host(), ...headers });
		expect(answer.status).toBeGreaterThanOrEqual(400);
		expect(answer.code).toBe(code);
	});

	test("counts for the request that it was made for only", async () => {
		const { target, headers } = signed(server, { path: path() });
		const authorization = headers["authorization"] ?? "";
		const changed = {
			...headers,
			authorization: authorization.replace(/.$/, (last) => (last === "0" ? "1" : "0")),
		};
		const codes = [
			await sendAs(server, "DELETE", target, headers),
			await sendAs(server, "GET", `${target}x`, headers),
			await sendAs(server, "GET", `${target}?versionId=null`, headers),
			await sendAs(server, "GET", target, { ...headers, "x-amz-content-sha256": "UNSIGNED-PAYLOAD" }),
			await sendAs(server, "GET", target, changed),
		].map(({ code }) => code);
		expect(new Set(codes)).toEqual(new Set(["SignatureDoesNotMatch"]));
	});

	test("covers every x-amz header, and the host", async () => {
		expect(await send(server, { path: path(), unsigned: { "x-amz-meta-added": "1" } })).toMatchObject({
			status: 403,
			code: "AccessDenied",
		});
	});

	test("is only good for a quarter of an hour, before and after", async () => {
		for (const offset of [-16, 16])
			expect(await send(server, { path: path(), time: Date.now() + offset * minute })).toMatchObject({
				status: 403,
				code: "RequestTimeTooSkewed",
			});
		for (const offset of [-14, 14])
			expect(await send(server, { path: path(), time: Date.now() + offset * minute })).toMatchObject({
				status: 200,
			});
	});

	test("by other keys is refused, saying which of the two is wrong", async () => {
		const stranger = { ...server, credentials: { accessKeyId: "nobody", secretAccessKey: "x" } };
		expect(await send(stranger, { path: path() })).toMatchObject({ status: 403, code: "InvalidAccessKeyId" });
		const wrong = { ...server, credentials: { ...server.credentials, secretAccessKey: "x" } };
		expect(await send(wrong, { path: path() })).toMatchObject({ status: 403, code: "SignatureDoesNotMatch" });
	});

	test("says what the body is", async () => {
		const put = { method: "PUT", path: `/${bucket}/body`, body: "these bytes" };
		const payload = createHash("sha256").update("other bytes").digest("hex");
		expect(await send(server, { ...put, payload })).toMatchObject({
			status: 400,
			code: "XAmzContentSHA256Mismatch",
		});
		expect(await server.openStore(bucket).head("body")).toBeUndefined();
		expect(await send(server, { ...put, payload: "anything" })).toMatchObject({
			status: 400,
			code: "InvalidArgument",
		});
		expect(await send(server, put)).toMatchObject({ status: 200 });
		expect(await send(server, { ...put, payload: "UNSIGNED-PAYLOAD" })).toMatchObject({ status: 200 });
	});
});

describe("a presigned address", () => {
	test("of the older kind is told that it is not supported", async () => {
		const query = `AWSAccessKeyId=${server.credentials.accessKeyId}&Signature=c2lnbmF0dXJl&Expires=9999999999`;
		const answer = await sendAs(server, "GET", `${encodeKey(path())}?${query}`, host());
		expect(answer).toMatchObject({ status: 400, code: "InvalidRequest" });
		expect(answer.body).toContain("AWS4-HMAC-SHA256");
	});

	test("lets in whoever has it, until it expires", async () => {
		expect(await sendAs(server, "GET", presign(), host())).toMatchObject({ status: 200, body: "hello" });
		const old = presign({ time: Date.now() - 2 * minute });
		expect(await sendAs(server, "GET", old, host())).toMatchObject({ status: 403, code: "AccessDenied" });
		const early = presign({ time: Date.now() + 16 * minute });
		expect(await sendAs(server, "GET", early, host())).toMatchObject({ status: 403, code: "AccessDenied" });
	});

	test("lasts for a week at most", async () => {
		for (const seconds of ["604801", "0", "-1", "1e3", ""])
			expect(await sendAs(server, "GET", presign({ seconds }), host()), seconds).toMatchObject({
				status: 400,
				code: "AuthorizationQueryParametersError",
			});
	});

	test("is for one method, and for the parameters that it has", async () => {
		expect(await sendAs(server, "DELETE", presign(), host())).toMatchObject({
			code: "SignatureDoesNotMatch",
		});
		const longer = presign().replace("X-Amz-Expires=60", "X-Amz-Expires=600");
		expect(await sendAs(server, "GET", longer, host())).toMatchObject({ code: "SignatureDoesNotMatch" });
		const other = `${presign()}&versionId=null`;
		expect(await sendAs(server, "GET", other, host())).toMatchObject({ code: "SignatureDoesNotMatch" });
	});

	test("can say how the answer is to be served", async () => {
		const extra: [string, string][] = [["response-content-disposition", 'attachment; filename="a.txt"']];
		const answer = await sendAs(server, "GET", presign({ extra }), host());
		expect(answer).toMatchObject({
			status: 200,
			headers: { "content-disposition": 'attachment; filename="a.txt"' },
		});
		const split: [string, string][] = [["response-content-type", "text/html\r\nset-cookie: a=b"]];
		expect(await sendAs(server, "GET", presign({ extra: split }), host())).toMatchObject({
			code: "InvalidArgument",
		});
	});
});
