import { createHash } from "node:crypto";
import { expect } from "vitest";
import { createCrc64Nvme } from "../../../src/core/crc64nvme.ts";
import { conformance } from "./suite.ts";
import { elements, md5, sha256, text, texts, type RawAnswer } from "./raw.ts";

const mebibyte = 2 ** 20;
/** Parts of the least size, and a short last one. */
const parts = [Buffer.alloc(5 * mebibyte, "first part; "), Buffer.alloc(mebibyte, "second part; ")] as const;
const whole = Buffer.concat(parts);

const digestOfDigests = (algorithm: "md5" | "sha256", encoding: "hex" | "base64"): string => {
	const outer = createHash(algorithm);
	for (const part of parts) outer.update(createHash(algorithm).update(part).digest());
	return outer.digest(encoding);
};
const crc64 = (bytes: Uint8Array): string => {
	const digest = createCrc64Nvme();
	digest.update(bytes);
	return Buffer.from(digest.digest()).toString("base64");
};

type Part = { readonly number: number; readonly etag: string; readonly fields?: string };

conformance("uploads in parts", ({ spec, server, ask }) => {
	const key = "large";
	const begin = async (bucket: string, headers: Record<string, string> = {}): Promise<string> => {
		const answer = await ask({ method: "POST", bucket, key, query: { uploads: "" }, headers });
		expect(answer.status).toBe(200);
		return text(answer, "UploadId");
	};
	const sendPart = async (
		bucket: string,
		uploadId: string,
		number: number,
		body: Uint8Array,
		headers: Record<string, string> = {},
	): Promise<RawAnswer> =>
		ask({ method: "PUT", bucket, key, query: { uploadId, partNumber: String(number) }, headers, body });
	const complete = async (
		bucket: string,
		uploadId: string,
		list: readonly Part[],
		headers: Record<string, string> = {},
	): Promise<RawAnswer> => {
		const items = list.map(
			({ number, etag, fields = "" }) =>
				`<Part><PartNumber>${number}</PartNumber><ETag>${etag.replaceAll('"', "&quot;")}</ETag>${fields}</Part>`,
		);
		const body = `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${items.join("")}</CompleteMultipartUpload>`;
		return ask({ method: "POST", bucket, key, query: { uploadId }, headers, body });
	};
	const sendAll = async (bucket: string, uploadId: string): Promise<Part[]> => {
		const sent: Part[] = [];
		for (const [index, body] of parts.entries()) {
			const answer = await sendPart(bucket, uploadId, index + 1, body);
			expect(answer.status).toBe(200);
			sent.push({ number: index + 1, etag: answer.headers.etag ?? "" });
		}
		return sent;
	};
	const head = async (bucket: string): Promise<RawAnswer> =>
		ask({ method: "HEAD", bucket, key, headers: { "x-amz-checksum-mode": "ENABLED" } });

	spec("become one object, which appears when they are completed", async () => {
		const bucket = await server().makeBucket({ versions: true });
		const uploadId = await begin(bucket, { "x-amz-meta-colour": "blue", "content-type": "text/x-odd" });
		const sent = await sendAll(bucket, uploadId);
		expect(sent.map(({ etag }) => etag)).toEqual(parts.map((part) => `"${md5(part, "hex")}"`));
		expect((await head(bucket)).status).toBe(404);
		const done = await complete(bucket, uploadId, sent);
		expect(done.status).toBe(200);
		const etag = `"${digestOfDigests("md5", "hex")}-2"`;
		expect(text(done, "ETag")).toBe(etag);
		const object = await ask({ bucket, key });
		expect(object.body.equals(whole)).toBe(true);
		expect(object.headers).toMatchObject({ etag, "x-amz-meta-colour": "blue", "content-type": "text/x-odd" });
		expect(object.headers["x-amz-version-id"]).toBe(done.headers["x-amz-version-id"]);
		const range = { range: `bytes=${5 * mebibyte - 3}-${5 * mebibyte + 2}` };
		const across = await ask({ bucket, key, headers: range });
		expect(across.body.equals(whole.subarray(5 * mebibyte - 3, 5 * mebibyte + 3))).toBe(true);
	});

	spec("with SHA-256 have the checksum of the checksums", async () => {
		const bucket = await server().makeBucket();
		const uploadId = await begin(bucket, { "x-amz-checksum-algorithm": "SHA256" });
		const list: Part[] = [];
		for (const [index, body] of parts.entries()) {
			const sum = sha256(body, "base64");
			const answer = await sendPart(bucket, uploadId, index + 1, body, { "x-amz-checksum-sha256": sum });
			expect(answer.headers["x-amz-checksum-sha256"]).toBe(sum);
			const fields = `<ChecksumSHA256>${sum}</ChecksumSHA256>`;
			list.push({ number: index + 1, etag: answer.headers.etag ?? "", fields });
		}
		const done = await complete(bucket, uploadId, list);
		expect(done.status).toBe(200);
		const expected = `${digestOfDigests("sha256", "base64")}-2`;
		expect(text(done, "ChecksumSHA256")).toBe(expected);
		expect((await head(bucket)).headers["x-amz-checksum-sha256"]).toBe(expected);
	});

	spec("with SHA-256 tell that theirs is a checksum of checksums", async () => {
		const bucket = await server().makeBucket();
		const uploadId = await begin(bucket, { "x-amz-checksum-algorithm": "SHA256" });
		const sum = sha256(parts[0], "base64");
		const answer = await sendPart(bucket, uploadId, 1, parts[0], { "x-amz-checksum-sha256": sum });
		const fields = `<ChecksumSHA256>${sum}</ChecksumSHA256>`;
		await complete(bucket, uploadId, [{ number: 1, etag: answer.headers.etag ?? "", fields }]);
		const told = (await head(bucket)).headers;
		expect(told["x-amz-checksum-type"]).toBe("COMPOSITE");
		expect(told["x-amz-checksum-sha256"]).toMatch(/-1$/);
	});

	spec("with CRC64NVME have the checksum of the whole", async () => {
		const bucket = await server().makeBucket();
		const headers = { "x-amz-checksum-algorithm": "CRC64NVME", "x-amz-checksum-type": "FULL_OBJECT" };
		const uploadId = await begin(bucket, headers);
		const list: Part[] = [];
		for (const [index, body] of parts.entries()) {
			const sum = crc64(body);
			const answer = await sendPart(bucket, uploadId, index + 1, body, { "x-amz-checksum-crc64nvme": sum });
			expect(answer.status).toBe(200);
			const fields = `<ChecksumCRC64NVME>${sum}</ChecksumCRC64NVME>`;
			list.push({ number: index + 1, etag: answer.headers.etag ?? "", fields });
		}
		expect((await complete(bucket, uploadId, list)).status).toBe(200);
		expect((await head(bucket)).headers).toMatchObject({
			"x-amz-checksum-crc64nvme": crc64(whole),
			"x-amz-checksum-type": "FULL_OBJECT",
		});
	});

	spec("with a wrong checksum of the whole are refused", async () => {
		const bucket = await server().makeBucket();
		const headers = { "x-amz-checksum-algorithm": "CRC64NVME", "x-amz-checksum-type": "FULL_OBJECT" };
		const uploadId = await begin(bucket, headers);
		const sum = crc64(parts[0]);
		const answer = await sendPart(bucket, uploadId, 1, parts[0], { "x-amz-checksum-crc64nvme": sum });
		const fields = `<ChecksumCRC64NVME>${sum}</ChecksumCRC64NVME>`;
		const list = [{ number: 1, etag: answer.headers.etag ?? "", fields }];
		const wrong = { "x-amz-checksum-crc64nvme": crc64(parts[1]), "x-amz-checksum-type": "FULL_OBJECT" };
		expect((await complete(bucket, uploadId, list, wrong)).status).toBe(400);
		expect((await head(bucket)).status).toBe(404);
	});

	spec("a part with a wrong checksum is refused", async () => {
		const bucket = await server().makeBucket();
		const uploadId = await begin(bucket, { "x-amz-checksum-algorithm": "SHA256" });
		const wrong = { "x-amz-checksum-sha256": sha256(parts[0], "base64") };
		expect((await sendPart(bucket, uploadId, 1, parts[1], wrong)).status).toBe(400);
		const listed = await ask({ bucket, key, query: { uploadId } });
		expect(elements(listed, "Part")).toEqual([]);
	});

	spec("the parts that have arrived are listed, page by page", async () => {
		const bucket = await server().makeBucket();
		const uploadId = await begin(bucket, { "x-amz-checksum-algorithm": "SHA256" });
		const sums = ["one", "two", "three"].map((body) => sha256(body, "base64"));
		for (const [index, body] of ["one", "two", "three"].entries()) {
			const headers = { "x-amz-checksum-sha256": sums[index]! };
			await sendPart(bucket, uploadId, index + 1, Buffer.from(body), headers);
		}
		const first = await ask({ bucket, key, query: { uploadId, "max-parts": "2" } });
		expect(texts(first, "Part", "PartNumber")).toEqual(["1", "2"]);
		expect(texts(first, "Part", "Size")).toEqual(["3", "3"]);
		expect(texts(first, "Part", "ChecksumSHA256")).toEqual(sums.slice(0, 2));
		expect(text(first, "IsTruncated")).toBe("true");
		const marker = text(first, "NextPartNumberMarker");
		const next = await ask({ bucket, key, query: { uploadId, "part-number-marker": marker } });
		expect(texts(next, "Part", "PartNumber")).toEqual(["3"]);
		expect(text(next, "IsTruncated")).toBe("false");
	});

	spec("a part that is sent again replaces the first", async () => {
		const bucket = await server().makeBucket();
		const uploadId = await begin(bucket);
		await sendPart(bucket, uploadId, 1, Buffer.from("old"));
		const { headers } = await sendPart(bucket, uploadId, 1, Buffer.from("new!"));
		expect((await complete(bucket, uploadId, [{ number: 1, etag: headers.etag ?? "" }])).status).toBe(200);
		expect((await ask({ bucket, key })).text).toBe("new!");
	});

	spec("wrong completions are refused", async () => {
		const bucket = await server().makeBucket();
		const uploadId = await begin(bucket);
		const [one, two] = await sendAll(bucket, uploadId);
		for (const [list, code] of [
			[[{ number: 1, etag: `"${md5("other", "hex")}"` }, two!], "InvalidPart"],
			[[one!, { number: 3, etag: two!.etag }], "InvalidPart"],
		] as const) {
			const answer = await complete(bucket, uploadId, list);
			expect(answer, code).toMatchObject({ status: 400, code });
		}
		const nowhere = await complete(bucket, "00000000-0000-0000-0000-000000000000", [one!]);
		expect(nowhere).toMatchObject({ status: 404, code: "NoSuchUpload" });
		expect((await head(bucket)).status).toBe(404);
		expect((await complete(bucket, uploadId, [one!, two!])).status).toBe(200);
	});

	spec("a completion without parts is refused", async () => {
		const bucket = await server().makeBucket();
		const uploadId = await begin(bucket);
		expect(await complete(bucket, uploadId, [])).toMatchObject({ status: 400, code: "MalformedXML" });
	});

	spec("a completion in another order is refused", async () => {
		const bucket = await server().makeBucket();
		const uploadId = await begin(bucket);
		const sent: Part[] = [];
		for (const number of [2, 1]) {
			const { headers } = await sendPart(bucket, uploadId, number, parts[0]);
			sent.push({ number, etag: headers.etag ?? "" });
		}
		expect(await complete(bucket, uploadId, sent)).toMatchObject({ status: 400, code: "InvalidPartOrder" });
	});

	spec("parts that are too small are refused", async () => {
		const bucket = await server().makeBucket();
		const uploadId = await begin(bucket);
		const sent: Part[] = [];
		for (const number of [1, 2]) {
			const { headers } = await sendPart(bucket, uploadId, number, Buffer.from("small"));
			sent.push({ number, etag: headers.etag ?? "" });
		}
		expect(await complete(bucket, uploadId, sent)).toMatchObject({ status: 400, code: "EntityTooSmall" });
	});

	spec("part numbers are 1 to 10,000", async () => {
		const bucket = await server().makeBucket();
		const uploadId = await begin(bucket);
		for (const number of [0, 10_001]) {
			expect((await sendPart(bucket, uploadId, number, Buffer.from("x"))).status, String(number)).toBe(400);
		}
		expect((await sendPart(bucket, uploadId, 10_000, Buffer.from("x"))).status).toBe(200);
	});

	spec("can be aborted, and are gone then", async () => {
		const bucket = await server().makeBucket();
		const uploadId = await begin(bucket);
		const [one] = await sendAll(bucket, uploadId);
		expect((await ask({ method: "DELETE", bucket, key, query: { uploadId } })).status).toBe(204);
		const gone = { status: 404, code: "NoSuchUpload" };
		expect(await sendPart(bucket, uploadId, 1, Buffer.from("x"))).toMatchObject(gone);
		expect(await complete(bucket, uploadId, [one!])).toMatchObject(gone);
		expect(await ask({ bucket, key, query: { uploadId } })).toMatchObject(gone);
	});

	spec("are listed while they are open", async () => {
		const bucket = await server().makeBucket();
		const ids = [await begin(bucket), await begin(bucket)];
		const listed = await ask({ bucket, query: { uploads: "", prefix: key } });
		expect(texts(listed, "Upload", "Key")).toEqual([key, key]);
		expect(new Set(texts(listed, "Upload", "UploadId"))).toEqual(new Set(ids));
		for (const uploadId of ids) await ask({ method: "DELETE", bucket, key, query: { uploadId } });
		expect(texts(await ask({ bucket, query: { uploads: "" } }), "Upload", "Key")).toEqual([]);
	});

	spec("If-None-Match: * holds when they are completed", async () => {
		const bucket = await server().makeBucket();
		const uploadId = await begin(bucket);
		const sent = await sendAll(bucket, uploadId);
		await ask({ method: "PUT", bucket, key, body: "before" });
		const refused = await complete(bucket, uploadId, sent, { "if-none-match": "*" });
		expect(refused).toMatchObject({ status: 412, code: "PreconditionFailed" });
		expect((await ask({ bucket, key })).text).toBe("before");
	});

	spec("If-Match holds when they are completed", async () => {
		const bucket = await server().makeBucket();
		await ask({ method: "PUT", bucket, key, body: "before" });
		for (const [etag, status] of [
			["other", 412],
			["before", 200],
		] as const) {
			const uploadId = await begin(bucket);
			const sent = await sendAll(bucket, uploadId);
			const answer = await complete(bucket, uploadId, sent, { "if-match": `"${md5(etag, "hex")}"` });
			expect(answer.status, etag).toBe(status);
		}
		expect((await ask({ bucket, key })).body.equals(whole)).toBe(true);
	});
});
