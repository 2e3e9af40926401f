/**
 * The rules of a registry: `.quilt/workflows/config.yml` once its YAML is read.
 * Source: quilt3 8.0.0, `workflows/config-1.schema.json` and `WorkflowConfig`; `docs/format.md`, Workflows.
 */
import { BaleError } from "../errors.ts";
import { lengthOf } from "./json-values.ts";
import { pointerTo, showText, type Place, type Violation } from "./violation.ts";

/** What YAML can say. `YamlOther`: numbers and dates, of which a configuration has no use. */
export type YamlValue = null | boolean | string | YamlOther | readonly YamlValue[] | YamlMap;
/** Keys may be what Python calls hashable; those that are no texts name nothing that could be asked for. */
export type YamlMap = ReadonlyMap<YamlKey, YamlValue>;
export type YamlKey = null | boolean | string | YamlOther;

/** A number or date, as it is written. */
export class YamlOther {
	readonly text: string;

	constructor(text: string) {
		this.text = text;
	}
}

/** What one workflow demands of a package. */
export type Workflow = {
	readonly id: string;
	readonly name: string;
	readonly description: string | undefined;
	/** Pattern of Python, looked for anywhere in the name of the package. */
	readonly handlePattern: string | undefined;
	/** Ids of schemas. */
	readonly metadataSchema: string | undefined;
	readonly entriesSchema: string | undefined;
	readonly isMessageRequired: boolean;
};

export type WorkflowConfig = {
	readonly version: string;
	/** Nothing may be published without a workflow. */
	readonly isRequired: boolean;
	/** Whether there is one of that id is only known when it is used. */
	readonly defaultWorkflow: string | undefined;
	readonly workflows: ReadonlyMap<string, Workflow>;
	/** URL of each schema by its id. */
	readonly schemas: ReadonlyMap<string, string>;
};

/** The newest version of the format that is read. */
const supportedVersion = [1, 1, 0] as const;

/**
 * Reads a configuration. Throws `InvalidWorkflow` with every fault in `details.violations`; `where` names it.
 */
export function parseWorkflowConfig(value: YamlValue, where: string): WorkflowConfig {
	const reader = new Reader();
	const config = reader.config(value);
	if (config === undefined || reader.faults.length > 0) throw faulty(where, reader.faults);
	const version = config.version.trim().split(".").map(BigInt);
	for (const [i, supported] of supportedVersion.entries()) {
		const part = version[i] ?? 0n;
		if (part < supported) break;
		if (part === BigInt(supported)) continue;
		throw new BaleError("InvalidWorkflow", `Cannot use ${where}: its version ${config.version} is too new`, {
			hint: `Use a newer bale; this one reads versions up to ${supportedVersion.join(".")}`,
			details: { config: where, version: config.version },
		});
	}
	return config;
}

function faulty(where: string, faults: readonly Violation[]): BaleError {
	const [first] = faults;
	const more = faults.length > 1 ? ` (and ${faults.length - 1} more)` : "";
	const place = first === undefined || first.pointer === "" ? "it" : `"${first.pointer}"`;
	return new BaleError("InvalidWorkflow", `Cannot use ${where}: ${place} ${first?.message ?? ""}${more}`, {
		hint: "Mend the workflow configuration of the registry",
		details: { config: where, violations: faults },
	});
}

class Reader {
	readonly faults: Violation[] = [];

	config(value: YamlValue): WorkflowConfig | undefined {
		const known = ["version", "workflows", ...optionalKeys];
		const map = this.#map(value, undefined, { required: ["version", "workflows"], known });
		if (map === undefined) return undefined;
		const successors = this.#member(map, "successors", undefined, (at, v) => this.#map(v, at, atLeastOne));
		for (const [key, successor] of successors ?? []) this.#successor(successor, under(successorsPlace, key));
		return {
			version: this.#version(map.get("version")) ?? "",
			isRequired: this.#boolean(map, "is_workflow_required", undefined) ?? true,
			defaultWorkflow: this.#text(map, "default_workflow", undefined, 0),
			workflows: this.#workflows(map),
			schemas: this.#schemas(map),
		};
	}

	#version(value: YamlValue | undefined): string | undefined {
		if (value === undefined) return undefined;
		const at = { parent: undefined, token: "version" };
		let version = value;
		if (value instanceof Map) {
			const map = this.#map(value, at, { required: ["base"], known: ["base", "catalog"] });
			version = map?.get("base") ?? null;
			const catalog = map?.get("catalog");
			if (catalog !== undefined && !isVersion(catalog)) this.#fault(under(at, "catalog"), versionRule);
			if (map?.has("base") !== true) return undefined;
		}
		if (isVersion(version)) return version;
		this.#fault(value === version ? at : under(at, "base"), versionRule);
		return undefined;
	}

	#workflows(config: YamlMap): Map<string, Workflow> {
		const workflows = new Map<string, Workflow>();
		const at = { parent: undefined, token: "workflows" };
		const value = config.get("workflows");
		const map = value === undefined ? undefined : this.#map(value, at, atLeastOne);
		for (const [id, member] of map ?? []) {
			const place = under(at, id);
			if (typeof id === "string" && (!/^[A-Za-z_-][A-Za-z0-9_-]*\n?$/.test(id) || lengthOf(id) > 64)) {
				this.#fault(
					place,
					'must have an id of at most 64 letters, digits, "_" and "-" that begins with no digit',
				);
			}
			const known = ["name", ...workflowKeys];
			const workflow = this.#map(member, place, { required: ["name"], known });
			if (workflow === undefined) continue;
			const made = {
				name: this.#text(workflow, "name", place, 1) ?? "",
				description: this.#text(workflow, "description", place, 1),
				handlePattern: this.#text(workflow, "handle_pattern", place, 0) || undefined,
				metadataSchema: this.#text(workflow, "metadata_schema", place, 0) || undefined,
				entriesSchema: this.#text(workflow, "entries_schema", place, 0) || undefined,
				isMessageRequired: this.#boolean(workflow, "is_message_required", place) ?? false,
			};
			if (typeof id === "string") workflows.set(id, { id, ...made });
		}
		return workflows;
	}

	#schemas(config: YamlMap): Map<string, string> {
		const schemas = new Map<string, string>();
		const at = { parent: undefined, token: "schemas" };
		const map = this.#member(config, "schemas", undefined, (place, v) => this.#map(v, place, atLeastOne));
		for (const [id, member] of map ?? []) {
			const place = under(at, id);
			const schema = this.#map(member, place, { required: ["url"] });
			const url = schema && this.#text(schema, "url", place, 0);
			if (url !== undefined && typeof id === "string") schemas.set(id, url);
		}
		return schemas;
	}

	#successor(value: YamlValue, at: Place): void {
		const map = this.#map(value, at, { required: ["title"] });
		if (map === undefined) return;
		this.#text(map, "title", at, 1);
		this.#boolean(map, "copy_data", at);
	}

	#map(value: YamlValue, at: Place, rules: MapRules): YamlMap | undefined {
		if (!(value instanceof Map)) {
			this.#fault(at, `must be a mapping, but is ${showYaml(value)}`);
			return undefined;
		}
		const map: YamlMap = value;
		for (const key of rules.required ?? []) {
			if (!map.has(key)) this.#fault(at, `must have the key "${key}"`);
		}
		if (rules.known !== undefined) {
			for (const key of map.keys()) {
				if (typeof key === "string" && rules.known.includes(key)) continue;
				this.#fault(at, `must not have the key ${showYaml(key)}`);
			}
		}
		if (rules.least !== undefined && map.size < rules.least) this.#fault(at, "must not be empty");
		return map;
	}

	#member<T>(map: YamlMap, key: string, at: Place, read: (at: Place, value: YamlValue) => T): T | undefined {
		const value = map.get(key);
		return value === undefined ? undefined : read(under(at, key), value);
	}

	#text(map: YamlMap, key: string, at: Place, least: number): string | undefined {
		return this.#member(map, key, at, (place, value) => {
			if (typeof value === "string" && value.length >= least) return value;
			this.#fault(place, value === "" ? "must not be empty" : `must be a text, but is ${showYaml(value)}`);
			return undefined;
		});
	}

	#boolean(map: YamlMap, key: string, at: Place): boolean | undefined {
		return this.#member(map, key, at, (place, value) => {
			if (typeof value === "boolean") return value;
			this.#fault(place, `must be true or false, but is ${showYaml(value)}`);
			return undefined;
		});
	}

	#fault(at: Place, message: string): void {
		this.faults.push({ pointer: pointerTo(at), message });
	}
}

type MapRules = {
	readonly required?: readonly string[];
	/** Absent: any other key is fine. */
	readonly known?: readonly string[];
	readonly least?: number;
};

const atLeastOne: MapRules = { least: 1 };
const successorsPlace = { parent: undefined, token: "successors" };
const optionalKeys = ["catalog", "is_workflow_required", "default_workflow", "schemas", "successors"];
const workflowKeys = [
	"catalog",
	"description",
	"handle_pattern",
	"metadata_schema",
	"entries_schema",
	"is_message_required",
];

const versionRule = 'must be a text such as "1" or "1.1.0", in quotes';

function isVersion(value: YamlValue): value is string {
	return typeof value === "string" && /^[1-9][0-9]*(\.(0|[1-9][0-9]*)){0,2}\n?$/.test(value);
}

function under(parent: Place, key: YamlKey): { readonly parent: Place; readonly token: string } {
	return { parent, token: key instanceof YamlOther ? key.text : String(key) };
}

function showYaml(value: YamlValue): string {
	if (typeof value === "string") return showText(value);
	if (value instanceof YamlOther) return value.text;
	if (value instanceof Map) return "a mapping";
	return typeof value === "object" && value !== null ? "a list" : String(value);
}
