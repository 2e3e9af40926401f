import { describe, expect, test } from "vitest";
import { MemoryStore } from "../../src/storage/memory-store.ts";
import { describeStore } from "./store.ts";

describeStore("MemoryStore", () => ({ store: new MemoryStore() }), { nestedObjects: true });

describe("MemoryStore", () => {
	test("takes the time from its clock", async () => {
		const store = new MemoryStore({ now: () => 1_700_000_000_000 });
		const { modifiedAt } = await store.put("a", new Uint8Array());
		expect(modifiedAt.toISOString()).toBe("2023-11-14T22:13:20.000Z");
	});

	test("has a bucket as its root unless it is given another", () => {
		expect(new MemoryStore().root).toEqual({ kind: "s3", bucket: "memory", key: "" });
		const root = { kind: "file", path: "/data" } as const;
		expect(new MemoryStore({ root }).root).toEqual(root);
	});

	test('knows the version "null" and no other', async () => {
		const store = new MemoryStore();
		await store.put("a", new Uint8Array([1]));
		expect(await store.head("a", { versionId: "null" })).toMatchObject({ size: 1 });
		expect(await store.head("a", { versionId: "v1" })).toBeUndefined();
	});
});
