import { crc32 } from "node:zlib";
import { expect } from "vitest";
import { createCrc64Nvme } from "../../../src/core/crc64nvme.ts";
import { sendChunked } from "./chunked.ts";
import { conformance } from "./suite.ts";
import { md5, sha256, type RawAnswer } from "./raw.ts";

const crc64 = (bytes: Uint8Array): string => {
	const digest = createCrc64Nvme();
	digest.update(bytes);
	return Buffer.from(digest.digest()).toString("base64");
};
const crc32Of = (bytes: Uint8Array): string => {
	const word = Buffer.alloc(4);
	word.writeUInt32BE(crc32(bytes));
	return word.toString("base64");
};

/** Of each algorithm: the checksum, in the form of its header. */
const algorithms = {
	sha256: (bytes: Uint8Array) => sha256(bytes, "base64"),
	crc64nvme: crc64,
	crc32: crc32Of,
} as const;

const body = Buffer.from("the bytes that are sent");
const other = Buffer.from("the bytes that are meant");

conformance("writing", ({ spec, server, ask, put }) => {
	const nothingAt = async (bucket: string, key = "a"): Promise<void> => {
		expect((await ask({ method: "HEAD", bucket, key })).status).toBe(404);
	};

	for (const [name, of] of Object.entries(algorithms)) {
		const header = `x-amz-checksum-${name}`;

		spec(`${name}: the right checksum is kept, and told to who asks`, async () => {
			const bucket = await server().makeBucket();
			const written = await put(bucket, "a", body, { [header]: of(body) });
			expect(written.status).toBe(200);
			expect(written.headers[header]).toBe(of(body));
			for (const method of ["HEAD", "GET"] as const) {
				const asking = { "x-amz-checksum-mode": "ENABLED" };
				const told = await ask({ method, bucket, key: "a", headers: asking });
				expect(told.headers[header], method).toBe(of(body));
			}
		});

		spec(`${name}: a wrong checksum is refused`, async () => {
			const bucket = await server().makeBucket();
			const refused = await put(bucket, "a", body, { [header]: of(other) });
			expect(refused).toMatchObject({ status: 400 });
			expect(["BadDigest", "XAmzContentChecksumMismatch"]).toContain(refused.code);
			await nothingAt(bucket);
		});

		spec(`${name}: what is no checksum is refused`, async () => {
			const bucket = await server().makeBucket();
			const refused = await put(bucket, "a", body, { [header]: "AAAA" });
			expect(refused).toMatchObject({ status: 400 });
			expect(refused.code).not.toBe("");
			await nothingAt(bucket);
		});

		for (const signChunks of [false, true]) {
			const how = signChunks ? "signed pieces" : "unsigned pieces";
			const large = Buffer.alloc(200_001, "two hundred thousand; ");

			spec(`${name}: a body in ${how} has its checksum behind it`, async () => {
				const bucket = await server().makeBucket();
				const chunked = { method: "PUT", bucket, key: "a", body: large, signChunks } as const;
				const written = await sendChunked(server(), { ...chunked, trailer: [header, of(large)] });
				expect(written.text).toBe("");
				expect(written.status).toBe(200);
				const asking = { "x-amz-checksum-mode": "ENABLED" };
				const object = await ask({ bucket, key: "a", headers: asking });
				expect(object.body.equals(large)).toBe(true);
				expect(object.headers[header]).toBe(of(large));
			});

			spec(`${name}: a body in ${how} with a wrong checksum behind it is refused`, async () => {
				const bucket = await server().makeBucket();
				const chunked = { method: "PUT", bucket, key: "a", body: large, signChunks } as const;
				const refused = await sendChunked(server(), { ...chunked, trailer: [header, of(other)] });
				expect(refused).toMatchObject({ status: 400 });
				await nothingAt(bucket);
			});
		}
	}

	spec("pieces are a coding of the transfer and not of the object", async () => {
		const bucket = await server().makeBucket();
		const chunked = { method: "PUT", bucket, body, signChunks: true } as const;
		expect((await sendChunked(server(), { ...chunked, key: "a" })).status).toBe(200);
		expect((await ask({ bucket, key: "a" })).headers["content-encoding"] ?? "").toBe("");
		const headers = { "content-encoding": "gzip,aws-chunked" };
		expect((await sendChunked(server(), { ...chunked, key: "b", headers })).status).toBe(200);
		expect((await ask({ bucket, key: "b" })).headers["content-encoding"]).toBe("gzip");
	});

	spec("a body in signed pieces without a checksum is taken", async () => {
		const bucket = await server().makeBucket();
		const large = Buffer.alloc(70_000, "seventy thousand; ");
		for (const bytes of [large, Buffer.alloc(0)]) {
			const chunked = { method: "PUT", bucket, key: "a", body: bytes, signChunks: true } as const;
			expect((await sendChunked(server(), chunked)).status).toBe(200);
			expect((await ask({ bucket, key: "a" })).body.equals(bytes)).toBe(true);
		}
	});

	spec("a piece that is not what was signed is refused", async () => {
		const bucket = await server().makeBucket();
		const refused = await sendChunked(server(), {
			method: "PUT",
			bucket,
			key: "a",
			body: Buffer.alloc(100_000, "a"),
			signChunks: true,
			tamper: (coded) => {
				coded[coded.indexOf("aaaa") + 70_000] = 0x62;
				return coded;
			},
		});
		expect(refused).toMatchObject({ status: 403, code: "SignatureDoesNotMatch" });
		await nothingAt(bucket);
	});

	spec("pieces that end early are refused", async () => {
		const bucket = await server().makeBucket();
		const refused = await sendChunked(server(), {
			method: "PUT",
			bucket,
			key: "a",
			body: Buffer.alloc(1000, "a"),
			headers: { "x-amz-decoded-content-length": "2000" },
			signChunks: true,
		});
		expect(refused.status).toBe(400);
		await nothingAt(bucket);
	});

	spec("a body that is not what was signed is refused", async () => {
		const bucket = await server().makeBucket();
		const refused = await ask({ method: "PUT", bucket, key: "a", body, payload: sha256(other, "hex") });
		expect(refused).toMatchObject({ status: 400, code: "XAmzContentSHA256Mismatch" });
		await nothingAt(bucket);
	});

	spec("a body that is not signed is taken where the client wants that", async () => {
		const bucket = await server().makeBucket();
		const written = await ask({ method: "PUT", bucket, key: "a", body, payload: "UNSIGNED-PAYLOAD" });
		expect(written.status).toBe(200);
		expect((await ask({ bucket, key: "a" })).body.equals(body)).toBe(true);
	});

	spec("Content-MD5 is verified", async () => {
		const bucket = await server().makeBucket();
		const wrong = await put(bucket, "a", body, { "content-md5": md5(other, "base64") });
		expect(wrong).toMatchObject({ status: 400, code: "BadDigest" });
		const malformed = await put(bucket, "a", body, { "content-md5": "AAAA" });
		expect(malformed).toMatchObject({ status: 400, code: "InvalidDigest" });
		await nothingAt(bucket);
		expect((await put(bucket, "a", body, { "content-md5": md5(body, "base64") })).status).toBe(200);
	});

	spec("a refused write leaves what was there", async () => {
		const bucket = await server().makeBucket();
		await put(bucket, "a", "before");
		const refused = await put(bucket, "a", body, { "x-amz-checksum-sha256": algorithms.sha256(other) });
		expect(refused.status).toBe(400);
		expect((await ask({ bucket, key: "a" })).text).toBe("before");
	});

	spec("If-None-Match: * writes only what is not there", async () => {
		const bucket = await server().makeBucket();
		const condition = { "if-none-match": "*" };
		expect((await put(bucket, "a", "one", condition)).status).toBe(200);
		const refused = await put(bucket, "a", "two", condition);
		expect(refused).toMatchObject({ status: 412, code: "PreconditionFailed" });
		expect((await ask({ bucket, key: "a" })).text).toBe("one");
	});

	spec("If-None-Match: * writes where a marker says that nothing is there", async () => {
		const condition = { "if-none-match": "*" };
		const versioned = await server().makeBucket({ versions: true });
		expect((await put(versioned, "a", "one", condition)).status).toBe(200);
		await ask({ method: "DELETE", bucket: versioned, key: "a" });
		expect((await put(versioned, "a", "two", condition)).status).toBe(200);
	});

	spec("If-Match writes only over what is known", async () => {
		const bucket = await server().makeBucket();
		await put(bucket, "a", "one");
		const etag = `"${md5("one", "hex")}"`;
		expect((await put(bucket, "a", "two", { "if-match": etag })).status).toBe(200);
		const refused = await put(bucket, "a", "three", { "if-match": etag });
		expect(refused).toMatchObject({ status: 412, code: "PreconditionFailed" });
		expect((await ask({ bucket, key: "a" })).text).toBe("two");
		const missing = await put(bucket, "none", "x", { "if-match": etag });
		expect(missing).toMatchObject({ status: 404, code: "NoSuchKey" });
	});

	/** Deletes the object "a" on a condition. */
	const remove = (bucket: string, condition: string): Promise<RawAnswer> =>
		ask({ method: "DELETE", bucket, key: "a", headers: { "if-match": condition } });

	spec("If-Match deletes only what is known", async () => {
		const bucket = await server().makeBucket();
		const etag = String((await put(bucket, "a", "one")).headers["etag"]);
		await put(bucket, "a", "two");
		expect(await remove(bucket, etag)).toMatchObject({ status: 412, code: "PreconditionFailed" });
		expect((await ask({ bucket, key: "a" })).text).toBe("two");
		expect((await remove(bucket, `"${md5("two", "hex")}"`)).status).toBe(204);
		expect((await ask({ bucket, key: "a" })).status).toBe(404);
	});

	spec("If-Match deletes only what is there", async () => {
		const bucket = await server().makeBucket();
		for (const condition of [`"${md5("one", "hex")}"`, "*"])
			expect(await remove(bucket, condition)).toMatchObject({ status: 404, code: "NoSuchKey" });
		await put(bucket, "a", "one");
		expect((await remove(bucket, "*")).status).toBe(204);
		expect((await ask({ bucket, key: "a" })).status).toBe(404);
	});

	spec("If-Match hides only the newest version", async () => {
		const bucket = await server().makeBucket({ versions: true });
		const etag = String((await put(bucket, "a", "one")).headers["etag"]);
		await put(bucket, "a", "two");
		expect(await remove(bucket, etag)).toMatchObject({ status: 412, code: "PreconditionFailed" });
		const hidden = await remove(bucket, `"${md5("two", "hex")}"`);
		expect([hidden.status, hidden.headers["x-amz-delete-marker"]]).toEqual([204, "true"]);
		expect((await ask({ bucket, key: "a" })).status).toBe(404);
	});

	spec("of many who write at once with If-None-Match: * one succeeds", async () => {
		const bucket = await server().makeBucket();
		const contents = Array.from({ length: 8 }, (_, index) => `writer ${index}`);
		const answers = await Promise.all(
			contents.map((content) => put(bucket, "a", content, { "if-none-match": "*" })),
		);
		const won = contents.filter((_, index) => answers[index]?.status === 200);
		expect(won).toHaveLength(1);
		expect((await ask({ bucket, key: "a" })).text).toBe(won[0]);
		for (const { status } of answers) expect([200, 409, 412]).toContain(status);
	});

	spec("of many who write at once with If-Match one succeeds", async () => {
		const bucket = await server().makeBucket();
		await put(bucket, "a", "before");
		const condition = { "if-match": `"${md5("before", "hex")}"` };
		const contents = Array.from({ length: 8 }, (_, index) => `writer ${index}`);
		const answers = await Promise.all(contents.map((content) => put(bucket, "a", content, condition)));
		const won = contents.filter((_, index) => answers[index]?.status === 200);
		expect(won).toHaveLength(1);
		expect((await ask({ bucket, key: "a" })).text).toBe(won[0]);
	});
});
