/** Manifests of a million entries: no file that they name is looked at. */
import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { keyOf, makeManifest } from "../data/manifests.mjs";
import { bale, forgetData, program } from "../lib/contestants.mjs";
import { findPeer } from "../lib/peers.mjs";

const registryOf = (context) => join(context.directory, "registry");

function make(context, options = {}) {
	const registry = registryOf(context);
	const count = context.scaled(1_000_000);
	return { registry, count, ...makeManifest(registry, { count, ...options }) };
}

function manifest(options) {
	return async (context) => {
		const made = make(context, options);
		await settled();
		return made;
	};
}

/** Nothing is remembered of a file that was written within the last two seconds, since it could change unseen. */
const settled = () => setTimeout(2500);

/** The floor: every byte read, and one SHA-256 over as many as the canonical form has. */
const floor = ({ manifest: path, canonicalBytes }) => ({
	id: "floor",
	label: "reading + one SHA-256",
	argv: [process.execPath, program("floor.mjs"), path, String(canonicalBytes)],
});

const prints = (text) => (run) => (run.stdout.includes(text) ? undefined : `"${text}" was not printed`);

const quilt3 = (args, check) => ({
	id: "quilt3",
	label: `quilt3: ${args[0]}`,
	needs: ["quilt3"],
	argv: [findPeer("quilt3").path, program("quilt3-manifest.py"), ...args],
	env: { QUILT_DISABLE_CACHE: "true" },
	rounds: 1,
	check,
});

/** Nothing is remembered of the manifest. */
const forget = (context) => forgetData(context.env);

const ours = (args, check, context, before) => ({
	id: "bale",
	label: `bale: ${args[0]}, first time`,
	argv: [process.execPath, program("manifest.mjs"), ...args],
	before() {
		forget(context);
		before?.();
	},
	check,
});

function once(work) {
	let isDone = false;
	return () => {
		if (!isDone) work();
		isDone = true;
	};
}

/** @type {import("../lib/bench.mjs").Scenario[]} */
export const scenarios = [
	{
		name: "manifest-load",
		group: "manifest",
		title: "1,000,000 entries: load and top hash",
		base: "floor",
		prepare: manifest(),
		contestants: (data, context) => [
			floor(data),
			ours(["load", data.registry], prints(data.topHash), context),
			quilt3(["load", data.registry], prints(data.topHash)),
		],
		targets: [
			{ of: "bale", beside: "floor", metric: "cpu", atMost: 3 },
			{ of: "bale", beside: "quilt3", metric: "cpu", timesLess: 25 },
			{ of: "bale", metric: "rss", mebibytes: 128 },
		],
	},
	{
		name: "manifest-meta",
		group: "manifest",
		title: "1,000,000 entries with four fields of metadata each: load and top hash",
		base: "floor",
		prepare: manifest({ meta: true }),
		contestants: (data, context) => [
			floor(data),
			ours(["load", data.registry], prints(data.topHash), context),
			quilt3(["load", data.registry], prints(data.topHash)),
		],
		targets: [
			{ of: "bale", beside: "quilt3", metric: "cpu", timesLess: 8 },
			{ of: "bale", metric: "rss", mebibytes: 128 },
		],
	},
	{
		name: "manifest-edit",
		group: "manifest",
		title: "1,000,000 entries: opened in full, listed, filtered, one changed, built again",
		base: "floor",
		prepare: manifest(),
		contestants(data, context) {
			const target = `${data.registry}-target`;
			const before = () => rmSync(target, { recursive: true, force: true });
			const args = ["edit", data.registry, target, keyOf(data.count >> 1)];
			let expected;
			const check = (run) => {
				const found = run.stdout.trim();
				expected ??= found;
				return found === expected ? undefined : `it printed "${found}", another contestant "${expected}"`;
			};
			return [floor(data), ours(args, check, context, before), { ...quilt3(args, check), before }];
		},
		targets: [
			{ of: "bale", beside: "floor", metric: "cpu", atMost: 6 },
			{ of: "bale", metric: "rss", mebibytes: 400 },
		],
	},
	{
		name: "manifest-key",
		group: "manifest",
		title: "1,000,000 entries: one of them by its key, in a new process",
		base: "node",
		prepare: manifest(),
		contestants(data, context) {
			const key = keyOf(Math.floor(data.count * 0.7));
			const check = prints(`/${key}?versionId=`);
			const list = bale("ls", "bench/data", key, "--registry", data.registry, "--json");
			const verify = once(() => execFileSync(list[0], list.slice(1), { env: context.env, stdio: "ignore" }));
			return [
				{ id: "node", label: "node -e 0", argv: [process.execPath, "-e", "0"], env: context.env },
				{ id: "bale", label: "bale ls KEY, read once before", argv: list, before: verify, check },
				quilt3(["key", data.registry, key], check),
			];
		},
		targets: [
			{ of: "bale", beside: "node", metric: "cpu", atMost: 1.3 },
			{ of: "bale", metric: "rss", mebibytes: 64 },
		],
	},
	{
		name: "manifest-diff",
		group: "manifest",
		title: "1,000,000 entries: the difference of two revisions, 0.1 % changed",
		base: "floor",
		async prepare(context) {
			const before = make(context);
			const after = make(context, { changed: Math.round(before.count / 1000), pointer: 1_700_000_001 });
			await settled();
			return { ...before, after };
		},
		contestants(data, context) {
			const expected = Math.round(data.count / 1000);
			const check = (run) => {
				const found = run.stdout.match(/d[0-9]{4}\/f[0-9]{4}\.bin/g)?.length ?? 0;
				return found === expected ? undefined : `${found} changes were found where there are ${expected}`;
			};
			const revisions = [data.topHash, data.after.topHash];
			const [from, to] = revisions.map((topHash) => `bench/data@${topHash}`);
			const diff = bale("diff", from, to, "--registry", data.registry, "--quiet");
			const run = () => execFileSync(diff[0], diff.slice(1), { env: context.env, stdio: "ignore" });
			return [
				floor(data),
				{ id: "bale", label: "bale diff, first time", argv: diff, before: () => forget(context), check },
				{ id: "bale-again", label: "bale diff, both read once before", argv: diff, before: run, check },
				quilt3(["diff", data.registry, ...revisions], check),
			];
		},
		targets: [
			{ of: "bale", beside: "floor", metric: "cpu", atMost: 1.5 },
			{ of: "bale-again", beside: "floor", metric: "cpu", atMost: 1.5 },
			{ of: "bale", beside: "quilt3", metric: "cpu", timesLess: 80 },
			{ of: "bale-again", beside: "quilt3", metric: "cpu", timesLess: 80 },
			{ of: "bale", metric: "rss", mebibytes: 96 },
		],
	},
];
