import type { Invocation, Report } from "../command.ts";
import { type Shell, completionScript } from "../completion/scripts.ts";

/** `bale completion SHELL` */
export function run({ words }: Invocation): Promise<Report> {
	const shell = words[0] as Shell;
	const script = completionScript(shell);
	return Promise.resolve({
		document: { shell, script },
		ids: [script.trimEnd()],
		data: [script.trimEnd()],
	});
}
