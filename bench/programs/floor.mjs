/** The least that loading a manifest and telling its top hash can cost: its bytes read, and as many hashed as it takes. */
import { createHash } from "node:crypto";
import { openSync, readSync } from "node:fs";
import { createReadBuffer } from "../../src/node/read-buffer.mjs";

const [path, hashedBytes] = process.argv.slice(2);
const file = openSync(path);
const buffer = createReadBuffer();
const hash = createHash("sha256");
let left = Number(hashedBytes);
for (let count = readSync(file, buffer); count > 0; count = readSync(file, buffer)) {
	const taken = Math.min(count, left);
	if (taken > 0) hash.update(buffer.subarray(0, taken));
	left -= taken;
}
console.log(hash.digest("hex"));
