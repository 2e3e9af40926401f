/**
 * Turns the text of plain metadata into its canonical form byte by byte, without building values. Plain is what
 * quilt3 and bale write of ASCII texts without escapes, numbers, words, arrays and objects; everything else is
 * left to `parseJson` and `formatCanonicalJson`, which always give the same bytes (tested against one another).
 */

/** Deeper values are left to the exact way. */
const maxDepth = 32;

const quote = 0x22;
const comma = 0x2c;
const colon = 0x3a;
const minus = 0x2d;
const dot = 0x2e;
const zero = 0x30;

/** 1: printable ASCII that stands for itself inside a JSON string in both forms. */
export const plainByte = new Uint8Array(256);
for (let byte = 0x20; byte < 0x7f; byte++) plainByte[byte] = byte === quote || byte === 0x5c ? 0 : 1;

/** Members that may be open at once; objects with more are left to the exact way. */
const maxMembers = 256;

/**
 * One use after the other: `write` reads a value at `start` and leaves in `offset` where it ended.
 * Nothing of it is kept between calls.
 */
export class CanonicalBytes {
	/** Where the value that was read last ends, exclusive. */
	offset = 0;
	#in: Uint8Array = new Uint8Array(0);
	#out: Uint8Array = this.#in;
	/** For each member of the objects that are open: where it starts, where its key and where all of it ends, in the output. */
	readonly #members = new Int32Array(3 * maxMembers);
	#memberCount = 0;
	#scratch = new Uint8Array(1024);

	/**
	 * Writes the canonical form of the object at `start` to `out` from `at` on, and returns where it ends. -1: not
	 * plain; `out` may have been written to. `out` needs as much room as the text takes.
	 */
	write(bytes: Uint8Array, start: number, out: Uint8Array, at: number): number {
		this.#in = bytes;
		this.#out = out;
		this.offset = start;
		this.#memberCount = 0;
		return bytes[start] === 0x7b ? this.#object(at, 0) : -1;
	}

	#value(at: number, depth: number): number {
		const first = this.#in[this.offset] as number;
		if (first === quote) return this.#string(at);
		if (first === 0x7b) return depth < maxDepth ? this.#object(at, depth + 1) : -1;
		if (first === 0x5b) return depth < maxDepth ? this.#array(at, depth + 1) : -1;
		if (first === minus || (first >= zero && first <= 0x39)) return this.#number(at);
		if (first === 0x74) return this.#word("true", at);
		if (first === 0x66) return this.#word("false", at);
		return first === 0x6e ? this.#word("null", at) : -1;
	}

	#string(at: number): number {
		const bytes = this.#in;
		const out = this.#out;
		let from = this.offset + 1;
		let to = at;
		out[to++] = quote;
		for (; plainByte[bytes[from] as number] === 1; from++) out[to++] = bytes[from] as number;
		if (bytes[from] !== quote) return -1;
		out[to++] = quote;
		this.offset = from + 1;
		return to;
	}

	#word(word: string, at: number): number {
		for (let i = 0; i < word.length; i++) {
			const byte = word.charCodeAt(i);
			if (this.#in[this.offset + i] !== byte) return -1;
			this.#out[at + i] = byte;
		}
		this.offset += word.length;
		return at + word.length;
	}

	/** Integers, and decimals of at most 15 digits that Python prints just so. */
	#number(at: number): number {
		const bytes = this.#in;
		let from = this.offset;
		const negative = bytes[from] === minus;
		if (negative) from++;
		const first = from;
		while (isDigit(bytes[from] as number)) from++;
		const whole = from - first;
		if (whole === 0 || whole > 300 || (whole > 1 && bytes[first] === zero)) return -1;
		if (bytes[from] === dot) {
			const point = from++;
			while (isDigit(bytes[from] as number)) from++;
			const fraction = from - point - 1;
			if (fraction === 0 || whole + fraction > 15) return -1;
			if (bytes[from - 1] === zero && fraction > 1) return -1;
			// Smaller numbers are printed with an exponent.
			if (bytes[first] === zero && fraction > 4 && leadingZeros(bytes, point + 1) >= 4) return -1;
		} else if (negative && bytes[first] === zero) return -1;
		const next = bytes[from] as number;
		if (next === 0x65 || next === 0x45) return -1;
		let to = at;
		for (let i = this.offset; i < from; i++) this.#out[to++] = bytes[i] as number;
		this.offset = from;
		return to;
	}

	#array(at: number, depth: number): number {
		const bytes = this.#in;
		this.#out[at] = 0x5b;
		let to = at + 1;
		this.offset++;
		if (bytes[this.offset] !== 0x5d) {
			for (;;) {
				to = this.#value(to, depth);
				if (to < 0) return -1;
				const next = bytes[this.offset];
				if (next === 0x5d) break;
				if (next !== comma || bytes[this.offset + 1] !== 0x20) return -1;
				this.offset += 2;
				this.#out[to++] = comma;
			}
		}
		this.offset++;
		this.#out[to] = 0x5d;
		return to + 1;
	}

	#object(at: number, depth: number): number {
		const bytes = this.#in;
		const out = this.#out;
		out[at] = 0x7b;
		let to = at + 1;
		this.offset++;
		if (bytes[this.offset] === 0x7d) {
			this.offset++;
			out[to] = 0x7d;
			return to + 1;
		}
		const first = this.#memberCount;
		let sorted = true;
		for (;;) {
			const member = this.#memberCount++;
			if (member === maxMembers || bytes[this.offset] !== quote) return -1;
			const start = to;
			to = this.#string(to);
			if (to < 0 || bytes[this.offset] !== colon || bytes[this.offset + 1] !== 0x20) return -1;
			const keyEnd = to - 1;
			this.offset += 2;
			out[to++] = colon;
			to = this.#value(to, depth);
			if (to < 0) return -1;
			this.#members[3 * member] = start;
			this.#members[3 * member + 1] = keyEnd;
			this.#members[3 * member + 2] = to;
			if (sorted && member > first) sorted = this.#order(member - 1, member) < 0;
			const next = bytes[this.offset];
			if (next === 0x7d) break;
			if (next !== comma || bytes[this.offset + 1] !== 0x20) return -1;
			this.offset += 2;
			out[to++] = comma;
		}
		this.offset++;
		if (!sorted && !this.#sort(first, at + 1, to)) return -1;
		this.#memberCount = first;
		out[to] = 0x7d;
		return to + 1;
	}

	/** Sorts the members from `first` on, which take `[start, end)` of the output. False: two have the same key. */
	#sort(first: number, start: number, end: number): boolean {
		const members = this.#members;
		const count = this.#memberCount;
		// There are few of them, mostly; a binary search among many is not worth having.
		for (let i = first + 1; i < count; i++) {
			for (let j = i; j > first; j--) {
				const order = this.#order(j - 1, j);
				if (order === 0) return false;
				if (order < 0) break;
				for (let field = 0; field < 3; field++) {
					const swapped = members[3 * j + field] as number;
					members[3 * j + field] = members[3 * j - 3 + field] as number;
					members[3 * j - 3 + field] = swapped;
				}
			}
		}
		const out = this.#out;
		if (this.#scratch.length < end - start) this.#scratch = new Uint8Array(2 * (end - start));
		const scratch = this.#scratch;
		for (let i = start; i < end; i++) scratch[i - start] = out[i] as number;
		let to = start;
		for (let member = first; member < count; member++) {
			if (member > first) out[to++] = comma;
			const memberEnd = (members[3 * member + 2] as number) - start;
			for (let i = (members[3 * member] as number) - start; i < memberEnd; i++)
				out[to++] = scratch[i] as number;
		}
		return true;
	}

	/** Orders the keys of two members by code point; both are ASCII. */
	#order(a: number, b: number): number {
		const out = this.#out;
		const members = this.#members;
		const [aEnd, bEnd] = [members[3 * a + 1] as number, members[3 * b + 1] as number];
		let i = (members[3 * a] as number) + 1;
		let j = (members[3 * b] as number) + 1;
		while (i < aEnd && j < bEnd && out[i] === out[j]) {
			i++;
			j++;
		}
		if (i === aEnd || j === bEnd) return aEnd - i - (bEnd - j);
		return (out[i] as number) - (out[j] as number);
	}
}

function isDigit(byte: number): boolean {
	return byte >= zero && byte <= 0x39;
}

function leadingZeros(bytes: Uint8Array, from: number): number {
	let at = from;
	while (bytes[at] === zero) at++;
	return at - from;
}
