/** What `build` and `push` share before anything moves: the checks, the header, and the question of workflows. */
import { display } from "../core/display.ts";
import { BaleError } from "../core/errors.ts";
import { formatManifestJson, type Json } from "../core/json.ts";
import { layout } from "../core/layout.ts";
import type { Manifest } from "../core/manifest.ts";
import type { PhysicalKey } from "../core/physical-key.ts";
import type { Tree } from "../core/tree.ts";
import type { Registry } from "../registry/registry.ts";
import { locate, type ClientEntry } from "./origin.ts";
import { platform } from "./runtime.ts";
import type { PackageState } from "./state.ts";

export type HeaderOptions = {
	/** Stored in the header and part of the top hash; null and absent are the same. */
	readonly message?: string | null | undefined;
	/** Id of a workflow of the registry; null: explicitly none. Absent: the registry's default. */
	readonly workflow?: string | null | undefined;
};

/**
 * Refuses what could never be published, so that no byte moves in vain: metadata that JSON cannot express
 * (`InvalidMetadata`), a key with NUL (`InvalidKey`), lines over the limit (`LimitExceeded`), a message that is no text (`InvalidArgument`).
 */
export function checkPublishable(state: PackageState, options: HeaderOptions): void {
	const { message } = options;
	if (message !== undefined && message !== null && typeof message !== "string") {
		throw new BaleError("InvalidArgument", "Cannot use a message that is not a text", {
			details: { message: String(message) },
		});
	}
	const limit = platform().settings?.maxRecordSize() ?? 1_000_000;
	checkMetadata("the package metadata", state.header, limit);
	for (const [key, meta] of state.tree.directories()) checkMetadata(`the metadata of "${key}"`, meta, limit);
	for (const [key, entry] of state.tree.walk()) {
		if (key.includes("\0")) {
			throw new BaleError(
				"InvalidKey",
				`Cannot publish "${display(key)}": no file can have a name with NUL`,
				{
					details: { key },
				},
			);
		}
		if (entry.meta.size > 0) checkMetadata(`the metadata of "${key}"`, entry.meta, limit);
	}
}

function checkMetadata(what: string, value: Json, limit: number): void {
	let text: string;
	try {
		text = formatManifestJson(value);
	} catch (error) {
		if (!(error instanceof BaleError)) throw error;
		throw new BaleError(error.code, `Cannot write ${what}: ${error.message}`, {
			...(error.hint === undefined ? {} : { hint: error.hint }),
			details: error.details,
			cause: error,
		});
	}
	if (text.length > limit || (text.length * 3 > limit && new TextEncoder().encode(text).length > limit)) {
		throw new BaleError("LimitExceeded", `Cannot write ${what}: it is longer than ${limit} bytes`, {
			hint: "Keep large metadata in a file of the package, or raise BALE_MANIFEST_MAX_RECORD_SIZE",
			details: { limit },
		});
	}
}

/**
 * The header of the revision to be: `workflow` by the registry's rules, then `message`. A registry with workflow
 * rules is refused (`WorkflowRejected`), since they cannot be checked yet; asking for a workflow where there are
 * none is `InvalidArgument`.
 */
export async function nextHeader(
	state: PackageState,
	registry: Registry,
	options: HeaderOptions & { readonly signal?: AbortSignal | undefined },
): Promise<Map<string, Json>> {
	if (!registry.store.features.writable) {
		throw new BaleError("Unsupported", `Cannot publish to ${registry.location}: it can only be read`);
	}
	const rules = await registry.store.head(layout.workflowConfig, { signal: options.signal });
	if (rules !== undefined) {
		throw new BaleError(
			"WorkflowRejected",
			`Cannot publish to ${registry.location}: it has workflow rules, which this version of bale cannot check`,
			{
				hint: "Publish with quilt3, or to a registry without .quilt/workflows/config.yml",
				details: { registry: registry.location, config: layout.workflowConfig },
			},
		);
	}
	if (options.workflow !== undefined) {
		throw new BaleError(
			"InvalidArgument",
			`Cannot use a workflow: ${registry.location} has no workflow configuration`,
			{
				details: { workflow: options.workflow, registry: registry.location },
			},
		);
	}
	const header = new Map(state.header);
	header.delete("workflow");
	header.set("message", options.message ?? null);
	return header;
}

/** Whether every file that a manifest of this registry names can still be found. */
export async function isUsable(registry: Registry, manifest: Manifest): Promise<boolean> {
	const origin = { kind: "registry", store: registry.store, allowLocalFiles: true } as const;
	for (const [key, entry] of manifest.tree.walk()) {
		try {
			await locate(key, entry, origin);
		} catch {
			return false;
		}
	}
	return true;
}

/** Whether a physical key lies below a registry's root. */
export function isInside(root: PhysicalKey, key: PhysicalKey): boolean {
	if (root.kind === "s3") return key.kind === "s3" && key.bucket === root.bucket;
	return key.kind === "file" && key.path.startsWith(root.path.replace(/\/?$/, "/"));
}

/** Entries that are only in memory cannot be named by a manifest. */
export function refuseUnsaved(tree: Tree): void {
	for (const [key, entry] of tree.walk() as Iterable<[string, ClientEntry]>) {
		if (entry.content === undefined) continue;
		throw new BaleError("InvalidArgument", `Cannot build: "${key}" is only in memory`, {
			hint: "Push the package instead: that saves the content in the registry",
			details: { key },
		});
	}
}
