/** What a person waits for at the terminal. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { bale, program } from "../lib/contestants.mjs";
import { findPeer } from "../lib/peers.mjs";

const node = { id: "node", label: "node -e 0", argv: [process.execPath, "-e", "0"] };

/** A registry with that many packages, of one revision each. */
function makeRegistry(directory, count) {
	const topHash = "7a67ff45a4a4c4814ea89d82bb9fb6fbf06caebc79d6507121b549213c747537";
	mkdirSync(join(directory, ".quilt/packages"), { recursive: true });
	writeFileSync(join(directory, ".quilt/packages", topHash), '{"version": "v0"}\n');
	for (let index = 0; index < count; index++) {
		const name = `team${String(index % 100).padStart(3, "0")}/set${String(index).padStart(6, "0")}`;
		const pointers = join(directory, ".quilt/named_packages", name);
		mkdirSync(pointers, { recursive: true });
		for (const pointer of ["1600000000", "latest"]) writeFileSync(join(pointers, pointer), topHash);
	}
}

function lines(count) {
	return (run) => {
		const found = run.stdout.trim().split("\n").length;
		return found === count ? undefined : `${found} packages were listed, not ${count}`;
	};
}

/** @type {import("../lib/bench.mjs").Scenario[]} */
export const scenarios = [
	{
		name: "list",
		group: "command",
		title: "list of the 10,000 packages of a directory registry",
		base: "node",
		prepare(context) {
			const count = context.scaled(10_000);
			makeRegistry(context.directory, count);
			return { count };
		},
		contestants({ count }, { directory }) {
			const check = lines(count);
			const list = ["-c", "import quilt3, sys\nfor name in quilt3.list_packages(sys.argv[1]): print(name)"];
			return [
				node,
				{ id: "bale", label: "bale list", argv: bale("list", "--registry", directory, "--quiet"), check },
				{
					id: "quilt3",
					label: "quilt3.list_packages",
					needs: ["quilt3"],
					argv: [findPeer("quilt3").path, ...list, pathToFileURL(directory).href],
					check,
				},
			];
		},
		targets: [
			{ of: "bale", beside: "node", metric: "cpu", atMost: 2 },
			{ of: "bale", beside: "quilt3", metric: "cpu", timesLess: 6 },
		],
	},
	{
		name: "start",
		group: "command",
		title: "start of the command",
		base: "node",
		prepare: () => undefined,
		contestants: () => [
			node,
			{ id: "version", label: "bale --version", argv: bale("--version") },
			{ id: "help", label: "bale --help", argv: bale("--help") },
			{ id: "completion", label: "bale completion bash", argv: bale("completion", "bash") },
			{
				id: "quilt3",
				label: "quilt3 --version",
				needs: ["quilt3"],
				argv: [findPeer("quilt3").path, program("quilt3-version.py")],
			},
		],
		targets: ["version", "help", "completion"].map((of) => ({
			of,
			beside: "node",
			metric: "cpu",
			atMost: 1.3,
		})),
	},
];
