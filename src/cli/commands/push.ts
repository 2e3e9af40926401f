import { pushTarget, registryOfDest } from "../../client/push-target.ts";
import { Package, pushPackage, type PushResult } from "../client.ts";
import type { Invocation, Report } from "../command.ts";
import { formatBytes, plural } from "../format.ts";
import { usageError } from "../options.ts";
import {
	type Draft,
	changesSince,
	contentLine,
	draftFromFolder,
	isRemote,
	readPrevious,
	readWishes,
	workflowLines,
} from "../publishing.ts";
import { remoteRegistry } from "../registries.ts";
import { given, nameOf, quote, runOptions } from "../target.ts";

const folderFlags = ["meta", "keep-meta", "update", "include", "exclude", "ignore"] as const;

/** `bale push`: a revision with its data, from a folder or from the local registry. */
export async function run(invocation: Invocation): Promise<Report> {
	const { spec, options, output, signal } = invocation;
	const told = await readWishes(invocation);
	// Whoever says nothing about metadata does not want to undo what others did to them.
	const wishes = { ...told, keepMeta: told.keepMeta || (options.flag("rebase") && told.meta === undefined) };
	const { name, registry: given_ } = nameOf(invocation);
	const folder = options.text("dir");
	const noCopy = options.flag("no-copy");
	if (noCopy && folder !== undefined && !isRemote(folder)) {
		throw usageError(
			spec,
			`--no-copy cannot be used with the local folder "${folder}": others could not read the files there`,
			"Leave --no-copy out, or use bale build to refer to local files",
		);
	}
	const rebase = options.flag("rebase");
	if (rebase && options.flag("force")) {
		throw usageError(
			spec,
			"--rebase and --force exclude each other: one keeps what others have published, the other does not look at it",
		);
	}
	const useless = folder === undefined ? folderFlags.find((flag) => options.flag(flag)) : undefined;
	if (useless !== undefined)
		throw usageError(spec, `--${useless} needs --dir: it is about the files of a folder`);
	const { registry: named, dest } = pushTarget(given_, given("dest", options.text("dest")));
	const registry = named ?? (await registryOfDest(dest)) ?? (await remoteRegistry());
	const target = { name, registry };
	const draft: Draft =
		folder === undefined
			? { package: await Package.browse(name, { signal }), ...(await readPrevious(invocation, target)) }
			: await draftFromFolder(invocation, folder, target, wishes);
	// A built package keeps its message, and so its top hash, unless another one is given.
	const message = wishes.message ?? (folder === undefined ? draft.package.message : undefined);
	const result = await pushPackage(draft.package, name, {
		registry,
		...given("base", draft.base),
		...given("dest", dest),
		...given("message", message),
		...given("workflow", wishes.workflow),
		...(noCopy ? { selector: "none" as const } : {}),
		force: options.flag("force"),
		rebase,
		...given("folder", folder === undefined || isRemote(folder) ? undefined : folder),
		folderIsPart: draft.keepsOthers,
		dedupe: options.flag("dedupe"),
		dryRun: options.flag("dry-run"),
		acceptSeen: true,
		...runOptions(invocation),
	});
	const changes = changesSince(draft.previous, result);
	const { copied, reused, displaced } = result;
	return {
		document: {
			name: result.name,
			topHash: result.topHash,
			registry: result.registry,
			pointer: result.pointer,
			changed: result.changed,
			dryRun: result.dryRun,
			workflow: result.workflow ?? null,
			files: result.files,
			bytes: result.bytes,
			copied,
			reused,
			displaced,
			rebased: result.rebased ?? null,
			changes,
		},
		ids: [result.topHash],
		data: [`${result.name}@${result.topHash}`],
		notes: [
			headline(result, output.display(result.registry)),
			contentLine(result, changes),
			...workflowLines(result),
			...(result.rebased === undefined
				? []
				: [`  joined with the revision ${result.rebased.onto.slice(0, 10)} that others have published`]),
			`  ${result.dryRun ? "would copy" : "copied"} ${plural(copied.files, "file")} (${formatBytes(copied.bytes)}), ${plural(reused.files, "file was", "files were")} there already`,
			...(displaced.length === 0
				? []
				: [
						`  ${plural(displaced.length, "file")} put below .bale/objects, since an older revision needs what is at the usual place`,
					]),
			...(result.dryRun ? [] : next(result.name, registry)),
		],
	};
}

function headline(
	result: Pick<PushResult, "name" | "changed" | "dryRun" | "copied">,
	registry: string,
): string {
	if (!result.changed && result.copied.files > 0)
		return `${registry} has this revision of ${result.name} as its latest already; its files ${result.dryRun ? "would be copied" : "were copied"} there`;
	if (!result.changed)
		return `${registry} has this revision of ${result.name} as its latest already; nothing to publish`;
	return `${result.dryRun ? "Would publish" : "Published"} a revision of ${result.name} in ${registry}`;
}

function next(name: string, registry: string): string[] {
	const where = `--registry ${quote(registry)}`;
	return [`Next: bale install ${name} ${where} --dest FOLDER`, `      bale log ${name} ${where}`];
}
