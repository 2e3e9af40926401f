import { entryEquals } from "./entry.ts";
import { compareLogicalKeys } from "./logical-key.ts";
import type { Tree } from "./tree.ts";

/** Logical keys that differ between two trees, each list in walk order. */
export type TreeDiff = {
	readonly added: string[];
	readonly modified: string[];
	readonly deleted: string[];
};

/**
 * What changed from one tree to the other. Modified: size, hash or metadata of the entry differ;
 * physical keys and metadata of directories do not count.
 */
export function diffTrees(from: Tree, to: Tree): TreeDiff {
	const diff: TreeDiff = { added: [], modified: [], deleted: [] };
	const left = from.walk();
	const right = to.walk();
	let a = left.next();
	let b = right.next();
	while (a.done !== true || b.done !== true) {
		const order = a.done === true ? 1 : b.done === true ? -1 : compareLogicalKeys(a.value[0], b.value[0]);
		if (order < 0 && a.done !== true) {
			diff.deleted.push(a.value[0]);
			a = left.next();
		} else if (order > 0 && b.done !== true) {
			diff.added.push(b.value[0]);
			b = right.next();
		} else if (a.done !== true && b.done !== true) {
			if (!entryEquals(a.value[1], b.value[1])) diff.modified.push(a.value[0]);
			a = left.next();
			b = right.next();
		}
	}
	return diff;
}
