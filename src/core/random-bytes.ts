/** Bytes that can be read anywhere at once, such as those of a file; they never change. */
export interface RandomBytes {
	/** In bytes. */
	readonly size: number;
	/** The bytes `[start, end)`. `buffer` is one that this gave before and that may be used again for them. */
	read(start: number, end: number, buffer?: Uint8Array): Uint8Array;
	/** Whether two runs in memory are the same, as fast as the machine can tell. Absent: there is no better way than a loop. */
	readonly equal?: (a: Uint8Array, b: Uint8Array) => boolean;
}

/** Bytes in memory; they are not copied. */
export function memoryBytes(bytes: Uint8Array): RandomBytes {
	return { size: bytes.length, read: (start, end) => bytes.subarray(start, end) };
}
