/** What a pattern is made of, once it is read. */
import type { CharacterTest } from "./pattern-characters.ts";

/** A place that a pattern asks for without taking a character. */
export type Place =
	"start" | "line-start" | "end" | "last-line-end" | "line-end" | "word-edge" | "no-word-edge";

export type PatternNode =
	| { readonly kind: "character"; readonly matches: CharacterTest }
	| { readonly kind: "place"; readonly place: Place; readonly isWord: CharacterTest }
	| { readonly kind: "sequence"; readonly nodes: readonly PatternNode[] }
	| { readonly kind: "choice"; readonly nodes: readonly PatternNode[] }
	| {
			readonly kind: "repeat";
			readonly node: PatternNode;
			readonly least: number;
			readonly most: number;
			readonly mode: "greedy" | "lazy" | "possessive";
	  }
	/** `index`: which group it is; undefined: it only holds together. */
	| { readonly kind: "group"; readonly node: PatternNode; readonly index: number | undefined }
	| { readonly kind: "atomic"; readonly node: PatternNode }
	| {
			readonly kind: "look";
			readonly node: PatternNode;
			/** Characters to go back; undefined: it looks ahead. */
			readonly behind: number | undefined;
			readonly negated: boolean;
	  }
	| { readonly kind: "reference"; readonly group: number; readonly same: (a: number, b: number) => boolean }
	| {
			readonly kind: "condition";
			readonly group: number;
			readonly yes: PatternNode;
			readonly no: PatternNode;
	  };

export type Pattern = { readonly root: PatternNode; readonly groups: number };

/** Least and greatest number of characters that a node takes. Python: `SubPattern.getwidth`. */
export function widthOf(node: PatternNode, groups: ReadonlyMap<number, Width>): Width {
	switch (node.kind) {
		case "character":
			return [1, 1];
		case "place":
		case "look":
			return [0, 0];
		case "sequence": {
			const widths = node.nodes.map((part) => widthOf(part, groups));
			return [sum(widths.map(([least]) => least)), sum(widths.map(([, most]) => most))];
		}
		case "choice": {
			const widths = node.nodes.map((part) => widthOf(part, groups));
			return [Math.min(...widths.map(([least]) => least)), Math.max(...widths.map(([, most]) => most))];
		}
		case "repeat": {
			const [least, most] = widthOf(node.node, groups);
			return [least * node.least, most === 0 ? 0 : most * node.most];
		}
		case "group":
		case "atomic":
			return widthOf(node.node, groups);
		case "reference":
			return groups.get(node.group) ?? [0, Infinity];
		case "condition": {
			const [yes, no] = [widthOf(node.yes, groups), widthOf(node.no, groups)];
			return [Math.min(yes[0], no[0]), Math.max(yes[1], no[1])];
		}
	}
}

export type Width = readonly [least: number, most: number];

function sum(values: readonly number[]): number {
	return values.reduce((a, b) => a + b, 0);
}
