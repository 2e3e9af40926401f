/** Joins `Output` with the streams of this process. */
import process from "node:process";
import { display } from "../core/display.ts";
import { Output } from "./output.ts";
import type { ParsedOptions } from "./options.ts";
import { ProgressLine } from "./progress.ts";

/** The output for one call. Progress is drawn only on a terminal, and not where it is unwanted. */
export function createOutput(options: ParsedOptions): Output {
	const { stdin, stdout, stderr, env } = process;
	const quiet = options.flag("quiet");
	const json = options.flag("json");
	const drawn =
		stderr.isTTY &&
		!quiet &&
		env["TERM"] !== "dumb" &&
		env["CI"] === undefined &&
		env["QUILT_MINIMIZE_STDOUT"]?.toLowerCase() !== "true";
	return new Output(stdout, stderr, {
		json,
		quiet,
		noColor: options.flag("no-color"),
		env,
		canAsk: stdin.isTTY && stderr.isTTY && env["CI"] === undefined && !json,
		display,
		...(drawn
			? {
					progress: new ProgressLine(
						(text) => void stderr.write(text),
						() => stderr.columns || 80,
					),
				}
			: {}),
	});
}
