import { closeSync, fstatSync, openSync, readFileSync } from "node:fs";

/**
 * What is in a file of this user, at the start of its own memory; nothing when the file is somebody else's, who could tell us what
 * other files contain, or have us run what we never compiled. Throws when there is no file.
 */
export function readOwn(path: string): Buffer {
	const fd = openSync(path, "r");
	try {
		const stat = fstatSync(fd);
		if (!stat.isFile() || (process.getuid !== undefined && stat.uid !== process.getuid()))
			return Buffer.alloc(0);
		const bytes = readFileSync(fd);
		return bytes.byteOffset % 8 === 0 ? bytes : Buffer.from(new Uint8Array(bytes).buffer);
	} finally {
		closeSync(fd);
	}
}
