import { describe, expect, it } from "vitest";
import { bucketRegistry, readRegistrySettings } from "./registry-settings.ts";

const read = (value: unknown) => readRegistrySettings("s3://data", value, "the test");

describe("bucketRegistry()", () => {
	it.each([
		["s3://data", "s3://data"],
		["s3://data/", "s3://data"],
		["S3://data/some/where", "s3://data"],
	])("takes %s for %s, since settings are for whole buckets", (text, registry) => {
		expect(bucketRegistry(text)).toBe(registry);
	});

	it.each(["", "data", "/data", "file:///data", "s3://", "https://data"])("refuses %j", (text) => {
		expect(() => bucketRegistry(text)).toThrow(expect.objectContaining({ code: "InvalidConfig" }) as Error);
	});
});

describe("readRegistrySettings()", () => {
	it("takes all settings as they are, without blanks and slashes at the end of the endpoint", () => {
		const settings = {
			region: "eu-west-1",
			profile: "lab work",
			addressing: "virtual",
			requesterPays: true,
			encryption: "aws:kms",
			kmsKeyId: "arn:aws:kms:eu-west-1:111122223333:key/1234-abcd",
			anonymous: false,
		};
		expect(read({ ...settings, endpoint: " https://storage.example.com:9000/base// " })).toEqual({
			...settings,
			endpoint: "https://storage.example.com:9000/base",
		});
	});

	it("leaves out what is null", () => {
		expect(read({ endpoint: null, region: "x", profile: undefined })).toEqual({ region: "x" });
	});

	it.each([
		[{ endpoint: "storage.example.com" }, "endpoint"],
		[{ endpoint: "ftp://storage.example.com" }, "endpoint"],
		[{ endpoint: "https://user:canary@storage.example.com" }, "endpoint"],
		[{ endpoint: "https://storage.example.com/?a=b" }, "endpoint"],
		[{ endpoint: 1 }, "endpoint"],
		[{ region: "eu/../x" }, "region"],
		[{ profile: "a\nb" }, "profile"],
		[{ profile: "" }, "profile"],
		[{ addressing: "host" }, "addressing"],
		[{ requesterPays: "true" }, "requesterPays"],
		[{ anonymous: 1 }, "anonymous"],
		[{ anonymous: true, profile: "lab" }, "anonymous"],
		[{ encryption: "AES128" }, "encryption"],
		[{ kmsKeyId: "key" }, "kmsKeyId"],
		[{ encryption: "AES256", kmsKeyId: "key" }, "kmsKeyId"],
		[{ encryption: "aws:kms", kmsKeyId: "a b" }, "kmsKeyId"],
		[{ endpiont: "https://x" }, "endpiont"],
		[[], "settings"],
		["text", "settings"],
	])("refuses %j and names the setting", (value, key) => {
		let error: unknown;
		try {
			read(value);
		} catch (caught) {
			error = caught;
		}
		expect(error).toMatchObject({ code: "InvalidConfig", details: { key, registry: "s3://data" } });
		expect(`${String(error)} ${JSON.stringify(error)}`).not.toContain("canary");
	});
});
