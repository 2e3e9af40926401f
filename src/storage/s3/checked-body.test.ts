import { describe, expect, test } from "vitest";
import { formatBase64 } from "../../core/base64.ts";
import { digestOnce } from "../../core/hash.ts";
import { createSha256 } from "../../core/sha256.ts";
import { encodeUtf8 } from "../../core/utf8.ts";
import { streamOf } from "../byte-source.ts";
import type { Checksum, ObjectInfo } from "../store.ts";
import { checkedBody } from "./checked-body.ts";
import { compositeChecksum } from "./checksum.ts";

const content = encodeUtf8("what is stored");
const sha256 = formatBase64(digestOnce(content, createSha256));

const mebibyte = 1024 * 1024;
const notAsked = (): Promise<number | undefined> => expect.unreachable("asked for the size of a part");

async function read(
	bytes: Uint8Array,
	checksum?: Checksum,
	firstPartSize: () => Promise<number | undefined> = notAsked,
): Promise<Uint8Array> {
	const info: ObjectInfo = { key: "k", size: bytes.length, etag: '"e"', modifiedAt: new Date(0) };
	const body = checkedBody(
		streamOf(bytes),
		checksum === undefined ? info : { ...info, checksum },
		createSha256,
		firstPartSize,
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

	test("takes what has no checksum, or one of another number of parts, as it comes", async () => {
		const other = encodeUtf8("other");
		expect(await read(other)).toEqual(new Uint8Array(other));
		expect(await read(other, { sha256, parts: 2 })).toEqual(new Uint8Array(other));
	});

	describe("of an object in parts", () => {
		const stored = new Uint8Array(9 * mebibyte).map((_, index) => index % 251);
		const damaged = stored.slice();
		damaged[9 * mebibyte - 1]! ^= 1;
		const inParts = (length: number): Checksum =>
			compositeChecksum(
				[stored.subarray(0, length), stored.subarray(length)].map((part) => digestOnce(part, createSha256)),
				createSha256,
			);
		const told = (size: number | undefined) => () => Promise.resolve(size);

		test("gives what has the checksum of our parts, and asks for nothing", async () => {
			expect((await read(stored, inParts(8 * mebibyte))).length).toBe(stored.length);
		});

		test("fails for other bytes when the parts are ours", async () => {
			const reading = read(damaged, inParts(8 * mebibyte), told(8 * mebibyte));
			await expect(reading).rejects.toMatchObject({ code: "IntegrityMismatch" });
		});

		test("takes them as they come when the parts are others, or the server does not tell", async () => {
			const checksum = inParts(5 * mebibyte);
			expect((await read(stored, checksum, told(5 * mebibyte))).length).toBe(stored.length);
			expect((await read(stored, checksum, told(undefined))).length).toBe(stored.length);
		});
	});
});
