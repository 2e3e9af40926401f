import { decodeUtf8, encodeUtf8 } from "./utf8.ts";

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const codes = encodeUtf8(alphabet);
const paddingCode = 0x3d;
const padded = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Bytes in the standard base64 alphabet, padded. */
export function formatBase64(bytes: Uint8Array): string {
	// A text that grows letter by letter takes thirty times its size.
	const text = new Uint8Array(Math.ceil(bytes.length / 3) * 4);
	for (let i = 0, at = 0; i < bytes.length; i += 3) {
		const left = bytes.length - i;
		const group = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
		text[at++] = codes[group >> 18] ?? 0;
		text[at++] = codes[(group >> 12) & 63] ?? 0;
		text[at++] = left > 1 ? (codes[(group >> 6) & 63] ?? 0) : paddingCode;
		text[at++] = left > 2 ? (codes[group & 63] ?? 0) : paddingCode;
	}
	return decodeUtf8(text);
}

/** The bytes of padded standard base64; undefined for anything else, also for stray low bits. */
export function parseBase64(text: string): Uint8Array | undefined {
	if (!padded.test(text)) return undefined;
	const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
	const bytes = new Uint8Array((text.length / 4) * 3 - padding);
	for (let i = 0, at = 0; i < text.length; i += 4, at += 3) {
		let group = 0;
		for (let j = 0; j < 4; j++) group = (group << 6) | Math.max(0, alphabet.indexOf(text.charAt(i + j)));
		bytes[at] = group >> 16;
		if (at + 1 < bytes.length) bytes[at + 1] = group >> 8;
		if (at + 2 < bytes.length) bytes[at + 2] = group;
	}
	return text === "" || formatBase64(bytes.subarray(padding - 3)) === text.slice(-4) ? bytes : undefined;
}
