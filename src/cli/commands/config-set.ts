import type { Invocation, Report } from "../command.ts";
import { changeSettings } from "../configuration.ts";

/** `bale config set` */
export function run(invocation: Invocation): Promise<Report> {
	const [key = "", value = ""] = invocation.words;
	return changeSettings(invocation, { [key]: value });
}
