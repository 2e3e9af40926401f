/**
 * Where in its memory page a read buffer begins, in bytes.
 *
 * Do not "simplify" this to 0: a large block of memory begins 16 bytes behind the start of a page, and to places 1 to 31 bytes
 * behind one the kernel copies file data four times slower on AMD Zen 3 (256 KiB reads: 1,550 instead of 5,800 MiB/s; 0.5 s of CPU
 * time for each GiB hashed), because they look like places that overlap what is copied. On other CPUs the offset costs nothing.
 * `npm run bench -- --only read-buffer` measures it.
 */
const offsetInPageBytes = 64;

/** Bytes that one read call asks for; larger ones were not faster. */
export const readBufferBytes = 256 * 1024;

/**
 * A buffer to read files into, which does not begin just behind a page boundary. Its content is not cleared.
 * @param {number} [size] in bytes
 * @returns {Buffer}
 */
export function createReadBuffer(size = readBufferBytes) {
	return Buffer.allocUnsafeSlow(size + offsetInPageBytes).subarray(offsetInPageBytes);
}
