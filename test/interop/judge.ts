/** Asks `judge.py` what Python says. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { interpreter } from "./quilt3.ts";

export type PatternCase = { readonly pattern: string; readonly texts: readonly string[] };
export type SchemaCase = { readonly schema: string; readonly values: readonly string[] };
type Requests = {
	readonly pattern?: readonly PatternCase[];
	readonly schema?: readonly SchemaCase[];
	readonly yaml?: readonly string[];
};
/**
 * Of each pattern and schema: whether each text matches; null: Python refuses the pattern or schema. Null for one text:
 * Python fails at it. Of YAML: its JSON.
 */
type Verdicts = {
	readonly pattern: readonly (readonly (boolean | null)[] | null)[];
	readonly schema: readonly (readonly boolean[] | null)[];
	readonly yaml: readonly (string | null)[];
};

/** One Python process for all requests. */
export function judge(requests: Requests): Verdicts {
	const input = JSON.stringify(requests);
	const output = execFileSync(interpreter(), [join(import.meta.dirname, "judge.py")], {
		input,
		encoding: "utf8",
		maxBuffer: 1 << 28,
	});
	return { pattern: [], schema: [], yaml: [], ...(JSON.parse(output) as Partial<Verdicts>) };
}
