/**
 * Regular expressions of Python, matched in bounded time: the patterns are a registry's, so one must be able to hang
 * nobody. Each fork of a pattern is tried at most once at each position, so time grows with pattern times text. Where
 * that cannot be (what groups matched decides, or a part is tried on its own), steps are counted.
 */
import { parsePattern } from "./pattern-parse.ts";
import { compileProgram, type Instruction, type Program } from "./pattern-program.ts";
import { patternError } from "./pattern-source.ts";
import type { Place } from "./pattern-syntax.ts";

/** Steps that matching may still take; shared by everything that is checked together. */
export type Budget = { steps: number };

/** Some seconds of work for all texts of one check together. */
export function newBudget(): Budget {
	return { steps: 200_000_000 };
}

/** What preparing a search costs, and an instruction when a pattern is made, in steps. */
const stepsOfSearch = 50;
const stepsOfInstruction = 20;

/** Steps for one text, and for each of its characters. */
const stepsOfOne = 3_000_000;
const stepsOfCharacter = 200;

/** Bits that remember which fork was tried where: 32 MiB. */
const mostTries = 2 ** 28;

export class Pattern {
	readonly text: string;
	readonly #program: Program;

	/** Throws `InvalidWorkflow` for what Python refuses, and for what is too large. */
	constructor(text: string, budget: Budget = newBudget()) {
		this.text = text;
		if (budget.steps < 0) throw patternError(text, "it stands among too many");
		this.#program = compileProgram(parsePattern(text), text);
		budget.steps -= this.#program.instructions.length * stepsOfInstruction;
	}

	/**
	 * Whether the pattern matches anywhere in `subject` (Python: `re.search`). Throws `InvalidWorkflow` when that
	 * takes too many steps.
	 */
	search(subject: string, budget: Budget = newBudget()): boolean {
		const characters = Array.from(subject, (character) => character.codePointAt(0) ?? 0);
		const limit = Math.min(budget.steps, stepsOfOne + stepsOfCharacter * characters.length);
		const run = new Run(this.#program, characters, limit, this.text);
		try {
			return run.search();
		} finally {
			budget.steps -= run.steps + stepsOfSearch + (characters.length >>> 2);
		}
	}
}

type Registers = readonly number[];
type Thread = { readonly address: number; readonly position: number; readonly registers: Registers };

class Run {
	steps = 0;
	readonly #instructions: readonly Instruction[];
	readonly #program: Program;
	readonly #characters: readonly number[];
	readonly #limit: number;
	readonly #text: string;

	constructor(program: Program, characters: readonly number[], limit: number, text: string) {
		this.#program = program;
		this.#instructions = program.instructions;
		this.#characters = characters;
		this.#limit = limit;
		this.#text = text;
	}

	search(): boolean {
		const { forks, registers, remembers } = this.#program;
		const none: Registers = remembers ? new Array<number>(registers).fill(-1) : [];
		const tried = remembers ? undefined : this.#newTries(forks * (this.#characters.length + 1));
		for (let position = 0; position <= this.#characters.length; position += 1) {
			if (this.#run({ address: 0, position, registers: none }, tried) !== undefined) return true;
		}
		return false;
	}

	#newTries(count: number): Tries {
		if (count > mostTries) throw this.#tooLong();
		const words = new Uint32Array((count + 31) >>> 5);
		return (index) => {
			const bit = 1 << (index & 31);
			const word = words[index >>> 5] ?? 0;
			words[index >>> 5] = word | bit;
			return (word & bit) === 0;
		};
	}

	/** The first way from a thread to `done`; `tried` must be of this call or of such that found none. */
	#run(start: Thread, tried: Tries | undefined): Thread | undefined {
		const waiting: Thread[] = [start];
		for (let thread = waiting.pop(); thread !== undefined; thread = waiting.pop()) {
			const end = this.#follow(thread, waiting, tried);
			if (end !== undefined) return end;
		}
		return undefined;
	}

	/** Follows one thread until it fails or is done; other ways are left in `waiting`. */
	#follow(thread: Thread, waiting: Thread[], tried: Tries | undefined): Thread | undefined {
		let { address, position, registers } = thread;
		for (;;) {
			this.steps += 1;
			if (this.steps > this.#limit) throw this.#tooLong();
			const instruction = this.#instructions[address] as Instruction;
			address += 1;
			switch (instruction.kind) {
				case "character": {
					const code = this.#characters[position];
					if (code === undefined || !instruction.matches(code)) return undefined;
					position += 1;
					break;
				}
				case "place":
					if (!this.#isAt(instruction.place, position, instruction.isWord)) return undefined;
					break;
				case "fork":
					if (tried?.(position * this.#program.forks + instruction.index) === false) return undefined;
					waiting.push({ address: instruction.second, position, registers });
					address = instruction.first;
					break;
				case "jump":
					address = instruction.to;
					break;
				case "done":
					return { address, position, registers };
				case "save":
					registers = registers.with(instruction.register, position);
					break;
				case "close": {
					const { register, beginning } = instruction;
					registers = registers.with(register, registers[beginning] ?? -1).with(register + 1, position);
					break;
				}
				case "clear":
					registers = registers.with(instruction.register, -1);
					break;
				case "progress":
					if (registers[instruction.register] === position) return undefined;
					registers = registers.with(instruction.register, position);
					break;
				case "look": {
					const from = position - (instruction.behind ?? 0);
					const found = from < 0 ? undefined : this.#alone({ address, position: from, registers });
					if ((found === undefined) !== instruction.negated) return undefined;
					if (found !== undefined) ({ registers } = found);
					address = instruction.next;
					break;
				}
				case "atomic": {
					const found = this.#alone({ address, position, registers });
					if (found === undefined) return undefined;
					({ position, registers } = found);
					address = instruction.next;
					break;
				}
				case "reference": {
					const [from = -1, to = -1] = registers.slice(instruction.register, instruction.register + 2);
					if (from < 0 || to < 0) return undefined;
					for (let i = from; i < to; i += 1, position += 1) {
						this.steps += 1;
						const [code, other] = [this.#characters[position], this.#characters[i]];
						if (code === undefined || other === undefined || !instruction.same(other, code)) return undefined;
					}
					break;
				}
				case "condition":
					if ((registers[instruction.register + 1] ?? -1) < 0) address = instruction.no;
			}
		}
	}

	/** A part that is tried on its own; what failed in it before tells nothing, since it ends elsewhere. */
	#alone(thread: Thread): Thread | undefined {
		const seen = new Set<number>();
		const tried = (index: number): boolean => seen.size < seen.add(index).size;
		return this.#run(thread, this.#program.remembers ? undefined : tried);
	}

	#isAt(place: Place, position: number, isWord: (code: number) => boolean): boolean {
		const characters = this.#characters;
		const last = characters.length;
		switch (place) {
			case "start":
				return position === 0;
			case "line-start":
				return position === 0 || characters[position - 1] === 10;
			case "end":
				return position === last;
			case "last-line-end":
				return position === last || (position === last - 1 && characters[position] === 10);
			case "line-end":
				return position === last || characters[position] === 10;
			case "word-edge":
			case "no-word-edge": {
				// In an empty text Python finds neither.
				if (last === 0) return false;
				const [before, after] = [characters[position - 1], characters[position]];
				const edge = (before !== undefined && isWord(before)) !== (after !== undefined && isWord(after));
				return edge === (place === "word-edge");
			}
		}
	}

	#tooLong(): Error {
		return patternError(this.#text, "matching takes too many steps");
	}
}

/** Notes a fork at a position; false when it was tried before. */
type Tries = (index: number) => boolean;
