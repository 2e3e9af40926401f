import { expect } from "vitest";
import { conformance } from "./suite.ts";
import { md5, text, texts, type RawAnswer } from "./raw.ts";

conformance("listing", ({ spec, server, ask, put }) => {
	const filled = async (keys: readonly string[]): Promise<string> => {
		const bucket = await server().makeBucket();
		for (const key of keys) expect((await put(bucket, key, key)).status, key).toBe(200);
		return bucket;
	};
	const list = async (bucket: string, query: Record<string, string> = {}): Promise<RawAnswer> =>
		ask({ bucket, query: { "list-type": "2", ...query } });
	const keysOf = (answer: RawAnswer): readonly string[] => texts(answer, "Contents", "Key");
	const prefixesOf = (answer: RawAnswer): readonly string[] => texts(answer, "CommonPrefixes", "Prefix");

	spec("tells keys with size, ETag and time", async () => {
		const bucket = await filled(["a", "bcd"]);
		const answer = await list(bucket);
		expect(answer.headers["content-type"]).toContain("xml");
		expect(keysOf(answer)).toEqual(["a", "bcd"]);
		expect(texts(answer, "Contents", "Size")).toEqual(["1", "3"]);
		expect(texts(answer, "Contents", "ETag")).toEqual([`"${md5("a", "hex")}"`, `"${md5("bcd", "hex")}"`]);
		for (const time of texts(answer, "Contents", "LastModified"))
			expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
		expect(text(answer, "KeyCount")).toBe("2");
		expect(text(answer, "IsTruncated")).toBe("false");
		expect(text(answer, "Name")).toBe(bucket);
	});

	spec("goes by the bytes of UTF-8", async () => {
		const keys = ["A", "B", "_", "a!", "a-b", "a.b", "a/b", "a0", "é", "\uff5e", "\u{1f600}"];
		const bucket = await filled(keys.toReversed());
		expect(keysOf(await list(bucket))).toEqual(keys);
	});

	spec("has objects below an object", async () => {
		const bucket = await filled(["a", "a/b", "a/b/c"]);
		expect(keysOf(await list(bucket))).toEqual(["a", "a/b", "a/b/c"]);
	});

	spec("has objects whose key ends in a slash, which many programs take for folders", async () => {
		const bucket = await filled(["d/a", "e"]);
		for (const key of ["d/", "f/"]) expect(await put(bucket, key, "")).toMatchObject({ status: 200 });
		expect(keysOf(await list(bucket))).toEqual(["d/", "d/a", "e", "f/"]);
		expect(keysOf(await list(bucket, { prefix: "f/", delimiter: "/" }))).toEqual(["f/"]);
		expect(prefixesOf(await list(bucket, { delimiter: "/" }))).toEqual(["d/", "f/"]);
		expect(keysOf(await list(bucket, { "start-after": "d/" }))).toEqual(["d/a", "e", "f/"]);
		expect(await ask({ method: "HEAD", bucket, key: "f/" })).toMatchObject({ status: 200 });
		expect(await ask({ method: "DELETE", bucket, key: "d/" })).toMatchObject({ status: 204 });
		expect(await ask({ method: "HEAD", bucket, key: "d/" })).toMatchObject({ status: 404 });
		expect(keysOf(await list(bucket))).toEqual(["d/a", "e", "f/"]);
	});

	spec("below a prefix that is any text", async () => {
		const bucket = await filled(["ab/c", "ab/d", "abc", "b"]);
		expect(keysOf(await list(bucket, { prefix: "ab" }))).toEqual(["ab/c", "ab/d", "abc"]);
		expect(keysOf(await list(bucket, { prefix: "ab/" }))).toEqual(["ab/c", "ab/d"]);
		expect(keysOf(await list(bucket, { prefix: "zz" }))).toEqual([]);
		expect(text(await list(bucket, { prefix: "ab" }), "Prefix")).toBe("ab");
	});

	spec("folds at a delimiter", async () => {
		const bucket = await filled(["a", "d/a", "d/b", "d/e/f", "g/h"]);
		const top = await list(bucket, { delimiter: "/" });
		expect(keysOf(top)).toEqual(["a"]);
		expect(prefixesOf(top)).toEqual(["d/", "g/"]);
		expect(text(top, "KeyCount")).toBe("3");
		const inside = await list(bucket, { delimiter: "/", prefix: "d/" });
		expect(keysOf(inside)).toEqual(["d/a", "d/b"]);
		expect(prefixesOf(inside)).toEqual(["d/e/"]);
	});

	spec("goes page by page", async () => {
		const keys = Array.from({ length: 7 }, (_, index) => `k${index}`);
		const bucket = await filled(keys);
		const found: (readonly string[])[] = [];
		let more: Record<string, string> = {};
		for (let page = 1; page < 9; page++) {
			const answer = await list(bucket, { "max-keys": "3", ...more });
			found.push(keysOf(answer));
			if (text(answer, "IsTruncated") !== "true") break;
			more = { "continuation-token": text(answer, "NextContinuationToken") };
		}
		expect(found).toEqual([keys.slice(0, 3), keys.slice(3, 6), keys.slice(6)]);
	});

	spec("counts folded prefixes when it goes page by page", async () => {
		const bucket = await filled(["a/1", "a/2", "b", "c/1", "c/2", "d", "e/1"]);
		const found: string[] = [];
		let more: Record<string, string> = {};
		for (let page = 1; page < 9; page++) {
			const answer = await list(bucket, { "max-keys": "2", delimiter: "/", ...more });
			const both = [...keysOf(answer), ...prefixesOf(answer)];
			expect(both.length).toBeLessThanOrEqual(2);
			found.push(...both);
			if (text(answer, "IsTruncated") !== "true") break;
			more = { "continuation-token": text(answer, "NextContinuationToken") };
		}
		expect(found.toSorted((a, b) => (a < b ? -1 : 1))).toEqual(["a/", "b", "c/", "d", "e/"]);
	});

	spec("starts after a key", async () => {
		const bucket = await filled(["a", "b", "c", "d/e"]);
		expect(keysOf(await list(bucket, { "start-after": "b" }))).toEqual(["c", "d/e"]);
		expect(keysOf(await list(bucket, { "start-after": "bb" }))).toEqual(["c", "d/e"]);
		expect(keysOf(await list(bucket, { "start-after": "z" }))).toEqual([]);
	});

	spec("of no keys is empty", async () => {
		const bucket = await filled(["a"]);
		const answer = await list(bucket, { "max-keys": "0" });
		expect(answer.status).toBe(200);
		expect(keysOf(answer)).toEqual([]);
		expect(text(answer, "IsTruncated")).toBe("false");
	});

	spec("gives odd keys", async () => {
		const keys = ["<a>&amp;", "a b+c%d", "ü/\u{1f600}"];
		const bucket = await filled(keys);
		const sorted = keys.toSorted((a, b) => (a < b ? -1 : 1));
		expect(keysOf(await list(bucket))).toEqual(sorted);
	});

	spec("encodes keys when that is wanted", async () => {
		const bucket = await filled(["a b+c%d", "ü/\u{1f600}"]);
		const encoded = await list(bucket, { "encoding-type": "url", prefix: "a b+" });
		expect(text(encoded, "EncodingType")).toBe("url");
		const decode = (value: string): string => decodeURIComponent(value.replaceAll("+", " "));
		expect(keysOf(encoded).map(decode)).toEqual(["a b+c%d"]);
		expect(keysOf(encoded)).not.toEqual(["a b+c%d"]);
		expect(decode(text(encoded, "Prefix"))).toBe("a b+");
		const folded = await list(bucket, { "encoding-type": "url", delimiter: "/" });
		expect(prefixesOf(folded).map(decode)).toEqual(["ü/"]);
	});

	spec("of the first kind works, too", async () => {
		const bucket = await filled(["a", "b", "c/d"]);
		const first = await ask({ bucket, query: { "max-keys": "2" } });
		expect(keysOf(first)).toEqual(["a", "b"]);
		expect(text(first, "IsTruncated")).toBe("true");
		const next = await ask({ bucket, query: { marker: "b", delimiter: "/" } });
		expect(prefixesOf(next)).toEqual(["c/"]);
	});

	spec("refuses what is malformed", async () => {
		const bucket = await filled(["a"]);
		for (const query of [{ "max-keys": "-1" }, { "max-keys": "many" }]) {
			const answer = await list(bucket, query);
			expect(answer, JSON.stringify(query)).toMatchObject({ status: 400, code: "InvalidArgument" });
		}
	});

	const deleteAll = async (bucket: string, body: string): Promise<RawAnswer> =>
		ask({
			method: "POST",
			bucket,
			query: { delete: "" },
			headers: { "content-md5": md5(body, "base64") },
			body,
		});

	spec("does not show what DeleteObjects has deleted", async () => {
		const bucket = await filled(["a", "b & <c>", "d"]);
		const items = ["a", "b &amp; &lt;c&gt;", "none"].map((key) => `<Object><Key>${key}</Key></Object>`);
		const answer = await deleteAll(bucket, `<Delete>${items.join("")}</Delete>`);
		expect(answer.status).toBe(200);
		expect(new Set(texts(answer, "Deleted", "Key"))).toEqual(new Set(["a", "b & <c>", "none"]));
		expect(keysOf(await list(bucket))).toEqual(["d"]);
	});

	spec("DeleteObjects says nothing of what went well when that is wanted", async () => {
		const bucket = await filled(["d"]);
		const quiet = await deleteAll(
			bucket,
			"<Delete><Quiet>true</Quiet><Object><Key>d</Key></Object></Delete>",
		);
		expect(texts(quiet, "Deleted", "Key")).toEqual([]);
		expect(keysOf(await list(bucket))).toEqual([]);
	});

	spec("DeleteObjects deletes versions, or makes markers", async () => {
		const bucket = await server().makeBucket({ versions: true });
		const one = String((await put(bucket, "a", "one")).headers["x-amz-version-id"]);
		await put(bucket, "a", "two");
		const item = `<Object><Key>a</Key><VersionId>${one}</VersionId></Object>`;
		const first = await deleteAll(bucket, `<Delete>${item}</Delete>`);
		expect(texts(first, "Deleted", "VersionId")).toEqual([one]);
		expect((await ask({ bucket, key: "a" })).text).toBe("two");
		const second = await deleteAll(bucket, "<Delete><Object><Key>a</Key></Object></Delete>");
		expect(texts(second, "Deleted", "DeleteMarker")).toEqual(["true"]);
		expect((await ask({ bucket, key: "a" })).status).toBe(404);
		expect(texts(await ask({ bucket, query: { versions: "" } }), "Version", "Key")).toEqual(["a"]);
	});

	spec("DeleteObjects deletes only objects with the ETag that is told", async () => {
		const bucket = await server().makeBucket();
		const etag = String((await put(bucket, "a", "one")).headers["etag"]);
		await put(bucket, "b", "two");
		const items = ["a", "b"].map((key) => `<Object><Key>${key}</Key><ETag>${etag}</ETag></Object>`);
		const answer = await deleteAll(bucket, `<Delete>${items.join("")}</Delete>`);
		expect(texts(answer, "Deleted", "Key")).toEqual(["a"]);
		expect(texts(answer, "Error", "Code")).toEqual(["PreconditionFailed"]);
		expect(keysOf(await list(bucket))).toEqual(["b"]);
	});

	spec("DeleteObjects refuses what is no list", async () => {
		const bucket = await filled(["a"]);
		const refused = await deleteAll(bucket, "<Delete><Object>");
		expect(refused).toMatchObject({ status: 400, code: "MalformedXML" });
		expect(keysOf(await list(bucket))).toEqual(["a"]);
	});
});
