/**
 * Where in its memory page a read buffer begins, in bytes.
 *
 * Do not "simplify" this to 0: on AMD Zen 3 the kernel copies file data to the start of a page (and up to
 * 16 bytes behind it) four times slower than to any other place (256 KiB reads: 1,547 instead of 5,810
 * MiB/s; 0.5 s of CPU time for each GiB hashed). Node places large allocations at page starts. On other
 * CPUs the offset costs nothing.
 */
const offsetInPageBytes = 64;

/** Bytes that one read call asks for; larger ones were not faster. */
export const readBufferBytes = 256 * 1024;

/**
 * A buffer to read files into, which does not begin at a page boundary. Its content is not cleared.
 * @param {number} [size] in bytes
 * @returns {Buffer}
 */
export function createReadBuffer(size = readBufferBytes) {
	return Buffer.allocUnsafeSlow(size + offsetInPageBytes).subarray(offsetInPageBytes);
}
