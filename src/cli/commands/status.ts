import { compareLogicalKeys } from "../../core/logical-key.ts";
import { statusOf } from "../client.ts";
import { changeLines } from "../changes.ts";
import type { Invocation, Report } from "../command.ts";
import { formatCount } from "../format.ts";
import { quote, runOptions } from "../target.ts";

/** `bale status` */
export async function run(invocation: Invocation): Promise<Report> {
	const { words, options, output } = invocation;
	const status = await statusOf(words[0] ?? ".", runOptions(invocation));
	const { name, topHash, registry, dest, modified, missing, extra } = status;
	const different = modified.length + missing.length + extra.length > 0;
	const where = quote(output.display(dest));
	return {
		document: { name, topHash, registry, dest, different, modified, missing, extra },
		ids: [...modified, ...missing, ...extra].sort(compareLogicalKeys),
		data: changeLines({ added: extra, modified, deleted: missing }, output),
		notes: [
			`${output.display(dest)} holds ${name}@${topHash.slice(0, 10)} from ${output.display(registry)}`,
			different
				? `  ${formatCount(modified.length)} changed, ${formatCount(missing.length)} missing, ${formatCount(extra.length)} not of the package`
				: "  Every file is as it was installed",
			...(different
				? [
						`Next: bale push ${name} --dir ${where} --registry ${quote(registry)}`,
						`      bale install ${name}@${topHash.slice(0, 10)} --registry ${quote(registry)} --dest ${where} --overwrite`,
					]
				: []),
		],
		exitCode: different && options.flag("exit-code") ? 4 : 0,
	};
}
