import type { Package, PackageEntry } from "../client.ts";
import type { Invocation, Report } from "../command.ts";
import { isPackage, topHashOf, totals } from "../content.ts";
import { formatBytes, plural } from "../format.ts";
import { browse, keyOf, quote, registryOf, runOptions, targetOf } from "../target.ts";

/** `bale fetch`: files only; nothing is recorded. */
export async function run(invocation: Invocation): Promise<Report> {
	const { options, output, words } = invocation;
	const target = targetOf(invocation);
	const pkg = await browse(invocation, target);
	const key = keyOf(target, words[1]);
	const node = key === "" ? pkg : pkg.at(key);
	const dest = options.text("dest") ?? ".";
	const dryRun = options.flag("dry-run");
	const { files, bytes } = isPackage(node) ? totals(node) : { files: 1, bytes: node.size ?? 0 };
	if (!dryRun) await fetchNode(invocation, node, dest);
	const topHash = topHashOf(pkg);
	const where = target.registry === undefined ? "" : ` --registry ${quote(output.display(target.registry))}`;
	return {
		document: {
			name: target.name,
			topHash,
			registry: await registryOf(target),
			key,
			dest,
			dryRun,
			files,
			bytes,
		},
		ids: topHash === null ? [] : [topHash],
		data: [output.display(dest)],
		notes: [
			`${dryRun ? "Would fetch" : "Fetched"} ${plural(files, "file")} (${formatBytes(bytes)}) of ${target.name} to ${output.display(dest)}`,
			...(dryRun || key !== "" || topHash === null
				? []
				: [
						`Next: bale verify ${target.name}@${topHash.slice(0, 10)}${where} --dir ${quote(output.display(dest))}`,
					]),
		],
	};
}

async function fetchNode(invocation: Invocation, node: Package | PackageEntry, dest: string): Promise<void> {
	const { signal, ...others } = runOptions(invocation);
	const overwrite = invocation.options.flag("overwrite");
	if (isPackage(node)) await node.fetch(dest, { overwrite, signal, ...others });
	else await node.fetch(`${dest.replace(/\/+$/, "")}/`, { overwrite, signal });
}
