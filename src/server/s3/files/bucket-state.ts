import { withFileLock } from "../../../node/file-lock.ts";
import type { Versioning } from "../../../storage/store.ts";
import { KeyRecords } from "./key-records.ts";
import type { Places } from "./places.ts";
import { changeSettings, readSettings } from "./settings.ts";

/** What all work in one bucket shares. */
export class BucketState {
	readonly places: Places;
	/** Whether what is acknowledged survives a power cut. */
	readonly durable: boolean;
	readonly #name: string;
	/** Whether versions are kept while nobody said whether they are. */
	readonly #versions: boolean;
	#naming: Promise<void> | undefined;

	constructor(
		places: Places,
		options: { readonly name: string; readonly durable: boolean; readonly versions: boolean },
	) {
		this.places = places;
		this.durable = options.durable;
		this.#name = options.name;
		this.#versions = options.versions;
	}

	/** Whether what is written gets an id of its own. */
	versioning(): boolean {
		return readSettings(this.places).versioning ?? this.#versions;
	}

	/** As S3 tells it: `suspended` where somebody has said that no versions are to be kept. */
	status(): Versioning {
		if (this.versioning()) return "enabled";
		return readSettings(this.places).versioning === undefined ? "none" : "suspended";
	}

	setVersioning(versioning: boolean): Promise<void> {
		return changeSettings(this.places, this.durable, (settings) => ({ ...settings, versioning }));
	}

	/** Remembers the name of the bucket in the folder, once; before something is written that may hold it. */
	remembered(): Promise<void> {
		this.#naming ??= this.#rememberName().catch((error: unknown) => {
			this.#naming = undefined;
			throw error;
		});
		return this.#naming;
	}

	records(key: string): KeyRecords {
		return new KeyRecords(this.places, key, this.durable);
	}

	/** Runs `work` as the only one that writes `key`, of all processes. Throws `Locked`. */
	locked<T>(key: string, work: () => Promise<T>): Promise<T> {
		return withFileLock(this.places.keyLock(key), work, { subject: key });
	}

	async #rememberName(): Promise<void> {
		if (readSettings(this.places).names.includes(this.#name)) return;
		await changeSettings(this.places, this.durable, ({ names, versioning }) => ({
			names: [...new Set([...names, this.#name])],
			versioning,
		}));
	}
}
