import { display } from "../core/display.ts";
import { compareNames } from "../core/logical-key.ts";
import { Directory, type Tree } from "../core/tree.ts";

/** The tree as indented text, directories with a slash, at most `maxLines` lines. */
export function formatTree(tree: Tree, maxLines: number): string {
	const lines: string[] = [];
	/** False: there are more lines than may be shown. */
	const visit = (at: Tree, depth: number): boolean => {
		const children = [...at.children()].sort(([a], [b]) => compareNames(a, b));
		for (const [name, child] of children) {
			if (lines.length >= maxLines) return false;
			const isDirectory = child instanceof Directory;
			lines.push(`${"  ".repeat(depth)}${display(name)}${isDirectory ? "/" : ""}`);
			if (isDirectory && !visit(at.subtree(name), depth + 1)) return false;
		}
		return true;
	};
	const complete = visit(tree, 0);
	if (lines.length === 0) return "(empty)";
	return !complete ? [...lines, "…"].join("\n") : lines.join("\n");
}
