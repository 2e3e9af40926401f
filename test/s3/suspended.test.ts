/**
 * Buckets that have kept versions and keep none now: what is written is the version `null`, in place of the one before, also
 * where that lies under another version or a delete marker. Nothing that a revision names may be lost by it.
 */
import { afterEach, describe, expect, test, vi } from "vitest";
import { config, deletePackage, Package, pushPackage, type PushResult } from "../../src/index.ts";
import { writeFiles, type Files } from "../client/support/files.ts";
import { startProxy, type S3Proxy } from "../support/s3/proxy.ts";
import { nodeTransport } from "../../src/node/s3-transport.ts";
import type { Transport } from "../../src/storage/s3/transport.ts";
import { onEachServer } from "../support/s3/servers.ts";
import { temporaryDirectory } from "../support/temporary.ts";

const name = "team/data";
const large = (text: string): Uint8Array => Buffer.alloc(9 * 1024 * 1024, text);

async function folder(files: Files): Promise<Package> {
	const directory = temporaryDirectory();
	writeFiles(directory, files);
	return new Package().setDir("", directory);
}

onEachServer((server) => {
	/** What has been pushed, with its content. */
	type Revision = { readonly result: PushResult; readonly files: Files };

	async function push(registry: string, files: Files): Promise<Revision> {
		return { result: await pushPackage(await folder(files), name, { registry, force: true }), files };
	}

	/** Every revision has the bytes that were pushed, by its manifest in the registry. */
	async function expectWhole(registry: string, revisions: readonly Revision[]): Promise<void> {
		for (const { result, files } of revisions) {
			const found = await Package.browse(name, { registry, topHash: result.topHash });
			for (const [key, content] of Object.entries(files)) {
				const bytes = await found.entry(key).bytes();
				expect(Buffer.from(bytes).equals(Buffer.from(content)), `${key} of ${result.topHash}`).toBe(true);
			}
		}
	}

	/** A bucket with the file in each state in which a key can be; everything that was pushed on the way. */
	const states: Record<string, (bucket: string) => Promise<Revision[]>> = {
		"nothing is there": async (bucket) => {
			await server().setVersioning(bucket, "Enabled");
			return [];
		},
		'the version "null" is current': async (bucket) => {
			await server().setVersioning(bucket, "Enabled");
			await server().setVersioning(bucket, "Suspended");
			return [await push(`s3://${bucket}`, { file: "null" })];
		},
		'the version "null" is one from before there were versions': async (bucket) => {
			const old = await push(`s3://${bucket}`, { file: "null" });
			await server().setVersioning(bucket, "Enabled");
			return [old];
		},
		'the version "null" lies under another version': async (bucket) => {
			await server().setVersioning(bucket, "Enabled");
			await server().setVersioning(bucket, "Suspended");
			const old = await push(`s3://${bucket}`, { file: "null" });
			await server().setVersioning(bucket, "Enabled");
			// Others write over it: bale would not.
			await server().openStore(bucket).put(`${name}/file`, Buffer.from("of others"));
			return [old];
		},
		'the version "null" lies under a delete marker': async (bucket) => {
			await server().setVersioning(bucket, "Enabled");
			await server().setVersioning(bucket, "Suspended");
			const old = await push(`s3://${bucket}`, { file: "null" });
			expect(old.result.package.get("file")).toMatch(/\?versionId=null$/);
			await server().setVersioning(bucket, "Enabled");
			await server().openStore(bucket).delete(`${name}/file`);
			return [old];
		},
		"a version of its own is current": async (bucket) => {
			await server().setVersioning(bucket, "Enabled");
			return [await push(`s3://${bucket}`, { file: "one" }), await push(`s3://${bucket}`, { file: "two" })];
		},
		"only a delete marker is there": async (bucket) => {
			await server().setVersioning(bucket, "Enabled");
			const store = server().openStore(bucket);
			await store.put(`${name}/file`, Buffer.from("gone"));
			await store.delete(`${name}/file`);
			return [];
		},
	};

	/** A bucket in one of these states, which keeps no more versions. */
	const suspended = async (
		state: string,
	): Promise<{ bucket: string; registry: string; before: Revision[] }> => {
		const bucket = await server().makeBucket();
		const before = (await states[state]?.(bucket)) ?? [];
		await server().setVersioning(bucket, "Suspended");
		return { bucket, registry: `s3://${bucket}`, before };
	};

	describe.each(Object.keys(states))("where %s", (state) => {
		test("pushes of other content lose nothing, and the same content is found again", async () => {
			const { bucket, registry, before } = await suspended(state);
			const pushed = [...before];
			for (const file of ["three", "four", "three"]) pushed.push(await push(registry, { file }));
			await expectWhole(registry, pushed);
			expect(pushed.at(-1)?.result.copied.files).toBe(0);
			expect(await push(registry, { file: "three" })).toMatchObject({
				result: { changed: false, copied: { files: 0 } },
			});
			// Nor do they when there are versions again.
			await server().setVersioning(bucket, "Enabled");
			pushed.push(await push(registry, { file: "five" }));
			await expectWhole(registry, pushed);
		});

		test("pushes that race lose nothing", async () => {
			const { registry, before } = await suspended(state);
			const racers = await Promise.all(
				["one", "two", "three", "four"].map((racer) => push(registry, { file: `by ${racer}`, same: "same" })),
			);
			await expectWhole(registry, [...before, ...racers]);
		});
	});

	test.each(['the version "null" lies under another version', "only a delete marker is there"])(
		"where %s, large files that race or are copied by the server lose nothing",
		async (state) => {
			const { registry, before } = await suspended(state);
			const racers = await Promise.all(
				["one", "two"].map((racer) => push(registry, { file: large(racer), copy: large(racer) })),
			);
			const [{ result, files }] = racers as [Revision, Revision];
			const elsewhere = await pushPackage(result.package, name, {
				registry: `s3://${await server().makeBucket()}`,
			});
			const copied = await pushPackage(elsewhere.package, name, { registry, force: true, message: "back" });
			await expectWhole(registry, [...before, ...racers, { result: copied, files }]);
		},
	);

	test("a push that may not ask goes by what is told of each object", async () => {
		const bucket = await server().makeBucket({ versions: true });
		const refused = new TextEncoder().encode("<Error><Code>AccessDenied</Code></Error>");
		let asked = 0;
		const transport: Transport = (request, signal) => {
			if (!request.target.includes("?versioning")) return nodeTransport(request, signal);
			asked++;
			return Promise.resolve({
				status: 403,
				header: () => undefined,
				stream: () => new Response(refused).body!,
				discard: () => undefined,
			});
		};
		const registry = server().openStore(bucket, { transport });
		for (const file of ["one", "two"]) {
			const pushed = await pushPackage(await folder({ file }), name, { registry, force: true });
			expect(pushed).toMatchObject({ copied: { files: 1 }, displaced: [] });
			expect(await pushed.package.entry("file").text()).toBe(file);
		}
		expect(asked).toBe(2);
	});

	describe("a push asks whether versions are kept", () => {
		let proxy: S3Proxy;
		const start = async (): Promise<void> => {
			proxy = await startProxy(server());
			for (const [key, value] of Object.entries(proxy.server.environment)) vi.stubEnv(key, value);
		};
		afterEach(() => proxy.stop());
		const asked = (): number => proxy.clear().filter(({ query }) => query.has("versioning")).length;

		test.each(["never", "enabled", "suspended"])("once when it places something (%s)", async (state) => {
			const bucket = await server().makeBucket({ versions: state !== "never" });
			if (state === "suspended") await server().setVersioning(bucket, "Suspended");
			const registry = `s3://${bucket}`;
			await start();
			const files = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`${index}`, `${index}`]));
			await push(registry, files);
			expect(asked()).toBe(1);
			await push(registry, files);
			expect(asked()).toBe(0);
			await push(registry, { ...files, 7: "seven", 40: "40" });
			expect(asked()).toBe(1);
			await deletePackage(name, registry);
			await config({ telemetryDisabled: true });
			expect(asked()).toBe(0);
		});
	});
});
