import { pathToFileURL } from "node:url";
import { join, resolve } from "node:path";
import { homedir } from "node:os";
import { findPlaces } from "../../node/places.ts";
import type { Invocation, Report } from "../command.ts";
import { type Finding, type Severity, fault, ok } from "../doctor/finding.ts";
import { checkClaims } from "../doctor/claims.ts";
import { checkLost } from "../doctor/lost.ts";
import { checkLogin } from "../doctor/login.ts";
import { checkRegistryBucket } from "../doctor/registry-bucket.ts";
import { checkRegistryFolder } from "../doctor/registry-folder.ts";
import { checkServer } from "../doctor/servers.ts";
import { checkLocalRegistry, checkRemoteRegistry, checkSettings, folderOf } from "../doctor/settings.ts";
import { checkUploads, defaultAgeHours } from "../doctor/uploads.ts";
import { checkEnvironment, checkNode, checkPlaces } from "../doctor/system.ts";
import { plural } from "../format.ts";
import { openRegistryOf } from "../target.ts";

const changing = ["abort-uploads", "heal"] as const;

/** `bale doctor` */
export async function run(invocation: Invocation): Promise<Report> {
	const findings = await examine(invocation);
	const { output } = invocation;
	const paint = output.paint.data;
	const marks: Readonly<Record<Severity, string>> = {
		ok: paint.green("ok     "),
		note: paint.dim("note   "),
		warning: paint.yellow("warning"),
		problem: paint.red("problem"),
	};
	const count = (severity: Severity): number =>
		findings.filter((finding) => finding.severity === severity).length;
	const problems = count("problem");
	const warnings = count("warning");
	return {
		document: { healthy: problems === 0, problemCount: problems, warningCount: warnings, findings },
		ids: findings.filter(({ severity }) => severity === "problem").map(({ check }) => check),
		data: findings.flatMap(({ severity, what, remedy }) => [
			`${marks[severity]}  ${output.display(what)}`,
			...(remedy === undefined ? [] : [`         ${output.display(remedy)}`]),
		]),
		notes: [
			problems + warnings === 0
				? "Nothing is wrong"
				: `${plural(problems, "problem")}, ${plural(warnings, "warning")}${changing.some((flag) => invocation.options.flag(flag)) ? "" : "; nothing was changed"}`,
		],
		exitCode: problems === 0 ? 0 : 4,
	};
}

async function examine({ words, options, signal, env }: Invocation): Promise<Finding[]> {
	const places = findPlaces(env);
	const settings = checkSettings(places.data, env);
	const text = (key: string): string | undefined => {
		const value = settings.values.get(key);
		return typeof value === "string" && value !== "" ? value : undefined;
	};
	const chosen = text("default_local_registry");
	const standard = pathToFileURL(join(places.data, "packages")).href;
	const local = chosen ?? standard;
	const remote = text("default_remote_registry");
	const findings = [
		checkNode(process.versions.node),
		...checkEnvironment(env),
		...checkPlaces(places),
		...settings.findings,
		checkLocalRegistry(local, chosen !== undefined && folderOf(chosen) !== folderOf(standard)),
		checkRemoteRegistry(remote),
		...checkLogin(places),
	];
	const offline = options.flag("offline");
	const deep = options.flag("deep");
	const heal = options.flag("heal");
	const registries = new Set([local, ...(remote === undefined ? [] : [remote]), ...words]);
	const uploads = {
		abort: options.flag("abort-uploads"),
		ageHours: options.integer("min-age") ?? defaultAgeHours,
		signal,
	};
	const seen = new Set<string>();
	for (const registry of registries) {
		const path = folderOf(registry);
		if (path === undefined) {
			if (!offline && /^s3:/i.test(registry)) {
				findings.push(...(await checkBucket(registry, deep, uploads)));
				// Each publication takes two requests.
				if (heal || deep) findings.push(...(await checkLost(registry, { heal, signal })));
				if (deep || uploads.abort) findings.push(...(await checkClaims(registry, uploads)));
			}
			continue;
		}
		const folder = resolve(path.replace(/^~(?=$|\/)/, homedir()));
		if (seen.has(folder)) continue;
		seen.add(folder);
		findings.push(...(await checkRegistryFolder({ folder, now: Date.now(), deep, signal })));
		findings.push(...(await checkLost(folder, { heal, signal })));
		// Whoever pushes to a folder that is served takes places in it as in a bucket.
		if (deep || uploads.abort) findings.push(...(await checkClaims(folder, uploads)));
	}
	if (!offline) {
		for (const [key, what] of [
			["navigator_url", "The catalog"],
			["registryUrl", "The identity service"],
		] as const) {
			const url = text(key);
			if (url !== undefined) findings.push(await checkServer(key, what, url, signal));
		}
	}
	return findings;
}

async function checkBucket(
	registry: string,
	deep: boolean,
	uploads: Parameters<typeof checkUploads>[1],
): Promise<Finding[]> {
	try {
		const opened = await openRegistryOf({ registry });
		const read = async (): Promise<Finding[]> => {
			for await (const _names of opened.names(uploads.signal)) break;
			return [ok("registry", `Registry ${registry}: its packages can be listed; --deep reads all of it`)];
		};
		const found = deep ? await checkRegistryBucket(opened, uploads.signal) : await read();
		return [...found, ...(await checkUploads(registry, uploads))];
	} catch (error) {
		uploads.signal.throwIfAborted();
		const message = error instanceof Error ? error.message : String(error);
		const hint =
			error instanceof Error && "hint" in error && typeof error.hint === "string" ? error.hint : undefined;
		return [
			fault(
				"registry",
				"problem",
				`The registry ${registry} cannot be read: ${message}`,
				hint ?? "Check the network and your credentials",
			),
		];
	}
}
