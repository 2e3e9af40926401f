/** Joins `Output` with the streams of this process. */
import { display } from "../core/display.ts";
import { Output } from "./output.ts";
import type { ParsedOptions } from "./options.ts";
import { ProgressLine } from "./progress.ts";
import { isTerminal, type StandardStream } from "./standard-stream.ts";

/** The output for one call. Progress is drawn only on a terminal, and not where it is unwanted. */
export function createOutput(
	options: ParsedOptions,
	{ stdout, stderr }: { readonly stdout: StandardStream; readonly stderr: StandardStream },
): Output {
	const { env } = process;
	const quiet = options.flag("quiet");
	const json = options.flag("json");
	const drawn =
		!quiet &&
		stderr.isTTY &&
		env["TERM"] !== "dumb" &&
		env["CI"] === undefined &&
		env["QUILT_MINIMIZE_STDOUT"]?.toLowerCase() !== "true";
	const output = new Output(stdout, stderr, {
		json,
		quiet,
		noColor: options.flag("no-color"),
		env,
		canAsk: () => !json && env["CI"] === undefined && stderr.isTTY && isTerminal(0),
		display,
		...(drawn
			? {
					progress: new ProgressLine(
						(text) => void stderr.write(text),
						() => stderr.columns ?? 80,
					),
				}
			: {}),
	});
	showWarnings(output, options.flag("debug"));
	return output;
}

/** Warnings of our own libraries appear as those of the command; others, which are for programmers, with `--debug` only. */
function showWarnings(output: Output, debug: boolean): void {
	process.removeAllListeners("warning");
	process.on("warning", (warning) => {
		if (warning.name === "BaleWarning") {
			output.warn("code" in warning ? String(warning.code) : warning.name, warning.message);
		} else if (debug) {
			output.error(output.display(`${warning.name}: ${warning.message}`));
		}
	});
}
