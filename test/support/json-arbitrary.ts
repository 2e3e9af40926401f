/** Random values for property tests of the core. */
import fc from "fast-check";
import { Float } from "../../src/core/json.ts";
import type { Json } from "../../src/core/json.ts";

/** Texts of every kind that UTF-8 can express: NUL, astral, reserved property names. */
export const anyText: fc.Arbitrary<string> = fc.oneof(
	{ weight: 4, arbitrary: fc.string({ unit: "grapheme", maxLength: 8 }) },
	{ weight: 3, arbitrary: fc.string({ unit: "binary", maxLength: 6 }) },
	{
		weight: 1,
		arbitrary: fc.constantFrom("__proto__", "constructor", "10", "2", "", "\u007f", "\ue000", "\u{1f600}"),
	},
);

/** Texts that may hold halves of surrogate pairs. */
export const brokenText: fc.Arbitrary<string> = fc
	.array(fc.oneof(fc.integer({ min: 0xd7fe, max: 0xe001 }), fc.integer({ min: 0, max: 0xffff })), {
		maxLength: 5,
	})
	.map((units) => String.fromCharCode(...units));

/** Numbers that every JSON writer can express. */
const finite = fc.double({ noNaN: true, noDefaultInfinity: true });

/** JSON whose texts come from `text`. */
export function anyJson(text: fc.Arbitrary<string> = anyText): fc.Arbitrary<Json> {
	const { value } = fc.letrec<{ value: Json }>((tie) => ({
		value: fc.oneof(
			{ maxDepth: 4, withCrossShrink: true },
			fc.constantFrom(null, true, false),
			text,
			fc.bigInt(),
			finite.map((number) => new Float(number)),
			fc.array(tie("value"), { maxLength: 4 }),
			fc.array(fc.tuple(text, tie("value")), { maxLength: 4 }).map((members) => new Map(members)),
		),
	}));
	return value;
}

/** Metadata: JSON objects. */
export const anyObject: fc.Arbitrary<ReadonlyMap<string, Json>> = fc
	.array(fc.tuple(anyText, anyJson()), { maxLength: 4 })
	.map((members) => new Map(members));
