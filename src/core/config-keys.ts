/**
 * The keys of a user's settings. They are spelled as in quilt3's `config.yml`, since both clients share that file; in
 * TypeScript they are camel-case properties.
 *
 * Source: quilt3 8.0.0, configuration template.
 */

import type { RegistrySettings } from "./registry-setting-names.ts";

/** Anything that a configuration file can hold. */
export type ConfigValue =
	null | boolean | number | string | readonly ConfigValue[] | { readonly [key: string]: ConfigValue };

/** All settings as a program sees them. */
export type Config = SharedConfig & {
	/** Settings of single buckets by `s3://bucket`, which bale keeps in a file of its own; absent when nothing is set. */
	readonly registries?: { readonly [registry: string]: RegistrySettings };
};

/** The settings of the shared file; keys that bale does not know are kept under their own names. */
export type SharedConfig = {
	/** Home of the catalog. */
	readonly navigatorUrl: string | null;
	/** `file:` URL of the registry that `build` and `install` use by default. */
	readonly defaultLocalRegistry: string;
	/** Registry that `push` and `browse` use by default. */
	readonly defaultRemoteRegistry: string | null;
	/** `file:` URL of the folder that `install` writes to; null: the local registry. */
	readonly defaultInstallLocation: string | null;
	/** Identity service: the server that logs people in. */
	readonly registryUrl: string | null;
	/** For quilt3, which honours it; bale has no telemetry. */
	readonly telemetryDisabled: boolean;
	readonly s3Proxy: string | null;
	readonly apiGatewayEndpoint: string | null;
	readonly binaryApiGatewayEndpoint: string | null;
	/** Layout of new registries: 1 or 2. */
	readonly defaultRegistryVersion: number;
	/** AWS region of the catalog's buckets. */
	readonly region: string | null;
	readonly [other: string]: ConfigValue;
};

/** What the values of a key are. */
export type SettingKind =
	"catalog" | "endpoint" | "file" | "location" | "registry" | "boolean" | "version" | "region";

/** What is known of each key: its property, what its values are, and whether a catalog may set it. */
export const configTemplate = {
	navigator_url: { property: "navigatorUrl", kind: "catalog", fromCatalog: true },
	default_local_registry: { property: "defaultLocalRegistry", kind: "file", fromCatalog: false },
	default_remote_registry: { property: "defaultRemoteRegistry", kind: "registry", fromCatalog: false },
	default_install_location: { property: "defaultInstallLocation", kind: "location", fromCatalog: false },
	registryUrl: { property: "registryUrl", kind: "endpoint", fromCatalog: true },
	telemetry_disabled: { property: "telemetryDisabled", kind: "boolean", fromCatalog: false },
	s3Proxy: { property: "s3Proxy", kind: "endpoint", fromCatalog: true },
	apiGatewayEndpoint: { property: "apiGatewayEndpoint", kind: "endpoint", fromCatalog: true },
	binaryApiGatewayEndpoint: { property: "binaryApiGatewayEndpoint", kind: "endpoint", fromCatalog: true },
	default_registry_version: { property: "defaultRegistryVersion", kind: "version", fromCatalog: false },
	region: { property: "region", kind: "region", fromCatalog: true },
} as const satisfies Record<string, { property: string; kind: SettingKind; fromCatalog: boolean }>;

/** A key of the configuration file that bale knows. */
export type ConfigKey = keyof typeof configTemplate;

/** Every known key, in the order of quilt3's template. */
export const configKeys = Object.keys(configTemplate) as readonly ConfigKey[];

/** The only keys that the document of a catalog can change. */
export const catalogKeys: readonly ConfigKey[] = configKeys.filter((key) => configTemplate[key].fromCatalog);

/** Name of a key as a property of `Config`. */
export function propertyOf(key: string): string {
	return isConfigKey(key) ? configTemplate[key].property : key;
}

/** Key of the file for a name in either spelling (`default_remote_registry`, `defaultRemoteRegistry`); others as they are. */
export function keyOf(name: string): string {
	return configKeys.find((key) => configTemplate[key].property === name) ?? name;
}

/** Whether bale knows the key (file spelling). */
export function isConfigKey(key: string): key is ConfigKey {
	return Object.hasOwn(configTemplate, key);
}

/** Environment variable of a key: `BALE_` and the key in upper case, for example `BALE_REGISTRY_URL`. */
export function environmentNameOf(key: ConfigKey): string {
	return `BALE_${key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}
