import {
	chmodSync,
	existsSync,
	linkSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	symlinkSync,
	utimesSync,
	writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { DirectoryStore } from "../../src/node/directory-store.ts";
import { collect } from "../../src/storage/byte-source.ts";
import { runScript } from "../support/child.ts";
import { asOrdinaryUser } from "../support/ordinary-user.ts";
import { makeTemporaryDirectory, removeDirectory, temporaryDirectory } from "../support/temporary.ts";
import { describeStore } from "./store.ts";

describeStore("DirectoryStore", () => {
	const directory = makeTemporaryDirectory();
	return { store: new DirectoryStore(join(directory, "registry")), close: () => removeDirectory(directory) };
});

const bytes = new TextEncoder().encode("content");

async function keys(store: DirectoryStore, prefix = ""): Promise<string[]> {
	const found: string[] = [];
	for await (const item of store.list(prefix)) found.push("key" in item ? item.key : item.prefix);
	return found;
}

describe("DirectoryStore", () => {
	test("keeps the object a/b in the file a/b", async () => {
		const root = temporaryDirectory();
		const store = new DirectoryStore(root);
		await store.put("a/b", bytes);
		expect(store.localPath("a/b")).toBe(`${root}/a/b`);
		expect(readFileSync(`${root}/a/b`, "utf8")).toBe("content");
		expect(store.root).toEqual({ kind: "file", path: root });
	});

	test("reads from a directory that does not exist, and makes it to write", async () => {
		const root = join(temporaryDirectory(), "not", "yet");
		const store = new DirectoryStore(`${root}/`);
		expect(await store.get("a")).toBeUndefined();
		expect(await keys(store)).toEqual([]);
		await store.delete("a");
		expect(existsSync(root)).toBe(false);
		await store.put("a", bytes);
		expect(await keys(store)).toEqual(["a"]);
	});

	test("loses no increment of 8 processes", async () => {
		const root = temporaryDirectory();
		const store = new DirectoryStore(root);
		await store.put("counter", new TextEncoder().encode("0"));
		const script = "test/contract/increment-process.ts";
		await Promise.all(Array.from({ length: 8 }, () => runScript(script, [root, "25"])));
		expect(readFileSync(join(root, "counter"), "utf8")).toBe("200");
		expect(readdirSync(join(root, ".bale/locks"))).toEqual([]);
		expect(readdirSync(join(root, ".bale/tmp"))).toEqual([]);
	}, 120_000);

	test("keeps its own files out of its keys", async () => {
		const store = new DirectoryStore(temporaryDirectory());
		for (const key of [".bale/tmp/x", ".bale/locks/x", ".bale/tmp", ".bale/locks"]) {
			await expect(store.put(key, bytes)).rejects.toMatchObject({ code: "InvalidKey" });
		}
		await store.put(".bale/objects/a", bytes);
		mkdirSync(store.localPath(".bale/objects") + "/../locks", { recursive: true });
		writeFileSync(store.localPath(".bale/objects") + "/../locks/some.lock", "x");
		expect(await keys(store)).toEqual([".bale/objects/a"]);
		expect(await keys(store, ".bale/locks/")).toEqual([]);
	});

	test("keeps what the folder has as a bucket out of its keys, where it can still be read", async () => {
		const root = temporaryDirectory();
		const store = new DirectoryStore(root);
		const own = [".bale/versions/d=/a~/1", ".bale/uploads/1/2", ".bale/bucket/settings.json"];
		for (const key of own) {
			mkdirSync(dirname(join(root, key)), { recursive: true });
			writeFileSync(join(root, key), "x");
		}
		await store.put(".bale/objects/a", bytes);
		expect(await keys(store)).toEqual([".bale/objects/a"]);
		for (const prefix of [".b", ".bale/", ".bale/versions/", ".bale/uploads/", ".bale/bucket/"]) {
			expect([prefix, await keys(store, prefix)]).toEqual([
				prefix,
				prefix.length < 7 ? [".bale/objects/a"] : [],
			]);
		}
		expect(await keys(store, ".bale/versions/d=/a~/")).toEqual([own[0]]);
		for (const key of own) {
			expect(await store.head(key)).toMatchObject({ size: 1 });
			await expect(store.put(key, bytes)).rejects.toMatchObject({ code: "InvalidKey" });
			await expect(store.delete(key)).rejects.toMatchObject({ code: "InvalidKey" });
		}
	});

	test("leaves no temporary file behind, whatever happens", async () => {
		const root = temporaryDirectory();
		const store = new DirectoryStore(root);
		const size = 2_000_000;
		const open = () =>
			new ReadableStream<Uint8Array>({ pull: (controller) => controller.error(new Error("x")) });
		await store.put("a", bytes);
		await expect(store.put("a", { size, open })).rejects.toThrow();
		await expect(store.put("a", bytes, { condition: { ifAbsent: true } })).rejects.toThrow();
		await expect(store.put("a", bytes, { condition: { ifEtag: "other" } })).rejects.toThrow();
		await expect(store.put("a/b", bytes)).rejects.toThrow();
		expect(readdirSync(join(root, ".bale/tmp"))).toEqual([]);
		expect(readdirSync(join(root, ".bale/locks"))).toEqual([]);
	});

	test("removes leftovers of dead processes that are older than a day", async () => {
		const root = temporaryDirectory();
		const directory = join(root, ".bale/tmp");
		mkdirSync(directory, { recursive: true });
		const dead = (4_194_305).toString(36);
		const suffix = "0123456789abcdef01234567";
		const names = {
			old: `.bale-tmp-${dead}-${suffix}`,
			young: `.bale-tmp-${dead}-1${suffix.slice(1)}`,
			alive: `.bale-tmp-${process.pid.toString(36)}-${suffix}`,
			foreign: "somebody-else",
		};
		const longAgo = Date.now() / 1000 - 100_000;
		for (const [what, name] of Object.entries(names)) {
			writeFileSync(join(directory, name), "x");
			if (what !== "young") utimesSync(join(directory, name), longAgo, longAgo);
		}
		await new DirectoryStore(root).put("a", bytes);
		expect(new Set(readdirSync(directory))).toEqual(new Set([names.young, names.alive, names.foreign]));
	});

	test("replaces linked files and leaves what they lead to", async () => {
		const root = temporaryDirectory();
		const outside = join(temporaryDirectory(), "outside");
		writeFileSync(outside, "precious");
		symlinkSync(outside, join(root, "soft"));
		linkSync(outside, join(root, "hard"));
		const store = new DirectoryStore(root);
		await store.put("soft", bytes);
		await store.put("hard", bytes);
		expect(readFileSync(outside, "utf8")).toBe("precious");
		expect(readFileSync(join(root, "soft"), "utf8")).toBe("content");
	});

	test("writes nothing through a link that leads out of the root", async () => {
		const root = temporaryDirectory();
		const outside = temporaryDirectory();
		writeFileSync(join(outside, "kept"), "x");
		symlinkSync(outside, join(root, "link"));
		const store = new DirectoryStore(root);
		await expect(store.put("link/a", bytes)).rejects.toMatchObject({ code: "UnsafeDestination" });
		await expect(store.put("link/sub/a", bytes)).rejects.toMatchObject({ code: "UnsafeDestination" });
		await expect(store.delete("link/kept")).rejects.toMatchObject({ code: "UnsafeDestination" });
		expect(readdirSync(outside)).toEqual(["kept"]);
		const own = temporaryDirectory();
		symlinkSync(outside, join(own, ".bale"));
		await expect(new DirectoryStore(own).put("a", bytes)).rejects.toMatchObject({
			code: "UnsafeDestination",
		});
		expect(readdirSync(outside)).toEqual(["kept"]);
	});

	test("follows links that stay inside, and lists what they lead to", async () => {
		const root = temporaryDirectory();
		mkdirSync(join(root, "real"));
		symlinkSync("real", join(root, "alias"));
		symlinkSync("nowhere", join(root, "broken"));
		const store = new DirectoryStore(root);
		await store.put("alias/a", bytes);
		expect(await keys(store)).toEqual(["alias/a", "real/a"]);
	});

	test("ends when links go round in a circle", async () => {
		const root = temporaryDirectory();
		mkdirSync(join(root, "a"));
		symlinkSync("..", join(root, "a", "up"));
		const store = new DirectoryStore(root);
		await store.put("a/file", bytes);
		expect(await keys(store)).toEqual(["a/file"]);
	});

	test("refuses names that the file system cannot hold, before it reads the source", async () => {
		const store = new DirectoryStore(temporaryDirectory());
		const key = `a/${"x".repeat(256)}`;
		await expect(store.put(key, bytes)).rejects.toMatchObject({ code: "UnportableKey" });
		expect(await store.get(key)).toBeUndefined();
		await store.delete(key);
	});

	test("never opens a FIFO", async () => {
		const root = temporaryDirectory();
		const { execFileSync } = await import("node:child_process");
		execFileSync("mkfifo", [join(root, "fifo")]);
		const store = new DirectoryStore(root);
		await expect(store.get("fifo")).rejects.toMatchObject({ code: "NotAFile" });
		expect(await keys(store)).toEqual([]);
	});

	test("removes directories that become empty, but not the root", async () => {
		const root = temporaryDirectory();
		const store = new DirectoryStore(root);
		await store.put("a/b/c", bytes);
		await store.put("a/d", bytes);
		await store.delete("a/b/c");
		expect(existsSync(join(root, "a/b"))).toBe(false);
		await store.delete("a/d");
		expect(readdirSync(root)).toEqual([".bale"]);
	});

	test("puts and deletions in one directory do not disturb one another", async () => {
		const store = new DirectoryStore(temporaryDirectory(), { durability: "process" });
		await Promise.all(
			Array.from({ length: 40 }, async (_, index) => {
				for (let round = 0; round < 5; round++) {
					await store.put(`shared/dir/${index}`, bytes);
					await store.delete(`shared/dir/${index}`);
				}
			}),
		);
		expect(await keys(store)).toEqual([]);
	});

	test("says AccessDenied with the path where it may not write or read", async () => {
		const root = temporaryDirectory();
		const store = new DirectoryStore(root);
		await store.put("a", bytes);
		chmodSync(join(root, "a"), 0o600);
		chmodSync(root, 0o555);
		await asOrdinaryUser(async () => {
			await expect(store.put("b", bytes)).rejects.toMatchObject({
				code: "AccessDenied",
				details: { path: expect.stringContaining(root) as string },
			});
			await expect(store.delete("a")).rejects.toMatchObject({ code: "AccessDenied" });
		});
		chmodSync(root, 0o755);
		expect(await keys(store)).toEqual(["a"]);
	});

	test("sees what others write into an object in place as changed", async () => {
		const root = temporaryDirectory();
		const store = new DirectoryStore(root);
		const { etag } = await store.put("pointer", bytes);
		writeFileSync(join(root, "pointer"), "CONTENT");
		await expect(store.put("pointer", bytes, { condition: { ifEtag: etag } })).rejects.toMatchObject({
			code: "Conflict",
		});
	});

	test("readSmall() gives small objects at once, and nothing of anything else", async () => {
		const root = temporaryDirectory();
		const store = new DirectoryStore(root);
		await store.put("a/pointer", bytes);
		expect(store.readSmall("a/pointer", bytes.length)).toEqual(Buffer.from(bytes));
		for (const [key, limit] of [
			["a/pointer", bytes.length - 1],
			["a", 100],
			["none", 100],
		] as const)
			expect(store.readSmall(key, limit), key).toBeUndefined();
		expect(() => store.readSmall("../outside", 100)).toThrow(
			expect.objectContaining({ code: "InvalidKey" }) as Error,
		);
	});

	test("a large object that shrinks while it is read is SourceChanged", async () => {
		const root = temporaryDirectory();
		const store = new DirectoryStore(root);
		await store.put("large", new Uint8Array(1_000_000));
		const object = await store.get("large");
		writeFileSync(join(root, "large"), "short");
		await expect(collect(object!.body)).rejects.toMatchObject({ code: "SourceChanged" });
	});
});
