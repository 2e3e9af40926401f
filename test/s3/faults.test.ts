/**
 * A network that fails, between bale and a real server, with every kind of fault: each verb ends right or with a typed error,
 * and nothing wrong is ever published.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { formatBase64 } from "../../src/core/base64.ts";
import { isBaleError, Package, pushPackage, type ErrorCode } from "../../src/index.ts";
import { collect } from "../../src/storage/byte-source.ts";
import type { CompletedPart } from "../../src/storage/s3/document.ts";
import type { S3Store } from "../../src/storage/s3/s3-store.ts";
import { beginUpload, completeUpload } from "../../src/storage/s3/uploads.ts";
import { failure } from "../client/support/failure.ts";
import type { Files } from "../client/support/files.ts";
import { chooseSeed, randomFrom } from "../support/random.ts";
import { everyVerb, type Attempt } from "../support/s3/every-verb.ts";
import { impatient } from "../support/s3/impatient.ts";
import {
	eachOnce,
	faultKinds,
	promptFaultKinds,
	randomFaults,
	type FaultKind,
} from "../support/s3/proxy-faults.ts";
import { startProxy, type S3Proxy } from "../support/s3/proxy.ts";
import { onEachServer } from "../support/s3/servers.ts";
import { expectSound } from "../support/s3/sound-bucket.ts";

const mebibyte = 1024 * 1024;
const large = Buffer.alloc(9 * mebibyte, "nine mebibytes ");

/** What may be reported of a network that is worse than what repeating gets over, or of bytes that have changed on the way. */
const outOfReach: readonly ErrorCode[] = ["StoreUnavailable", "Conflict", "DestinationConflict"];
const damaged: readonly ErrorCode[] = [
	"IntegrityMismatch",
	"TopHashMismatch",
	"InvalidManifest",
	"DuplicateKey",
	"KeyCollision",
	"LimitExceeded",
	"InvalidUrl",
	"UnsupportedScheme",
	"CorruptPointer",
	"DanglingPointer",
	"RevisionNotFound",
	"Conflict",
	"DestinationConflict",
];

/** Lets these errors pass. */
function tolerant(codes: readonly ErrorCode[]): Attempt {
	return async (_verb, run) => {
		try {
			return await run();
		} catch (error) {
			if (!isBaleError(error, ...codes)) throw error;
			return undefined;
		}
	};
}

const strict: Attempt = (_verb, run) => run();

onEachServer((server) => {
	let proxy: S3Proxy;
	beforeAll(async () => {
		proxy = await startProxy(server());
	});
	afterAll(() => proxy.stop());
	beforeEach(() => {
		for (const [name, value] of Object.entries(proxy.server.environment)) vi.stubEnv(name, value);
		proxy.clear();
		proxy.plan = () => undefined;
	});

	/** The store that the verbs get, which does not wait between its attempts. */
	const open = (bucket: string, random: () => number = Math.random): S3Store =>
		proxy.server.openStore(bucket, { transport: impatient, sleep: () => Promise.resolve(), random });

	/** What verbs have reported is what the bucket has. */
	async function expectPublished(bucket: string, pushed: ReadonlyMap<string, Files>): Promise<void> {
		const { pointers, contents } = await expectSound(server().openStore(bucket), "team/data");
		for (const [topHash, files] of pushed) {
			expect([...pointers.values()]).toContain(topHash);
			expect(new Set(contents.get(topHash)!.keys())).toEqual(new Set(Object.keys(files)));
		}
	}

	async function expectNoUploads(bucket: string): Promise<void> {
		for await (const { key } of server().openStore(bucket).listUploads()) {
			expect.unreachable(`an upload of ${key} was left`);
		}
	}

	const hits = (kind: FaultKind): number => proxy.log.filter(({ fault }) => fault === kind).length;
	const small: Files = { "a.txt": "alpha", "dir/b.txt": "beta", empty: "", "twin.txt": "alpha" };

	test.each(faultKinds.filter((kind) => !/^(corrupt-response|wrong-checksum|delay)$/.test(kind)))(
		"every verb succeeds when each of its requests fails once: %s",
		async (kind) => {
			const bucket = await server().makeBucket({ versions: true });
			proxy.plan = kind === "no-answer" ? firstOfEach(kind) : eachOnce(kind);
			const pushed = await everyVerb(open(bucket), { ...small, large }, strict);
			expect(hits(kind)).toBeGreaterThan(kind.endsWith("-in-200") ? 1 : 4);
			expect(pushed.size).toBe(2);
			await expectPublished(bucket, pushed);
			await expectNoUploads(bucket);
		},
	);

	test.each(["error-in-200", "late-error-in-200", "half-document"] as const)(
		"objects are copied, whole and in parts, although each answer is once: %s",
		async (kind) => {
			const bucket = await server().makeBucket({ versions: true });
			const objects = { small: Buffer.from("small"), large };
			for (const [key, bytes] of Object.entries(objects)) await server().openStore(bucket).put(key, bytes);
			proxy.plan = eachOnce(kind);
			const store = open(bucket);
			for (const [key, bytes] of Object.entries(objects)) {
				const source = { bucket, key, size: bytes.length, service: store.service };
				const copy = await store.copyFrom(source, `copy of ${key}`);
				expect(copy).toMatchObject({ key: `copy of ${key}`, size: bytes.length });
				const read = await server().openStore(bucket).get(`copy of ${key}`);
				expect(Buffer.from(await collect(read!.body)).equals(bytes), key).toBe(true);
			}
			const failed = proxy.log.filter(({ fault }) => fault === kind);
			const operations = new Set(failed.map(({ operation }) => operation));
			expect([...operations]).toEqual(
				expect.arrayContaining(["CopyObject", "UploadPartCopy", "CompleteMultipartUpload"]),
			);
			expect(failed.map(({ status }) => status)).toContain(200);
			await expectNoUploads(bucket);
		},
	);

	test("a server whose documents are always halves is StoreUnavailable", async () => {
		const bucket = await server().makeBucket();
		const source = { bucket, key: "a", size: 5, service: proxy.server.openStore(bucket).service };
		await server().openStore(bucket).put("a", Buffer.from("alpha"));
		proxy.plan = () => "half-document";
		const store = open(bucket);
		await expect(store.list("").next()).rejects.toMatchObject({ code: "StoreUnavailable" });
		await expect(store.put("large", large)).rejects.toMatchObject({ code: "StoreUnavailable" });
		await expect(store.copyFrom(source, "b")).rejects.toMatchObject({
			code: "StoreUnavailable",
			message: expect.stringContaining(
				`Cannot write s3://${bucket}/b: the server sent not a document of S3`,
			) as string,
		});
	});

	test.each(["corrupt-response", "wrong-checksum"] as const)(
		"no verb believes what came damaged: %s",
		async (kind) => {
			const bucket = await server().makeBucket({ versions: true });
			const attempt = tolerant(damaged);
			await everyVerb(open(bucket), { ...small, large }, strict);
			proxy.plan = eachOnce(kind);
			const pushed = await everyVerb(open(bucket), { ...small, "a.txt": "changed", large }, attempt);
			expect(hits(kind)).toBeGreaterThan(5);
			await expectPublished(bucket, pushed);
		},
	);

	test("pointers and manifests come with the checksums that show damage", async () => {
		const store = server().openStore(await server().makeBucket({ versions: true }));
		await everyVerb(store, small, strict);
		let found = 0;
		for await (const item of store.list(".quilt/")) {
			if (!("key" in item)) continue;
			const object = await store.get(item.key, { checked: true });
			expect([item.key, object?.info.checksum?.parts ?? 1]).toEqual([item.key, 1]);
			expect(object?.info.checksum?.sha256).toMatch(/=$/);
			await object?.body.cancel();
			found++;
		}
		expect(found).toBeGreaterThan(3);
	});

	test.each([
		".quilt/named_packages/team/data/latest",
		".quilt/packages/",
		".quilt/workflows/config.yml",
		"schemas/any.json",
	])("what comes damaged is read again, and is an error in the end: %s", async (document) => {
		const bucket = await server().makeBucket({ versions: true });
		const store = server().openStore(bucket);
		const config = `version: "1"\nworkflows: {w: {name: W, metadata_schema: any}}\nschemas: {any: {url: "s3://${bucket}/schemas/any.json"}}\n`;
		await store.put(".quilt/workflows/config.yml", Buffer.from(config));
		await store.put("schemas/any.json", Buffer.from('{"description": "any"}'));
		const made = await new Package().set("a", Buffer.from("alpha"));
		const { topHash } = await pushPackage(made, "team/data", { registry: store, workflow: "w" });
		const read = async (): Promise<string> => {
			const registry = open(bucket);
			const pkg = await Package.browse("team/data", { registry });
			await pushPackage(pkg, "team/data", { registry, workflow: "w" });
			return pkg.topHash;
		};
		let left = 2;
		proxy.plan = ({ operation, key }) =>
			operation === "GetObject" && key.startsWith(document) && left-- > 0 ? "corrupt-response" : undefined;
		expect(await read()).toBe(topHash);
		expect(hits("corrupt-response")).toBe(2);
		left = Infinity;
		const { code } = await failure(read());
		expect(code).toMatch(/^(IntegrityMismatch|InvalidManifest|TopHashMismatch)$/);
	});

	test.each(["corrupt-response", "wrong-checksum"] as const)(
		"damage shows in an object of several parts, too: %s",
		async (kind) => {
			const bucket = await server().makeBucket();
			await server().openStore(bucket).put("large", large);
			const read = async (): Promise<Uint8Array> =>
				collect((await open(bucket).get("large", { checked: true }))!.body);
			proxy.plan = ({ operation }) => (operation === "GetObject" ? kind : undefined);
			await expect(read()).rejects.toMatchObject({ code: "IntegrityMismatch" });
			proxy.plan = () => undefined;
			expect(large.equals(await read())).toBe(true);
		},
	);

	test("an object that others have sent in parts of other sizes is no damaged one", async () => {
		const bucket = await server().makeBucket();
		const client = server().client(bucket);
		const options = { checksums: true, signal: undefined };
		const { uploadId } = await beginUpload(client, "large", options);
		const parts: CompletedPart[] = [];
		for (const bytes of [large.subarray(0, 5 * mebibyte), large.subarray(5 * mebibyte)]) {
			const sha256 = client.sha256(bytes);
			const checksum = formatBase64(sha256);
			const number = parts.length + 1;
			const response = await client.expect({
				action: "s3:PutObject",
				method: "PUT",
				key: "large",
				query: [
					["partNumber", String(number)],
					["uploadId", uploadId],
				],
				headers: { "x-amz-checksum-sha256": checksum },
				body: { bytes, sha256 },
				isRead: false,
			});
			response.discard();
			parts.push({ number, etag: response.header("etag")!, checksum });
		}
		await completeUpload(client, {
			key: "large",
			uploadId,
			parts,
			conditionHeaders: {},
			hidesMarker: () => Promise.resolve(false),
			mayBeCompleted: false,
			signal: undefined,
		});
		const object = await open(bucket).get("large", { checked: true });
		expect(object!.info.checksum).toMatchObject({ parts: 2 });
		expect(large.equals(await collect(object!.body))).toBe(true);
	});

	describe.each([true, false])("with versions %s", (versions) => {
		test("nothing wrong is published when requests fail at random", async () => {
			const random = randomFrom(chooseSeed("faults"));
			const bucket = await server().makeBucket({ versions });
			const all = new Map<string, Files>();
			for (let round = 0; round < 4; round++) {
				const share = round % 3 === 0 ? 0.5 : 0.15;
				proxy.plan = randomFaults(random, share, promptFaultKinds);
				const files = { ...small, "round.txt": `round ${round}`, ...(round % 3 === 0 ? { large } : {}) };
				const attempt = tolerant([...outOfReach, ...damaged]);
				for (const [topHash, of] of await everyVerb(open(bucket, random), files, attempt))
					all.set(topHash, of);
			}
			expect(all.size).toBeGreaterThan(1);
			await expectPublished(bucket, all);
		}, 240_000);
	});
});

/** The first request of each kind has this fault. */
function firstOfEach(kind: FaultKind): ReturnType<typeof eachOnce> {
	const seen = new Set<string>();
	return ({ operation }) => {
		if (seen.has(operation)) return undefined;
		seen.add(operation);
		return kind;
	};
}
