/** `copy()` between this machine and buckets, in every combination. */
import { readFileSync } from "node:fs";
import { describe, expect, test, vi } from "vitest";
import { copy, type ProgressEvent } from "../../src/index.ts";
import { S3Store } from "../../src/storage/s3/s3-store.ts";
import { readFiles, writeFiles } from "../client/support/files.ts";
import { onEachServer } from "../support/s3/servers.ts";
import { temporaryDirectory } from "../support/temporary.ts";

const mebibyte = 1024 * 1024;
const text = { "a b.txt": "alpha", "d/ü+%": "unicode", "d/empty": "" };

function large(seed: number): Uint8Array {
	const words = new Uint32Array((9 * mebibyte) / 4);
	for (let index = 0; index < words.length; index++) words[index] = Math.imul(index + seed, 2654435761);
	return new Uint8Array(words.buffer);
}

async function objects(store: S3Store, prefix = ""): Promise<Record<string, string>> {
	const found: Record<string, string> = {};
	for await (const item of store.list(prefix)) {
		if ("prefix" in item) continue;
		found[item.key] = await new Response((await store.get(item.key))?.body).text();
	}
	return found;
}

function below(prefix: string, contents: Record<string, string>): Record<string, string> {
	return Object.fromEntries(Object.entries(contents).map(([key, content]) => [prefix + key, content]));
}

onEachServer((server) => {
	describe("copy() from this machine to a bucket", () => {
		test("file to object, file into a prefix or a bucket, directory to prefix", async () => {
			const bucket = await server().makeBucket();
			const folder = temporaryDirectory();
			writeFiles(folder, text);
			expect(await copy(`${folder}/a b.txt`, `s3://${bucket}/x`)).toEqual({ files: 1, bytes: 5 });
			await copy(`${folder}/a b.txt`, `s3://${bucket}/in/`);
			await copy(`${folder}/a b.txt`, `s3://${bucket}`);
			expect(await copy(`${folder}/`, `s3://${bucket}/all/`)).toEqual({ files: 3, bytes: 12 });
			expect(await objects(server().openStore(bucket))).toEqual({
				x: "alpha",
				"in/a b.txt": "alpha",
				"a b.txt": "alpha",
				...below("all/", text),
			});
		});

		test("sends large files in parts that are checked", async () => {
			const bucket = await server().makeBucket();
			const folder = temporaryDirectory();
			writeFiles(folder, { large: large(1) });
			const events: ProgressEvent[] = [];
			await copy(`${folder}/large`, `s3://${bucket}/large`, { onProgress: (event) => events.push(event) });
			const info = await server().openStore(bucket).head("large");
			expect(info).toMatchObject({ size: 9 * mebibyte, checksum: { parts: 2 } });
			const moved = events.map((event) => (event.kind === "advanced" ? event.bytes : 0));
			expect(moved.reduce((sum, bytes) => sum + bytes, 0)).toBe(9 * mebibyte);
			expect(events.at(-1)).toEqual({ kind: "finished", phase: "copy" });
		});

		test("replaces by default, and not with overwrite false", async () => {
			const bucket = await server().makeBucket();
			const folder = temporaryDirectory();
			writeFiles(folder, { new: "new", old: "old" });
			await copy(`${folder}/old`, `s3://${bucket}/x`);
			await expect(copy(`${folder}/new`, `s3://${bucket}/x`, { overwrite: false })).rejects.toMatchObject({
				code: "DestinationConflict",
			});
			expect(await objects(server().openStore(bucket))).toEqual({ x: "old" });
			await copy(`${folder}/new`, `s3://${bucket}/x`);
			expect(await objects(server().openStore(bucket))).toEqual({ x: "new" });
		});
	});

	describe("copy() from a bucket to this machine", () => {
		test("object to file, object into a directory, prefix to directory", async () => {
			const bucket = await server().makeBucket();
			const store = server().openStore(bucket);
			const put = (key: string, content: string) => store.put(key, new TextEncoder().encode(content));
			for (const [key, content] of Object.entries(text)) await put(`from/${key}`, content);
			await put("fromage", "another prefix");
			await store.put("from/large", large(2));
			const there = temporaryDirectory();
			expect(await copy(`s3://${bucket}/from/a%20b.txt`, `${there}/x`)).toEqual({ files: 1, bytes: 5 });
			await copy(`s3://${bucket}/from/a%20b.txt`, `${there}/in/`);
			await copy(`s3://${bucket}/from/large`, `${there}/large`);
			expect(Buffer.from(large(2)).equals(readFileSync(`${there}/large`))).toBe(true);
			await store.delete("from/large");
			await copy(`s3://${bucket}/from/`, `${there}/all/`);
			expect(readFiles(there, ["large"])).toEqual({
				x: "alpha",
				"in/a b.txt": "alpha",
				...below("all/", text),
			});
		});

		test("takes one version of an object", async () => {
			const bucket = await server().makeBucket({ versions: true });
			const store = server().openStore(bucket);
			const { versionId = "" } = await store.put("x", new TextEncoder().encode("old"));
			await store.put("x", new TextEncoder().encode("new"));
			const there = temporaryDirectory();
			await copy(`s3://${bucket}/x?versionId=${encodeURIComponent(versionId)}`, `${there}/old`);
			await copy(`s3://${bucket}/x`, `${there}/new`);
			expect(readFiles(there)).toEqual({ old: "old", new: "new" });
			await copy(`s3://${bucket}/x?versionId=${encodeURIComponent(versionId)}`, `s3://${bucket}/x`);
			expect(await objects(store)).toEqual({ x: "old" });
		});

		test("leaves what is there with overwrite false", async () => {
			const bucket = await server().makeBucket();
			await server().openStore(bucket).put("d/x", new TextEncoder().encode("new"));
			const there = temporaryDirectory();
			writeFiles(there, { x: "old" });
			for (const [from, to] of [
				["d/x", "x"],
				["d/", ""],
			] as const) {
				await expect(
					copy(`s3://${bucket}/${from}`, `${there}/${to}`, { overwrite: false }),
				).rejects.toMatchObject({ code: "DestinationConflict" });
			}
			expect(readFiles(there)).toEqual({ x: "old" });
			await copy(`s3://${bucket}/d/`, `${there}/`);
			expect(readFiles(there)).toEqual({ x: "new" });
		});

		test("writes nothing when a key cannot be a file of the directory", async () => {
			const bucket = await server().makeBucket();
			const store = server().openStore(bucket);
			await store.put("d/a", new TextEncoder().encode("a"));
			await store.put("d/x/y", new TextEncoder().encode("b"));
			const there = temporaryDirectory();
			writeFiles(there, { x: "a file where a directory must go" });
			await expect(copy(`s3://${bucket}/d/`, `${there}/`)).rejects.toMatchObject({
				code: "DestinationConflict",
			});
			expect(Object.keys(readFiles(there))).toEqual(["x"]);
		});
	});

	describe("copy() from bucket to bucket", () => {
		test("is done by the server, within and between buckets", async () => {
			const [one, two] = [await server().makeBucket(), await server().makeBucket()];
			const store = server().openStore(one);
			for (const [key, content] of Object.entries(text))
				await store.put(`from/${key}`, new TextEncoder().encode(content));
			await store.put("large", large(3));
			const moves = (["get", "deliver", "put"] as const).map((move) => vi.spyOn(S3Store.prototype, move));
			expect(await copy(`s3://${one}/from/`, `s3://${one}/to/`)).toEqual({ files: 3, bytes: 12 });
			await copy(`s3://${one}/from/`, `s3://${two}`);
			await copy(`s3://${one}/from/d/empty`, `s3://${two}/one/`);
			await copy(`s3://${one}/large`, `s3://${two}/large`);
			for (const move of moves) expect(move).not.toHaveBeenCalled();
			vi.restoreAllMocks();
			expect(await objects(store, "to/")).toEqual(below("to/", text));
			const other = server().openStore(two);
			const copied = await new Response((await other.get("large"))?.body).arrayBuffer();
			expect(Buffer.from(large(3)).equals(new Uint8Array(copied))).toBe(true);
			await other.delete("large");
			expect(await objects(other)).toEqual({ ...text, "one/empty": "" });
		});

		test("into a part of itself copies what was there before, each once", async () => {
			const bucket = await server().makeBucket();
			const store = server().openStore(bucket);
			await store.put("d/m", new TextEncoder().encode("m"));
			await store.put("d/z", new TextEncoder().encode("z"));
			expect(await copy(`s3://${bucket}/d/`, `s3://${bucket}/d/n/`)).toEqual({ files: 2, bytes: 2 });
			expect(await objects(store)).toEqual({ "d/m": "m", "d/z": "z", "d/n/m": "m", "d/n/z": "z" });
		});

		test("leaves what is there with overwrite false, and never copies to itself", async () => {
			const bucket = await server().makeBucket();
			const store = server().openStore(bucket);
			await store.put("a", new TextEncoder().encode("a"));
			await store.put("b", new TextEncoder().encode("b"));
			const [a, b] = [`s3://${bucket}/a`, `s3://${bucket}/b`];
			await expect(copy(a, b, { overwrite: false })).rejects.toMatchObject({ code: "DestinationConflict" });
			for (const place of [a, `s3://${bucket}/`]) {
				await expect(copy(a, place)).rejects.toMatchObject({ code: "InvalidArgument" });
			}
			await expect(copy(`s3://${bucket}`, `s3://${bucket}/`)).rejects.toMatchObject({
				code: "InvalidArgument",
			});
			expect(await objects(store)).toEqual({ a: "a", b: "b" });
		});
	});

	describe("copy() refuses, with nothing written,", () => {
		test.each([
			["a directory as a file", (bucket: string) => [`s3://${bucket}/d/`, "x"], "InvalidArgument"],
			[
				"a version of a directory",
				(bucket: string) => [`s3://${bucket}/d/?versionId=1`, "x/"],
				"InvalidArgument",
			],
			["an object that is not there", (bucket: string) => [`s3://${bucket}/none`, "x"], "ObjectNotFound"],
			["a prefix without objects", (bucket: string) => [`s3://${bucket}/none/`, "x/"], "ObjectNotFound"],
			["a bucket that is not there", () => ["s3://no-such-bucket-here/x", "x"], "ObjectNotFound"],
		] as const)("%s", async (_what, places, code) => {
			const bucket = await server().makeBucket();
			await server().openStore(bucket).put("d/x", new TextEncoder().encode("x"));
			const [from = "", to = ""] = places(bucket);
			const there = temporaryDirectory();
			await expect(copy(from, `${there}/${to}`)).rejects.toMatchObject({ code });
			await expect(copy(from, `s3://${bucket}/to/${to}`)).rejects.toMatchObject({ code });
			expect(readFiles(there)).toEqual({});
			expect(Object.keys(await objects(server().openStore(bucket)))).toEqual(["d/x"]);
		});

		test("a version as destination, and work that was aborted", async () => {
			const bucket = await server().makeBucket();
			const folder = temporaryDirectory();
			writeFiles(folder, text);
			await expect(copy(`${folder}/`, `s3://${bucket}/x/?versionId=1`)).rejects.toMatchObject({
				code: "InvalidArgument",
			});
			await expect(
				copy(`${folder}/`, `s3://${bucket}/`, { signal: AbortSignal.abort() }),
			).rejects.toMatchObject({ code: "Aborted" });
			expect(await objects(server().openStore(bucket))).toEqual({});
		});
	});
});
