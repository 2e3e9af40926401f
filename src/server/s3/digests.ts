/** The checksums that S3 knows, as digests that are fed in pieces. */
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { createCrc64Nvme } from "../../core/crc64nvme.ts";
import type { Digest } from "../../core/hash.ts";
import type { ObjectChecksum } from "./bucket.ts";

export type ChecksumAlgorithm = ObjectChecksum["algorithm"];

/** Bytes of a digest. */
export const digestBytes: Readonly<Record<ChecksumAlgorithm, number>> = {
	SHA256: 32,
	CRC64NVME: 8,
	SHA1: 20,
	CRC32: 4,
	CRC32C: 4,
};

export function createDigest(algorithm: ChecksumAlgorithm | "MD5"): Digest {
	switch (algorithm) {
		case "CRC64NVME":
			return createCrc64Nvme();
		case "CRC32":
			return fourBytes((bytes, before) => crc32(bytes, before));
		case "CRC32C":
			return fourBytes(crc32c);
		default: {
			const hash = createHash(algorithm.toLowerCase());
			return { update: (bytes) => void hash.update(bytes), digest: () => new Uint8Array(hash.digest()) };
		}
	}
}

function fourBytes(add: (bytes: Uint8Array, before: number) => number): Digest {
	let value = 0;
	return {
		update(bytes) {
			value = add(bytes, value);
		},
		digest() {
			const result = new Uint8Array(4);
			new DataView(result.buffer).setUint32(0, value);
			return result;
		},
	};
}

/** Entry 256 * k + n: effect of byte n that has k bytes after it. Reflected polynomial of Castagnoli. */
const table = new Int32Array(4 * 256);
for (let n = 0; n < 256; n++) {
	let value = n;
	for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ ((value & 1) * 0x82f63b78);
	table[n] = value;
}
for (let n = 256; n < table.length; n++) {
	const value = table[n - 256] as number;
	table[n] = (table[value & 255] as number) ^ (value >>> 8);
}

/** Four bytes at a time. */
function crc32c(bytes: Uint8Array, before: number): number {
	let crc = ~before;
	let at = 0;
	for (const end = bytes.length - 3; at < end; at += 4) {
		crc ^=
			(bytes[at] as number) |
			((bytes[at + 1] as number) << 8) |
			((bytes[at + 2] as number) << 16) |
			((bytes[at + 3] as number) << 24);
		crc =
			(table[768 + (crc & 255)] as number) ^
			(table[512 + ((crc >>> 8) & 255)] as number) ^
			(table[256 + ((crc >>> 16) & 255)] as number) ^
			(table[crc >>> 24] as number);
	}
	for (; at < bytes.length; at++) crc = (table[(crc ^ (bytes[at] as number)) & 255] as number) ^ (crc >>> 8);
	return ~crc >>> 0;
}
