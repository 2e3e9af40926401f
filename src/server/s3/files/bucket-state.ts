import type { Places } from "./places.ts";
import { withFileLock } from "../../../node/file-lock.ts";
import { KeyRecords } from "./key-records.ts";
import { readVersioning } from "./settings.ts";

/** What all work in one bucket shares. */
export class BucketState {
	readonly places: Places;
	/** Whether what is acknowledged survives a power cut. */
	readonly durable: boolean;
	/** Whether versions are kept while nobody said whether they are. */
	readonly #versions: boolean;

	constructor(places: Places, options: { readonly durable: boolean; readonly versions: boolean }) {
		this.places = places;
		this.durable = options.durable;
		this.#versions = options.versions;
	}

	versioning(): boolean {
		return readVersioning(this.places) ?? this.#versions;
	}

	records(key: string): KeyRecords {
		return new KeyRecords(this.places, key, this.durable);
	}

	/** Runs `work` as the only one that writes `key`, of all processes. Throws `Locked`. */
	locked<T>(key: string, work: () => Promise<T>): Promise<T> {
		return withFileLock(this.places.keyLock(key), work, { subject: key });
	}
}
