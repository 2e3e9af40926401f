/**
 * SHA-256 (FIPS 180-4) in plain TypeScript, fed in pieces. Used where no faster one is at hand, such
 * as in a page (Web Crypto cannot hash in pieces), and as the reference for the tests.
 */
import type { Digest } from "./hash.ts";

const blockSize = 64;

/** The first 32 bits of the fractional parts of `root` of the first `count` primes. */
function primeFractions(count: number, root: (n: number) => number): Int32Array {
	const fractions = new Int32Array(count);
	for (let n = 2, found = 0; found < count; n++) {
		let prime = true;
		for (let d = 2; d * d <= n; d++) if (n % d === 0) prime = false;
		if (prime) fractions[found++] = (root(n) % 1) * 2 ** 32;
	}
	return fractions;
}

const roundConstants = primeFractions(64, Math.cbrt);
const initialState = primeFractions(8, Math.sqrt);

/** A new incremental SHA-256. `digest` gives 32 bytes, once. */
export function createSha256(): Digest {
	const state = Int32Array.from(initialState);
	const words = new Int32Array(64);
	const pending = new Uint8Array(blockSize);
	let filled = 0;
	let total = 0; // bytes

	return {
		update(bytes) {
			total += bytes.length;
			let at = 0;
			if (filled > 0) {
				at = Math.min(blockSize - filled, bytes.length);
				pending.set(bytes.subarray(0, at), filled);
				filled += at;
				if (filled < blockSize) return;
				compress(state, words, pending, 0);
				filled = 0;
			}
			for (; at + blockSize <= bytes.length; at += blockSize) compress(state, words, bytes, at);
			pending.set(bytes.subarray(at));
			filled = bytes.length - at;
		},
		digest() {
			pending[filled++] = 0x80;
			pending.fill(0, filled);
			if (filled > blockSize - 8) {
				compress(state, words, pending, 0);
				pending.fill(0);
			}
			const view = new DataView(pending.buffer);
			view.setUint32(56, Math.floor(total / 2 ** 29));
			view.setUint32(60, (total % 2 ** 29) * 8);
			compress(state, words, pending, 0);
			const result = new Uint8Array(32);
			const out = new DataView(result.buffer);
			for (let i = 0; i < 8; i++) out.setInt32(4 * i, state[i] ?? 0);
			return result;
		},
	};
}

/** Mixes the block of `bytes` at `offset` into `state`. All indexes below are in range. */
function compress(state: Int32Array, w: Int32Array, bytes: Uint8Array, offset: number): void {
	for (let i = 0, at = offset; i < 16; i++, at += 4) {
		w[i] =
			((bytes[at] as number) << 24) |
			((bytes[at + 1] as number) << 16) |
			((bytes[at + 2] as number) << 8) |
			(bytes[at + 3] as number);
	}
	for (let i = 16; i < 64; i++) {
		const w15 = w[i - 15] as number;
		const w2 = w[i - 2] as number;
		const s0 = ((w15 >>> 7) | (w15 << 25)) ^ ((w15 >>> 18) | (w15 << 14)) ^ (w15 >>> 3);
		const s1 = ((w2 >>> 17) | (w2 << 15)) ^ ((w2 >>> 19) | (w2 << 13)) ^ (w2 >>> 10);
		w[i] = (w[i - 16] as number) + s0 + (w[i - 7] as number) + s1;
	}
	let a = state[0] as number;
	let b = state[1] as number;
	let c = state[2] as number;
	let d = state[3] as number;
	let e = state[4] as number;
	let f = state[5] as number;
	let g = state[6] as number;
	let h = state[7] as number;
	for (let i = 0; i < 64; i++) {
		const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
		const t1 = (h + s1 + ((e & f) ^ (~e & g)) + (roundConstants[i] as number) + (w[i] as number)) | 0;
		const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
		const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
		h = g;
		g = f;
		f = e;
		e = (d + t1) | 0;
		d = c;
		c = b;
		b = a;
		a = (t1 + t2) | 0;
	}
	state[0] = (state[0] as number) + a;
	state[1] = (state[1] as number) + b;
	state[2] = (state[2] as number) + c;
	state[3] = (state[3] as number) + d;
	state[4] = (state[4] as number) + e;
	state[5] = (state[5] as number) + f;
	state[6] = (state[6] as number) + g;
	state[7] = (state[7] as number) + h;
}
