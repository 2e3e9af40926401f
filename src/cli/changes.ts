/** What differs between two revisions, for people. */
import { compareLogicalKeys } from "../core/logical-key.ts";
import type { Package } from "./client.ts";
import type { Output } from "./output.ts";

export type Changes = {
	readonly added: readonly string[];
	readonly modified: readonly string[];
	readonly deleted: readonly string[];
};

/** Whether nothing differs. */
export function isEmpty(changes: Changes): boolean {
	return changes.added.length + changes.modified.length + changes.deleted.length === 0;
}

/** `2 added, 1 changed, 0 removed` */
export function countChanges({ added, modified, deleted }: Changes): string {
	return `${added.length} added, ${modified.length} changed, ${deleted.length} removed`;
}

/** One line per key, marked `+`, `~` or `-`, in the order of the keys. */
export function changeLines(changes: Changes, output: Output): string[] {
	const paint = output.paint.data;
	return mark(changes).map(([key, sign]) => {
		const text = `${sign} ${output.display(key)}`;
		return sign === "+" ? paint.green(text) : sign === "-" ? paint.red(text) : paint.yellow(text);
	});
}

function mark({ added, modified, deleted }: Changes): [key: string, sign: "+" | "~" | "-"][] {
	const lines = [
		...added.map((key) => [key, "+"] as [string, "+"]),
		...modified.map((key) => [key, "~"] as [string, "~"]),
		...deleted.map((key) => [key, "-"] as [string, "-"]),
	];
	return lines.sort(([a], [b]) => compareLogicalKeys(a, b));
}

/** What `after` changes in `before`. */
export function compare(before: Package, after: Package): Changes {
	const { added, modified, deleted } = before.diff(after);
	return { added, modified, deleted };
}
