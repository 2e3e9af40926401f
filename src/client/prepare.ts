/** What `build` and `push` share before anything moves: the checks, the header, and the question of workflows. */
import { display } from "../core/display.ts";
import { BaleError } from "../core/errors.ts";
import { formatManifestJson, fromJson, type Json } from "../core/json.ts";
import type { Manifest } from "../core/manifest.ts";
import type { PhysicalKey } from "../core/physical-key.ts";
import type { Tree } from "../core/tree.ts";
import type { Registry } from "../registry/registry.ts";
import { readWorkflowFile } from "../registry/workflow-object.ts";
import { locate, type ClientEntry } from "./origin.ts";
import { platform } from "./runtime.ts";
import type { PackageState } from "./state.ts";

/** The workflow that a revision was checked by, as its header records it. */
export type WorkflowRecord = {
	/** Null: none was chosen, and the registry allows that. */
	readonly id: string | null;
	/** URL of the configuration, with the version that was read where objects have versions. */
	readonly config: string;
	/** URL of each schema that was checked, by its id. */
	readonly schemas?: { readonly [id: string]: string };
};

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
	const { message, workflow } = options;
	if (workflow !== undefined && workflow !== null && typeof workflow !== "string") {
		throw new BaleError("InvalidArgument", "Cannot use a workflow that is not the text of an id", {
			hint: "Give an id, null for explicitly none, or leave it out",
			details: { workflow: String(workflow) },
		});
	}
	if (message !== undefined && message !== null && typeof message !== "string") {
		throw new BaleError("InvalidArgument", "Cannot use a message that is not a text", {
			details: { message: String(message) },
		});
	}
	const limit = platform().settings?.maxRecordSize() ?? 1_000_000;
	checkMetadata("the package metadata", state.header, limit);
	for (const [key, meta] of state.tree.directories()) checkMetadata(`the metadata of "${key}"`, meta, limit);
	for (const [key, entry] of state.tree.looseEntries(limit)) {
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
 * The header of the revision to be: `workflow` by the registry's rules, then `message`. Everything that the rules ask
 * for is checked here (`WorkflowRejected` with all violations; `InvalidWorkflow` for rules that cannot be used). Asking
 * for a workflow, be it none, where there are no rules is `InvalidArgument`, as in quilt3.
 */
export async function nextHeader(
	state: PackageState,
	registry: Registry,
	name: string,
	options: HeaderOptions & { readonly signal?: AbortSignal | undefined },
): Promise<Map<string, Json>> {
	if (!registry.store.features.writable) {
		throw new BaleError("Unsupported", `Cannot publish to ${registry.location}: it can only be read`);
	}
	const { workflow, message = null, signal } = options;
	const header = new Map(state.header);
	const rules = await readWorkflowFile(registry.store, signal);
	if (rules === undefined) {
		if (workflow !== undefined) throw noWorkflows(registry, workflow);
		header.delete("workflow");
	} else {
		// Only those who have rules pay for loading what checks them.
		const { demandWorkflow } = await import("./workflow.ts");
		header.set("workflow", await demandWorkflow(state, registry, rules, { name, workflow, message, signal }));
	}
	header.set("message", message);
	return header;
}

/** The error for a workflow that is asked for in a registry without any. */
export function noWorkflows(registry: Registry, workflow: string | null): BaleError {
	return new BaleError(
		"InvalidArgument",
		`Cannot use a workflow: ${registry.location} has no workflow configuration`,
		{ hint: "Leave the workflow out", details: { workflow, registry: registry.location } },
	);
}

/** What a header says of the workflow that it was published under; absent: the registry had no configuration. */
export function recordedWorkflow(header: ReadonlyMap<string, Json>): { workflow?: WorkflowRecord } {
	const record = header.get("workflow");
	return record === undefined ? {} : { workflow: fromJson(record) as WorkflowRecord };
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
	for (const [key, entry] of tree.looseEntries() as Iterable<[string, ClientEntry]>) {
		if (entry.content === undefined) continue;
		throw new BaleError("InvalidArgument", `Cannot build: "${key}" is only in memory`, {
			hint: "Push the package instead: that saves the content in the registry",
			details: { key },
		});
	}
}
