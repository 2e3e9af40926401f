import { expect } from "vitest";
import { conformance } from "./suite.ts";
import { md5 } from "./raw.ts";

conformance("reading", ({ spec, server, ask, put }) => {
	const bucketWith = async (key: string, body: string, headers?: Record<string, string>): Promise<string> => {
		const bucket = await server().makeBucket();
		expect((await put(bucket, key, body, headers)).status).toBe(200);
		return bucket;
	};

	spec("GET gives the bytes and what is known of them", async () => {
		const headers = {
			"content-type": "text/x-odd",
			"cache-control": "max-age=60",
			"x-amz-meta-colour": "blue",
		};
		const bucket = await bucketWith("a", "0123456789", headers);
		const answer = await ask({ bucket, key: "a" });
		expect(answer.status).toBe(200);
		expect(answer.text).toBe("0123456789");
		expect(answer.headers).toMatchObject({
			...headers,
			"content-length": "10",
			"accept-ranges": "bytes",
			etag: `"${md5("0123456789", "hex")}"`,
		});
		expect(Math.abs(Date.parse(answer.headers["last-modified"] ?? "") - Date.now())).toBeLessThan(60_000);
	});

	spec("HEAD gives the same without the bytes", async () => {
		const bucket = await bucketWith("a", "0123456789", { "x-amz-meta-colour": "blue" });
		const [head, get] = [await ask({ method: "HEAD", bucket, key: "a" }), await ask({ bucket, key: "a" })];
		expect(head.status).toBe(200);
		expect(head.body).toHaveLength(0);
		for (const name of ["content-length", "etag", "last-modified", "x-amz-meta-colour"])
			expect(head.headers[name], name).toBe(get.headers[name]);
	});

	spec("GET gives ranges", async () => {
		const bucket = await bucketWith("a", "0123456789");
		for (const [range, bytes, place] of [
			["bytes=2-4", "234", "bytes 2-4/10"],
			["bytes=5-", "56789", "bytes 5-9/10"],
			["bytes=-3", "789", "bytes 7-9/10"],
			["bytes=-30", "0123456789", "bytes 0-9/10"],
			["bytes=8-100", "89", "bytes 8-9/10"],
			["bytes=0-0", "0", "bytes 0-0/10"],
		] as const) {
			const answer = await ask({ bucket, key: "a", headers: { range } });
			expect(answer.status, range).toBe(206);
			expect(answer.text, range).toBe(bytes);
			expect(answer.headers["content-range"], range).toBe(place);
			expect(answer.headers["content-length"], range).toBe(String(bytes.length));
		}
	});

	spec("HEAD tells ranges", async () => {
		const bucket = await bucketWith("a", "0123456789");
		const answer = await ask({ method: "HEAD", bucket, key: "a", headers: { range: "bytes=2-4" } });
		expect(answer.status).toBe(206);
		expect(answer.headers).toMatchObject({ "content-length": "3", "content-range": "bytes 2-4/10" });
	});

	spec("GET refuses ranges that begin behind the end", async () => {
		const bucket = await bucketWith("a", "0123456789");
		expect((await put(bucket, "empty", "")).status).toBe(200);
		for (const [key, range] of [
			["a", "bytes=10-"],
			["a", "bytes=20-30"],
			["empty", "bytes=0-"],
		] as const) {
			const answer = await ask({ bucket, key, headers: { range } });
			expect(answer.status, range).toBe(416);
			expect(answer.code, range).toBe("InvalidRange");
		}
	});

	spec("GET ignores ranges that are none", async () => {
		const bucket = await bucketWith("a", "0123456789");
		for (const range of ["bytes=4-2", "lines=1-2", "bytes=x-y"]) {
			const answer = await ask({ bucket, key: "a", headers: { range } });
			expect(answer.status, range).toBe(200);
			expect(answer.text, range).toBe("0123456789");
		}
	});

	spec("GET gives objects without a byte", async () => {
		const bucket = await bucketWith("empty", "");
		const answer = await ask({ bucket, key: "empty" });
		expect(answer.status).toBe(200);
		expect(answer.body).toHaveLength(0);
		expect(answer.headers).toMatchObject({ "content-length": "0", etag: `"${md5("", "hex")}"` });
	});

	spec("GET and HEAD heed the state that the client knows", async () => {
		const bucket = await bucketWith("a", "0123456789");
		const etag = `"${md5("0123456789", "hex")}"`;
		const before = new Date(Date.now() - 3_600_000).toUTCString();
		const after = new Date(Date.now() + 1000).toUTCString();
		await new Promise((resolve) => setTimeout(resolve, 2100));
		for (const method of ["GET", "HEAD"] as const) {
			for (const [headers, status] of [
				[{ "if-match": etag }, 200],
				[{ "if-match": '"other"' }, 412],
				[{ "if-none-match": etag }, 304],
				[{ "if-none-match": '"other"' }, 200],
				[{ "if-modified-since": before }, 200],
				[{ "if-modified-since": after }, 304],
				[{ "if-unmodified-since": before }, 412],
				[{ "if-unmodified-since": after }, 200],
			] as const) {
				const answer = await ask({ method, bucket, key: "a", headers });
				expect(answer.status, `${method} ${JSON.stringify(headers)}`).toBe(status);
			}
		}
	});

	spec("what is not there has a name", async () => {
		const bucket = await bucketWith("a", "x");
		expect(await ask({ bucket, key: "none" })).toMatchObject({ status: 404, code: "NoSuchKey" });
		expect(await ask({ method: "HEAD", bucket, key: "none" })).toMatchObject({ status: 404, text: "" });
		const away = { bucket: "no-such-bucket-here" };
		expect(await ask({ ...away, key: "a" })).toMatchObject({ status: 404, code: "NoSuchBucket" });
		expect(await put(away.bucket, "a", "x")).toMatchObject({ status: 404, code: "NoSuchBucket" });
		expect(await ask({ ...away, query: { "list-type": "2" } })).toMatchObject({
			status: 404,
			code: "NoSuchBucket",
		});
		expect(await ask({ method: "HEAD", ...away })).toMatchObject({ status: 404 });
		expect(await ask({ method: "HEAD", bucket })).toMatchObject({ status: 200 });
	});

	spec("keys are any text", async () => {
		const bucket = await server().makeBucket();
		const keys = [
			"with space",
			"a+b",
			"100%",
			"%41",
			"hash#tag",
			"what?=&",
			"ü/日本/😀",
			"cafe\u0301",
			"quo'te\"d",
			"semi;colon:@,$!*()",
			"<xml>&amp;",
			"back\\slash",
			"~tilde-._",
			".hidden",
		];
		for (const key of keys) expect((await put(bucket, key, `content of ${key}`)).status, key).toBe(200);
		for (const key of keys) expect((await ask({ bucket, key })).text, key).toBe(`content of ${key}`);
	});

	spec("a key that is one byte too long is refused", async () => {
		const bucket = await server().makeBucket();
		const key = Array.from({ length: 8 }, () => "k".repeat(127)).join("/");
		expect((await put(bucket, `${key}k`, "x")).status).toBe(200);
		expect(await put(bucket, `${key}kk`, "x")).toMatchObject({ status: 400, code: "KeyTooLongError" });
	});

	spec("buckets are listed, and made and removed once", async () => {
		const bucket = await bucketWith("a", "x");
		const listed = await ask({});
		expect(listed.status).toBe(200);
		expect(listed.text).toContain(`<Name>${bucket}</Name>`);
		const again = await ask({ method: "PUT", bucket });
		expect([200, 409]).toContain(again.status);
		if (again.status === 409) expect(again.code).toMatch(/^BucketAlready(OwnedByYou|Exists)$/);
		expect(await ask({ method: "DELETE", bucket })).toMatchObject({ status: 409, code: "BucketNotEmpty" });
		expect((await ask({ method: "DELETE", bucket, key: "a" })).status).toBe(204);
		expect((await ask({ method: "DELETE", bucket })).status).toBe(204);
		expect((await ask({ method: "HEAD", bucket })).status).toBe(404);
		const location = await ask({ bucket: await server().makeBucket(), query: { location: "" } });
		expect(location.status).toBe(200);
		expect(location.text).toContain("LocationConstraint");
	});
});
