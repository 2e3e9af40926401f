/** Publishing, on the registry itself: order, pointers, conflicts. */
import { describe, expect, test } from "vitest";
import { isBaleError } from "../../src/core/errors.ts";
import { layout } from "../../src/core/layout.ts";
import { parseManifest } from "../../src/core/manifest.ts";
import { parsePackageName } from "../../src/core/names.ts";
import { createSha256 } from "../../src/core/sha256.ts";
import { computeTopHash, type TopHash } from "../../src/core/top-hash.ts";
import { bytesSource } from "../../src/storage/byte-source.ts";
import { readAuthor } from "../../src/registry/authors.ts";
import { Base } from "../../src/registry/base.ts";
import { checkBase, publish, type PublishOptions } from "../../src/registry/publish.ts";
import { Registry } from "../../src/registry/registry.ts";
import { MemoryStore } from "../../src/storage/memory-store.ts";
import { RecordingStore } from "../client/support/recording-store.ts";
import { failure } from "../client/support/failure.ts";

const name = parsePackageName("team/data");
const pointers = ".quilt/named_packages/team/data/";
const second = 1_700_000_000;

/** A registry in memory with a clock, and what it takes to publish. */
function setUp() {
	const clock = { now: second * 1000 };
	const store = new RecordingStore(new MemoryStore({ now: () => clock.now }));
	const registry = new Registry(store, { createSha256, now: () => clock.now });
	const warnings: string[] = [];
	return { clock, store, registry, warnings, onWarning: (code: string) => void warnings.push(code) };
}

/** A revision that differs in its message. */
function revision(message: string): { manifest: PublishOptions["manifest"]; topHash: TopHash } {
	const bytes = new TextEncoder().encode(`{"version": "v0", "message": ${JSON.stringify(message)}}\n`);
	const { header, tree } = parseManifest(bytes);
	return { manifest: bytesSource(bytes), topHash: computeTopHash(header, tree, createSha256) };
}

async function textAt(registry: Registry, key: string): Promise<string | undefined> {
	const object = await registry.store.get(key);
	return object === undefined ? undefined : new Response(object.body).text();
}

async function put(registry: Registry, key: string, text: string): Promise<void> {
	await registry.store.put(key, new TextEncoder().encode(text));
}

async function history(registry: Registry): Promise<[string, string][]> {
	return (await registry.pointers(name)).map(({ pointer, topHash }) => [pointer, topHash]);
}

describe("publish()", () => {
	test("lists the pointers of the last day only, and finds the greatest beyond a slow clock", async () => {
		const { clock, store, registry, warnings, onWarning } = setUp();
		const starts: (string | undefined)[] = [];
		const list = store.list.bind(store);
		store.list = (prefix, options) => {
			if (prefix === pointers) starts.push(options?.startAfter);
			return list(prefix, options);
		};
		await publish(registry, name, { ...revision("one"), accept: "any" });
		expect(starts).toEqual([`${pointers}${second - 24 * 60 * 60}`]);
		clock.now -= 10 * 24 * 60 * 60 * 1000;
		const later = await publish(registry, name, { ...revision("two"), accept: "any", onWarning });
		expect(later.pointer).toBe(String(second + 1));
		expect(warnings).toEqual(["Clock"]);
		clock.now = 5_000_000;
		const ancient = await publish(registry, name, { ...revision("three"), accept: "any", onWarning });
		expect(ancient.pointer).toBe(String(second + 2));
	});

	test("writes the manifest, then the timestamp, then latest", async () => {
		const { store, registry } = setUp();
		const one = revision("one");
		const published = await publish(registry, name, { ...one, accept: "any" });
		expect(published).toEqual({ topHash: one.topHash, pointer: String(second), changed: true });
		expect(store.log).toEqual([
			`put .quilt/packages/${one.topHash}`,
			`put ${pointers}${second}`,
			`put ${pointers}latest`,
		]);
		expect(await textAt(registry, `${pointers}latest`)).toBe(one.topHash);
	});

	test("records the author beside quilt3's folder, before a conflict with latest can tell of it", async () => {
		const { store, registry } = setUp();
		await publish(registry, name, { ...revision("one"), accept: "any", author: "ada@example" });
		expect(store.log.slice(-2)).toEqual([`put .bale/authors/team/data/${second}`, `put ${pointers}latest`]);
		expect(await readAuthor(registry, name, String(second))).toBe("ada@example");
		expect(await readAuthor(registry, name, "1")).toBeUndefined();
	});

	test("publishes although the author cannot be recorded", async () => {
		const { store, registry } = setUp();
		store.before = (_verb, key) => {
			if (key.startsWith(".bale/")) throw new Error("no room for names");
		};
		const published = await publish(registry, name, { ...revision("one"), accept: "any", author: "ada" });
		expect(published.changed).toBe(true);
	});

	test("does nothing when latest names the revision already", async () => {
		const { store, registry, clock } = setUp();
		const one = revision("one");
		await publish(registry, name, { ...one, accept: "any" });
		store.log.length = 0;
		clock.now += 60_000;
		const again = await publish(registry, name, { ...one, accept: new Set() });
		expect(again).toEqual({ topHash: one.topHash, pointer: undefined, changed: false });
		expect(store.log).toEqual([]);
	});

	test("adds a pointer when an older revision becomes the newest again", async () => {
		const { registry } = setUp();
		const [one, two] = [revision("one"), revision("two")];
		for (const item of [one, two, one]) await publish(registry, name, { ...item, accept: "any" });
		expect(await history(registry)).toEqual([
			[String(second), one.topHash],
			[String(second + 1), two.topHash],
			[String(second + 2), one.topHash],
			["latest", one.topHash],
		]);
	});

	test("takes the next free second, and never one below the greatest", async () => {
		const { registry, clock, warnings, onWarning } = setUp();
		const seconds: (string | undefined)[] = [];
		for (const [index, now] of [second, second, second - 100, second + 0.9, second + 50].entries()) {
			clock.now = now * 1000;
			const { pointer } = await publish(registry, name, {
				...revision(String(index)),
				accept: "any",
				onWarning,
			});
			seconds.push(pointer);
		}
		expect(seconds).toEqual([0, 1, 2, 3, 50].map((more) => String(second + more)));
		expect(warnings).toEqual([]);
	});

	test("goes on by numbers, not by text", async () => {
		const { registry, clock } = setUp();
		await put(registry, `${pointers}999999999`, revision("old").topHash);
		clock.now = 5_000;
		const { pointer } = await publish(registry, name, { ...revision("one"), accept: "any" });
		expect(pointer).toBe("1000000000");
	});

	test("warns when the newest revision is more than five minutes ahead of the clock, and keeps the order", async () => {
		const { registry, clock, warnings, onWarning } = setUp();
		await publish(registry, name, { ...revision("future"), accept: "any" });
		clock.now -= 20 * 365 * 86_400_000;
		const { pointer } = await publish(registry, name, { ...revision("past"), accept: "any", onWarning });
		expect(pointer).toBe(String(second + 1));
		expect(warnings).toEqual(["Clock"]);
	});

	test("skips a second that somebody else has just taken", async () => {
		const { store, registry } = setUp();
		const other = revision("other");
		let first = true;
		store.before = async (_verb, key) => {
			if (!first || key !== `${pointers}${second}`) return;
			first = false;
			await store.inner.put(key, new TextEncoder().encode(other.topHash));
		};
		const { pointer } = await publish(registry, name, { ...revision("one"), accept: "any" });
		expect(pointer).toBe(String(second + 1));
		expect(await textAt(registry, `${pointers}${second}`)).toBe(other.topHash);
	});

	test.for(["manifest", "timestamp", "latest"])(
		"a failure at the %s leaves no pointer to what is not there",
		async (step) => {
			const { store, registry } = setUp();
			const one = revision("one");
			await publish(registry, name, { ...one, accept: "any" });
			const two = revision("two");
			const failing = {
				manifest: layout.manifest(two.topHash),
				timestamp: `${pointers}${second + 1}`,
				latest: `${pointers}latest`,
			}[step];
			store.before = (_verb, key) => {
				if (key === failing) throw new Error("power cut");
			};
			await expect(publish(registry, name, { ...two, accept: "any" })).rejects.toThrow("power cut");
			expect(await textAt(registry, `${pointers}latest`)).toBe(one.topHash);
			for (const { topHash } of await registry.pointers(name)) expect(await registry.has(topHash)).toBe(true);
			store.before = () => undefined;
			const again = await publish(registry, name, { ...two, accept: new Set([one.topHash]) });
			expect(again.pointer).toBe(String(second + 1));
			expect(await history(registry)).toEqual([
				[String(second), one.topHash],
				[String(second + 1), two.topHash],
				["latest", two.topHash],
			]);
		},
	);
});

describe("publish() over another revision", () => {
	test("refuses with Conflict that says who, when and what", async () => {
		const { registry, clock } = setUp();
		const [base, theirs, ours] = [revision("base"), revision("theirs"), revision("ours")];
		await publish(registry, name, { ...base, accept: "any" });
		clock.now += 10_000;
		await publish(registry, name, { ...theirs, accept: new Set([base.topHash]), author: "bob@example" });
		const error = await failure(
			publish(registry, name, { ...ours, accept: new Set([base.topHash]) }),
			"Conflict",
		);
		expect(error.exitCode).toBe(11);
		expect(error.message).toContain("team/data");
		expect(error.message).toContain("by bob@example");
		expect(error.message).toContain("2023-11-14T22:13:30.000Z");
		expect(error.message).toContain('"theirs"');
		expect(error.hint).toContain("--force");
		expect(error.details).toEqual({
			name: "team/data",
			registry: "s3://memory/",
			found: theirs.topHash,
			expected: [base.topHash],
			publishedAt: "2023-11-14T22:13:30.000Z",
			publishedBy: "bob@example",
			message: "theirs",
			changes: { added: 0, modified: 0, deleted: 0, keys: [] },
		});
		expect(await registry.has(ours.topHash)).toBe(false);
	});

	test("takes its timestamp back when latest moves after the manifest was written", async () => {
		const { store, registry } = setUp();
		const [base, theirs, ours] = [revision("base"), revision("theirs"), revision("ours")];
		await publish(registry, name, { ...base, accept: "any" });
		const other = new Registry(store.inner, registry.options);
		let first = true;
		store.before = async (_verb, key) => {
			if (!first || key !== `${pointers}latest`) return;
			first = false;
			await publish(other, name, { ...theirs, accept: "any" });
		};
		await failure(publish(registry, name, { ...ours, accept: new Set([base.topHash]) }), "Conflict");
		expect((await history(registry)).map(([, topHash]) => topHash)).toEqual([
			base.topHash,
			theirs.topHash,
			theirs.topHash,
		]);
		expect(await registry.has(ours.topHash)).toBe(true);
	});

	test("accepting any leaves latest at a revision that came in between with a later timestamp", async () => {
		const { store, registry } = setUp();
		const [theirs, ours] = [revision("theirs"), revision("ours")];
		const other = new Registry(store.inner, registry.options);
		let first = true;
		store.before = async (_verb, key) => {
			if (!first || key !== `${pointers}latest`) return;
			first = false;
			await publish(other, name, { ...theirs, accept: "any" });
		};
		await publish(registry, name, { ...ours, accept: "any" });
		expect((await history(registry)).map(([, topHash]) => topHash)).toEqual([
			ours.topHash,
			theirs.topHash,
			theirs.topHash,
		]);
	});

	test("accepting any comes after a revision that appeared in between with an earlier timestamp", async () => {
		const { store, registry, clock } = setUp();
		const [base, theirs, ours] = [revision("base"), revision("theirs"), revision("ours")];
		await publish(registry, name, { ...base, accept: "any" });
		clock.now += 10_000;
		const other = new Registry(store.inner, registry.options);
		let first = true;
		store.before = async (_verb, key) => {
			if (!first || !key.startsWith(pointers)) return;
			first = false;
			// A client with a slow clock that does not look at what is there.
			await put(other, `${pointers}1`, theirs.topHash);
			await put(other, `${pointers}latest`, theirs.topHash);
		};
		await publish(registry, name, { ...ours, accept: "any" });
		expect(await textAt(registry, `${pointers}latest`)).toBe(ours.topHash);
	});

	test("accepts that somebody published the very same in between", async () => {
		const { store, registry } = setUp();
		const [base, ours] = [revision("base"), revision("ours")];
		await publish(registry, name, { ...base, accept: "any" });
		const other = new Registry(store.inner, registry.options);
		let first = true;
		store.before = async (_verb, key) => {
			if (!first || key !== `${pointers}latest`) return;
			first = false;
			await publish(other, name, { ...ours, accept: "any" });
		};
		const published = await publish(registry, name, { ...ours, accept: new Set([base.topHash]) });
		expect(published.topHash).toBe(ours.topHash);
	});

	test("a package that was deleted meanwhile is no conflict", async () => {
		const { registry } = setUp();
		const published = await publish(registry, name, {
			...revision("one"),
			accept: new Set(["0".repeat(64)]),
		});
		expect(published.changed).toBe(true);
	});

	test("many publishers at once lose no revision", async () => {
		const { store, registry } = setUp();
		const revisions = Array.from({ length: 30 }, (_, index) => revision(String(index)));
		await Promise.all(
			revisions.map((item) =>
				publish(new Registry(store.inner, registry.options), name, { ...item, accept: "any" }),
			),
		);
		const found = new Set((await history(registry)).map(([, topHash]) => topHash));
		expect(revisions.filter(({ topHash }) => !found.has(topHash))).toEqual([]);
		expect(found.size).toBe(30);
	});

	test("of many publishers from one base exactly one succeeds", async () => {
		const { store, registry } = setUp();
		const base = revision("base");
		await publish(registry, name, { ...base, accept: "any" });
		const outcomes = await Promise.allSettled(
			Array.from({ length: 12 }, (_, index) =>
				publish(new Registry(store.inner, registry.options), name, {
					...revision(String(index)),
					accept: new Set([base.topHash]),
				}),
			),
		);
		const failed = outcomes.flatMap((item) => (item.status === "rejected" ? [item.reason as unknown] : []));
		expect(failed).toHaveLength(11);
		expect(failed.every((error) => isBaleError(error, "Conflict"))).toBe(true);
		const named = new Set((await history(registry)).map(([, topHash]) => topHash));
		expect(named.size).toBe(2);
	});
});

describe("publish() over damage", () => {
	test.for(["", "zzz", "0".repeat(63), "../../x"])("writes a latest anew that holds %j", async (damaged) => {
		const { registry } = setUp();
		await put(registry, `${pointers}latest`, damaged);
		const one = revision("one");
		const base = await Base.read(registry, name);
		expect(base.head).toBeUndefined();
		await checkBase(registry, name, base, new Set());
		await publish(registry, name, { ...one, accept: new Set() });
		expect(await textAt(registry, `${pointers}latest`)).toBe(one.topHash);
	});

	const manifestAt = (physicalKey: string): string =>
		`{"version": "v0"}\n{"logical_key": "a", "physical_keys": ["${physicalKey}"], "size": 1, "hash": null, "meta": {}}\n`;

	test.for([
		"",
		"{}\n{",
		'{"version": "v0", "message": "another"}\n',
		"\u0000",
		manifestAt("r3://bucket/a"),
		manifestAt("s3:///a"),
	])("writes a manifest anew that is %j, with a warning", async (damaged) => {
		const { registry, warnings, onWarning } = setUp();
		const one = revision("one");
		await put(registry, layout.manifest(one.topHash), damaged);
		await publish(registry, name, { ...one, accept: "any", onWarning });
		expect(warnings).toEqual(["TopHashMismatch"]);
		expect((await registry.read(one.topHash)).header.get("message")).toBe("one");
	});

	test("keeps a manifest that differs only in what the hash does not cover while it is usable", async () => {
		const { registry } = setUp();
		const one = revision("one");
		const spelled = '{"message": "one", "version": "v0"}\n';
		await put(registry, layout.manifest(one.topHash), spelled);
		await publish(registry, name, { ...one, accept: "any", usable: () => Promise.resolve(true) });
		expect(await textAt(registry, layout.manifest(one.topHash))).toBe(spelled);
		await publish(registry, name, { ...one, accept: "any", usable: () => Promise.resolve(false) });
		expect(await textAt(registry, layout.manifest(one.topHash))).not.toBe(spelled);
	});
});
