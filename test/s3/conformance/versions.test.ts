import { expect } from "vitest";
import { childText } from "../../../src/storage/s3/xml.ts";
import { conformance } from "./suite.ts";
import { elements, text, texts } from "./raw.ts";

conformance("versions", ({ spec, server, ask, put }) => {
	const idOf = (answer: { headers: Record<string, unknown> }): string => {
		const id = answer.headers["x-amz-version-id"];
		expect(id).toEqual(expect.any(String));
		return id as string;
	};
	/** A bucket whose object "a" is "one", then "three". */
	const twice = async (): Promise<{ bucket: string; one: string; two: string }> => {
		const bucket = await server().makeBucket({ versions: true });
		return { bucket, one: idOf(await put(bucket, "a", "one")), two: idOf(await put(bucket, "a", "three")) };
	};

	spec("a bucket tells whether it keeps them", async () => {
		const ask2 = async (versions: boolean): Promise<string> => {
			const bucket = await server().makeBucket({ versions });
			return text(await ask({ bucket, query: { versioning: "" } }), "Status");
		};
		expect(await ask2(true)).toBe("Enabled");
		expect(await ask2(false)).toBe("");
	});

	spec("without them no answer names one", async () => {
		const bucket = await server().makeBucket();
		expect((await put(bucket, "a", "x")).headers["x-amz-version-id"]).toBeUndefined();
		expect((await ask({ bucket, key: "a" })).headers["x-amz-version-id"]).toBeUndefined();
	});

	spec("each write makes one, which stays readable", async () => {
		const { bucket, one, two } = await twice();
		expect(one).not.toBe(two);
		const latest = await ask({ bucket, key: "a" });
		expect(latest.text).toBe("three");
		expect(latest.headers["x-amz-version-id"]).toBe(two);
		const old = await ask({ bucket, key: "a", query: { versionId: one } });
		expect(old.text).toBe("one");
		expect(old.headers["x-amz-version-id"]).toBe(one);
		const head = await ask({ method: "HEAD", bucket, key: "a", query: { versionId: one } });
		expect(head.headers).toMatchObject({ "content-length": "3", "x-amz-version-id": one });
		const range = { headers: { range: "bytes=1-2" }, query: { versionId: one } };
		expect(await ask({ bucket, key: "a", ...range })).toMatchObject({ status: 206, text: "ne" });
	});

	spec("a deletion is a marker that can be taken away", async () => {
		const { bucket, one, two } = await twice();
		const deleted = await ask({ method: "DELETE", bucket, key: "a" });
		expect(deleted.status).toBe(204);
		expect(deleted.headers["x-amz-delete-marker"]).toBe("true");
		const marker = idOf(deleted);
		const gone = await ask({ bucket, key: "a" });
		expect(gone).toMatchObject({ status: 404, code: "NoSuchKey" });
		expect(gone.headers["x-amz-delete-marker"]).toBe("true");
		expect((await ask({ method: "HEAD", bucket, key: "a" })).status).toBe(404);
		expect((await ask({ bucket, key: "a", query: { versionId: one } })).text).toBe("one");
		const itself = await ask({ bucket, key: "a", query: { versionId: marker } });
		expect(itself.status).toBe(405);
		const restored = await ask({ method: "DELETE", bucket, key: "a", query: { versionId: marker } });
		expect(restored.status).toBe(204);
		expect((await ask({ bucket, key: "a" })).headers["x-amz-version-id"]).toBe(two);
	});

	spec("one can be deleted for good", async () => {
		const { bucket, one, two } = await twice();
		expect((await ask({ method: "DELETE", bucket, key: "a", query: { versionId: two } })).status).toBe(204);
		expect((await ask({ bucket, key: "a" })).text).toBe("one");
		expect(await ask({ bucket, key: "a", query: { versionId: two } })).toMatchObject({
			status: 404,
			code: "NoSuchVersion",
		});
		expect((await ask({ method: "DELETE", bucket, key: "a", query: { versionId: one } })).status).toBe(204);
		expect((await ask({ bucket, key: "a" })).status).toBe(404);
	});

	spec("a malformed one is no server error", async () => {
		const { bucket } = await twice();
		for (const versionId of ["no version", "../x", "0"]) {
			const answer = await ask({ bucket, key: "a", query: { versionId } });
			expect([400, 404], versionId).toContain(answer.status);
			expect(answer.code, versionId).not.toBe("");
		}
	});

	spec("are listed, the newest first, with markers", async () => {
		const { bucket, one, two } = await twice();
		const marker = idOf(await ask({ method: "DELETE", bucket, key: "a" }));
		const other = idOf(await put(bucket, "b", "x"));
		const listed = await ask({ bucket, query: { versions: "" } });
		expect(listed.status).toBe(200);
		expect(texts(listed, "Version", "VersionId")).toEqual([two, one, other]);
		expect(texts(listed, "Version", "IsLatest")).toEqual(["false", "false", "true"]);
		expect(texts(listed, "Version", "Size")).toEqual(["5", "3", "1"]);
		const markers = elements(listed, "DeleteMarker");
		expect(markers.map((found) => childText(found, "VersionId"))).toEqual([marker]);
		expect(markers.map((found) => childText(found, "IsLatest"))).toEqual(["true"]);
	});

	spec("are listed below a prefix, and folded at a delimiter", async () => {
		const bucket = await server().makeBucket({ versions: true });
		for (const key of ["d/a", "d/sub/b", "d/sub/c", "e"]) await put(bucket, key, "x");
		const listed = await ask({ bucket, query: { versions: "", prefix: "d/", delimiter: "/" } });
		expect(texts(listed, "Version", "Key")).toEqual(["d/a"]);
		expect(texts(listed, "CommonPrefixes", "Prefix")).toEqual(["d/sub/"]);
	});

	spec("are listed page by page", async () => {
		const bucket = await server().makeBucket({ versions: true });
		const expected: string[] = [];
		for (const key of ["a", "b", "c"])
			expected.push(...[idOf(await put(bucket, key, "1")), idOf(await put(bucket, key, "2"))].reverse());
		const found: string[] = [];
		let more: Record<string, string> = {};
		for (let page = 1; page < 10; page++) {
			const listed = await ask({ bucket, query: { versions: "", "max-keys": "2", ...more } });
			found.push(...texts(listed, "Version", "VersionId"));
			if (text(listed, "IsTruncated") !== "true") break;
			more = {
				"key-marker": text(listed, "NextKeyMarker"),
				"version-id-marker": text(listed, "NextVersionIdMarker"),
			};
		}
		expect(found).toEqual(expected);
	});

	spec('without them a listing of versions calls each "null"', async () => {
		const bucket = await server().makeBucket();
		await put(bucket, "a", "x");
		const listed = await ask({ bucket, query: { versions: "" } });
		expect(texts(listed, "Version", "VersionId")).toEqual(["null"]);
	});

	/** A bucket that has kept versions and keeps none now. */
	const suspended = async (): Promise<{ bucket: string; one: string; two: string }> => {
		const found = await twice();
		await server().setVersioning(found.bucket, "Suspended");
		return found;
	};

	spec("suspended, a bucket tells so", async () => {
		const { bucket } = await suspended();
		expect(text(await ask({ bucket, query: { versioning: "" } }), "Status")).toBe("Suspended");
		await server().setVersioning(bucket, "Enabled");
		expect(text(await ask({ bucket, query: { versioning: "" } }), "Status")).toBe("Enabled");
	});

	spec('suspended, each write takes the place of the version "null", and of no other', async () => {
		const { bucket, one, two } = await suspended();
		await put(bucket, "a", "four");
		await put(bucket, "a", "fives");
		const listed = await ask({ bucket, query: { versions: "" } });
		expect(texts(listed, "Version", "VersionId")).toEqual(["null", two, one]);
		expect((await ask({ bucket, key: "a" })).text).toBe("fives");
		expect((await ask({ bucket, key: "a", query: { versionId: "null" } })).text).toBe("fives");
		expect((await ask({ bucket, key: "a", query: { versionId: two } })).text).toBe("three");
	});

	spec('suspended, answers name the version "null"', async () => {
		const { bucket } = await suspended();
		expect((await put(bucket, "a", "four")).headers["x-amz-version-id"]).toBe("null");
		expect((await ask({ bucket, key: "a" })).headers["x-amz-version-id"]).toBe("null");
		expect((await ask({ method: "HEAD", bucket, key: "a" })).headers["x-amz-version-id"]).toBe("null");
	});

	spec('suspended, the version "null" is replaced also under others', async () => {
		const bucket = await server().makeBucket();
		await put(bucket, "a", "null");
		await put(bucket, "b", "null");
		await server().setVersioning(bucket, "Enabled");
		const a = idOf(await put(bucket, "a", "one"));
		const marker = idOf(await ask({ method: "DELETE", bucket, key: "b" }));
		await server().setVersioning(bucket, "Suspended");
		expect((await ask({ bucket, key: "b", query: { versionId: "null" } })).text).toBe("null");
		await put(bucket, "a", "other");
		await put(bucket, "b", "other");
		const listed = await ask({ bucket, query: { versions: "" } });
		expect(texts(listed, "Version", "VersionId")).toEqual(["null", a, "null"]);
		expect(texts(listed, "DeleteMarker", "VersionId")).toEqual([marker]);
		for (const key of ["a", "b"]) {
			expect((await ask({ bucket, key, query: { versionId: "null" } })).text).toBe("other");
		}
	});

	spec('suspended, a deletion is a marker "null" in place of that version', async () => {
		const { bucket, two } = await suspended();
		await put(bucket, "a", "four");
		const deleted = await ask({ method: "DELETE", bucket, key: "a" });
		expect(deleted.headers).toMatchObject({ "x-amz-delete-marker": "true", "x-amz-version-id": "null" });
		expect((await ask({ bucket, key: "a" })).status).toBe(404);
		expect((await ask({ bucket, key: "a", query: { versionId: two } })).text).toBe("three");
		const listed = await ask({ bucket, query: { versions: "" } });
		expect(texts(listed, "DeleteMarker", "VersionId")).toEqual(["null"]);
	});
});
