// Control characters, marks that reorder or hide text, line separators and lone surrogates.
const plain = /^[ -~]*$/;
const unsafe = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\p{Surrogate}]/gu;

/**
 * `text` as it can be shown in a terminal or a message: characters that would move the cursor,
 * reorder the line or cannot be printed appear as `\uXXXX`. For people; not meant to be read back.
 */
export function display(text: string): string {
	// The other pattern takes a millisecond to compile.
	if (plain.test(text)) return text;
	return text.replace(unsafe, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
