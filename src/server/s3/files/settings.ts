import { withFileLock } from "../../../node/file-lock.ts";
import { readText, writeText } from "./disk.ts";
import type { Places } from "./places.ts";

/** What a folder remembers of the bucket that it is; one file of JSON. */
export interface BucketSettings {
	/** The names under which it was written to: how manifests in it may call it. */
	readonly names: readonly string[];
	/** Whether versions are kept; undefined as long as nobody said so. */
	readonly versioning: boolean | undefined;
}

/** The settings of a folder; those that nobody has set when there are none. */
export function readSettings(places: Places): BucketSettings {
	const none: BucketSettings = { names: [], versioning: undefined };
	const text = readText(places.settings);
	if (text === undefined) return none;
	try {
		const value = JSON.parse(text) as { names?: unknown; versioning?: unknown } | null;
		const names = Array.isArray(value?.names) ? value.names.filter((name) => typeof name === "string") : [];
		return { names, versioning: typeof value?.versioning === "boolean" ? value.versioning : undefined };
	} catch {
		return { names: [], versioning: true }; // What is damaged must not make versions be lost.
	}
}

/** Changes settings for all processes. */
export async function changeSettings(
	places: Places,
	durable: boolean,
	change: (settings: BucketSettings) => BucketSettings,
): Promise<void> {
	await withFileLock(
		places.settingsLock,
		async () => {
			const text = `${JSON.stringify(change(readSettings(places)))}\n`;
			await writeText(places.settings, text, { temporaryFolder: places.temporary, durable });
		},
		{ subject: "the settings of the bucket" },
	);
}
