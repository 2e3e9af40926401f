import { Package, type PackageEntry } from "./client.ts";

/** Whether a node of a package is a directory of it. */
export function isPackage(node: Package | PackageEntry): node is Package {
	return node instanceof Package;
}

/** The top hash of a package, or null where hashes are missing. */
export function topHashOf(pkg: Package): string | null {
	try {
		return pkg.topHash;
	} catch {
		return null;
	}
}

/** Files and bytes of a package, as far as the manifest has sizes. */
export function totals(pkg: Package): { readonly files: number; readonly bytes: number } {
	let files = 0;
	let bytes = 0;
	for (const [, entry] of pkg.walk()) {
		files++;
		bytes += entry.size ?? 0;
	}
	return { files, bytes };
}
