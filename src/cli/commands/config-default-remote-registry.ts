import type { Invocation, Report } from "../command.ts";
import { changeSettings } from "../configuration.ts";

/** quilt3's `config-default-remote-registry` */
export function run(invocation: Invocation): Promise<Report> {
	return changeSettings(invocation, { default_remote_registry: invocation.words[0] ?? "" });
}
