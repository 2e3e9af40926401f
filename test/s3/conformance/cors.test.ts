import { expect } from "vitest";
import { conformance } from "./suite.ts";
import { md5 } from "./raw.ts";

const origin = "http://pages.example";

conformance("pages of other origins", ({ spec, server, ask, put }) => {
	/** A bucket that allows them: by its own rules, or because the server allows them for all of its buckets. */
	const open = async (): Promise<string> => {
		const bucket = await server().makeBucket();
		await put(bucket, "a", "content");
		const body =
			`<CORSConfiguration><CORSRule><AllowedOrigin>${origin}</AllowedOrigin>` +
			["GET", "PUT", "HEAD", "POST", "DELETE"]
				.map((name) => `<AllowedMethod>${name}</AllowedMethod>`)
				.join("") +
			"<AllowedHeader>*</AllowedHeader><ExposeHeader>ETag</ExposeHeader></CORSRule></CORSConfiguration>";
		const headers = { "content-md5": md5(body, "base64") };
		const answer = await ask({ method: "PUT", bucket, query: { cors: "" }, headers, body });
		expect([200, 501]).toContain(answer.status);
		return bucket;
	};

	spec("are told by a preflight what they may do", async () => {
		const bucket = await open();
		for (const method of ["GET", "PUT"]) {
			const answer = await ask({
				method: "OPTIONS",
				bucket,
				key: "a",
				sign: "nowhere",
				headers: {
					origin,
					"access-control-request-method": method,
					"access-control-request-headers": "authorization,x-amz-date,x-amz-content-sha256",
				},
			});
			expect([200, 204], method).toContain(answer.status);
			expect([origin, "*"], method).toContain(answer.headers["access-control-allow-origin"]);
			expect(answer.headers["access-control-allow-methods"], method).toContain(method);
			expect(answer.headers["access-control-allow-headers"]?.toLowerCase(), method).toContain("x-amz-date");
		}
	});

	spec("may read answers, also refusals", async () => {
		const bucket = await open();
		for (const key of ["a", "none"]) {
			const answer = await ask({ bucket, key, headers: { origin } });
			expect([origin, "*"], key).toContain(answer.headers["access-control-allow-origin"]);
			expect(answer.headers["access-control-expose-headers"]?.toLowerCase(), key).toContain("etag");
		}
	});
});
