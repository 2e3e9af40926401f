import { expect, test } from "vitest";
import { objectSource } from "../../src/client/object-source.ts";
import { MemoryStore } from "../../src/browser.ts";
import { BaleError } from "../../src/core/errors.ts";
import type { ObjectBody, ReadOptions } from "../../src/storage/store.ts";

test("whether the version null fits is asked again when asking has failed, as when it was interrupted", async () => {
	class VersionedStore extends MemoryStore {
		override get(key: string, options: ReadOptions = {}): Promise<ObjectBody | undefined> {
			return super.get(options.versionId === "null" ? `${key} before` : key);
		}
	}
	const store = new VersionedStore();
	await store.put("key", new TextEncoder().encode("longer now"));
	await store.put("key before", new TextEncoder().encode("text"));
	let asked = 0;
	const source = objectSource(
		store,
		"key",
		undefined,
		4,
		() => new BaleError("ObjectNotFound", "nothing there"),
		() => (++asked === 1 ? Promise.reject(new BaleError("Aborted", "interrupted")) : Promise.resolve(true)),
	);
	const read = (): Promise<string> => new Response(source.open()).text();
	await expect(read()).rejects.toMatchObject({ code: "Aborted" });
	expect(await read()).toBe("text");
});
