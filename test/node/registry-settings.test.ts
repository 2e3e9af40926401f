import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { readAwsFiles } from "../../src/node/aws-profile.ts";
import { Package } from "../../src/index.ts";
import { config } from "../../src/node/identity.ts";
import { openS3, s3Settings } from "../../src/node/s3-open.ts";
import type { RegistrySettings } from "../../src/core/registry-setting-names.ts";
import { startRecordingBucket, type Recorded } from "../support/recording-bucket.ts";
import { temporaryDirectory } from "../support/temporary.ts";

const text = (content: string) => new TextEncoder().encode(content);

let awsFiles: string;

beforeEach(() => {
	vi.stubEnv("XDG_DATA_HOME", temporaryDirectory());
	awsFiles = temporaryDirectory();
	vi.stubEnv("AWS_CONFIG_FILE", join(awsFiles, "config"));
	vi.stubEnv("AWS_SHARED_CREDENTIALS_FILE", join(awsFiles, "credentials"));
	vi.stubEnv("AWS_EC2_METADATA_DISABLED", "true");
	vi.stubEnv("AWS_ACCESS_KEY_ID", "general");
	vi.stubEnv("AWS_SECRET_ACCESS_KEY", "secret");
});

/** Key id, region and, with a session, nothing secret: what an `authorization` header says of the signer. */
function signer(request: Recorded | undefined): string {
	const [, id = "", region = ""] =
		/Credential=([^/]+)\/\d+\/([^/]+)\//.exec(request?.headers.authorization ?? "") ?? [];
	return `${id} ${region}`.trim();
}

describe("config({ registries })", () => {
	test("sets, merges, and forgets with null; other settings stay", async () => {
		await config({ defaultRemoteRegistry: "s3://lab" });
		await config({ registries: { "s3://lab": { endpoint: "https://a.example", region: "x" } } });
		const after = await config({
			registries: { "s3://lab/prefix": { region: null, profile: "p" }, "s3://b": { anonymous: true } },
		});
		expect(after.registries).toEqual({
			"s3://lab": { endpoint: "https://a.example", profile: "p" },
			"s3://b": { anonymous: true },
		});
		expect(after.defaultRemoteRegistry).toBe("s3://lab");
		expect((await config({ registries: { "s3://b": null } })).registries).toEqual({
			"s3://lab": { endpoint: "https://a.example", profile: "p" },
		});
		expect((await config("")).registries).toHaveProperty(["s3://lab"]);
		expect(await config({ registries: null })).not.toHaveProperty("registries");
	});

	test("changes nothing when a part is wrong", async () => {
		const wrong = config({ region: "eu-west-1", registries: { "s3://b": { region: "a/b" } } });
		await expect(wrong).rejects.toMatchObject({ code: "InvalidConfig" });
		const alsoWrong = config({ region: "a/b", registries: { "s3://b": { region: "eu-west-1" } } });
		await expect(alsoWrong).rejects.toMatchObject({ code: "InvalidConfig" });
		const after = await config();
		expect(after.region).toBeNull();
		expect(after).not.toHaveProperty("registries");
	});

	test("keeps what writers at the same time have set", async () => {
		const names = Array.from({ length: 8 }, (_, index) => `s3://bucket-${index}`);
		await Promise.all(names.map((name) => config({ registries: { [name]: { anonymous: true } } })));
		expect(Object.keys((await config()).registries ?? {})).toEqual(names);
	});
});

describe("s3Settings() of a bucket with settings", () => {
	const variables = { AWS_REGION: "variable", AWS_ENDPOINT_URL_S3: "http://variable" };
	const file =
		"[default]\nregion = default\n[profile lab]\nregion = lab\nendpoint_url = http://lab\ns3 =\n  addressing_style = virtual\n" +
		"[profile plain]\n";

	test.each<[RegistrySettings, Record<string, string>, object]>([
		[{}, variables, { region: "variable", endpoint: "http://variable", addressing: undefined }],
		[{ endpoint: "http://own" }, variables, { region: "variable", endpoint: "http://own" }],
		[{ region: "own" }, variables, { region: "own", endpoint: "http://variable" }],
		[{ profile: "lab" }, variables, { region: "lab", endpoint: "http://lab", addressing: "virtual" }],
		[{ profile: "lab", addressing: "path" }, {}, { endpoint: "http://lab", addressing: "path" }],
		[{ profile: "plain" }, variables, { region: "variable", endpoint: "http://variable" }],
		[{ profile: "plain" }, {}, { region: undefined, endpoint: undefined }],
	])("%j with %j is %j", async (own, env, expected) => {
		writeFileSync(join(awsFiles, "config"), file);
		const all = { ...env, AWS_CONFIG_FILE: join(awsFiles, "config") };
		const profile = (await readAwsFiles(all)).profile(own.profile ?? "default");
		expect(s3Settings(all, profile, own)).toMatchObject(expected);
	});
});

describe("buckets with settings", () => {
	test("are reached at endpoints of their own in one process, each with its keys and region", async () => {
		const [general, own] = [await startRecordingBucket(), await startRecordingBucket()];
		writeFileSync(
			join(awsFiles, "credentials"),
			"[lab]\naws_access_key_id = labkey\naws_secret_access_key = s\n",
		);
		vi.stubEnv("AWS_ENDPOINT_URL_S3", general.endpoint);
		await config({ registries: { "s3://own": { endpoint: own.endpoint, region: "lab-1", profile: "lab" } } });
		const [from, to] = [await openS3("s3://general/p"), await openS3("s3://own/p")];
		await from.put("a", text("content"));
		const found = await from.get("a");
		await to.put("a", new Uint8Array(await new Response(found?.body).arrayBuffer()));
		expect(await to.copyFrom({ bucket: "general", key: "p/a", service: from.service }, "b")).toBeUndefined();
		expect(general.requests.map(({ method, url }) => `${method} ${url}`)).toEqual([
			"PUT /general/p/a",
			"GET /general/p/a",
		]);
		expect(general.requests.map(signer)).toEqual(["general us-east-1", "general us-east-1"]);
		expect(own.requests.map(({ method, url }) => `${method} ${url}`)).toEqual(["PUT /own/p/a"]);
		expect(own.requests.map(signer)).toEqual(["labkey lab-1"]);
	});

	test("are read without a signature when they are anonymous, although there are keys", async () => {
		const { endpoint, requests } = await startRecordingBucket();
		await config({ registries: { "s3://open": { endpoint, anonymous: true } } });
		await (await openS3("s3://open")).head("a");
		expect(requests).toHaveLength(1);
		expect(requests[0]?.headers).not.toHaveProperty("authorization");
	});

	test("say that a profile has no keys instead of taking others", async () => {
		const { endpoint, requests } = await startRecordingBucket();
		await config({ registries: { "s3://own": { endpoint, profile: "nobody" } } });
		await expect((await openS3("s3://own")).head("a")).rejects.toMatchObject({
			code: "InvalidConfig",
			details: { profile: "nobody" },
		});
		expect(requests).toEqual([]);
	});

	test("follow a change of their settings at once", async () => {
		const [one, two] = [await startRecordingBucket(), await startRecordingBucket()];
		for (const { endpoint } of [one, two]) {
			await config({ registries: { "s3://own": { endpoint } } });
			await (await openS3("s3://own")).head("a");
		}
		expect([one.requests.length, two.requests.length]).toEqual([1, 1]);
	});

	test("send x-amz-request-payer with every request", async () => {
		const { endpoint, requests } = await startRecordingBucket();
		await config({ registries: { "s3://paid": { endpoint, requesterPays: true } } });
		const store = await openS3("s3://paid");
		await store.put("a", text("content"));
		await (await store.get("a"))?.body.cancel();
		await store.head("a");
		await store.versioning();
		for await (const item of store.list("")) expect(item).toBeUndefined();
		await store.put("large", new Uint8Array(9 * 1024 * 1024));
		for (const [key, size] of [
			["a", 7],
			["large", 9 * 1024 * 1024],
		] as const) {
			expect(await store.copyFrom({ bucket: "paid", key, size }, "copy")).toMatchObject({ size });
		}
		for await (const upload of store.listUploads()) expect(upload).toBeUndefined();
		await store.abortUpload({ key: "large", uploadId: "u" });
		await store.delete("a");
		const kinds = requests.map(({ method, url }) => `${method} ${url.replace(/=.*/, "")}`);
		expect(new Set(kinds)).toEqual(
			new Set([
				"PUT /paid/a",
				"GET /paid/a",
				"HEAD /paid/a",
				"GET /paid?versioning",
				"GET /paid?encoding-type",
				"POST /paid/large?uploads",
				"PUT /paid/large?partNumber",
				"POST /paid/large?uploadId",
				"PUT /paid/copy",
				"POST /paid/copy?uploads",
				"PUT /paid/copy?partNumber",
				"POST /paid/copy?uploadId",
				"HEAD /paid/copy",
				"DELETE /paid/copy?uploadId",
				"DELETE /paid/large?uploadId",
				"DELETE /paid/a",
			]),
		);
		for (const { headers } of requests) {
			expect(headers["x-amz-request-payer"]).toBe("requester");
			expect(headers.authorization).toContain("x-amz-request-payer");
		}
	});

	test("agree to pay for what is copied into a bucket that is free", async () => {
		const { endpoint, requests } = await startRecordingBucket();
		const registries = { "s3://paid": { endpoint, requesterPays: true }, "s3://free": { endpoint } };
		await config({ registries });
		const paid = await openS3("s3://paid");
		const large = new Uint8Array(9 * 1024 * 1024);
		await paid.put("dir/small", text("content"));
		await paid.put("dir/large", large);
		const made = new Package();
		await made.set("small", "s3://paid/dir/small");
		await made.set("large", "s3://paid/dir/large");
		requests.length = 0;
		await made.push("team/data", "s3://free");
		const copies = requests.filter(({ headers }) => "x-amz-copy-source" in headers);
		const copied = new Set(copies.map(({ url }) => url.replace(/\?.*/, "")));
		expect(copied).toEqual(new Set(["/free/team/data/large", "/free/team/data/small"]));
		for (const { url, headers } of requests) {
			const pays = url.startsWith("/paid") || "x-amz-copy-source" in headers;
			expect([url, headers["x-amz-request-payer"]]).toEqual([url, pays ? "requester" : undefined]);
		}
	});

	test.each<[RegistrySettings, string, string | undefined]>([
		[{ encryption: "AES256" }, "AES256", undefined],
		[{ encryption: "aws:kms" }, "aws:kms", undefined],
		[{ encryption: "aws:kms", kmsKeyId: "alias/k" }, "aws:kms", "alias/k"],
	])("with %j have objects encrypted: whole, in parts, copied, and the marker", async (own, kind, key) => {
		const { endpoint, requests } = await startRecordingBucket();
		await config({ registries: { "s3://vault": { endpoint, ...own } } });
		const store = await openS3("s3://vault");
		await store.detectConditions();
		await store.put("small", text("content"));
		await store.put("large", new Uint8Array(9 * 1024 * 1024));
		await store.copyFrom({ bucket: "vault", key: "small", size: 7, service: store.service }, "copy");
		await (await store.get("small"))?.body.cancel();
		const named = (suffix: string) => ({
			[suffix]: requests.filter(({ url, method }) => `${method} ${url}`.endsWith(suffix)).length > 0,
		});
		expect({ ...named("PUT /vault/copy"), ...named("large?uploads="), ...named("PUT /vault/small") }).toEqual(
			{
				"PUT /vault/copy": true,
				"large?uploads=": true,
				"PUT /vault/small": true,
			},
		);
		for (const { method, url, headers } of requests) {
			const creates =
				(method === "PUT" && !url.includes("partNumber")) || (method === "POST" && url.includes("uploads="));
			expect([url, headers["x-amz-server-side-encryption"]]).toEqual([url, creates ? kind : undefined]);
			expect(headers["x-amz-server-side-encryption-aws-kms-key-id"]).toBe(creates ? key : undefined);
		}
	});

	test("say which key cannot be used, and where it is set", async () => {
		const { endpoint } = await startRecordingBucket(({ method }) =>
			method === "PUT" ? [400, "KMS.NotFoundException"] : undefined,
		);
		await config({ registries: { "s3://vault": { endpoint, encryption: "aws:kms", kmsKeyId: "gone" } } });
		await expect((await openS3("s3://vault")).put("a", text("x"))).rejects.toMatchObject({
			code: "InvalidConfig",
			hint: "Check it: bale config registry s3://vault",
		});
	});

	test("are not taken for ones without conditions when the server cannot encrypt", async () => {
		const { endpoint } = await startRecordingBucket(({ headers }) =>
			"x-amz-server-side-encryption" in headers ? [501, "NotImplemented"] : undefined,
		);
		await config({ registries: { "s3://vault": { endpoint, encryption: "AES256" } } });
		const store = await openS3("s3://vault");
		expect(await store.detectConditions()).toBe(true);
		const written = store.put("a", text("x"), { condition: { ifAbsent: true } });
		await expect(written).rejects.toMatchObject({ code: "Unsupported" });
		expect(store.features.conditions).toBe(true);
	});
});
