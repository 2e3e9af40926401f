/**
 * Outside tools that some tiers need. Each function finds or sets up one tool below the tool cache
 * and returns `{ env }` for the tests, or `{ missing, fix }`: why it is not there and the line that mends it.
 */
import { createHash } from "node:crypto";
import {
	accessSync,
	constants,
	existsSync,
	mkdirSync,
	readFileSync,
	rmSync,
	statfsSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { npm, quiet, root, run } from "./setup.mjs";

/** Where tools are kept between runs; `BALE_TOOLS_DIR` moves it out of the checkout. */
export const toolsDirectory = process.env.BALE_TOOLS_DIR || join(root, ".tools");

/** Node releases that the suite must pass on besides the one that runs it. */
const nodeReleases = ["20.20.2", "22.23.3", "24.21.0"];

/** The S3 servers of the tests, as Go modules. */
const goServers = {
	versitygw: { module: "github.com/versity/versitygw/cmd/versitygw", version: "1.8.0" },
	minio: { module: "github.com/minio/minio", version: "0.0.0-20260212201848-7aac2a2c5b7c" },
};

function isExecutable(path) {
	try {
		accessSync(path, constants.X_OK);
		return true;
	} catch {
		return false;
	}
}

function onPath(name) {
	const directories = (process.env.PATH ?? "").split(delimiter).filter(Boolean);
	return directories.map((directory) => join(directory, name)).find(isExecutable);
}

function lastLine(text) {
	return text.trim().split("\n").at(-1) ?? "";
}

/** A virtual environment with exactly the packages of a requirements file: the folder of its programs. */
function virtualEnvironment(name, requirementsFile, contents) {
	const fix = "Install Python 3.10 or newer with its venv module, or name one: BALE_PYTHON=/path/to/python3";
	const candidates = process.env.BALE_PYTHON ? [process.env.BALE_PYTHON] : ["python3", "python"];
	const probe =
		"import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2] if sys.version_info >= (3, 10) else '')";
	let command;
	let version;
	for (const candidate of candidates) {
		const answer = run(candidate, ["-c", probe], quiet);
		if (answer.status === 0 && answer.output.trim()) [command, version] = [candidate, answer.output.trim()];
		if (command) break;
	}
	if (!command) return { missing: "no Python 3.10 or newer", fix };

	const requirements = join(root, requirementsFile);
	const digest = createHash("sha256").update(readFileSync(requirements)).digest("hex").slice(0, 12);
	const directory = join(toolsDirectory, `${name}-${digest}-py${version}`);
	const programs = join(directory, process.platform === "win32" ? "Scripts" : "bin");
	const finished = join(directory, "finished");
	if (!existsSync(finished)) {
		rmSync(directory, { recursive: true, force: true });
		const made = run(command, ["-m", "venv", directory], quiet);
		if (made.status !== 0) return { missing: `python -m venv failed: ${lastLine(made.output)}`, fix };
		const arguments_ = ["-m", "pip", "install", "--disable-pip-version-check", "--quiet", "--require-hashes"];
		const installed = run(
			join(programs, "python"),
			[...arguments_, "--only-binary=:all:", "-r", requirements],
			quiet,
		);
		if (installed.status !== 0)
			return {
				missing: `pip could not install ${contents}: ${lastLine(installed.output)}`,
				fix: "Give pip a package index that it can reach",
			};
		writeFileSync(finished, "");
	}
	return { programs };
}

/** The Python with the real quilt3. */
function python() {
	const { programs, ...absent } = virtualEnvironment("quilt3", "test/interop/requirements.txt", "quilt3");
	if (absent.missing) return absent;
	return {
		env: { BALE_TEST_PYTHON: join(programs, process.platform === "win32" ? "python.exe" : "python") },
	};
}

/** The folder of the programs that people use buckets with: the AWS CLI, rclone, and a Python with DuckDB and pandas. */
function clients() {
	const { programs, ...absent } = virtualEnvironment(
		"clients",
		"test/s3/clients/requirements.txt",
		"the AWS CLI, rclone, DuckDB and pandas",
	);
	return absent.missing ? absent : { env: { BALE_TEST_CLIENTS: programs } };
}

/** The other Node releases, as npm packages that hold the binary and have no install script. */
function nodes() {
	if (process.platform !== "linux" || !["x64", "arm64"].includes(process.arch))
		return {
			missing: "Node binaries as npm packages are used on Linux only",
			fix: "Run it on Linux (x64 or arm64)",
		};
	const binaries = [];
	for (const release of nodeReleases) {
		if (release === process.versions.node) continue;
		const directory = join(toolsDirectory, `node-${release}`);
		const name = `node-linux-${process.arch}`;
		const binary = join(directory, "node_modules", name, "bin/node");
		if (!isExecutable(binary)) {
			mkdirSync(directory, { recursive: true });
			writeFileSync(join(directory, "package.json"), "{}\n");
			const arguments_ = [
				"install",
				"--no-save",
				"--ignore-scripts",
				"--no-audit",
				"--no-fund",
				`${name}@${release}`,
			];
			const installed = npm(arguments_, { ...quiet, cwd: directory });
			if (installed.status !== 0 || !isExecutable(binary))
				return {
					missing: `npm could not install ${name}@${release}`,
					fix: "Give npm a registry that it can reach",
				};
		}
		binaries.push({ release, binary });
	}
	return { env: {}, nodes: binaries };
}

function shells() {
	const absent = ["bash", "zsh", "fish"].filter((shell) => !onPath(shell));
	if (absent.length === 0) return { env: {} };
	return {
		missing: `no ${absent.join(", no ")}`,
		fix: `Install ${absent.join(" and ")} (Debian: apt-get install ${absent.join(" ")})`,
	};
}

const systemBrowsers = [
	"/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
	"/Applications/Chromium.app/Contents/MacOS/Chromium",
	"C:/Program Files/Google/Chrome/Application/chrome.exe",
	"C:/Program Files (x86)/Microsoft/Edge/Application/msedge.exe",
];

/** A Chromium: named, installed, or (Linux x64) unpacked from an npm package. */
function chromium() {
	const fix = "Install Chromium or Chrome, or name one: BALE_CHROMIUM=/path/to/chromium";
	if (process.env.BALE_CHROMIUM) {
		if (isExecutable(process.env.BALE_CHROMIUM))
			return { env: { BALE_TEST_CHROMIUM: process.env.BALE_CHROMIUM } };
		return { missing: "BALE_CHROMIUM names no program", fix };
	}
	const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge"];
	const found = names.map(onPath).find(Boolean) ?? systemBrowsers.find(isExecutable);
	if (found) return { env: { BALE_TEST_CHROMIUM: found } };
	if (process.platform !== "linux" || process.arch !== "x64") return { missing: "no Chromium", fix };

	const description = join(root, "node_modules/@sparticuz/chromium/package.json");
	if (!existsSync(description))
		return { missing: "no Chromium, and @sparticuz/chromium is not installed", fix };
	const { version } = JSON.parse(readFileSync(description, "utf8"));
	const directory = join(toolsDirectory, `chromium-${version}`);
	const binary = join(directory, "chromium");
	if (!existsSync(join(directory, "finished"))) {
		rmSync(directory, { recursive: true, force: true });
		mkdirSync(directory, { recursive: true });
		const script = 'import("@sparticuz/chromium").then(({ default: chromium }) => chromium.executablePath())';
		// The package unpacks into the temporary directory, and its own libraries only on that cloud function.
		const env = { ...process.env, TMPDIR: directory, AWS_EXECUTION_ENV: "AWS_Lambda_nodejs22.x" };
		const unpacked = run(process.execPath, ["-e", script], { ...quiet, env });
		if (unpacked.status !== 0 || !isExecutable(binary))
			return { missing: `@sparticuz/chromium did not unpack: ${lastLine(unpacked.output)}`, fix };
		writeFileSync(join(directory, "finished"), "");
	}
	const env = { BALE_TEST_CHROMIUM: binary, BALE_TEST_CHROMIUM_LIBRARIES: join(directory, "al2023", "lib") };
	const libraries = { ...process.env, LD_LIBRARY_PATH: env.BALE_TEST_CHROMIUM_LIBRARIES };
	const absent = run("ldd", [binary], { ...quiet, env: libraries }).output.match(/^.*not found$/gm) ?? [];
	if (absent.length > 0)
		return {
			missing: `Chromium lacks libraries: ${absent.map((line) => line.trim().split(" ")[0]).join(", ")}`,
			fix,
		};
	return { env };
}

function disk() {
	const { bavail, bsize } = statfsSync(tmpdir());
	const gibibytes = (bavail * bsize) / 2 ** 30;
	if (gibibytes >= 10) return { env: {} };
	return {
		missing: `${gibibytes.toFixed(1)} GiB free in ${tmpdir()}, 10 are needed`,
		fix: "Set TMPDIR to a folder with 10 GiB of free space",
	};
}

/** An S3 server, built from its source by Go: `BALE_VERSITYGW`, `BALE_MINIO` name one that is there. */
function goServer(name) {
	const variable = `BALE_${name.toUpperCase()}`;
	const env = (binary) => ({ env: { [`BALE_TEST_${name.toUpperCase()}`]: binary } });
	const fix = `Install Go 1.25 or newer (https://go.dev/dl/), or name the program: ${variable}=/path/to/${name}`;
	const named = process.env[variable];
	if (named) return isExecutable(named) ? env(named) : { missing: `${variable} names no program`, fix };
	if (process.platform === "win32") return { missing: `${name} is not run on Windows`, fix };
	const { module, version } = goServers[name];
	const directory = join(toolsDirectory, `${name}-${version}`);
	const binary = join(directory, name);
	if (!isExecutable(binary)) {
		const go = onPath("go") ?? ["/usr/local/go/bin/go", "/usr/lib/go/bin/go"].find(isExecutable);
		if (!go) return { missing: `no ${name}, and no Go to build it`, fix };
		console.log(`Building ${name} ${version} (once; several minutes) …`);
		const settings = { ...process.env, GOBIN: directory, GOFLAGS: "-mod=mod", CGO_ENABLED: "0" };
		const built = run(go, ["install", `${module}@v${version}`], { ...quiet, env: settings });
		if (built.status !== 0 || !isExecutable(binary))
			return {
				missing: `go could not build ${name}: ${lastLine(built.output)}`,
				fix: "Give go a module proxy that it can reach (GOPROXY)",
			};
	}
	return env(binary);
}

const versitygw = () => goServer("versitygw");
const minio = () => goServer("minio");

const finders = { python, clients, versitygw, minio, nodes, shells, chromium, disk };

/**
 * Finds or sets up the tool called `name`.
 *
 * @param {keyof typeof finders} name
 * @returns {{ env: Record<string, string>, nodes?: { release: string, binary: string }[], missing?: undefined } | { missing: string, fix: string }}
 */
export function findTool(name) {
	return finders[name]();
}
