import { errorTable } from "../../core/errors.ts";
import { violationText } from "../../core/workflow/violation.ts";
import { checkWorkflow, Package } from "../client.ts";
import type { Invocation, Report } from "../command.ts";
import { plural } from "../format.ts";
import { usageError } from "../options.ts";
import { draftFromFolder, readWishes, workflowLines } from "../publishing.ts";
import { remoteRegistry } from "../registries.ts";
import { given, nameOf } from "../target.ts";

const folderFlags = ["meta", "keep-meta", "update", "include", "exclude", "ignore"] as const;

/** `bale workflow check`: what `bale push` with the same options would say. */
export async function run(invocation: Invocation): Promise<Report> {
	const { spec, options, output, signal } = invocation;
	const wishes = await readWishes(invocation);
	const { name, registry: given_ } = nameOf(invocation);
	const registry = given_ ?? (await remoteRegistry());
	const folder = options.text("dir");
	const useless = folder === undefined ? folderFlags.find((flag) => options.flag(flag)) : undefined;
	if (useless !== undefined)
		throw usageError(spec, `--${useless} needs --dir: it is about the files of a folder`);
	const candidate =
		folder === undefined
			? await Package.browse(name, { signal })
			: (await draftFromFolder(invocation, folder, { name, registry }, wishes)).package;
	const message = wishes.message ?? (folder === undefined ? candidate.message : undefined);
	const report = await checkWorkflow(candidate, name, {
		registry,
		...given("message", message),
		...given("workflow", wishes.workflow),
		signal,
	});
	const { ok, violations, count, workflow } = report;
	const more = count - violations.length;
	return {
		document: { ...report, workflow: workflow ?? null },
		ids: violations.map(({ about, pointer }) => `${about ?? ""}${pointer}`),
		data: violations.map((violation) => output.display(violationText(violation))),
		notes: [
			ok
				? `${name} may be published in ${output.display(report.registry)}`
				: `${name} may not be published in ${output.display(report.registry)}: it breaks ${plural(count, "rule")} of the workflow "${workflow?.id ?? ""}"`,
			...(ok ? workflowLines({ dryRun: true, ...given("workflow", workflow) }) : []),
			...(workflow === undefined ? ["  it has no workflow configuration"] : []),
			...(more > 0 ? [`  and ${more} more`] : []),
		],
		exitCode: ok ? 0 : errorTable.WorkflowRejected.exit,
	};
}
