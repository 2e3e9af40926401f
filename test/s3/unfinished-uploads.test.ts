/** What broken uploads have left, of whatever client: `bale doctor` shows it, and removes what is old enough when it is asked to. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { unfinishedUploads } from "../../src/index.ts";
import type { S3Client } from "../../src/storage/s3/client.ts";
import { beginUpload, listUploads } from "../../src/storage/s3/uploads.ts";
import { childText, parseXml } from "../../src/storage/s3/xml.ts";
import { runCli, runCliJson } from "../support/cli.ts";
import { limitedKeys } from "../support/s3/limited-keys.ts";
import { runKilled } from "../support/s3/killing.ts";
import { startProxy, type S3Proxy } from "../support/s3/proxy.ts";
import { onEachServer } from "../support/s3/servers.ts";
import { temporaryDirectory } from "../support/temporary.ts";

const mebibyte = 1024 * 1024;

type Finding = {
	readonly check: string;
	readonly severity: string;
	readonly path?: string;
	readonly upload?: { readonly id: string; readonly bytes: number; readonly aborted: boolean };
};
type Document = {
	readonly healthy: boolean;
	readonly problemCount: number;
	readonly warningCount: number;
	readonly findings: readonly Finding[];
};

const all = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
	const found: T[] = [];
	for await (const item of items) found.push(item);
	return found;
};

/** As a client of another make begins it, which has checksums of its own; one part is sent. */
async function leaveUpload(client: S3Client, key: string, checksum: "crc32" | undefined): Promise<string> {
	const change = { action: "s3:PutObject", key, isRead: false } as const;
	const headers = checksum === undefined ? {} : { "x-amz-checksum-algorithm": "CRC32" };
	const uploadId = await client.expectDocument(
		{ ...change, method: "POST", query: [["uploads", ""]], headers },
		(document) => childText(document, "UploadId") ?? "",
	);
	const bytes = new Uint8Array(1000);
	const query = [
		["partNumber", "1"],
		["uploadId", uploadId],
	] as const;
	const body = { bytes, sha256: client.sha256(bytes) };
	const sum = Buffer.alloc(4);
	sum.writeUInt32BE(crc32(bytes));
	const told = checksum === undefined ? {} : { "x-amz-checksum-crc32": sum.toString("base64") };
	(await client.expect({ ...change, method: "PUT", query, body, headers: told })).discard();
	return uploadId;
}

onEachServer((server, { limitsKeys }) => {
	let proxy: S3Proxy;
	beforeAll(async () => {
		proxy = await startProxy(server());
	});
	afterAll(() => proxy.stop());

	describe("bale doctor", () => {
		test("shows and aborts what a killed push and other clients have left, and only what is old enough", async () => {
			const bucket = await server().makeBucket({ versions: true });
			const registry = `s3://${bucket}`;
			const client = server().client(bucket);
			const home = temporaryDirectory();
			const options = { home, env: { ...proxy.server.environment } };
			mkdirSync(join(home, "folder"));
			writeFileSync(join(home, "folder/large"), Buffer.alloc(33 * mebibyte, "large "));
			const push = ["push", "ann/cats", "--dir", "folder", "--registry", registry];
			await runKilled(proxy, push, options, { bytes: 17 * mebibyte });
			const [ours] = await all(unfinishedUploads(registry));
			expect(ours?.place).toBe(`${registry}/ann/cats/large`);

			const old = await leaveUpload(client, "a b/ü+%", "crc32");
			const young = await leaveUpload(client, "a b/ü+%", undefined);
			const aged = new Set([old]);
			const longAgo = new Date(Date.now() - 25 * 60 * 60 * 1000).toISOString();
			proxy.rewrite = ({ operation }) =>
				operation === "ListMultipartUploads" ? (text) => makeOlder(text, aged, longAgo) : undefined;

			const doctor = async (...args: string[]): Promise<Document> =>
				(await runCliJson(["doctor", registry, ...args], options)) as unknown as Document;
			const uploadsOf = ({ findings }: Document): Record<string, string> =>
				Object.fromEntries(
					findings.flatMap(({ upload, severity }) =>
						upload === undefined ? [] : [[upload.id, upload.aborted ? "aborted" : severity]],
					),
				);
			const seen = await doctor();
			expect(uploadsOf(seen)).toEqual({ [ours!.uploadId]: "note", [old]: "warning", [young]: "note" });
			expect(seen).toMatchObject({ healthy: true, problemCount: 0, warningCount: 1 });
			expect(seen.findings.find(({ upload }) => upload?.id === old)).toMatchObject({
				path: `${registry}/a%20b/%C3%BC%2B%25`,
				upload: { bytes: 1000, startedAt: longAgo },
			});
			expect(uploadsOf(await doctor("--min-age", "26"))).toMatchObject({ [old]: "note" });
			const tooYoung = await doctor("--abort-uploads", "--min-age", "26");
			expect(Object.values(uploadsOf(tooYoung))).toEqual(["note", "note", "note"]);

			const aborting = await doctor("--abort-uploads");
			expect(uploadsOf(aborting)).toEqual({ [ours!.uploadId]: "note", [old]: "aborted", [young]: "note" });
			expect(aborting).toMatchObject({ healthy: true, warningCount: 0 });
			expect(uploadsOf(await doctor())).toEqual({ [ours!.uploadId]: "note", [young]: "note" });

			// The push goes on with what was left to it, and there is nothing any more that could be removed but the other.
			await runCliJson(push, options);
			expect(uploadsOf(await doctor("--abort-uploads", "--min-age", "0"))).toEqual({ [young]: "aborted" });
			expect((await doctor()).findings).toContainEqual(
				expect.objectContaining({ check: "uploads", severity: "ok" }),
			);
		});

		if (limitsKeys !== true) return;
		test("says which action is refused when it may not abort, and fails", async () => {
			const bucket = await server().makeBucket();
			const uploadId = await leaveUpload(server().client(bucket), "left", undefined);
			const keys = await limitedKeys(server(), bucket, [
				"s3:ListBucket",
				"s3:ListBucketMultipartUploads",
				"s3:ListMultipartUploadParts",
			]);
			const { environment } = server();
			const env = {
				...environment,
				AWS_ACCESS_KEY_ID: keys.accessKeyId,
				AWS_SECRET_ACCESS_KEY: keys.secretAccessKey,
				AWS_SESSION_TOKEN: keys.sessionToken ?? "",
			};
			const args = ["doctor", `s3://${bucket}`, "--abort-uploads", "--min-age", "0", "--json"];
			const { code, stdout } = await runCli(args, { home: temporaryDirectory(), env });
			expect(code).toBe(4);
			const { findings, healthy } = JSON.parse(stdout) as Document;
			expect(healthy).toBe(false);
			const refused: unknown = expect.stringContaining("s3:AbortMultipartUpload");
			expect(findings).toContainEqual(
				expect.objectContaining({ check: "uploads", severity: "problem", what: refused }),
			);
			const left = await all(unfinishedUploads(`s3://${bucket}`));
			expect(left.map((upload) => upload.uploadId)).toEqual([uploadId]);
		});
	});

	test("listUploads() gives all of more uploads than a page has", async () => {
		const client = server().client(await server().makeBucket());
		const begun: string[] = [];
		for (let index = 0; index < 1030;) {
			const batch = Array.from({ length: 50 }, () => `some/key ${index++ % 7}`).map((key) =>
				beginUpload(client, key, { checksums: false, signal: undefined }),
			);
			begun.push(...(await Promise.all(batch)).map(({ uploadId }) => uploadId));
		}
		const listed = await all(listUploads(client, "", undefined));
		expect(listed).toHaveLength(begun.length);
		expect(new Set(listed.map(({ uploadId }) => uploadId))).toEqual(new Set(begun));
	});
});

/** The answer of a server on which these uploads began at that time. */
function makeOlder(text: string, uploads: ReadonlySet<string>, time: string): string {
	return text.replace(/<Upload>.*?<\/Upload>/gs, (upload) =>
		uploads.has(childText(parseXml(upload), "UploadId") ?? "")
			? upload.replace(/(<Initiated>).*?</, `$1${time}<`)
			: upload,
	);
}
