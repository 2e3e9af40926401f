/**
 * `config.yml`, the settings that bale and quilt3 share. It is read as YAML 1.1, as quilt3 does, and edited in place:
 * comments, unknown keys and their order stay. Writers take turns by a lock and replace the file in one step.
 */
import { copyFile, stat } from "node:fs/promises";
import { dirname } from "node:path";
import type { Document } from "yaml";
import type { ConfigValue } from "../core/config-keys.ts";
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
		return text === undefined ? undefined : (await this.#parse(text)).values;
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
				const content = text === undefined ? undefined : await this.#parse(text);
				const changes = change(content?.values);
				const document = options.reset === true ? undefined : content?.document;
				const { formatConfig, isMap, parseConfig, setKey } = await import("./config-yaml.ts");
				const next = document ?? parseConfig("{}");
				if (document === undefined) for (const [key, value] of sorted(template)) setKey(next, key, value);
				for (const [key, value] of changes) setKey(next, key, value);
				if (isMap(next.contents)) next.contents.flow = false;
				if (content !== undefined && content.document === undefined) await this.#setAside();
				else if (content !== undefined && options.backup === true) await this.#backup();
				await replaceFile(this.path, formatConfig(next), await this.#mode());
			},
			{ subject: this.path },
		);
	}

	async #parse(text: string): Promise<Content> {
		const broken = (reason: string): Content => {
			this.#options.onWarning({
				code: "ConfigBroken",
				message: `Ignored the settings in "${this.path}": ${reason}`,
			});
			return { values: new Map(), document: undefined };
		};
		if (text.trim() === "") return broken("the file is empty");
		const { isMap, parseConfig } = await import("./config-yaml.ts");
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

function sorted(values: ReadonlyMap<string, ConfigValue>): [string, ConfigValue][] {
	return [...values].sort(([a], [b]) => (a < b ? -1 : 1));
}
