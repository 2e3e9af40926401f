/** YAML as quilt3's PyYAML reads and writes it, edited in place. Loaded only where there is a file or will be one. */
import type { Document, Tags } from "yaml";
import { isMap, parseDocument, Scalar, visit } from "yaml";
import type { ConfigValue } from "../core/config-keys.ts";
import { BaleError } from "../core/errors.ts";

export { isMap };

/** Parses YAML 1.1; mistakes are in `errors` of the result. */
export function parseConfig(text: string): Document {
	// quilt3 takes the last of several equal keys.
	return parseDocument(text, {
		version: "1.1",
		customTags: likePyYaml,
		uniqueKeys: false,
		logLevel: "silent",
	});
}

const trueWords = /^(?:[Yy]es|YES|[Tt]rue|TRUE|[Oo]n|ON)$/;
const falseWords = /^(?:[Nn]o|NO|[Ff]alse|FALSE|[Oo]ff|OFF)$/;

/** PyYAML takes a lone `y` or `n` for text, unlike YAML 1.1; dates stay text, since no setting is one. */
function likePyYaml(tags: Tags): Tags {
	return tags
		.filter((tag) => typeof tag === "string" || tag.tag !== "tag:yaml.org,2002:timestamp")
		.map((tag) => {
			if (typeof tag === "string" || tag.collection !== undefined) return tag;
			if (tag.tag !== "tag:yaml.org,2002:bool" || tag.test === undefined) return tag;
			const words = tag.test.test("true") ? trueWords : falseWords;
			return { ...tag, test: words };
		});
}

/** The text of a document, as PyYAML writes it where nothing is there yet. Throws `InvalidConfig`. */
export function formatConfig(document: Document): string {
	const text = document.toString({ singleQuote: true, lineWidth: 0, indentSeq: false });
	const check = parseConfig(text);
	if (check.errors.length > 0 || !isMap(check.contents)) {
		throw new BaleError("InvalidConfig", "Cannot write the settings: they cannot be expressed as YAML", {
			hint: "Leave out the unusual characters",
		});
	}
	return text;
}

/** Sets a key, or removes it (undefined); comments, unknown keys and their order stay. */
export function setKey(document: Document, key: string, value: ConfigValue | undefined): void {
	if (!isMap(document.contents)) {
		const { commentBefore, comment } = document;
		document.contents = document.createNode({});
		document.commentBefore = [commentBefore, comment].filter((text) => Boolean(text)).join("\n\n") || null;
		document.comment = null;
	}
	if (!isMap(document.contents)) return;
	const items: { readonly key: unknown; readonly value: unknown }[] = document.contents.items;
	const matches = items.filter((pair) => nameOf(pair) === key);
	const last = matches.at(-1);
	for (const pair of matches) {
		if (pair !== last || value === undefined) items.splice(items.indexOf(pair), 1);
	}
	if (value === undefined) return;
	const node = document.createNode(value, { aliasDuplicateObjects: false });
	visit(node, {
		Scalar: (_, scalar) => {
			if (typeof scalar.value === "string" && !isPlain(scalar.value)) scalar.type = Scalar.QUOTE_SINGLE;
		},
	});
	if (last === undefined) {
		// Files that are sorted stay sorted; in others the key goes to the end.
		const names = items.map(nameOf);
		const isSorted = names.every((name, index) => index === 0 || (names[index - 1] ?? "") <= name);
		const place = isSorted ? names.findIndex((name) => name > key) : -1;
		items.splice(place === -1 ? items.length : place, 0, document.createPair(key, node));
		return;
	}
	if (last.value instanceof Scalar && node instanceof Scalar) node.comment = last.value.comment ?? null;
	items.splice(items.indexOf(last), 1, document.createPair(last.key, node));
}

/**
 * Text that may stand without quotes. The writer quotes what it would read as something else; PyYAML reads more words
 * and signs in a special way, such as a lone `=`.
 */
function isPlain(text: string): boolean {
	return /^[A-Za-z/][\w/.:~%+@?&=-]*$/.test(text);
}

function nameOf(pair: { readonly key: unknown }): string {
	return pair.key instanceof Scalar ? String(pair.key.value) : String(pair.key);
}
