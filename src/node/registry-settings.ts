/**
 * `registries.json` in bale's data directory: settings of single buckets. They are not in quilt3's `config.yml`, which
 * quilt3 writes anew without them whenever a catalog is chosen.
 */
import { dirname, join } from "node:path";
import { BaleError } from "../core/errors.ts";
import type { RegistrySettings } from "../core/registry-setting-names.ts";
import { bucketRegistry, readRegistrySettings, type RegistryPatch } from "../core/registry-settings.ts";
import { withFileLock } from "./file-lock.ts";
import type { Places } from "./places.ts";
import { closeDirectory, readSmallFile, replaceFile } from "./private-file.ts";

/** Settings by registry, `s3://bucket`. */
export type RegistryTable = ReadonlyMap<string, RegistrySettings>;
/** Changes by registry; null forgets all that is set for one. */
export type RegistryChanges = { readonly [registry: string]: RegistryPatch | null };

type Known = { readonly table: Promise<RegistryTable>; readonly atMs: number };

/** What was read last, by path: many buckets are opened in a moment. */
const known = new Map<string, Known>();
const keepMs = 1_000;

/** Settings of one bucket; those of another process count after a second. */
export async function settingsOfBucket(
	bucket: string,
	places: Pick<Places, "baleData">,
): Promise<RegistrySettings> {
	const file = new RegistrySettingsFile(places);
	let last = known.get(file.path);
	if (last === undefined || Math.abs(Date.now() - last.atMs) > keepMs) {
		last = { table: file.read(), atMs: Date.now() };
		known.set(file.path, last);
	}
	return (await last.table).get(`s3://${bucket}`) ?? {};
}

export class RegistrySettingsFile {
	readonly path: string;
	readonly #lockPath: string;

	constructor(places: Pick<Places, "baleData">) {
		this.path = join(places.baleData, "registries.json");
		this.#lockPath = join(places.baleData, "locks", "registries.lock");
	}

	/** Everything that is set. `InvalidConfig` names the file and what is wrong in it. */
	async read(): Promise<RegistryTable> {
		const text = await readSmallFile(this.path);
		if (text === undefined || text.trim() === "") return new Map();
		const source = `"${this.path}"`;
		let value: unknown;
		try {
			value = JSON.parse(text);
		} catch (error) {
			throw this.#broken("it is not JSON", error);
		}
		if (typeof value !== "object" || value === null || Array.isArray(value)) {
			throw this.#broken("it holds no registries");
		}
		const table = new Map<string, RegistrySettings>();
		for (const [registry, settings] of Object.entries(value)) {
			table.set(bucketRegistry(registry), readRegistrySettings(registry, settings, source));
		}
		return table;
	}

	/** Changes what is set (null: nothing is any more), unless `dryRun`, and gives what is set then. Writers take turns. */
	async edit(
		changes: RegistryChanges | null,
		options: { readonly dryRun?: boolean } = {},
	): Promise<RegistryTable> {
		if (options.dryRun === true) return changed(await this.read(), changes);
		await closeDirectory(dirname(this.#lockPath));
		return withFileLock(
			this.#lockPath,
			async () => {
				const table = changed(await this.read(), changes);
				await replaceFile(
					this.path,
					`${JSON.stringify(Object.fromEntries(table), undefined, "\t")}\n`,
					0o600,
				);
				known.delete(this.path);
				return table;
			},
			{ subject: this.path },
		);
	}

	#broken(reason: string, cause?: unknown): BaleError {
		return new BaleError(
			"InvalidConfig",
			`Cannot use the settings of registries in "${this.path}": ${reason}`,
			{
				hint: "Correct or remove the file",
				details: { path: this.path },
				cause,
			},
		);
	}
}

function changed(table: RegistryTable, changes: RegistryChanges | null): RegistryTable {
	if (changes === null) return new Map();
	if (typeof changes !== "object") {
		throw new BaleError("InvalidConfig", 'Cannot set "registries": it is no object', {
			hint: 'Give registries with their settings: { "s3://BUCKET": { endpoint: "https://…" } }',
		});
	}
	const next = new Map(table);
	for (const [text, patch] of Object.entries(changes)) {
		const registry = bucketRegistry(text);
		const settings = patch === null ? {} : { ...next.get(registry), ...patch };
		const read = readRegistrySettings(registry, settings, "the call");
		if (Object.keys(read).length === 0) next.delete(registry);
		else next.set(registry, read);
	}
	return new Map([...next].sort(([a], [b]) => (a < b ? -1 : 1)));
}
