/** How bale and the programs of this folder are called. */
import { join } from "node:path";
import { root } from "../../scripts/setup.mjs";

/** The command, as it is installed. */
export function bale(...args) {
	return [process.execPath, join(root, "dist/bin/bale.js"), ...args];
}

/** A file of `programs/`. */
export function program(name) {
	return join(root, "bench/programs", name);
}
