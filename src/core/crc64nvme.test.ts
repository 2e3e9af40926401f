import fc from "fast-check";
import { afterEach, describe, expect, test, vi } from "vitest";
import { moduleSource } from "../../scripts/generate-crc64nvme.mjs";
import { readRepositoryFile } from "../../test/support/repository.ts";
import { createCrc64Nvme, digestBy, makeUpdate } from "./crc64nvme.ts";
import { contentBytes, moduleBase64 } from "./crc64nvme-module.ts";
import { updatePlain } from "./crc64nvme-plain.ts";
import { formatHex } from "./hex.ts";
import { encodeUtf8 } from "./utf8.ts";

/** The definition, bit by bit. */
function byDefinition(content: Uint8Array): string {
	let crc = 0xffffffffffffffffn;
	for (const byte of content) {
		crc ^= BigInt(byte);
		for (let bit = 0; bit < 8; bit++) crc = crc & 1n ? (crc >> 1n) ^ 0x9a6c9329ac4bc9b5n : crc >> 1n;
	}
	return (crc ^ 0xffffffffffffffffn).toString(16).padStart(16, "0");
}

/** Bytes that do not repeat soon, as many as wanted. */
function generate(size: number, seed = 1): Uint8Array {
	let state = seed;
	return new Uint8Array(size).map(() => {
		state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
		return state >>> 24;
	});
}

/** The content in pieces, cut at `cuts`. */
function pieces(content: Uint8Array, cuts: readonly number[]): Uint8Array[] {
	const ends = [...cuts.map((cut) => cut % (content.length + 1)), content.length].sort((a, b) => a - b);
	return ends.map((end, index) => content.subarray(ends[index - 1] ?? 0, end));
}

function sum(content: Uint8Array, cuts: readonly number[] = []): string {
	const digest = createCrc64Nvme();
	for (const piece of pieces(content, cuts)) digest.update(piece);
	return formatHex(digest.digest());
}

/** What a page's policy makes of it. */
function forbidden(): never {
	throw new Error("refused by the policy of the page");
}

afterEach(() => {
	vi.unstubAllGlobals();
	vi.resetModules();
});

describe("createCrc64Nvme()", () => {
	test("agrees with the definition, however the content is cut", () => {
		fc.assert(
			fc.property(
				fc.uint8Array({ maxLength: 2000 }),
				fc.array(fc.nat(), { maxLength: 6 }),
				(content, cuts) => {
					expect(sum(content, cuts)).toBe(byDefinition(content));
				},
			),
		);
	});

	test("gives the published check value", () => {
		expect(sum(encodeUtf8("123456789"))).toBe("ae8b14860a799888");
	});

	test("gives the same for a large content, whose first pieces are summed before the module is made", () => {
		const content = generate(1_500_007);
		const plain = digestBy(updatePlain);
		plain.update(content);
		const expected = formatHex(plain.digest());
		for (const cuts of [[], [1], [300_000, 300_100, 700_000], [600_001, 600_002]])
			expect(sum(content, cuts)).toBe(expected);
	});

	test.each([
		["is not there", undefined],
		["is forbidden", { Module: forbidden }],
	])("gives the same where WebAssembly %s", async (_, stub) => {
		const content = generate(600_000);
		const expected = sum(content);
		vi.stubGlobal("WebAssembly", stub);
		const fresh = await import("./crc64nvme.ts");
		expect(fresh.makeUpdate()).toBeUndefined();
		const digest = fresh.createCrc64Nvme();
		for (const piece of pieces(content, [550_000])) digest.update(piece);
		expect(formatHex(digest.digest())).toBe(expected);
	});

	test("makes no module for little content", async () => {
		const Module = vi.fn();
		vi.stubGlobal("WebAssembly", { Module });
		const { createCrc64Nvme } = await import("./crc64nvme.ts");
		for (let count = 0; count < 10; count++) {
			const digest = createCrc64Nvme();
			digest.update(new Uint8Array(100_000));
			digest.digest();
		}
		expect(Module).not.toHaveBeenCalled();
	});
});

describe("the WebAssembly module", () => {
	const update = makeUpdate();

	test("agrees with the plain implementation for every state, length and alignment", () => {
		if (update === undefined) throw new Error("this Node has no WebAssembly");
		const content = generate(contentBytes * 2 + 100);
		const around = fc
			.tuple(fc.constantFrom(0, contentBytes, 2 * contentBytes), fc.integer({ min: -40, max: 40 }))
			.map(([size, more]) => Math.max(0, size + more));
		const half = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
		fc.assert(
			fc.property(half, half, fc.nat({ max: 20 }), around, (low, high, from, length) => {
				const [plain, fast] = [
					{ low, high },
					{ low, high },
				];
				updatePlain(plain, content.subarray(from, from + length));
				update(fast, content.subarray(from, from + length));
				expect(fast).toEqual(plain);
			}),
			{ numRuns: 300 },
		);
	});

	test("is what the generator makes, and small", () => {
		expect(readRepositoryFile("src/core/crc64nvme-module.ts")).toBe(moduleSource());
		expect(moduleBase64.length).toBeLessThan(1000);
	});
});
