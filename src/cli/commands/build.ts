import { buildPackage } from "../client.ts";
import type { Invocation, Report } from "../command.ts";
import { usageError } from "../options.ts";
import { changesSince, contentLine, draftFromFolder, readWishes, workflowLines } from "../publishing.ts";
import { given, nameOf, quote, runOptions } from "../target.ts";

/** `bale build`: a revision whose entries point into the folder. */
export async function run(invocation: Invocation): Promise<Report> {
	const { spec, options, output } = invocation;
	const wishes = await readWishes(invocation);
	const target = nameOf(invocation);
	const folder = options.text("dir");
	if (folder === undefined)
		throw usageError(spec, '"bale build" needs --dir: the folder to make a revision of');
	const draft = await draftFromFolder(invocation, folder, target, wishes, { hash: true });
	const result = await buildPackage(draft.package, target.name, target.registry, {
		...given("base", draft.base),
		...given("message", wishes.message),
		...given("workflow", wishes.workflow),
		force: options.flag("force"),
		dryRun: options.flag("dry-run"),
		hashedNow: true,
		...runOptions(invocation),
	});
	const changes = changesSince(draft.previous, result);
	const where = target.registry === undefined ? "" : ` --registry ${quote(target.registry)}`;
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
			changes,
		},
		ids: [result.topHash],
		data: [`${result.name}@${result.topHash}`],
		notes: [
			`${result.dryRun ? "Would record" : "Recorded"} a revision of ${result.name} in ${output.display(result.registry)}`,
			contentLine(result, changes),
			...workflowLines(result),
			...(result.dryRun
				? []
				: [`Next: bale show ${result.name}${where}`, `      ${pushLine(target, folder)}`]),
		],
	};
}

/** The push that publishes the same: without a folder it takes what is in the local registry. */
function pushLine({ name, registry }: ReturnType<typeof nameOf>, folder: string): string {
	const from = registry === undefined ? "" : ` --dir ${quote(folder)}`;
	const to = registry !== undefined && /^s3:/i.test(registry) ? quote(registry) : "REGISTRY";
	return `bale push ${name}${from} --registry ${to}`;
}
