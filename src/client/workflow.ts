/** Checking packages by the workflows of a registry. Loaded only where a registry has a configuration. */
import type { Json } from "../core/json.ts";
import {
	checkPackage,
	chooseWorkflow,
	workflowRecord,
	workflowRejection,
	type ReadyWorkflow,
	type WorkflowVerdict,
} from "../core/workflow/check.ts";
import type { Workflow } from "../core/workflow/config.ts";
import { Pattern } from "../core/workflow/pattern.ts";
import type { Registry } from "../registry/registry.ts";
import {
	parseConfigFile,
	SchemaReader,
	type FoundConfig,
	type FoundSchema,
} from "../registry/workflow-files.ts";
import type { Document, Opened } from "../registry/workflow-object.ts";
import type { PhysicalKey } from "../core/physical-key.ts";
import { platform } from "./runtime.ts";
import type { PackageState } from "./state.ts";

type Signal = AbortSignal | undefined;

/** What is to be published, as far as the state does not say it. */
export type Wish = {
	readonly name: string;
	/** Null: explicitly none; undefined: the registry's default. */
	readonly workflow: string | null | undefined;
	readonly message: string | null;
	readonly signal: Signal;
};

/** What the header records once everything is as the registry wants it. Throws `WorkflowRejected` with all violations. */
export async function demandWorkflow(
	state: PackageState,
	registry: Registry,
	rules: Document,
	wish: Wish,
): Promise<Json> {
	const { id, record, verdict } = await judge(state, registry, rules, wish);
	if (verdict.count > 0) throw workflowRejection(wish.name, registry.location, id, verdict);
	return record;
}

/** Everything that a registry's rules say to a package. */
export async function judge(
	state: PackageState,
	registry: Registry,
	rules: Document,
	{ name, workflow: asked, message, signal }: Wish,
): Promise<{ readonly id: string | null; readonly record: Json; readonly verdict: WorkflowVerdict }> {
	const found = parseConfigFile(rules);
	const workflow = chooseWorkflow(found.config, asked, registry.location);
	const id = workflow?.id ?? null;
	if (workflow === undefined) {
		return { id, record: workflowRecord(id, found.url, new Map()), verdict: { violations: [], count: 0 } };
	}
	const { ready, schemas } = await prepareWorkflow(workflow, registry, found, signal);
	const verdict = checkPackage(ready, { header: state.header, tree: state.tree, name, message });
	const urls = new Map([...schemas].map(([schema, { url }]) => [schema, url]));
	return { id, record: workflowRecord(id, found.url, urls), verdict };
}

/** Reads what a workflow names: its pattern, then the schema of the metadata, then that of the entries. */
export async function prepareWorkflow(
	workflow: Workflow,
	registry: Registry,
	found: FoundConfig,
	signal: Signal,
): Promise<{ readonly ready: ReadyWorkflow; readonly schemas: ReadonlyMap<string, FoundSchema> }> {
	const { handlePattern, metadataSchema, entriesSchema, isMessageRequired } = workflow;
	const pattern = handlePattern === undefined ? undefined : new Pattern(handlePattern);
	const reader = new SchemaReader(found, (place) => openPlace(registry, place, signal));
	const schemas = new Map<string, FoundSchema>();
	for (const id of [metadataSchema, entriesSchema])
		if (id !== undefined) schemas.set(id, await reader.read(id));
	const schemaOf = (id: string | undefined) => (id === undefined ? undefined : schemas.get(id)?.schema);
	return {
		ready: {
			isMessageRequired,
			handlePattern: pattern,
			metadata: schemaOf(metadataSchema),
			entries: schemaOf(entriesSchema),
		},
		schemas,
	};
}

/** A schema may lie in any bucket, or be a file where the registry is a directory. */
async function openPlace(
	{ store }: Registry,
	place: PhysicalKey,
	signal: Signal,
): Promise<Opened | undefined> {
	if (place.kind === "file") {
		const source = await platform().files?.open(place.path);
		return source && { body: source.open(undefined, signal) };
	}
	const { bucket, key, versionId } = place;
	const own = store.root.kind === "s3" && store.root.bucket === bucket && store.root.key === "";
	const bucketStore = own ? store : await platform().openStore(`s3://${bucket}`);
	const version = versionId === undefined ? {} : { versionId };
	const object = await bucketStore.get(key, { checked: true, signal, ...version });
	return object && { versionId: object.info.versionId, body: object.body };
}
