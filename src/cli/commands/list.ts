import { compareNames } from "../../core/logical-key.ts";
import { listPackages } from "../client.ts";
import type { Invocation, Report } from "../command.ts";
import { usageError } from "../options.ts";
import { registryOf } from "../target.ts";

/** `bale list` */
export async function run({ spec, words, options, output, signal }: Invocation): Promise<Report> {
	const [word] = words;
	const flag = options.text("registry");
	if (word !== undefined && flag !== undefined && word !== flag) {
		throw usageError(spec, `The registry is given twice: "${word}" and "${flag}"`);
	}
	const registry = word ?? flag;
	const packages: string[] = [];
	for await (const name of listPackages(registry, { signal })) packages.push(name);
	packages.sort(compareNames);
	const where = await registryOf({ registry });
	return {
		document: { registry: where, packages },
		ids: packages,
		data: packages.map(output.display),
		notes: packages.length === 0 ? [`There is no package in ${output.display(where)}`] : [],
	};
}
