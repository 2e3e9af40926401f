/** Manifests in memory: scanned, hashed after a change, and compared. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { keyOf, makeManifest } from "../data/manifests.mjs";

/** Taken from `prepare`, so that nothing is loaded before it is compiled. */
const ours = async (...names) =>
	Object.assign({}, ...(await Promise.all(names.map((name) => import(`../../dist/core/${name}.js`)))));

const createSha256 = () => createHash("sha256");

/** What each entry adds to the text of a top hash, from objects that `JSON.parse` made. */
function canonicalByJson({ hash, logical_key, meta, size }) {
	const sorted = (value) =>
		value === null || typeof value !== "object" || Array.isArray(value)
			? value
			: Object.fromEntries(
					Object.keys(value)
						.sort((a, b) => (a < b ? -1 : 1))
						.map((name) => [name, sorted(value[name])]),
				);
	return JSON.stringify({
		hash: { type: hash.type, value: hash.value },
		logical_key,
		meta: sorted(meta),
		size,
	});
}

/** The top hash as most programs would compute it: line by line, through objects. Right for the data of this folder only. */
function topHashByJson(bytes) {
	const [first, ...lines] = bytes.toString("utf8").trimEnd().split("\n");
	const { version, message } = JSON.parse(first);
	const hash = createSha256().update(JSON.stringify({ message, version }));
	for (const line of lines) hash.update(canonicalByJson(JSON.parse(line)));
	return hash.digest("hex");
}

/** The least that a top hash can cost: one SHA-256 over as many bytes as its text has. */
const floor = (bytes, canonicalBytes) => ({
	id: "floor",
	label: "one SHA-256 of as many bytes as the top hash takes",
	run: () => createSha256().update(bytes.subarray(0, canonicalBytes)).digest("hex"),
	other: true,
});

function lines(name, title, meta, timesLess) {
	return {
		name,
		title,
		base: "floor",
		async prepare({ directory, scaled }) {
			const made = makeManifest(directory, { count: scaled(50_000), meta });
			const { parseManifest } = await ours("manifest");
			return { ...made, bytes: readFileSync(made.manifest), parseManifest };
		},
		variants: ({ bytes, canonicalBytes, parseManifest }) => [
			floor(bytes, canonicalBytes),
			{
				id: "bale",
				label: "bale: its lines, many at once",
				run: () => parseManifest(bytes, { createSha256 }).topHash,
			},
			{ id: "json", label: "JSON.parse of each line", run: () => topHashByJson(bytes) },
		],
		targets: [{ of: "bale", beside: "json", metric: "cpu", timesLess }],
	};
}

/** @type {import("../lib/micro.mjs").MicroScenario[]} */
export const scenarios = [
	lines("lines", "top hash of a manifest of 50,000 lines, from its bytes", false, 2.5),
	lines("lines-meta", "the same with four fields of metadata in each line", true, 2.5),
	{
		name: "top-hash",
		title: "top hash of a package of 50,000 entries of which one was changed",
		base: "floor",
		async prepare({ directory, scaled }) {
			const count = scaled(50_000);
			const made = makeManifest(directory, { count });
			const bytes = readFileSync(made.manifest);
			const { parseManifest, computeTopHash, canonicalParts } = await ours("manifest", "top-hash");
			const { header, tree } = parseManifest(bytes);
			const [folder, name] = keyOf(count >> 1).split("/");
			const directoryOfOne = tree.root.lead(folder);
			directoryOfOne.set(name, { ...directoryOfOne.get(name), meta: new Map([["changed", true]]) });
			return { ...made, bytes, header, tree, computeTopHash, canonicalParts };
		},
		variants: ({ bytes, canonicalBytes, header, tree, computeTopHash, canonicalParts }) => [
			floor(bytes, canonicalBytes),
			{ id: "bale", label: "bale: runs of lines", run: () => computeTopHash(header, tree, createSha256) },
			{
				id: "entries",
				label: "entry by entry",
				run() {
					const hash = createSha256();
					for (const part of canonicalParts(header, tree)) hash.update(part);
					return hash.digest("hex");
				},
			},
		],
		targets: [{ of: "bale", beside: "entries", metric: "cpu", timesLess: 2.5 }],
	},
	{
		name: "diff",
		title: "the difference of two manifests of 50,000 lines, 0.1 % changed",
		base: "floor",
		async prepare({ directory, scaled }) {
			const count = scaled(50_000);
			const { parseManifest, diffTrees, entryEquals } = await ours("manifest", "diff", "entry");
			const [from, to] = [0, Math.ceil(count / 1000)].map((changed) =>
				readFileSync(makeManifest(join(directory, String(changed)), { count, changed }).manifest),
			);
			const copy = Buffer.from(from);
			return {
				from,
				copy,
				trees: [from, to].map((bytes) => parseManifest(bytes).tree),
				diffTrees,
				entryEquals,
			};
		},
		variants: ({ from, copy, trees, diffTrees, entryEquals }) => [
			{
				id: "floor",
				label: "comparing as many equal bytes",
				run: () => from.equals(copy),
				other: true,
			},
			{ id: "bale", label: "bale: runs of bytes", run: () => diffTrees(...trees).modified.join() },
			{
				id: "entries",
				label: "entry by entry",
				run() {
					const before = new Map(trees[0].walk());
					const modified = [];
					for (const [key, entry] of trees[1].walk())
						if (!entryEquals(before.get(key), entry)) modified.push(key);
					return modified.join();
				},
			},
		],
		targets: [{ of: "bale", beside: "entries", metric: "cpu", timesLess: 20 }],
	},
];
