import { readText, writeText } from "./disk.ts";
import type { Places } from "./places.ts";

/** Whether versions are kept; undefined as long as nobody said so. */
export function readVersioning(places: Places): boolean | undefined {
	const text = readText(places.settings);
	if (text === undefined) return undefined;
	try {
		const settings: unknown = JSON.parse(text);
		return !(
			typeof settings === "object" &&
			settings !== null &&
			"versioning" in settings &&
			settings.versioning === false
		);
	} catch {
		// What is damaged must not make versions be lost.
		return true;
	}
}

/** Says for all processes whether versions are kept from now on. */
export async function writeVersioning(places: Places, versioning: boolean, durable: boolean): Promise<void> {
	const text = `${JSON.stringify({ versioning })}\n`;
	await writeText(places.settings, text, { temporaryFolder: places.temporary, durable });
}
