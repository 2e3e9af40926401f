import { describe, expect, test } from "vitest";
import { namedObjects } from "../../src/client/named-objects.ts";
import { registryIn } from "../../src/client/registries.ts";
import { compareNames } from "../../src/core/logical-key.ts";
import type { PhysicalKey } from "../../src/core/physical-key.ts";
import { servedFolderSettings } from "../../src/core/served-folder.ts";
import { installPackage, MemoryStore, Package } from "../../src/index.ts";
import type { Store } from "../../src/storage/store.ts";
import { failure } from "./support/failure.ts";
import { entryLine, topHashOf } from "./support/files.ts";

const encoder = new TextEncoder();

/** A manifest of files at these places. */
async function plant(store: Store, places: readonly string[], hash?: string): Promise<void> {
	const lines = places.map((place, index) => entryLine(`f${index}`, place, "content"));
	const text = [{ version: "v0" }, ...lines].map((line) => `${JSON.stringify(line)}\n`).join("");
	await store.put(`.quilt/packages/${hash ?? topHashOf(text)}`, encoder.encode(text));
}

const bucket: PhysicalKey = { kind: "s3", bucket: "lab", key: "" };
const below: PhysicalKey = { kind: "s3", bucket: "lab", key: "pre/fix/" };
const folder: PhysicalKey = { kind: "file", path: "/data/lab/" };

async function named(root: PhysicalKey, places: readonly string[], served = false): Promise<string[]> {
	const store = new MemoryStore({ root });
	await plant(store, places);
	if (served) await store.put(servedFolderSettings, encoder.encode('{"names": ["lab"]}'));
	const wanted = ["d/a", "d/b", "a"];
	const { keys, uncertain } = await namedObjects(registryIn(store), wanted, { withoutVersions: true });
	expect(uncertain).toBe(false);
	return [...keys].toSorted(compareNames);
}

describe("what the manifests of a registry name in its store", () => {
	test.for([
		["an object of the bucket", bucket, ["s3://lab/d/a"], ["d/a"]],
		["not a version, which stays", bucket, ["s3://lab/d/a?versionId=v1"], []],
		["the version null, which does not", bucket, ["s3://lab/d/a?versionId=null"], ["d/a"]],
		["an object below the prefix", below, ["s3://lab/pre/fix/d/a"], ["d/a"]],
		["after one beside the prefix", below, ["s3://lab/d/a", "s3://lab/pre/fix/d/b"], ["d/b"]],
		["a file of the folder", folder, ["/data/lab/d/a"], ["d/a"]],
		["where the registry was before", folder, ["/before/d/a"], ["a", "d/a"]],
		["in the bucket that it was copied from", bucket, ["s3://other/d/a"], ["a", "d/a"]],
	] as const)("%s", async ([, root, places, expected]) => {
		expect(await named(root, places)).toEqual(expected);
	});

	test("as an object of the bucket that the folder is served as, in whatever version", async () => {
		expect(await named(folder, ["s3://lab/d/a?versionId=v1"], true)).toEqual(["d/a"]);
		expect(await named(folder, ["s3://another/x/d/b"], true)).toEqual(["d/b"]);
	});

	test("unless that is known to be another object", async () => {
		const store = new MemoryStore({ root: folder });
		await plant(store, ["/before/d/a"]);
		const mayBe = async (_place: PhysicalKey, key: string): Promise<boolean> => Promise.resolve(key === "a");
		expect([...(await namedObjects(registryIn(store), ["d/a", "a"], { mayBe })).keys]).toEqual(["a"]);
	});
});

test("a manifest that does not give its hash tells what it can, and that there may be more", async () => {
	const store = new MemoryStore({ root: bucket });
	await plant(store, ["s3://lab/d/a"], "0".repeat(64));
	const { keys, uncertain } = await namedObjects(registryIn(store), ["d/a", "d/b"]);
	expect([[...keys], uncertain]).toEqual([["d/a"], true]);
});

describe("install() into a store that holds a registry", () => {
	const install = async (key: string, dest: Store): Promise<unknown> => {
		const registry = new MemoryStore();
		await (await new Package().setText(key, "new")).push("team/data", registry);
		await dest.put(key, encoder.encode("old"));
		return installPackage("team/data", { registry, dest, overwrite: true });
	};

	test("writes over nothing where a manifest cannot be read", async () => {
		const dest = new MemoryStore();
		await dest.put(`.quilt/packages/${"0".repeat(64)}`, encoder.encode("no manifest"));
		const error = await failure(install("d/a", dest), "DestinationConflict");
		expect(error.message).toContain("not every manifest");
		expect((await dest.head("d/a"))?.size).toBe(3);
	});

	test("nor over a package's files where the registry was before, but over what only has such a name", async () => {
		const dest = new MemoryStore();
		await plant(dest, ["s3://before/team/other/d/a", "file:///home/me/README.md"]);
		await failure(install("team/other/d/a", dest), "DestinationConflict");
		await install("README.md", dest);
		await install("d/a", dest);
	});
});
