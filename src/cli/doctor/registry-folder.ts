/** A directory registry: pointers, manifests, and what should not be there. Reads only. */
import { type Dirent, createReadStream, existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { BaleError } from "../../core/errors.ts";
import { layout } from "../../core/layout.ts";
import { ManifestParser } from "../../core/manifest.ts";
import { computeTopHash } from "../../core/top-hash.ts";
import { createNodeSha256 } from "../../node/node-digest.ts";
import { isDead } from "../../node/process-identity.ts";
import { isTemporaryName } from "../../node/temporary-file.ts";
import { plural } from "../format.ts";
import { type Finding, fault, ok, reasonOf } from "./finding.ts";
import { checkWritable } from "./system.ts";

export type RegistryCheck = {
	readonly folder: string;
	/** Milliseconds since the epoch. */
	readonly now: number;
	/** Read all manifests, not only those of the newest revisions. */
	readonly deep: boolean;
	readonly signal: AbortSignal;
};

/** Manifests that are read unless `deep`. */
const manifestLimit = 100;
/** A temporary file of a push that is older was left behind, in milliseconds. */
const staleAge = 24 * 60 * 60 * 1000;
/** Clocks of different machines may differ by this much, in seconds. */
const clockTolerance = 5;

const hashPattern = /^[0-9a-f]{64}$/;

/** Looks at everything below `.quilt` and `.bale`. */
export async function checkRegistryFolder(check: RegistryCheck): Promise<Finding[]> {
	const { folder } = check;
	const found: Finding[] = [];
	if (list(join(folder, ".quilt"), found).length === 0) {
		return found.length > 0 ? found : [ok("registry", `Registry ${folder}: no package yet`, folder)];
	}
	const named = new Set<string>();
	let newest = 0;
	let packages = 0;
	for (const [name, path] of packageFolders(folder, found)) {
		packages++;
		newest = Math.max(newest, checkPointers(name, path, folder, named, found));
	}
	const manifests = checkManifestNames(folder, found);
	for (const hash of named) {
		if (!manifests.has(hash)) continue;
		manifests.delete(hash);
	}
	const wanted = check.deep ? [...named, ...manifests] : [...named].slice(0, manifestLimit);
	await checkManifests(folder, wanted, check.signal, found);
	found.push(...checkClock(newest, check.now, folder), ...checkLeftovers(folder, check.now));
	found.push(...(await checkWorkflows(folder, check.signal)));
	const writable = checkWritable("registry-writable", `The registry ${folder}`, join(folder, ".quilt"));
	if (writable.severity !== "ok") {
		found.push({
			...writable,
			severity: "warning",
			remedy: `Installing works; to publish, ask the owner for permission to write ${folder}`,
		});
	}
	if (found.length > 0) return found;
	return [
		ok(
			"registry",
			`Registry ${folder}: ${plural(packages, "package")}, ${plural(wanted.length, "manifest")} read`,
			folder,
		),
	];
}

function* packageFolders(folder: string, found: Finding[]): Generator<[name: string, path: string]> {
	const root = join(folder, layout.namesPrefix);
	for (const namespace of list(root, found)) {
		const below = join(root, namespace.name);
		if (!namespace.isDirectory()) {
			found.push(foreign(below));
			continue;
		}
		for (const name of list(below, found)) {
			const path = join(below, name.name);
			if (name.isDirectory()) yield [`${namespace.name}/${name.name}`, path];
			else found.push(foreign(path));
		}
	}
}

/** Returns the greatest timestamp; adds the hashes that the pointers name to `named`. */
function checkPointers(
	name: string,
	path: string,
	registry: string,
	named: Set<string>,
	found: Finding[],
): number {
	const pointers = list(path, found).map((item) => item.name);
	const stamps = pointers.filter((pointer) => /^[0-9]+$/.test(pointer)).sort((a, b) => Number(b) - Number(a));
	for (const pointer of pointers) {
		if (pointer !== "latest" && !/^[0-9]+$/.test(pointer)) {
			found.push(
				fault(
					"foreign-file",
					"problem",
					`"${pointer}" lies beside the pointers of ${name}, and quilt3 takes it for one`,
					`Move it out of the registry: mv "${join(path, pointer)}" /somewhere/else`,
					join(path, pointer),
				),
			);
			continue;
		}
		const hash = readPointer(join(path, pointer), name, pointer, stamps, path, registry, found);
		if (hash !== undefined) named.add(hash);
	}
	if (stamps.length > 0 && !pointers.includes("latest")) {
		found.push(
			fault(
				"latest-missing",
				"problem",
				`The package ${name} in ${registry} has revisions, but no latest one`,
				restore(path, stamps),
				join(path, "latest"),
			),
		);
	}
	return Number(stamps[0] ?? 0);
}

function readPointer(
	file: string,
	name: string,
	pointer: string,
	stamps: readonly string[],
	path: string,
	registry: string,
	found: Finding[],
): string | undefined {
	let text: string;
	try {
		text = readFileSync(file, "utf8").trim();
	} catch (error) {
		found.push(
			fault(
				"pointer",
				"problem",
				`The pointer ${name}:${pointer} cannot be read: ${reasonOf(error)}`,
				`Make it readable: chmod a+r "${file}"`,
				file,
			),
		);
		return undefined;
	}
	const remedy = pointer === "latest" ? restore(path, stamps) : `Remove it: rm "${file}"`;
	if (!hashPattern.test(text)) {
		const state = text === "" ? "is empty" : "does not hold a top hash";
		found.push(fault("corrupt-pointer", "problem", `The pointer ${name}:${pointer} ${state}`, remedy, file));
		return undefined;
	}
	if (existsSync(join(registry, layout.packagesPrefix, text))) return text;
	found.push(
		fault(
			"dangling-pointer",
			"problem",
			`The pointer ${name}:${pointer} names ${text.slice(0, 10)}, whose manifest is not there`,
			`Restore .quilt/packages/${text} from a backup, or: ${remedy}`,
			file,
		),
	);
	return undefined;
}

/** How to point `latest` at the newest revision again. */
function restore(path: string, stamps: readonly string[]): string {
	return stamps[0] === undefined
		? "Publish the package again"
		: `Take the newest pointer: cp "${join(path, stamps[0])}" "${join(path, "latest")}"`;
}

/** Returns the names of all manifests. */
function checkManifestNames(folder: string, found: Finding[]): Set<string> {
	const root = join(folder, layout.packagesPrefix);
	const hashes = new Set<string>();
	for (const item of list(root, found)) {
		if (item.isFile() && hashPattern.test(item.name)) hashes.add(item.name);
		else {
			found.push(
				fault(
					"foreign-file",
					"problem",
					`"${item.name}" lies among the manifests of ${folder}, which makes short hashes ambiguous for quilt3`,
					`Move it out of the registry: mv "${join(root, item.name)}" /somewhere/else`,
					join(root, item.name),
				),
			);
		}
	}
	return hashes;
}

async function checkManifests(
	folder: string,
	hashes: readonly string[],
	signal: AbortSignal,
	found: Finding[],
): Promise<void> {
	for (const hash of hashes) {
		signal.throwIfAborted();
		const path = join(folder, layout.packagesPrefix, hash);
		const reason = await damage(path, hash);
		if (reason === undefined) continue;
		found.push(
			fault(
				"damaged-manifest",
				"problem",
				`The manifest ${hash.slice(0, 10)} in ${folder} is damaged: ${reason}`,
				"Restore it from a backup, or from whoever has installed that revision (the same file in their local registry)",
				path,
			),
		);
	}
}

async function damage(path: string, hash: string): Promise<string | undefined> {
	try {
		const parser = new ManifestParser();
		for await (const chunk of createReadStream(path)) parser.push(chunk as Uint8Array);
		const { header, tree } = parser.end();
		const actual = computeTopHash(header, tree, createNodeSha256);
		return actual === hash ? undefined : `its content gives the top hash ${actual.slice(0, 10)}`;
	} catch (error) {
		return error instanceof BaleError ? error.message : reasonOf(error);
	}
}

function checkClock(newest: number, now: number, folder: string): Finding[] {
	const ahead = newest - Math.floor(now / 1000);
	if (ahead <= clockTolerance) return [];
	return [
		fault(
			"clock",
			"warning",
			`The newest pointer of ${folder} is ${ahead} seconds in the future`,
			"Set the clock of this machine; if it is right, that of whoever published was wrong, and revisions keep their order all the same",
		),
	];
}

function checkLeftovers(folder: string, now: number): Finding[] {
	const found: Finding[] = [];
	const temporary = join(folder, ".bale", "tmp");
	const left = existsSync(temporary)
		? list(temporary, found).filter(
				(item) => isTemporaryName(item.name) && age(join(temporary, item.name), now) > staleAge,
			)
		: [];
	if (left.length > 0) {
		found.push(
			fault(
				"stale-files",
				"warning",
				`${left.length} temporary files of interrupted work lie in ${temporary}`,
				`The next push removes them; or do it now, when nobody publishes: rm "${temporary}"/.bale-tmp-*`,
				temporary,
			),
		);
	}
	const locks = join(folder, ".bale", "locks");
	for (const item of existsSync(locks) ? list(locks, found) : []) {
		const path = join(locks, item.name);
		if (!item.name.endsWith(".lock") || !isStaleLock(path, now)) continue;
		found.push(
			fault(
				"stale-lock",
				"warning",
				`The lock ${path} belongs to a process that is gone`,
				`The next push takes it over; or remove it: rm "${path}"`,
				path,
			),
		);
	}
	return found;
}

function isStaleLock(path: string, now: number): boolean {
	try {
		const holder: unknown = JSON.parse(readFileSync(path, "utf8"));
		return typeof holder === "object" && holder !== null && isDead(holder as Parameters<typeof isDead>[0]);
	} catch {
		return age(path, now) > staleAge;
	}
}

/** Milliseconds since the file was written. */
function age(path: string, now: number): number {
	try {
		return now - statSync(path).mtimeMs;
	} catch {
		return 0;
	}
}

function foreign(path: string): Finding {
	return fault(
		"foreign-file",
		"problem",
		`"${path}" lies among the packages and belongs to none`,
		`Move it out of the registry: mv "${path}" /somewhere/else`,
		path,
	);
}

function list(path: string, found: Finding[]): Dirent[] {
	try {
		return readdirSync(path, { withFileTypes: true });
	} catch (error) {
		if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
		found.push(
			fault(
				"registry",
				"problem",
				`"${path}" cannot be read: ${reasonOf(error)}`,
				`Ask its owner for permission: chmod a+rx "${path}"`,
				path,
			),
		);
		return [];
	}
}

/** Whether every workflow of the registry can be used, with what it names. */
async function checkWorkflows(folder: string, signal: AbortSignal): Promise<Finding[]> {
	const path = join(folder, layout.workflowConfig);
	if (!existsSync(path)) return [];
	const { readWorkflow, readWorkflows } = await import("../client.ts");
	try {
		const found = await readWorkflows(folder, { signal });
		for (const { id } of found?.workflows ?? []) await readWorkflow(id, folder, { signal });
		return [];
	} catch (error) {
		if (!(error instanceof BaleError) || error.code === "Aborted") throw error;
		const remedy = "Mend the configuration: nothing can be published under it as it is";
		return [fault("workflow-config", "warning", error.message, remedy, path)];
	}
}
