/** YAML as PyYAML's `safe_load` reads it, for workflow configurations. Loaded only where there is one. */
import { isAlias, isMap, isScalar, parseDocument, Scalar, type YAMLMap } from "yaml";
import type { BaleError } from "../core/errors.ts";
import { YamlOther, type YamlKey, type YamlMap, type YamlValue } from "../core/workflow/config.ts";
import { unusable } from "./workflow-object.ts";

/** Values that a document may have once its aliases are followed. */
const mostValues = 100_000;
const mostAliases = 1000;

/** Throws `InvalidWorkflow` for what is no YAML, for tags of one's own, and for aliases that multiply. */
export function parseYaml(text: string, where: string): YamlValue {
	if (unprintable.test(text)) throw unusable(where, "it has characters that YAML does not allow");
	// Found out before the work: parsing is not ours, and slow for these.
	if ((text.match(/[\s,:[{-]\*\w/g)?.length ?? 0) > mostAliases)
		throw unusable(where, "it has too many aliases");
	if (/(?:[[{]\s*){1000}/.test(text)) throw unusable(where, "it is nested too deeply");
	try {
		const document = parseDocument(text, {
			version: "1.1",
			schema: "failsafe",
			uniqueKeys: false, // the last of several equal keys counts
			logLevel: "error", // "silent" would also accept several documents
			prettyErrors: false,
		});
		const [error] = document.errors;
		if (error !== undefined) throw unusable(where, `it is no YAML: ${error.message}`, error);
		return new Converter(where).value(document.contents, 0).value;
	} catch (error) {
		// What the parser of YAML, which is not ours, says to thousands of brackets inside one another.
		if (error instanceof RangeError) throw unusable(where, "it is nested too deeply", error);
		throw error;
	}
}

/** What PyYAML refuses to read. Source: PyYAML 6.0.3, `reader.py`. */
const unprintable = /[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;

/** `weight`: how many values it is made of, counted again for every alias. */
type Weighed<T> = { readonly value: T; readonly weight: number };

const deepest = 200;

class Converter {
	readonly #where: string;
	readonly #anchors = new Map<string, Weighed<YamlValue>>();

	constructor(where: string) {
		this.#where = where;
	}

	value(node: unknown, depth: number): Weighed<YamlValue> {
		if (depth > deepest) throw unusable(this.#where, `it is nested more than ${deepest} levels deep`);
		if (node === null || node === undefined) return { value: null, weight: 1 };
		if (isAlias(node)) {
			const target = this.#anchors.get(node.source);
			if (target !== undefined) return target;
			throw unusable(this.#where, `the alias "*${node.source}" stands before its anchor, or inside of it`);
		}
		const tagged = node as { readonly tag?: string; readonly anchor?: string };
		const made = this.#untagged(node, tagged.tag, depth);
		if (made.weight > mostValues) throw unusable(this.#where, "its aliases make too much of it");
		if (tagged.anchor !== undefined) this.#anchors.set(tagged.anchor, made);
		return made;
	}

	#untagged(node: unknown, tag: string | undefined, depth: number): Weighed<YamlValue> {
		if (isScalar(node)) return { value: this.#scalar(node, tag), weight: 1 };
		if (tag !== undefined && !/^(?:!|tag:yaml\.org,2002:(?:map|seq))$/.test(tag)) throw this.#foreignTag(tag);
		if (isMap(node)) return this.#map(node, depth);
		const { items } = node as { readonly items: readonly unknown[] };
		let weight = 1;
		const value: YamlValue[] = [];
		for (const item of items) {
			const made = this.value(item, depth + 1);
			weight += made.weight;
			value.push(made.value);
		}
		return { value, weight };
	}

	#map(node: YAMLMap, depth: number): Weighed<YamlMap> {
		const merged: YamlMap[] = [];
		const own = new Map<YamlKey, YamlValue>();
		let weight = 1;
		for (const pair of node.items) {
			const value = this.value(pair.value, depth + 1);
			weight += value.weight;
			if (isScalar(pair.key) && pair.key.value === "<<" && pair.key.type === Scalar.PLAIN) {
				merged.push(...this.#mergeable(value.value));
				continue;
			}
			const key = this.value(pair.key, depth + 1).value;
			if (typeof key === "object" && key !== null && !(key instanceof YamlOther)) {
				throw unusable(this.#where, "a list or mapping cannot be a key");
			}
			own.set(key, value.value);
		}
		if (merged.length === 0) return { value: own, weight };
		const all = new Map<YamlKey, YamlValue>();
		for (const map of merged.reverse()) for (const [key, value] of map) all.set(key, value);
		for (const [key, value] of own) all.set(key, value);
		return { value: all, weight };
	}

	#mergeable(value: YamlValue): YamlMap[] {
		const values: readonly YamlValue[] = Array.isArray(value) ? (value as readonly YamlValue[]) : [value];
		return values.map((item) => {
			if (item instanceof Map) return item as YamlMap;
			throw unusable(this.#where, 'what "<<" names is no mapping');
		});
	}

	#scalar(node: Scalar, tag: string | undefined): YamlKey {
		const text = typeof node.value === "string" ? node.value : "";
		if (tag === "tag:yaml.org,2002:str") return text;
		if (tag === undefined || tag === "!") {
			return node.type === Scalar.PLAIN || node.type === undefined ? this.#plain(text) : text;
		}
		const value = this.#plain(text);
		const fits =
			(tag === "tag:yaml.org,2002:null" && value === null) ||
			(tag === "tag:yaml.org,2002:bool" && typeof value === "boolean") ||
			(/^tag:yaml\.org,2002:(?:int|float)$/.test(tag) && value instanceof YamlOther);
		if (!fits) throw this.#foreignTag(tag);
		return value;
	}

	#plain(text: string): YamlKey {
		if (/^(?:~|null|Null|NULL|)$/.test(text)) return null;
		if (/^(?:[Yy]es|YES|[Tt]rue|TRUE|[Oo]n|ON)$/.test(text)) return true;
		if (/^(?:[Nn]o|NO|[Ff]alse|FALSE|[Oo]ff|OFF)$/.test(text)) return false;
		if (text === "=" || text === "<<")
			throw unusable(this.#where, `it has a lone "${text}", which PyYAML refuses`);
		return [integer, float, date].some((form) => form.test(text)) ? new YamlOther(text) : text;
	}

	#foreignTag(tag: string): BaleError {
		return unusable(this.#where, `it has the tag "${tag}", which is not read`);
	}
}

/** What PyYAML 6 takes for numbers and dates. Source: PyYAML 6.0.3, `resolver.py`. */
const integer = /^[-+]?(?:0b[01_]+|0[0-7_]+|0|[1-9][0-9_]*|0x[0-9a-fA-F_]+|[1-9][0-9_]*(?::[0-5]?[0-9])+)$/;
const float =
	/^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/;
const date =
	/^\d{4}-(?:\d\d-\d\d|\d\d?-\d\d?(?:[Tt]|[ \t]+)\d\d?:\d\d:\d\d(?:\.\d*)?(?:[ \t]*(?:Z|[-+]\d\d?(?::\d\d)?))?)$/;
