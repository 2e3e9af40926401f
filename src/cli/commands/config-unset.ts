import type { Invocation, Report } from "../command.ts";
import { changeSettings } from "../configuration.ts";

/** `bale config unset` */
export function run(invocation: Invocation): Promise<Report> {
	return changeSettings(invocation, { [invocation.words[0] ?? ""]: null });
}
