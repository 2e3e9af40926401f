/** Which key of a registry holds what. Rules: `docs/format.md`, Registry layout. */
import type { PackageName } from "./names.ts";
import type { TopHash } from "./top-hash.ts";

const packagesPrefix = ".quilt/packages/";
const namesPrefix = ".quilt/named_packages/";
const objectsPrefix = ".bale/objects/";
const authorsPrefix = ".bale/authors/";

/** Keys below the root of a registry (layout version 1 of quilt3, and bale's own side). */
export const layout = {
	/** All manifests, whatever their package, begin so. */
	packagesPrefix,
	/** All pointers begin so. */
	namesPrefix,
	/** All files that could not be put at their usual place begin so. */
	objectsPrefix,
	/** All records of authors begin so. */
	authorsPrefix,
	workflowConfig: ".quilt/workflows/config.yml",
	manifest(topHash: TopHash): string {
		return packagesPrefix + topHash;
	},
	/** The pointers of one package begin so; ends in `/`. */
	pointerPrefix(name: PackageName): string {
		return `${namesPrefix}${name}/`;
	},
	latest(name: PackageName): string {
		return `${namesPrefix}${name}/latest`;
	},
	/** `seconds` since the epoch; a fraction is cut off. */
	timestamp(name: PackageName, seconds: number): string {
		return `${namesPrefix}${name}/${Math.floor(seconds)}`;
	},
	/**
	 * Where a store that keeps no versions holds a file's bytes, so that later pushes cannot replace
	 * them: named by the first 16 digits of the content's SHA-256.
	 */
	object(name: PackageName, sha256Hex: string, logicalKey: string): string {
		return `${objectsPrefix}${name}/${sha256Hex.slice(0, 16)}/${logicalKey}`;
	},
	/** Who wrote a timestamp pointer, and which revision it named. */
	author(name: PackageName, pointer: string): string {
		return `${authorsPrefix}${name}/${pointer}`;
	},
} as const;
