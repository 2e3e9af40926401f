/** Installing where there are no files: in a store, as a page has it. */
import { BaleError } from "../core/errors.ts";
import { sameHash } from "../core/hash.ts";
import type { PhysicalKey } from "../core/physical-key.ts";
import { hashSource } from "../transfer/hash-source.ts";
import { mapPool } from "../transfer/pool.ts";
import { checkStoreKey } from "../storage/store-key.ts";
import type { Store } from "../storage/store.ts";
import type { InstallOptions } from "./install.ts";
import { checkItem, type Checked, type Item } from "./materialize.ts";
import { namedObjects } from "./named-objects.ts";
import { storeSource } from "./object-source.ts";
import type { Origin } from "./origin.ts";
import { readEntry } from "./reading.ts";
import { registryIn } from "./registries.ts";
import { platform } from "./runtime.ts";

/** Each is in memory as a whole while it is checked. */
const filesAtOnce = 4;

/**
 * Puts files into a store at their keys, each when it is verified. Nothing is written over unless `overwrite` says so, and
 * never what a registry there would lose by it: `DestinationConflict` before anything is written. The keys that were (or
 * would be) written, and how many were there already.
 */
export async function installInStore(
	items: readonly Item[],
	origin: Origin,
	dest: Store,
	options: InstallOptions,
): Promise<{ readonly written: readonly string[]; readonly kept: number }> {
	const { signal, onProgress } = options;
	const checked = items.map((item) => checkItem(item, options.allowUnverified === true));
	for (const { key } of checked) checkStoreKey(key);
	const states = await mapPool(checked, filesAtOnce, (item) => look(item, dest, signal), signal);
	const others = checked.filter((_item, index) => states[index] === "other").map(({ key }) => key);
	if (others.length > 0 && options.overwrite !== true) {
		throw new BaleError("DestinationConflict", `Cannot install: ${first(others)} would be written over`, {
			hint: "Install in another store, or replace what is there with overwrite: true",
			details: { files: others },
		});
	}
	await refuseNamed(others, dest, signal);
	const pending = checked.filter((_item, index) => states[index] !== "same");
	const written = pending.map(({ key }) => key);
	const kept = checked.length - pending.length;
	if (options.dryRun === true) return { written, kept };
	const bytes = pending.reduce((sum, { size }) => sum + size, 0);
	onProgress?.({ kind: "started", phase: "copy", files: pending.length, bytes });
	const taken = new Set(others);
	const put = async ({ key, source, entry, size, hash }: Checked): Promise<void> => {
		const content = await readEntry(source, { ...entry, hash }, origin, signal);
		await dest.put(key, content, { signal, ...(taken.has(key) ? {} : { condition: { ifAbsent: true } }) });
		onProgress?.({ kind: "advanced", phase: "copy", key, bytes: size });
		onProgress?.({ kind: "settled", phase: "copy", key, how: "copied" });
	};
	await mapPool(pending, options.concurrency ?? filesAtOnce, put, signal);
	onProgress?.({ kind: "finished", phase: "copy" });
	return { written, kept };
}

/** A registry's data are not an install's to replace, unless what its manifests name stays as a version. */
async function refuseNamed(
	keys: readonly string[],
	dest: Store,
	signal: AbortSignal | undefined,
): Promise<void> {
	if (keys.length === 0) return;
	const registry = registryIn(dest);
	// A registry that was moved keeps its files below namespace and name; other keys are too common to tell.
	const mayBe = (_place: PhysicalKey, key: string): boolean => key.split("/").length > 2;
	const named = await namedObjects(registry, keys, { mayBe, withoutVersions: true, signal });
	const { location } = registry;
	if (named.uncertain) {
		throw new BaleError(
			"DestinationConflict",
			`Cannot install: not every manifest of the registry ${location} can be read, so what would be written over may be named by one`,
			{ hint: "Install in another store", details: { dest: location, files: keys } },
		);
	}
	const files = [...named.keys];
	if (files.length === 0) return;
	throw new BaleError(
		"DestinationConflict",
		`Cannot install: a package of the registry ${location} names ${first(files)}, which would be written over`,
		{ hint: "Install in another store", details: { dest: location, files } },
	);
}

function first(keys: readonly string[]): string {
	return `"${keys[0] ?? ""}"${keys.length > 1 ? ` and ${keys.length - 1} more` : ""}`;
}

/** What is at the place of a file. */
async function look(
	{ key, size, hash }: Checked,
	dest: Store,
	signal: AbortSignal | undefined,
): Promise<"absent" | "same" | "other"> {
	const there = await storeSource(dest, key, undefined, signal);
	if (there === undefined) return "absent";
	if (there.size !== size || hash === undefined) return "other";
	const found = await hashSource(there, hash.type, platform().createSha256, { signal });
	return sameHash(found, hash) ? "same" : "other";
}
