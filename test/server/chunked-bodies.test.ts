import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createNodeSha256 } from "../../src/node/node-digest.ts";
import { Signer } from "../../src/storage/s3/signature.ts";
import { ChunkedBody } from "../../src/server/s3/chunked-body.ts";
import { startTestGateway, type TestGateway } from "../support/s3/gateway.ts";
import { sendAs, signed, type RawAnswer } from "./raw.ts";

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

/** The example of AWS's documentation of chunked uploads: 66,560 letters in three chunks. */
const published = {
	seed: "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
	chunks: [
		["a".repeat(65_536), "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"],
		["a".repeat(1024), "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"],
		["", "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"],
	],
} as const;
const keys = {
	accessKeyId: "AKIAIOSFODNN7EXAMPLE",
	secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
};
const scope = { stamp: "20130524T000000Z", day: "20130524", region: "us-east-1", service: "s3" };

/** Gives a text in pieces of `size` bytes. */
async function* pieces(body: string, size: number): AsyncIterable<Uint8Array> {
	const bytes = Buffer.from(body, "latin1");
	for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(bytes.subarray(at, at + size));
}

async function read(body: ChunkedBody): Promise<string> {
	let text = "";
	for await (const piece of body.bytes()) text += Buffer.from(piece).toString("latin1");
	return text;
}

describe("a body in signed chunks", () => {
	const signing = {
		seed: published.seed,
		sign: (kind: string, lines: readonly string[]) =>
			new Signer(createNodeSha256).signText(kind, lines, keys, scope),
		equals: (a: string, b: string) => a === b,
	};
	const body = published.chunks
		.map(
			([data, signature]) =>
				`${data.length.toString(16)};chunk-signature=${signature}\r\n${data === "" ? "" : `${data}\r\n`}`,
		)
		.join("")
		.concat("\r\n");

	test.each([1, 7, 100, 65_536, 1_000_000])(
		"is read as AWS documents it, in pieces of %i bytes",
		async (size) => {
			const text = await read(new ChunkedBody(pieces(body, size), { signing, trailers: [], size: 66_560 }));
			expect(text).toBe("a".repeat(66_560));
		},
	);

	test.each([
		["a byte is another one", body.replace("aaa", "aab"), "SignatureDoesNotMatch"],
		["a chunk is left out", body.replace(/400;.*\r\na*\r\n/, ""), "SignatureDoesNotMatch"],
		["the last chunk is missing", body.slice(0, body.lastIndexOf("0;chunk")), "IncompleteBody"],
		["a chunk is longer than it says", body.replace("400;", "3ff;"), "InvalidRequest"],
		["a size is no number", body.replace("400;", "4g0;"), "InvalidRequest"],
		["a size is beyond all bounds", body.replace("10000;", "ffffffffff;"), "IncompleteBody"],
		["a signature is missing", body.replace(/;chunk-signature=0055[0-9a-f]*/, ""), "SignatureDoesNotMatch"],
		["lines end without CR", body.replaceAll("\r\n", "\n"), "InvalidRequest"],
		["something follows", `${body}more`, "InvalidRequest"],
		["a line does not end", "1".repeat(5000), "InvalidRequest"],
		["there is nothing", "", "IncompleteBody"],
	])("is refused when %s", async (_what, changed, code) => {
		const reading = read(new ChunkedBody(pieces(changed, 1000), { signing, trailers: [], size: 66_560 }));
		await expect(reading).rejects.toMatchObject({ code });
	});
});

describe("the gateway", () => {
	let server: TestGateway;
	let bucket: string;
	const content = "hello chunked world";
	const sum = (text: string): string => {
		const bytes = Buffer.alloc(4);
		bytes.writeUInt32BE(crc32(text));
		return bytes.toString("base64");
	};

	beforeAll(async () => {
		server = await startTestGateway();
		bucket = await server.makeBucket();
	});
	afterAll(() => server.stop());

	/** Puts `content` in chunks of 7 bytes. `change` alters the body on its way. */
	async function put(
		key: string,
		options: {
			readonly signs: boolean;
			readonly trailer?: string;
			readonly change?: (body: string) => string;
			readonly length?: number;
		},
	): Promise<RawAnswer> {
		const { signs, trailer } = options;
		const kind = `STREAMING-${signs ? "AWS4-HMAC-SHA256-PAYLOAD" : "UNSIGNED-PAYLOAD"}`;
		const given: Record<string, string> = {
			"content-encoding": "aws-chunked",
			"x-amz-decoded-content-length": String(options.length ?? content.length),
		};
		if (trailer !== undefined) given["x-amz-trailer"] = "x-amz-checksum-crc32";
		const payload = trailer === undefined ? kind : `${kind}-TRAILER`;
		const { target, headers } = signed(server, {
			method: "PUT",
			path: `/${bucket}/${key}`,
			headers: given,
			payload,
		});
		const stamp = headers["x-amz-date"] ?? "";
		const place = { stamp, day: stamp.slice(0, 8), region: "us-east-1", service: "s3" };
		let previous = /Signature=([0-9a-f]+)/.exec(headers["authorization"] ?? "")?.[1] ?? "";
		const sign = (of: string, ...lines: string[]): string => {
			previous = new Signer(createNodeSha256).signText(of, [previous, ...lines], server.credentials, place);
			return previous;
		};
		let body = "";
		for (const data of [...(content.match(/.{1,7}/g) ?? []), ""]) {
			const signature = sign("AWS4-HMAC-SHA256-PAYLOAD", sha256(""), sha256(data));
			body += `${data.length.toString(16)}${signs ? `;chunk-signature=${signature}` : ""}\r\n`;
			if (data !== "") body += `${data}\r\n`;
		}
		if (trailer !== undefined) {
			body += `x-amz-checksum-crc32:${trailer}\r\n`;
			const signature = sign("AWS4-HMAC-SHA256-TRAILER", sha256(`x-amz-checksum-crc32:${trailer}\n`));
			if (signs) body += `x-amz-trailer-signature:${signature}\r\n`;
		}
		return await sendAs(server, "PUT", target, headers, (options.change ?? ((same) => same))(`${body}\r\n`));
	}

	test.each([
		{ signs: true },
		{ signs: true, trailer: sum(content) },
		{ signs: false, trailer: sum(content) },
	])("keeps what was sent in chunks: %o", async (options) => {
		expect(await put("kept", options)).toMatchObject({ status: 200 });
		const store = server.openStore(bucket);
		expect(await store.head("kept")).toMatchObject({ size: content.length });
		const { response } = (await server.client(bucket).send({
			action: "s3:GetObject",
			method: "GET",
			key: "kept",
			isRead: true,
			headers: { "x-amz-checksum-mode": "ENABLED" },
		})) as { response: { header(name: string): string | undefined; discard(): void } };
		expect(response.header("content-encoding")).toBeUndefined();
		if (options.trailer !== undefined) expect(response.header("x-amz-checksum-crc32")).toBe(sum(content));
		response.discard();
	});

	test.each([
		[
			"a chunk was changed",
			{ signs: true, change: (body: string) => body.replace("hello", "jello") },
			"SignatureDoesNotMatch",
		],
		[
			"a signed trailer was changed",
			{ signs: true, trailer: sum(content), change: (body: string) => body.replace(sum(content), sum("x")) },
			"SignatureDoesNotMatch",
		],
		[
			"an unsigned chunk was changed",
			{ signs: false, trailer: sum(content), change: (body: string) => body.replace("hello", "jello") },
			"BadDigest",
		],
		["the checksum is another one", { signs: true, trailer: sum("other") }, "BadDigest"],
		["the checksum is none", { signs: false, trailer: "AAAA" }, "InvalidRequest"],
		[
			"the trailer is missing",
			{
				signs: false,
				trailer: sum(content),
				change: (body: string) => body.replace(/x-amz-checksum.*\r\n/, ""),
			},
			"InvalidRequest",
		],
		[
			"another trailer comes",
			{ signs: false, trailer: sum(content), change: (body: string) => body.replace("-crc32:", "-crc32c:") },
			"InvalidRequest",
		],
		["it is shorter than it says", { signs: true, length: 100 }, "IncompleteBody"],
		["it is longer than it says", { signs: true, length: 3 }, "IncompleteBody"],
	])("keeps nothing when %s", async (_what, options, code) => {
		expect(await put("refused", options)).toMatchObject({ code });
		expect(await server.openStore(bucket).head("refused")).toBeUndefined();
	});
});
