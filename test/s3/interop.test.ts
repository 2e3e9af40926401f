import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { listPackages, listPackageVersions, Package, pushPackage } from "../../src/index.ts";
import { Quilt3 } from "../interop/quilt3.ts";
import { expectedContents, sampleSteps, writeSample } from "../interop/sample.ts";
import { packageFrom } from "../interop/steps.ts";
import { contentsOf } from "../support/files.ts";
import { makeTemporaryDirectory, removeDirectory } from "../support/temporary.ts";
import { onEachServer } from "../support/s3/servers.ts";

const directory = makeTemporaryDirectory();
const data = join(directory, "data");
const name = "lab/sample";
async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
	const all: T[] = [];
	for await (const item of items) all.push(item);
	return all;
}

const places = (pkg: Package): Record<string, string> =>
	Object.fromEntries([...pkg.walk()].map(([key, entry]) => [key, entry.physicalKey]));

beforeAll(() => {
	mkdirSync(data);
	writeSample(data);
	writeFileSync(join(data, "large.bin"), Buffer.alloc(40 * 2 ** 20, "forty mebibytes; "));
});
afterAll(() => {
	removeDirectory(directory);
});

onEachServer((server) => {
	let quilt3: Quilt3;
	beforeAll(() => {
		for (const [variable, value] of Object.entries(server().environment)) vi.stubEnv(variable, value);
		quilt3 = new Quilt3();
	});
	afterAll(() => quilt3.close());

	describe.each([true, false])("with versions %s, bale and quilt3 on one bucket", (versions) => {
		const dest = join(directory, `dest-${versions}`);

		it("give one folder one top hash, and read each other's pushes", async () => {
			const [ours, theirs] = [
				await server().makeBucket({ versions }),
				await server().makeBucket({ versions }),
			];
			const steps = sampleSteps(data);
			const pushed = await pushPackage(await packageFrom(steps), name, {
				registry: `s3://${ours}`,
				message: "one",
			});
			const seen = await quilt3.push({ steps }, { name, registry: `s3://${theirs}`, message: "one" });
			expect(pushed.topHash).toBe(seen.top_hash);

			const browsed = await quilt3.browse({ name, registry: `s3://${ours}` });
			expect(browsed.top_hash).toBe(pushed.topHash);
			expect(places(pushed.package)).toEqual(
				Object.fromEntries(Object.entries(browsed.entries).map(([key, entry]) => [key, entry.physical_key])),
			);
			await quilt3.install({ name, registry: `s3://${ours}` }, join(dest, "quilt3"), join(dest, "registry"));
			expect(contentsOf(join(dest, "quilt3"))).toEqual(expectedContents(data));

			const back = await Package.browse(name, { registry: `s3://${theirs}` });
			expect(back.topHash).toBe(seen.top_hash);
			expect(places(back)).toEqual(
				Object.fromEntries(Object.entries(seen.entries).map(([key, entry]) => [key, entry.physical_key])),
			);
			await Package.install(name, { registry: `s3://${theirs}`, dest: join(dest, "bale") });
			expect(contentsOf(join(dest, "bale"))).toEqual(expectedContents(data));
			rmSync(dest, { recursive: true });
		}, 240_000);

		it("do not send again what the other one has sent", async () => {
			const bucket = await server().makeBucket({ versions });
			const steps = sampleSteps(data);
			const seen = await quilt3.push({ steps }, { name, registry: `s3://${bucket}` });
			const pushed = await pushPackage(await packageFrom(steps), name, {
				registry: `s3://${bucket}`,
				force: true,
			});
			expect(pushed).toMatchObject({ topHash: seen.top_hash, changed: false, copied: { files: 0 } });
		}, 240_000);

		it("share history, rollback and deletion", async () => {
			const registry = `s3://${await server().makeBucket({ versions })}`;
			const file = join(directory, `file-${versions}`);
			const tops: string[] = [];
			for (const content of ["one", "two"]) {
				writeFileSync(file, content);
				const steps = [{ op: "set", key: "a.txt", src: file }] as const;
				const made = await packageFrom(steps);
				tops.push((await pushPackage(made, name, { registry, message: content, force: true })).topHash);
			}
			writeFileSync(file, "three");
			// quilt3 writes its second blindly: it has to be later than the one that the second push was moved to.
			await new Promise((resolve) => setTimeout(resolve, 2500));
			const steps = [{ op: "set", key: "a.txt", src: file }] as const;
			tops.push((await quilt3.push({ steps }, { name, registry })).top_hash);

			const ours = await collect(listPackageVersions(name, registry));
			expect(ours.map(([, topHash]) => topHash)).toEqual([...tops, tops[2]]);
			expect(new Map(await quilt3.versions(name, registry))).toEqual(new Map(ours));
			expect(await quilt3.listPackages(registry)).toEqual(await collect(listPackages(registry)));
			for (const [index, content] of ["one", "two", "three"].entries()) {
				// quilt3 overwrites: without versions the place of the first content has the third.
				if (!versions && index === 0) continue;
				const found = await Package.browse(name, { registry, topHash: tops[index]! });
				expect(await found.entry("a.txt").text()).toBe(content);
			}
			await quilt3.rollback({ name, registry, top_hash: tops[0]! });
			expect((await Package.browse(name, { registry })).topHash).toBe(tops[0]);
			await Package.rollback(name, registry, tops[1]!);
			expect((await quilt3.browse({ name, registry })).top_hash).toBe(tops[1]);
			await quilt3.delete({ name, registry, top_hash: tops[0]! });
			expect((await collect(listPackageVersions(name, registry))).map(([, topHash]) => topHash)).toEqual([
				tops[1],
				tops[2],
				tops[1],
			]);
		}, 120_000);

		it("check the same workflow, and record the same versions of it", async () => {
			const [bucket, other] = [
				await server().makeBucket({ versions }),
				await server().makeBucket({ versions }),
			];
			const registry = `s3://${bucket}`;
			const text = (content: string): Uint8Array => new TextEncoder().encode(content);
			const schema = JSON.stringify({ type: "object", required: ["species"] });
			await server().openStore(other).put("schemas/animal kinds.json", text("{nope"));
			await server().openStore(other).put("schemas/animal kinds.json", text(schema));
			await server()
				.openStore(bucket)
				.put(
					".quilt/workflows/config.yml",
					text(
						`version: "1"\nworkflows: {w: {name: W, metadata_schema: a}}\nschemas: {a: {url: "s3://${other}/schemas/animal%20kinds.json"}}\n`,
					),
				);
			const file = join(directory, `workflow-${versions}`);
			writeFileSync(file, "file");
			const steps = (meta: string) =>
				[
					{ op: "set", key: "a.txt", src: file },
					{ op: "set_meta", meta_json: meta },
				] as const;
			const good = steps('{"species": "cat"}');
			const pushed = await pushPackage(await packageFrom(good), name, { registry, workflow: "w" });
			expect(JSON.stringify(pushed.workflow).split("versionId=")).toHaveLength(versions ? 3 : 1);
			const seen = await quilt3.push({ steps: good }, { name: "lab/other", registry, workflow: "w" });
			expect(seen.top_hash).toBe(pushed.topHash);

			const before = await collect(server().openStore(bucket).list(""));
			const bad = steps("{}");
			await expect(
				pushPackage(await packageFrom(bad), name, { registry, workflow: "w" }),
			).rejects.toMatchObject({
				code: "WorkflowRejected",
				details: { violations: [{ about: "metadata", pointer: "" }] },
			});
			await expect(quilt3.push({ steps: bad }, { name, registry, workflow: "w" })).rejects.toMatchObject({
				type: "WorkflowValidationError",
			});
			expect(await collect(server().openStore(bucket).list(""))).toEqual(before);
		}, 120_000);

		it("give objects that were taken where they are one top hash", async () => {
			const bucket = await server().makeBucket({ versions });
			const store = server().openStore(bucket);
			for (const key of ["in/a b+c%#?.txt", "in/sub/ü", "in/empty"]) {
				await store.put(key, new TextEncoder().encode(key === "in/empty" ? "" : `content of ${key}`));
			}
			const taken = await new Package().setDir("", `s3://${bucket}/in/`);
			const registry = `s3://${bucket}`;
			const steps = [{ op: "set_dir", key: ".", src: `s3://${bucket}/in/` }] as const;
			const topHash = await taken.build(name, registry);
			const read = await quilt3.read({ name, registry });
			expect(Object.keys(read)).toEqual(["a b+c%#?.txt", "empty", "sub/ü"]);
			const seen = await quilt3.push({ steps }, { name: "lab/other", registry });
			expect(seen.top_hash).toBe(topHash);
		}, 120_000);
	});
});
