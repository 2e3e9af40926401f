/** Recording a folder: nothing is copied, every byte is hashed. */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { bale, forgetData, program } from "../lib/contestants.mjs";
import { changeFile, makeFile, makeFiles } from "../lib/files.mjs";
import { findPeer } from "../lib/peers.mjs";

const mebibyte = 2 ** 20;

/** Contestants that make a package must agree on its top hash. */
function agreement() {
	let expected;
	return (run) => {
		const topHash = /\b[0-9a-f]{64}\b/.exec(run.stdout)?.[0];
		if (topHash === undefined) return "no top hash was printed";
		expected ??= topHash;
		return topHash === expected
			? undefined
			: `the top hash is ${topHash}, another contestant's is ${expected}`;
	};
}

/** Two processes that write at once may break a line of each other: only the ends of lines can be counted. */
function digests(count) {
	return (run) => {
		const found = run.stdout.split("\n").length - 1;
		return found === count ? undefined : `${found} digests where ${count} were expected`;
	};
}

function baleBuild({ data, registry, env }, check, before) {
	const argv = bale("build", "bench/data", "--dir", data, "--registry", registry, "--quiet");
	return { id: "bale", label: "bale build", argv, before, check, env };
}

function quilt3Build({ data, registry }, check, before) {
	const argv = [findPeer("quilt3").path, program("quilt3-build.py"), data, `${registry}-quilt3`];
	return { id: "quilt3", label: "quilt3 set_dir + build", needs: ["quilt3"], argv, before, check, rounds: 3 };
}

/** Everything that a run could remember is gone. */
function forget(place, context) {
	return () => {
		for (const path of [place.registry, `${place.registry}-quilt3`])
			rmSync(path, { recursive: true, force: true });
		forgetData(context.env);
	};
}

function place(context) {
	return { data: join(context.directory, "data"), registry: join(context.directory, "registry") };
}

function smallFiles(context) {
	const here = place(context);
	const count = context.scaled(20_000);
	makeFiles(here.data, count, 10_240);
	return { ...here, count };
}

/** Tools that keep a copy of their own: other work, so only an order of magnitude. */
function keepers({ data, count }, context, { again }) {
	const git = join(context.directory, "git");
	const lfs = join(context.directory, "lfs");
	const restic = join(context.directory, "restic");
	const dvc = join(context.directory, "dvc");
	const env = { ...context.env, RESTIC_PASSWORD: "bench", DVC_NO_ANALYTICS: "true" };
	const fresh = (directory, set) => () => {
		if (again && existsSync(join(directory, ".ready"))) return;
		rmSync(directory, { recursive: true, force: true });
		mkdirSync(directory);
		set(directory);
		writeFileSync(join(directory, ".ready"), "");
	};
	const copied = (directory) => cpSync(data, join(directory, "data"), { recursive: true });
	const run = (command, args, cwd) =>
		execFileSync(command, args, {
			cwd,
			env,
			encoding: "utf8",
			stdio: ["ignore", "pipe", "ignore"],
			// Restic lists a line for each of 20,000 files.
			maxBuffer: 2 ** 28,
		});
	const holds = (found) =>
		found === count ? undefined : `${found} files were recorded where ${count} were expected`;
	const gitInit = (directory) => {
		run("git", ["init", "--quiet"], directory);
		copied(directory);
	};
	return [
		{
			id: "git",
			label: "git add",
			needs: ["git"],
			argv: ["git", "add", "data"],
			cwd: git,
			check: () => holds(run("git", ["ls-files", "data"], git).trim().split("\n").length),
			before: fresh(git, (directory) => {
				gitInit(directory);
				if (again) run("git", ["add", "data"], directory);
			}),
		},
		{
			id: "git-lfs",
			label: "git add with LFS",
			needs: ["git", "git-lfs"],
			argv: ["git", "add", "data"],
			cwd: lfs,
			check: () => holds(run("git", ["lfs", "ls-files", "--name-only"], lfs).trim().split("\n").length),
			before: fresh(lfs, (directory) => {
				gitInit(directory);
				run("git", ["lfs", "install", "--local"], directory);
				run("git", ["lfs", "track", "data/**"], directory);
				if (again) run("git", ["add", "data"], directory);
			}),
		},
		{
			id: "restic",
			label: "restic backup",
			needs: ["restic"],
			argv: ["restic", "--quiet", "--repo", join(restic, "repo"), "backup", data],
			env: { RESTIC_PASSWORD: "bench" },
			check() {
				const listed = run("restic", ["--repo", join(restic, "repo"), "ls", "--json", "latest"], restic);
				return holds(listed.match(/"type":"file"/g)?.length ?? 0);
			},
			before: fresh(restic, (directory) => {
				const repo = ["--quiet", "--repo", join(directory, "repo")];
				run("restic", [...repo, "init"], directory);
				if (again) run("restic", [...repo, "backup", data], directory);
			}),
		},
		{
			id: "dvc",
			label: "dvc add",
			needs: ["dvc"],
			argv: [findPeer("dvc").path, "add", "--quiet", "data"],
			env: { DVC_NO_ANALYTICS: "true" },
			cwd: dvc,
			check: () => holds(Number(/nfiles: (\d+)/.exec(readFileSync(join(dvc, "data.dvc"), "utf8"))?.[1])),
			before: fresh(dvc, (directory) => {
				run(findPeer("dvc").path, ["init", "--no-scm", "--quiet"], directory);
				copied(directory);
				if (again) run(findPeer("dvc").path, ["add", "--quiet", "data"], directory);
			}),
		},
	].map((contestant) => ({ ...contestant, rounds: 2 }));
}

/** @type {import("../lib/bench.mjs").Scenario[]} */
export const scenarios = [
	{
		name: "build-big",
		group: "build",
		title: "one file of 2 GiB in the page cache, first time",
		base: "limit",
		prepare(context) {
			const here = place(context);
			mkdirSync(here.data);
			const size = context.scaled(2048) * mebibyte;
			makeFile(join(here.data, "big.bin"), size);
			const halves = join(context.directory, "halves");
			mkdirSync(halves);
			for (const half of [1, 2]) makeFile(join(halves, String(half)), size / 2, half);
			return { ...here, halves };
		},
		contestants(data, context) {
			const check = agreement();
			const before = forget(data, context);
			const both = `openssl dgst -sha256 ${data.halves}/1 & openssl dgst -sha256 ${data.halves}/2 & wait`;
			return [
				{
					id: "limit",
					label: "two openssl dgst of half each",
					needs: ["openssl"],
					argv: ["sh", "-c", both],
					check: digests(2),
				},
				{
					id: "reading",
					label: "only reading it (cat)",
					argv: ["sh", "-c", `cat ${data.data}/big.bin > /dev/null`],
				},
				baleBuild(data, check, before),
				quilt3Build(data, check, before),
			];
		},
		targets: [
			{ of: "bale", beside: "limit", metric: "cpu", atMost: 1.1 },
			{ of: "bale", beside: "limit", metric: "wall", atMost: 1.1 },
			{ of: "bale", beside: "quilt3", metric: "cpu", timesLess: 1.4 },
			{ of: "bale", beside: "quilt3", metric: "wall", timesLess: 1.85 },
		],
	},
	{
		name: "build-small",
		group: "build",
		title: "20,000 files of 10 KiB, first time",
		base: "limit",
		prepare: smallFiles,
		contestants(data, context) {
			const check = agreement();
			const before = forget(data, context);
			const all = `find ${data.data} -type f -print0 | xargs -0 -P2 -n 500 openssl dgst -sha256`;
			return [
				{
					id: "limit",
					label: "find, xargs -P2 openssl dgst",
					needs: ["openssl"],
					argv: ["sh", "-c", all],
					check: digests(data.count),
				},
				{
					id: "reading",
					label: "only reading them (find, cat)",
					argv: ["sh", "-c", `find ${data.data} -type f -exec cat {} + > /dev/null`],
				},
				baleBuild(data, check, before),
				quilt3Build(data, check, before),
				...keepers(data, context, { again: false }),
			];
		},
		targets: [
			{ of: "bale", beside: "limit", metric: "cpu", atMost: 1.9 },
			{ of: "bale", beside: "limit", metric: "wall", atMost: 2.2 },
			{ of: "bale", beside: "quilt3", metric: "cpu", timesLess: 5 },
			{ of: "bale", beside: "quilt3", metric: "wall", timesLess: 9 },
			{ of: "bale", beside: "dvc", metric: "cpu", timesLess: 1 },
			{ of: "bale", beside: "restic", metric: "cpu", timesLess: 1 },
			{ of: "bale", beside: "git", metric: "cpu", timesLess: 1 },
		],
	},
	{
		name: "build-again",
		group: "build",
		title: "20,000 files of 10 KiB, nothing changed; and one changed",
		base: "limit",
		prepare: smallFiles,
		contestants(data, context) {
			const check = agreement();
			// One file that changes: built apart, so that the others go on seeing nothing new.
			const changing = {
				data: join(context.directory, "changing"),
				registry: join(context.directory, "changing-registry"),
			};
			cpSync(data.data, changing.data, { recursive: true });
			let turn = 0;
			const build = (here) => {
				const [command, ...args] = baleBuild(here).argv;
				execFileSync(command, args, { env: context.env, stdio: "ignore" });
			};
			let built = false;
			const first = (here) => () => {
				if (built) return;
				built = true;
				build(here);
			};
			return [
				{
					id: "limit",
					label: "readdir + lstat of the tree in Node",
					argv: [process.execPath, program("walk.mjs"), data.data],
				},
				baleBuild(data, check, first(data)),
				{
					...baleBuild(changing),
					id: "bale-one",
					label: "bale build, one file changed",
					async before() {
						if (turn++ === 0) build(changing);
						changeFile(join(changing.data, "d0000/f000.bin"));
						// Nothing is remembered of a file that has changed within the last tenth of a second.
						await setTimeout(250);
					},
				},
				quilt3Build(data, check),
				...keepers(data, context, { again: true }),
			];
		},
		targets: [
			{ of: "bale", beside: "limit", metric: "cpu", atMost: 4 },
			{ of: "bale", beside: "quilt3", metric: "cpu", timesLess: 12 },
			{ of: "bale-one", beside: "bale", metric: "cpu", atMost: 1.05 },
			{
				of: "bale",
				metric: "read",
				mebibytes: 16,
				why: "its own files, what it remembers and the last manifest, but none of the 195 MiB of content",
			},
		],
	},
];
