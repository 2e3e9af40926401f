/** Runs that are compared at once where the machine does it: where they differ, shorter ones are, and at last a loop looks for the place. */
const runBytes = 16 * 1024;
const leastRunBytes = 256;

/**
 * How many bytes two runs have in common from their beginnings on, at most `length`. Without `equal` four words at a time: a
 * byte at a time takes five times as long, and in a page nothing native compares.
 */
export function commonBytes(
	a: Uint8Array,
	aStart: number,
	b: Uint8Array,
	bStart: number,
	length: number,
	equal?: (a: Uint8Array, b: Uint8Array) => boolean,
): number {
	let same = 0;
	let longest = runBytes;
	while (equal !== undefined && same < length && longest >= leastRunBytes) {
		const run = Math.min(longest, length - same);
		const [i, j] = [aStart + same, bStart + same];
		if (equal(a.subarray(i, i + run), b.subarray(j, j + run))) same += run;
		else longest = run >> 2;
	}
	return same + commonByWords(a, aStart + same, b, bStart + same, length - same);
}

/** Whether two runs have the same bytes. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
	return a.length === b.length && commonByWords(a, 0, b, 0, a.length) === a.length;
}

function commonByWords(a: Uint8Array, aStart: number, b: Uint8Array, bStart: number, length: number): number {
	const left = new DataView(a.buffer, a.byteOffset + aStart, length);
	const right = new DataView(b.buffer, b.byteOffset + bStart, length);
	let at = 0;
	for (const end = length - 15; at < end; at += 16) {
		const differing =
			(left.getInt32(at) ^ right.getInt32(at)) |
			(left.getInt32(at + 4) ^ right.getInt32(at + 4)) |
			(left.getInt32(at + 8) ^ right.getInt32(at + 8)) |
			(left.getInt32(at + 12) ^ right.getInt32(at + 12));
		if (differing !== 0) break;
	}
	while (at < length && left.getUint8(at) === right.getUint8(at)) at++;
	return at;
}
