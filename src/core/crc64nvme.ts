/**
 * CRC-64/NVME: reflected, polynomial 0xad93d23594c93659, all bits set before and inverted after. Large contents are computed by a
 * small WebAssembly module where the machine allows it, several times faster
 * ([decision 45](../../docs/decisions/0045-crc64nvme-is-webassembly.md)).
 */
import { contentAt, contentBytes, moduleBase64, stateAt } from "./crc64nvme-module.ts";
import { updatePlain } from "./crc64nvme-plain.ts";
import type { Digest } from "./hash.ts";
import { instantiate } from "./webassembly.ts";

/** The 64 bits of a sum that goes on, in two halves. */
export type Crc64Nvme = { low: number; high: number };

/** Takes `bytes` into `crc`. */
type Update = (crc: Crc64Nvme, bytes: Uint8Array) => void;

/** A piece smaller than this is done at once: copying it into the memory of the module takes as long. */
const leastPiece = 256;

/** A content must have that many bytes before the module is made, which takes a millisecond. */
const worthMaking = 512 * 1024;

/** `undefined`: it was not tried yet. */
let made: Update | "cannot be made" | undefined;

/** A new incremental CRC-64/NVME. `digest` gives 8 bytes, the most significant first. */
export function createCrc64Nvme(): Digest {
	let seen = 0;
	return digestBy((crc, bytes) => {
		seen += bytes.length;
		if (made === undefined && seen >= worthMaking) made = makeUpdate() ?? "cannot be made";
		if (typeof made === "function" && bytes.length >= leastPiece) made(crc, bytes);
		else updatePlain(crc, bytes);
	});
}

/** A new CRC-64/NVME whose bytes one implementation takes in. */
export function digestBy(update: Update): Digest {
	const crc: Crc64Nvme = { low: -1, high: -1 };
	return {
		update(bytes) {
			update(crc, bytes);
		},
		digest() {
			const result = new Uint8Array(8);
			const view = new DataView(result.buffer);
			view.setInt32(0, ~crc.high);
			view.setInt32(4, ~crc.low);
			return result;
		},
	};
}

/** Makes the module; `undefined` where there is no WebAssembly, or a page forbids it. */
export function makeUpdate(): Update | undefined {
	const module = instantiate(moduleBase64) as Exports | undefined;
	if (module === undefined) return undefined;
	const memory = new Uint8Array(module.m.buffer);
	const view = new DataView(module.m.buffer);
	return (crc, bytes) => {
		view.setInt32(stateAt, crc.low, true);
		view.setInt32(stateAt + 4, crc.high, true);
		for (let at = 0; at < bytes.length; at += contentBytes) {
			const piece = bytes.subarray(at, at + contentBytes);
			memory.set(piece, contentAt);
			module.u(contentAt, contentAt + piece.length);
		}
		crc.low = view.getInt32(stateAt, true);
		crc.high = view.getInt32(stateAt + 4, true);
	};
}

type Exports = { readonly m: { readonly buffer: ArrayBuffer }; u(at: number, end: number): void };
