/** Reading a part of a file that is in a bucket: nothing but that part travels. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Package, pushPackage } from "../../src/index.ts";
import { writeFiles } from "../client/support/files.ts";
import { runCli, type CliResult } from "../support/cli.ts";
import { startProxy, type S3Proxy } from "../support/s3/proxy.ts";
import { onEachServer } from "../support/s3/servers.ts";
import { makeTemporaryDirectory, removeDirectory, temporaryDirectory } from "../support/temporary.ts";

const size = 9 * 1024 * 1024;
const content = new Uint8Array(size).map((_, index) => 97 + (index % 26));
const text = (offset: number, length: number): string =>
	Buffer.from(content.subarray(offset, offset + length)).toString();

onEachServer((server) => {
	describe("of a large file,", () => {
		let proxy: S3Proxy;
		let registry: string;

		beforeAll(async () => {
			proxy = await startProxy(server());
			registry = `s3://${await server().makeBucket({ versions: true })}`;
			const folder = makeTemporaryDirectory();
			writeFiles(folder, { large: content });
			const store = server().openStore(registry.slice("s3://".length));
			const made = await new Package().setDir("", folder);
			await pushPackage(made, "team/data", { registry: store });
			removeDirectory(folder);
		});
		afterAll(() => proxy.stop());

		/** Bytes of files that came back since the last call. */
		const fetched = (): number =>
			proxy
				.clear()
				.filter(({ method, key }) => method === "GET" && key.endsWith("large"))
				.reduce((sum, { received }) => sum + received, 0);

		test.each([
			[0, 1],
			[8 * 1024 * 1024 - 2, 5],
			[size - 3, 3],
		])("entry.stream() from %i fetches %i bytes", async (offset, length) => {
			const store = proxy.server.openStore(registry.slice("s3://".length));
			const pkg = await Package.browse("team/data", { registry: store });
			fetched();
			const stream = await pkg.entry("large").stream({ range: { offset, length } });
			expect(await new Response(stream).text()).toBe(text(offset, length));
			expect(fetched()).toBe(length);
		});

		test.each([
			[size, 1],
			[size - 1, 2],
			[-1, 2],
			[0.5, 1],
		])("entry.stream() from %d refuses %d bytes, and fetches none", async (offset, length) => {
			const store = proxy.server.openStore(registry.slice("s3://".length));
			const pkg = await Package.browse("team/data", { registry: store });
			await expect(pkg.entry("large").stream({ range: { offset, length } })).rejects.toMatchObject({
				code: "InvalidArgument",
			});
			expect(fetched()).toBe(0);
		});

		test("bale cat --range fetches that range, and refuses one that begins after the end", async () => {
			const cat = (...args: string[]): Promise<CliResult> =>
				runCli(["cat", "team/data", "large", "--registry", registry, ...args], {
					home: temporaryDirectory(),
					env: { ...proxy.server.environment },
				});
			fetched();
			expect(await cat("--range", "100-109")).toMatchObject({ code: 0, stdout: text(100, 10) });
			expect(fetched()).toBe(10);
			expect(await cat("--range", `${size - 4}-`)).toMatchObject({ code: 0, stdout: text(size - 4, 4) });
			expect(fetched()).toBe(4);
			const refused = await cat("--range", `${size + 1}-${size + 9}`, "--json");
			expect(refused.code).toBe(2);
			expect(JSON.parse(refused.stdout)).toMatchObject({
				error: { code: "InvalidArgument", details: { size } },
			});
			expect(fetched()).toBe(0);
		});

		test("what cannot be read is told before there is a stream", async () => {
			const bucket = await server().makeBucket();
			const store = server().openStore(bucket);
			const folder = temporaryDirectory();
			writeFiles(folder, { small: "small" });
			const { package: pkg } = await pushPackage(await new Package().setDir("", folder), "team/small", {
				registry: store,
			});
			const range = { offset: 3, length: 2 };
			await store.put("team/small/small", new Uint8Array(2));
			for (const options of [{}, { range }]) {
				await expect(pkg.entry("small").stream(options)).rejects.toMatchObject({ code: "IntegrityMismatch" });
			}
			await store.delete("team/small/small");
			for (const options of [{}, { range }]) {
				await expect(pkg.entry("small").stream(options)).rejects.toMatchObject({ code: "ObjectNotFound" });
			}
		});

		test.each([[], ["--range", "2-3"]])("bale cat asks for a file once (%s %s)", async (...args) => {
			const cat = ["cat", "team/data", "large", "--registry", registry, ...args];
			proxy.clear();
			const options = { home: temporaryDirectory(), env: { ...proxy.server.environment } };
			expect((await runCli(cat, options)).code).toBe(0);
			const asked = proxy.clear().filter(({ key }) => key.endsWith("large"));
			expect(asked.map(({ method }) => method)).toEqual(["GET"]);
		});
	});
});
