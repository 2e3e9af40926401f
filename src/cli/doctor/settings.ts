/** The configuration file and what it says. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type ConfigValue, configKeys } from "../../core/config-keys.ts";
import { environmentSettings } from "../../core/config.ts";
import { BaleError } from "../../core/errors.ts";
import { readSetting } from "../../core/setting.ts";
import { parseConfig } from "../../node/config-yaml.ts";
import { type Finding, fault, ok, reasonOf } from "./finding.ts";

export type Settings = {
	readonly findings: readonly Finding[];
	/** Values that can be used, by key; without defaults. */
	readonly values: ReadonlyMap<string, ConfigValue>;
};

/** Reads `config.yml` below `data` and the `BALE_*` variables over it. */
export function checkSettings(data: string, env: Readonly<Record<string, string | undefined>>): Settings {
	const path = join(data, "config.yml");
	const findings: Finding[] = [];
	const values = new Map<string, ConfigValue>();
	for (const [key, value] of Object.entries(readFile(path, findings))) {
		try {
			values.set(key, readSetting(key, value, `"${path}"`));
		} catch (error) {
			if (!(error instanceof BaleError)) throw error;
			findings.push(
				fault(
					"config-value",
					"problem",
					error.message,
					error.hint ?? `Set it anew: bale config set ${key} VALUE`,
					path,
				),
			);
		}
	}
	const places = { localRegistry: "", fileUrl: (text: string) => text };
	for (const key of configKeys) {
		const variable = `BALE_${key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
		if (env[variable] === undefined) continue;
		try {
			for (const [name, { value }] of environmentSettings({ [variable]: env[variable] }, places)) {
				values.set(name, value);
			}
		} catch (error) {
			if (!(error instanceof BaleError)) throw error;
			findings.push(fault("config-value", "problem", error.message, `Unset it: unset ${variable}`));
		}
	}
	if (findings.length === 0) {
		findings.push(
			ok("config-file", existsSync(path) ? `Configuration, ${path}` : "Configuration: all defaults", path),
		);
	}
	return { findings, values };
}

function readFile(path: string, findings: Finding[]): Readonly<Record<string, ConfigValue>> {
	const broken = (reason: string): Readonly<Record<string, ConfigValue>> => {
		findings.push(
			fault(
				"config-file",
				"problem",
				`The configuration "${path}" cannot be used: ${reason}`,
				`Correct it in an editor, or start anew (the old file is kept): bale config ""`,
				path,
			),
		);
		return {};
	};
	let text: string;
	try {
		text = readFileSync(path, "utf8");
	} catch (error) {
		if (error instanceof Error && "code" in error && error.code === "ENOENT") return {};
		return broken(reasonOf(error));
	}
	if (text.trim() === "") return broken("it is empty, and quilt3 stops at an empty file");
	const document = parseConfig(text);
	const [error] = document.errors;
	if (error !== undefined) return broken(`it is not YAML (line ${error.linePos?.[0].line ?? "unknown"})`);
	let value: unknown;
	try {
		value = document.toJS({ maxAliasCount: 100 });
	} catch {
		return broken("it refers to itself too often");
	}
	if (typeof value !== "object" || value === null || Array.isArray(value))
		return broken("it holds no keys and values");
	return value as Readonly<Record<string, ConfigValue>>;
}

/** The folder of a directory registry, or undefined for buckets and nonsense. */
export function folderOf(registry: string): string | undefined {
	if (/^file:/i.test(registry)) {
		try {
			return fileURLToPath(registry);
		} catch {
			return undefined;
		}
	}
	return /^[A-Za-z][A-Za-z0-9+.-]+:/.test(registry) ? undefined : registry;
}

/** `configured`: somebody has chosen this registry, so it should be there. */
export function checkLocalRegistry(registry: string, configured: boolean): Finding {
	const folder = folderOf(registry);
	if (folder === undefined) {
		return fault(
			"local-registry",
			"problem",
			`The default local registry "${registry}" is no file URL`,
			"Choose a folder: bale config set default_local_registry /path/to/folder",
		);
	}
	if (isFolder(folder)) return ok("local-registry", `Local registry, ${folder}`, folder);
	if (existsSync(folder)) {
		return fault(
			"local-registry",
			"problem",
			`The default local registry "${folder}" is not a folder`,
			"Choose a folder: bale config set default_local_registry /path/to/folder",
			folder,
		);
	}
	if (!configured)
		return ok("local-registry", `Local registry, ${folder} (made by the first build or install)`, folder);
	return fault(
		"local-registry",
		"problem",
		`The default local registry "${folder}" is not there`,
		`Make it (mkdir -p "${folder}"), mount its disk, or choose another: bale config set default_local_registry /path/to/folder`,
		folder,
	);
}

export function checkRemoteRegistry(registry: string | undefined): Finding {
	if (registry === undefined) {
		return fault(
			"remote-registry",
			"note",
			"No default remote registry is configured, so push and install need --registry",
			"Set one: bale config set default_remote_registry REGISTRY",
		);
	}
	if (/^s3:\/\/[^/]/i.test(registry)) return ok("remote-registry", `Remote registry, ${registry}`);
	const folder = folderOf(registry);
	if (folder === undefined || !/^([/~.]|[A-Za-z]:[\\/])/.test(folder)) {
		return fault(
			"remote-registry",
			"problem",
			`The default remote registry "${registry}" is neither a bucket nor a folder`,
			"Set it anew: bale config set default_remote_registry s3://BUCKET (or /path/to/folder)",
		);
	}
	if (isFolder(folder)) return ok("remote-registry", `Remote registry, ${folder}`, folder);
	return fault(
		"remote-registry",
		"problem",
		`The default remote registry "${folder}" is ${existsSync(folder) ? "not a folder" : "not there"}`,
		`Mount its disk, make it (mkdir -p "${folder}"), or choose another: bale config set default_remote_registry REGISTRY`,
		folder,
	);
}

function isFolder(path: string): boolean {
	try {
		return statSync(path).isDirectory();
	} catch {
		return false;
	}
}
