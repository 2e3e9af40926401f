/** The browser entry on a bucket of a real server, in a page of another origin. */
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer, request as send, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { encodeUtf8 } from "../../src/core/utf8.ts";
import { Package } from "../../src/index.ts";
import { contentsOf } from "../support/files.ts";
import { root } from "../support/repository.ts";
import { startProgram } from "../support/s3/program.ts";
import { minio } from "../support/s3/programs.ts";
import type { S3Server } from "../support/s3/server.ts";
import { makeTemporaryDirectory, removeDirectory } from "../support/temporary.ts";
import { openPage, type TestPage } from "./chromium.ts";
import { serve } from "./server.ts";

const directory = makeTemporaryDirectory();
const data = join(directory, "data");
const name = "lab/web";
const mebibyte = 1024 * 1024;
let s3: S3Server;
let web: Awaited<ReturnType<typeof serve>>;
let strict: { readonly url: string; readonly rules: Rules; stop(): Promise<void> };
let page: TestPage;
/** Who may read it: everybody. */
let open: string;
let topHash: string;

/** Which answers of the server a page may see, and what of them. */
type Rules = { origin: boolean; expose: string };

function call<T>(name: string, ...args: readonly unknown[]): Promise<T> {
	return page.call("/test/bucket-page.mjs", name, ...args);
}

function failureOf(...args: readonly unknown[]): Promise<{ code: string; message: string; hint: string }> {
	return call("failureOf", ...args);
}

/** A server in front of the other one that replaces its CORS rules. */
async function startStrict(endpoint: string): Promise<typeof strict> {
	const rules: Rules = { origin: true, expose: "" };
	const server: Server = createServer((incoming, answer) => {
		const target = new URL(incoming.url ?? "/", endpoint);
		const outgoing = send(
			target,
			{ method: incoming.method ?? "GET", headers: incoming.headers },
			(response) => {
				const headers = Object.entries(response.headers).filter(
					([header]) => !header.startsWith("access-control-"),
				);
				answer.writeHead(response.statusCode ?? 502, {
					...Object.fromEntries(headers),
					...(rules.origin
						? {
								"access-control-allow-origin": "*",
								"access-control-allow-headers": "*, authorization",
								"access-control-allow-methods": "GET, HEAD, PUT, POST, DELETE",
								"access-control-expose-headers": rules.expose,
							}
						: {}),
				});
				response.pipe(answer);
			},
		);
		incoming.pipe(outgoing);
	});
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	return {
		url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
		rules,
		stop: () =>
			new Promise((resolve) => {
				server.closeAllConnections();
				server.close(() => {
					resolve();
				});
			}),
	};
}

/** Lets everybody read the objects of a bucket and list it. */
async function publish(bucket: string): Promise<void> {
	const client = s3.client(bucket);
	const statement = (action: string, resource: string) => ({
		Effect: "Allow",
		Principal: { AWS: ["*"] },
		Action: [action],
		Resource: [resource],
	});
	const bytes = encodeUtf8(
		JSON.stringify({
			Version: "2012-10-17",
			Statement: [
				statement("s3:GetObject", `arn:aws:s3:::${bucket}/*`),
				statement("s3:GetObjectVersion", `arn:aws:s3:::${bucket}/*`),
				statement("s3:ListBucket", `arn:aws:s3:::${bucket}`),
			],
		}),
	);
	const operation = { action: "s3:PutBucketPolicy", method: "PUT", isRead: false } as const;
	const body = { bytes, sha256: client.sha256(bytes) };
	(await client.expect({ ...operation, query: [["policy", ""]], body })).discard();
}

beforeAll(async () => {
	s3 = await startProgram(minio);
	for (const [variable, value] of Object.entries(s3.environment)) vi.stubEnv(variable, value);
	mkdirSync(join(data, "a folder"), { recursive: true });
	writeFileSync(join(data, "a folder", "ä + b%20#?.txt"), "small");
	writeFileSync(join(data, "large.txt"), "0123456789".repeat(900_000));
	open = await s3.makeBucket({ versions: true });
	await publish(open);
	({ topHash } = await (await new Package().setDir(".", data)).push(name, s3.openStore(open)));
	writeFileSync(join(directory, "index.html"), "<!doctype html><title>bale</title>");
	web = await serve({ dist: join(root, "dist"), test: import.meta.dirname, page: directory });
	strict = await startStrict(s3.endpoint);
	page = await openPage(`${web.url}/page/index.html`, [web.url, s3.endpoint, strict.url]);
}, 120_000);

afterAll(async () => {
	await page.close();
	await Promise.all([web.stop(), strict.stop(), s3.stop()]);
	removeDirectory(directory);
});

describe("S3Store in a page", { timeout: 120_000 }, () => {
	test("browses and installs from a public bucket without keys", async () => {
		const place = { endpoint: s3.endpoint, bucket: open };
		const contents = { ...contentsOf(data) };
		expect(await call("readAll", place, name)).toEqual({ topHash, contents });
		expect(await call("install", place, name)).toEqual({ topHash, contents });
		expect(await call("list", place, "lab/web/a")).toEqual(["lab/web/a folder/ä + b%20#?.txt"]);
	});

	test("reads a part of an object without the rest", async () => {
		const place = { endpoint: s3.endpoint, bucket: open };
		expect(await call("readRange", place, name, "large.txt", 8_500_003, 12)).toBe("345678901234");
	});

	test.each([true, false])("pushes with keys, in parts, where versions are %s", async (versions) => {
		const bucket = await s3.makeBucket({ versions });
		const place = { endpoint: s3.endpoint, bucket, keys: s3.credentials };
		type Pushed = { topHash: string; physicalKeys: string[]; large: string };
		const size = 17 * mebibyte + 5;
		const first = await call<Pushed>("push", place, "lab/made", size, "one");
		const second = await call<Pushed>("push", place, "lab/made", size, "two");
		expect(second.topHash).not.toBe(first.topHash);
		for (const key of [...first.physicalKeys, ...second.physicalKeys]) {
			expect(key).toMatch(versions ? /\?versionId=/ : /^s3:\/\/[^?]+$/);
		}
		for (const [pushed, message] of [
			[first, "one"],
			[second, "two"],
		] as const) {
			const read = await Package.browse("lab/made", {
				registry: s3.openStore(bucket),
				topHash: pushed.topHash,
			});
			expect(read.topHash).toBe(pushed.topHash);
			expect(await read.entry("small.txt").text()).toBe(`small, ${message}`);
			const bytes = await read.entry("folder/large.bin").bytes();
			expect(Buffer.from(await crypto.subtle.digest("SHA-256", bytes)).toString("hex")).toBe(pushed.large);
		}
		const listed = await s3.openStore(bucket).listUploads().next();
		expect(listed.done).toBe(true);
	});

	test("is refused without keys where it is not public, as on Node", async () => {
		const bucket = await s3.makeBucket();
		expect(await failureOf("readAll", { endpoint: s3.endpoint, bucket }, name)).toMatchObject({
			code: "AccessDenied",
		});
		const place = { endpoint: s3.endpoint, bucket: open };
		expect(await failureOf("push", place, "lab/made", 10, "no")).toMatchObject({ code: "AccessDenied" });
	});

	test("says which headers the CORS rules must expose when it cannot see them", async () => {
		const bucket = await s3.makeBucket({ versions: true });
		const place = { endpoint: strict.url, bucket: open };
		const own = { endpoint: strict.url, bucket, keys: s3.credentials };
		const hint = "Let the CORS rules of the bucket expose: ETag, Content-Range, x-amz-version-id,";
		strict.rules.expose = "";
		const noTag = await failureOf("readAll", place, name);
		expect(noTag).toMatchObject({
			code: "InvalidConfig",
			message: expect.stringContaining('"etag"') as string,
		});
		expect(noTag.hint).toContain(hint);
		strict.rules.expose = "ETag";
		const noRange = await failureOf("readRange", place, name, "large.txt", 8_500_003, 12);
		expect(noRange).toMatchObject({ code: "InvalidConfig" });
		expect(noRange.message).toContain('"content-range"');
		const noVersion = await failureOf("push", own, "lab/made", 10, "no version");
		expect(noVersion).toMatchObject({ code: "InvalidConfig" });
		expect(noVersion.hint).toContain("x-amz-version-id");
		const published = await call<string[]>("list", { ...own, endpoint: s3.endpoint }, ".quilt/");
		expect(published).toEqual([]);
		strict.rules.expose = "ETag, Content-Range, x-amz-version-id, x-amz-checksum-sha256, x-amz-checksum-type";
		expect(await failureOf("readAll", place, name)).toBeUndefined();
		expect(await failureOf("push", own, "lab/made", 9 * mebibyte, "all there")).toBeUndefined();
	});

	test("says that CORS rules may forbid it when the page sees nothing", async () => {
		strict.rules.origin = false;
		const failure = await failureOf("readAll", { endpoint: strict.url, bucket: open }, name);
		strict.rules.origin = true;
		expect(failure).toMatchObject({ code: "StoreUnavailable" });
		expect(failure.hint).toContain("CORS rules");
	});

	test("asked nobody else, and nothing failed unseen", () => {
		expect(page.problems).toEqual([]);
	});
});
