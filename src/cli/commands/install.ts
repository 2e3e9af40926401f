import { installPackage } from "../client.ts";
import type { Invocation, Report } from "../command.ts";
import { formatBytes, formatCount, plural } from "../format.ts";
import { given, keyOf, quote, runOptions, targetOf } from "../target.ts";

/** `bale install` */
export async function run(invocation: Invocation): Promise<Report> {
	const { options, output } = invocation;
	const target = targetOf(invocation);
	const path = options.text("path") ?? target.path;
	const result = await installPackage(target.name, {
		...given("registry", target.registry),
		...given("topHash", target.topHash),
		...given("pointer", target.pointer),
		...given("dest", options.text("dest")),
		...given("destRegistry", options.text("dest-registry")),
		...given("path", path === undefined ? undefined : keyOf(target, path)),
		overwrite: options.flag("overwrite"),
		prune: options.flag("prune"),
		allowUnverified: options.flag("allow-unverified"),
		allowLocalFiles: options.flag("allow-local-files"),
		dryRun: options.flag("dry-run"),
		...runOptions(invocation),
	});
	const { written, kept, stale, pruned, dryRun } = result;
	const left = stale.length - pruned.length;
	const dest = output.display(result.dest);
	return {
		document: {
			name: result.name,
			topHash: result.topHash,
			registry: result.registry,
			dest: result.dest,
			dryRun,
			files: result.files,
			bytes: result.bytes,
			written,
			kept,
			stale,
			pruned,
		},
		ids: [result.topHash],
		data: [`${result.name}@${result.topHash}`],
		notes: [
			`${dryRun ? "Would install" : "Installed"} ${result.name} from ${output.display(result.registry)} to ${dest}`,
			`  ${plural(result.files, "file")}, ${formatBytes(result.bytes)}; ${formatCount(written.length)} ${dryRun ? "to write" : "written"}, ${formatCount(kept)} there already${pruned.length > 0 ? `, ${formatCount(pruned.length)} ${dryRun ? "to remove" : "removed"}` : ""}`,
			...(left === 0
				? []
				: [
						`  ${plural(left, "file is", "files are")} left from the revision before; ${options.flag("prune") ? "they were changed since, or are needed" : "--prune removes them"}`,
					]),
			...(dryRun ? [] : [`Next: bale status ${quote(dest)}`]),
		],
	};
}
