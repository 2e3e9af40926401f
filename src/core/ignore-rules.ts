/**
 * `.quiltignore` as quilt3 8.0.0 reads it, which is not as git reads its own: each line that is not
 * empty is the shell pattern `*` + `/` + line, matched by the rules of Python's `fnmatch`. There are no
 * comments, no negation and no anchors, and `*` crosses slashes.
 *
 * quilt3 matches the absolute path, so that names of directories above the scanned one decide, too.
 * Here these directories are one segment that `*` matches and nothing else does: `**` + `/build` leaves
 * out `build` as in quilt3, and a rule `data/*` does not leave out everything because some directory
 * above is called `data` (`docs/deviations.md`).
 */

/** Whether a path below the scanned directory is left out; a directory: with everything below it. */
export type IgnoreRule = (relativePath: string, isDirectory: boolean) => boolean;

/** Compiles the text of a `.quiltignore`. The time of a match grows with path length times rule length. */
export function compileQuiltIgnore(text: string): IgnoreRule {
	const rules = text
		.split(/\r\n|\r|\n/)
		.filter((line) => line !== "")
		.map((line) => compilePattern(`*/${line}`));
	return (relativePath, isDirectory) => {
		const path = [slash, above, slash, ...codePoints(relativePath)];
		const slashed = isDirectory ? [...path, slash] : undefined;
		return rules.some((rule) => matches(rule, path) || (slashed !== undefined && matches(rule, slashed)));
	};
}

const slash = 0x2f;
/** Stands for the directories above the scanned one; equal to no character. */
const above = -1;

/** A set of code points: single ones as ranges of one, ends inclusive. */
type CharacterSet = { readonly negated: boolean; readonly ranges: readonly (readonly [number, number])[] };
/** What one position of a pattern matches: any run, any character, one character, or one of a set. */
type Token = "run" | "any" | number | CharacterSet;

function compilePattern(pattern: string): readonly Token[] {
	const chars = codePoints(pattern);
	const tokens: Token[] = [];
	for (let i = 0; i < chars.length;) {
		const char = chars[i++] ?? 0;
		if (char === code("*")) {
			if (tokens.at(-1) !== "run") tokens.push("run");
		} else if (char === code("?")) {
			tokens.push("any");
		} else if (char === code("[")) {
			const end = endOfSet(chars, i);
			if (end === undefined) {
				tokens.push(char);
			} else {
				tokens.push(compileSet(chars.slice(i, end)));
				i = end + 1;
			}
		} else {
			tokens.push(char);
		}
	}
	return tokens;
}

/** Index of the `]` that ends the set whose content begins at `start`; the first character is never it. */
function endOfSet(chars: readonly number[], start: number): number | undefined {
	let i = start;
	if (chars[i] === code("!")) i++;
	if (chars[i] === code("]")) i++;
	const end = chars.indexOf(code("]"), i);
	return end < 0 ? undefined : end;
}

/**
 * The content of `[...]`. Python cuts it at the hyphens that make ranges, then joins pieces whose
 * range would be empty, without its two ends; all other hyphens are literal.
 */
function compileSet(content: readonly number[]): CharacterSet {
	const pieces = cutAtRanges(content);
	for (let k = pieces.length - 1; k > 0; k--) {
		const before = pieces[k - 1] ?? [];
		const piece = pieces[k] ?? [];
		if ((before.at(-1) ?? 0) <= (piece[0] ?? 0)) continue;
		pieces.splice(k - 1, 2, [...before.slice(0, -1), ...piece.slice(1)]);
	}
	const negated = pieces[0]?.[0] === code("!");
	if (negated) pieces[0]?.shift();
	const ranges: (readonly [number, number])[] = [];
	for (const [k, piece] of pieces.entries()) {
		for (const char of piece) ranges.push([char, char]);
		const next = pieces[k + 1];
		if (next === undefined) continue;
		// A piece that lost all it had leaves its hyphen, which then is a literal one.
		const last = piece.at(-1);
		ranges.push(last === undefined ? [code("-"), code("-")] : [last, next[0] ?? last]);
	}
	return { negated, ranges };
}

/** A hyphen makes a range unless it is first, last, or directly after the end of another range. */
function cutAtRanges(content: readonly number[]): number[][] {
	const pieces: number[][] = [];
	let start = 0;
	let from = content[0] === code("!") ? 2 : 1;
	for (;;) {
		const hyphen = content.indexOf(code("-"), from);
		if (hyphen < 0) break;
		pieces.push(content.slice(start, hyphen));
		start = hyphen + 1;
		from = hyphen + 3;
	}
	const rest = content.slice(start);
	if (rest.length > 0) pieces.push(rest);
	else pieces.at(-1)?.push(code("-"));
	return pieces;
}

/**
 * Whether the whole of `path` matches. After a mismatch only the last run is made longer: an earlier
 * one cannot help, as the later takes whatever the earlier would.
 */
function matches(tokens: readonly Token[], path: readonly number[]): boolean {
	let token = 0;
	let at = 0;
	let runToken = -1;
	let runAt = 0;
	while (at < path.length) {
		const current = tokens[token];
		if (current === "run") {
			runToken = token++;
			runAt = at;
		} else if (current !== undefined && matchesOne(current, path[at] ?? 0)) {
			token++;
			at++;
		} else if (runToken >= 0) {
			token = runToken + 1;
			at = ++runAt;
		} else {
			return false;
		}
	}
	while (tokens[token] === "run") token++;
	return token === tokens.length;
}

function matchesOne(token: Exclude<Token, "run">, char: number): boolean {
	if (char === above) return false;
	if (token === "any") return true;
	if (typeof token === "number") return token === char;
	return token.ranges.some(([first, last]) => first <= char && char <= last) !== token.negated;
}

function codePoints(text: string): number[] {
	return Array.from(text, code);
}

function code(char: string): number {
	return char.codePointAt(0) ?? 0;
}
