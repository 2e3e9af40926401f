/**
 * `npm start`: sets everything up and does the main job on a real data set, in `.bale-demo/`. Every step is shown
 * as the command that a user would type, and is that command. Ends by itself; the user's own settings and
 * registry are neither read nor written.
 */
import { appendFileSync, copyFileSync, cpSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isolatedEnvironment } from "./isolation.mjs";
import { fail, root, run, setUp } from "./setup.mjs";

const demo = join(root, ".bale-demo");
const source = join(root, "node_modules/vega-datasets");
const home = join(demo, "home");
const table = "data/seattle-weather.csv";

function environment() {
	const { NO_COLOR } = process.env;
	return { ...process.env, ...isolatedEnvironment(process.env, home), NO_COLOR };
}

const bold = (text) => (process.stdout.isTTY && !process.env.NO_COLOR ? `\u001b[1m${text}\u001b[22m` : text);

/** Runs the built command and returns what it prints; without `show` nothing of it is seen. */
function execute(args, show) {
	const cli = join(root, "dist/bin/bale.js");
	const options = { cwd: demo, env: environment(), encoding: "utf8" };
	const result = run(process.execPath, [cli, ...args], { ...options, stdio: show ? "inherit" : "pipe" });
	if (result.status !== 0)
		fail(`\nThis step failed (${result.problem}): bale ${args.join(" ")}\n${result.output}`, 1);
	return result.output;
}

function quote(word) {
	return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function step(title, ...args) {
	console.log(`\n${title}\n${bold(`$ bale ${args.map(quote).join(" ")}`)}`);
	execute(args, true);
}

function latestHash() {
	return JSON.parse(execute(["show", "vega/datasets", "--registry", "registry", "--json"], false)).topHash;
}

setUp();
rmSync(demo, { recursive: true, force: true });
mkdirSync(home, { recursive: true });
cpSync(join(source, "data"), join(demo, "data"), { recursive: true });
copyFileSync(join(source, "datapackage.json"), join(demo, "data/datapackage.json"));
const { version } = JSON.parse(readFileSync(join(source, "package.json"), "utf8"));
const original = readFileSync(join(demo, table));

console.log(
	`\nThe data: the ${bold("vega-datasets")} ${version} tables and images. Everything happens in .bale-demo/.`,
);

step(
	"Record the folder as a package; its top hash is computed from every file.",
	"build",
	"vega/datasets",
	"--dir",
	"data",
);
step(
	"Publish it, with its data, in a registry: a plain directory.",
	"push",
	"vega/datasets",
	"--dir",
	"data",
	"--registry",
	"registry",
	"-m",
	`vega-datasets ${version}`,
);
const first = latestHash();

const row = "2016-01-01,0.0,9.4,1.1,2.0,sun";
console.log(`\nA day is added to a table.\n${bold(`$ echo ${row} >> ${table}`)}`);
appendFileSync(join(demo, table), `${row}\n`);

step("What has changed in the folder?", "diff", "vega/datasets", "--registry", "registry", "--dir", "data");
step(
	"Publish the change: only the changed file is copied.",
	"push",
	"vega/datasets",
	"--dir",
	"data",
	"--registry",
	"registry",
	"-m",
	"Add a day of weather",
);
const second = latestHash();
if (first === second) fail("The change gave no new top hash.", 1);

const before = `vega/datasets@${first.slice(0, 12)}`;
step("Both revisions are there.", "log", "vega/datasets", "--registry", "registry");
step("Compare the revisions.", "diff", before, ":latest", "--registry", "registry");
step(
	"Somewhere else, get exactly the first one.",
	"install",
	`vega/datasets@${first}`,
	"--registry",
	"registry",
	"--dest",
	"elsewhere",
);
step(
	"Prove that every byte is what was published.",
	"verify",
	`vega/datasets@${first}`,
	"--registry",
	"registry",
	"--dir",
	"elsewhere",
);

if (!readFileSync(join(demo, "elsewhere/seattle-weather.csv")).equals(original))
	fail("The installed table is not the one that was published first.", 1);
console.log(
	`\nDone: the first revision was installed byte for byte after the data had changed. Look around in .bale-demo/,`,
);
console.log("or remove it; the next npm start makes it anew.");
