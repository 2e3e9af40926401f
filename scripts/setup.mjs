/**
 * Brings a fresh clone to the point where `dist/` is built. Only Node's own modules: this runs before
 * anything is installed.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

const stampFile = join(root, "node_modules", ".bale-stamp");

/** Ends the process with one sentence; exit code 2 stands for a set-up that cannot work. */
export function fail(sentence, code = 2) {
	process.stderr.write(`${sentence}\n`);
	process.exit(code);
}

/** Runs a program to its end and returns its exit status; output goes where ours goes. */
export function run(command, args, options = {}) {
	const result = spawnSync(command, args, { cwd: root, stdio: "inherit", ...options });
	if (result.error) return { status: 127, output: "", problem: result.error.message };
	const output = `${result.stdout ?? ""}${result.stderr ?? ""}`;
	return { status: result.status ?? 1, output, problem: result.signal ?? `exit code ${result.status}` };
}

/** Options of `run` that keep the output. */
export const quiet = { stdio: ["ignore", "pipe", "pipe"], encoding: "utf8" };

/** Runs npm with the Node that runs us. */
export function npm(args, options = {}) {
	const script = process.env.npm_execpath;
	if (script && /\.c?js$/.test(script)) return run(process.execPath, [script, ...args], options);
	return run("npm", args, { shell: process.platform === "win32", ...options });
}

function checkNode() {
	const { engines } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
	const [needMajor, needMinor] = engines.node.match(/\d+/g).map(Number);
	const [major, minor] = process.versions.node.split(".").map(Number);
	if (major < needMajor || (major === needMajor && minor < needMinor))
		fail(`bale needs Node ${needMajor}.${needMinor} or newer; this is ${process.versions.node}.`);
}

function installDependencies() {
	const lock = createHash("sha256")
		.update(readFileSync(join(root, "package-lock.json")))
		.digest("hex");
	if (existsSync(stampFile) && readFileSync(stampFile, "utf8").trim() === lock) return;
	console.log("Installing dependencies (npm ci) …");
	const { status, problem } = npm(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
	if (status !== 0) fail(`npm ci failed (${problem}): its messages are above.`, 1);
	writeFileSync(stampFile, `${lock}\n`);
}

function build() {
	const { status } = run(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-b"]);
	if (status !== 0) fail("The build (tsc -b) failed: its messages are above.", 1);
	const bundled = run(process.execPath, [join(root, "scripts/bundle.mjs")]);
	if (bundled.status !== 0) fail("The command could not be bundled: messages are above.", 1);
}

/** Node version, dependencies, build; whatever is up to date is left alone. */
export function setUp() {
	checkNode();
	installDependencies();
	build();
}
