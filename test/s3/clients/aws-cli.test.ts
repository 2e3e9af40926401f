import { appendFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { installPackage, Package, pushPackage } from "../../../src/index.ts";
import { contentsOf, sha256 } from "../../support/files.ts";
import { startTestGateway, type TestGateway } from "../../support/s3/gateway.ts";
import type { S3Server } from "../../support/s3/server.ts";
import { onEachServer } from "../../support/s3/servers.ts";
import { temporaryDirectory } from "../../support/temporary.ts";
import { clientOf, contentsOfBucket, onceMore, registryOf, type Client } from "./clients.ts";

const large = Buffer.alloc(12 * 2 ** 20 + 1, "twelve mebibytes and a byte; ");

const settings = `[default]
s3 =
  multipart_threshold = 5MB
  multipart_chunksize = 5MB
  signature_version = s3v4
`;

/**
 * `asksForEmpty`: it also asks whether it may send the content of an object that has none. To that it does not understand
 * MinIO's answer, now and then: it waits 30 seconds, or takes the answer for that of another request.
 */
function awsCli(server: S3Server, asksForEmpty = true): Client {
	const config = join(temporaryDirectory(), "config");
	writeFileSync(config, settings);
	return clientOf("aws", {
		...server.environment,
		AWS_CONFIG_FILE: config,
		AWS_PAGER: "",
		BOTO_EXPERIMENTAL__NO_EMPTY_CONTINUE: String(!asksForEmpty),
	});
}

onEachServer((server, kind) => {
	test(
		"the AWS CLI takes what bale has pushed, and bale packs what the AWS CLI has put there",
		onceMore(kind),
		async () => {
			const bucket = await server().makeBucket({ versions: true });
			const s3 = `s3://${bucket}`;
			const aws = awsCli(server(), kind.name !== "minio");
			const folder = temporaryDirectory();
			mkdirSync(join(folder, "sub"));
			writeFileSync(join(folder, "large.bin"), large);
			writeFileSync(join(folder, "sub/a b+c%ü.txt"), "odd");
			writeFileSync(join(folder, "empty"), "");
			const { topHash } = await pushPackage(await new Package().setDir("", folder), "lab/data", {
				registry: s3,
			});
			const copy = temporaryDirectory();
			await aws.run("s3", "sync", `${s3}/lab/data`, copy);
			expect(contentsOf(copy)).toEqual(contentsOf(folder));

			await aws.run("s3", "sync", copy, `${s3}/raw`);
			expect((await server().openStore(bucket).head("raw/large.bin"))?.etag).toMatch(/-3"?$/);
			const packed = await new Package().setDir("", `${s3}/raw/`);
			expect((await pushPackage(packed, "lab/packed", { registry: s3 })).topHash).toBe(topHash);
			const dest = temporaryDirectory();
			await installPackage("lab/packed", { registry: registryOf(server(), bucket), dest });
			expect(contentsOf(dest)).toEqual(contentsOf(folder));
		},
	);

	test(
		"the AWS CLI sends what has changed, lists, copies within the bucket, and removes",
		onceMore(kind),
		async () => {
			const bucket = await server().makeBucket();
			const s3 = `s3://${bucket}`;
			const aws = awsCli(server(), kind.name !== "minio");
			const folder = temporaryDirectory();
			for (const key of ["kept", "changed", "removed"]) {
				writeFileSync(join(folder, key), key);
				await server().openStore(bucket).put(`in/${key}`, Buffer.from(key));
			}
			appendFileSync(join(folder, "changed"), ", and longer");
			rmSync(join(folder, "removed"));
			const said = await aws.run(
				"s3",
				"sync",
				"--delete",
				"--size-only",
				"--no-progress",
				folder,
				`${s3}/in`,
			);
			const verbs = said.trim().split("\n");
			expect(new Set(verbs.map((line) => line.split(":")[0]))).toEqual(new Set(["delete", "upload"]));
			expect(verbs).toHaveLength(2);
			const listed = await aws.run("s3", "ls", "--recursive", `${s3}/`);
			expect(listed.match(/(?<=:\d\d +)\d+ .*/g)).toEqual(["19 in/changed", "4 in/kept"]);
			await aws.run("s3", "mv", `${s3}/in/kept`, `${s3}/moved here`);
			await aws.run("s3", "rm", "--recursive", `${s3}/in`);
			expect(await contentsOfBucket(server(), bucket)).toEqual({ "moved here": sha256("kept") });
		},
	);
});

describe("on a folder that is served,", () => {
	let server: TestGateway;
	beforeAll(async () => {
		server = await startTestGateway();
	});
	afterAll(() => server.stop());

	test("the AWS CLI sends parts one by one, and gives away addresses that need no keys", async () => {
		const bucket = await server.makeBucket({ versions: true });
		const aws = awsCli(server);
		const folder = temporaryDirectory();
		const object = ["--bucket", bucket, "--key", "in parts.bin"];
		const api = async (...args: readonly string[]): Promise<Readonly<Record<string, string>>> =>
			JSON.parse(await aws.run("s3api", ...args)) as Record<string, string>;
		const sums = ["--checksum-algorithm", "SHA256"];
		const { UploadId: upload = "" } = await api("create-multipart-upload", ...object, ...sums);
		const path = join(folder, "part");
		const parts = [];
		for (const [index, size] of [8 * 2 ** 20, large.length].entries()) {
			writeFileSync(path, large.subarray(index * 8 * 2 ** 20, size));
			const args = ["--upload-id", upload, "--part-number", String(index + 1), "--body", path];
			const { ETag, ChecksumSHA256 } = await api("upload-part", ...object, ...args, ...sums);
			parts.push({ ETag, ChecksumSHA256, PartNumber: index + 1 });
		}
		const list = ["--multipart-upload", JSON.stringify({ Parts: parts })];
		const made = await api("complete-multipart-upload", ...object, "--upload-id", upload, ...list);
		expect(made["ChecksumSHA256"]).toMatch(/^[\w+/]{43}=-2$/);
		expect((await server.openStore(bucket).head("in parts.bin"))?.versionId).toBe(made["VersionId"]);
		expect(await contentsOfBucket(server, bucket)).toEqual({ "in parts.bin": sha256(large) });

		const address = await aws.run("s3", "presign", `s3://${bucket}/in parts.bin`, "--expires-in", "60");
		const answer = await fetch(address.trim());
		expect([answer.status, sha256(new Uint8Array(await answer.arrayBuffer()))]).toEqual([200, sha256(large)]);
		expect((await fetch(address.trim().replace("in%20parts", "other"))).status).toBe(403);
	});
});
