/** Whether a package's files are where the registry is, and which are not. */
import type { Tree } from "../core/tree.ts";
import type { Registry } from "../registry/registry.ts";
import type { OnProgress } from "../transfer/events.ts";
import type { ClientEntry } from "./origin.ts";
import { isInside } from "./prepare.ts";

/** So many keys the sentence of the warning names; its details list more, for programs. */
const namedKeys = 10;
const listedKeys = 10_000;

/** Whether every physical key lies in the registry: in its bucket, or below its directory. */
export function isMaterialized(tree: Tree, registry: Registry): boolean {
	const { root } = registry.store;
	for (const [, entry] of tree.walk() as Iterable<[string, ClientEntry]>) {
		if (entry.content !== undefined || !isInside(root, entry.physicalKey)) return false;
	}
	return true;
}

/**
 * Warns (`LocalFiles`) of files of this machine in a package for a bucket: others can read the bucket's manifest, but
 * not what it names. `details`: the `registry`, the `count` of these files, and their first 10,000 `keys`.
 */
export function warnOfLocalFiles(tree: Tree, registry: Registry, onProgress: OnProgress | undefined): void {
	if (onProgress === undefined || registry.store.root.kind !== "s3") return;
	const keys: string[] = [];
	let count = 0;
	for (const [key, entry] of tree.walk()) {
		if (entry.physicalKey.kind !== "file") continue;
		count += 1;
		if (keys.length < listedKeys) keys.push(key);
	}
	if (count === 0) return;
	const names = keys.slice(0, namedKeys);
	const named = names.map((key) => JSON.stringify(key)).join(", ");
	const more = count > names.length ? ` and ${count - names.length} more` : "";
	const subject = count === 1 ? "1 file of the package is" : `${count} files of the package are`;
	onProgress({
		kind: "warning",
		code: "LocalFiles",
		message: `${subject} on this machine only, and nobody else can read them: ${named}${more}. Push the package to copy them to ${registry.location}`,
		details: { registry: registry.location, count, keys },
	});
}
