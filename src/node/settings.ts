import { join } from "node:path";
import type { Settings } from "../client/platform.ts";
import type { SharedConfig } from "../core/config-keys.ts";
import { BaleError } from "../core/errors.ts";
import type { ConfigPatch } from "./configuration.ts";
import type { ConfigWarning } from "./config-file.ts";
import type { Environment, Places } from "./places.ts";
import { findPlaces } from "./places.ts";

export type SettingsOptions = {
	readonly places?: Places;
	readonly env?: Environment;
	/** Settings that win over environment and file. */
	readonly flags?: ConfigPatch;
	readonly onWarning?: (warning: ConfigWarning) => void;
};

/** quilt3 8.0.0: default of `QUILT_MANIFEST_MAX_RECORD_SIZE`, in bytes. */
const defaultRecordSize = 1_000_000;

/** The settings of this user for the verbs of the client. The file is read anew for every question. */
export function settingsFromConfig(options: SettingsOptions = {}): Settings {
	const { env = process.env, flags = {}, onWarning = () => undefined } = options;
	const places = options.places ?? findPlaces(env);
	// Loaded when it is first asked for: whoever names every registry needs no YAML parser.
	const read = async (): Promise<SharedConfig> => {
		const { Configuration } = await import("./configuration.ts");
		return new Configuration(places, () => env, onWarning).read(flags);
	};
	return {
		localRegistry: async () => (await read()).defaultLocalRegistry,
		remoteRegistry: async () => (await read()).defaultRemoteRegistry ?? undefined,
		installLocation: async () => (await read()).defaultInstallLocation ?? undefined,
		registryVersion: async () => (await read()).defaultRegistryVersion,
		scratchDirectory: () => Promise.resolve(join(places.data, "tempfiles")),
		dataDirectory: () => Promise.resolve(places.baleData),
		maxRecordSize: () => readRecordSize(env),
	};
}

/** `BALE_MANIFEST_MAX_RECORD_SIZE`, else quilt3's variable, else the default. `InvalidConfig` unless a positive integer. */
function readRecordSize(env: Environment): number {
	for (const name of ["BALE_MANIFEST_MAX_RECORD_SIZE", "QUILT_MANIFEST_MAX_RECORD_SIZE"]) {
		const text = env[name];
		if (text === undefined || text === "") continue;
		const size = Number(text);
		if (Number.isSafeInteger(size) && size > 0) return size;
		throw new BaleError(
			"InvalidConfig",
			`Cannot use the environment variable ${name}: it is no positive integer`,
			{
				hint: `Unset it, or set it to a number of bytes such as ${String(defaultRecordSize)}`,
				details: { key: name },
			},
		);
	}
	return defaultRecordSize;
}
