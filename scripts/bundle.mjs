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
 * not need is in another one, since that costs time, too. A module goes into the first group that reaches it.
 */
const together = {
	// Each thread loads this and nothing else.
	work: ["node/file-work.mjs"],
	table: ["cli/table.js"],
	run: ["cli/run.js", "cli/interruption.js", "cli/terminal.js", "cli/report.js"],
	registry: [
		"cli/target.js",
		"cli/platform.js",
		"client/registries.js",
		"node/config-file.js",
		"core/config.js",
		"core/setting.js",
	],
	client: ["cli/client.js"],
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
		{ ...everyOutput, format: "esm", codeSplitting: { groups: groups({ library: ["index.js"] }) } },
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
 * Has the other modules of Node loaded when something of them is first used: a command uses few of those that its files
 * name, and some of them (threads, streams, promises of files) take as long as all of ours.
 */
function loadWhenUsed(code) {
	let changed = code;
	for (const [line, variable, name] of code.matchAll(/^let (node_\w+) = require\("node:([\w/]+)"\);$/gm)) {
		const isWhole = new RegExp(`\\b${variable}\\b(?!\\.)`).test(code.replace(line, ""));
		if (alwaysThere.includes(name) || isWhole) continue;
		changed = changed
			.replaceAll(new RegExp(`\\b${variable}\\.`, "g"), `${variable}.loaded.`)
			.replace(
				line,
				`const ${variable} = { get loaded() { return whenUsed(this, require("node:${name}")); } };`,
			);
	}
	return changed === code
		? code
		: `${changed}\nfunction whenUsed(owner, value) { Object.defineProperty(owner, "loaded", { value }); return value; }\n`;
}

function groups(filesByName) {
	return Object.entries(filesByName).map(([name, files], index, all) => {
		const members = staticImports(files.map((file) => join(root, "dist", file)));
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
