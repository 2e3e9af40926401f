/** Files made from a seed: the same seed gives the same bytes on every machine. */
import { createCipheriv } from "node:crypto";
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";

/** A source of bytes that do not compress: AES in counter mode over zeros. */
function randomBytes(seed) {
	const key = Buffer.alloc(16);
	key.writeUInt32BE(seed >>> 0, 12);
	const cipher = createCipheriv("aes-128-ctr", key, Buffer.alloc(16));
	const zeros = Buffer.alloc(1 << 20);
	return (length) => cipher.update(length <= zeros.length ? zeros.subarray(0, length) : Buffer.alloc(length));
}

/** One file of `size` bytes. */
export function makeFile(path, size, seed = 1) {
	const next = randomBytes(seed);
	const file = openSync(path, "wx");
	for (let left = size; left > 0;) left -= writeSync(file, next(Math.min(left, 1 << 20)));
	closeSync(file);
}

/** `count` files of `size` bytes, a hundred in a folder. */
export function makeFiles(directory, count, size, seed = 1) {
	const next = randomBytes(seed);
	for (let index = 0; index < count; index++) {
		const folder = join(directory, `d${String(Math.floor(index / 100)).padStart(4, "0")}`);
		if (index % 100 === 0) mkdirSync(folder, { recursive: true });
		writeFileSync(join(folder, `f${String(index % 100).padStart(3, "0")}.bin`), next(size));
	}
}

/** Puts a file of the same size in the place of this one, whose content it has not had before. */
export function changeFile(path) {
	const bytes = readFileSync(path);
	bytes[0] = (bytes[0] + 1) % 256;
	writeFileSync(`${path}.new`, bytes);
	renameSync(`${path}.new`, path);
}
