/**
 * A push that is killed when it has taken a place for a copy leaves a line of text there: `bale doctor` finds it, and removes it
 * when it is asked to, but never what a manifest names.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { Package, pushPackage } from "../../src/index.ts";
import type { S3Store } from "../../src/storage/s3/s3-store.ts";
import { runCli, runCliJson } from "../support/cli.ts";
import { claimBytes } from "../support/s3/claims.ts";
import { startProxy, type S3Proxy } from "../support/s3/proxy.ts";
import { onEachServer } from "../support/s3/servers.ts";
import { temporaryDirectory } from "../support/temporary.ts";

const name = "ann/cats";

type Finding = { readonly check: string; readonly severity: string; readonly path?: string };

async function claimsIn(store: S3Store): Promise<string[]> {
	const found: string[] = [];
	for await (const item of store.list(""))
		if (!("prefix" in item) && item.size === claimBytes) found.push(item.key);
	return found;
}

onEachServer((server) => {
	let proxy: S3Proxy;
	beforeAll(async () => {
		proxy = await startProxy(server());
	});
	afterAll(() => proxy.stop());

	describe("bale doctor", () => {
		const setUp = async () => {
			const bucket = await server().makeBucket();
			const home = temporaryDirectory();
			const options = { home, env: { ...proxy.server.environment } };
			mkdirSync(join(home, "folder"));
			const write = (files: Record<string, string>): void => {
				for (const [file, text] of Object.entries(files)) writeFileSync(join(home, "folder", file), text);
			};
			const push = ["push", name, "--dir", "folder", "--registry", `s3://${bucket}`];
			/** Ends the push with a place taken and the copy not begun. */
			const killAtCopy = async (): Promise<void> => {
				const ending = new AbortController();
				let killed: Promise<unknown> = Promise.resolve();
				proxy.before = async ({ operation }) => {
					if (operation !== "CopyObject") return;
					ending.abort();
					await killed;
				};
				killed = runCli(push, { ...options, signal: ending.signal, killSignal: "SIGKILL" });
				await killed;
				await proxy.settled();
				proxy.before = () => Promise.resolve();
			};
			const doctor = async (...args: string[]): Promise<string[]> => {
				const { findings } = (await runCliJson(
					["doctor", `s3://${bucket}`, ...args],
					options,
				)) as unknown as { findings: readonly Finding[] };
				return findings
					.filter(({ check }) => check === "claim")
					.map(({ severity, path = "" }) => `${severity} ${path}`);
			};
			return { bucket, options, write, push, killAtCopy, doctor, store: server().openStore(bucket) };
		};

		test("frees the place that a killed push had taken, also a displaced one, and the push succeeds then", async () => {
			const { bucket, options, write, push, killAtCopy, doctor, store } = await setUp();
			write({ one: "old", two: "old too" });
			await runCliJson(push, options);
			// Of two equal files the server copies the second; both usual places are taken.
			write({ one: "same", two: "same" });
			await killAtCopy();
			const [left = "", ...others] = await claimsIn(store);
			expect(left).toMatch(/^\.bale\/objects\/ann\/cats\/[0-9a-f]{16}\/two$/);
			expect(others).toEqual([]);

			const place = `s3://${bucket}/${left}`;
			expect(await doctor("--deep")).toEqual([`note ${place}`]);
			expect(await doctor("--deep", "--min-age", "0")).toEqual([`warning ${place}`]);
			expect(await doctor("--abort-uploads")).toEqual([`note ${place}`]);
			expect(await claimsIn(store)).toEqual([left]);
			expect(await doctor("--abort-uploads", "--min-age", "0")).toEqual([`ok ${place}`]);
			expect(await claimsIn(store)).toEqual([]);
			expect(await doctor("--deep")).toEqual([]);
			await runCliJson(push, options);
			const pushed = await Package.browse(name, { registry: store });
			expect(await pushed.entry("two").text()).toBe("same");
		});

		test("is not needed for a displaced place: a later push goes over the line when its process is certainly gone", async () => {
			const { bucket, options, write, push, killAtCopy, store } = await setUp();
			write({ one: "old", two: "old too" });
			await runCliJson(push, options);
			write({ one: "same", two: "same" });
			await killAtCopy();
			expect(await claimsIn(store)).toHaveLength(1);
			const again = async (): Promise<Package> => {
				const pkg = await new Package().setDir("", join(options.home, "folder"));
				return (await pushPackage(pkg, name, { registry: `s3://${bucket}`, force: true })).package;
			};
			for (const [key, value] of Object.entries(proxy.server.environment)) vi.stubEnv(key, value);
			await expect(again()).rejects.toMatchObject({
				code: "DestinationConflict",
				hint: expect.stringContaining("in a minute") as string,
			});
			vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 2 * 60_000 });
			try {
				expect(await (await again()).entry("two").text()).toBe("same");
			} finally {
				vi.useRealTimers();
			}
			expect(await claimsIn(store)).toEqual([]);
		});

		test("leaves alone what a manifest names, what is no such line, and all of them while a manifest is damaged", async () => {
			const { bucket, write, killAtCopy, doctor, store } = await setUp();
			write({ one: "same", two: "same", three: "three" });
			await killAtCopy();
			expect(await claimsIn(store)).toEqual([`${name}/two`]);
			await store.put("other", Buffer.alloc(claimBytes, "others "));
			const place = `s3://${bucket}/${name}/two`;

			const damaged = `.quilt/packages/${"ab".repeat(32)}`;
			await store.put(damaged, Buffer.from("no manifest"));
			expect(await doctor("--abort-uploads", "--min-age", "0")).toEqual([`warning ${place}`]);
			await store.delete(damaged);

			// Somebody has taken it for a file.
			const pkg = await new Package().set("two", place);
			await pushPackage(pkg, "bob/lines", { registry: store });
			expect(await doctor("--abort-uploads", "--min-age", "0")).toEqual([]);
			expect(await claimsIn(store)).toEqual([`${name}/two`, "other"]);
		});
	});
});
