/**
 * Reads entry lines as bytes and writes what the top hash takes of them, several times faster than through values.
 * A line is taken only when it is exactly what bale would write, so that it may also be copied as it is; all
 * others are left to the exact way (`parseManifestLine`, `canonicalEntry`), which gives the same for every line.
 */
import { CanonicalBytes, plainByte } from "./canonical-bytes.ts";
import { formatCanonicalJson, formatManifestJson, isJsonObject, parseJson } from "./json.ts";
import { decodeUtf8, encodeUtf8 } from "./utf8.ts";

const quote = 0x22;
const slash = 0x2f;
const zero = 0x30;
const lineFeed = 0x0a;

/** Text that is compared and written four bytes at a time, the last ones overlapping. */
class Words {
	readonly length: number;
	readonly #words: Int32Array;

	constructor(text: string) {
		const bytes = encodeUtf8(text);
		const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
		this.length = bytes.length;
		this.#words = new Int32Array(Math.ceil(bytes.length / 4));
		for (let i = 0; i < this.#words.length; i++) this.#words[i] = view.getInt32(this.#offset(i), true);
	}

	areAt(view: DataView, at: number): boolean {
		if (at + this.length > view.byteLength) return false;
		const words = this.#words;
		for (let i = 0; i < words.length; i++) {
			if (view.getInt32(at + this.#offset(i), true) !== words[i]) return false;
		}
		return true;
	}

	/** Returns where the text ends. */
	put(view: DataView, at: number): number {
		const words = this.#words;
		for (let i = 0; i < words.length; i++) view.setInt32(at + this.#offset(i), words[i] as number, true);
		return at + this.length;
	}

	#offset(word: number): number {
		return Math.min(4 * word, this.length - 4);
	}
}

const beforeKey = new Words('{"logical_key": "');
const beforeUrl = new Words('", "physical_keys": ["');
const beforeSize = new Words('"], "size": ');
const beforeType = new Words(', "hash": {"type": "');
const beforeValue = new Words('", "value": "');
const beforeMeta = new Words('"}, "meta": ');

const canonicalType = new Words('{"hash":{"type":"');
const canonicalValue = new Words('","value":"');
const canonicalKey = new Words('"},"logical_key":"');
const canonicalMeta = new Words('","meta":');
const canonicalSize = new Words(',"size":');

/** Offset of the key in a line that `LineScanner` takes. */
export const keyOffset = beforeKey.length;

/** Whether a line begins as one that bale writes, so that its key starts at `keyOffset`. */
export function startsWithKey(view: DataView, start: number): boolean {
	return beforeKey.areAt(view, start);
}

/** 1: stands for itself in a URL's path and in a versionId. */
const unreservedByte = new Uint8Array(256);
/** 1: may stand in a bucket's name. */
const bucketByte = new Uint8Array(256);
for (const byte of encodeUtf8("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.~-")) {
	unreservedByte[byte] = 1;
	if (/[a-z0-9.-]/.test(String.fromCharCode(byte))) bucketByte[byte] = 1;
}
/** 1: stands for itself in a URL's path, or is its slash. */
const pathByte = Uint8Array.from(unreservedByte, (unreserved, byte) => (byte === slash ? 1 : unreserved));

const s3Scheme = new Words("s3://");
const fileScheme = new Words("file:///");
const versionQuery = new Words("?versionId=");

/** Bytes that a line takes at most in front of its metadata; longer ones are not taken. */
const maxHeadBytes = 16 * 1024;
/** Bytes of metadata at most, each of which may become `\uXXXX`. */
const maxMetaBytes = 6 * 1024;
/** Room in bytes that the output needs for any line that is taken. */
export const canonicalRoom = 64 * 1024;

/** Metadata texts that are remembered, and how long each of them may be. */
const memoTexts = 4096;
const memoTextLength = 2048;

/** Scans one line after the other. */
export class LineScanner {
	/** Where the line that was taken last ends: at its line feed. */
	end = 0;
	/** Where its key ends, exclusive. */
	keyEnd = 0;
	/** The size in it. */
	size = 0;
	readonly #canonical = new CanonicalBytes();
	/** Canonical forms of metadata texts that are not plain; null: not what bale would write. */
	readonly #memo = new Map<string, Uint8Array | null>();
	#bytes: Uint8Array = new Uint8Array(0);
	#view = viewOf(this.#bytes);
	#out = this.#bytes;
	#outView = this.#view;

	/**
	 * Writes the canonical form of the entry line at `start`, which has a line feed, to `out` from `at` on and returns
	 * where it ends, or -1 when the line is not taken; `out` may have been written to then. It needs `canonicalRoom`.
	 */
	scan(bytes: Uint8Array, start: number, out: Uint8Array, at: number): number {
		const view = this.#viewInto(bytes);
		const outView = this.#viewOnto(out);
		if (!beforeKey.areAt(view, start)) return -1;
		const key = start + beforeKey.length;
		const keyEnd = plainEnd(bytes, key);
		if (!beforeUrl.areAt(view, keyEnd)) return -1;
		const urlEnd = endOfUrl(bytes, view, keyEnd + beforeUrl.length);
		if (urlEnd < 0 || !beforeSize.areAt(view, urlEnd)) return -1;
		const size = urlEnd + beforeSize.length;
		const sizeEnd = endOfSize(bytes, size);
		if (sizeEnd < 0 || !beforeType.areAt(view, sizeEnd)) return -1;
		if (sizeEnd - start > maxHeadBytes / 2) return -1;

		let to = canonicalType.put(outView, at);
		let from = sizeEnd + beforeType.length;
		const headEnd = from + maxHeadBytes / 2;
		for (
			let byte = bytes[from] as number;
			plainByte[byte] === 1 && from < headEnd;
			byte = bytes[++from] as number
		) {
			out[to++] = byte;
		}
		if (!beforeValue.areAt(view, from)) return -1;
		to = canonicalValue.put(outView, to);
		from += beforeValue.length;
		for (
			let byte = bytes[from] as number;
			plainByte[byte] === 1 && from < headEnd;
			byte = bytes[++from] as number
		) {
			out[to++] = byte;
		}
		if (!beforeMeta.areAt(view, from)) return -1;
		const meta = from + beforeMeta.length;
		to = canonicalKey.put(outView, to);
		for (let i = key; i < keyEnd; i++) out[to++] = bytes[i] as number;
		to = canonicalMeta.put(outView, to);
		if (view.byteLength > meta + 3 && view.getInt32(meta, true) === emptyMeta) {
			out[to++] = 0x7b;
			out[to++] = 0x7d;
			this.end = meta + 3;
		} else {
			const end = bytes.indexOf(lineFeed, meta);
			if (end < 0 || end - meta > maxMetaBytes) return -1;
			to = this.#putMeta(bytes, meta, end, out, to);
			if (to < 0) return -1;
			this.end = end;
		}
		to = canonicalSize.put(outView, to);
		let sizeBytes = 0;
		for (let i = size; i < sizeEnd; i++) {
			const digit = bytes[i] as number;
			sizeBytes = 10 * sizeBytes + digit - zero;
			out[to++] = digit;
		}
		out[to] = 0x7d;
		this.keyEnd = keyEnd;
		this.size = sizeBytes;
		return to + 1;
	}

	#viewInto(bytes: Uint8Array): DataView {
		if (bytes === this.#bytes) return this.#view;
		this.#bytes = bytes;
		this.#view = viewOf(bytes);
		return this.#view;
	}

	#viewOnto(out: Uint8Array): DataView {
		if (out === this.#out) return this.#outView;
		this.#out = out;
		this.#outView = viewOf(out);
		return this.#outView;
	}

	#putMeta(bytes: Uint8Array, start: number, end: number, out: Uint8Array, at: number): number {
		if (bytes[end - 1] !== 0x7d) return -1;
		const to = this.#canonical.write(bytes, start, out, at);
		if (to >= 0) return this.#canonical.offset === end - 1 ? to : -1;
		let text: string;
		try {
			text = decodeUtf8(bytes.subarray(start, end - 1));
		} catch {
			return -1;
		}
		const known = this.#memo.get(text);
		const canonical = known === undefined ? canonicalOf(text) : known;
		if (known === undefined && text.length <= memoTextLength) {
			if (this.#memo.size === memoTexts) this.#memo.clear();
			this.#memo.set(text, canonical);
		}
		if (canonical === null) return -1;
		out.set(canonical, at);
		return at + canonical.length;
	}
}

/** `{}}` and a line feed: no metadata. */
const emptyMeta = 0x0a7d7d7b;

export function viewOf(bytes: Uint8Array): DataView {
	return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** The canonical form of metadata, or null when bale would not write just this text. */
function canonicalOf(text: string): Uint8Array | null {
	try {
		const value = parseJson(text);
		if (!isJsonObject(value) || formatManifestJson(value) !== text) return null;
		return encodeUtf8(formatCanonicalJson(value));
	} catch {
		return null; // the exact way finds the same, and says where
	}
}

/** The first byte from `at` on that does not stand for itself in JSON text. */
function plainEnd(bytes: Uint8Array, at: number): number {
	let end = at;
	while (plainByte[bytes[end] as number] === 1) end++;
	return end;
}

/** A size of at most 15 digits: always exact as a number. */
function endOfSize(bytes: Uint8Array, start: number): number {
	let end = start;
	while ((bytes[end] as number) >= zero && (bytes[end] as number) <= 0x39) end++;
	const digits = end - start;
	return digits === 0 || digits > 15 || (digits > 1 && bytes[start] === zero) ? -1 : end;
}

/** Where the URL at `start` ends, or -1 when it is not one in bale's own spelling, without bytes outside of ASCII. */
function endOfUrl(bytes: Uint8Array, view: DataView, start: number): number {
	if (s3Scheme.areAt(view, start)) return endOfS3Url(bytes, view, start + s3Scheme.length);
	return fileScheme.areAt(view, start) ? endOfFileUrl(bytes, start + fileScheme.length) : -1;
}

function endOfS3Url(bytes: Uint8Array, view: DataView, start: number): number {
	let at = start;
	while (bucketByte[bytes[at] as number] === 1) at++;
	if (at === start || bytes[at] !== slash) return -1;
	for (at++; ;) {
		while (pathByte[bytes[at] as number] === 1) at++;
		if (!isEscape(bytes, at)) break;
		at += 3;
	}
	if (bytes[at] === quote) return at;
	if (!versionQuery.areAt(view, at)) return -1;
	const version = at + versionQuery.length;
	for (at = version; unreservedByte[bytes[at] as number] === 1;) at++;
	return at > version && bytes[at] === quote ? at : -1;
}

/** `start` is behind the slash of the root. The path has no empty, `.` and `..` segments and no drive. */
function endOfFileUrl(bytes: Uint8Array, start: number): number {
	let at = start;
	for (let segment = start; ;) {
		const byte = bytes[at] as number;
		if (unreservedByte[byte] === 1) at++;
		else if (isEscape(bytes, at) && !(bytes[at + 1] === 0x33 && bytes[at + 2] === 0x41)) at += 3;
		else if (byte === slash || byte === quote) {
			const length = at - segment;
			if (length === 0 || (length <= 2 && bytes[segment] === 0x2e && bytes[at - 1] === 0x2e)) return -1;
			if (byte === quote) return at;
			segment = ++at;
		} else return -1;
	}
}

/** Whether there is `%XX` for an ASCII character that must be escaped. */
function isEscape(bytes: Uint8Array, at: number): boolean {
	if (bytes[at] !== 0x25) return false;
	const high = bytes[at + 1] as number;
	const low = hexValue(bytes[at + 2] as number);
	if (high < zero || high > 0x37 || low < 0) return false;
	const byte = ((high - zero) << 4) | low;
	return unreservedByte[byte] === 0 && byte !== slash;
}

/** Value of a hexadecimal digit with capital letters, or -1. */
function hexValue(byte: number): number {
	if (byte >= zero && byte <= 0x39) return byte - zero;
	return byte >= 0x41 && byte <= 0x46 ? byte - 0x37 : -1;
}
