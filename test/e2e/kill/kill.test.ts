/**
 * The built command is killed (SIGKILL) at random moments of a push and of an install. After each kill nothing may be
 * half there under a final name, bale and quilt3 must both read the registry, and the next run must finish.
 */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { parseManifest } from "../../../src/core/manifest.ts";
import { createSha256 } from "../../../src/core/sha256.ts";
import { computeTopHash } from "../../../src/core/top-hash.ts";
import { listPackages, listPackageVersions, Package } from "../../../src/index.ts";
import { Quilt3 } from "../../interop/quilt3.ts";
import { runCli, runCliJson } from "../../support/cli.ts";
import { contentsOf, filesBelow, sha256 } from "../../support/files.ts";
import { chooseSeed, randomFrom } from "../../support/random.ts";
import { makeTemporaryDirectory, removeDirectory } from "../../support/temporary.ts";

/** Kills of each command; every second one hits an update of what an undisturbed run has made. */
const kills = 52;
const name = "lab/data";
const directory = makeTemporaryDirectory();
const home = join(directory, "home");
const versions = [join(directory, "first"), join(directory, "second")] as const;
const quilt3 = new Quilt3();
const random = randomFrom(chooseSeed("kills"));
/** Of each version: relative path -> hex SHA-256. */
let contents: Record<string, string>[] = [];

function write(path: string, bytes: Uint8Array | string): void {
	mkdirSync(dirname(path), { recursive: true });
	writeFileSync(path, bytes);
}

beforeAll(() => {
	const [first, second] = versions;
	for (let index = 0; index < 40; index += 1)
		write(
			join(first, `folder ${index % 7}/file ${index}`),
			Buffer.alloc(index * 9000, `content of ${index}; `),
		);
	write(join(first, "large.bin"), Buffer.alloc(12 * 2 ** 20, "some megabytes "));
	cpSync(first, second, { recursive: true });
	for (let index = 0; index < 40; index += 4)
		write(join(second, `folder ${index % 7}/file ${index}`), `new ${index}`);
	write(join(second, "added/file"), "added");
	write(join(second, "large.bin"), Buffer.alloc(9 * 2 ** 20, "some fewer megabytes "));
	contents = versions.map(contentsOf);
});

afterAll(async () => {
	await quilt3.close();
	removeDirectory(directory);
});

/** The contents that a file may have under its final name. */
function mayBe(path: string): (string | undefined)[] {
	return contents.map((files) => files[path]);
}

/** Every object, manifest and pointer that is there must be whole. */
function expectWholeRegistry(registry: string): void {
	for (const path of filesBelow(registry)) {
		const bytes = readFileSync(join(registry, path));
		if (path.startsWith(".quilt/packages/")) {
			const { header, tree } = parseManifest(bytes);
			expect(computeTopHash(header, tree, createSha256)).toBe(path.split("/").at(-1));
		} else if (path.startsWith(".quilt/named_packages/")) {
			expect(filesBelow(join(registry, ".quilt/packages")), path).toContain(bytes.toString().trim());
		} else if (path.startsWith(".bale/objects/")) {
			const [, , , , prefix, ...key] = path.split("/");
			expect(sha256(bytes).slice(0, 16), path).toBe(prefix);
			expect(mayBe(key.join("/")), path).toContain(sha256(bytes));
		} else if (!path.startsWith(".bale/")) {
			expect(mayBe(path.slice(name.length + 1)), path).toContain(sha256(bytes));
		}
	}
}

/** Both clients list the registry and read, to the last byte, every revision that it has. */
async function expectReadable(registry: string): Promise<void> {
	const names: string[] = [];
	for await (const found of listPackages(registry)) names.push(found);
	// quilt3 lists the folder of a package, too, in which there is no pointer yet.
	const pointers = join(registry, ".quilt/named_packages");
	const listed = await quilt3.listPackages(registry);
	expect(names).toEqual(listed.filter((found) => filesBelow(join(pointers, found)).length > 0));
	if (names.length === 0) return;
	const hashes = new Set<string>();
	for await (const [, hash] of listPackageVersions(name, registry)) hashes.add(hash);
	expect(new Set((await quilt3.versions(name, registry)).map(([, hash]) => hash))).toEqual(hashes);
	for (const topHash of hashes) {
		const read = await quilt3.read({ name, registry, top_hash: topHash });
		expect(contents).toContainEqual(Object.assign(Object.create(null) as object, read));
		expect((await Package.browse(name, { registry, topHash })).topHash).toBe(topHash);
	}
}

/** Kills one command at random moments of its run; its length is learnt from the runs that end before. */
class Killer {
	killed = 0;
	#milliseconds = 1500;

	/** Runs the command and kills it; false when it had ended before. */
	async run(args: readonly string[]): Promise<boolean> {
		const controller = new AbortController();
		// Before this, the program is still being loaded.
		const start = 60;
		const timer = setTimeout(
			() => {
				controller.abort();
			},
			start + random() * (this.#milliseconds - start),
		);
		const begin = performance.now();
		const { code, stderr } = await runCli(args, { home, signal: controller.signal, killSignal: "SIGKILL" });
		clearTimeout(timer);
		if (code === null) {
			this.killed += 1;
			return true;
		}
		expect(code, stderr).toBe(0);
		this.#milliseconds = Math.max(150, Math.min(this.#milliseconds, performance.now() - begin));
		return false;
	}
}

function push(registry: string, folder: string, message: string): string[] {
	return ["push", name, "--registry", registry, "--dir", folder, "--message", message, "--force"];
}

it(`push that is killed ${kills} times leaves whole files and readable registries, and finishes when run again`, async () => {
	const killer = new Killer();
	let registry = "";
	for (let round = 0; killer.killed < kills; round += 1) {
		expect(round).toBeLessThan(5 * kills);
		const index = round % 2;
		if (index === 0) registry = join(directory, `registry ${round}`);
		const args = push(registry, versions[index]!, `revision ${index}`);
		if (await killer.run(args)) {
			expectWholeRegistry(registry);
			await expectReadable(registry);
		}
		const { topHash } = await runCliJson(args, { home });
		expectWholeRegistry(registry);
		const finished = await quilt3.browse({ name, registry });
		expect(finished.top_hash).toBe(topHash);
		expect(Object.keys(finished.entries)).toHaveLength(Object.keys(contents[index]!).length);
		if (index === 1) removeDirectory(registry);
	}
}, 600_000);

it(`install that is killed ${kills} times leaves whole files, and finishes when run again`, async () => {
	const registry = join(directory, "source");
	const hashes: string[] = [];
	for (const [index, folder] of versions.entries()) {
		const pushed = await runCliJson(push(registry, folder, `revision ${index}`), { home });
		hashes.push(String(pushed["topHash"]));
	}
	const local = join(home, ".local/share/Quilt/packages");
	const killer = new Killer();
	let dest = "";
	for (let round = 0; killer.killed < kills; round += 1) {
		expect(round).toBeLessThan(5 * kills);
		const index = round % 2;
		if (index === 0) dest = join(directory, `dest ${round}`);
		const args = ["install", `${name}@${hashes[index]!}`, "--registry", registry, "--dest", dest];
		if (await killer.run(args)) {
			for (const [path, hash] of Object.entries(contentsOf(dest)))
				if (!/(^|\/)\.bale-tmp-[^/]*$/.test(path)) expect(mayBe(path), path).toContain(hash);
			const installed = await quilt3.listPackages(local);
			if (installed.length > 0) await quilt3.browse({ name, registry: local });
		}
		const { code, stderr } = await runCli(args, { home });
		expect(code, stderr).toBe(0);
		expect(contentsOf(dest)).toMatchObject(contents[index]!);
		expect(await quilt3.verify({ name, registry, top_hash: hashes[index]! }, dest, true)).toBe(true);
		expect((await quilt3.browse({ name, registry: local })).top_hash).toBe(hashes[index]);
		if (index === 1) removeDirectory(dest);
	}
}, 600_000);
