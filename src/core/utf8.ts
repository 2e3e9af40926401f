/** Text and its UTF-8 bytes. */

const encoder = new TextEncoder();
const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lenientDecoder = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });
const loneSurrogate = /\p{Surrogate}/u;
const nonAscii = /[^\0-\x7f]/;

/** UTF-8 bytes of `text`; lone surrogates become U+FFFD, so check with `isWellFormed` where that matters. */
export function encodeUtf8(text: string): Uint8Array<ArrayBuffer> {
	return encoder.encode(text);
}

/** Text of UTF-8 bytes; a byte-order mark stays. Throws `TypeError` when the bytes are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string {
	return strictDecoder.decode(bytes);
}

/** As `decodeUtf8`, with U+FFFD for each invalid sequence. */
export function decodeUtf8Lenient(bytes: Uint8Array): string {
	return lenientDecoder.decode(bytes);
}

/** Whether `text` has no lone surrogates, that is, whether it can be written as UTF-8. */
export function isWellFormed(text: string): boolean {
	return !loneSurrogate.test(text);
}

/** Length of `text` in UTF-8 bytes. */
export function utf8Length(text: string): number {
	return nonAscii.test(text) ? encoder.encode(text).length : text.length;
}
