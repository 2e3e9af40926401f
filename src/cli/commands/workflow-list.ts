import { readWorkflows } from "../client.ts";
import type { Invocation, Report } from "../command.ts";
import { remoteRegistry } from "../registries.ts";
import { givenRegistry, quote, registryOf } from "../target.ts";

/** `bale workflow list` */
export async function run(invocation: Invocation): Promise<Report> {
	const { output, signal } = invocation;
	const registry = givenRegistry(invocation) ?? (await remoteRegistry());
	const found = await readWorkflows(registry, { signal });
	if (found === undefined) {
		const where = await registryOf({ registry });
		return {
			document: { registry: where, config: null, required: false, default: null, workflows: [] },
			ids: [],
			notes: [`${output.display(where)} has no workflow configuration: everything may be published there`],
		};
	}
	const { workflows, defaultWorkflow } = found;
	const width = Math.max(0, ...workflows.map(({ id }) => id.length));
	return {
		document: {
			registry: found.registry,
			config: found.config,
			required: found.isRequired,
			default: defaultWorkflow ?? null,
			workflows: workflows.map(({ id, name, description }) => ({
				id,
				name,
				description: description ?? null,
			})),
		},
		ids: workflows.map(({ id }) => id),
		data: workflows.map(({ id, name, description }) =>
			output.display(
				`${id.padEnd(width)}  ${name}${description === undefined ? "" : `: ${description}`}${id === defaultWorkflow ? " (default)" : ""}`,
			),
		),
		notes: [
			found.isRequired
				? "A workflow is required"
				: 'A workflow is not required: --workflow "" publishes without one',
			`Next: bale workflow show ${quote(workflows[0]?.id ?? "ID")} --registry ${quote(registry)}`,
		],
	};
}
