import type { RandomBytes } from "./random-bytes.ts";

/** Whole lines: those of `bytes[start, end)`; the first one starts at `offset` in the manifest. */
export type LineBlock = {
	readonly bytes: Uint8Array;
	readonly start: number;
	readonly end: number;
	readonly offset: number;
};

const lineFeed = 0x0a;

/** Bytes that are read at once; with the room before a read buffer this stays inside of 256 KiB. */
const blockBytes = 256 * 1024 - 4096;

/**
 * The lines that start in `[low, high)`, many at once; a block may change when the next one is asked for. Ends early
 * at a line of more than `maxLineBytes`.
 */
export function* lineBlocks(
	source: RandomBytes,
	low: number,
	high: number,
	maxLineBytes = Infinity,
	buffer?: Uint8Array,
): Generator<LineBlock> {
	let size = blockBytes;
	for (let offset = low; offset < high;) {
		const bytes = source.read(offset, Math.min(high, offset + size), buffer);
		const end = offset + bytes.length === high ? bytes.length : bytes.lastIndexOf(lineFeed) + 1;
		if (end > 0) {
			buffer = bytes;
			yield { bytes, start: 0, end, offset };
			offset += end;
		} else if (bytes.length > maxLineBytes) return;
		else {
			size *= 4; // a line longer than a block
			buffer = undefined;
		}
	}
}
