/** Names and hashes of a directory registry, read from its folders without loading the client. */
import { readFileSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { findPlaces } from "../../node/places.ts";

type Candidate = { readonly value: string; readonly what: string };

/** More than this many pointers of a package are not read. */
const pointerLimit = 200;

/**
 * The folder of the registry that a command would use: the given one, else the configured one. Undefined
 * for buckets, which are not asked while somebody types.
 */
export function findRegistry(
	given: string | undefined,
	remote: boolean,
	env: Readonly<Record<string, string | undefined>>,
): string | undefined {
	if (given !== undefined) return folderOf(given);
	const places = findPlaces(env);
	const local = (): string =>
		env["BALE_DEFAULT_LOCAL_REGISTRY"] ??
		setting(places.data, "default_local_registry") ??
		join(places.data, "packages");
	const shared = env["BALE_DEFAULT_REMOTE_REGISTRY"] ?? setting(places.data, "default_remote_registry");
	return folderOf(remote && shared !== undefined ? shared : local());
}

/** Names of the packages in a registry. */
export function packageNames(registry: string): Candidate[] {
	const root = join(registry, ".quilt", "named_packages");
	return folders(root).flatMap((namespace) =>
		folders(join(root, namespace)).map((name) => ({ value: `${namespace}/${name}`, what: "" })),
	);
}

/** Hashes (12 digits, newest first) or pointers of a package. */
export function revisionNames(registry: string, name: string, kind: "hash" | "pointer"): Candidate[] {
	if (!/^[\w-]+\/[\w-]+$/.test(name)) return [];
	const folder = join(registry, ".quilt", "named_packages", name);
	const pointers = names(folder)
		.filter((pointer) => /^[0-9]+$/.test(pointer))
		.sort((a, b) => Number(b) - Number(a))
		.slice(0, pointerLimit);
	if (kind === "pointer") {
		return [
			{ value: "latest", what: "the newest revision" },
			...pointers.map((value) => ({ value, what: when(value) })),
		];
	}
	const found = new Map<string, string>();
	for (const pointer of pointers) {
		const hash = text(join(folder, pointer)).slice(0, 12);
		if (/^[0-9a-f]{12}$/.test(hash) && !found.has(hash)) found.set(hash, when(pointer));
	}
	return Array.from(found, ([value, what]) => ({ value, what }));
}

/** Ids of the workflows in a registry's configuration, when it is laid out in blocks; reading all YAML takes too long here. */
export function workflowNames(registry: string): Candidate[] {
	const lines = text(join(registry, ".quilt", "workflows", "config.yml")).split(/\r?\n/);
	const first = lines.findIndex((line) => /^workflows:\s*(#.*)?$/.test(line)) + 1;
	const found: Candidate[] = [];
	let indent: string | undefined;
	for (const line of first === 0 ? [] : lines.slice(first)) {
		if (/^\s*(#.*)?$/.test(line)) continue;
		const [, space = "", , id] = /^( *)(["']?)([\w.-]+)\2\s*:(\s|$)/.exec(line) ?? [];
		if (!line.startsWith(" ")) break;
		if (id !== undefined && space === (indent ??= space)) found.push({ value: id, what: "" });
	}
	return found;
}

/** A top-level scalar of quilt3's configuration file; the file is flat, so a line is enough. */
function setting(data: string, key: string): string | undefined {
	const line = new RegExp(`^${key}:[ \\t]*(.+?)[ \\t]*$`, "m").exec(text(join(data, "config.yml")))?.[1];
	const value = line?.replace(/^(["'])(.*)\1$/, "$2");
	return value === undefined || value === "null" || value === "~" ? undefined : value;
}

function folderOf(registry: string): string | undefined {
	if (/^file:/i.test(registry)) return fileURLToPath(registry);
	if (/^[A-Za-z][A-Za-z0-9+.-]+:/.test(registry)) return undefined;
	return resolve(registry.replace(/^~(?=$|\/)/, homedir()));
}

function folders(path: string): string[] {
	try {
		return readdirSync(path, { withFileTypes: true })
			.filter((item) => item.isDirectory())
			.map((item) => item.name)
			.sort((a, b) => (a < b ? -1 : 1));
	} catch {
		return [];
	}
}

function names(path: string): string[] {
	try {
		return readdirSync(path);
	} catch {
		return [];
	}
}

function text(path: string): string {
	try {
		return readFileSync(path, "utf8");
	} catch {
		return "";
	}
}

function when(pointer: string): string {
	const date = new Date(Number(pointer) * 1000);
	return Number.isNaN(date.getTime()) ? "" : date.toISOString().slice(0, 16).replace("T", " ");
}
