import { describe, expect, test } from "vitest";
import { formatBase64 } from "../../core/base64.ts";
import { digestOnce } from "../../core/hash.ts";
import { createSha256 } from "../../core/sha256.ts";
import { encodeUtf8 } from "../../core/utf8.ts";
import { streamOf } from "../byte-source.ts";
import type { Checksum, ObjectInfo } from "../store.ts";
import { checkedBody } from "./checked-body.ts";

const content = encodeUtf8("what is stored");
const sha256 = formatBase64(digestOnce(content, createSha256));

async function read(bytes: Uint8Array, checksum?: Checksum): Promise<Uint8Array> {
	const info: ObjectInfo = { key: "k", size: bytes.length, etag: '"e"', modifiedAt: new Date(0) };
	const body = checkedBody(
		streamOf(bytes),
		checksum === undefined ? info : { ...info, checksum },
		createSha256,
	);
	return new Uint8Array(await new Response(body).arrayBuffer());
}

describe("checkedBody()", () => {
	test("gives the bytes whose checksum the server keeps", async () => {
		expect(await read(content, { sha256 })).toEqual(new Uint8Array(content));
		expect(
			await read(new Uint8Array(), { sha256: formatBase64(digestOnce(new Uint8Array(), createSha256)) }),
		).toEqual(new Uint8Array());
	});

	test("fails when any bit of them is another", async () => {
		for (let bit = 0; bit < content.length * 8; bit++) {
			const damaged = content.slice();
			damaged[bit >> 3]! ^= 1 << (bit & 7);
			await expect(read(damaged, { sha256 })).rejects.toMatchObject({ code: "IntegrityMismatch" });
		}
	});

	test("takes what has no checksum, or one of several parts, as it comes", async () => {
		const other = encodeUtf8("other");
		expect(await read(other)).toEqual(new Uint8Array(other));
		expect(await read(other, { sha256, parts: 2 })).toEqual(new Uint8Array(other));
	});
});
