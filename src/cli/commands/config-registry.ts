import { BaleError } from "../../core/errors.ts";
import { registrySettingNames, type RegistrySettings } from "../../core/registry-setting-names.ts";
import { bucketRegistry, type RegistryPatch } from "../../core/registry-settings.ts";
import { config } from "../../node/identity.ts";
import { findPlaces } from "../../node/places.ts";
import { RegistrySettingsFile, type RegistryTable } from "../../node/registry-settings.ts";
import type { Invocation, Report } from "../command.ts";
import { usageError } from "../options.ts";

/** `bale config registry` */
export async function run(invocation: Invocation): Promise<Report> {
	const { words, options, output } = invocation;
	const file = new RegistrySettingsFile(findPlaces());
	const registry = words[0] === undefined ? undefined : bucketRegistry(words[0]);
	const dryRun = options.flag("dry-run");
	const patch = readPatch(invocation, registry);
	const before = await file.read();
	if (registry === undefined || patch === undefined) return describe(invocation, file.path, before, registry);
	const changes = { [registry]: patch };
	const after = dryRun ? await file.edit(changes, { dryRun }) : await change(file, changes);
	const isChanged = JSON.stringify(before.get(registry)) !== JSON.stringify(after.get(registry));
	return {
		...describe(invocation, file.path, after, registry, isChanged),
		data: [],
		notes: isChanged
			? [
					...linesOf(registry, after.get(registry)).map(output.display),
					`${dryRun ? "Would be written" : "Written"} to ${output.display(file.path)}`,
				]
			: ["Nothing changed"],
	};
}

async function change(
	file: RegistrySettingsFile,
	changes: Parameters<RegistrySettingsFile["edit"]>[0],
): Promise<RegistryTable> {
	await config({ registries: changes });
	return file.read();
}

/** What the options change; null: everything is forgotten; undefined: they only ask. */
function readPatch(
	{ spec, options }: Invocation,
	registry: string | undefined,
): RegistryPatch | null | undefined {
	const patch: Record<string, string | boolean | null> = {};
	for (const name of registrySettingNames) {
		const option = asOption(name);
		const isSwitch = name === "requesterPays" || name === "anonymous";
		if (options.flag(option)) patch[name] = isSwitch ? true : (options.text(option) ?? "");
	}
	for (const option of options.list("unset")) {
		const name = registrySettingNames.find((known) => asOption(known) === option);
		if (name === undefined) continue;
		if (Object.hasOwn(patch, name))
			throw usageError(spec, `--${option} and --unset ${option} exclude each other`);
		patch[name] = null;
	}
	const isForgotten = options.flag("forget");
	const isChange = Object.keys(patch).length > 0;
	if (isForgotten && isChange) throw usageError(spec, "--forget excludes all other settings");
	if ((isForgotten || isChange) && registry === undefined) {
		throw new BaleError("InvalidArgument", "Cannot change the settings of a registry that is not named", {
			hint: "Name the bucket: bale config registry s3://BUCKET …",
		});
	}
	return isForgotten ? null : isChange ? patch : undefined;
}

/** The option for a property: `requesterPays` is `requester-pays`. */
function asOption(property: string): string {
	return property.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function describe(
	{ output, options }: Invocation,
	path: string,
	table: RegistryTable,
	only: string | undefined,
	isChanged = false,
): Report {
	const shown = [...table].filter(([registry]) => only === undefined || registry === only);
	return {
		document: {
			path,
			dryRun: options.flag("dry-run"),
			changed: isChanged && only !== undefined ? [only] : [],
			registries: shown.map(([registry, settings]) => ({
				registry,
				...Object.fromEntries(registrySettingNames.map((name) => [name, settings[name] ?? null])),
			})),
		},
		ids: isChanged && only !== undefined ? [only] : shown.map(([registry]) => registry),
		data: shown.flatMap(([registry, settings]) => linesOf(registry, settings)).map(output.display),
		notes:
			shown.length > 0
				? []
				: [
						only === undefined
							? "Nothing is set for any registry"
							: `Nothing is set for ${output.display(only)}`,
					],
	};
}

function linesOf(registry: string, settings: RegistrySettings = {}): string[] {
	const lines = registrySettingNames.flatMap((name) => {
		const value = settings[name];
		return value === undefined ? [] : [`  ${asOption(name)}: ${String(value)}`];
	});
	return [registry, ...(lines.length === 0 ? ["  (nothing is set)"] : lines)];
}
