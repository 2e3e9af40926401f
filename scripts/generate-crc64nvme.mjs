#!/usr/bin/env node
// Writes src/core/crc64nvme-module.ts: a WebAssembly module that computes CRC-64/NVME, assembled here byte for byte.
//
// Memory: 16 tables of 256 entries of 64 bits (table k: effect of a byte that has k bytes after it), which the module
// computes when it starts; then the state, 64 bits; from the second page on the content.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { root } from "./setup.mjs";

const polynomial = 0x9a6c9329ac4bc9b5n; // reflected
const tableBytes = 256 * 8;
const stateAt = 16 * tableBytes;
const contentAt = 65_536;
const contentBytes = 65_536;

/** Numbers as WebAssembly writes them: seven bits to a byte, the lowest first. */
function unsigned(value) {
	return value < 128 ? [value] : [(value & 127) | 128, ...unsigned(value >>> 7)];
}
function signed(value) {
	const low = Number(BigInt.asUintN(7, value));
	const rest = value >> 7n;
	const isLast = rest === (low & 64 ? -1n : 0n);
	return isLast ? [low] : [low | 128, ...signed(rest)];
}

const list = (items) => [...unsigned(items.length), ...items.flat()];
const sized = (bytes) => [...unsigned(bytes.length), ...bytes];
const section = (id, content) => [id, ...sized(content)];

const i32Type = 0x7f;
const i64Type = 0x7e;

// Instructions: each is the list of its bytes, after those of its operands.
const get = (local) => [0x20, local];
const set = (local, value) => [...value, 0x21, local];
const tee = (local, value) => [...value, 0x22, local];
const i32 = (value) => [0x41, ...signed(BigInt(value))];
const i64 = (value) => [0x42, ...signed(BigInt.asIntN(64, value))];
const binary = (opcode) => (left, right) => [...left, ...right, opcode];
const [add32, and32, shl32, shr32] = [0x6a, 0x71, 0x74, 0x76].map(binary);
const [sub64, and64, xor64, shr64] = [0x7d, 0x83, 0x85, 0x88].map(binary);
const [less32, atMost32] = [0x49, 0x4d].map(binary); // unsigned
const wrap = (value) => [...value, 0xa7]; // the low half
const extend = (value) => [...value, 0xad];
const load = (address, offset = 0) => [...address, 0x29, 0, ...unsigned(offset)];
const loadByte = (address) => [...address, 0x31, 0, 0];
const store = (address, value) => [...address, ...value, 0x37, 3, 0];
const repeatWhile = (condition, body) => [0x03, 0x40, ...body, ...condition, 0x0d, 0, 0x0b];
const when = (condition, body) => [...condition, 0x04, 0x40, ...body, 0x0b];

/** Byte number `byte` of a 32-bit half, times the size of an entry of the tables. */
function entryAt(half, byte) {
	const shifted = byte === 0 ? shl32(get(half), i32(3)) : shr32(get(half), i32(8 * byte - 3));
	return and32(shifted, i32(255 * 8));
}

/** Computes the tables; runs by itself when the module is instantiated. */
function start() {
	const [at, crc, bits] = [0, 1, 2];
	const lowestBit = and64(get(crc), i64(1n));
	const divided = xor64(shr64(get(crc), i64(1n)), and64(sub64(i64(0n), lowestBit), i64(polynomial)));
	const next = tee(at, add32(get(at), i32(8)));
	const before = load(add32(get(at), i32(-tableBytes)));
	return [
		list([
			[1, i32Type],
			[1, i64Type],
			[1, i32Type],
		]),
		repeatWhile(less32(next, i32(tableBytes)), [
			...set(crc, extend(shr32(get(at), i32(3)))),
			...set(bits, i32(8)),
			...repeatWhile(tee(bits, add32(get(bits), i32(-1))), set(crc, divided)),
			...store(get(at), get(crc)),
		]),
		repeatWhile(less32(next, i32(stateAt)), [
			...set(crc, before),
			...store(get(at), xor64(shr64(get(crc), i64(8n)), load(entryAtLowestByte(crc)))),
		]),
		[0x0b],
	].flat();
}

function entryAtLowestByte(crc) {
	return shl32(and32(wrap(get(crc)), i32(255)), i32(3));
}

/** `update(at, end)`: takes the content between two addresses into the state, 16 bytes at a time and then one. */
function update() {
	const [at, end, crc, word, low, high] = [0, 1, 2, 3, 4, 5];
	/** The effect of eight bytes of which the last one has `after` bytes after it. */
	const effect = (value, after) => {
		const halves = [...set(low, wrap(tee(word, value))), ...set(high, wrap(shr64(get(word), i64(32n))))];
		const entries = Array.from({ length: 8 }, (_, index) =>
			load(entryAt(index < 4 ? low : high, index % 4), (after + 7 - index) * tableBytes),
		);
		return [...halves, ...entries.reduce(xor64)];
	};
	// The half that does not depend on the state comes first, so that it need not wait.
	const sixteen = xor64(effect(load(get(at), 8), 0), effect(xor64(load(get(at)), get(crc)), 8));
	const one = xor64(load(entryAtLowestByte(crc)), shr64(get(crc), i64(8n)));
	const advance = (bytes) => set(at, add32(get(at), i32(bytes)));
	const sixteenAreLeft = atMost32(add32(get(at), i32(16)), get(end));
	const oneIsLeft = less32(get(at), get(end));
	return [
		list([
			[2, i64Type],
			[2, i32Type],
		]),
		set(crc, load(i32(stateAt))),
		when(sixteenAreLeft, repeatWhile(sixteenAreLeft, [...set(crc, sixteen), ...advance(16)])),
		when(
			oneIsLeft,
			repeatWhile(oneIsLeft, [
				...set(crc, xor64(get(crc), loadByte(get(at)))),
				...set(crc, one),
				...advance(1),
			]),
		),
		store(i32(stateAt), get(crc)),
		[0x0b],
	].flat();
}

/** The module, which exports its memory `m` and the function `u`. */
function assemble() {
	const name = (letter) => [1, letter.charCodeAt(0)];
	const pages = (contentAt + contentBytes) / 65_536;
	return Uint8Array.from([
		...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
		...section(
			1,
			list([
				[0x60, 0, 0],
				[0x60, 2, i32Type, i32Type, 0],
			]),
		),
		...section(3, list([[0], [1]])), // types of the functions
		...section(5, list([[1, pages, pages]])),
		...section(
			7,
			list([
				[...name("m"), 2, 0],
				[...name("u"), 0, 1],
			]),
		),
		...section(8, [0]),
		...section(10, list([sized(start()), sized(update())])),
	]);
}

/** The text of `src/core/crc64nvme-module.ts`. */
export function moduleSource() {
	return `// Made by scripts/generate-crc64nvme.mjs, which says what is in it: do not edit.

/** The WebAssembly module, in base64. It exports its memory \`m\` and \`u(at, end)\`, which takes content into the state. */
export const moduleBase64 =
	"${Buffer.from(assemble()).toString("base64")}";

/** Where the state is in the memory: 64 bits, the lowest byte first. */
export const stateAt = ${stateAt};

/** Where content is put, and how much of it there is room for, in bytes. */
export const contentAt = ${contentAt};
export const contentBytes = ${contentBytes};
`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href)
	writeFileSync(join(root, "src/core/crc64nvme-module.ts"), moduleSource());
