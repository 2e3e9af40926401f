/**
 * Scans the usual entry lines of a manifest, many at once (AssemblyScript; made into `src/core/manifest-lines-module.ts` by
 * `scripts/generate-wasm.mjs`). It takes just the lines that `LineScanner` (`src/core/manifest-scan.ts`) takes, writes the same
 * canonical text of them, and ends at the first other one, which is left to JavaScript.
 *
 * Contents lie at fixed places of the memory. Every loop ends at a line feed, which no set and no text below has: nothing
 * behind the line feed of the last line is looked at, but by loads that are wider than what is used of them.
 */

// Places in the memory, in bytes; see also `src/core/manifest-lines.ts`. Below are texts of this module and its members.
const texts: usize = 0x2000;
const members: usize = 0x3000;
const scratch: usize = 0x6000;

const maxMembers: i32 = 256;
const maxDepth: i32 = 32;
const maxKeyBytes: usize = 2000;
const maxHeadBytes: usize = 8 * 1024;
const maxMetaBytes: usize = 6 * 1024;
/** Keys that are read at once: as many as there is room for in the table. */
const maxKeys: i32 = 7000;

/** The key of the line that was taken last; the next one must follow it. */
export let keyStart: usize = 0;
export let keyEnd: usize = 0;
/** Keys at or behind this one are not taken; it is empty: all are. */
export let barrierStart: usize = 0;
export let barrierEnd: usize = 0;
/** Where the canonical text ends. */
export let written: usize = 0;
/** Lines that were taken by this call, the longest of them in bytes, and the sum of their sizes. */
export let taken: i32 = 0;
export let longest: i32 = 0;
export let total: f64 = 0;

let textsEnd: usize = texts;

/** Puts an ASCII text into the memory, once. */
function text(value: string): usize {
	const at = textsEnd;
	for (let i = 0; i < value.length; i++) store<u8>(textsEnd++, <u8>value.charCodeAt(i));
	return at;
}

const beforeKey = text('{"logical_key": "');
const beforeUrl = text('", "physical_keys": ["');
const beforeSize = text('"], "size": ');
const beforeType = text(', "hash": {"type": "');
const beforeValue = text('", "value": "');
const beforeMeta = text('"}, "meta": ');
const canonicalType = text('{"hash":{"type":"');
const canonicalValue = text('","value":"');
const canonicalKey = text('"},"logical_key":"');
const canonicalMeta = text('","meta":');
const canonicalSize = text(',"size":');
const s3Scheme = text("s3://");
const fileScheme = text("file:///");
const versionQuery = text("?versionId=");
const trueWord = text("true");
const falseWord = text("false");
const nullWord = text("null");
// So that the loads of the last of them stay inside.
textsEnd += 16;

/** Whether the `length` (at least 4) bytes of a text are at a place; the last ones are compared twice, overlapping. */
@inline
function isAt(at: usize, word: usize, length: usize): bool {
	if (length >= 16) {
		return (
			v128.all_true<i8>(v128.eq<i8>(v128.load(at), v128.load(word))) &&
			v128.all_true<i8>(v128.eq<i8>(v128.load(at + length - 16), v128.load(word + length - 16)))
		);
	}
	if (length >= 8) {
		return (
			load<u64>(at) === load<u64>(word) && load<u64>(at + length - 8) === load<u64>(word + length - 8)
		);
	}
	return load<u32>(at) === load<u32>(word) && load<u32>(at + length - 4) === load<u32>(word + length - 4);
}

/** Writes a text of at most 32 bytes; what is behind it is overwritten, too. */
@inline
function put(to: usize, word: usize, length: usize): usize {
	v128.store(to, v128.load(word));
	if (length > 16) v128.store(to + 16, v128.load(word + 16));
	return to + length;
}

/*
 * Sets of ASCII characters: lane n is for the characters whose lower half is n; its bit m says whether the one with the upper
 * half m is in the set.
 */

/** Printable, but for `"` and `\`. */
@inline
function plainSet(): v128 {
	return i8x16(-4, -4, -8, -4, -4, -4, -4, -4, -4, -4, -4, -4, -36, -4, -4, 124);
}

/** `A-Z a-z 0-9 _ . ~ -` */
@inline
function unreservedSet(): v128 {
	return i8x16(-88, -8, -8, -8, -8, -8, -8, -8, -8, -8, -16, 80, 80, 84, -44, 112);
}

/** The same and `/`. */
@inline
function pathSet(): v128 {
	return i8x16(-88, -8, -8, -8, -8, -8, -8, -8, -8, -8, -16, 80, 80, 84, -44, 116);
}

/** `a-z 0-9 . -` */
@inline
function bucketSet(): v128 {
	return i8x16(-120, -56, -56, -56, -56, -56, -56, -56, -56, -56, -64, 64, 64, 68, 68, 64);
}

/** A bit for each of 16 bytes that is not in the set, the first one lowest. */
@inline
function outside(bytes: v128, set: v128): i32 {
	const upper = v128.shr<u8>(bytes, 4);
	const bit = v128.swizzle(i8x16(1, 2, 4, 8, 16, 32, 64, -128, 0, 0, 0, 0, 0, 0, 0, 0), upper);
	const row = v128.swizzle(set, v128.and(bytes, i8x16.splat(0x0f)));
	return v128.bitmask<i8>(v128.eq<i8>(v128.and(row, bit), i8x16.splat(0)));
}

/** The first place from `at` on whose byte is not in the set. */
@inline
function endOf(at: usize, set: v128): usize {
	while (true) {
		const others = outside(v128.load(at), set);
		if (others !== 0) return at + <usize>ctz(others);
		at += 16;
	}
}

/** The same, with the bytes before it copied to `to` and up to 15 bytes of rubbish behind them. */
@inline
function copyPlain(at: usize, to: usize): usize {
	while (true) {
		const bytes = v128.load(at);
		v128.store(to, bytes);
		const others = outside(bytes, plainSet());
		if (others !== 0) return at + <usize>ctz(others);
		at += 16;
		to += 16;
	}
}

/**
 * Takes the lines in `[at, end)`, the last of which has its line feed, and writes their canonical text to `to`. Returns where
 * the first line starts that is not taken.
 */
export function scan(at: usize, end: usize, to: usize): usize {
	taken = 0;
	longest = 0;
	total = 0;
	while (at < end) {
		const next = scanLine(at, to);
		if (next === 0) break;
		to = written;
		taken++;
		const length = <i32>(next - at);
		if (length > longest) longest = length;
		at = next + 1;
	}
	written = to;
	return at;
}

/**
 * Writes the keys of the lines in `[at, end)`, without their first `skip` bytes, to `to`, and for each of them to `table` how long the line is
 * with its line feed, and where its key ends. Returns where the first line starts that does not begin as usual, has an escape in its key
 * or no line feed.
 */
export function readKeys(at: usize, end: usize, skip: usize, to: usize, table: usize): usize {
	const texts = to;
	taken = 0;
	while (at < end && taken < maxKeys && isAt(at, beforeKey, 17)) {
		const key = at + 17;
		const keyEnd = endOfKey(key, end);
		if (keyEnd >= end || load<u8>(keyEnd) !== 0x22) break;
		const feed = feedFrom(keyEnd, end);
		if (feed >= end) break;
		const from = min(key + skip, keyEnd);
		for (let i: usize = 0; i < keyEnd - from; i += 16) v128.store(to + i, v128.load(from + i));
		to += keyEnd - from;
		store<u32>(table, <u32>(feed + 1 - at));
		store<u32>(table + 4, <u32>(to - texts));
		table += 8;
		taken++;
		at = feed + 1;
	}
	written = to;
	return at;
}

/** The first quote or backslash in `[at, end)`, or at least `end`. */
@inline
function endOfKey(at: usize, end: usize): usize {
	for (; at < end; at += 16) {
		const bytes = v128.load(at);
		const found = v128.bitmask<i8>(
			v128.or(v128.eq<i8>(bytes, i8x16.splat(0x22)), v128.eq<i8>(bytes, i8x16.splat(0x5c))),
		);
		if (found !== 0) return at + <usize>ctz(found);
	}
	return end;
}

/** The first line feed in `[at, end)`, or at least `end`. */
@inline
function feedFrom(at: usize, end: usize): usize {
	for (; at < end; at += 16) {
		const found = v128.bitmask<i8>(v128.eq<i8>(v128.load(at), i8x16.splat(0x0a)));
		if (found !== 0) return at + <usize>ctz(found);
	}
	return end;
}

/** Returns where the line feed is and leaves in `written` where its text ends, or 0. */
function scanLine(start: usize, at: usize): usize {
	if (!isAt(start, beforeKey, 17)) return 0;
	const key = start + 17;
	const end = endOf(key, plainSet());
	if (end - key > maxKeyBytes || !isAt(end, beforeUrl, 22)) return 0;
	const urlEnd = endOfUrl(end + 22);
	if (urlEnd === 0 || !isAt(urlEnd, beforeSize, 12)) return 0;
	const size = urlEnd + 12;
	let sizeEnd = size;
	let sizeBytes: u64 = 0;
	for (; isDigit(load<u8>(sizeEnd)); sizeEnd++) sizeBytes = 10 * sizeBytes + load<u8>(sizeEnd) - 0x30;
	const digits = sizeEnd - size;
	if (digits === 0 || digits > 15 || (digits > 1 && load<u8>(size) === 0x30)) return 0;
	if (!isAt(sizeEnd, beforeType, 20) || sizeEnd - start > maxHeadBytes) return 0;

	let to = put(at, canonicalType, 17);
	const type = sizeEnd + 20;
	const typeEnd = copyPlain(type, to);
	to += typeEnd - type;
	if (!isAt(typeEnd, beforeValue, 13)) return 0;
	to = put(to, canonicalValue, 11);
	const value = typeEnd + 13;
	const valueEnd = copyPlain(value, to);
	to += valueEnd - value;
	if (valueEnd - type > maxHeadBytes || !isAt(valueEnd, beforeMeta, 12)) return 0;
	to = put(to, canonicalKey, 18);
	for (let from = key, copy = to; from < end; from += 16, copy += 16) v128.store(copy, v128.load(from));
	to += end - key;
	to = put(to, canonicalMeta, 9);
	const meta = valueEnd + 12;
	let feed: usize;
	// `{}}` and a line feed: no metadata.
	if (load<u32>(meta) === 0x0a7d7d7b) {
		store<u16>(to, 0x7d7b);
		to += 2;
		feed = meta + 3;
	} else {
		if (load<u8>(meta) !== 0x7b) return 0;
		offset = meta;
		memberCount = 0;
		to = putObject(to, 0);
		if (to === 0 || load<u16>(offset) !== 0x0a7d) return 0;
		feed = offset + 1;
		if (feed - meta > maxMetaBytes) return 0;
	}
	to = put(to, canonicalSize, 8);
	v128.store(to, v128.load(size));
	to += digits;
	store<u8>(to, 0x7d);

	if (!follows(key, end) || (barrierEnd > barrierStart && !isBefore(key, end, barrierStart, barrierEnd)))
		return 0;
	keyStart = key;
	keyEnd = end;
	total += <f64>sizeBytes;
	written = to + 1;
	return feed;
}

@inline
function isDigit(byte: u8): bool {
	return byte >= 0x30 && byte <= 0x39;
}

/** How many bytes of two keys are the same, from their beginnings on. */
@inline
function common(a: usize, aEnd: usize, b: usize, bEnd: usize): usize {
	const most = min(aEnd - a, bEnd - b);
	for (let same: usize = 0; same < most; same += 16) {
		const equal = v128.bitmask<i8>(v128.eq<i8>(v128.load(a + same), v128.load(b + same)));
		if (equal !== 0xffff) return min(most, same + <usize>ctz(~equal));
	}
	return most;
}

/** As `followsKeyBytes` in `src/core/key-bytes.ts`, for the key that was taken last and this one. */
function follows(key: usize, end: usize): bool {
	const same = common(keyStart, keyEnd, key, end);
	const a = keyStart + same;
	const b = key + same;
	if (b === end) return false;
	if (a === keyEnd) return load<u8>(b) !== 0x2f;
	if (load<u8>(a) === 0x2f) return true;
	return load<u8>(b) !== 0x2f && load<u8>(a) < load<u8>(b);
}

/** As `compareKeyBytes(...) < 0`. */
function isBefore(key: usize, end: usize, other: usize, otherEnd: usize): bool {
	const same = common(key, end, other, otherEnd);
	const a = key + same;
	const b = other + same;
	if (a === end || b === otherEnd) return end - a < otherEnd - b;
	if (load<u8>(a) === 0x2f) return true;
	return load<u8>(b) !== 0x2f && load<u8>(a) < load<u8>(b);
}

/** As its namesake in `src/core/manifest-scan.ts`, with 0 instead of -1. */
@inline
function endOfUrl(start: usize): usize {
	if (isAt(start, s3Scheme, 5)) return endOfS3Url(start + 5);
	return isAt(start, fileScheme, 8) ? endOfFileUrl(start + 8) : 0;
}

function endOfS3Url(start: usize): usize {
	let at = endOf(start, bucketSet());
	if (at === start || load<u8>(at) !== 0x2f) return 0;
	for (at++; ;) {
		at = endOf(at, pathSet());
		if (!isEscape(at)) break;
		at += 3;
	}
	if (load<u8>(at) === 0x22) return at;
	if (!isAt(at, versionQuery, 11)) return 0;
	const version = at + 11;
	at = endOf(version, unreservedSet());
	return at > version && load<u8>(at) === 0x22 ? at : 0;
}

function endOfFileUrl(start: usize): usize {
	let at = start;
	let segment = start;
	while (true) {
		at = endOf(at, unreservedSet());
		const byte = load<u8>(at);
		if (byte === 0x2f || byte === 0x22) {
			const length = at - segment;
			if (length === 0 || (length <= 2 && load<u8>(segment) === 0x2e && load<u8>(at - 1) === 0x2e)) return 0;
			if (byte === 0x22) return at;
			segment = ++at;
		} else if (isEscape(at) && !(load<u8>(at + 1) === 0x33 && load<u8>(at + 2) === 0x41)) at += 3;
		else return 0;
	}
}

/** Whether there is `%XX` for an ASCII character that must be escaped. */
function isEscape(at: usize): bool {
	if (load<u8>(at) !== 0x25) return false;
	const high = load<u8>(at + 1);
	if (high < 0x30 || high > 0x37) return false;
	const low = load<u8>(at + 2);
	let value = <i32>low - 0x30;
	if (low >= 0x41 && low <= 0x46) value = <i32>low - 0x37;
	else if (!isDigit(low)) return false;
	const byte = <u8>(((high - 0x30) << 4) | value);
	return (outside(i8x16.splat(byte), pathSet()) & 1) === 1;
}

/*
 * Metadata, as `CanonicalBytes` in `src/core/canonical-bytes.ts` does it. Places are returned as there, and 0 for what is not
 * plain. `offset` is where the next byte is read.
 */

let offset: usize = 0;
let memberCount: i32 = 0;

function putValue(at: usize, depth: i32): usize {
	const first = load<u8>(offset);
	if (first === 0x22) return putString(at);
	if (first === 0x7b) return depth < maxDepth ? putObject(at, depth + 1) : 0;
	if (first === 0x5b) return depth < maxDepth ? putArray(at, depth + 1) : 0;
	if (first === 0x2d || isDigit(first)) return putNumber(at);
	if (first === 0x74) return putWord(at, trueWord, 4);
	if (first === 0x66) return putWord(at, falseWord, 5);
	return first === 0x6e ? putWord(at, nullWord, 4) : 0;
}

function putString(at: usize): usize {
	store<u8>(at, 0x22);
	const start = offset + 1;
	const end = copyPlain(start, at + 1);
	if (load<u8>(end) !== 0x22) return 0;
	const to = at + 1 + (end - start);
	store<u8>(to, 0x22);
	offset = end + 1;
	return to + 1;
}

@inline
function putWord(at: usize, word: usize, length: usize): usize {
	if (!isAt(offset, word, length)) return 0;
	offset += length;
	return put(at, word, length);
}

function putNumber(at: usize): usize {
	let from = offset;
	const negative = load<u8>(from) === 0x2d;
	if (negative) from++;
	const first = from;
	while (isDigit(load<u8>(from))) from++;
	const whole = from - first;
	if (whole === 0 || whole > 300 || (whole > 1 && load<u8>(first) === 0x30)) return 0;
	if (load<u8>(from) === 0x2e) {
		const point = from++;
		while (isDigit(load<u8>(from))) from++;
		const fraction = from - point - 1;
		if (fraction === 0 || whole + fraction > 15) return 0;
		if (load<u8>(from - 1) === 0x30 && fraction > 1) return 0;
		// Smaller numbers are printed with an exponent.
		if (load<u8>(first) === 0x30 && fraction > 4 && load<u32>(point + 1) === 0x30303030) return 0;
	} else if (negative && load<u8>(first) === 0x30) return 0;
	const next = load<u8>(from);
	if (next === 0x65 || next === 0x45) return 0;
	const length = from - offset;
	for (let i: usize = 0; i < length; i++) store<u8>(at + i, load<u8>(offset + i));
	offset = from;
	return at + length;
}

function putArray(at: usize, depth: i32): usize {
	store<u8>(at, 0x5b);
	let to = at + 1;
	offset++;
	if (load<u8>(offset) !== 0x5d) {
		for (;;) {
			to = putValue(to, depth);
			if (to === 0) return 0;
			if (load<u8>(offset) === 0x5d) break;
			// A comma and a space.
			if (load<u16>(offset) !== 0x202c) return 0;
			offset += 2;
			store<u8>(to++, 0x2c);
		}
	}
	offset++;
	store<u8>(to, 0x5d);
	return to + 1;
}

// For each member of the objects that are open: where it starts, where its key and where all of it ends, in the output.
@inline
function member(index: i32, field: i32): usize {
	return load<u32>(members + ((3 * index + field) << 2));
}

@inline
function setMember(index: i32, field: i32, value: usize): void {
	store<u32>(members + ((3 * index + field) << 2), <u32>value);
}

function putObject(at: usize, depth: i32): usize {
	store<u8>(at, 0x7b);
	let to = at + 1;
	offset++;
	if (load<u8>(offset) === 0x7d) {
		offset++;
		store<u8>(to, 0x7d);
		return to + 1;
	}
	const first = memberCount;
	let sorted = true;
	for (;;) {
		const index = memberCount++;
		if (index === maxMembers || load<u8>(offset) !== 0x22) return 0;
		setMember(index, 0, to);
		to = putString(to);
		// A colon and a space.
		if (to === 0 || load<u16>(offset) !== 0x203a) return 0;
		setMember(index, 1, to - 1);
		offset += 2;
		store<u8>(to++, 0x3a);
		to = putValue(to, depth);
		if (to === 0) return 0;
		setMember(index, 2, to);
		if (sorted && index > first) sorted = order(index - 1, index) < 0;
		if (load<u8>(offset) === 0x7d) break;
		if (load<u16>(offset) !== 0x202c) return 0;
		offset += 2;
		store<u8>(to++, 0x2c);
	}
	offset++;
	if (!sorted && !sortMembers(first, at + 1, to)) return 0;
	memberCount = first;
	store<u8>(to, 0x7d);
	return to + 1;
}

function sortMembers(first: i32, start: usize, end: usize): bool {
	// Longer metadata is not taken in the end; here it could write behind the room.
	if (end - start > maxMetaBytes) return false;
	const count = memberCount;
	for (let i = first + 1; i < count; i++) {
		for (let j = i; j > first; j--) {
			const difference = order(j - 1, j);
			if (difference === 0) return false;
			if (difference < 0) break;
			for (let field = 0; field < 3; field++) {
				const swapped = member(j, field);
				setMember(j, field, member(j - 1, field));
				setMember(j - 1, field, swapped);
			}
		}
	}
	memory.copy(scratch, start, end - start);
	let to = start;
	for (let index = first; index < count; index++) {
		if (index > first) store<u8>(to++, 0x2c);
		const length = member(index, 2) - member(index, 0);
		memory.copy(to, scratch + (member(index, 0) - start), length);
		to += length;
	}
	return true;
}

/** Orders the keys of two members by code point; both are ASCII. */
function order(a: i32, b: i32): i32 {
	const aEnd = member(a, 1);
	const bEnd = member(b, 1);
	let i = member(a, 0) + 1;
	let j = member(b, 0) + 1;
	while (i < aEnd && j < bEnd && load<u8>(i) === load<u8>(j)) {
		i++;
		j++;
	}
	if (i === aEnd || j === bEnd) return <i32>(aEnd - i) - <i32>(bEnd - j);
	return <i32>load<u8>(i) - <i32>load<u8>(j);
}
