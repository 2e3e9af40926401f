import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { Package, pushPackage, type ProgressEvent } from "../../src/index.ts";
import { S3Store } from "../../src/storage/s3/s3-store.ts";
import { writeFiles } from "../client/support/files.ts";
import { onEachServer } from "../support/s3/servers.ts";
import { temporaryDirectory } from "../support/temporary.ts";

const large = new Uint8Array(9 * 1024 * 1024).fill(7);
const files = { "a.txt": "alpha", "data/ü c+d%.csv": "x,y\n1,2\n", empty: "", "large.bin": large };

async function pushed(registry: string): Promise<Package> {
	const directory = temporaryDirectory();
	writeFiles(directory, files);
	return (await pushPackage(await new Package().setDir("", directory), "team/data", { registry })).package;
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

onEachServer((server) => {
	describe.each([true, false])("with versions %s, verify() of a prefix", (versions) => {
		test("reads nothing where the checksums of the store prove all", async () => {
			const bucket = await server().makeBucket({ versions });
			const pkg = await pushed(`s3://${bucket}`);
			await server()
				.openStore(bucket)
				.put("team/data/folder/", new Uint8Array())
				.catch(() => undefined);
			const reads = [vi.spyOn(S3Store.prototype, "get"), vi.spyOn(S3Store.prototype, "deliver")];
			for (const slash of ["", "/"]) {
				const events: ProgressEvent[] = [];
				const onProgress = (event: ProgressEvent): void => void events.push(event);
				expect(await pkg.verify(`s3://${bucket}/team/data${slash}`, { onProgress })).toEqual({
					ok: true,
					missing: [],
					extra: [],
					changed: [],
				});
				const total = large.length + 13;
				expect(events).toContainEqual({ kind: "started", phase: "verify", files: 4, bytes: total });
				const counted = events.map((event) =>
					event.kind === "advanced" && event.phase === "verify" ? event.bytes : 0,
				);
				expect(counted.reduce((sum, count) => sum + count, 0)).toBe(total);
				expect(events.at(-1)).toEqual({ kind: "finished", phase: "verify" });
			}
			for (const read of reads) expect(read).not.toHaveBeenCalled();
		});

		test("tells every object that is missing, extra or changed", async () => {
			const bucket = await server().makeBucket({ versions });
			const pkg = await pushed(`s3://${bucket}`);
			const store = server().openStore(bucket);
			await store.put("team/data/a.txt", bytes("ALPHA"));
			await store.delete("team/data/empty");
			await store.put("team/data/data/extra", bytes("extra"));
			await store.put("team/database", bytes("not below the prefix"));
			const changed = new Uint8Array(large);
			changed[8 * 1024 * 1024 + 5] = 8;
			await store.put("team/data/large.bin", changed);
			await store.put("team/data/data/ü c+d%.csv", bytes("short"));
			const found = await pkg.verify(`s3://${bucket}/team/data/`);
			expect(found).toMatchObject({ ok: false, missing: ["empty"], extra: ["data/extra"] });
			expect(found.changed.map(({ key, reason }) => [key, reason])).toEqual([
				["data/ü c+d%.csv", "size"],
				["a.txt", "hash"],
				["large.bin", "hash"],
			]);
			expect(found.changed[0]).toMatchObject({ expected: 8, found: 5 });
			const local = temporaryDirectory();
			writeFileSync(join(local, "large.bin"), changed);
			const there = await new Package().setDir("", local);
			await there.build("team/local", temporaryDirectory());
			expect(found.changed[2]).toMatchObject({ found: there.entry("large.bin").hash });
		});

		test("accepts extra objects when it is told to", async () => {
			const bucket = await server().makeBucket({ versions });
			const pkg = await pushed(`s3://${bucket}`);
			await server().openStore(bucket).put("team/data/extra", bytes("extra"));
			const found = await pkg.verify(`s3://${bucket}/team/data/`, { extraFilesOk: true });
			expect(found).toMatchObject({ ok: true, extra: ["extra"] });
		});
	});

	test.each(["SHA256", "CRC64NVME"] as const)("verify() checks %s hashes, too", async (type) => {
		const bucket = await server().makeBucket();
		const store = server().openStore(bucket);
		// CRC64NVME of "123456789", as catalogues of checksums give it.
		const content = "123456789";
		const value = type === "SHA256" ? createHash("sha256").update(content).digest("hex") : "rosUhgp5mIg=";
		const entry = {
			logical_key: "x",
			physical_keys: ["s3://elsewhere/x"],
			size: 9,
			hash: { type, value },
			meta: {},
		};
		const pkg = await Package.load(
			new Response(`{"version": "v0"}\n${JSON.stringify(entry)}\n`).body as ReadableStream<Uint8Array>,
		);
		await store.put("p/x", bytes(content));
		expect((await pkg.verify(`s3://${bucket}/p`)).ok).toBe(true);
		await store.put("p/x", bytes("123456780"));
		const found = await pkg.verify(`s3://${bucket}/p`);
		expect(found.changed).toMatchObject([
			{ key: "x", reason: "hash", expected: { type, value }, found: { type } },
		]);
	});

	test("verify() of a prefix that is not there misses every file; without a bucket it fails", async () => {
		const bucket = await server().makeBucket();
		const pkg = await pushed(`s3://${bucket}`);
		expect((await pkg.verify(`s3://${bucket}/nothing/here`)).missing).toHaveLength(4);
		await expect(pkg.verify("s3://no-such-bucket-here/x")).rejects.toMatchObject({ code: "ObjectNotFound" });
	});

	test("verify() refuses a directory with a version, and stops when it is told to", async () => {
		const bucket = await server().makeBucket({ versions: true });
		const pkg = await pushed(`s3://${bucket}`);
		await expect(pkg.verify(`s3://${bucket}/team/data/?versionId=1`)).rejects.toMatchObject({
			code: "InvalidArgument",
		});
		const stop = new AbortController();
		const onProgress = (event: ProgressEvent): void => {
			if (event.kind === "started" && event.phase === "verify") stop.abort();
		};
		await expect(
			pkg.verify(`s3://${bucket}/team/data/`, { signal: stop.signal, onProgress }),
		).rejects.toMatchObject({ code: "Aborted" });
	});
});
