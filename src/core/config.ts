/** The settings of a user: defaults, layers with the origin of each value, and what choosing a catalog changes. */
import type { SharedConfig, ConfigKey, ConfigValue } from "./config-keys.ts";
import { catalogKeys, configKeys, environmentNameOf, propertyOf } from "./config-keys.ts";
import type { ConfigPlaces } from "./setting.ts";
import { normalizeSetting } from "./setting.ts";

/** Defaults of all known keys. */
export function defaultSettings(places: ConfigPlaces): ReadonlyMap<ConfigKey, ConfigValue> {
	const value = (key: ConfigKey): ConfigValue => {
		if (key === "default_local_registry") return places.localRegistry;
		if (key === "telemetry_disabled") return false;
		return key === "default_registry_version" ? 1 : null;
	};
	return new Map(configKeys.map((key) => [key, value(key)]));
}

/** Where a value came from. */
export type ConfigOrigin = "flag" | "environment" | "file" | "default";

/** One setting with its origin. */
export type ResolvedSetting = {
	readonly key: string;
	readonly value: ConfigValue;
	readonly origin: ConfigOrigin;
	/** The variable, or the path of the file. */
	readonly source?: string;
};

/** The layers of settings, strongest first; each holds only what it sets. */
export type ConfigLayers = {
	readonly flags: ReadonlyMap<string, ConfigValue>;
	/** Value and name of the variable. */
	readonly environment: ReadonlyMap<string, { readonly value: ConfigValue; readonly variable: string }>;
	readonly file: ReadonlyMap<string, ConfigValue>;
	readonly filePath: string;
	readonly defaults: ReadonlyMap<string, ConfigValue>;
};

/** Effective settings: known keys in template order, then the unknown ones of the file. Flag > environment > file > default. */
export function resolveSettings(layers: ConfigLayers): readonly ResolvedSetting[] {
	const keys = new Set<string>([...layers.defaults.keys(), ...layers.file.keys(), ...layers.flags.keys()]);
	return [...keys].map((key): ResolvedSetting => {
		const flag = layers.flags.get(key);
		if (flag !== undefined) return { key, value: flag, origin: "flag" };
		const variable = layers.environment.get(key);
		if (variable !== undefined) {
			return { key, value: variable.value, origin: "environment", source: variable.variable };
		}
		const stored = layers.file.get(key);
		if (stored !== undefined) return { key, value: stored, origin: "file", source: layers.filePath };
		return { key, value: layers.defaults.get(key) ?? null, origin: "default" };
	});
}

/** Settings as properties. */
export function toConfig(settings: readonly ResolvedSetting[]): SharedConfig {
	return Object.freeze(
		Object.fromEntries(settings.map(({ key, value }) => [propertyOf(key), value])),
	) as unknown as SharedConfig;
}

/** Values of environment variables; quilt3's `QUILT_DISABLE_USAGE_METRICS` counts for `telemetry_disabled`. */
export function environmentSettings(
	env: { readonly [name: string]: string | undefined },
	places: ConfigPlaces,
): ConfigLayers["environment"] {
	const found = new Map<string, { value: ConfigValue; variable: string }>();
	const metrics = env["QUILT_DISABLE_USAGE_METRICS"];
	if (metrics && !["false", "no", "0"].includes(metrics.toLowerCase())) {
		found.set("telemetry_disabled", { value: true, variable: "QUILT_DISABLE_USAGE_METRICS" });
	}
	for (const key of configKeys) {
		const variable = environmentNameOf(key);
		const text = env[variable];
		if (text === undefined || text === "") continue;
		found.set(key, {
			value: normalizeSetting(key, text, `the environment variable ${variable}`, places),
			variable,
		});
	}
	return found;
}

/**
 * What changes when a user chooses a catalog: exactly the keys of `catalogKeys`. Keys that the document leaves out become
 * null, so that nothing of another catalog stays; only a region set before any catalog, or for the same one, is kept.
 */
export function planCatalog(
	current: ReadonlyMap<string, ConfigValue>,
	document: ReadonlyMap<ConfigKey, string | null>,
	catalogUrl: string,
	places: ConfigPlaces,
): ReadonlyMap<string, ConfigValue> {
	const source = `the configuration of the catalog ${catalogUrl}`;
	const changes = new Map<string, ConfigValue>();
	for (const key of catalogKeys)
		changes.set(key, normalizeSetting(key, document.get(key) ?? null, source, places));
	const navigator = changes.get("navigator_url") ?? catalogUrl;
	changes.set("navigator_url", navigator);
	const before = current.get("navigator_url") ?? null;
	if (changes.get("region") === null && (before === null || before === navigator)) changes.delete("region");
	return changes;
}
