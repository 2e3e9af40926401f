import type { Invocation, Report } from "../command.ts";
import { changeSettings } from "../configuration.ts";

/** quilt3's `disable-telemetry` */
export function run(invocation: Invocation): Promise<Report> {
	return changeSettings(invocation, { telemetry_disabled: true });
}
