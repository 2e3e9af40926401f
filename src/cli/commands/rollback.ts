import { BaleError } from "../../core/errors.ts";
import { Package } from "../client.ts";
import type { Invocation, Report } from "../command.ts";
import { topHashOf } from "../content.ts";
import { usageError } from "../options.ts";
import { given, quote, readTarget, registryOf } from "../target.ts";

/** `bale rollback` */
export async function run(invocation: Invocation): Promise<Report> {
	const { spec, words, options, output, signal } = invocation;
	const [word = "", hash] = words;
	const flag = options.text("top-hash");
	if (hash !== undefined && flag !== undefined)
		throw usageError(spec, "HASH and --top-hash are the same thing");
	const target = readTarget(word, { registry: options.text("registry"), topHash: hash ?? flag });
	const registry = await registryOf(target);
	if (target.topHash === undefined && target.pointer === undefined) {
		throw usageError(spec, '"bale rollback" needs HASH: the revision to go back to');
	}
	const latest = topHashOf(await Package.browse(target.name, { registry, allowUnverified: true, signal }));
	const wanted = await Package.browse(target.name, {
		registry,
		...given("topHash", target.topHash),
		...given("pointer", target.pointer),
		signal,
	});
	const topHash = topHashOf(wanted);
	if (topHash === null) throw new BaleError("Unverifiable", "An entry of that revision has no hash");
	const dryRun = options.flag("dry-run");
	const changed = latest !== topHash;
	if (!dryRun && changed) await Package.rollback(target.name, registry, topHash);
	return {
		document: { name: target.name, topHash, registry, previous: latest, changed, dryRun },
		ids: [topHash],
		data: [`${target.name}@${topHash}`],
		notes: [
			changed
				? `${dryRun ? "Would make" : "Made"} ${topHash.slice(0, 10)} the latest revision of ${target.name} in ${output.display(registry)}`
				: `${topHash.slice(0, 10)} is the latest revision of ${target.name} already`,
			...(changed && latest !== null
				? [
						`To undo: bale rollback ${target.name} ${latest.slice(0, 10)} --registry ${quote(output.display(registry))}`,
					]
				: []),
		],
	};
}
