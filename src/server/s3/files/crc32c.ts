/** CRC-32C (Castagnoli), eight bytes at a time ("slicing by 8"). */
import type { Digest } from "../../../core/hash.ts";

const polynomial = 0x82f63b78; // reflected

/** Entry 256 * k + n: effect of byte n that has k bytes after it. */
const table = new Int32Array(8 * 256);

for (let n = 0; n < 256; n++) {
	let crc = n;
	for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
	table[n] = crc;
}
for (let n = 256; n < table.length; n++) {
	const before = table[n - 256] as number;
	table[n] = (table[before & 255] as number) ^ (before >>> 8);
}

/** A new incremental CRC-32C. `digest` gives 4 bytes, the most significant first. */
export function createCrc32c(): Digest {
	let crc = -1;
	return {
		update(bytes) {
			let at = 0;
			for (const end = bytes.length - 7; at < end; at += 8) {
				const x =
					crc ^
					((bytes[at] as number) |
						((bytes[at + 1] as number) << 8) |
						((bytes[at + 2] as number) << 16) |
						((bytes[at + 3] as number) << 24));
				crc =
					(table[1792 + (x & 255)] as number) ^
					(table[1536 + ((x >>> 8) & 255)] as number) ^
					(table[1280 + ((x >>> 16) & 255)] as number) ^
					(table[1024 + (x >>> 24)] as number) ^
					(table[768 + (bytes[at + 4] as number)] as number) ^
					(table[512 + (bytes[at + 5] as number)] as number) ^
					(table[256 + (bytes[at + 6] as number)] as number) ^
					(table[bytes[at + 7] as number] as number);
			}
			for (; at < bytes.length; at++) {
				crc = (table[(crc ^ (bytes[at] as number)) & 255] as number) ^ (crc >>> 8);
			}
		},
		digest: () => bigEndian(~crc),
	};
}

/** The four bytes of a checksum of 32 bits, the most significant first. */
export function bigEndian(value: number): Uint8Array {
	const bytes = new Uint8Array(4);
	new DataView(bytes.buffer).setUint32(0, value >>> 0);
	return bytes;
}
