import { readdirSync } from "node:fs";
import { dirname } from "node:path";
import { errnoOf, fileError } from "../../../node/file-error.ts";
import { removeEmptyDirectories } from "../../../node/directories.ts";
import { syncDirectory } from "../../../node/temporary-file.ts";
import { linkOrCopy, readText, regularFile, removeFile, renameStaged, stageText } from "./disk.ts";
import { type Places, recordMark } from "./places.ts";
import { formatRecords, historyName, parseHistoryName, parseRecords, type VersionRecord } from "./record.ts";

/**
 * What is kept of one key below `.bale/versions/`. Everything that writes is for who holds the key's lock.
 *
 * Candidates: records of which the one that fits the file under the key (or its absence) is the newest version. When
 * a version takes the place of another, both are candidates before the file is put there, so that at every moment the
 * file has its record. History: the other versions, each with a record and, unless it is a delete marker, its content.
 */
export class KeyRecords {
	readonly #candidates: string;
	readonly #history: string;

	readonly places: Places;
	readonly key: string;
	readonly durable: boolean;

	constructor(places: Places, key: string, durable: boolean) {
		this.places = places;
		this.key = key;
		this.durable = durable;
		this.#candidates = places.record(key);
		this.#history = places.history(key);
	}

	candidates(): VersionRecord[] {
		return parseRecords(readText(this.#candidates) ?? "");
	}

	/**
	 * Makes these the candidates, and takes versions into the history: content first, since a record promises it. What
	 * is in the history survives a power cut after this; the folders that are returned have names that may not yet.
	 */
	async write(candidates: readonly VersionRecord[], kept: readonly KeptVersion[] = []): Promise<Set<string>> {
		const options = { temporaryFolder: this.places.temporary, durable: this.durable };
		const texts = [formatRecords(candidates), ...kept.map(({ record }) => formatRecords([record]))];
		const [candidatesText, ...keptTexts] = await Promise.all(texts.map((text) => stageText(text, options)));
		const unsynced = new Set<string>();
		if (candidatesText !== undefined) renameStaged(candidatesText, this.#candidates, unsynced);
		const changed = new Set<string>();
		for (const [index, { record, from }] of kept.entries()) {
			const content = this.contentPath(historyName(record));
			if (from !== undefined) await linkOrCopy(from, content, { ...options, changed });
			renameStaged(keptTexts[index] ?? "", content + recordMark, changed);
		}
		if (this.durable) await Promise.all([...changed].map((folder) => syncDirectory(folder)));
		return unsynced;
	}

	/** Names of the versions in the history, newest first. */
	historyNames(): string[] {
		const names = this.#names()
			.filter((name) => name.endsWith(recordMark))
			.map((name) => name.slice(0, -recordMark.length))
			.filter((name) => parseHistoryName(name) !== undefined);
		return names.sort((a, b) => (a < b ? 1 : -1));
	}

	/** The record of a version of the history; undefined when there is none, or its content is not there. */
	readHistory(name: string): VersionRecord | undefined {
		const record = parseRecords(readText(this.#recordPath(name)) ?? "")[0];
		const isWhole = record?.file === undefined || regularFile(this.contentPath(name)) !== undefined;
		return isWhole ? record : undefined;
	}

	/** The content of a version of the history. */
	contentPath(name: string): string {
		return `${this.#history}/${name}`;
	}

	/** Takes a version out of the history. */
	remove(name: string): void {
		removeFile(this.#recordPath(name));
		removeFile(this.contentPath(name));
	}

	removeCandidates(): void {
		removeFile(this.#candidates);
	}

	/** Removes contents and records that lost each other when a process was killed, and folders that hold nothing. */
	tidy(): void {
		const names = new Set(this.#names());
		for (const name of names) {
			const version = name.endsWith(recordMark) ? name.slice(0, -recordMark.length) : name;
			if (parseHistoryName(version) === undefined) continue;
			const isWhole =
				version === name ? names.has(name + recordMark) : this.readHistory(version) !== undefined;
			if (!isWhole) removeFile(`${this.#history}/${name}`);
		}
		removeEmptyDirectories(this.#history, this.places.versions);
		removeEmptyDirectories(dirname(this.#candidates), this.places.versions);
	}

	#names(): string[] {
		try {
			return readdirSync(this.#history);
		} catch (error) {
			if (["ENOENT", "ENOTDIR"].includes(errnoOf(error) ?? "")) return [];
			throw fileError(error, "list", this.#history);
		}
	}

	#recordPath(name: string): string {
		return this.contentPath(name) + recordMark;
	}
}

/** A version that goes to the history, and the file of its content; a delete marker has none. */
export interface KeptVersion {
	readonly record: VersionRecord;
	readonly from: string | undefined;
}
