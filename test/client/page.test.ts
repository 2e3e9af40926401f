/** The library as a page has it: no files, no settings; packages over stores. */
import { describe, expect, test, vi } from "vitest";
import {
	copy,
	createSha256,
	installPackage,
	listPackages,
	MemoryStore,
	Package,
	type Store,
} from "../../src/browser.ts";
import { failure } from "./support/failure.ts";
import { chunkedHash, listed } from "./support/files.ts";

test("a page builds packages from values in memory, pushes them to a store, and reads them back", async () => {
	const store = new MemoryStore();
	const p = await new Package().set("d/value.json", { a: [1, 1.5] }, { meta: { n: 1 } });
	await p.set("raw.bin", Uint8Array.of(1, 2, 3));
	await p.set("blob", new Blob(["from a ", "blob"]));
	await p.setText("README.md", "# Hello");
	expect(await p.entry("blob").text()).toBe("from a blob");
	const pushed = await p.push("team/data", store, { message: "from a page" });
	expect(pushed.get("blob")).toBe("s3://memory/team/data/blob");
	expect(pushed.entry("blob").hash?.value).toBe(chunkedHash("from a blob"));

	const browsed = await Package.browse("team/data", { registry: store });
	expect([browsed.topHash, browsed.message]).toEqual([pushed.topHash, "from a page"]);
	expect(await browsed.entry("d/value.json").deserialize()).toEqual({ a: [1, 1.5] });
	expect(await browsed.readme().text()).toBe("# Hello");
	const tail = await browsed.entry("raw.bin").stream({ range: { offset: 1, length: 2 } });
	expect(new Uint8Array(await new Response(tail).arrayBuffer())).toEqual(Uint8Array.of(2, 3));
	expect(await listed(listPackages(store))).toEqual(["team/data"]);
	const again = await browsed.set("blob", new Blob(["changed"]));
	await again.push("team/data", store);
	expect(
		await (
			await Package.browse("team/data", { registry: store, topHash: pushed.topHash })
		)
			.entry("blob")
			.text(),
	).toBe("from a blob");
});

test("a page that came without encryption, and so gets no random UUIDs, can load the library", async () => {
	vi.stubGlobal("crypto", { getRandomValues: crypto.getRandomValues.bind(crypto) });
	vi.resetModules();
	try {
		const library = await import("../../src/browser.ts");
		expect(new library.Package().size).toBe(0);
	} finally {
		vi.unstubAllGlobals();
	}
});

describe("Package.install() in a page", () => {
	const made = async (values: Readonly<Record<string, string>>, registry = new MemoryStore()) => {
		const p = new Package();
		for (const [key, text] of Object.entries(values)) await p.setText(key, text);
		return { registry, pushed: await p.push("team/data", registry, { message: "made", force: true }) };
	};
	const contentsOf = async (store: Store): Promise<Record<string, string>> => {
		const contents: Record<string, string> = {};
		for await (const item of store.list("")) {
			if ("key" in item && !item.key.startsWith(".quilt/") && !item.key.startsWith(".bale/"))
				contents[item.key] = await new Response((await store.get(item.key))?.body).text();
		}
		return contents;
	};

	test("puts the files of a revision into a store, and moves nothing the second time", async () => {
		const { registry, pushed } = await made({ "d/a.txt": "alpha", "b.txt": "beta" });
		await made({ "b.txt": "newer" }, registry);
		const dest = new MemoryStore();
		const options = { registry, topHash: pushed.topHash, dest };
		expect(await installPackage("team/data", { ...options, dryRun: true })).toMatchObject({ kept: 0 });
		expect(await contentsOf(dest)).toEqual({});
		const first = await installPackage("team/data", options);
		expect(first).toMatchObject({ topHash: pushed.topHash, files: 2, bytes: 9, kept: 0 });
		expect(new Set(first.written)).toEqual(new Set(["d/a.txt", "b.txt"]));
		expect(await contentsOf(dest)).toEqual({ "d/a.txt": "alpha", "b.txt": "beta" });
		expect(await installPackage("team/data", options)).toMatchObject({ written: [], kept: 2 });
	});

	test("records the manifest where it is told to, with the same top hash", async () => {
		const { registry, pushed } = await made({ "a.txt": "alpha" });
		const destRegistry = new MemoryStore();
		await Package.install("team/data", { registry, dest: new MemoryStore(), destRegistry });
		expect((await Package.browse("team/data", { registry: destRegistry })).topHash).toBe(pushed.topHash);
	});

	test("writes over nothing unless it is told to", async () => {
		const { registry } = await made({ "a.txt": "alpha", "b.txt": "beta" });
		const dest = new MemoryStore();
		await dest.put("a.txt", new TextEncoder().encode("other"));
		const { details } = await failure(
			Package.install("team/data", { registry, dest }),
			"DestinationConflict",
		);
		expect(details).toMatchObject({ files: ["a.txt"] });
		expect(await contentsOf(dest)).toEqual({ "a.txt": "other" });
		await Package.install("team/data", { registry, dest, overwrite: true });
		expect(await contentsOf(dest)).toEqual({ "a.txt": "alpha", "b.txt": "beta" });
	});

	test("never writes over what a package of a registry there names", async () => {
		const { registry, pushed } = await made({ "a.txt": "alpha" });
		const mine = await made({ "team/data/a.txt": "other", "team/data/b.txt": "new" });
		const into = { registry: mine.registry, dest: registry, overwrite: true };
		const before = await contentsOf(registry);
		const { message, details } = await failure(Package.install("team/data", into), "DestinationConflict");
		expect(message).toContain('names "team/data/a.txt"');
		expect(details).toMatchObject({ files: ["team/data/a.txt"] });
		expect(await contentsOf(registry)).toEqual(before);
		// What no package names any more may be replaced.
		await registry.delete(`.quilt/packages/${pushed.topHash}`);
		await Package.install("team/data", into);
		expect(await contentsOf(registry)).toMatchObject({
			"team/data/a.txt": "other",
			"team/data/b.txt": "new",
		});
	});

	test("puts nothing there that is not what the manifest says, or that a registry has for itself", async () => {
		const { registry } = await made({ "a.txt": "alpha", "b.txt": "beta" });
		await registry.put("team/data/a.txt", new TextEncoder().encode("ALPHA"));
		const dest = new MemoryStore();
		await failure(Package.install("team/data", { registry, dest }), "IntegrityMismatch");
		expect(await contentsOf(dest)).not.toHaveProperty("a.txt");
		const hostile = await made({ ".quilt/named_packages/team/data/latest": "0".repeat(64) });
		await failure(Package.install("team/data", { ...hostile, dest }), "ReservedKey");
		await failure(Package.install("team/data", { registry, dest, prune: true }), "InvalidArgument");
	});
});

test("the empty package has the printed top hash in a page too", async () => {
	expect(await new Package().build("username/packagename", new MemoryStore())).toBe(
		"2a5a67156ca9238c14d12042db51c5b52260fdd5511b61ea89b58929d6e1769b",
	);
	expect(createSha256().digest()).toHaveLength(32);
});

test("build() refuses what is only in memory, and says to push", async () => {
	const p = await new Package().set("a.json", { a: 1 });
	const error = await failure(p.build("team/data", new MemoryStore()), "InvalidArgument");
	expect(error.message).toContain('"a.json"');
	expect(error.hint).toContain("Push");
});

test("what needs files or a registry that a page cannot open is Unsupported", async () => {
	const store = new MemoryStore();
	const p = await new Package().set("a.json", { a: 1 });
	await p.push("team/data", store);
	await failure(p.set("b", "local/path"), "Unsupported");
	await failure(p.setDir(".", "local"), "Unsupported");
	await failure(p.fetch("there"), "Unsupported");
	const { hint } = await failure(
		Package.install("team/data", { registry: store, dest: "there" }),
		"Unsupported",
	);
	expect(hint).toContain("store");
	await failure(p.verify("there"), "Unsupported");
	await failure(p.entry("a.json").fetch("there"), "Unsupported");
	await failure(copy("a", "b"), "Unsupported");
	expect((await failure(Package.browse("team/data"), "InvalidConfig")).hint).toBeTruthy();
	await failure(Package.browse("team/data", { registry: "local/path" }), "InvalidUrl");
});

test("a bucket is read with fetch, unsigned", async () => {
	const asked: [string, RequestInit | undefined][] = [];
	vi.stubGlobal("fetch", (url: string, init?: RequestInit) => {
		asked.push([url, init]);
		const body = "<Error><Code>NoSuchKey</Code><Message>none</Message></Error>";
		return Promise.resolve(new Response(body, { status: 404 }));
	});
	await failure(Package.browse("team/data", { registry: "s3://open-data" }), "PackageNotFound");
	expect(asked.map(([url]) => url)).toEqual([
		"https://open-data.s3.us-east-1.amazonaws.com/.quilt/named_packages/team/data/latest",
	]);
	expect(asked[0]?.[1]?.headers).toEqual({});
});
