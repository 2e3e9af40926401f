/** Many publishers at once, in this process and in others: no revision is lost, none is half there. */
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, test } from "vitest";
import { isBaleError, listPackageVersions, Package } from "../../src/index.ts";
import { childEnvironment } from "../support/cli.ts";
import { root } from "../support/repository.ts";
import { listed, readFiles } from "./support/files.ts";
import { newMachine } from "./support/machine.ts";

const name = "team/data";
const builders = 8;
const builds = 10;

/** Every hash must have a timestamp of its own, and latest must be one of them. */
async function expectAll(registry: string, hashes: readonly string[]): Promise<void> {
	const versions = await listed(listPackageVersions(name, registry));
	const named = new Map(versions);
	const history = versions.filter(([pointer]) => pointer !== "latest").map(([, topHash]) => topHash);
	expect(hashes.filter((topHash) => !history.includes(topHash))).toEqual([]);
	expect(new Set(history).size).toBe(hashes.length);
	expect(hashes).toContain(named.get("latest"));
	for (const topHash of history) {
		expect((await Package.browse(name, { registry, topHash })).topHash).toBe(topHash);
	}
}

/** Runs a module that uses the built library, with arguments, in a process of its own; its output. */
function runModule(source: string, home: string, args: readonly string[]): Promise<string> {
	const file = join(home, "program.mjs");
	return new Promise((resolve, reject) => {
		const child = spawn(process.execPath, [file, ...args], {
			env: childEnvironment(home),
			stdio: ["ignore", "pipe", "pipe"],
		});
		let [output, errors] = ["", ""];
		child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
		child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
		child.on("error", reject);
		child.on("close", (code) => {
			if (code === 0) resolve(output);
			else reject(new Error(`exit code ${code}\n${source}\n${errors}`));
		});
	});
}

const library = JSON.stringify(pathToFileURL(join(root, "dist/index.js")).href);

describe("builders at once", () => {
	test("new packages never conflict and lose no revision", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const hashes = await Promise.all(
			Array.from({ length: builders }, async (_, builder) => {
				const built: string[] = [];
				for (let n = 0; n < builds; n++) {
					built.push(await new Package().build(name, registry, { message: `${builder}-${n}` }));
				}
				return built;
			}),
		);
		await expectAll(registry, hashes.flat());
		expect(
			Object.keys(readFiles(`${registry}/.bale`)).filter((path) => !path.startsWith("authors/")),
		).toEqual([]);
	});

	test("in processes of their own they never conflict and lose no revision either", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const source = `
import { Package } from ${library};
const [registry, builder] = process.argv.slice(2);
for (let n = 0; n < ${builds}; n++)
	console.log(await new Package().build("${name}", registry, { message: builder + "-" + n }));
`;
		machine.folder("home", { "program.mjs": source });
		const outputs = await Promise.all(
			Array.from({ length: builders }, (_, builder) =>
				runModule(source, machine.path("home"), [registry, String(builder)]),
			),
		);
		const hashes = outputs.flatMap((output) => output.trim().split("\n"));
		expect(hashes).toHaveLength(builders * builds);
		await expectAll(registry, hashes);
	});

	test("a reader beside them never sees part of anything", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		await new Package().build(name, registry);
		const written = new AbortController();
		const reader = (async () => {
			let reads = 0;
			while (!written.signal.aborted) {
				const p = await Package.browse(name, { registry });
				expect(p.topHash).toMatch(/^[0-9a-f]{64}$/);
				reads++;
				await new Promise((resolve) => setImmediate(resolve));
			}
			return reads;
		})();
		for (let n = 0; n < 30; n++) await new Package().build(name, registry, { message: String(n) });
		written.abort();
		expect(await reader).toBeGreaterThan(10);
	});
});

describe("pushers at once", () => {
	test("from one base in several processes: exactly one wins, the others are told of a conflict", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		const base = await new Package().push(name, registry, { message: "base" });
		const source = `
import { Package } from ${library};
import { existsSync } from "node:fs";
const [registry, topHash, n, start] = process.argv.slice(2);
const p = await Package.browse("${name}", { registry, topHash });
await p.set("a.json", { n });
while (!existsSync(start)) await new Promise((resolve) => setTimeout(resolve, 5));
await p.push("${name}", registry).then(
	(pushed) => console.log(pushed.topHash),
	(error) => console.log(error.code),
);
`;
		machine.folder("home", { "program.mjs": source });
		const start = machine.path("start");
		const runs = Array.from({ length: 6 }, (_, n) =>
			runModule(source, machine.path("home"), [registry, base.topHash, String(n), start]),
		);
		setTimeout(() => {
			writeFileSync(start, "");
		}, 1500);
		const outputs = (await Promise.all(runs)).map((output) => output.trim());
		expect(outputs.filter((output) => output === "Conflict")).toHaveLength(5);
		const winner = outputs.find((output) => output !== "Conflict");
		expect(readFileSync(`${registry}/.quilt/named_packages/team/data/latest`, "utf8")).toBe(winner);
		await expectAll(registry, [base.topHash, winner!]);
	});

	test("who tries again after a conflict loses nothing", async () => {
		const machine = newMachine();
		const registry = machine.path("registry");
		await new Package().push(name, registry);
		const pushers = Array.from({ length: 4 }, async (_, pusher) => {
			for (let n = 0; n < 5; n++) {
				for (;;) {
					const p = await Package.browse(name, { registry });
					await p.set(`${pusher}/${n}.json`, { pusher, n });
					try {
						await p.push(name, registry);
						break;
					} catch (error) {
						if (!isBaleError(error, "Conflict")) throw error;
					}
				}
			}
		});
		await Promise.all(pushers);
		const last = await Package.browse(name, { registry });
		expect([...last.walk()]).toHaveLength(20);
		for (const [, entry] of last.walk()) await entry.bytes();
	});
});
