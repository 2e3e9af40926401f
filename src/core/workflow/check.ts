/** What a workflow says to a package: which one is meant, whether the package may be published, and what is recorded. */
import { metaJson, sizeJson } from "../entry.ts";
import { BaleError } from "../errors.ts";
import { emptyObject, isJsonObject, type Json } from "../json.ts";
import type { Manifest } from "../manifest.ts";
import type { Workflow, WorkflowConfig } from "./config.ts";
import { newBudget, type Pattern } from "./pattern.ts";
import type { Schema } from "./schema.ts";
import { showText, violationText, type WorkflowViolation } from "./violation.ts";

/** A workflow with what it names, ready to check packages. */
export type ReadyWorkflow = {
	readonly isMessageRequired: boolean;
	readonly handlePattern: Pattern | undefined;
	readonly metadata: Schema | undefined;
	readonly entries: Schema | undefined;
};

export type WorkflowVerdict = {
	/** In the order of quilt3's checks: message, name, metadata, entries. At most 10,000 of each. */
	readonly violations: readonly WorkflowViolation[];
	/** How many there are in all. */
	readonly count: number;
};

/**
 * The workflow that is meant: by its id, explicitly none (null), or what the registry has as default. Undefined: none,
 * which the registry allows. Throws `WorkflowRejected` where one is required, `InvalidArgument` for an unknown id,
 * `InvalidWorkflow` when the default does not exist.
 */
export function chooseWorkflow(
	config: WorkflowConfig,
	asked: string | null | undefined,
	registry: string,
): Workflow | undefined {
	const id = asked === undefined ? config.defaultWorkflow : (asked ?? undefined);
	const known = [...config.workflows.keys()];
	const listed =
		known.length === 0 ? "It has none that can be named" : `Its workflows are: ${known.join(", ")}`;
	if (id === undefined) {
		if (!config.isRequired) return undefined;
		throw new BaleError(
			"WorkflowRejected",
			`Cannot publish to ${registry} without a workflow: it requires one`,
			{
				hint: `Name one with --workflow. ${listed}`,
				details: { registry, workflows: known, violations: [] },
			},
		);
	}
	const workflow = config.workflows.get(id);
	if (workflow !== undefined) return workflow;
	if (asked === undefined) {
		throw new BaleError(
			"InvalidWorkflow",
			`Cannot publish to ${registry}: its default workflow ${showText(id)} does not exist`,
			{
				hint: `Name another with --workflow, or mend the configuration. ${listed}`,
				details: { registry, workflow: id, workflows: known },
			},
		);
	}
	throw new BaleError(
		"InvalidArgument",
		`Cannot use the workflow ${showText(id)}: ${registry} has none of that id`,
		{
			hint: listed,
			details: { registry, workflow: id, workflows: known },
		},
	);
}

/** Checks everything, however much is wrong before. Throws `InvalidWorkflow` when that takes too many steps. */
export function checkPackage(
	workflow: ReadyWorkflow,
	candidate: Manifest & { readonly name: string; readonly message: string | null | undefined },
): WorkflowVerdict {
	const budget = newBudget();
	const violations: WorkflowViolation[] = [];
	let count = 0;
	const add = (about: "message" | "name", message: string): void => {
		count += 1;
		violations.push({ about, pointer: "", message });
	};
	if (workflow.isMessageRequired && !candidate.message) add("message", "is required");
	const { handlePattern } = workflow;
	if (handlePattern?.search(candidate.name, budget) === false) {
		add("name", `must match the pattern ${showText(handlePattern.text)}, but is ${showText(candidate.name)}`);
	}
	const metadata = workflow.metadata?.validate(metadataOf(candidate), budget);
	for (const violation of metadata?.violations ?? []) violations.push({ about: "metadata", ...violation });
	if (workflow.entries !== undefined) {
		const keys: string[] = [];
		const verdict = workflow.entries.validate(entriesJson(candidate, keys), budget);
		for (const violation of verdict.violations) {
			const key = keys[Number(/^\/(\d+)(?:\/|$)/.exec(violation.pointer)?.[1])];
			violations.push({ about: "entries", ...violation, ...(key === undefined ? {} : { key }) });
		}
		count += verdict.count;
	}
	return { violations, count: count + (metadata?.count ?? 0) };
}

/** The package's metadata: `{}` where they were never set. */
function metadataOf({ header }: Manifest): Json {
	const meta = header.get("user_meta");
	return meta === undefined ? emptyObject : meta;
}

/** What an entries schema sees: of each file the key, the size, and the user's metadata. */
function entriesJson({ tree }: Manifest, keys: string[]): Json {
	const entries: Json[] = [];
	for (const [key, entry] of tree.walk()) {
		keys.push(key);
		const meta = metaJson(entry);
		const userMeta = isJsonObject(meta) ? meta.get("user_meta") : undefined;
		entries.push(
			new Map<string, Json>([
				["logical_key", key],
				["size", sizeJson(entry)],
				["meta", userMeta === undefined ? emptyObject : userMeta],
			]),
		);
	}
	return entries;
}

/** What the header of a revision records; it enters the top hash. URLs hold the versions that were read. */
export function workflowRecord(
	id: string | null,
	configUrl: string,
	schemaUrls: ReadonlyMap<string, string>,
): Json {
	const record = new Map<string, Json>([
		["id", id],
		["config", configUrl],
	]);
	if (schemaUrls.size > 0) record.set("schemas", new Map(schemaUrls));
	return record;
}

/** The error that tells all violations. */
export function workflowRejection(
	name: string,
	registry: string,
	workflow: string | null,
	{ violations, count }: WorkflowVerdict,
): BaleError {
	const what = count === 1 ? "one rule" : `${count} rules`;
	const first = violations[0];
	const told = count === 1 && first !== undefined ? `: ${violationText(first)}` : "";
	return new BaleError(
		"WorkflowRejected",
		`Cannot publish "${name}" to ${registry}: it breaks ${what} of the workflow ${showText(workflow ?? "")}${told}`,
		{
			hint: "Do what the workflow demands; --dry-run checks without publishing",
			details: { name, registry, workflow, count, violations },
		},
	);
}
