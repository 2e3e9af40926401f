import { BaleError } from "../errors.ts";

/**
 * The text of a pattern, read token by token: a backslash and the character after it are one token.
 * Tokens are of code points.
 */
export class PatternSource {
	readonly #tokens: readonly string[];
	readonly text: string;
	#index = 0;

	/** Throws `InvalidWorkflow` for a backslash at the end. */
	constructor(text: string) {
		this.text = text;
		const tokens: string[] = [];
		let escaping = false;
		for (const character of text) {
			if (escaping) tokens.push(`\\${character}`);
			else if (character !== "\\") tokens.push(character);
			escaping = !escaping && character === "\\";
		}
		if (escaping) throw patternError(text, "it ends in a backslash");
		this.#tokens = tokens;
	}

	get next(): string | undefined {
		return this.#tokens[this.#index];
	}

	get position(): number {
		return this.#index;
	}

	/** Back to a `position`. */
	seek(position: number): void {
		this.#index = position;
	}

	take(): string | undefined {
		const token = this.next;
		if (token !== undefined) this.#index += 1;
		return token;
	}

	/** Whether `token` is next; it is taken then. */
	accept(token: string): boolean {
		if (this.next !== token) return false;
		this.#index += 1;
		return true;
	}

	/** Up to `count` tokens of these characters. */
	takeWhile(characters: RegExp, count = Infinity): string {
		let taken = "";
		for (let i = 0; i < count; i += 1) {
			const token = this.next;
			if (token?.length !== 1 || !characters.test(token)) break;
			taken += token;
			this.#index += 1;
		}
		return taken;
	}

	/** The text before the next `end`, which is taken, too. */
	takeUntil(end: string, what: string): string {
		let taken = "";
		for (;;) {
			const token = this.take();
			if (token === undefined) throw this.error(`"${end}" is missing after ${what}`);
			if (token === end) break;
			taken += token;
		}
		if (taken === "") throw this.error(`${what} is empty`);
		return taken;
	}

	error(why: string): BaleError {
		return patternError(this.text, why);
	}
}

/** `InvalidWorkflow` about a pattern that cannot be used. */
export function patternError(pattern: string, why: string): BaleError {
	const shown = pattern.length > 200 ? `${pattern.slice(0, 200)}…` : pattern;
	return new BaleError("InvalidWorkflow", `Cannot use the pattern "${shown}": ${why}`, {
		hint: "Write it as a regular expression of Python",
		details: { pattern: shown },
	});
}
