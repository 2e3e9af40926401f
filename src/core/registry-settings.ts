/** How a bucket is reached, where that differs from what the environment says: checked the same whoever sets it. */
import { display } from "./display.ts";
import { BaleError } from "./errors.ts";
import { parsePhysicalKey } from "./physical-key.ts";
import {
	addressings,
	encryptions,
	registrySettingNames,
	type RegistrySettingName,
	type RegistrySettings,
} from "./registry-setting-names.ts";
import { httpUrl } from "./setting.ts";

/** Changes of a bucket's settings; null: as if it had never been set. */
export type RegistryPatch = { readonly [name in RegistrySettingName]?: RegistrySettings[name] | null };

/** The `s3://bucket` that a registry lies in. `InvalidConfig` for everything that is in no bucket. */
export function bucketRegistry(text: string): string {
	if (/^s3:\/\//i.test(text)) {
		try {
			const key = parsePhysicalKey(text);
			if (key.kind === "s3") return `s3://${key.bucket}`;
		} catch {
			// Said below.
		}
	}
	throw new BaleError(
		"InvalidConfig",
		`Cannot have settings for the registry "${display(text)}": it is no bucket`,
		{
			hint: "Name a bucket: s3://BUCKET",
			details: { registry: text },
		},
	);
}

/** A bucket's settings from anywhere. `InvalidConfig` names the setting and `source`, a file or "the call". */
export function readRegistrySettings(registry: string, value: unknown, source: string): RegistrySettings {
	const refuse = (name: string, reason: string): never => {
		throw new BaleError(
			"InvalidConfig",
			`Cannot use "${display(name)}" for the registry ${display(registry)} in ${source}: ${reason}`,
			{ hint: `bale config registry ${display(registry)}`, details: { key: name, registry, source } },
		);
	};
	if (typeof value !== "object" || value === null || Array.isArray(value)) {
		return refuse("settings", "they must be names with values");
	}
	const settings: Record<string, string | boolean> = {};
	for (const [name, given] of Object.entries(value) as [string, unknown][]) {
		if (given === null || given === undefined) continue;
		if (!isRegistrySetting(name)) refuse(name, "there is no such setting");
		settings[name] = readValue(name as RegistrySettingName, given, (reason) => refuse(name, reason));
	}
	const result: RegistrySettings = settings;
	if (result.kmsKeyId !== undefined && result.encryption?.startsWith("aws:kms") !== true) {
		refuse("kmsKeyId", "a key needs the encryption aws:kms");
	}
	if (result.anonymous === true && result.profile !== undefined) {
		refuse("anonymous", "it excludes a profile");
	}
	return result;
}

/** Whether there is a setting of that name. */
export function isRegistrySetting(name: string): name is RegistrySettingName {
	return (registrySettingNames as readonly string[]).includes(name);
}

function readValue(
	name: RegistrySettingName,
	value: unknown,
	refuse: (reason: string) => never,
): string | boolean {
	if (name === "requesterPays" || name === "anonymous") {
		return typeof value === "boolean" ? value : refuse("it must be true or false");
	}
	if (typeof value !== "string" || value === "") return refuse("it must be text");
	const text = value.trim();
	if (display(text) !== text || text.length > 2048) refuse("it contains characters that do not show");
	switch (name) {
		case "endpoint":
			if (/[?#]/.test(text)) refuse("an endpoint has no ? and #");
			return httpUrl(text, refuse).replace(/\/+$/, "");
		case "region":
			return /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(text)
				? text
				: refuse("a region consists of letters, digits and hyphens");
		case "addressing":
			return oneOf(addressings, text, refuse);
		case "encryption":
			return oneOf(encryptions, text, refuse);
		case "kmsKeyId":
			return /^[\w:/+=,.@-]+$/.test(text) ? text : refuse("it must be the id, ARN or alias of a key");
		default:
			return text;
	}
}

function oneOf(values: readonly string[], text: string, refuse: (reason: string) => never): string {
	return values.includes(text) ? text : refuse(`it must be one of ${values.join(", ")}`);
}
