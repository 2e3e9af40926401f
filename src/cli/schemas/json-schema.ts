/** The few words of JSON Schema (2020-12) that our documents need. */

export type Schema = {
	readonly $schema?: string;
	readonly $id?: string;
	readonly title?: string;
	readonly description?: string;
	readonly type?: TypeName | readonly TypeName[];
	readonly const?: string;
	readonly enum?: readonly string[];
	readonly pattern?: string;
	readonly minimum?: number;
	readonly items?: Schema;
	readonly properties?: Readonly<Record<string, Schema>>;
	readonly required?: readonly string[];
	readonly additionalProperties?: boolean | Schema;
	readonly anyOf?: readonly Schema[];
};

export type TypeName = "string" | "integer" | "number" | "boolean" | "object" | "array" | "null";

const describe = (description: string | undefined): Pick<Schema, "description"> =>
	description === undefined ? {} : { description };

export const text = (description?: string): Schema => ({ type: "string", ...describe(description) });
export const textOrNull = (description: string): Schema => ({
	type: ["string", "null"],
	...describe(description),
});
export const flag = (description: string): Schema => ({ type: "boolean", ...describe(description) });
export const count = (description: string): Schema => ({
	type: "integer",
	minimum: 0,
	...describe(description),
});
export const countOrNull = (description: string): Schema => ({
	type: ["integer", "null"],
	minimum: 0,
	...describe(description),
});
/** Any JSON value. */
export const anything = (description: string): Schema => describe(description);
export const oneOf = (values: readonly string[], description: string): Schema => ({
	enum: values,
	...describe(description),
});
export const list = (items: Schema, description: string): Schema => ({
	type: "array",
	items,
	...describe(description),
});
/** An object that has all `required` members, may have the `optional` ones, and no others. */
export const object = (
	required: Readonly<Record<string, Schema>>,
	description?: string,
	optional: Readonly<Record<string, Schema>> = {},
): Schema => ({
	type: "object",
	...describe(description),
	properties: { ...required, ...optional },
	required: Object.keys(required),
	additionalProperties: false,
});
export const orNull = (schema: Schema): Schema => ({
	anyOf: [schema, { type: "null" }],
	...describe(schema.description),
});

const hashPattern = "^[0-9a-f]{64}$";
export const topHash = (description: string): Schema => ({
	type: "string",
	pattern: hashPattern,
	...describe(description),
});
export const topHashOrNull = (description: string): Schema => ({
	type: ["string", "null"],
	pattern: hashPattern,
	...describe(description),
});
