/** The repository that the tests belong to. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Absolute path of the repository. */
export const root = join(import.meta.dirname, "../..");

const generated = new Set(["node_modules", "dist", ".git", ".tools", ".bale-demo", "coverage"]);

/** Paths of all files of the repository that are written by hand, relative to it, with `/`. */
export function repositoryFiles(below = ""): string[] {
	return readdirSync(join(root, below), { recursive: false, withFileTypes: true }).flatMap((item) => {
		const path = below === "" ? item.name : `${below}/${item.name}`;
		if (generated.has(item.name)) return [];
		return item.isDirectory() ? repositoryFiles(path) : [path];
	});
}

/** Text of a file of the repository. */
export function readRepositoryFile(path: string): string {
	return readFileSync(join(root, path), "utf8");
}
