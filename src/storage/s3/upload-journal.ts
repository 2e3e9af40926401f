/** What is written down of uploads in parts while they are under way, so that a later process can go on with them. */
import type { Checksum } from "../store.ts";
import type { CompletedPart } from "./document.ts";

/** An object that is uploaded to. */
export type UploadPlace = {
	/** The service that the bucket is on; see `Store.service`. */
	readonly service: string;
	readonly bucket: string;
	readonly key: string;
};

export type UploadRecord = UploadPlace & {
	/** Of the whole object, in bytes. */
	readonly size: number;
	/** In bytes. */
	readonly partSize: number;
	/** Milliseconds since the epoch. */
	readonly startedAt: number;
	/** The object whose ranges are copied into the upload, in one state of it; absent: bytes are sent. */
	readonly copyOf?: string | undefined;
	/** False: the upload was begun without checksums of its parts. */
	readonly checksums?: boolean | undefined;
	/** Absent: the upload was about to begin, and may have begun. */
	readonly uploadId?: string | undefined;
	/** The server was asked to make the object of the parts, which has this checksum then; absent: it was not. */
	readonly completing?: Checksum | undefined;
	/** The parts whose arrival the server has confirmed, by number. */
	readonly parts: ReadonlyMap<number, CompletedPart>;
};

/** A record that this process has to itself. */
export interface JournalEntry {
	readonly record: UploadRecord;
	/** The upload has begun under this id. */
	begun(uploadId: string): void;
	/** The server has confirmed a part. */
	arrived(part: CompletedPart): void;
	/** The server is about to be asked to make the object of the parts. */
	completing(checksum: Checksum): void;
	/** The upload is over: nothing is left to go on with. */
	forget(): void;
	/** This process lets go of the upload; another may go on with it. */
	release(): void;
}

export interface UploadJournal {
	/** What is recorded of a bucket and no living process works on. */
	left(service: string, bucket: string): readonly UploadRecord[];
	/**
	 * Takes over what is recorded of uploads to an object, so that no other process does; those of living processes
	 * are left to them, unless they began before `abandonedBefore` (milliseconds since the epoch).
	 */
	take(place: UploadPlace, options?: { readonly abandonedBefore?: number }): readonly JournalEntry[];
	/** Records an upload that is about to begin; undefined when nothing can be recorded. */
	open(record: Omit<UploadRecord, "parts" | "uploadId" | "completing">): JournalEntry | undefined;
}
