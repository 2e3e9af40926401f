/** Prints what a command reports: one document with `--json`, identifiers with `--quiet`, or text. */
import type { CommandSpec, Report } from "./command.ts";
import { formatDocument } from "./document.ts";
import type { Output } from "./output.ts";

/** Prints `report`; fails when stdout cannot be written. */
export async function printReport(spec: CommandSpec, report: Report, output: Output): Promise<void> {
	output.settle();
	if (output.json) {
		const warnings = output.warnings.length === 0 ? {} : { warnings: output.warnings };
		await output.data(`${formatDocument({ schema: spec.schema, ...report.document, ...warnings })}\n`);
		return;
	}
	if (report.bytes !== undefined) {
		for await (const chunk of report.bytes) await output.data(chunk);
	} else {
		const lines = output.quiet ? report.ids.map(output.display) : (report.data ?? []);
		if (lines.length > 0) await output.data(`${lines.join("\n")}\n`);
	}
	for (const line of report.notes ?? []) output.note(output.display(line));
}
