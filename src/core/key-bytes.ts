/** Orders logical keys by their UTF-8 bytes as `compareLogicalKeys` orders their texts. */

const slash = 0x2f;

/** Negative when the key `a[aStart, aEnd)` comes before `b[bStart, bEnd)`. */
export function compareKeyBytes(
	a: Uint8Array,
	aStart: number,
	aEnd: number,
	b: Uint8Array,
	bStart: number,
	bEnd: number,
): number {
	let i = aStart;
	let j = bStart;
	while (i < aEnd && j < bEnd && a[i] === b[j]) {
		i++;
		j++;
	}
	if (i === aEnd || j === bEnd) return aEnd - i - (bEnd - j);
	if (a[i] === slash) return -1;
	if (b[j] === slash) return 1;
	return (a[i] as number) - (b[j] as number);
}

/**
 * Whether `b` may come after `a` in a list of files: later in the order, and not below `a`, which would have to be
 * a directory then. When that holds for all neighbours of a list, no key in it repeats or collides with another.
 */
export function followsKeyBytes(
	a: Uint8Array,
	aStart: number,
	aEnd: number,
	b: Uint8Array,
	bStart: number,
	bEnd: number,
): boolean {
	let i = aStart;
	let j = bStart;
	while (i < aEnd && j < bEnd && a[i] === b[j]) {
		i++;
		j++;
	}
	if (j === bEnd) return false;
	if (i === aEnd) return b[j] !== slash;
	if (a[i] === slash) return true;
	return b[j] !== slash && (a[i] as number) < (b[j] as number);
}
