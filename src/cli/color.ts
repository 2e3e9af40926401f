/** Colours of the terminal, as functions from text to text. */
export type Paint = {
	readonly red: (text: string) => string;
	readonly green: (text: string) => string;
	readonly yellow: (text: string) => string;
	readonly bold: (text: string) => string;
	readonly dim: (text: string) => string;
};

const sgr = (code: number) => (text: string) => `\u001b[${code}m${text}\u001b[0m`;
const same = (text: string): string => text;

export const plain: Paint = { red: same, green: same, yellow: same, bold: same, dim: same };

const colored: Paint = { red: sgr(31), green: sgr(32), yellow: sgr(33), bold: sgr(1), dim: sgr(2) };

/**
 * The colours for one stream. `--no-color` wins, then a non-empty NO_COLOR, then FORCE_COLOR
 * (`0` and `false`: none), then whether the stream is a terminal that is not dumb.
 */
export function paintFor(
	isTerminal: boolean,
	env: Readonly<Record<string, string | undefined>>,
	noColor: boolean,
): Paint {
	if (noColor || (env["NO_COLOR"] ?? "") !== "") return plain;
	const forced = env["FORCE_COLOR"];
	if (forced !== undefined) return forced === "0" || forced === "false" ? plain : colored;
	return isTerminal && env["TERM"] !== "dumb" ? colored : plain;
}
