import { expect } from "vitest";
import { conformance } from "./suite.ts";
import type { RawRequest } from "./raw.ts";

conformance("signatures", ({ spec, server, ask, put }) => {
	const filled = async (): Promise<string> => {
		const bucket = await server().makeBucket();
		await put(bucket, "a", "content");
		await put(bucket, "secret", "other content");
		return bucket;
	};
	const refused = async (request: RawRequest, code: string | RegExp): Promise<void> => {
		const answer = await ask(request);
		expect(answer.status).toBe(403);
		expect(answer.code).toMatch(code);
		expect(answer.text).not.toContain("content<");
	};
	const hour = 3_600_000;

	spec("are needed", async () => {
		const bucket = await filled();
		await refused({ bucket, key: "a", sign: "nowhere" }, "AccessDenied");
		await refused({ method: "PUT", bucket, key: "b", body: "x", sign: "nowhere" }, "AccessDenied");
		await refused({ bucket, query: { "list-type": "2" }, sign: "nowhere" }, "AccessDenied");
		expect((await ask({ method: "HEAD", bucket, key: "b" })).status).toBe(404);
	});

	spec("need the right keys", async () => {
		const bucket = await filled();
		const { accessKeyId, secretAccessKey } = server().credentials;
		const wrong = { accessKeyId, secretAccessKey: `${secretAccessKey}x` };
		await refused({ bucket, key: "a", keys: wrong }, "SignatureDoesNotMatch");
	});

	spec("need known keys", async () => {
		const bucket = await filled();
		const { secretAccessKey } = server().credentials;
		const unknown = { accessKeyId: "AKIAUNKNOWN", secretAccessKey };
		await refused({ bucket, key: "a", keys: unknown }, "InvalidAccessKeyId");
	});

	spec("are of this hour", async () => {
		const bucket = await filled();
		for (const time of [Date.now() - hour, Date.now() + hour])
			await refused({ bucket, key: "a", time }, "RequestTimeTooSkewed");
		expect((await ask({ bucket, key: "a", time: Date.now() - hour / 10 })).status).toBe(200);
	});

	spec("hold the key, the query, the method and the headers", async () => {
		const bucket = await filled();
		const mismatch = "SignatureDoesNotMatch";
		const tampered = (change: RawRequest["tamper"]): RawRequest => ({
			bucket,
			key: "a",
			headers: { range: "bytes=0-1" },
			...(change === undefined ? {} : { tamper: change }),
		});
		await refused(
			tampered((sent) => ({ ...sent, target: `/${bucket}/secret` })),
			mismatch,
		);
		await refused(
			tampered((sent) => ({ ...sent, target: `${sent.target}?versionId=null` })),
			mismatch,
		);
		await refused(
			tampered((sent) => ({ ...sent, method: "DELETE" })),
			mismatch,
		);
		const headers = { range: "bytes=0-5" };
		await refused(
			tampered((sent) => ({ ...sent, headers: { ...sent.headers, ...headers } })),
			mismatch,
		);
		expect((await ask({ bucket, key: "a" })).text).toBe("content");
	});

	spec("in a URL give what they name", async () => {
		const bucket = await filled();
		const key = "odd key+%?#/ü";
		const url = { bucket, key, sign: "query" } as const;
		expect((await ask({ ...url, method: "PUT", body: "by URL" })).status).toBe(200);
		expect((await ask(url)).text).toBe("by URL");
		expect((await ask({ ...url, method: "HEAD" })).headers["content-length"]).toBe("6");
		const range = { headers: { range: "bytes=3-" } };
		expect(await ask({ ...url, ...range })).toMatchObject({ status: 206, text: "URL" });
		expect((await ask({ ...url, method: "DELETE" })).status).toBe(204);
		expect((await ask(url)).status).toBe(404);
	});

	spec("in a URL give versions, and headers that the URL names", async () => {
		const bucket = await server().makeBucket({ versions: true });
		const versionId = String((await put(bucket, "a", "old")).headers["x-amz-version-id"]);
		await put(bucket, "a", "new");
		const answer = await ask({
			bucket,
			key: "a",
			sign: "query",
			query: {
				versionId,
				"response-content-type": "text/x-odd",
				"response-content-disposition": 'attachment; filename="ü.txt"',
			},
		});
		expect(answer.text).toBe("old");
		expect(answer.headers["content-type"]).toBe("text/x-odd");
		expect(answer.headers["content-disposition"]).toContain("attachment");
	});

	spec("in a URL take a body of parts, too", async () => {
		const bucket = await filled();
		const url = { bucket, key: "b", sign: "query" } as const;
		const begun = await ask({ ...url, method: "POST", query: { uploads: "" } });
		const uploadId = /<UploadId>(.*?)<\/UploadId>/.exec(begun.text)?.[1] ?? "";
		const query = { uploadId, partNumber: "1" };
		const part = await ask({ ...url, method: "PUT", query, body: "a part" });
		const body = `<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>${part.headers.etag}</ETag></Part></CompleteMultipartUpload>`;
		expect((await ask({ ...url, method: "POST", query: { uploadId }, body })).status).toBe(200);
		expect((await ask(url)).text).toBe("a part");
	});

	spec("in a URL end", async () => {
		const bucket = await filled();
		const url = { bucket, key: "a", sign: "query" } as const;
		await refused({ ...url, expires: 60, time: Date.now() - 120_000 }, "AccessDenied");
		expect((await ask({ ...url, expires: 7200, time: Date.now() - hour })).status).toBe(200);
	});

	spec("in a URL are for a week at most", async () => {
		const bucket = await filled();
		for (const expires of [604_801, 0, -1]) {
			const answer = await ask({ bucket, key: "a", sign: "query", expires });
			expect([400, 403], String(expires)).toContain(answer.status);
			expect(answer.text, String(expires)).not.toBe("content");
		}
	});

	spec("in a URL hold the key, the query and the method", async () => {
		const bucket = await filled();
		const url = { bucket, key: "a", sign: "query" } as const;
		const mismatch = "SignatureDoesNotMatch";
		const at = (from: string, to: string): RawRequest => ({
			...url,
			tamper: (sent) => ({ ...sent, target: sent.target.replace(from, to) }),
		});
		await refused(at("/a?", "/secret?"), mismatch);
		await refused(at("X-Amz-Expires=60", "X-Amz-Expires=600"), mismatch);
		await refused(at("/a?", "/a?versionId=null&"), mismatch);
		await refused({ ...url, tamper: (sent) => ({ ...sent, method: "DELETE" }) }, mismatch);
		expect((await ask({ bucket, key: "a" })).text).toBe("content");
	});

	spec("that are malformed are refused and nothing else happens", async () => {
		const bucket = await filled();
		for (const authorization of ["", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=x", "Basic eDp5"]) {
			const answer = await ask({
				bucket,
				key: "a",
				tamper: (sent) => ({ ...sent, headers: { ...sent.headers, authorization } }),
			});
			expect([400, 403], authorization).toContain(answer.status);
		}
		expect((await ask({ bucket, key: "a" })).status).toBe(200);
	});
});
