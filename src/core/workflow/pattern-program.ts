/** A pattern as instructions for `pattern.ts`. */
import type { CharacterTest } from "./pattern-characters.ts";
import { patternError } from "./pattern-source.ts";
import { widthOf, type Pattern, type PatternNode, type Place } from "./pattern-syntax.ts";

/** What is done at one address; afterwards the next address, unless said otherwise. */
export type Instruction =
	| { readonly kind: "character"; readonly matches: CharacterTest }
	| { readonly kind: "place"; readonly place: Place; readonly isWord: CharacterTest }
	/** Tries `first`, then `second`; `index` counts the forks of a program. */
	| { readonly kind: "fork"; first: number; second: number; readonly index: number }
	| { readonly kind: "jump"; to: number }
	| { readonly kind: "done" }
	/** Keeps the position in a register. */
	| { readonly kind: "save"; readonly register: number }
	/** A group ends here: keeps where it began and where it ended, in `register` and the next one. */
	| { readonly kind: "close"; readonly register: number; readonly beginning: number }
	/** Forgets the position of a register. */
	| { readonly kind: "clear"; readonly register: number }
	/** Fails where the register holds the position already, otherwise keeps it: an empty round of a loop is the last. */
	| { readonly kind: "progress"; readonly register: number }
	/** Runs the instructions after it up to their `done` on their own, then goes on at `next`. */
	| {
			readonly kind: "look";
			readonly behind: number | undefined;
			readonly negated: boolean;
			next: number;
	  }
	| { readonly kind: "atomic"; next: number }
	| {
			readonly kind: "reference";
			readonly register: number;
			readonly same: (a: number, b: number) => boolean;
	  }
	| { readonly kind: "condition"; readonly register: number; no: number };

export type Program = {
	readonly instructions: readonly Instruction[];
	readonly registers: number;
	readonly forks: number;
	/** What was matched before decides what follows: a group that is referred to, or an empty round of a loop. */
	readonly remembers: boolean;
};

/** Counted repetitions are written out, so there must be an end. */
const mostInstructions = 100_000;

/** Throws `InvalidWorkflow` when the pattern needs more than 100,000 instructions. */
export function compileProgram(pattern: Pattern, text: string): Program {
	const writer = new Writer(text, pattern.groups, remembers(pattern.root));
	writer.write(pattern.root);
	writer.add({ kind: "done" });
	return {
		instructions: writer.instructions,
		registers: writer.registers,
		forks: writer.forks,
		remembers: writer.remembers,
	};
}

/**
 * In a part that is not entered again (`once`) its first end alone counts, so a loop must be left after an empty round
 * as Python leaves it. Elsewhere all ends are tried in some order.
 */
function remembers(node: PatternNode, once = false): boolean {
	switch (node.kind) {
		case "reference":
		case "condition":
			return true;
		case "sequence":
		case "choice":
			return node.nodes.some((part) => remembers(part, once));
		case "repeat": {
			const atomic = once || node.mode === "possessive";
			return remembers(node.node, atomic) || (atomic && widthOf(node.node, new Map())[0] === 0);
		}
		case "group":
			return remembers(node.node, once);
		case "atomic":
			return remembers(node.node, true);
		case "look":
			return remembers(node.node);
		case "character":
		case "place":
			return false;
	}
}

class Writer {
	readonly instructions: Instruction[] = [];
	/** Two for each group: where it began and ended; then one for each loop. */
	registers: number;
	forks = 0;
	readonly remembers: boolean;
	readonly #text: string;

	constructor(text: string, groups: number, remembering: boolean) {
		this.#text = text;
		this.remembers = remembering;
		this.registers = 2 * (groups + 1);
	}

	add<I extends Instruction>(instruction: I): I {
		if (this.instructions.length >= mostInstructions) {
			throw patternError(this.#text, "its repetitions are too many");
		}
		this.instructions.push(instruction);
		return instruction;
	}

	write(node: PatternNode): void {
		switch (node.kind) {
			case "character":
			case "place":
				this.add(node);
				break;
			case "sequence":
				for (const part of node.nodes) this.write(part);
				break;
			case "choice":
				this.#choice(node.nodes);
				break;
			case "repeat":
				this.#repeat(node);
				break;
			case "group":
				this.#group(node.node, node.index);
				break;
			case "atomic":
			case "look": {
				const own: Instruction & { next: number } = this.add({ ...node, next: 0 });
				this.write(node.node);
				this.add({ kind: "done" });
				own.next = this.instructions.length;
				break;
			}
			case "reference":
				this.add({ kind: "reference", register: 2 * node.group, same: node.same });
				break;
			case "condition": {
				const condition = this.add({ kind: "condition", register: 2 * node.group, no: 0 });
				this.write(node.yes);
				const end = this.add({ kind: "jump", to: 0 });
				condition.no = this.instructions.length;
				this.write(node.no);
				end.to = this.instructions.length;
			}
		}
	}

	#fork(): Instruction & { first: number; second: number } {
		return this.add({ kind: "fork", first: 0, second: 0, index: this.forks++ });
	}

	#choice(nodes: readonly PatternNode[]): void {
		const ends: { to: number }[] = [];
		for (const [i, node] of nodes.entries()) {
			const fork = i + 1 < nodes.length ? this.#fork() : undefined;
			if (fork) fork.first = this.instructions.length;
			this.write(node);
			if (!fork) continue;
			ends.push(this.add({ kind: "jump", to: 0 }));
			fork.second = this.instructions.length;
		}
		for (const end of ends) end.to = this.instructions.length;
	}

	#repeat(node: PatternNode & { readonly kind: "repeat" }): void {
		if (node.mode === "possessive") {
			// Each round that must be is final on its own; of the others only their end is looked for.
			const { node: round, least, most } = node;
			for (let i = 0; i < least; i += 1) this.write({ kind: "atomic", node: round });
			this.write({ kind: "atomic", node: { ...node, least: 0, most: most - least, mode: "greedy" } });
			return;
		}
		const before = this.instructions.length;
		for (let i = 0; i < node.least; i += 1) {
			this.write(node.node);
			// What takes no instruction takes none however often it is repeated.
			if (this.instructions.length === before) return;
		}
		const register = this.registers;
		this.registers += 1;
		if (this.remembers) this.add({ kind: "clear", register });
		const exits: (Instruction & { first: number; second: number })[] = [];
		const rounds = node.most === Infinity ? 1 : node.most - node.least;
		for (let i = 0; i < rounds; i += 1) {
			const start = this.instructions.length;
			const fork = this.#fork();
			exits.push(fork);
			fork.first = this.instructions.length;
			if (this.remembers) this.add({ kind: "progress", register });
			this.write(node.node);
			if (node.most === Infinity) this.add({ kind: "jump", to: start });
		}
		for (const fork of exits) {
			fork.second = this.instructions.length;
			if (node.mode === "lazy") [fork.first, fork.second] = [fork.second, fork.first];
		}
	}

	#group(node: PatternNode, index: number | undefined): void {
		const keeps = this.remembers && index !== undefined;
		// The beginning is only believed once the end is known, so it waits in a register of its own.
		const beginning = this.registers;
		if (keeps) {
			this.registers += 1;
			this.add({ kind: "save", register: beginning });
		}
		this.write(node);
		if (keeps) this.add({ kind: "close", register: 2 * index, beginning });
	}
}
