/**
 * Joins the compiled modules into a few files: the command (`dist/cli/main.js` and what it imports) below `dist/bin`, and the library
 * for Node (`dist/index.js`) below `dist/library`. A process that loads 15 files starts in half the time of one that loads 170. What
 * is loaded lazily stays a file of its own, and so does the worker, which is started by its address. Packages of others are
 * not joined in.
 *
 * The files of the command are CommonJS, which Node loads at once and by itself: for ES modules it first loads a loader, and then
 * each of them in turns of the event loop.
 */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { root } from "./setup.mjs";

const packages = Object.keys(JSON.parse(readFileSync(join(root, "package.json"), "utf8")).dependencies);

/**
 * What is always loaded together is one file, since each file costs time beside the code in it; code that many commands do
 * not need is in another one, since that costs time, too. A module goes into the first group that has it: `of` are modules
 * with all that they import, `alone` are modules without it.
 */
const together = {
	// Each thread loads this and nothing else.
	work: { of: ["node/file-work.mjs"] },
	places: { of: ["node/places.js", "cli/compiled.js"] },
	table: { of: ["cli/table.js"] },
	run: { of: ["cli/run.js", "cli/interruption.js", "cli/terminal.js", "cli/report.js"] },
	registry: {
		of: [
			"cli/target.js",
			"client/runtime.js",
			"core/canonical-blocks.js",
			"core/common-bytes.js",
			"core/config.js",
			"core/key-bytes.js",
			"core/manifest-table.js",
			"core/random-bytes.js",
			"node/directory-listing.js",
			"node/directory-object.js",
			"node/node-digest.js",
			"node/lanes.js",
			"node/settings.js",
			"node/worker-pool.js",
			"registry/package-names.js",
			"storage/store-key.js",
		],
		alone: [
			"cli/platform.js",
			"client/registries.js",
			"core/hash.js",
			"core/manifest.js",
			"core/manifest-check.js",
			"core/manifest-lines.js",
			"core/manifest-open.js",
			"core/top-hash.js",
			"node/directory-store.js",
			"node/file-bytes.js",
			"node/local-files.js",
			"node/manifest-notes.js",
			"node/platform.js",
			"registry/registry.js",
			"registry/repeatedly.js",
		],
	},
	client: {
		of: ["client/tree-text.js"],
		alone: [
			"cli/client.js",
			"client/browse.js",
			"client/entry.js",
			"client/manifest-text.js",
			"client/module.js",
			"client/origin.js",
			"client/package.js",
			"client/state.js",
			"client/verbs.js",
			"core/diff.js",
			"core/entry.js",
			"core/manifest-pair.js",
			"registry/authors.js",
		],
	},
	// What moves, hashes and writes files: commands that only look do without.
	files: { of: ["cli/client.js"] },
};

const everyBundle = {
	cwd: root,
	platform: "node",
	external: (name) => name.startsWith("node:") || isPackage(name),
	// What is loaded lazily without the bundle may be in a file that is loaded anyway here.
	checks: { ineffectiveDynamicImport: false },
};

const everyOutput = {
	entryFileNames: "[name].js",
	chunkFileNames: "[name]-[hash].js",
	// They are a quarter of the text, and every start reads it all.
	comments: false,
};

/** Writes `dist/bin`, anew. */
async function bundleCommand() {
	const directory = await write(
		"bin",
		{
			...everyBundle,
			input: { bale: "dist/cli/main.js", "hash-worker": "dist/node/hash-worker.mjs" },
			preserveEntrySignatures: "allow-extension",
			plugins: [workerAt("./hash-worker.js"), { name: "lazy-node", renderChunk: loadWhenUsed }],
		},
		{
			...everyOutput,
			format: "cjs",
			strict: true,
			// In code that V8 has kept, Node 20 knows nothing any more of who may import.
			dynamicImportInCjs: false,
			codeSplitting: { groups: groups(together), includeDependenciesRecursively: false },
		},
	);
	writeFileSync(join(directory, "package.json"), `${JSON.stringify({ type: "commonjs" })}\n`);
}

/** Writes `dist/library`, anew: what programs of Node import. Pages and their bundlers get the modules. */
async function bundleLibrary() {
	await write(
		"library",
		{
			...everyBundle,
			input: { index: "dist/index.js" },
			preserveEntrySignatures: "strict",
			plugins: [workerAt("../bin/hash-worker.js")],
		},
		{ ...everyOutput, format: "esm", codeSplitting: { groups: groups({ library: { of: ["index.js"] } }) } },
	);
}

/** Writes both. */
export async function bundle() {
	await bundleCommand();
	await bundleLibrary();
}

async function write(name, input, output) {
	const { rolldown } = await import("rolldown");
	const made = await rolldown(input);
	const directory = join(root, "dist", name);
	rmSync(directory, { recursive: true, force: true });
	await made.write({ ...output, dir: directory });
	await made.close();
	return directory;
}

function isPackage(name) {
	return packages.some((known) => name === known || name.startsWith(`${known}/`));
}

/** The worker is started by its address. */
function workerAt(address) {
	return { name: "worker", renderChunk: (code) => code.replace("./hash-worker.mjs", address) };
}

/** Every process of Node has loaded these before a script begins. */
const alwaysThere = ["fs", "path", "util"];

/**
 * Has the other modules of Node loaded when something of them is first used, and so the file of what moves files: a command uses
 * few of those that its files name, and some of them (threads, streams, promises of files) take as long as all of ours.
 */
function loadWhenUsed(code) {
	let changed = code;
	const imports = /^(?:let|const) (\w+) = require\("(?:node:([\w/]+)|\.\/files-[^"]+)"\);$/gm;
	for (const [line, variable, name] of code.matchAll(imports)) {
		const isWhole = new RegExp(`\\b${variable}\\b(?!\\.)`).test(code.replace(line, ""));
		if (alwaysThere.includes(name) || isWhole) continue;
		const required = line.slice(line.indexOf("require("), -1);
		changed = changed
			.replaceAll(new RegExp(`\\b${variable}\\.`, "g"), `${variable}.loaded.`)
			.replace(line, `const ${variable} = { get loaded() { return whenUsed(this, ${required}); } };`);
	}
	return changed === code
		? code
		: `${changed}\nfunction whenUsed(owner, value) { Object.defineProperty(owner, "loaded", { value }); return value; }\n`;
}

function groups(byName) {
	const inDist = (files) => files.map((file) => join(root, "dist", file));
	return Object.entries(byName).map(([name, { of, alone = [] }], index, all) => {
		const members = staticImports(inDist(of));
		for (const file of inDist(alone)) members.add(file);
		return { name, priority: all.length - index, test: (id) => members.has(id) };
	});
}

/** The modules of ours that are loaded with these, but for those that are loaded lazily. */
function staticImports(files) {
	const found = new Set();
	const left = [...files];
	for (let file = left.pop(); file !== undefined; file = left.pop()) {
		if (found.has(file)) continue;
		found.add(file);
		for (const [, path] of readFileSync(file, "utf8").matchAll(/(?:\bfrom |^import )"(\.[^"]+)";$/gm))
			left.push(resolve(dirname(file), path));
	}
	return found;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await bundle();
