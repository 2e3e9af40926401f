import { expect, test } from "vitest";
import { formatHex } from "../../core/hex.ts";
import { createSha256 } from "../../core/sha256.ts";
import { encodeUtf8 } from "../../core/utf8.ts";
import { encodeKey, formatQuery } from "./percent.ts";
import { Signer } from "./signature.ts";

const credentials = {
	accessKeyId: "AKIAIOSFODNN7EXAMPLE",
	secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
};
const host = "examplebucket.s3.amazonaws.com";
const scope = { region: "us-east-1", time: Date.UTC(2013, 4, 24) };

function sha256(text: string): string {
	const digest = createSha256();
	digest.update(encodeUtf8(text));
	return formatHex(digest.digest());
}

/** The examples of AWS's documentation of signatures for S3. */
const published = [
	{
		what: "GET of a range",
		input: {
			method: "GET",
			path: "/test.txt",
			query: "",
			headers: { host, range: "bytes=0-9" },
			payloadHash: sha256(""),
		},
		signature: "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
	},
	{
		what: "PUT of an object",
		input: {
			method: "PUT",
			path: `/${encodeKey("test$file.text")}`,
			query: "",
			headers: {
				host,
				date: "Fri, 24 May 2013 00:00:00 GMT",
				"x-amz-storage-class": "REDUCED_REDUNDANCY",
			},
			payloadHash: sha256("Welcome to Amazon S3."),
		},
		signature: "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
	},
	{
		what: "GET of a sub-resource",
		input: {
			method: "GET",
			path: "/",
			query: formatQuery([["lifecycle", ""]]),
			headers: { host },
			payloadHash: sha256(""),
		},
		signature: "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
	},
	{
		what: "a listing",
		input: {
			method: "GET",
			path: "/",
			query: formatQuery([
				["prefix", "J"],
				["max-keys", "2"],
			]),
			headers: { host },
			payloadHash: sha256(""),
		},
		signature: "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
	},
];

test.each(published)("Signer.sign() signs $what as AWS publishes it", ({ input, signature }) => {
	const signer = new Signer(createSha256);
	for (let round = 0; round < 2; round++) {
		const headers = signer.sign(input, credentials, scope);
		expect(headers["authorization"]).toMatch(new RegExp(`, Signature=${signature}$`));
		expect(headers["authorization"]).toContain(
			"AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, ",
		);
		expect(headers["x-amz-date"]).toBe("20130524T000000Z");
	}
});

test("Signer.sign() signs the session token, and derives keys anew for another day, region and key", () => {
	const signer = new Signer(createSha256);
	const { input } = published[0]!;
	const sign = (more: object, where = scope): string =>
		signer.sign(input, { ...credentials, ...more }, where)["authorization"] ?? "";
	const plain = sign({});
	expect(sign({ sessionToken: "token" })).toContain("x-amz-security-token");
	const others = [
		sign({ secretAccessKey: "another" }),
		sign({}, { ...scope, region: "eu-west-1" }),
		sign({}, { ...scope, time: scope.time + 86_400_000 }),
	];
	expect(new Set([plain, ...others]).size).toBe(4);
	expect(sign({})).toBe(plain);
});
