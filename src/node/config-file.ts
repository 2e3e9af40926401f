/**
 * `config.yml`, the settings that bale and quilt3 share. It is read as YAML 1.1, as quilt3 does, and edited in place:
 * comments, unknown keys and their order stay. Writers take turns by a lock and replace the file in one step.
 */
import { copyFile, stat } from "node:fs/promises";
import { dirname } from "node:path";
import type { Document, Tags } from "yaml";
import { isMap, parseDocument, Scalar, visit } from "yaml";
import type { ConfigValue } from "../core/config-keys.ts";
import { BaleError } from "../core/errors.ts";
import { fileError } from "./file-error.ts";
import { withFileLock } from "./file-lock.ts";
import { closeDirectory, moveAside, readSmallFile, replaceFile, timestamp } from "./private-file.ts";

/** Something that a user should know although the work went on. */
export type ConfigWarning = { readonly code: string; readonly message: string };

export type ConfigFileOptions = {
	/** Absolute path of `config.yml`. */
	readonly path: string;
	/** Absolute path of the lock file. */
	readonly lockPath: string;
	readonly onWarning: (warning: ConfigWarning) => void;
};

/** Values of keys to set; undefined removes a key. */
export type ConfigChanges = ReadonlyMap<string, ConfigValue | undefined>;

type Content = { readonly values: ReadonlyMap<string, ConfigValue>; readonly document: Document | undefined };

export class ConfigFile {
	readonly path: string;
	readonly #options: ConfigFileOptions;

	constructor(options: ConfigFileOptions) {
		this.path = options.path;
		this.#options = options;
	}

	/**
	 * The values in the file, as they stand; undefined when there is no file. One that is empty, cut or no mapping counts as
	 * having no values, with a warning `ConfigBroken`.
	 */
	async read(): Promise<ReadonlyMap<string, ConfigValue> | undefined> {
		const text = await readSmallFile(this.path);
		return text === undefined ? undefined : this.#parse(text).values;
	}

	/**
	 * Changes the file while nobody else does. `change` gets the present values (undefined: no file) and gives the changes.
	 * A new file gets `template` first; a broken one is moved aside.
	 */
	async edit(
		change: (values: ReadonlyMap<string, ConfigValue> | undefined) => ConfigChanges,
		template: ReadonlyMap<string, ConfigValue>,
		options: { readonly backup?: boolean; readonly reset?: boolean } = {},
	): Promise<void> {
		await closeDirectory(dirname(this.#options.lockPath));
		await withFileLock(
			this.#options.lockPath,
			async () => {
				const text = await readSmallFile(this.path);
				const content = text === undefined ? undefined : this.#parse(text);
				const changes = change(content?.values);
				const document = options.reset === true ? undefined : content?.document;
				const next = document ?? parseConfig("{}");
				if (document === undefined) for (const [key, value] of sorted(template)) setKey(next, key, value);
				for (const [key, value] of changes) setKey(next, key, value);
				if (isMap(next.contents)) next.contents.flow = false;
				if (content !== undefined && content.document === undefined) await this.#setAside();
				else if (content !== undefined && options.backup === true) await this.#backup();
				await replaceFile(this.path, format(next), await this.#mode());
			},
			{ subject: this.path },
		);
	}

	#parse(text: string): Content {
		const broken = (reason: string): Content => {
			this.#options.onWarning({
				code: "ConfigBroken",
				message: `Ignored the settings in "${this.path}": ${reason}`,
			});
			return { values: new Map(), document: undefined };
		};
		if (text.trim() === "") return broken("the file is empty");
		const document = parseConfig(text);
		if (document.errors.length > 0) return broken("the file is not YAML");
		if (document.contents === null) return { values: new Map(), document };
		if (!isMap(document.contents)) return broken("the file holds no keys and values");
		try {
			const values = document.toJS({ maxAliasCount: 100 }) as Record<string, ConfigValue>;
			return { values: new Map(Object.entries(values)), document };
		} catch {
			return broken("the file refers to itself too often");
		}
	}

	async #setAside(): Promise<void> {
		const aside = await moveAside(this.path);
		this.#options.onWarning({
			code: "ConfigMovedAside",
			message: `Kept the unusable settings as "${aside}"`,
		});
	}

	async #backup(): Promise<void> {
		const backup = `${this.path}.backup.${timestamp(new Date())}`;
		try {
			await copyFile(this.path, backup);
		} catch (error) {
			throw fileError(error, "keep a copy of", this.path);
		}
	}

	async #mode(): Promise<number> {
		return stat(this.path).then(
			({ mode }) => mode & 0o777,
			() => 0o644,
		);
	}
}

function parseConfig(text: string): Document {
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

/** As PyYAML writes it, where nothing is there yet. */
function format(document: Document): string {
	const text = document.toString({ singleQuote: true, lineWidth: 0, indentSeq: false });
	const check = parseConfig(text);
	if (check.errors.length > 0 || !isMap(check.contents)) {
		throw new BaleError("InvalidConfig", "Cannot write the settings: they cannot be expressed as YAML", {
			hint: "Leave out the unusual characters",
		});
	}
	return text;
}

function setKey(document: Document, key: string, value: ConfigValue | undefined): void {
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

function sorted(values: ReadonlyMap<string, ConfigValue>): [string, ConfigValue][] {
	return [...values].sort(([a], [b]) => (a < b ? -1 : 1));
}
