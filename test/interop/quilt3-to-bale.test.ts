import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseJson, toJson } from "../../src/core/json.ts";
import { listPackages, listPackageVersions, Package } from "../../src/index.ts";
import { contentsOf } from "../support/files.ts";
import { makeTemporaryDirectory, removeDirectory } from "../support/temporary.ts";
import { Quilt3, type Quilt3Package } from "./quilt3.ts";
import { expectedContents, sampleSteps, writeSample } from "./sample.ts";
import { packageFrom } from "./steps.ts";

const directory = makeTemporaryDirectory();
const data = join(directory, "data");
const registry = join(directory, "registry");
const name = "lab/sample";
const quilt3 = new Quilt3();
let first: string;
let second: string;
let manifest: string;
let seen: Quilt3Package;

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
	const all: T[] = [];
	for await (const item of items) all.push(item);
	return all;
}

beforeAll(async () => {
	mkdirSync(data);
	writeSample(data);
	({ top_hash: first, manifest } = await quilt3.build(name, registry, sampleSteps(data), "by quilt3"));
	seen = await quilt3.browse({ name, registry });
	// Pointers of quilt3 count seconds: the next revision must be a second later.
	await new Promise((resolve) => setTimeout(resolve, 1100));
	const more = join(directory, "more.txt");
	writeFileSync(more, "one more");
	({ top_hash: second } = await quilt3.build(name, registry, [
		...sampleSteps(data),
		{ op: "set", key: "more.txt", src: more },
		{ op: "set", key: "table.csv", src: more },
		{ op: "delete", key: "README.md" },
	]));
});

afterAll(async () => {
	await quilt3.close();
	removeDirectory(directory);
});

describe("a package that quilt3 built in a directory registry", () => {
	it("is browsed with the same top hash, keys, sizes, hashes and metadata", async () => {
		const ours = await Package.browse(name, { registry, topHash: first });
		expect(ours.topHash).toBe(first);
		expect(ours.message).toBe("by quilt3");
		expect(toJson(ours.meta)).toEqual(parseJson(seen.meta_json));
		expect([...ours.walk()].map(([key]) => key)).toEqual(Object.keys(seen.entries));
		for (const [key, entry] of ours.walk()) {
			const theirs = seen.entries[key]!;
			expect({ size: entry.size, hash: entry.hash }).toEqual({ size: theirs.size, hash: theirs.hash });
			expect(entry.physicalKey).toBe(theirs.physical_key);
			expect(toJson(entry.meta)).toEqual(parseJson(theirs.meta_json));
		}
	});

	it("has the same manifest when bale writes it", async () => {
		const ours = await Package.browse(name, { registry, topHash: first });
		expect(await new Response(ours.dump()).text()).toBe(manifest);
	});

	it("is installed with the same bytes, and verified", async () => {
		const dest = join(directory, "installed");
		const ours = await Package.install(name, { registry, topHash: first, dest });
		expect(ours.topHash).toBe(first);
		expect(contentsOf(dest)).toEqual(expectedContents(data));
		expect(await ours.verify(dest)).toMatchObject({ ok: true, missing: [], extra: [], changed: [] });
		expect(await quilt3.verify({ name, registry, top_hash: first }, dest)).toBe(true);

		writeFileSync(join(dest, "table.csv"), "a,b\n1,3\n");
		writeFileSync(join(dest, "extra"), "");
		rmSync(join(dest, "README.md"));
		const report = await ours.verify(dest);
		expect(report).toMatchObject({ ok: false, missing: ["README.md"], extra: ["extra"] });
		expect(report.changed.map(({ key, reason }) => [key, reason])).toEqual([["table.csv", "hash"]]);
		expect(await quilt3.verify({ name, registry, top_hash: first }, dest)).toBe(false);
	});

	it("differs from its next revision in the same keys", async () => {
		const [one, two] = await Promise.all(
			[first, second].map((topHash) => Package.browse(name, { registry, topHash })),
		);
		const ours = one!.diff(two!);
		expect(ours).toEqual(await quilt3.diff({ name, registry }, first, second));
		expect(ours).toEqual({ added: ["more.txt"], modified: ["table.csv"], deleted: ["README.md"] });
	});

	it("has the same top hash when bale builds it again", async () => {
		const other = join(directory, "rebuilt");
		const browsed = await Package.browse(name, { registry, topHash: first });
		expect(await browsed.build("lab/again", other, { message: "by quilt3" })).toBe(first);
		const fromSteps = await packageFrom(sampleSteps(data));
		expect(await fromSteps.build("lab/steps", other, { message: "by quilt3" })).toBe(first);
		expect(readFileSync(join(other, ".quilt/packages", first), "utf8")).toBe(manifest);
	});

	it("is listed with the same versions, and found by the same short hashes", async () => {
		expect(await collect(listPackages(registry))).toEqual(await quilt3.listPackages(registry));
		const sorted = (pairs: (readonly [string, string])[]) => pairs.toSorted(([a], [b]) => (a < b ? -1 : 1));
		const ours = await collect(listPackageVersions(name, registry));
		expect(ours).toHaveLength(3);
		expect(sorted(ours)).toEqual(sorted(await quilt3.versions(name, registry)));
		for (const prefix of [first.slice(0, 7), second.slice(0, 12)])
			expect(await Package.resolveHash(name, registry, prefix)).toBe(
				await quilt3.resolveHash(name, registry, prefix),
			);
	});

	it("moves back and disappears for bale when quilt3 rolls back and deletes", async () => {
		await quilt3.rollback({ name, registry, top_hash: first });
		expect((await Package.browse(name, { registry })).topHash).toBe(first);
		await quilt3.delete({ name, registry });
		await expect(Package.browse(name, { registry })).rejects.toMatchObject({ code: "PackageNotFound" });
		expect(await collect(listPackages(registry))).toEqual([]);
	});
});
