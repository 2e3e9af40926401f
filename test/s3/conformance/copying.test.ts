import { expect } from "vitest";
import { conformance } from "./suite.ts";
import { md5, sha256, text, type RawAnswer } from "./raw.ts";

const mebibyte = 2 ** 20;

conformance("copying", ({ spec, server, ask, put }) => {
	const from = (bucket: string, key: string, versionId?: string): string =>
		`/${bucket}/${key.split("/").map(encodeURIComponent).join("/")}${versionId === undefined ? "" : `?versionId=${versionId}`}`;
	const copy = async (
		bucket: string,
		key: string,
		source: string,
		headers: Record<string, string> = {},
	): Promise<RawAnswer> =>
		ask({ method: "PUT", bucket, key, headers: { "x-amz-copy-source": source, ...headers } });

	spec("keeps the bytes and what is known of them", async () => {
		const [one, two] = [await server().makeBucket(), await server().makeBucket()];
		await put(one, "a", "content", { "x-amz-meta-colour": "blue", "content-type": "text/x-odd" });
		const answer = await copy(two, "b", from(one, "a"));
		expect(answer.status).toBe(200);
		expect(text(answer, "ETag")).toBe(`"${md5("content", "hex")}"`);
		const object = await ask({ bucket: two, key: "b" });
		expect(object.text).toBe("content");
		expect(object.headers).toMatchObject({ "x-amz-meta-colour": "blue", "content-type": "text/x-odd" });
	});

	spec("replaces what is known when that is wanted", async () => {
		const bucket = await server().makeBucket();
		await put(bucket, "a", "content", { "x-amz-meta-colour": "blue" });
		const headers = { "x-amz-metadata-directive": "REPLACE", "x-amz-meta-size": "large" };
		for (const key of ["b", "a"]) {
			expect((await copy(bucket, key, from(bucket, "a"), headers)).status).toBe(200);
			const object = await ask({ bucket, key });
			expect(object.text).toBe("content");
			expect(object.headers["x-amz-meta-size"]).toBe("large");
			expect(object.headers["x-amz-meta-colour"]).toBeUndefined();
		}
	});

	spec("onto itself without a change is refused", async () => {
		const bucket = await server().makeBucket();
		await put(bucket, "a", "content");
		expect(await copy(bucket, "a", from(bucket, "a"))).toMatchObject({ status: 400, code: "InvalidRequest" });
	});

	spec("takes odd keys, empty objects and versions", async () => {
		const bucket = await server().makeBucket({ versions: true });
		const key = "odd key+%?#/ü";
		const first = (await put(bucket, key, "first")).headers["x-amz-version-id"];
		await put(bucket, key, "second");
		await put(bucket, "empty", "");
		expect((await copy(bucket, "b", from(bucket, key))).status).toBe(200);
		expect((await ask({ bucket, key: "b" })).text).toBe("second");
		const old = await copy(bucket, "c", from(bucket, key, String(first)));
		expect(old.headers).toMatchObject({ "x-amz-copy-source-version-id": first });
		expect(old.headers["x-amz-version-id"]).toEqual(expect.any(String));
		expect((await ask({ bucket, key: "c" })).text).toBe("first");
		expect((await copy(bucket, "d", from(bucket, "empty"))).status).toBe(200);
		expect((await ask({ bucket, key: "d" })).headers["content-length"]).toBe("0");
	});

	spec("adds the checksum that is asked for", async () => {
		const bucket = await server().makeBucket();
		await put(bucket, "a", "content");
		await copy(bucket, "b", from(bucket, "a"), { "x-amz-checksum-algorithm": "SHA256" });
		const told = await ask({
			method: "HEAD",
			bucket,
			key: "b",
			headers: { "x-amz-checksum-mode": "ENABLED" },
		});
		expect(told.headers["x-amz-checksum-sha256"]).toBe(sha256("content", "base64"));
	});

	spec("heeds the state of its source", async () => {
		const bucket = await server().makeBucket();
		await put(bucket, "a", "content");
		const [right, wrong] = [`"${md5("content", "hex")}"`, `"${md5("other", "hex")}"`];
		const state = (name: string, value: string) => ({ [`x-amz-copy-source-${name}`]: value });
		for (const [headers, status] of [
			[state("if-match", wrong), 412],
			[state("if-match", right), 200],
			[state("if-none-match", wrong), 200],
		] as const) {
			expect((await copy(bucket, "b", from(bucket, "a"), headers)).status, JSON.stringify(headers)).toBe(
				status,
			);
		}
	});

	spec("refuses a source that the client knows already", async () => {
		const bucket = await server().makeBucket();
		await put(bucket, "a", "content");
		const known = { "x-amz-copy-source-if-none-match": `"${md5("content", "hex")}"` };
		expect((await copy(bucket, "b", from(bucket, "a"), known)).status).toBe(412);
	});

	spec("names what is not there", async () => {
		const bucket = await server().makeBucket();
		expect(await copy(bucket, "b", from(bucket, "none"))).toMatchObject({ status: 404, code: "NoSuchKey" });
		expect(await copy(bucket, "b", from("no-such-bucket-here", "a"))).toMatchObject({
			status: 404,
			code: "NoSuchBucket",
		});
		expect((await ask({ method: "HEAD", bucket, key: "b" })).status).toBe(404);
	});

	spec("takes parts of objects into parts of uploads", async () => {
		const bucket = await server().makeBucket({ versions: true });
		const source = Buffer.alloc(6 * mebibyte, "source of the parts; ");
		const versionId = String((await put(bucket, "a", source)).headers["x-amz-version-id"]);
		await put(bucket, "a", "changed since");
		const key = "b";
		const begun = await ask({ method: "POST", bucket, key, query: { uploads: "" } });
		const uploadId = text(begun, "UploadId");
		const ranges = [
			[0, 5 * mebibyte - 1],
			[5 * mebibyte, 6 * mebibyte - 1],
		] as const;
		const items: string[] = [];
		for (const [index, [start, end]] of ranges.entries()) {
			const answer = await ask({
				method: "PUT",
				bucket,
				key,
				query: { uploadId, partNumber: String(index + 1) },
				headers: {
					"x-amz-copy-source": from(bucket, "a", versionId),
					"x-amz-copy-source-range": `bytes=${start}-${end}`,
				},
			});
			expect(answer.status).toBe(200);
			const etag = text(answer, "ETag");
			expect(etag).toBe(`"${md5(source.subarray(start, end + 1), "hex")}"`);
			items.push(`<Part><PartNumber>${index + 1}</PartNumber><ETag>${etag}</ETag></Part>`);
		}
		const body = `<CompleteMultipartUpload>${items.join("")}</CompleteMultipartUpload>`;
		expect((await ask({ method: "POST", bucket, key, query: { uploadId }, body })).status).toBe(200);
		expect((await ask({ bucket, key })).body.equals(source)).toBe(true);
	});

	spec("refuses parts of objects that are not there or have changed", async () => {
		const bucket = await server().makeBucket();
		await put(bucket, "a", "0123456789");
		const begun = await ask({ method: "POST", bucket, key: "b", query: { uploads: "" } });
		const query = { uploadId: text(begun, "UploadId"), partNumber: "1" };
		const part = async (source: string, headers: Record<string, string>): Promise<RawAnswer> =>
			ask({ method: "PUT", bucket, key: "b", query, headers: { "x-amz-copy-source": source, ...headers } });
		expect(await part(from(bucket, "none"), {})).toMatchObject({ status: 404, code: "NoSuchKey" });
		const other = { "x-amz-copy-source-if-match": `"${md5("other", "hex")}"` };
		expect(await part(from(bucket, "a"), other)).toMatchObject({ status: 412, code: "PreconditionFailed" });
		const far = { "x-amz-copy-source-range": "bytes=5-20" };
		const refused = await part(from(bucket, "a"), far);
		expect([400, 416]).toContain(refused.status);
	});
});
