/** Looking at the workflows of a registry, and checking packages by them without publishing. */
import { fromJson } from "../core/json.ts";
import { parsePackageName } from "../core/names.ts";
import type { WorkflowViolation } from "../core/workflow/violation.ts";
import { readWorkflowFile } from "../registry/workflow-object.ts";
import { Package } from "./package.ts";
import { checkPublishable, noWorkflows, type HeaderOptions, type WorkflowRecord } from "./prepare.ts";
import { forgetTouched } from "./rehashing.ts";
import { openRegistry, type RegistryInput } from "./registries.ts";

type SignalOption = { readonly signal?: AbortSignal | undefined };

/** One workflow of a registry; what is undefined it does not demand. */
export type WorkflowRule = {
	readonly id: string;
	readonly name: string;
	readonly description: string | undefined;
	readonly isMessageRequired: boolean;
	/** Regular expression of Python, looked for anywhere in the name of the package. */
	readonly handlePattern: string | undefined;
	/** Ids of schemas. */
	readonly metadataSchema: string | undefined;
	readonly entriesSchema: string | undefined;
};

/** The workflow configuration of a registry. */
export type RegistryWorkflows = {
	readonly registry: string;
	/** URL of the configuration, with its version where objects have versions. */
	readonly config: string;
	readonly version: string;
	/** Whether nothing may be published without a workflow. */
	readonly isRequired: boolean;
	/** Id of the workflow that counts when none is named. */
	readonly defaultWorkflow: string | undefined;
	readonly workflows: readonly WorkflowRule[];
	/** URL of each schema, as it is written, by its id. */
	readonly schemas: { readonly [id: string]: string };
};

/**
 * The workflows of a registry (default: the default remote one); undefined when it has no configuration. Throws
 * `InvalidWorkflow` for a configuration that cannot be used.
 */
export async function readWorkflows(
	registryInput?: RegistryInput,
	{ signal }: SignalOption = {},
): Promise<RegistryWorkflows | undefined> {
	const registry = await openRegistry(registryInput, "remote");
	const file = await readWorkflowFile(registry.store, signal);
	if (file === undefined) return undefined;
	const { parseConfigFile } = await import("../registry/workflow-files.ts");
	const { config, url } = parseConfigFile(file);
	return {
		registry: registry.location,
		config: url,
		version: config.version,
		isRequired: config.isRequired,
		defaultWorkflow: config.defaultWorkflow,
		workflows: [...config.workflows.values()],
		schemas: Object.fromEntries(config.schemas),
	};
}

/** A schema as a workflow uses it. */
export type WorkflowSchema = {
	readonly id: string;
	/** With the version that was read where objects have versions. */
	readonly url: string;
	readonly schema: unknown;
};

/**
 * One workflow of a registry with its schemas, all of which can be used. Throws `InvalidArgument` when there is none
 * of that id, `InvalidWorkflow` when it cannot be used.
 */
export async function readWorkflow(
	id: string,
	registryInput?: RegistryInput,
	{ signal }: SignalOption = {},
): Promise<{
	readonly registry: string;
	readonly config: string;
	readonly workflow: WorkflowRule;
	readonly schemas: readonly WorkflowSchema[];
}> {
	const registry = await openRegistry(registryInput, "remote");
	const file = await readWorkflowFile(registry.store, signal);
	if (file === undefined) throw noWorkflows(registry, id);
	const [{ parseConfigFile }, { chooseWorkflow }, { prepareWorkflow }] = await Promise.all([
		import("../registry/workflow-files.ts"),
		import("../core/workflow/check.ts"),
		import("./workflow.ts"),
	]);
	const found = parseConfigFile(file);
	const workflow = chooseWorkflow(found.config, id, registry.location);
	if (workflow === undefined) throw new TypeError("an id names a workflow or is refused");
	const { schemas } = await prepareWorkflow(workflow, registry, found, signal);
	return {
		registry: registry.location,
		config: found.url,
		workflow,
		schemas: [...schemas].map(([schema, { url, json }]) => ({ id: schema, url, schema: fromJson(json) })),
	};
}

export type CheckWorkflowOptions = HeaderOptions &
	SignalOption & { readonly registry?: RegistryInput | undefined };

/** What a registry's rules say to a package. */
export type WorkflowReport = {
	readonly name: string;
	readonly registry: string;
	/** What a revision would record; undefined: the registry has no configuration. */
	readonly workflow: WorkflowRecord | undefined;
	readonly ok: boolean;
	/** At most 10,000 about the metadata and as many about the entries. */
	readonly violations: readonly WorkflowViolation[];
	/** How many there are in all. */
	readonly count: number;
};

/**
 * Checks a package by the rules of a registry (default: the default remote one), as `push` does before anything moves;
 * nothing is hashed and nothing written. Violations are told, not thrown; what keeps a workflow from being chosen or
 * used is thrown as by `push`.
 */
export async function checkWorkflow(
	of: Package,
	nameText: string,
	options: CheckWorkflowOptions = {},
): Promise<WorkflowReport> {
	const state = Package.stateOf(of);
	const name = parsePackageName(nameText);
	checkPublishable(state, options);
	const registry = await openRegistry(options.registry, "remote");
	await forgetTouched(state.tree);
	const { workflow: asked, message = null, signal } = options;
	const file = await readWorkflowFile(registry.store, signal);
	const report = { name, registry: registry.location };
	if (file === undefined) {
		if (asked !== undefined) throw noWorkflows(registry, asked);
		return { ...report, workflow: undefined, ok: true, violations: [], count: 0 };
	}
	const { judge } = await import("./workflow.ts");
	const { record, verdict } = await judge(state, registry, file, { name, workflow: asked, message, signal });
	return { ...report, workflow: fromJson(record) as WorkflowRecord, ok: verdict.count === 0, ...verdict };
}
