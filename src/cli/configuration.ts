/** What the config commands have in common. */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { ConfigValue } from "../core/config-keys.ts";
import { type ResolvedSetting, defaultSettings } from "../core/config.ts";
import { BaleError } from "../core/errors.ts";
import type { ConfigPatch } from "../node/configuration.ts";
import { config, currentIdentity } from "../node/identity.ts";
import { findPlaces } from "../node/places.ts";
import type { Invocation, Report } from "./command.ts";

/** Absolute path of the configuration file. */
export function configPath(): string {
	return join(findPlaces().data, "config.yml");
}

/** All settings; `flags` win over everything. */
export function listSettings(flags: ConfigPatch = {}): Promise<readonly ResolvedSetting[]> {
	return currentIdentity().settings(flags);
}

/** A value as text for people: nothing for null. */
export function valueText(value: ConfigValue): string {
	return value === null ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** Sets keys (null: back to the default), or says what that would do. */
export async function changeSettings(invocation: Invocation, patch: ConfigPatch): Promise<Report> {
	const { output, options, signal } = invocation;
	const dryRun = options.flag("dry-run");
	if (Object.hasOwn(patch, "registries")) {
		throw new BaleError("InvalidConfig", 'Cannot change "registries" as one setting', {
			hint: "Use: bale config registry s3://BUCKET",
		});
	}
	const before = await listSettings().catch(() => undefined);
	if (!dryRun) {
		await config(patch, { signal, onWarning: ({ code, message }) => output.warn(code, message) });
	}
	const after = dryRun ? withDefaults(await listSettings(patch)) : await listSettings();
	const changed = after.filter(({ key, value }) => {
		const old = before?.find((setting) => setting.key === key);
		return old === undefined || JSON.stringify(old.value) !== JSON.stringify(value);
	});
	return changeReport(invocation, after, changed, dryRun);
}

/** What a null of a change becomes when it is written. */
function withDefaults(settings: readonly ResolvedSetting[]): ResolvedSetting[] {
	const localRegistry = pathToFileURL(join(findPlaces().data, "packages")).href;
	const defaults: ReadonlyMap<string, ConfigValue> = defaultSettings({ localRegistry, fileUrl: undefined });
	return settings.map((setting) =>
		setting.origin === "flag" && setting.value === null
			? { ...setting, value: defaults.get(setting.key) ?? null }
			: setting,
	);
}

/** The report of everything that changes settings. */
export function changeReport(
	{ output }: Invocation,
	settings: readonly ResolvedSetting[],
	changed: readonly ResolvedSetting[],
	dryRun: boolean,
): Report {
	const path = configPath();
	return {
		document: {
			path,
			dryRun,
			changed: changed.map(({ key }) => key),
			settings: asObject(settings),
		},
		ids: changed.map(({ key }) => key),
		notes:
			changed.length === 0
				? ["Nothing changed"]
				: [
						...changed.map(({ key, value }) => output.display(`${key}: ${valueText(value) || "(unset)"}`)),
						`${dryRun ? "Would be written" : "Written"} to ${output.display(path)}`,
					],
	};
}

/** Settings as an object, in their order. */
export function asObject(settings: readonly ResolvedSetting[]): ReadonlyMap<string, ConfigValue> {
	return new Map(settings.map(({ key, value }) => [key, value]));
}
