/** What cannot work on buckets: each fault has its code and a hint, and nothing is half published. */
import { appendFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import {
	deletePackage,
	listPackages,
	listPackageVersions,
	lostRevisions,
	Package,
	pushPackage,
	readWorkflows,
	revisions,
	unfinishedUploads,
	type ErrorCode,
} from "../../src/index.ts";
import { nodeTransport } from "../../src/node/s3-transport.ts";
import type { Transport } from "../../src/storage/s3/transport.ts";
import { failure } from "../client/support/failure.ts";
import { onEachServer } from "../support/s3/servers.ts";
import { temporaryDirectory } from "../support/temporary.ts";

const text = (content: string): Uint8Array => new TextEncoder().encode(content);
const made = async (content = "alpha"): Promise<Package> => new Package().set("a", text(content));
const all = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
	const found: T[] = [];
	for await (const item of items) found.push(item);
	return found;
};

/** Answers as AWS does when the keys of a session have expired. */
const expired: Transport = async () => ({
	status: 400,
	header: () => undefined,
	discard: () => undefined,
	stream: () => new Response("<Error><Code>ExpiredToken</Code><Message>expired</Message></Error>").body!,
});

onEachServer((server) => {
	describe("a bucket that is not there", () => {
		const registry = "s3://no-such-bucket-here";

		test.each<[string, () => Promise<unknown>]>([
			["push", async () => pushPackage(await made(), "team/data", { registry })],
			["build", async () => (await made()).build("team/data", registry)],
			["browse", () => Package.browse("team/data", { registry })],
			["install", () => Package.install("team/data", { registry, dest: temporaryDirectory() })],
			["listing", () => all(listPackages(registry))],
			["setDir", () => new Package().setDir("", `${registry}/d/`)],
		])("is said by %s", async (_verb, work) => {
			const { message, hint } = await failure(work(), "ObjectNotFound");
			expect(message).toMatch(new RegExp(`^Cannot \\w+ ${registry}: there is no such bucket$`));
			expect(hint).toContain("endpoint");
		});

		test("is no object to set", async () => {
			const { message, hint } = await failure(new Package().set("a", `${registry}/d/a`), "ObjectNotFound");
			expect(message).toContain(`${registry}/d/a`);
			expect(hint).toContain("bucket");
		});
	});

	test.each<[string, string, ErrorCode]>([
		["a version", "s3://bucket?versionId=1", "InvalidUrl"],
		["no bucket", "s3://", "InvalidUrl"],
		["an empty text", "", "InvalidUrl"],
	])("a registry with %s is none", async (_title, registry, code) => {
		const pkg = await made();
		for (const work of [
			() => Package.browse("team/data", { registry }),
			() => pkg.build("team/data", registry),
			() => pushPackage(pkg, "team/data", { registry }),
		]) {
			expect((await failure(work, code)).hint).toBeDefined();
		}
	});

	test("a place in a bucket is no registry for any verb but push", async () => {
		const bucket = await server().makeBucket();
		const registry = `s3://${bucket}/foo/bar/`;
		const pkg = await made();
		const name = "team/data";
		const verbs: Record<string, () => Promise<unknown>> = {
			browse: () => Package.browse(name, { registry }),
			build: () => pkg.build(name, registry),
			delete: () => deletePackage(name, registry),
			"doctor --heal": () => all(lostRevisions(registry)),
			"doctor, uploads": () => all(unfinishedUploads(registry)),
			install: () => Package.install(name, { registry, dest: temporaryDirectory() }),
			isMaterialized: () => pkg.isMaterialized(registry),
			list: () => all(listPackages(registry)),
			log: () => all(revisions(name, registry)),
			resolveHash: () => Package.resolveHash(name, registry, "0".repeat(64)),
			rollback: () => Package.rollback(name, registry, "0".repeat(64)),
			versions: () => all(listPackageVersions(name, registry)),
			workflows: () => readWorkflows(registry),
		};
		for (const [verb, work] of Object.entries(verbs)) {
			const { message, hint } = await failure(work(), "InvalidUrl");
			expect([verb, message]).toEqual([verb, expect.stringContaining(registry)]);
			expect(hint).toContain(`s3://${bucket} `);
		}
		expect(await all(server().openStore(bucket).list(""))).toEqual([]);
	});

	test("a registry with a name that no bucket can have is none", async () => {
		const { code, hint } = await failure(Package.browse("team/data", { registry: "s3://UPPER_case" }));
		expect(["InvalidUrl", "ObjectNotFound"]).toContain(code);
		expect(hint).toContain("name");
	});

	describe("sources", () => {
		test("that are gone, or whose version is, are named", async () => {
			const bucket = await server().makeBucket({ versions: true });
			const store = server().openStore(bucket);
			const { versionId } = await store.put("a", text("x"));
			await store.delete("a");
			for (const source of [`s3://${bucket}/a`, `s3://${bucket}/none`, `s3://${bucket}/a?versionId=nope`]) {
				const { message, hint } = await failure(new Package().set("k", source), "ObjectNotFound");
				expect(message).toContain(source);
				expect(hint).toContain(source.includes("?") ? "versionId" : "key");
			}
			const kept = await new Package().set("k", `s3://${bucket}/a?versionId=${versionId}`);
			expect(await kept.entry("k").text()).toBe("x");
		});

		test("that are directories have no versions", async () => {
			const bucket = await server().makeBucket({ versions: true });
			const { versionId } = await server().openStore(bucket).put("d/a", text("x"));
			const source = `s3://${bucket}/d/?versionId=${versionId}`;
			expect((await failure(new Package().setDir("", source), "InvalidArgument")).hint).toContain(
				"versionId",
			);
			const { hint } = await failure(new Package().set("k", source), "NotAFile");
			expect(hint).toContain("setDir");
		});

		test.each(["a//", "../", "a/./"])("below %s are none, or refused as a name", async (prefix) => {
			const bucket = await server().makeBucket();
			await server().openStore(bucket).put("a/b", text("x"));
			const taken = new Package().setDir("", `s3://${bucket}/${prefix}`);
			const outcome = await taken.catch((error: unknown) => error);
			if (outcome instanceof Package) expect([...outcome.walk()]).toEqual([]);
			else expect((await failure(taken, "InvalidKey")).hint).toContain("empty");
		});

		test("that vanish between push and install are named, and nothing is installed", async () => {
			const bucket = await server().makeBucket();
			const registry = `s3://${bucket}`;
			await pushPackage(await made(), "team/data", { registry });
			await server().openStore(bucket).delete("team/data/a");
			const found = await Package.browse("team/data", { registry });
			const { message, hint } = await failure(found.entry("a").text(), "ObjectNotFound");
			expect(message).toContain(`s3://${bucket}/team/data/a`);
			expect(hint).toBeDefined();
			const dest = temporaryDirectory();
			await failure(Package.install("team/data", { registry, dest }), "ObjectNotFound");
			expect(await new Package().setDir("", dest).then((pkg) => [...pkg.walk()])).toEqual([]);
		});
	});

	describe("dest", () => {
		test("in another bucket, outside of buckets or with a version is refused before anything moves", async () => {
			const bucket = await server().makeBucket();
			const registry = `s3://${bucket}`;
			const other = `s3://${await server().makeBucket()}/x`;
			for (const dest of [
				other,
				() => other,
				temporaryDirectory(),
				"file:///somewhere",
				() => "file:///somewhere",
				`${registry}/x?versionId=1`,
			]) {
				const { message, hint } = await failure(
					(await made()).push("team/data", registry, { dest }),
					"InvalidArgument",
				);
				expect(message).toContain("Cannot push to");
				expect(hint).toBeDefined();
			}
			const pushing = (await made()).push("team/data", registry, { dest: "http://x.example/y" });
			expect((await failure(pushing, "UnsupportedScheme")).hint).toContain("s3://");
			expect(await all(server().openStore(bucket).list(""))).toEqual([]);
		});

		test("and a registry with a path are two places", async () => {
			const bucket = await server().makeBucket();
			const pushing = (await made()).push("team/data", `s3://${bucket}/foo/`, { dest: `s3://${bucket}/x` });
			expect((await failure(pushing, "InvalidArgument")).hint).toBeDefined();
			expect(await all(server().openStore(bucket).list(""))).toEqual([]);
		});
	});

	test("keys that have expired are said to be that, and nothing is published", async () => {
		const bucket = await server().makeBucket();
		const before = await all(server().openStore(bucket).list(""));
		const keys = { ...server().credentials, sessionToken: "old" };
		const registry = server().openStore(bucket, {
			credentials: () => Promise.resolve(keys),
			transport: expired,
		});
		for (const work of [
			async () => pushPackage(await made(), "team/data", { registry }),
			() => all(registry.list("")),
		]) {
			const { hint } = await failure(work(), "LoginExpired");
			expect(hint).toContain("bale login");
		}
		expect(await all(server().openStore(bucket).list(""))).toEqual(before);
	});

	test("a server that gives one page again and again is not asked for ever", async () => {
		const item = "<Key>a</Key><Size>1</Size><ETag>x</ETag><LastModified>2026-01-01T00:00:00Z</LastModified>";
		const objects = `<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken><Contents>${item}</Contents></ListBucketResult>`;
		const versions = `<ListVersionsResult><IsTruncated>true</IsTruncated><NextKeyMarker>a</NextKeyMarker><Version><IsLatest>true</IsLatest><VersionId>1</VersionId>${item}</Version></ListVersionsResult>`;
		const store = server().openStore("bucket", {
			transport: async (request) => ({
				status: 200,
				header: () => undefined,
				discard: () => undefined,
				stream: () => new Response(request.target.includes("versions") ? versions : objects).body!,
			}),
		});
		for (const list of [() => store.list(""), () => store.listVersions("")]) {
			const { message } = await failure(all(list()), "StoreUnavailable");
			expect(message).toContain("again and again");
		}
	});

	test("a wrong region is put right by what the server says, whatever is asked first", async () => {
		const bucket = await server().makeBucket();
		const open = () => server().openStore(bucket, { region: "eu-west-1" });
		const { topHash } = await pushPackage(await made(), "team/data", { registry: open() });
		expect(await open().head("team/data/a")).toMatchObject({ size: 5 });
		expect(await all(listPackages(open()))).toEqual(["team/data"]);
		const dest = temporaryDirectory();
		expect((await Package.install("team/data", { registry: open(), dest })).topHash).toBe(topHash);
	});

	test("an endpoint with the bucket in it, and one that is not encrypted, are said to be that", async () => {
		const bucket = await server().makeBucket();
		const { endpoint } = server();
		vi.stubEnv("AWS_ENDPOINT_URL_S3", `${endpoint}/${bucket}`);
		const inside = await failure(all(listPackages(`s3://${bucket}`)));
		expect(inside.hint).toContain("without a bucket");
		vi.stubEnv("AWS_ENDPOINT_URL_S3", endpoint.replace("http:", "https:"));
		const plain = await failure(all(listPackages(`s3://${bucket}`)), "StoreUnavailable");
		expect(plain.hint).toContain(`write ${endpoint}`);
	});

	test("wrong keys are said to be that", async () => {
		const registry = `s3://${await server().makeBucket()}`;
		vi.stubEnv("AWS_SECRET_ACCESS_KEY", "wrong");
		const { hint } = await failure(pushPackage(await made(), "team/data", { registry }), "AccessDenied");
		expect(hint).toContain("access key");
	});

	describe.each([
		["small", 1000],
		["large", 9 * 1024 * 1024],
	])("a %s file", (_title, size) => {
		test.each<[string, (file: string) => void]>([
			["grows", (file) => appendFileSync(file, "more")],
			["shrinks", (file) => truncateSync(file, size - 1)],
			["is removed", (file) => rmSync(file, { force: true })],
		])("that %s while it is pushed is not published", async (change, apply) => {
			const bucket = await server().makeBucket();
			const file = join(temporaryDirectory(), "file");
			writeFileSync(file, Buffer.alloc(size, "x"));
			const changing = await new Package().set("a", file);
			let requests = 0;
			const registry = server().openStore(bucket, {
				transport: (request, signal) => {
					if (++requests === 1) apply(file);
					return nodeTransport(request, signal);
				},
			});
			const pushing = pushPackage(changing, "team/data", { registry });
			const { message, hint } = await failure(
				pushing,
				change === "is removed" ? "ObjectNotFound" : "SourceChanged",
			);
			expect(message).toContain("a");
			expect(hint).toBeDefined();
			expect(await all(server().openStore(bucket).list(""))).toEqual([]);
		});
	});
});
