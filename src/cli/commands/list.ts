import { sortNames } from "../../core/logical-key.ts";
import type { Invocation, Report } from "../command.ts";
import { givenRegistry, openRegistryOf } from "../target.ts";

/** `bale list` */
export async function run(invocation: Invocation): Promise<Report> {
	const { output, signal } = invocation;
	const registry = givenRegistry(invocation);
	const opened = await openRegistryOf({ registry });
	const packages: string[] = [];
	for await (const names of opened.names(signal)) for (const name of names) packages.push(name);
	sortNames(packages);
	const where = opened.location;
	return {
		document: { registry: where, packages },
		ids: packages,
		data: output.quiet ? [] : packages.map(output.display),
		notes: packages.length === 0 ? [`There is no package in ${output.display(where)}`] : [],
	};
}
