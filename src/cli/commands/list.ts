import { compareNames } from "../../core/logical-key.ts";
import type { Invocation, Report } from "../command.ts";
import { usageError } from "../options.ts";
import { openRegistryOf } from "../target.ts";

/** `bale list` */
export async function run({ spec, words, options, output, signal }: Invocation): Promise<Report> {
	const [word] = words;
	const flag = options.text("registry");
	if (word !== undefined && flag !== undefined && word !== flag) {
		throw usageError(spec, `The registry is given twice: "${word}" and "${flag}"`);
	}
	const registry = word ?? flag;
	const opened = await openRegistryOf({ registry });
	const packages: string[] = [];
	for await (const names of opened.names(signal)) for (const name of names) packages.push(name);
	packages.sort(compareNames);
	const where = opened.location;
	return {
		document: { registry: where, packages },
		ids: packages,
		data: output.quiet ? [] : packages.map(output.display),
		notes: packages.length === 0 ? [`There is no package in ${output.display(where)}`] : [],
	};
}
