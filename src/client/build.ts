import { manifestPieces } from "../core/manifest-format.ts";
import { parsePackageName } from "../core/names.ts";
import { summarize } from "../core/top-hash.ts";
import { ManifestText } from "../registry/bytes.ts";
import { Base } from "../registry/base.ts";
import { checkBase, publish } from "../registry/publish.ts";
import type { RunOptions } from "../transfer/events.ts";
import { hashMissing } from "./hashing.ts";
import { warnOfLocalFiles } from "./materialized.ts";
import {
	checkPublishable,
	isUsable,
	nextHeader,
	recordedWorkflow,
	refuseUnsaved,
	type HeaderOptions,
	type WorkflowRecord,
} from "./prepare.ts";
import { forgetTouched, withHash } from "./rehashing.ts";
import { openRegistry, type RegistryInput } from "./registries.ts";
import { platform } from "./runtime.ts";
import type { PackageState } from "./state.ts";

export type BuildOptions = RunOptions &
	HeaderOptions & {
		/** Only say what would happen: files are hashed, nothing is written. */
		readonly dryRun?: boolean | undefined;
		/** Publish also over revisions that this package does not come from. */
		readonly force?: boolean | undefined;
		/** The hashes of local files were taken for this very call: the files are not looked at again. */
		readonly hashedNow?: boolean | undefined;
		/** What `readBase` has read of this package in this registry. @internal */
		readonly base?: Base | undefined;
	};

export type BuildResult = {
	readonly name: string;
	readonly topHash: string;
	readonly registry: string;
	/** The timestamp pointer that was written; absent when nothing changed or in a dry run. */
	readonly pointer?: string;
	/** False: `latest` named this revision already. */
	readonly changed: boolean;
	readonly dryRun: boolean;
	/** The workflow that it was checked by; absent when the registry has no workflow configuration. */
	readonly workflow?: WorkflowRecord;
	/** Files of the package. */
	readonly files: number;
	/** Bytes of the package. */
	readonly bytes: number;
	/** The package as published, or as it would be. */
	readonly state: PackageState;
};

/**
 * Publishes a manifest in a registry (default: the local one): hashes what has no hash, copies no data and
 * changes no physical key. A package that was read from that registry conflicts when `latest` moved meanwhile;
 * a new one adds a revision. On success the state has its hashes and header; on failure it is as before.
 */
export async function buildPackage(
	state: PackageState,
	nameText: string,
	registryInput: RegistryInput | undefined,
	options: BuildOptions = {},
): Promise<BuildResult> {
	const name = parsePackageName(nameText);
	checkPublishable(state, options);
	refuseUnsaved(state.tree);
	const registry = await openRegistry(registryInput, "local");
	const header = await nextHeader(state, registry, name, options);
	const accept = options.force === true ? "any" : (state.known.at(registry.location, name) ?? "any");
	const base = options.base ?? (await Base.read(registry, name, options.signal));
	await checkBase(registry, name, base, accept, options.signal);

	warnOfLocalFiles(state.tree, registry, options.onProgress);
	if (options.hashedNow !== true) await forgetTouched(state.tree);
	const tree = state.tree.clone();
	const hashed = await hashMissing(tree, state.origin, options);
	const { createSha256 } = platform();
	const { topHash, ...totals } = summarize(header, tree, createSha256);
	const built: PackageState = { ...state, header, tree };
	const result = {
		name,
		topHash,
		registry: registry.location,
		...totals,
		...recordedWorkflow(header),
		state: built,
	};
	const manifest = ManifestText.from(manifestPieces({ header, tree }, lineLimit()));
	if (options.dryRun === true) return { ...result, changed: base.head?.topHash !== topHash, dryRun: true };

	const published = await publish(registry, name, {
		manifest,
		topHash,
		accept,
		base,
		usable: (existing) => isUsable(registry, existing),
		author: platform().author(),
		onWarning: (code, message) => options.onProgress?.({ kind: "warning", code, message }),
		signal: options.signal,
	});
	if (hashed.files > 0) await adopt(state, header, tree);
	else state.header = new Map(header);
	state.known.add(registry.location, name, topHash);
	return {
		...result,
		...(published.pointer === undefined ? {} : { pointer: published.pointer }),
		changed: published.changed,
		dryRun: false,
	};
}

/** Options of manifest writing as configured. */
export function lineLimit(): { maxLineBytes: number } | undefined {
	const limit = platform().settings?.maxRecordSize();
	return limit === undefined ? undefined : { maxLineBytes: limit };
}

/** Files and bytes of a tree. */
export function countTree(tree: PackageState["tree"]): { files: number; bytes: number } {
	let files = 0;
	let bytes = 0;
	for (const [, entry] of tree.walk()) {
		files += 1;
		bytes += entry.size ?? 0;
	}
	return { files, bytes };
}

/** Gives the state the header and, for entries that had none, the hashes that were found. */
export async function adopt(
	state: PackageState,
	header: PackageState["header"],
	hashed: PackageState["tree"],
): Promise<void> {
	state.header = new Map(header);
	for (const [key, entry] of hashed.looseEntries()) {
		const own = state.tree.get(key);
		if (own === undefined || !("physicalKey" in own)) continue;
		if (own.hash === undefined && own.raw?.hash === undefined && own.size === entry.size) {
			state.tree.set(key, await withHash(own, entry));
		}
	}
}
