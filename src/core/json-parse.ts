import { BaleError } from "./errors.ts";
import { checkDepth, emptyObject, Float, jsonLimits } from "./json-types.ts";
import type { Json } from "./json-types.ts";

/** Text that is not JSON; `offset` counts UTF-16 code units from 0. */
export class JsonSyntaxError extends SyntaxError {
	override readonly name = "JsonSyntaxError";
	readonly offset: number;

	constructor(message: string, offset: number) {
		super(message);
		this.offset = offset;
	}
}

/**
 * Reads JSON text as Python's `json.loads` does: a number with fraction or exponent is a float, every
 * other an exact integer; `NaN`, `Infinity` and `-Infinity` are accepted; of equal keys the last value
 * counts, at the first one's place. Throws `JsonSyntaxError`, or `LimitExceeded` (`jsonLimits`).
 */
export function parseJson(text: string): Json {
	const reader = new JsonReader(text, 0);
	const value = reader.readValue();
	reader.skipBlanks();
	if (reader.offset < text.length) throw new JsonSyntaxError("nothing may follow the value", reader.offset);
	return value;
}

// Sticky patterns: each matches at `lastIndex` or not at all.
const blanks = /[ \t\n\r]*/y;

const plainRun = /[^"\\\0-\x1f]*/y;
const number = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?/y;
const fourHexDigits = /[0-9a-fA-F]{4}/y;

const words = new Map<string, readonly [text: string, value: Json]>([
	["n", ["null", null]],
	["t", ["true", true]],
	["f", ["false", false]],
	["N", ["NaN", new Float(Number.NaN)]],
	["I", ["Infinity", new Float(Number.POSITIVE_INFINITY)]],
]);
const negativeInfinity = new Float(Number.NEGATIVE_INFINITY);
const escapes = new Map([
	['"', '"'],
	["\\", "\\"],
	["/", "/"],
	["b", "\b"],
	["f", "\f"],
	["n", "\n"],
	["r", "\r"],
	["t", "\t"],
]);

/** An array or object that is being read. */
type Frame = Json[] | { readonly object: Map<string, Json>; key: string };

/** Reads values out of `text` one after the other, without recursion; `offset` is where it stands. */
export class JsonReader {
	readonly #text: string;
	offset: number;

	constructor(text: string, offset: number) {
		this.#text = text;
		this.offset = offset;
	}

	skipBlanks(): void {
		const unit = this.#text.charCodeAt(this.offset);
		if (unit > 0x20) return;
		blanks.lastIndex = this.offset;
		blanks.test(this.#text);
		this.offset = blanks.lastIndex;
	}

	/** The next value, with blanks before it. */
	readValue(): Json {
		const open: Frame[] = [];
		for (;;) {
			this.skipBlanks();
			let value: Json;
			if (this.#accept("{")) {
				this.skipBlanks();
				if (!this.#accept("}")) {
					checkDepth(open.length + 1);
					open.push({ object: new Map(), key: this.#readKey() });
					continue;
				}
				value = emptyObject;
			} else if (this.#accept("[")) {
				this.skipBlanks();
				if (!this.#accept("]")) {
					checkDepth(open.length + 1);
					open.push([]);
					continue;
				}
				value = [];
			} else {
				value = this.#readScalar();
			}
			const done = this.#close(open, value);
			if (done !== undefined) return done;
		}
	}

	/** Puts `value` into the innermost frame, and that one into its own as long as frames end here. */
	#close(open: Frame[], first: Json): Json | undefined {
		let value = first;
		for (;;) {
			const frame = open.at(-1);
			if (frame === undefined) return value;
			this.skipBlanks();
			if (Array.isArray(frame)) {
				frame.push(value);
				if (this.#accept(",")) return undefined;
				if (!this.#accept("]")) throw this.#error('"," or "]" is missing');
				value = frame;
			} else {
				frame.object.set(frame.key, value);
				if (this.#accept(",")) {
					this.skipBlanks();
					frame.key = this.#readKey();
					return undefined;
				}
				if (!this.#accept("}")) throw this.#error('"," or "}" is missing');
				value = frame.object;
			}
			open.pop();
		}
	}

	#accept(char: string): boolean {
		if (this.#text.charAt(this.offset) !== char) return false;
		this.offset++;
		return true;
	}

	/** A key with its colon; `offset` stands at its quote. */
	#readKey(): string {
		if (!this.#accept('"')) throw this.#error("a key in double quotes is missing");
		const key = this.#readString();
		this.skipBlanks();
		if (!this.#accept(":")) throw this.#error('":" is missing');
		return key;
	}

	#readScalar(): Json {
		if (this.#accept('"')) return this.#readString();
		const word = words.get(this.#text.charAt(this.offset));
		if (word !== undefined && this.#text.startsWith(word[0], this.offset)) {
			this.offset += word[0].length;
			return word[1];
		}
		number.lastIndex = this.offset;
		const match = number.exec(this.#text);
		if (match !== null) {
			const start = this.offset;
			this.offset = number.lastIndex;
			if (match[1] !== undefined || match[2] !== undefined) return new Float(Number(match[0]));
			return readInteger(match[0], start);
		}
		if (this.#text.startsWith("-Infinity", this.offset)) {
			this.offset += "-Infinity".length;
			return negativeInfinity;
		}
		throw this.#error(this.offset < this.#text.length ? "a value is missing" : "the text ends too early");
	}

	/** The rest of a string, after its opening quote. */
	#readString(): string {
		const text = this.#text;
		const start = this.offset;
		plainRun.lastIndex = start;
		plainRun.test(text);
		let end = plainRun.lastIndex;
		if (text.charAt(end) === '"') {
			this.offset = end + 1;
			return text.slice(start, end);
		}
		let result = text.slice(start, end);
		while (text.charAt(end) !== '"') {
			this.offset = end;
			if (text.charAt(end) !== "\\") {
				throw this.#error(end < text.length ? "a raw control character in a string" : "a string has no end");
			}
			result += this.#readEscape();
			plainRun.lastIndex = this.offset;
			plainRun.test(text);
			end = plainRun.lastIndex;
			result += text.slice(this.offset, end);
		}
		this.offset = end + 1;
		return result;
	}

	/** One escape; halves of a surrogate pair come one by one and meet in the result. */
	#readEscape(): string {
		const letter = this.#text.charAt(this.offset + 1);
		if (letter === "u") {
			fourHexDigits.lastIndex = this.offset + 2;
			const digits = fourHexDigits.exec(this.#text)?.[0];
			if (digits === undefined) throw this.#error("four hexadecimal digits are missing");
			this.offset += 6;
			return String.fromCharCode(Number.parseInt(digits, 16));
		}
		const char = escapes.get(letter);
		if (char === undefined) throw this.#error("an unknown escape in a string");
		this.offset += 2;
		return char;
	}

	#error(message: string): JsonSyntaxError {
		return new JsonSyntaxError(message, this.offset);
	}
}

function readInteger(text: string, offset: number): bigint {
	if (text.length - (text.startsWith("-") ? 1 : 0) <= jsonLimits.integerDigits) return BigInt(text);
	throw new BaleError("LimitExceeded", `An integer has more than ${jsonLimits.integerDigits} digits`, {
		details: { limit: jsonLimits.integerDigits, offset },
	});
}
