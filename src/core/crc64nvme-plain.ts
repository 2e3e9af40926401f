/**
 * CRC-64/NVME in plain JavaScript: eight bytes at a time ("slicing by 8"), with the 64 bits in two 32-bit halves, because
 * 64-bit integers of the language are many times slower.
 */
import type { Crc64Nvme } from "./crc64nvme.ts";

const polynomialHigh = 0x9a6c9329; // reflected
const polynomialLow = 0xac4bc9b5;

/** Entry 256 * k + n: effect of byte n that has k bytes after it, low and high half. */
type Tables = { readonly low: Int32Array; readonly high: Int32Array };

let tables: Tables | undefined;

function makeTables(): Tables {
	const low = new Int32Array(8 * 256);
	const high = new Int32Array(8 * 256);
	for (let n = 0; n < 256; n++) {
		let lo = n;
		let hi = 0;
		for (let bit = 0; bit < 8; bit++) {
			const carry = lo & 1;
			lo = (lo >>> 1) | (hi << 31);
			hi >>>= 1;
			if (carry === 1) {
				lo ^= polynomialLow;
				hi ^= polynomialHigh;
			}
		}
		low[n] = lo;
		high[n] = hi;
	}
	for (let n = 256; n < low.length; n++) {
		const lo = low[n - 256] as number;
		const hi = high[n - 256] as number;
		low[n] = (low[lo & 255] as number) ^ ((lo >>> 8) | (hi << 24));
		high[n] = (high[lo & 255] as number) ^ (hi >>> 8);
	}
	return { low, high };
}

/** Takes `bytes` into `crc`. */
export function updatePlain(crc: Crc64Nvme, bytes: Uint8Array): void {
	const { low, high } = (tables ??= makeTables());
	let lo = crc.low;
	let hi = crc.high;
	let at = 0;
	for (const end = bytes.length - 7; at < end; at += 8) {
		const x =
			lo ^
			((bytes[at] as number) |
				((bytes[at + 1] as number) << 8) |
				((bytes[at + 2] as number) << 16) |
				((bytes[at + 3] as number) << 24));
		const y =
			hi ^
			((bytes[at + 4] as number) |
				((bytes[at + 5] as number) << 8) |
				((bytes[at + 6] as number) << 16) |
				((bytes[at + 7] as number) << 24));
		const a = 1792 + (x & 255);
		const b = 1536 + ((x >>> 8) & 255);
		const c = 1280 + ((x >>> 16) & 255);
		const d = 1024 + (x >>> 24);
		const e = 768 + (y & 255);
		const f = 512 + ((y >>> 8) & 255);
		const g = 256 + ((y >>> 16) & 255);
		const h = y >>> 24;
		lo =
			(low[a] as number) ^
			(low[b] as number) ^
			(low[c] as number) ^
			(low[d] as number) ^
			(low[e] as number) ^
			(low[f] as number) ^
			(low[g] as number) ^
			(low[h] as number);
		hi =
			(high[a] as number) ^
			(high[b] as number) ^
			(high[c] as number) ^
			(high[d] as number) ^
			(high[e] as number) ^
			(high[f] as number) ^
			(high[g] as number) ^
			(high[h] as number);
	}
	for (; at < bytes.length; at++) {
		const n = (lo ^ (bytes[at] as number)) & 255;
		lo = (low[n] as number) ^ ((lo >>> 8) | (hi << 24));
		hi = (high[n] as number) ^ (hi >>> 8);
	}
	crc.low = lo;
	crc.high = hi;
}
