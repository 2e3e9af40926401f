import { compareLogicalKeys } from "../../core/logical-key.ts";
import { errorTable } from "../../core/errors.ts";
import type { Invocation, Report } from "../command.ts";
import { topHashOf } from "../content.ts";
import { formatCount, plural } from "../format.ts";
import { browse, registryOf, runOptions, targetOf } from "../target.ts";

/** `bale verify` */
export async function run(invocation: Invocation): Promise<Report> {
	const { options, output } = invocation;
	const target = targetOf(invocation);
	const dir = options.text("dir") ?? ".";
	const pkg = await browse(invocation, target);
	const extraFilesOk = options.flag("extra-files-ok");
	const { ok, missing, extra, changed } = await pkg.verify(dir, { extraFilesOk, ...runOptions(invocation) });
	const paint = output.paint.data;
	const line = (word: string, key: string): string => `${paint.red(word.padEnd(8))} ${output.display(key)}`;
	const shownExtra = extraFilesOk ? [] : extra;
	const dest = output.display(dir);
	return {
		document: {
			name: target.name,
			topHash: topHashOf(pkg),
			registry: await registryOf(target),
			dir,
			ok,
			missing,
			extra,
			changed,
		},
		ids: [...missing, ...shownExtra, ...changed.map(({ key }) => key)].sort(compareLogicalKeys),
		data: [
			...missing.map((key) => line("missing", key)),
			...changed.map(({ key, reason }) => `${line("changed", key)} (${reason})`),
			...shownExtra.map((key) => line("extra", key)),
		],
		notes: ok
			? [`${dest} is ${target.name}@${topHashOf(pkg)?.slice(0, 10) ?? ""}: every file matches`]
			: [
					`${dest} does not match ${target.name}: ${plural(missing.length, "file")} missing, ${formatCount(changed.length)} changed, ${formatCount(shownExtra.length)} extra`,
				],
		exitCode: ok ? 0 : errorTable.VerifyFailed.exit,
	};
}
