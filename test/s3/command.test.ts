import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readRepositoryFile } from "../support/repository.ts";
import { runCli, runCliJson, type CliResult } from "../support/cli.ts";
import { makeTemporaryDirectory, removeDirectory } from "../support/temporary.ts";
import { onEachServer } from "../support/s3/servers.ts";

onEachServer((server) => {
	const home = makeTemporaryDirectory();

	beforeAll(() => {
		mkdirSync(join(home, "cats/sub"), { recursive: true });
		writeFileSync(join(home, "cats/a.txt"), "a\n");
		writeFileSync(join(home, "cats/sub/b.txt"), "b\n");
	});
	afterAll(() => {
		removeDirectory(home);
	});

	const bale = (...args: string[]): Promise<CliResult> =>
		runCli(args, { home, env: { ...server().environment } });
	const json = (...args: string[]): Promise<Record<string, unknown>> =>
		runCliJson(args, { home, env: { ...server().environment } });

	describe("bale on a bucket", () => {
		it("pushes, lists, shows, installs, compares, rolls back and deletes", async () => {
			const registry = `s3://${await server().makeBucket({ versions: true })}`;
			const first = await json("push", "ann/cats", "--dir", "cats", "--registry", registry, "-m", "one");
			expect(first).toMatchObject({ files: 2, changed: true, copied: { files: 2 } });
			expect((await bale("list", "--registry", registry)).stdout).toContain("ann/cats");

			const dest = join(home, "copy");
			await json("install", "ann/cats", "--registry", registry, "--dest", dest);
			expect(readFileSync(join(dest, "sub/b.txt"), "utf8")).toBe("b\n");
			expect((await bale("verify", "ann/cats", "--registry", registry, "--dir", dest)).code).toBe(0);
			expect((await bale("status", dest)).code).toBe(0);

			writeFileSync(join(dest, "a.txt"), "changed\n");
			expect((await bale("verify", "ann/cats", "--registry", registry, "--dir", dest)).code).toBe(13);
			const second = await json("push", "ann/cats", "--dir", dest, "--registry", registry, "-m", "two");
			expect(second).toMatchObject({ copied: { files: 1 }, reused: { files: 1 } });
			expect((await bale("log", "ann/cats", "--registry", registry)).stdout).toMatch(/two[^]*one/);
			expect((await bale("cat", "ann/cats", "a.txt", "--registry", registry)).stdout).toBe("changed\n");
			const old = `ann/cats@${String(first["topHash"])}`;
			expect((await bale("cat", old, "a.txt", "--registry", registry)).stdout).toBe("a\n");
			expect((await bale("diff", old, "ann/cats", "--registry", registry)).stdout).toContain("a.txt");
			expect((await bale("rollback", old, "--registry", registry)).code).toBe(0);
			expect((await bale("delete", "ann/cats", "--registry", registry, "--yes")).code).toBe(0);
			expect((await bale("log", "ann/cats", "--registry", registry)).code).toBe(10);
		}, 120_000);

		it("warns of a prefix with nothing below it, and makes the revision all the same", async () => {
			const bucket = `s3://${await server().makeBucket()}`;
			await json("push", "ann/source", "--dir", "cats", "--registry", bucket);
			const build = (folder: string) => ["build", "ann/typo", "--dir", folder, "--registry", bucket];
			const made = await json(...build(`${bucket}/ann/sourse/`));
			expect(made).toMatchObject({ files: 0, warnings: [{ code: "NothingFound" }] });
			const told = await bale(...build(`${bucket}/ann/sourse`));
			expect(told.code).toBe(0);
			expect(told.stderr).toContain(`There is nothing below ${bucket}/ann/sourse`);
			const found = await json(...build(`${bucket}/ann/source/`), "--exclude", "*", "--dry-run");
			expect(JSON.stringify(found["warnings"] ?? [])).not.toContain("NothingFound");
		}, 60_000);

		it("packages what is in a bucket, with copies and without", async () => {
			const source = `s3://${await server().makeBucket({ versions: true })}`;
			await json("push", "ann/source", "--dir", "cats", "--registry", source);
			const folder = `${source}/ann/source`;
			const target = `s3://${await server().makeBucket({ versions: true })}`;
			const linked = await json("push", "ann/linked", "--dir", folder, "--no-copy", "--registry", target);
			expect(linked).toMatchObject({ files: 2, copied: { files: 0 } });
			const copied = await json("push", "ann/copied", "--dir", folder, "--registry", target);
			expect(copied).toMatchObject({ files: 2, copied: { files: 2 }, topHash: linked["topHash"] });
			for (const name of ["ann/linked", "ann/copied"]) {
				expect((await bale("cat", name, "sub/b.txt", "--registry", target)).stdout).toBe("b\n");
			}
		}, 120_000);

		it("verifies what lies in a bucket, as quilt3 was called for it", async () => {
			const bucket = `s3://${await server().makeBucket({ versions: true })}`;
			const { topHash } = await json("push", "u/p", "--dir", "cats", "--registry", bucket);
			const golden = JSON.parse(readRepositoryFile("test/golden/peripherals/cli/runs.json")) as {
				runs: { label: string; args: string[]; exit: number }[];
			};
			const row = golden.runs.find(({ label }) => label === "verify remote dir");
			const args = row?.args.map((arg) =>
				arg.replace("s3://cli-bkt", bucket).replace("<top-hash>", String(topHash)),
			);
			const result = await bale(...(args ?? []));
			expect(result).toMatchObject({ code: row?.exit });
			const stray = ["verify", "u/p", "--registry", bucket, "--dir", `${bucket}/u`];
			const found = await bale(...stray, "--json");
			expect(found.code).toBe(13);
			expect(JSON.parse(found.stdout)).toMatchObject({
				ok: false,
				missing: ["a.txt", "sub/b.txt"],
				extra: ["p/a.txt", "p/sub/b.txt"],
			});
			expect((await bale(...stray, "--extra-files-ok")).code).toBe(13);
			const versioned = `${bucket}/u/p?versionId=1`;
			expect((await bale("verify", "u/p", "--registry", bucket, "--dir", versioned)).code).toBe(2);
		}, 60_000);

		it("builds into a bucket without data, and says what nobody else can read", async () => {
			const registry = `s3://${await server().makeBucket({ versions: true })}`;
			const built = await json("build", "ann/cats", "--dir", "cats", "--registry", registry);
			expect(built).toMatchObject({
				files: 2,
				warnings: [{ code: "LocalFiles", details: { count: 2, keys: ["a.txt", "sub/b.txt"] } }],
			});
			const { entries } = (await json("ls", "ann/cats", "a.txt", "--registry", registry)) as {
				entries: { physicalKey: string }[];
			};
			expect(entries[0]?.physicalKey).toMatch(/^file:/);
			const said = await bale("build", "ann/cats", "--dir", "cats", "--registry", registry);
			expect(said.stderr).toContain("warning: 2 files of the package are on this machine only");
			expect((await bale("install", "ann/cats", "--registry", registry, "--dest", "none")).code).not.toBe(0);
		}, 60_000);

		it("pushes to a place in a bucket, and compares with what that bucket has", async () => {
			const bucket = `s3://${await server().makeBucket({ versions: true })}`;
			const push = (...args: string[]) => json("push", "ann/cats", "--dir", "cats", ...args);
			const physicalKey = async (): Promise<string> => {
				const { entries } = (await json("ls", "ann/cats", "a.txt", "--registry", bucket)) as {
					entries: { physicalKey: string }[];
				};
				return entries[0]?.physicalKey ?? "";
			};
			const first = await push("--registry", `${bucket}/some/where/`);
			expect(first).toMatchObject({ registry: `${bucket}/`, changes: null });
			expect(await physicalKey()).toContain(`${bucket}/some/where/a.txt?versionId=`);
			const second = await push("--dest", `${bucket}/else/where`, "--message", "two", "--force");
			expect(second).toMatchObject({ registry: `${bucket}/`, changes: { from: first["topHash"] } });
			expect(await physicalKey()).toContain(`${bucket}/some/where/a.txt?versionId=`);
			const both = ["--registry", `${bucket}/one`, "--dest", `${bucket}/two`];
			expect((await bale("push", "ann/cats", "--dir", "cats", ...both)).code).toBe(2);
		}, 60_000);

		it("says what is wrong with a bucket, an endpoint and keys", async () => {
			const missing = await bale("list", "--registry", "s3://no-such-bucket-here");
			expect(missing).toMatchObject({
				code: 10,
				stderr: expect.stringContaining("no such bucket") as string,
			});
			for (const verb of ["push", "build"]) {
				const { code, stderr } = await bale(
					verb,
					"ann/cats",
					"--dir",
					"cats",
					"--registry",
					"s3://no-such-bucket-here",
				);
				expect([verb, code]).toEqual([verb, 10]);
				expect(stderr.match(/^\w+: .*/gm)?.map((line) => line.slice(0, 40))).toEqual([
					expect.stringMatching(/^error: /) as string,
					expect.stringMatching(/^hint: /) as string,
				]);
			}
			const registry = `s3://${await server().makeBucket()}`;
			const args = ["push", "ann/cats", "--dir", "cats", "--registry", registry];
			const keys = { AWS_SECRET_ACCESS_KEY: "wrong" };
			const refused = await runCli(args, { home, env: { ...server().environment, ...keys } });
			expect(refused.code).toBe(12);
			expect(refused.stderr).not.toContain("wrong");
		}, 60_000);
	});
});
