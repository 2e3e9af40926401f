import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { formatPythonJson, parseJson, toJson } from "../../src/core/json.ts";
import { deletePackage, listPackageVersions, Package } from "../../src/index.ts";
import { contentsOf } from "../support/files.ts";
import { makeTemporaryDirectory, removeDirectory } from "../support/temporary.ts";
import { Quilt3, Quilt3Error } from "./quilt3.ts";
import { expectedContents, sampleSteps, writeSample } from "./sample.ts";
import { packageFrom } from "./steps.ts";

const directory = makeTemporaryDirectory();
const data = join(directory, "data");
const registry = join(directory, "registry");
const name = "lab/sample";
const quilt3 = new Quilt3();

beforeAll(() => {
	mkdirSync(data);
	writeSample(data);
});

afterAll(async () => {
	await quilt3.close();
	removeDirectory(directory);
});

describe("a package that bale built in a directory registry", () => {
	const local = join(directory, "local");
	let topHash: string;

	beforeAll(async () => {
		topHash = await (await packageFrom(sampleSteps(data))).build(name, local, { message: "by bale" });
	});

	it("has the top hash and the manifest that quilt3 gives it", async () => {
		const theirs = await quilt3.build(name, join(directory, "theirs"), sampleSteps(data), "by bale");
		expect(topHash).toBe(theirs.top_hash);
		expect(readFileSync(join(local, ".quilt/packages", topHash), "utf8")).toBe(theirs.manifest);
	});

	it("is read, written and built again by quilt3", async () => {
		const revision = { name, registry: local };
		const seen = await quilt3.browse(revision);
		expect(seen.top_hash).toBe(topHash);
		expect(seen.message).toBe("by bale");
		const ours = await Package.browse(name, { registry: local });
		expect(parseJson(seen.meta_json)).toEqual(toJson(ours.meta));
		const dumped = join(directory, "dumped.jsonl");
		await quilt3.dump(revision, dumped);
		expect(await new Response(ours.dump()).text()).toBe(readFileSync(dumped, "utf8"));
		expect((await Package.load(readFileSync(dumped))).topHash).toBe(topHash);
		const again = await quilt3.rebuild(revision, {
			new_registry: join(directory, "again"),
			message: "by bale",
		});
		expect(again.top_hash).toBe(topHash);
	});

	it("is loaded by quilt3 from a dump", async () => {
		const path = join(directory, "dump.jsonl");
		const ours = await Package.browse(name, { registry: local });
		writeFileSync(path, await new Response(ours.dump()).text());
		expect((await quilt3.load(path)).top_hash).toBe(topHash);
	});
});

describe("a package that bale pushed to a directory registry", () => {
	let first: string;
	let second: string;
	const contents = () => expectedContents(data);

	beforeAll(async () => {
		const pushed = await (await packageFrom(sampleSteps(data))).push(name, registry, { message: "first" });
		first = pushed.topHash;
		const table = join(directory, "table.csv");
		writeFileSync(table, "a,b\n1,2\n3,4\n");
		const changed = await Package.browse(name, { registry });
		await changed.set("table.csv", table);
		second = (await changed.push(name, registry, { message: "second" })).topHash;
	});

	it("is read by quilt3 with the same bytes, in both revisions", async () => {
		expect(first).not.toBe(second);
		expect(await quilt3.read({ name, registry, top_hash: first })).toEqual({ ...contents() });
		const changed = await quilt3.read({ name, registry });
		expect(Object.keys(changed)).toEqual(Object.keys((await quilt3.browse({ name, registry })).entries));
		expect({ ...changed, "table.csv": contents()["table.csv"] }).toEqual({ ...contents() });
		expect(changed["table.csv"]).not.toBe(contents()["table.csv"]);
	});

	it("names files of the registry only", async () => {
		const { entries } = await quilt3.browse({ name, registry, top_hash: first });
		const outside = Object.values(entries).filter(
			({ physical_key }) => !decodeURIComponent(physical_key).startsWith(`file://${registry}/`),
		);
		expect(outside).toEqual([]);
	});

	it("is installed and verified by quilt3", async () => {
		const dest = join(directory, "quilt3-installed");
		await quilt3.install({ name, registry, top_hash: first }, dest, join(directory, "quilt3-local"));
		expect(contentsOf(dest)).toEqual(contents());
		expect(await quilt3.verify({ name, registry, top_hash: first }, dest)).toBe(true);
		expect(await (await Package.browse(name, { registry, topHash: first })).verify(dest)).toMatchObject({
			ok: true,
		});
		expect(await quilt3.verify({ name, registry, top_hash: second }, dest)).toBe(false);
	});

	it("is listed, compared and found by short hash by quilt3", async () => {
		expect(await quilt3.listPackages(registry)).toEqual([name]);
		const versions = await quilt3.versions(name, registry);
		expect(versions.map(([, hash]) => hash).toSorted((a, b) => (a < b ? -1 : 1))).toEqual(
			[first, second, second].toSorted((a, b) => (a < b ? -1 : 1)),
		);
		expect(await quilt3.diff({ name, registry }, first, second)).toEqual({
			added: [],
			modified: ["table.csv"],
			deleted: [],
		});
		expect(await quilt3.resolveHash(name, registry, first.slice(0, 10))).toBe(first);
	});

	it("keeps the metadata to the digit", async () => {
		const { entries } = await quilt3.browse({ name, registry, top_hash: first });
		const ours = await Package.browse(name, { registry, topHash: first });
		expect(formatPythonJson(toJson(ours.entry("table.csv").meta))).toBe(entries["table.csv"]!.meta_json);
	});

	it("is rolled back and deleted by both, and both see it", async () => {
		await quilt3.rollback({ name, registry, top_hash: first });
		expect((await Package.browse(name, { registry })).topHash).toBe(first);
		await Package.rollback(name, registry, second);
		expect((await quilt3.browse({ name, registry })).top_hash).toBe(second);
		await quilt3.delete({ name, registry, top_hash: second });
		for await (const [, hash] of listPackageVersions(name, registry)) expect(hash).toBe(first);
		await deletePackage(name, registry);
		expect(await quilt3.listPackages(registry)).toEqual([]);
		await expect(quilt3.browse({ name, registry })).rejects.toBeInstanceOf(Quilt3Error);
	});
});
