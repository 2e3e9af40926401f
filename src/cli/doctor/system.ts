/** The machine: Node, environment variables, and bale's own folders. */
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, rmSync, rmdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Places } from "../../node/places.ts";
import { type Finding, fault, ok, reasonOf } from "./finding.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Oldest Node that bale is tested with. */
const oldestNode = [20, 20] as const;

/** `version` as in `process.versions.node`. */
export function checkNode(version: string): Finding {
	const [major = 0, minor = 0] = version.split(".").map(Number);
	const [oldestMajor, oldestMinor] = oldestNode;
	if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) {
		return ok("node", `Node ${version}`);
	}
	return fault(
		"node",
		"problem",
		`Node ${version} is older than what bale is made for`,
		`Install Node ${oldestNode.join(".")} or later`,
	);
}

/** Variables that must be positive whole numbers. */
const numbers = [
	"QUILT_TRANSFER_MAX_CONCURRENCY",
	"QUILT_MANIFEST_MAX_RECORD_SIZE",
	"BALE_TRANSFER_MAX_CONCURRENCY",
	"BALE_MANIFEST_MAX_RECORD_SIZE",
] as const;

export function checkEnvironment(env: Environment): Finding[] {
	const wrong = numbers.filter((name) => env[name] !== undefined && !/^0*[1-9][0-9]*$/.test(env[name] ?? ""));
	const relative = ["XDG_DATA_HOME", "XDG_CACHE_HOME"].filter(
		(name) => env[name] !== undefined && env[name] !== "" && !env[name].startsWith("/"),
	);
	return [
		...wrong.map((name) =>
			fault(
				"environment",
				"problem",
				`The environment variable ${name} is "${env[name] ?? ""}", which is no positive whole number`,
				`Set it to a number, or unset it: unset ${name}`,
			),
		),
		...relative.map((name) =>
			fault(
				"environment",
				"warning",
				`The environment variable ${name} is ignored, since it is no absolute path`,
				`Set it to an absolute path, or unset it: unset ${name}`,
			),
		),
		...(wrong.length + relative.length === 0 ? [ok("environment", "Environment variables")] : []),
	];
}

/** Whether bale can write where it keeps its records. Leaves nothing behind. */
export function checkPlaces(places: Places): Finding[] {
	return [
		checkWritable("data-directory", "The data directory of bale", places.baleData),
		checkWritable("shared-data-directory", "The data directory shared with quilt3", places.data),
		checkWritable("cache-directory", "The cache directory of bale", places.baleCache),
	];
}

/** Tries to make a file in `path`, or in the nearest folder above it that exists. */
export function checkWritable(check: string, what: string, path: string): Finding {
	let folder = path;
	while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder);
	const probe = join(folder, `.bale-doctor-${randomBytes(8).toString("hex")}`);
	try {
		if (!statSync(folder).isDirectory()) {
			return fault(
				check,
				"problem",
				`${what} cannot be used: "${folder}" is a file`,
				`Move that file away: mv "${folder}" "${folder}.old"`,
				path,
			);
		}
		if (folder === path) {
			writeFileSync(probe, "");
			rmSync(probe);
		} else {
			mkdirSync(probe);
			rmdirSync(probe);
		}
		return ok(check, `${what}, ${path}`, path);
	} catch (error) {
		return fault(
			check,
			"problem",
			`${what} cannot be written: ${reasonOf(error)} (${folder})`,
			`Make it yours: chmod u+rwx "${folder}"; or choose another place with BALE_DATA_DIR, BALE_CACHE_DIR or XDG_DATA_HOME`,
			path,
		);
	}
}
