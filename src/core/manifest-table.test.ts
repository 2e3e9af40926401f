/** The table of a manifest that is far larger than what is read of it at once, beside an array of its lines. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { formatManifestJson, parseJson } from "./json.ts";
import { ManifestTable } from "./manifest-table.ts";
import { memoryBytes, type RandomBytes } from "./random-bytes.ts";
import { decodeUtf8, encodeUtf8 } from "./utf8.ts";

type Line = { readonly key: string; readonly name: string; readonly start: number; readonly size: number };

/** 200 folders of 20 files; some lines are longer than any window, and some keys are not plain. */
function manifest(): { bytes: Uint8Array; low: number; lines: Line[]; longestLine: number } {
	const header = '{"version": "v0", "user_meta": {}, "message": null}\n';
	const texts = [header];
	const lines: Line[] = [];
	let [at, longestLine] = [header.length, 0];
	for (let folder = 0; folder < 200; folder++) {
		for (let file = 0; file < 20; file++) {
			const name = `f${String(file).padStart(2, "0")}${file % 7 === 3 ? '"ü' : ""}`;
			const key = `d${String(folder).padStart(3, "0")}/${name}`;
			const meta =
				(folder * 20 + file) % 611 === 610 ? "x".repeat(70_000) : "y".repeat((folder * file) % 400);
			const size = folder * 100 + file;
			const text = `{"logical_key": ${formatManifestJson(key)}, "physical_keys": ["s3://b/k"], "size": ${String(size)}, "hash": {"type": "SHA256", "value": "${"0".repeat(64)}"}, "meta": {"note": "${meta}"}}\n`;
			const length = encodeUtf8(text).length;
			lines.push({ key, name, start: at, size });
			texts.push(text);
			at += length;
			longestLine = Math.max(longestLine, length - 1);
		}
	}
	return { bytes: encodeUtf8(texts.join("")), low: header.length, lines, longestLine };
}

const { bytes, low, lines, longestLine } = manifest();
const skip = "d000/".length;

/** Gives the buffer back that it was given, with other bytes in it, as a file does. */
function source(reads: { bytes: number; count: number }): RandomBytes {
	return {
		size: bytes.length,
		read(start, end, buffer) {
			reads.bytes += end - start;
			reads.count++;
			const target =
				buffer !== undefined && buffer.length >= end - start ? buffer : new Uint8Array(end - start);
			target.set(bytes.subarray(start, end));
			return target.subarray(0, end - start);
		},
	};
}

function table(reads = { bytes: 0, count: 0 }): ManifestTable {
	return new ManifestTable(source(reads), { low, entries: lines.length, longestLine, odd: [] });
}

const lineAt = (index: number): Line => lines[index] as Line;
const endOf = (index: number): number => lines[index + 1]?.start ?? bytes.length;

test("the lines make valid JSON with the keys that they are listed with", () => {
	for (const [index, { key, start }] of lines.entries()) {
		const value = parseJson(decodeUtf8(bytes.subarray(start, endOf(index) - 1))) as Map<string, unknown>;
		expect(value.get("logical_key")).toBe(key);
	}
});

test("reading all lines in order reads little more than the manifest has bytes", () => {
	const reads = { bytes: 0, count: 0 };
	const sequential = table(reads);
	let at = low;
	for (const { key, start, size } of lines) {
		expect(at).toBe(start);
		expect(sequential.key(at, 0)).toBe(key);
		expect(sequential.entry(at).size).toBe(size);
		at = sequential.next(at);
	}
	expect(at).toBe(bytes.length);
	expect(reads.bytes).toBeLessThan(1.3 * bytes.length);
});

test("keys are read many at once, also where some have escapes in what is left out of them", () => {
	const keys = ["d/1", "d/2", "d/3", "d/4"];
	const written = ['"d/1"', '"\\u0064/2"', '"d/3"', '"d/\\u0034"'];
	const text = written
		.map(
			(key) =>
				`{"logical_key": ${key}, "physical_keys": ["s3://b/k"], "size": 1, "hash": {"type": "t", "value": "v"}, "meta": {}}\n`,
		)
		.join("");
	const escaped = new ManifestTable(memoryBytes(encodeUtf8(text)), {
		low: 0,
		entries: 4,
		longestLine: 200,
		odd: [],
	});
	for (const left of [0, 2]) {
		const found: string[] = [];
		for (let at = 0; at < text.length;) {
			const run = escaped.keysFrom(at, text.length, left);
			expect(run.keys.length).toBe(run.starts.length);
			found.push(...run.keys);
			at = run.next;
		}
		expect(found).toEqual(keys.map((key) => key.slice(left)));
	}

	const all = table();
	const found: Line[] = [];
	for (let at = low; at < bytes.length;) {
		const { starts, keys: some, next } = all.keysFrom(at, bytes.length, skip);
		for (const [index, start] of starts.entries()) {
			const { key, size } = lineAt(found.length);
			found.push({ key, name: some[index] as string, start, size });
		}
		at = next;
	}
	expect(found).toEqual(lines);
});

test("finding one key takes a few reads", () => {
	const reads = { bytes: 0, count: 0 };
	const found = table(reads).find(low, bytes.length, 0, encodeUtf8("d150"));
	expect(found).toEqual({ kind: "directory", low: lineAt(3000).start, high: lineAt(3020).start });
	expect(reads.count).toBeLessThan(50);
});

test("finding keys again, or after a walk, reads little more than the lines that are asked for", () => {
	const reads = { bytes: 0, count: 0 };
	const asked = table(reads);
	const findAll = (): number => {
		const before = reads.count;
		for (let folder = 0; folder < 200; folder++) {
			const name = encodeUtf8(lineAt(folder * 20).key.slice(0, 4));
			expect(asked.find(low, bytes.length, 0, name)?.low).toBe(lineAt(folder * 20).start);
		}
		return reads.count - before;
	};
	const first = findAll();
	const again = findAll();
	expect(again).toBeLessThan(0.8 * first);
	const walked = table(reads);
	for (let at = low; at < bytes.length;) at = walked.keysFrom(at, bytes.length, 0).next;
	const before = reads.count;
	walked.find(low, bytes.length, 0, encodeUtf8("d150"));
	expect(reads.count - before).toBeLessThan(20);
});

test("any sequence of questions is answered as the array of lines does", () => {
	const index = fc.integer({ min: 0, max: lines.length - 1 });
	const question = fc.tuple(
		fc.constantFrom("key", "next", "entry", "file", "folder", "first", "bound", "keys"),
		index,
	);
	fc.assert(
		fc.property(fc.array(question, { maxLength: 40 }), (questions) => {
			const asked = table();
			for (const [what, at] of questions) {
				const line = lineAt(at);
				const folder = Math.floor(at / 20) * 20;
				const inFolder = [lineAt(folder).start, endOf(folder + 19)] as const;
				if (what === "key") expect(asked.key(line.start, skip)).toBe(line.name);
				else if (what === "next") expect(asked.next(line.start)).toBe(endOf(at));
				else if (what === "entry") expect(asked.entry(line.start).size).toBe(line.size);
				else if (what === "file") {
					expect(asked.find(...inFolder, skip, encodeUtf8(line.name))).toEqual({
						kind: "file",
						low: line.start,
						high: endOf(at),
					});
					expect(asked.find(...inFolder, skip, encodeUtf8(`${line.name}!`))).toBeUndefined();
				} else if (what === "folder") {
					const name = encodeUtf8(line.key.slice(0, 4));
					const expected = { kind: "directory", low: inFolder[0], high: inFolder[1] };
					expect(asked.find(low, bytes.length, 0, name)).toEqual(expected);
				} else if (what === "keys") {
					const { starts, keys, next } = asked.keysFrom(line.start, bytes.length, 0);
					const read = lines.slice(at, at + keys.length);
					expect([starts, keys]).toEqual([read.map(({ start }) => start), read.map(({ key }) => key)]);
					expect(next).toBe(endOf(at + keys.length - 1));
				} else if (what === "first") {
					const { name, found } = asked.first(line.start, inFolder[1], skip);
					expect([decodeUtf8(name), found.high]).toEqual([line.name, endOf(at)]);
				} else {
					expect(asked.lowerBound(low, bytes.length, 0, encodeUtf8(line.key.slice(0, 4)))).toBe(inFolder[0]);
				}
			}
		}),
		{ numRuns: 150 },
	);
});
