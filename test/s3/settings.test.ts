/** Buckets on two servers in one process, and objects that the server encrypts. */
import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { config, Package } from "../../src/index.ts";
import { openS3 } from "../../src/node/s3-open.ts";
import { startProgram } from "../support/s3/program.ts";
import { minio } from "../support/s3/programs.ts";
import { serverKinds } from "../support/s3/servers.ts";
import type { S3Server } from "../support/s3/server.ts";
import { temporaryDirectory } from "../support/temporary.ts";

/** MinIO as any server, with a master key of its own, so that it can encrypt. */
const masterKey = `vault:${randomBytes(32).toString("base64")}`;
const encrypting = {
	...minio,
	command: (...[address, directory, keys]: Parameters<typeof minio.command>) => {
		const { args, env } = minio.command(address, directory, keys);
		return { args, env: { ...env, MINIO_KMS_SECRET_KEY: masterKey } };
	},
};

let one: S3Server;
let two: S3Server;

beforeAll(async () => {
	one = await (serverKinds[0] ?? { start: () => startProgram(minio) }).start();
	two = await startProgram(encrypting);
}, 120_000);
afterAll(async () => {
	await one.stop();
	await two.stop();
});

beforeEach(() => {
	for (const [name, value] of Object.entries(one.environment)) vi.stubEnv(name, value);
	vi.stubEnv("XDG_DATA_HOME", temporaryDirectory());
	const files = temporaryDirectory();
	const { accessKeyId, secretAccessKey } = two.credentials;
	writeFileSync(
		join(files, "credentials"),
		`[second]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n`,
	);
	vi.stubEnv("AWS_SHARED_CREDENTIALS_FILE", join(files, "credentials"));
	vi.stubEnv("AWS_CONFIG_FILE", join(files, "config"));
});

describe("two servers in one process", { timeout: 120_000 }, () => {
	test("a package goes from the one of the environment to the one of the bucket's settings, and back", async () => {
		const [here, there] = [await one.makeBucket(), await two.makeBucket({ versions: true })];
		await config({ registries: { [`s3://${there}`]: { endpoint: two.endpoint, profile: "second" } } });
		const folder = temporaryDirectory();
		mkdirSync(join(folder, "in"));
		const large = randomBytes(9 * 1024 * 1024);
		writeFileSync(join(folder, "small.txt"), "small");
		writeFileSync(join(folder, "in", "large.bin"), large);
		const name = "ann/cats";
		const first = await (await new Package().setDir(".", folder)).push(name, `s3://${here}`);
		const second = await (
			await Package.browse(name, { registry: `s3://${here}` })
		).push(name, `s3://${there}`);
		expect(second.topHash).toBe(first.topHash);
		const copied = await Package.browse(name, { registry: `s3://${there}` });
		for (const [, entry] of copied.walk()) expect(entry.physicalKey).toContain(`s3://${there}/`);
		const target = join(temporaryDirectory(), "cats");
		await Package.install(name, { registry: `s3://${there}`, dest: target });
		expect(await (await Package.browse(name, { registry: `s3://${there}` })).verify(target)).toMatchObject({
			ok: true,
		});
	});
});

describe("encryption by the server", { timeout: 120_000 }, () => {
	test.each([
		["AES256" as const, undefined, "AES256"],
		["aws:kms" as const, "vault", "aws:kms"],
	])("%s with key %s is of every object: whole, in parts, and copied", async (encryption, kmsKeyId, told) => {
		const bucket = await two.makeBucket({ versions: true });
		await config({
			registries: {
				[`s3://${bucket}`]: {
					endpoint: two.endpoint,
					profile: "second",
					encryption,
					...(kmsKeyId === undefined ? {} : { kmsKeyId }),
				},
			},
		});
		const folder = temporaryDirectory();
		writeFileSync(join(folder, "small.txt"), "small");
		writeFileSync(join(folder, "same.txt"), "small");
		writeFileSync(join(folder, "large.bin"), randomBytes(9 * 1024 * 1024));
		await (await new Package().setDir(".", folder)).push("ann/cats", `s3://${bucket}`);
		const client = two.client(bucket);
		let objects = 0;
		const store = await openS3(`s3://${bucket}`);
		for await (const item of store.list("")) {
			if ("prefix" in item) continue;
			const response = await client.expect({
				action: "s3:GetObject",
				method: "HEAD",
				key: item.key,
				isRead: true,
			});
			response.discard();
			expect([item.key, response.header("x-amz-server-side-encryption")]).toEqual([item.key, told]);
			objects++;
		}
		expect(objects).toBeGreaterThanOrEqual(6);
		const target = join(temporaryDirectory(), "cats");
		await Package.install("ann/cats", { registry: `s3://${bucket}`, dest: target });
		const read = await Package.browse("ann/cats", { registry: `s3://${bucket}` });
		expect(await read.verify(target)).toMatchObject({ ok: true });
	});

	test("where the server has no key is refused, and nothing is published", async () => {
		const bare = await startProgram(minio);
		try {
			const bucket = await bare.makeBucket();
			for (const [name, value] of Object.entries(bare.environment)) vi.stubEnv(name, value);
			await config({ registries: { [`s3://${bucket}`]: { encryption: "AES256" } } });
			const folder = temporaryDirectory();
			writeFileSync(join(folder, "small.txt"), "small");
			const pushed = (await new Package().setDir(".", folder)).push("ann/cats", `s3://${bucket}`);
			await expect(pushed).rejects.toMatchObject({ code: "Unsupported" });
			for await (const item of bare.openStore(bucket).list("")) expect(item).toBeUndefined();
		} finally {
			await bare.stop();
		}
	});
});
