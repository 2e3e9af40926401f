/** Settings on this machine: the shared file below the environment below what a caller says. */
import { join } from "node:path";
import type { SharedConfig, ConfigValue } from "../core/config-keys.ts";
import { isConfigKey, keyOf } from "../core/config-keys.ts";
import type { ResolvedSetting } from "../core/config.ts";
import {
	defaultSettings,
	environmentSettings,
	planCatalog,
	resolveSettings,
	toConfig,
} from "../core/config.ts";
import { BaleError } from "../core/errors.ts";
import type { ConfigPlaces } from "../core/setting.ts";
import { normalizeSetting, readSetting } from "../core/setting.ts";
import type { Network } from "../identity/http.ts";
import type { ConfigWarning } from "./config-file.ts";
import { ConfigFile } from "./config-file.ts";
import { fileUrlOf } from "./file-url.ts";
import type { Environment, Places } from "./places.ts";
import type { RegistryChanges } from "./registry-settings.ts";

/** Settings to change: properties (`defaultRemoteRegistry`) or keys of the file (`default_remote_registry`); null resets. */
export type ConfigPatch = {
	/** Settings of single buckets, by `s3://bucket`; null forgets one setting, a bucket, or all. */
	readonly registries?: RegistryChanges | null;
	readonly [name: string]: unknown;
};

export type ConfigOptions = {
	/** Settings that win over everything for this call. */
	readonly flags?: ConfigPatch;
	readonly onWarning?: (warning: ConfigWarning) => void;
	readonly signal?: AbortSignal;
};

export class Configuration {
	readonly #file: ConfigFile;
	readonly #places: ConfigPlaces;
	readonly #env: () => Environment;
	readonly #onWarning: (warning: ConfigWarning) => void;

	constructor(places: Places, env: () => Environment, onWarning: (warning: ConfigWarning) => void) {
		this.#env = env;
		this.#onWarning = onWarning;
		this.#places = { localRegistry: fileUrlOf(join(places.data, "packages")), fileUrl: fileUrlOf };
		this.#file = new ConfigFile({
			path: join(places.data, "config.yml"),
			lockPath: join(places.baleData, "locks", "config.lock"),
			onWarning,
		});
	}

	/** Absolute path of the file. */
	get path(): string {
		return this.#file.path;
	}

	/** Every effective setting with its origin. Nothing is contacted or written. `InvalidConfig` names the source. */
	async list(flags: ConfigPatch = {}): Promise<readonly ResolvedSetting[]> {
		return this.#resolve(await this.#file.read(), flags);
	}

	async read(flags: ConfigPatch = {}): Promise<SharedConfig> {
		return toConfig(await this.list(flags));
	}

	/** The identity service that `config.yml` names, whatever the environment says: the one that quilt3 would use. */
	async sharedService(): Promise<string | undefined> {
		const value = (await this.#file.read())?.get("registryUrl");
		return typeof value === "string" && value !== "" ? value : undefined;
	}

	/** Sets keys. Null gives a key its default again. */
	async set(patch: ConfigPatch): Promise<void> {
		const defaults = defaultSettings(this.#places);
		const changes = new Map<string, ConfigValue | undefined>();
		for (const [key, value] of this.#normalize(patch, "the call")) {
			if (!isConfigKey(key)) {
				const message = `"${key}" is no setting that bale knows; it is stored as it is`;
				this.#onWarning({ code: "ConfigUnknownKey", message });
			}
			const isReset = value === null && isConfigKey(key) && defaults.get(key) !== null;
			changes.set(key, isReset ? defaults.get(key) : value);
		}
		// The new whole must be readable, else a mistake would be found only by whoever reads it next.
		await this.#file.edit((values) => {
			for (const [key, value] of values ?? []) if (!changes.has(key)) readSetting(key, value, this.path);
			return changes;
		}, defaults);
	}

	/** Takes the six settings of a catalog from its `config.json`, keeps all others, and keeps a backup of the file. */
	async useCatalog(network: Network, url: string, signal?: AbortSignal): Promise<void> {
		const { fetchCatalogConfig } = await import("../identity/catalog.ts");
		const catalog = await fetchCatalogConfig(network, url, signal);
		const defaults = defaultSettings(this.#places);
		await this.#file.edit(
			(values) => planCatalog(values ?? new Map(), catalog.document, catalog.url, this.#places),
			defaults,
			{ backup: true },
		);
	}

	/** Gives every setting its default again and keeps a backup of the file. */
	async reset(): Promise<void> {
		await this.#file.edit(() => new Map(), defaultSettings(this.#places), { backup: true, reset: true });
	}

	#resolve(
		stored: ReadonlyMap<string, ConfigValue> | undefined,
		flags: ConfigPatch,
	): readonly ResolvedSetting[] {
		const file = new Map<string, ConfigValue>();
		for (const [key, value] of stored ?? []) file.set(key, readSetting(key, value, `"${this.path}"`));
		return resolveSettings({
			flags: this.#normalize(flags, "the command"),
			environment: environmentSettings(this.#env(), this.#places),
			file,
			filePath: this.path,
			defaults: defaultSettings(this.#places),
		});
	}

	#normalize(patch: ConfigPatch, source: string): Map<string, ConfigValue> {
		const values = new Map<string, ConfigValue>();
		for (const [name, value] of Object.entries(patch)) {
			if (value === undefined) continue;
			const key = keyOf(name);
			if (key === "registries") {
				throw new BaleError(
					"InvalidConfig",
					`Cannot set "registries" in ${source}: it is no single setting`,
					{
						hint: "Use: bale config registry s3://BUCKET",
					},
				);
			}
			if (values.has(key)) {
				throw new BaleError("InvalidConfig", `Cannot set "${key}": it is given twice, in two spellings`, {
					hint: "Leave one of them out",
				});
			}
			values.set(key, normalizeSetting(key, value, source, this.#places));
		}
		return values;
	}
}
