/** A registry's workflow configuration and the schemas that it names. Loaded only where there is one. */
import { BaleError, isBaleError } from "../core/errors.ts";
import { isJsonObject, JsonSyntaxError, parseJson, type Json } from "../core/json.ts";
import { formatPhysicalKey, parsePhysicalKey, type PhysicalKey } from "../core/physical-key.ts";
import { parseWorkflowConfig, type WorkflowConfig } from "../core/workflow/config.ts";
import { Schema } from "../core/workflow/schema.ts";
import { schemaFaults } from "../core/workflow/schema-form.ts";
import { showJson, showText } from "../core/workflow/violation.ts";
import { readDocument, type Document, type Opened } from "./workflow-object.ts";
import { parseYaml } from "./workflow-yaml.ts";

/** A configuration, and the URL that is recorded. */
export type FoundConfig = { readonly config: WorkflowConfig; readonly url: string };

/** Throws `InvalidWorkflow` for a configuration that cannot be used. */
export function parseConfigFile({ text, url }: Document): FoundConfig {
	return { config: parseWorkflowConfig(parseYaml(text, url), url), url };
}

/** What reads an object or file by its place; undefined: it is not there. */
export type OpenPlace = (place: PhysicalKey) => Promise<Opened | undefined>;

/** A schema, and the URL that is recorded. */
export type FoundSchema = { readonly schema: Schema; readonly json: Json; readonly url: string };

/** Reads schemas of one configuration, each once. */
export class SchemaReader {
	readonly #found: FoundConfig;
	readonly #open: OpenPlace;
	/** By the URL as it is written. */
	readonly #read = new Map<string, FoundSchema>();

	constructor(found: FoundConfig, open: OpenPlace) {
		this.#found = found;
		this.#open = open;
	}

	/** Throws `InvalidWorkflow` when there is no schema of that id, or it cannot be read or used. */
	async read(id: string): Promise<FoundSchema> {
		const place = this.#place(id);
		const written = formatPhysicalKey(place);
		const known = this.#read.get(written);
		if (known !== undefined) return known;
		const document = await readDocument(place, `the schema ${showText(id)}`, () => this.#open(place));
		if (document === undefined) throw this.#unusable(id, `there is nothing at ${written}`);
		const json = this.#parse(id, document.text);
		const read = { schema: new Schema(json), json, url: document.url };
		this.#read.set(written, read);
		return read;
	}

	#place(id: string): PhysicalKey {
		const url = this.#found.config.schemas.get(id);
		if (url === undefined) throw this.#unusable(id, "the configuration does not name it");
		let place: PhysicalKey;
		try {
			place = parsePhysicalKey(url);
		} catch (error) {
			throw this.#unusable(id, `its URL ${showText(url)} is neither s3:// nor file://`, error);
		}
		if (place.kind === "file" && !this.#found.url.startsWith("file:")) {
			throw this.#unusable(id, `a registry in a bucket cannot name the local file ${place.path}`);
		}
		return place;
	}

	#parse(id: string, text: string): Json {
		let json: Json;
		try {
			json = parseJson(text);
		} catch (error) {
			if (!(error instanceof JsonSyntaxError) && !isBaleError(error)) throw error;
			throw this.#unusable(id, `it is no JSON: ${error.message}`, error);
		}
		if (hasReference(json)) throw this.#unusable(id, 'it has a key "$ref", which quilt3 refuses');
		const dialect = isJsonObject(json) ? json.get("$schema") : undefined;
		if (dialect !== undefined && dialect !== "http://json-schema.org/draft-07/schema#") {
			throw this.#unusable(id, `its $schema is ${showJson(dialect)}, and only that of draft 7 is known`);
		}
		const faults = schemaFaults(json);
		const [first] = faults;
		if (first !== undefined) {
			const place = first.pointer === "" ? "it" : `"${first.pointer}"`;
			throw this.#unusable(id, `${place} ${first.message}`, undefined, faults);
		}
		return json;
	}

	#unusable(id: string, why: string, cause?: unknown, violations?: readonly unknown[]): BaleError {
		return new BaleError("InvalidWorkflow", `Cannot use the schema ${showText(id)}: ${why}`, {
			hint: "Mend the workflow configuration of the registry, or the schema",
			details: {
				schema: id,
				config: this.#found.url,
				...(violations === undefined ? {} : { violations }),
			},
			...(cause === undefined ? {} : { cause }),
		});
	}
}

/** Whether any object inside has the key `$ref`, be it as a property of values. */
function hasReference(root: Json): boolean {
	const open: Json[] = [root];
	for (let value = open.pop(); value !== undefined; value = open.pop()) {
		if (isJsonObject(value)) {
			if (value.has("$ref")) return true;
			open.push(...value.values());
		} else if (Array.isArray(value)) {
			open.push(...(value as readonly Json[]));
		}
	}
	return false;
}
