/**
 * JSON Schema of draft 7 over bale's own JSON, as jsonschema 4.26 for Python judges it: `1.0` is an integer, `true` is
 * no number, lengths count code points, patterns are Python's, formats are not asserted. There is no `$ref`: quilt3
 * refuses it, so nothing is ever requested and the work is bounded by schema times value.
 */
import { BaleError } from "../errors.ts";
import { isJsonObject, type Json, type JsonObject } from "../json.ts";
import { identityOf } from "./json-values.ts";
import { Pattern, type Budget } from "./pattern.ts";
import { keywords } from "./schema-keywords.ts";
import { pointerTo, type Place, type Violation } from "./violation.ts";

/** So many violations are kept; all are counted. */
export const mostViolations = 10_000;

export type Verdict = { readonly violations: readonly Violation[]; readonly count: number };

/** A schema without faults (`schemaFaults`). */
export class Schema {
	readonly #schema: Json;
	readonly #patterns = new Map<string, Pattern>();
	readonly #identities = new WeakMap<readonly Json[], ReadonlySet<string>>();

	constructor(schema: Json) {
		this.#schema = schema;
	}

	/** What is wrong with `value`, in the order of the schema. Throws `InvalidWorkflow` when that takes too many steps. */
	validate(value: Json, budget: Budget): Verdict {
		const check = new Check(this, budget, mostViolations);
		check.apply(this.#schema, value, undefined);
		return check;
	}

	/** A pattern of the schema, made once. */
	pattern(text: string, budget: Budget): Pattern {
		const made = this.#patterns.get(text) ?? new Pattern(text, budget);
		this.#patterns.set(text, made);
		return made;
	}

	/** The values of a list of the schema, to look up what is equal to one of them. */
	identities(list: readonly Json[]): ReadonlySet<string> {
		const made = this.#identities.get(list) ?? new Set(list.map(identityOf));
		this.#identities.set(list, made);
		return made;
	}
}

/** One pass over a value. */
export class Check implements Verdict {
	readonly violations: Violation[] = [];
	count = 0;
	readonly schema: Schema;
	readonly budget: Budget;
	readonly #most: number;

	constructor(schema: Schema, budget: Budget, most: number) {
		this.schema = schema;
		this.budget = budget;
		this.#most = most;
	}

	apply(schema: Json, value: Json, at: Place): void {
		this.spend(1);
		if (schema === false) this.report(at, "is not allowed");
		if (!isJsonObject(schema)) return;
		for (const [key, argument] of schema) {
			this.spend(1);
			keywords.get(key)?.(this, argument, value, schema, at);
		}
	}

	/** What one schema finds wrong, apart from this pass. */
	aside(schema: Json, value: Json): Verdict {
		const check = new Check(this.schema, this.budget, 1);
		check.apply(schema, value, undefined);
		return check;
	}

	matches(pattern: string, text: string): boolean {
		return this.schema.pattern(pattern, this.budget).search(text, this.budget);
	}

	report(at: Place, message: string): void {
		this.count += 1;
		if (this.violations.length < this.#most) this.violations.push({ pointer: pointerTo(at), message });
	}

	/** `identityOf`, which takes time for large values. */
	identity(value: Json): string {
		const identity = identityOf(value);
		this.spend(identity.length >>> 4);
		return identity;
	}

	spend(steps: number): void {
		this.budget.steps -= steps;
		if (this.budget.steps >= 0) return;
		throw new BaleError("InvalidWorkflow", "Cannot check by the schema: that takes too many steps", {
			hint: "Make the schema simpler",
		});
	}
}

/** A keyword: reports what `value` lacks, given its `argument` in `schema`. */
export type Keyword = (check: Check, argument: Json, value: Json, schema: JsonObject, at: Place) => void;
