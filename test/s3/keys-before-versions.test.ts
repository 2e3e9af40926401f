/**
 * Buckets that keep versions only since an object was written: manifests from before name its key without a version. What
 * others put there later is not read in its place, as long as the version `null` is still there.
 */
import { readFileSync } from "node:fs";
import { afterEach, describe, expect, test, vi } from "vitest";
import { Package, pushPackage } from "../../src/index.ts";
import { writeFiles } from "../client/support/files.ts";
import { startProxy, type S3Proxy } from "../support/s3/proxy.ts";
import { onEachServer } from "../support/s3/servers.ts";
import { temporaryDirectory } from "../support/temporary.ts";

const name = "team/data";
const small = "as it was";
const large = Buffer.alloc(9 * 1024 * 1024, "as it was");

onEachServer((server) => {
	/** A registry with two files from before its bucket had versions. */
	async function registryFromBefore(): Promise<{ bucket: string; registry: string; topHash: string }> {
		const bucket = await server().makeBucket();
		const registry = `s3://${bucket}`;
		const folder = temporaryDirectory();
		writeFiles(folder, { small, large });
		const { topHash, package: pushed } = await pushPackage(await new Package().setDir("", folder), name, {
			registry,
		});
		expect(pushed.get("small")).toBe(`${registry}/${name}/small`);
		await server().setVersioning(bucket, "Enabled");
		return { bucket, registry, topHash };
	}

	/** Puts an object as programs do that send no SHA-256 for the server to keep. */
	async function putPlainly(bucket: string, key: string, bytes: Uint8Array): Promise<void> {
		const client = server().client(bucket);
		const body = { bytes, sha256: client.sha256(bytes) };
		(await client.expect({ action: "s3:PutObject", method: "PUT", key, body, isRead: false })).discard();
	}

	/** What others do to an object from before. */
	const deeds: Record<string, (bucket: string, key: string, bytes: Uint8Array) => Promise<unknown>> = {
		"put more there": (bucket, key, bytes) =>
			server()
				.openStore(bucket)
				.put(key, Buffer.concat([bytes, Buffer.from("!")])),
		"put less there": (bucket, key) => server().openStore(bucket).put(key, Buffer.from("less")),
		"put as many bytes there": (bucket, key, bytes) =>
			server().openStore(bucket).put(key, Buffer.alloc(bytes.length, "others")),
		"put as many bytes there, without a checksum": (bucket, key, bytes) =>
			putPlainly(bucket, key, Buffer.alloc(bytes.length, "others")),
		"delete it": (bucket, key) => server().openStore(bucket).delete(key),
	};

	const contents = { small: Buffer.from(small), large };

	async function disturb(bucket: string, deed: string): Promise<void> {
		for (const [key, bytes] of Object.entries(contents)) await deeds[deed]?.(bucket, `${name}/${key}`, bytes);
	}

	describe.each(Object.keys(deeds))("where others %s", (deed) => {
		test("what was there before is read, streamed, fetched, installed and copied", async () => {
			const { bucket, registry, topHash } = await registryFromBefore();
			await disturb(bucket, deed);
			const pkg = await Package.browse(name, { registry });
			for (const [key, bytes] of Object.entries(contents)) {
				const entry = pkg.entry(key);
				expect(bytes.equals(await entry.bytes()), `bytes of ${key}`).toBe(true);
				const whole = new Uint8Array(await new Response(await entry.stream()).arrayBuffer());
				expect(bytes.equals(whole), `stream of ${key}`).toBe(true);
				const range = await new Response(await entry.stream({ range: { offset: 3, length: 5 } })).text();
				expect(range, `range of ${key}`).toBe(bytes.toString("utf8", 3, 8));
			}
			const [fetched, installed] = [temporaryDirectory(), temporaryDirectory()];
			await pkg.fetch(fetched);
			await Package.install(name, { registry, dest: installed });
			for (const folder of [fetched, installed]) {
				for (const [key, bytes] of Object.entries(contents)) {
					expect(bytes.equals(readFileSync(`${folder}/${key}`)), `${key} in a folder`).toBe(true);
				}
			}
			const elsewhere = `s3://${await server().makeBucket()}`;
			const copied = await pushPackage(pkg, name, { registry: elsewhere });
			expect(copied.topHash).toBe(topHash);
			expect((await copied.package.entry("small").text()) === small).toBe(true);
		});
	});

	test("what fits nowhere is told as such", async () => {
		const { bucket, registry } = await registryFromBefore();
		await disturb(bucket, "put as many bytes there");
		await server().setVersioning(bucket, "Suspended");
		await disturb(bucket, "put less there");
		const pkg = await Package.browse(name, { registry });
		const mismatch = expect.objectContaining({ code: "IntegrityMismatch" }) as unknown;
		await expect(pkg.entry("small").bytes()).rejects.toEqual(mismatch);
		await expect(pkg.entry("small").stream()).rejects.toEqual(mismatch);
		await expect(pkg.fetch(temporaryDirectory())).rejects.toEqual(mismatch);
	});

	describe("a key that nobody has touched", () => {
		let proxy: S3Proxy;
		afterEach(() => proxy.stop());

		test("costs no more than it did before", async () => {
			const { registry } = await registryFromBefore();
			proxy = await startProxy(server());
			for (const [key, value] of Object.entries(proxy.server.environment)) vi.stubEnv(key, value);
			const pkg = await Package.browse(name, { registry });
			proxy.clear();
			await pkg.entry("small").bytes();
			await new Response(await pkg.entry("small").stream({ range: { offset: 0, length: 2 } })).text();
			await pkg.fetch(temporaryDirectory());
			const asked = proxy.clear();
			expect(asked.filter(({ query }) => query.has("versionId"))).toEqual([]);
			expect(asked.filter(({ method }) => method !== "GET")).toEqual([]);
			// Small: whole, a range, whole again. Large: its two parts.
			expect(asked).toHaveLength(5);
		});
	});
});
