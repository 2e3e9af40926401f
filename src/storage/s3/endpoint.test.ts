import { expect, test } from "vitest";
import { bucketAddress } from "./endpoint.ts";

test.each([
	["data", "eu-west-1", {}, "https://data.s3.eu-west-1.amazonaws.com", ""],
	["my.data", "us-east-1", {}, "https://s3.us-east-1.amazonaws.com", "/my.data"],
	["Old_Bucket", "us-east-1", {}, "https://s3.us-east-1.amazonaws.com", "/Old_Bucket"],
	["data", "cn-north-1", {}, "https://data.s3.cn-north-1.amazonaws.com.cn", ""],
	["data", "eusc-de-east-1", {}, "https://data.s3.eusc-de-east-1.amazonaws.eu", ""],
	["data", "us-isob-east-1", {}, "https://data.s3.us-isob-east-1.sc2s.sgov.gov", ""],
	["data", "us-east-1", { addressing: "path" }, "https://s3.us-east-1.amazonaws.com", "/data"],
	["data", "x", { endpoint: "http://127.0.0.1:9000" }, "http://127.0.0.1:9000", "/data"],
	["data", "x", { endpoint: "HTTPS://S3.Example.com:443/base/" }, "https://s3.example.com", "/base/data"],
	["data", "x", { endpoint: "http://[::1]:80/" }, "http://[::1]", "/data"],
	["data", "x", { endpoint: "https://example.com", addressing: "virtual" }, "https://data.example.com", ""],
] as const)("bucketAddress(%j, %j, %j) is %s and %j", (bucket, region, options, origin, basePath) => {
	const address = bucketAddress(bucket, region, options);
	expect(address).toEqual({ origin, basePath, host: origin.replace(/^https?:\/\//, "") });
});

test.each([
	"",
	"example.com",
	"ftp://example.com",
	"https://user@example.com",
	"https://example.com/?x",
	"https://",
])("bucketAddress() refuses the endpoint %j", (endpoint) => {
	expect(() => bucketAddress("data", "x", { endpoint })).toThrow(
		expect.objectContaining({ code: "InvalidConfig" }),
	);
});
