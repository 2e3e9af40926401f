import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Bucket } from "../../../src/server/s3/bucket.ts";
import { DirectoryStore } from "../../../src/node/directory-store.ts";
import { chooseSeed } from "../../support/random.ts";
import { makeTemporaryDirectory, removeDirectory } from "../../support/temporary.ts";
import { content, listAll, newBucket, put } from "./folder-bucket.ts";

/** One version in the model; without content it is a delete marker. */
type Version = { versionId: string; content: string | undefined };

type Step =
	| { kind: "put" | "foreign" | "store"; key: string }
	| { kind: "delete" | "unlink"; key: string }
	| { kind: "deleteVersion"; key: string; index: number }
	| { kind: "versioning"; enabled: boolean }
	| { kind: "page"; limit: number; delimiter: string; prefix: string };

const keys = ["a", "b/c", "b/d", "b-", "b=", "b@/x", "b~", "é/ü", "\u{10000}", "\uffee"];
const key = fc.constantFrom(...keys);
const step: fc.Arbitrary<Step> = fc.oneof(
	{ weight: 6, arbitrary: fc.record({ kind: fc.constant("put" as const), key }) },
	{ weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("foreign" as const, "store" as const), key }) },
	{ weight: 3, arbitrary: fc.record({ kind: fc.constant("delete" as const), key }) },
	{ weight: 1, arbitrary: fc.record({ kind: fc.constant("unlink" as const), key }) },
	{
		weight: 4,
		arbitrary: fc.record({ kind: fc.constant("deleteVersion" as const), key, index: fc.nat(4) }),
	},
	{
		weight: 1,
		arbitrary: fc.record({ kind: fc.constant("versioning" as const), enabled: fc.boolean() }),
	},
	{
		weight: 1,
		arbitrary: fc.record({
			kind: fc.constant("page" as const),
			limit: fc.integer({ min: 1, max: 4 }),
			delimiter: fc.constantFrom("", "/", "-", "b"),
			prefix: fc.constantFrom("", "b", "b/", "b/c", "é", "x"),
		}),
	},
);

/** What a bucket is, in a few lines: the versions of each key, newest first. */
class Model {
	readonly versions = new Map<string, Version[]>();
	versioning = true;

	of(name: string): Version[] {
		const found = this.versions.get(name) ?? [];
		this.versions.set(name, found);
		return found;
	}

	/** What clients see of a key: there is one version `null` at most. */
	shown(name: string): Version[] {
		const all = this.of(name);
		return all.filter(
			({ versionId }, index) => index === 0 || versionId !== "null" || all[0]?.versionId !== "null",
		);
	}

	/** What is displaced by a write while no versions are kept stays only when it has an id of its own. */
	push(name: string, version: Version, newestIsForeign: boolean): void {
		const all = this.of(name);
		if (!this.versioning && newestIsForeign) all.shift();
		const kept = this.versioning ? all : all.filter(({ versionId }) => versionId !== "null");
		this.versions.set(name, [version, ...kept]);
	}
}

function byUtf8(a: string, b: string): number {
	return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

async function compare(bucket: Bucket, model: Model): Promise<void> {
	const listed = await listAll((request) => bucket.listVersions(request), { limit: 3 });
	const expected = [...model.versions.keys()]
		.sort(byUtf8)
		.flatMap((name) =>
			model.shown(name).map(({ versionId }, index) => ({ key: name, versionId, isLatest: index === 0 })),
		);
	expect(listed.versions.map(({ key, versionId, isLatest }) => ({ key, versionId, isLatest }))).toEqual(
		expected,
	);
	for (const name of model.versions.keys()) {
		const versions = model.shown(name);
		const head = await bucket.head(name);
		expect(head?.versionId).toBe(versions[0]?.versionId);
		expect(await content(bucket, name)).toBe(versions[0]?.content);
		for (const version of versions) {
			expect(await content(bucket, name, version.versionId)).toBe(version.content);
			expect((await bucket.head(name, version.versionId))?.isDeleteMarker).toBe(
				version.content === undefined,
			);
		}
	}
	const live = [...model.versions].filter(([, [newest]]) => newest?.content !== undefined);
	const found = await listAll((request) => bucket.list(request), { limit: 2 });
	expect(found.versions.map((version) => version.key)).toEqual(live.map(([name]) => name).sort(byUtf8));
}

async function comparePage(
	bucket: Bucket,
	model: Model,
	{ limit, delimiter, prefix }: Step & { kind: "page" },
): Promise<void> {
	const live = [...model.versions]
		.filter(([, [newest]]) => newest?.content !== undefined)
		.map(([name]) => name);
	const objects: string[] = [];
	const groups = new Set<string>();
	for (const name of live.filter((item) => item.startsWith(prefix)).sort(byUtf8)) {
		const at = delimiter === "" ? -1 : name.indexOf(delimiter, prefix.length);
		if (at === -1) objects.push(name);
		else groups.add(name.slice(0, at + delimiter.length));
	}
	const found = await listAll((request) => bucket.list(request), { limit, delimiter, prefix });
	expect(found.versions.map((version) => version.key)).toEqual(objects);
	expect(found.prefixes).toEqual([...groups]);
	expect(found.pages).toBe(Math.max(1, Math.ceil((objects.length + groups.size) / limit)));
}

async function run(steps: readonly Step[]): Promise<void> {
	const root = makeTemporaryDirectory();
	try {
		const { bucket } = await newBucket(root);
		const store = new DirectoryStore(root, { durability: "process" });
		const model = new Model();
		/** Keys whose newest version was put there, or removed, by somebody else. */
		const foreign = new Set<string>();
		for (const [index, step] of steps.entries()) {
			const text = `content ${index} ${"x".repeat(index % 3 === 0 ? 5000 : 0)}`;
			switch (step.kind) {
				case "put": {
					const { versionId } = await put(bucket, step.key, text);
					model.push(step.key, { versionId, content: text }, foreign.has(step.key));
					foreign.delete(step.key);
					break;
				}
				case "foreign":
				case "store": {
					const path = join(root, step.key);
					mkdirSync(dirname(path), { recursive: true });
					rmSync(path, { force: true });
					if (step.kind === "store") await store.put(step.key, Buffer.from(text));
					else writeFileSync(path, text);
					// What was there is lost, as whoever wrote over it wanted.
					const versions = model.of(step.key);
					if (versions[0]?.content !== undefined || foreign.has(step.key)) versions.shift();
					versions.unshift({ versionId: (await bucket.head(step.key))!.versionId, content: text });
					foreign.add(step.key);
					break;
				}
				case "unlink": {
					const versions = model.of(step.key);
					await store.delete(step.key);
					if (versions[0]?.content === undefined) break;
					versions.shift();
					foreign.delete(step.key);
					if (model.of(step.key)[0]?.content === undefined) break;
					versions.unshift({ versionId: (await bucket.head(step.key))!.versionId, content: undefined });
					foreign.add(step.key);
					break;
				}
				case "delete": {
					const versions = model.of(step.key);
					const deleted = await bucket.delete(step.key);
					if (versions[0]?.content === undefined) {
						expect(deleted?.versionId).toBe(versions[0]?.versionId);
					} else if (deleted === undefined) {
						expect(model.versioning).toBe(false);
						versions.splice(0);
						foreign.delete(step.key);
					} else {
						expect(deleted.isDeleteMarker).toBe(true);
						model.push(step.key, { versionId: deleted.versionId, content: undefined }, foreign.has(step.key));
						foreign.delete(step.key);
					}
					break;
				}
				case "deleteVersion": {
					const versions = model.of(step.key);
					const version = model.shown(step.key)[step.index];
					if (version === undefined) {
						expect(await bucket.delete(step.key, "0".repeat(17))).toBeUndefined();
						break;
					}
					expect(await bucket.delete(step.key, version.versionId)).toEqual({
						versionId: version.versionId,
						isDeleteMarker: version.content === undefined,
					});
					versions.splice(versions.indexOf(version), 1);
					if (step.index === 0) foreign.delete(step.key);
					break;
				}
				case "versioning": {
					await bucket.setVersioning(step.enabled);
					expect(await bucket.versioning()).toBe(step.enabled ? "enabled" : "suspended");
					model.versioning = step.enabled;
					// The files of others have an id only while versions are kept.
					for (const name of foreign) model.of(name)[0]!.versionId = (await bucket.head(name))!.versionId;
					break;
				}
				case "page":
					await comparePage(bucket, model, step);
					break;
			}
			await compare(bucket, model);
		}
		await checkNothingIsLeft(bucket, model, root);
	} finally {
		removeDirectory(root);
	}
}

/** When every version is deleted, the folder is empty but for the bucket's own folders. */
async function checkNothingIsLeft(bucket: Bucket, model: Model, root: string): Promise<void> {
	for (const [name, versions] of model.versions) {
		for (const { versionId } of versions) await bucket.delete(name, versionId);
		expect(await bucket.delete(name)).toBeUndefined();
	}
	expect(readdirSync(root).filter((name) => name !== ".bale")).toEqual([]);
	expect(await listAll((request) => bucket.listVersions(request))).toMatchObject({ versions: [] });
	const kept = join(root, ".bale/versions");
	if (existsSync(kept)) expect(readdirSync(kept, { recursive: true })).toEqual([]);
	const temporary = join(root, ".bale/tmp");
	if (existsSync(temporary)) expect(readdirSync(temporary)).toEqual([]);
}

test("after any steps, also of others, a bucket holds the versions that a simple model of it holds", async () => {
	await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 30 }), run), {
		numRuns: 60,
		seed: chooseSeed("model of a bucket"),
	});
}, 120_000);
