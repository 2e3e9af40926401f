/** What every writable `Store` promises, as tests: the executable form of the comments in `storage/store.ts`. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isBaleError } from "../../src/core/errors.ts";
import { bytesSource, collect } from "../../src/storage/byte-source.ts";
import type { ByteSource, ListItem, ListOptions, ReadOptions, Store } from "../../src/storage/store.ts";

/** A store that holds nothing, and what removes it. */
export type OpenedStore = { readonly store: Store; readonly close?: () => Promise<void> | void };

export type StoreTraits = {
	/**
	 * Whether `a` and `a/b` can both be objects (false where objects are files); `unlisted`: both are kept and read, but
	 * only the first is listed.
	 */
	readonly nestedObjects?: boolean | "unlisted";
	/**
	 * Whether the marker of a deleted object still counts as that object (a server that keeps markers in the object's
	 * file): nothing can take the place of its parents, and its old ETag still allows a write.
	 */
	readonly deletedLeaveMarkers?: boolean;
	/** Bytes that a segment of a key can have; default 255. */
	readonly segmentBytes?: number;
	/** Whether prefixes with a segment of nothing or dots, which no key of the server can have, are refused, not empty. */
	readonly refusesOddPrefixes?: boolean;
	/** How many writers race in the race tests. */
	readonly racers?: number;
};

const encoder = new TextEncoder();
const decoder = new TextDecoder();

async function read(store: Store, key: string, options?: ReadOptions): Promise<string | undefined> {
	const object = await store.get(key, options);
	return object && decoder.decode(await collect(object.body));
}

async function items(store: Store, prefix: string, options?: ListOptions): Promise<ListItem[]> {
	const found: ListItem[] = [];
	for await (const item of store.list(prefix, options)) found.push(item);
	return found;
}

async function names(store: Store, prefix: string, options?: ListOptions): Promise<string[]> {
	return (await items(store, prefix, options)).map((item) => ("prefix" in item ? item.prefix : item.key));
}

async function put(store: Store, ...keys: readonly string[]): Promise<void> {
	for (const key of keys) await store.put(key, encoder.encode(key));
}

/** A source whose stream gives `given` bytes and then ends, or breaks off. */
function faultySource(size: number, given: number, error?: Error): ByteSource {
	return {
		size,
		open: () => {
			let left = given;
			return new ReadableStream<Uint8Array>({
				pull(controller) {
					if (left > 0) {
						const length = Math.min(left, 65_536);
						controller.enqueue(new Uint8Array(length).fill(7));
						left -= length;
					} else if (error === undefined) controller.close();
					else controller.error(error);
				},
			});
		},
	};
}

/** The same source, which can also be asked without a stream: all that it gives goes through one piece of memory. */
function delivering(source: ByteSource): ByteSource {
	const memory = new Uint8Array(65_536);
	return {
		...source,
		async deliver(sink, range, signal) {
			const reader = source.open(range, signal).getReader();
			for (let read = await reader.read(); !read.done; read = await reader.read()) {
				for (let at = 0; at < read.value.length; at += memory.length) {
					const piece = read.value.subarray(at, at + memory.length);
					memory.set(piece);
					sink(memory.subarray(0, piece.length));
					memory.fill(0);
				}
			}
		},
	};
}

const kindsOfSource: readonly (readonly [string, (source: ByteSource) => ByteSource])[] = [
	["streams", (source) => source],
	["delivers", delivering],
];

/** Registers the whole suite for one implementation. `open` is called once for each group of tests. */
export function describeStore(
	name: string,
	open: () => Promise<OpenedStore> | OpenedStore,
	traits: StoreTraits = {},
): void {
	const racers = traits.racers ?? 16;

	const group = (title: string, define: (store: () => Store) => void): void => {
		describe(`${name}: ${title}`, () => {
			let opened: OpenedStore | undefined;
			beforeAll(async () => {
				opened = await open();
			});
			afterAll(async () => {
				await opened?.close?.();
			});
			define(() => opened!.store);
		});
	};

	group("reading and writing", (store) => {
		test("get() gives what put() wrote, with the same info", async () => {
			const written = await store().put("a/b.txt", encoder.encode("hello"));
			const object = await store().get("a/b.txt");
			expect(object?.info).toMatchObject({ key: "a/b.txt", size: 5, etag: written.etag });
			expect(object?.info.modifiedAt).toBeInstanceOf(Date);
			expect(decoder.decode(await collect(object!.body))).toBe("hello");
			expect(await store().head("a/b.txt")).toMatchObject({ key: "a/b.txt", size: 5, etag: written.etag });
		});

		test("get() and head() give undefined for what is not there", async () => {
			await put(store(), "there/x");
			for (const key of ["missing", "there", "there/x/y", "there/y", "ther"]) {
				expect(await store().get(key), key).toBeUndefined();
				expect(await store().head(key), key).toBeUndefined();
			}
		});

		test("put() keeps empty objects", async () => {
			await store().put("empty", new Uint8Array());
			expect(await read(store(), "empty")).toBe("");
			expect(await store().head("empty")).toMatchObject({ size: 0 });
		});

		test.each(kindsOfSource)(
			"put() takes a source that %s more than any buffer holds",
			async (kind, source) => {
				const bytes = new Uint8Array(3_000_001).map((_, index) => index * 31);
				await store().put(`large-${kind}`, source(bytesSource(bytes)));
				const object = await store().get(`large-${kind}`);
				expect(object?.info.size).toBe(bytes.length);
				expect(Buffer.from(await collect(object!.body)).equals(bytes)).toBe(true);
			},
		);

		test("put() replaces, and the ETag changes with the content", async () => {
			for (const size of [1, 5000, 200_000]) {
				const etags = new Set<string>();
				for (const fill of [1, 2, 3, 4]) {
					const { etag } = await store().put(`replaced-${size}`, new Uint8Array(size).fill(fill));
					etags.add(etag);
					expect((await store().head(`replaced-${size}`))?.etag).toBe(etag);
				}
				expect(etags.size).toBe(4);
			}
		});

		test("put() does not keep a hold on the caller's bytes", async () => {
			const bytes = encoder.encode("before");
			await store().put("copied", bytes);
			bytes.fill(0);
			expect(await read(store(), "copied")).toBe("before");
		});

		test("a body can be cancelled", async () => {
			await store().put("cancelled", new Uint8Array(1_000_000));
			const object = await store().get("cancelled");
			await object?.body.cancel();
			expect((await store().head("cancelled"))?.size).toBe(1_000_000);
		});

		test("a body that was opened before an overwrite is all old", async () => {
			await store().put("swapped", new Uint8Array(300_000).fill(1));
			const object = await store().get("swapped");
			await store().put("swapped", new Uint8Array(300_000).fill(2));
			const values = new Set(await collect(object!.body));
			expect([...values]).toEqual([1]);
		});
	});

	group("ranges", (store) => {
		const text = "0123456789";
		beforeAll(async () => {
			await store().put("digits", encoder.encode(text));
			await store().put(
				"long",
				new Uint8Array(500_000).map((_, index) => index % 251),
			);
		});

		test.each([
			[0, 10, text],
			[0, 1, "0"],
			[3, 4, "3456"],
			[9, 1, "9"],
			[0, 0, ""],
			[5, 0, ""],
			[10, 0, ""],
		])(
			"get() gives the range of %i + %i bytes and the size of the whole",
			async (offset, length, expected) => {
				const object = await store().get("digits", { range: { offset, length } });
				expect(object?.info.size).toBe(10);
				expect(decoder.decode(await collect(object!.body))).toBe(expected);
			},
		);

		test("get() gives a range inside of a large object", async () => {
			const object = await store().get("long", { range: { offset: 123_456, length: 300_000 } });
			const bytes = await collect(object!.body);
			expect(bytes.length).toBe(300_000);
			expect(bytes[0]).toBe(123_456 % 251);
			expect(bytes.at(-1)).toBe(423_455 % 251);
		});

		test.each([
			[0, 11],
			[10, 1],
			[11, 0],
			[500, 1],
			[-1, 2],
			[0.5, 1],
			[0, -1],
			[0, Number.NaN],
		])("get() refuses the range of %d + %d bytes", async (offset, length) => {
			await expect(store().get("digits", { range: { offset, length } })).rejects.toMatchObject({
				code: "InvalidArgument",
			});
		});

		test("get() of a missing object with a range is undefined", async () => {
			expect(await store().get("missing", { range: { offset: 0, length: 1 } })).toBeUndefined();
		});
	});

	group("keys", (store) => {
		const odd = [
			"with space",
			" leading and trailing ",
			"plus+percent%20hash#question?amp&equals=",
			"%41",
			"ünï/日本語/🐱",
			"e\u0301 and \u00e9",
			"__proto__",
			"constructor/prototype",
			"toString",
			"a.b",
			".hidden",
			"..dots..",
			"...",
			"quote'\"`!()*[]{}|^~",
			"comma,semicolon;colon:at@",
			"line\nfeed",
			"x".repeat(traits.segmentBytes ?? 255),
			"deep/".repeat(40) + "end",
		];

		test.each(odd)("%j is a key like any other", async (key) => {
			const { etag } = await store().put(key, encoder.encode(`content of ${key}`));
			expect(await read(store(), key)).toBe(`content of ${key}`);
			expect(await names(store(), key)).toContain(key);
			await store().put(key, encoder.encode("new"), { condition: { ifEtag: etag } });
			await store().delete(key);
			expect(await store().head(key)).toBeUndefined();
		});

		test.each(["", "/", "/a", "a/", "a//b", ".", "..", "a/./b", "a/../b", "../a", "a/..", "lone\ud800"])(
			"%j is InvalidKey",
			async (key) => {
				const bytes = encoder.encode("x");
				await expect(store().get(key)).rejects.toMatchObject({ code: "InvalidKey" });
				await expect(store().head(key)).rejects.toMatchObject({ code: "InvalidKey" });
				await expect(store().put(key, bytes)).rejects.toMatchObject({ code: "InvalidKey" });
				await expect(store().delete(key)).rejects.toMatchObject({ code: "InvalidKey" });
			},
		);

		test("composed and decomposed letters are different keys", async () => {
			await store().put("norm/e\u0301", encoder.encode("two"));
			await store().put("norm/\u00e9", encoder.encode("one"));
			expect(await read(store(), "norm/e\u0301")).toBe("two");
			expect(await read(store(), "norm/\u00e9")).toBe("one");
		});

		if (traits.nestedObjects === true || traits.nestedObjects === "unlisted") {
			test("a key may continue another one", async () => {
				await put(store(), "nest", "nest/below");
				expect(await read(store(), "nest")).toBe("nest");
				expect(await read(store(), "nest/below")).toBe("nest/below");
				const listed = traits.nestedObjects === true ? ["nest", "nest/below"] : ["nest"];
				expect(await names(store(), "nest")).toEqual(listed);
			});
		} else {
			test("a key cannot continue another one: KeyCollision", async () => {
				const bytes = encoder.encode("x");
				await put(store(), "file", "directory/x");
				await expect(store().put("file/below", bytes)).rejects.toMatchObject({ code: "KeyCollision" });
				await expect(store().put("directory", bytes)).rejects.toMatchObject({ code: "KeyCollision" });
				const condition = { ifAbsent: true } as const;
				await expect(store().put("directory", bytes, { condition })).rejects.toMatchObject({
					code: "KeyCollision",
				});
				expect(await read(store(), "file")).toBe("file");
				expect(await read(store(), "directory/x")).toBe("directory/x");
			});
		}
	});

	group("deletion", (store) => {
		test("delete() removes, and is no error for what is not there", async () => {
			await put(store(), "gone", "kept/one", "kept/two");
			await store().delete("gone");
			await store().delete("gone");
			await store().delete("never/was");
			if (traits.deletedLeaveMarkers !== true) {
				await store().delete("kept/one/below");
				await store().delete("kept");
			}
			expect(await store().get("gone")).toBeUndefined();
			expect(await names(store(), "")).toEqual(["kept/one", "kept/two"]);
		});

		test("a key can be written again, and its parents can become objects", async () => {
			await put(store(), "p/q/r");
			await store().delete("p/q/r");
			await put(store(), "p/q/r");
			expect(await read(store(), "p/q/r")).toBe("p/q/r");
			await store().delete("p/q/r");
			if (traits.deletedLeaveMarkers === true) return;
			await put(store(), "p/q");
			expect(await read(store(), "p/q")).toBe("p/q");
			await store().delete("p/q");
			await put(store(), "p");
			expect(await names(store(), "p")).toEqual(["p"]);
		});
	});

	group("conditions", (store) => {
		const bytes = encoder.encode("new");

		test("ifAbsent creates once", async () => {
			const condition = { ifAbsent: true } as const;
			await store().put("once", encoder.encode("first"), { condition });
			await expect(store().put("once", bytes, { condition })).rejects.toMatchObject({ code: "Conflict" });
			expect(await read(store(), "once")).toBe("first");
			await store().delete("once");
			await store().put("once", bytes, { condition });
			expect(await read(store(), "once")).toBe("new");
		});

		test("ifEtag replaces only the object that has it", async () => {
			const first = await store().put("swap", encoder.encode("first"));
			const second = await store().put("swap", encoder.encode("second"), {
				condition: { ifEtag: first.etag },
			});
			await expect(store().put("swap", bytes, { condition: { ifEtag: first.etag } })).rejects.toMatchObject({
				code: "Conflict",
			});
			expect(await read(store(), "swap")).toBe("second");
			expect((await store().head("swap"))?.etag).toBe(second.etag);
		});

		test("ifEtag of an object that is gone is a Conflict", async () => {
			if (traits.deletedLeaveMarkers === true) return;
			const { etag } = await store().put("left", encoder.encode("first"));
			await store().delete("left");
			await expect(store().put("left", bytes, { condition: { ifEtag: etag } })).rejects.toMatchObject({
				code: "Conflict",
			});
			expect(await store().head("left")).toBeUndefined();
		});

		test("only the object that has ifEtag is deleted", async () => {
			const first = await store().put("gone", encoder.encode("first"));
			const second = await store().put("gone", encoder.encode("second"));
			await store().delete("gone", { ifEtag: first.etag });
			expect(await read(store(), "gone")).toBe("second");
			await store().delete("gone", { ifEtag: second.etag });
			expect(await store().head("gone")).toBeUndefined();
			await store().delete("gone", { ifEtag: second.etag });
		});

		test("of many that create at once exactly one wins", async () => {
			for (let round = 0; round < 5; round++) {
				const key = `create/${round}`;
				const outcomes = await Promise.allSettled(
					Array.from({ length: racers }, (_, index) =>
						store().put(key, encoder.encode(String(index)), { condition: { ifAbsent: true } }),
					),
				);
				const winners = outcomes.flatMap(({ status }, index) => (status === "fulfilled" ? [index] : []));
				expect(winners).toHaveLength(1);
				for (const outcome of outcomes) {
					if (outcome.status === "rejected") expect(outcome.reason).toMatchObject({ code: "Conflict" });
				}
				expect(await read(store(), key)).toBe(String(winners[0]));
			}
		});

		test("of many that replace at once exactly one wins", async () => {
			let { etag } = await store().put("replace", encoder.encode("start"));
			for (let round = 0; round < 5; round++) {
				const outcomes = await Promise.allSettled(
					Array.from({ length: racers }, (_, index) =>
						store().put("replace", encoder.encode(`${round}-${index}`), { condition: { ifEtag: etag } }),
					),
				);
				const winners = outcomes.flatMap(({ status }, index) => (status === "fulfilled" ? [index] : []));
				expect(winners).toHaveLength(1);
				expect(await read(store(), "replace")).toBe(`${round}-${winners[0]}`);
				etag = (await store().head("replace"))!.etag;
			}
		});

		test("increments by compare-and-swap are never lost", async () => {
			await store().put("counter", encoder.encode("0"));
			const increment = async (): Promise<void> => {
				for (;;) {
					const object = await store().get("counter");
					const value = Number(decoder.decode(await collect(object!.body)));
					try {
						await store().put("counter", encoder.encode(String(value + 1)), {
							condition: { ifEtag: object!.info.etag },
						});
						return;
					} catch (error) {
						if (!isBaleError(error, "Conflict")) throw error;
					}
				}
			};
			await Promise.all(Array.from({ length: 24 }, increment));
			expect(await read(store(), "counter")).toBe("24");
		});
	});

	group("listing", (store) => {
		const keys = [
			"a b",
			"a!",
			"a-b",
			"a.txt",
			"a/1",
			"a/b/c",
			"a/b/d/e",
			"a0",
			"ab/x",
			"b",
			"é",
			"\uffee",
			"🐱",
		];
		beforeAll(() => put(store(), ...keys.toReversed()));
		const sorted = keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));

		test("list() gives all keys in the order of their UTF-8 bytes, with their infos", async () => {
			expect(await names(store(), "")).toEqual(sorted);
			for (const item of await items(store(), "")) {
				if ("prefix" in item) throw new Error("a prefix without a delimiter");
				const { key, size, etag } = item;
				expect(size).toBe(Buffer.byteLength(key));
				expect((await store().head(key))?.etag).toBe(etag);
			}
		});

		test.each(["a", "a/", "a/b", "a/b/", "a/b/c", "a/b/c/", "ab", "b", "x", "a//", "/", "..", "../", "é"])(
			"list(%j) gives the keys that begin so, also inside of a segment",
			async (prefix) => {
				if (traits.refusesOddPrefixes === true && /^\/|\/\/|^\.\./.test(prefix)) {
					const found = await names(store(), prefix).catch((error: unknown) => error);
					if (isBaleError(found)) expect(found.details).toMatchObject({ status: 400 });
					else expect(found).toEqual([]);
					return;
				}
				expect(await names(store(), prefix)).toEqual(sorted.filter((key) => key.startsWith(prefix)));
			},
		);

		test.each([
			["", ["a b", "a!", "a-b", "a.txt", "a/", "a0", "ab/", "b", "é", "\uffee", "🐱"]],
			["a/", ["a/1", "a/b/"]],
			["a", ["a b", "a!", "a-b", "a.txt", "a/", "a0", "ab/"]],
			["a/b", ["a/b/"]],
			["a/b/", ["a/b/c", "a/b/d/"]],
			["none/", []],
		])("list(%j) with a delimiter gives one level", async (prefix, expected) => {
			expect(await names(store(), prefix, { delimiter: "/" })).toEqual(expected);
		});

		test.each(["", "a", "a.txt", "a/", "a/1", "a/b", "a/b/c", "a/zzz", "a0", "b", "é", "🐱", "🐱🐱"])(
			"list() with startAfter %j gives the keys behind it",
			async (startAfter) => {
				const behind = (key: string) => Buffer.compare(Buffer.from(key), Buffer.from(startAfter)) > 0;
				expect(await names(store(), "", { startAfter })).toEqual(sorted.filter(behind));
				expect(await names(store(), "a", { startAfter })).toEqual(
					sorted.filter((key) => key.startsWith("a") && behind(key)),
				);
			},
		);

		test("list() can be left early", async () => {
			for await (const item of store().list("")) {
				expect(item).toMatchObject({ key: sorted[0] });
				break;
			}
		});

		test("list() pages through more than a thousand keys", async () => {
			const many = Array.from({ length: 1001 }, (_, index) => `many/${index.toString().padStart(4, "0")}`);
			for (let start = 0; start < many.length; start += 50) {
				await Promise.all(many.slice(start, start + 50).map((key) => store().put(key, new Uint8Array([1]))));
			}
			expect(await names(store(), "many/")).toEqual(many);
			expect(await names(store(), "many/", { startAfter: "many/0998" })).toEqual(["many/0999", "many/1000"]);
			expect(await names(store(), "many", { delimiter: "/" })).toEqual(["many/"]);
		}, 120_000);
	});

	group("faults", (store) => {
		test.each(kindsOfSource)(
			"a body of a source that %s and breaks off leaves nothing, and what was there stays",
			async (kind, source) => {
				const key = `torn-${kind}`;
				const broken = (): ByteSource => source(faultySource(1_000_000, 700_000, new Error("torn")));
				await expect(store().put(key, broken())).rejects.toThrow();
				expect(await store().head(key)).toBeUndefined();
				await store().put(key, encoder.encode("old"));
				await expect(store().put(key, broken())).rejects.toThrow();
				expect(await read(store(), key)).toBe("old");
			},
		);

		test.each(
			kindsOfSource.flatMap(([kind, source]) =>
				[700_000, 1_300_000].map((given) => [kind, given, source] as const),
			),
		)("a source that %s %i bytes where it said 1000000 is SourceChanged", async (kind, given, source) => {
			const key = `odd-${kind}-${given}`;
			await expect(store().put(key, source(faultySource(1_000_000, given)))).rejects.toMatchObject({
				code: "SourceChanged",
			});
			expect(await store().head(key)).toBeUndefined();
		});

		test("put() that is aborted on the way leaves nothing", async () => {
			const abort = new AbortController();
			const endless: ByteSource = {
				size: 1_000_000,
				open: () =>
					new ReadableStream<Uint8Array>({
						start: (controller) => controller.enqueue(new Uint8Array(1000)),
					}),
			};
			const writing = store().put("aborted", endless, { signal: abort.signal });
			setTimeout(() => abort.abort(), 20);
			await expect(writing).rejects.toMatchObject({ code: "Aborted" });
			expect(await store().head("aborted")).toBeUndefined();
			expect(await names(store(), "aborted")).toEqual([]);
		});

		test("nothing is begun with a signal that has fired", async () => {
			await put(store(), "signal");
			const signal = AbortSignal.abort();
			const aborted = { code: "Aborted" };
			await expect(store().get("signal", { signal })).rejects.toMatchObject(aborted);
			await expect(store().head("signal", { signal })).rejects.toMatchObject(aborted);
			await expect(store().put("signal", new Uint8Array(), { signal })).rejects.toMatchObject(aborted);
			await expect(store().delete("signal", { signal })).rejects.toMatchObject(aborted);
			await expect(items(store(), "", { signal })).rejects.toMatchObject(aborted);
			expect(await read(store(), "signal")).toBe("signal");
		});

		test("a reader beside a writer sees whole objects only", async () => {
			const sizes = [10, 5_000, 100_000];
			let writing = true;
			await store().put("busy", new Uint8Array(10).fill(0));
			const writer = async (): Promise<void> => {
				for (let round = 1; round <= 60; round++) {
					await store().put("busy", new Uint8Array(sizes[round % 3]!).fill(round));
				}
				writing = false;
			};
			const reader = async (): Promise<number> => {
				let seen = 0;
				while (writing) {
					const object = await store().get("busy");
					const bytes = await collect(object!.body);
					expect(bytes.length).toBe(object!.info.size);
					expect(sizes).toContain(bytes.length);
					expect(new Set(bytes).size).toBe(1);
					seen++;
					// A store that answers at once must not keep the writer from its turn.
					await new Promise((resolve) => setImmediate(resolve));
				}
				return seen;
			};
			const [, ...seen] = await Promise.all([writer(), reader(), reader()]);
			expect(Math.min(...seen)).toBeGreaterThan(0);
		}, 60_000);
	});
}
