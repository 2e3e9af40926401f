/** Regular expressions as Python's `re` reads them. Source of the rules: CPython 3.11, `Lib/re/_parser.py`. */
import { caseVariants, isWord } from "./pattern-characters.ts";
import { readEscape, readSet, sameCharacter } from "./pattern-set.ts";
import { PatternSource } from "./pattern-source.ts";
import { widthOf, type Pattern, type PatternNode, type Place, type Width } from "./pattern-syntax.ts";

/** What letters such as `i` in `(?i)` switch on. */
export type Flags = {
	readonly ignoreCase: boolean;
	readonly multiline: boolean;
	readonly dotAll: boolean;
	readonly verbose: boolean;
	readonly ascii: boolean;
};

/** Throws `InvalidWorkflow` for what Python refuses, and for names of characters and more than 100 levels of groups. */
export function parsePattern(text: string): Pattern {
	const flags = { ignoreCase: false, multiline: false, dotAll: false, verbose: false, ascii: false };
	const parser = new Parser(text, flags);
	try {
		return parser.parse();
	} catch (error) {
		if (error !== verboseFound) throw error;
		return new Parser(text, { ...flags, verbose: true }).parse();
	}
}

/** Thrown when a pattern turns out to be verbose as a whole: it is read anew then, since space before counted. */
const verboseFound = new Error("verbose");

const deepest = 100;

class Parser {
	readonly #source: PatternSource;
	#flags: Flags;
	#groups = 0;
	readonly #names = new Map<string, number>();
	/** Of the groups that are closed. */
	readonly #widths = new Map<number, Width>();
	/** Groups with a higher number stand in the lookbehind that is being read. */
	#groupsBeforeLookbehind: number | undefined;
	readonly #conditions: number[] = [];

	constructor(text: string, flags: Flags) {
		this.#source = new PatternSource(text);
		this.#flags = flags;
	}

	parse(): Pattern {
		const root = this.#choice(this.#flags, 0);
		if (this.#source.next !== undefined) throw this.#source.error('a ")" closes nothing');
		for (const group of this.#conditions) this.#demandGroup(group <= this.#groups, group);
		return { root, groups: this.#groups };
	}

	#choice(flags: Flags, depth: number): PatternNode {
		if (depth > deepest) throw this.#source.error(`its groups are nested more than ${deepest} levels deep`);
		const nodes: PatternNode[] = [];
		do nodes.push(this.#sequence(flags, depth, depth === 0 && nodes.length === 0));
		while (this.#source.accept("|"));
		const [only] = nodes;
		return nodes.length === 1 && only !== undefined ? only : { kind: "choice", nodes };
	}

	/** `first`: flags for the whole pattern may stand at its beginning. */
	#sequence(given: Flags, depth: number, first: boolean): PatternNode {
		const source = this.#source;
		const nodes: PatternNode[] = [];
		for (;;) {
			// Flags for the whole pattern can only have come before everything else.
			const flags = depth === 0 ? this.#flags : given;
			const token = source.next;
			if (token === undefined || token === "|" || token === ")") break;
			source.take();
			if (flags.verbose && /^[ \t\n\r\f\v]$/.test(token)) continue;
			if (flags.verbose && token === "#") {
				for (let t = source.take(); t !== undefined && t !== "\n";) t = source.take();
				continue;
			}
			if (token === "*" || token === "+" || token === "?" || token === "{") {
				this.#repeat(token, nodes, flags);
			} else if (token === "(") {
				const group = this.#group(flags, depth, first && nodes.length === 0);
				if (group !== undefined) nodes.push(group);
			} else {
				nodes.push(this.#single(token, flags));
			}
		}
		return { kind: "sequence", nodes };
	}

	#single(token: string, flags: Flags): PatternNode {
		switch (token) {
			case "[":
				return { kind: "character", matches: readSet(this.#source, flags) };
			case ".":
				return { kind: "character", matches: flags.dotAll ? () => true : (code) => code !== 10 };
			case "^":
				return place(flags.multiline ? "line-start" : "start", flags);
			case "$":
				return place(flags.multiline ? "line-end" : "last-line-end", flags);
		}
		if (!token.startsWith("\\")) return literal(token.codePointAt(0) ?? 0, flags);
		const edge = places.get(token);
		if (edge !== undefined) return place(edge, flags);
		const group = /^\\[1-9]$/.test(token) ? this.#numberedGroup(token) : undefined;
		if (group !== undefined) return this.#reference(group, flags);
		const escape = readEscape(this.#source, token, flags, "outside");
		return typeof escape === "number" ? literal(escape, flags) : { kind: "character", matches: escape };
	}

	/** The group that `\1` to `\99` names; undefined for three octal digits, which are a character. */
	#numberedGroup(token: string): number | undefined {
		const source = this.#source;
		const start = source.position;
		const second = source.takeWhile(/[0-9]/, 1);
		if (second === "") return Number(token[1]);
		if (/[0-7]{2}/.test((token[1] ?? "") + second) && /^[0-7]$/.test(source.next ?? "")) {
			source.seek(start);
			return undefined;
		}
		return Number((token[1] ?? "") + second);
	}

	#reference(group: number, flags: Flags): PatternNode {
		this.#demandGroup(group <= this.#groups, group);
		this.#demandClosed(group);
		this.#demandOutsideLookbehind(group);
		return { kind: "reference", group, same: sameCharacter(flags) };
	}

	#demandGroup(exists: boolean, group: number | string): void {
		if (!exists) throw this.#source.error(`there is no group ${group} where it refers to it`);
	}

	#demandClosed(group: number): void {
		if (!this.#widths.has(group)) throw this.#source.error(`it refers to the group ${group} inside of it`);
	}

	#demandOutsideLookbehind(group: number): void {
		if (this.#groupsBeforeLookbehind === undefined) return;
		this.#demandClosed(group);
		if (group <= this.#groupsBeforeLookbehind) return;
		throw this.#source.error(`it refers to the group ${group} in the same lookbehind`);
	}

	/** Makes the last of `nodes` a repetition; a `{` that begins none is a character. */
	#repeat(token: string, nodes: PatternNode[], flags: Flags): void {
		const source = this.#source;
		const counts = token === "{" ? this.#counts() : simpleCounts[token];
		if (counts === undefined) {
			nodes.push(literal(0x7b, flags));
			return;
		}
		const node = nodes.pop();
		if (node === undefined || node.kind === "place") throw source.error(`nothing stands before "${token}"`);
		if (node.kind === "repeat") throw source.error("a repetition is repeated");
		const [least, most] = counts;
		const mode = source.accept("?") ? "lazy" : source.accept("+") ? "possessive" : "greedy";
		nodes.push({ kind: "repeat", node, least, most, mode });
	}

	/** After `{`. */
	#counts(): readonly [number, number] | undefined {
		const source = this.#source;
		const start = source.position;
		if (source.next === "}") return undefined;
		const low = source.takeWhile(/[0-9]/);
		const high = source.accept(",") ? source.takeWhile(/[0-9]/) : low;
		if (!source.accept("}")) {
			source.seek(start);
			return undefined;
		}
		const least = low === "" ? 0 : Number(low);
		const most = high === "" ? Infinity : Number(high);
		if (Math.max(least, most === Infinity ? 0 : most) >= 0xffff_ffff)
			throw source.error("a count is too large");
		if (most < least) throw source.error("a greatest count is less than the least");
		return [least, most];
	}

	/** After `(`; undefined for what is no part of the pattern: comments, and flags for the whole. */
	#group(flags: Flags, depth: number, first: boolean): PatternNode | undefined {
		const source = this.#source;
		if (!source.accept("?")) return this.#capture(undefined, flags, depth);
		const kind = source.take();
		switch (kind) {
			case "P":
				if (source.accept("<")) return this.#capture(this.#name(">"), flags, depth);
				if (source.accept("=")) return this.#reference(this.#named(this.#name(")")), flags);
				break;
			case ":":
				return { kind: "group", node: this.#body(flags, depth), index: undefined };
			case ">":
				return { kind: "atomic", node: this.#body(flags, depth) };
			case "#":
				while (!source.accept(")")) {
					if (source.take() === undefined) throw source.error("a comment has no end");
				}
				return undefined;
			case "=":
			case "!":
				return { kind: "look", node: this.#body(flags, depth), behind: undefined, negated: kind === "!" };
			case "<": {
				const sign = source.take();
				if (sign === "=" || sign === "!") return this.#lookbehind(sign === "!", flags, depth);
				break;
			}
			case "(":
				return this.#condition(flags, depth);
			default:
				if (kind !== undefined && /^[-a-zA-Z]$/.test(kind)) {
					const changed = this.#readFlags(kind, flags, first);
					return changed && { kind: "group", node: this.#body(changed, depth), index: undefined };
				}
		}
		throw source.error(`Python knows no group that begins with "(?${kind ?? ""}"`);
	}

	#body(flags: Flags, depth: number): PatternNode {
		const node = this.#choice(flags, depth + 1);
		if (!this.#source.accept(")")) throw this.#source.error('a ")" is missing');
		return node;
	}

	#capture(name: string | undefined, flags: Flags, depth: number): PatternNode {
		const index = (this.#groups += 1);
		if (name !== undefined) {
			if (this.#names.has(name)) throw this.#source.error(`two groups are called "${name}"`);
			this.#names.set(name, index);
		}
		const node = this.#body(flags, depth);
		this.#widths.set(index, widthOf(node, this.#widths));
		return { kind: "group", node, index };
	}

	#name(end: string): string {
		const name = this.#source.takeUntil(end, "the name of a group");
		if (!isIdentifier(name)) throw this.#source.error(`"${name}" cannot be the name of a group`);
		return name;
	}

	#named(name: string): number {
		const group = this.#names.get(name);
		this.#demandGroup(group !== undefined, `"${name}"`);
		return group ?? 0;
	}

	#lookbehind(negated: boolean, flags: Flags, depth: number): PatternNode {
		const outermost = this.#groupsBeforeLookbehind === undefined;
		this.#groupsBeforeLookbehind ??= this.#groups;
		const node = this.#body(flags, depth);
		if (outermost) this.#groupsBeforeLookbehind = undefined;
		const [least, most] = widthOf(node, this.#widths);
		if (least !== most) throw this.#source.error("a lookbehind can match texts of different lengths");
		return { kind: "look", node, behind: least, negated };
	}

	#condition(flags: Flags, depth: number): PatternNode {
		const source = this.#source;
		const name = source.takeUntil(")", "the name of a group");
		const isName = isIdentifier(name);
		if (!isName && !/^\d+$/.test(name)) throw source.error(`"${name}" cannot be the name of a group`);
		const group = isName ? this.#named(name) : Number(name);
		this.#demandGroup(group !== 0, group);
		this.#conditions.push(group);
		this.#demandOutsideLookbehind(group);
		const yes = this.#sequence(flags, depth + 1, false);
		const no = source.accept("|") ? this.#sequence(flags, depth + 1, false) : emptyNode;
		if (source.next === "|") throw source.error("a condition has more than two branches");
		if (!source.accept(")")) throw source.error('a ")" is missing');
		return { kind: "condition", group, yes, no };
	}

	/** After `(?` and the first letter; undefined when the flags are for the whole pattern. */
	#readFlags(firstLetter: string, flags: Flags, first: boolean): Flags | undefined {
		const source = this.#source;
		const [on, off] = ["", ""].map(() => new Set<string>());
		let letter: string | undefined = firstLetter;
		let adding = true;
		for (; letter !== ":" && letter !== ")"; letter = source.take()) {
			if (letter === "-" && adding) {
				adding = false;
				continue;
			}
			if (letter === undefined || !/^[aimsux]$/.test(letter)) {
				throw source.error(`"${letter ?? ""}" is no flag that a text can have`);
			}
			if (!adding && /[au]/.test(letter)) throw source.error(`the flag "${letter}" cannot be switched off`);
			(adding ? on : off)?.add(letter);
		}
		if (on === undefined || off === undefined) return undefined;
		if (on.has("a") && on.has("u")) throw source.error('the flags "a" and "u" exclude each other');
		if (!adding && off.size === 0) throw source.error('a flag is missing after "-"');
		if ([...off].some((flag) => on.has(flag))) throw source.error("a flag is switched on and off");
		const changed = changeFlags(flags, on, off);
		if (letter === ":") return changed;
		if (!adding) throw source.error('a ":" is missing after flags');
		if (!first) throw source.error("flags for the whole pattern do not stand at its beginning");
		if (changed.verbose && !this.#flags.verbose) throw verboseFound;
		this.#flags = changed;
		return undefined;
	}
}

const emptyNode: PatternNode = { kind: "sequence", nodes: [] };

const simpleCounts: { readonly [token: string]: readonly [number, number] } = {
	"*": [0, Infinity],
	"+": [1, Infinity],
	"?": [0, 1],
};

const places: ReadonlyMap<string, Place> = new Map([
	["\\A", "start"],
	["\\Z", "end"],
	["\\b", "word-edge"],
	["\\B", "no-word-edge"],
]);

function place(name: Place, flags: Flags): PatternNode {
	return { kind: "place", place: name, isWord: isWord(flags.ascii) };
}

function literal(code: number, flags: Flags): PatternNode {
	if (!flags.ignoreCase) return { kind: "character", matches: (other) => other === code };
	const variants = new Set(caseVariants(code, flags.ascii));
	return { kind: "character", matches: (other) => variants.has(other) };
}

function changeFlags(flags: Flags, on: ReadonlySet<string>, off: ReadonlySet<string>): Flags {
	const change = (letter: string, now: boolean): boolean => (now || on.has(letter)) && !off.has(letter);
	return {
		ignoreCase: change("i", flags.ignoreCase),
		multiline: change("m", flags.multiline),
		dotAll: change("s", flags.dotAll),
		verbose: change("x", flags.verbose),
		ascii: change("a", flags.ascii) && !on.has("u"),
	};
}

/** Python's `str.isidentifier`. */
function isIdentifier(name: string): boolean {
	return /^[\p{XID_Start}_]\p{XID_Continue}*$/u.test(name);
}
