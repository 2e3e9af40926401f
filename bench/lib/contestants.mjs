/** How bale and the programs of this folder are called. */
import { readdirSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { root } from "../../scripts/setup.mjs";

/** The command, as it is installed. */
export function bale(...args) {
	return [process.execPath, join(root, "dist/bin/bale.js"), ...args];
}

/** A file of `programs/`. */
export function program(name) {
	return join(root, "bench/programs", name);
}

/** Removes what earlier runs have remembered of data. What bale has compiled of itself stays, as it does for its users. */
export function forgetData({ XDG_CACHE_HOME: caches, XDG_DATA_HOME: data }) {
	const all = { recursive: true, force: true };
	rmSync(data, all);
	for (const path of [...pathsIn(caches), ...pathsIn(join(caches, "bale"))])
		if (!["bale", "compiled"].includes(basename(path))) rmSync(path, all);
}

function pathsIn(directory) {
	try {
		return readdirSync(directory).map((name) => join(directory, name));
	} catch {
		return [];
	}
}
