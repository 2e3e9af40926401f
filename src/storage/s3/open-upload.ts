/** Beginning an upload in parts, or going on with one that an earlier process had to leave. */
import { BaleError, isBaleError } from "../../core/errors.ts";
import { partSize } from "../../core/hash.ts";
import type { Checksum, ObjectInfo } from "../store.ts";
import type { S3Client } from "./client.ts";
import { isSameChecksum } from "./checksum.ts";
import type { CompletedPart, ListedPart } from "./document.ts";
import { ObjectReader } from "./object-reader.ts";
import type { JournalEntry, UploadJournal, UploadPlace } from "./upload-journal.ts";
import { abortUnnamed, abortUpload, beginUpload, listParts } from "./uploads.ts";

/** An upload that this process works on. */
export class OpenUpload {
	readonly uploadId: string;
	/** The object that an earlier process had made of the parts, if that is what is there. */
	readonly completed: ObjectInfo | undefined;
	readonly #client: S3Client;
	readonly #key: string;
	readonly #entry: JournalEntry | undefined;
	readonly #there: ReadonlyMap<number, ListedPart>;

	constructor(
		client: S3Client,
		key: string,
		uploadId: string,
		entry: JournalEntry | undefined,
		there: readonly ListedPart[],
		completed?: ObjectInfo,
	) {
		this.completed = completed;
		this.uploadId = uploadId;
		this.#client = client;
		this.#key = key;
		this.#entry = entry;
		this.#there = new Map(there.map((part) => [part.number, part]));
	}

	/** An earlier process has asked for the object, and the server may still be making it. */
	get mayBeCompleted(): boolean {
		return this.#entry?.record.completing !== undefined;
	}

	/** Whether a later process can find it. */
	get isRecorded(): boolean {
		return this.#entry !== undefined;
	}

	/**
	 * A part that the server has already, with these bytes: by its own checksum, or, where it tells none, because it
	 * still has the ETag that it had when these bytes arrived.
	 */
	find(number: number, size: number, checksum: string): CompletedPart | undefined {
		const part = this.#there.get(number);
		if (part?.size !== size) return undefined;
		const recorded = this.#entry?.record.parts.get(number);
		const told = part.checksum ?? (recorded?.etag === part.etag ? recorded.checksum : undefined);
		return told === checksum ? { number, etag: part.etag, checksum } : undefined;
	}

	/** A part that an earlier process has copied, as the server answered then: what it lists may have other checksums. */
	findCopied(number: number, size: number): CompletedPart | undefined {
		const part = this.#there.get(number);
		const recorded = this.#entry?.record.parts.get(number);
		return part?.size === size && recorded?.etag === part.etag ? recorded : undefined;
	}

	arrived(part: CompletedPart): void {
		this.#entry?.arrived(part);
	}

	/** The server is about to be asked to make the object of the parts. */
	completing(checksum: Checksum): void {
		this.#entry?.completing(checksum);
	}

	/** Lets another process go on with it. */
	leave(): void {
		this.#entry?.release();
	}

	/** It is over; with `abort` it was not completed and its parts are to go. */
	async end(abort: boolean): Promise<void> {
		if (abort) await abortUpload(this.#client, this.#key, this.uploadId);
		this.#entry?.forget();
	}
}

export type UploadShape = {
	readonly key: string;
	/** Of the whole object, in bytes. */
	readonly size: number;
	/** See `UploadRecord`. */
	readonly copyOf?: string | undefined;
	/** Every part must have its SHA-256. */
	readonly checksums: boolean;
	readonly signal: AbortSignal | undefined;
};

async function openUpload(
	client: S3Client,
	journal: UploadJournal | undefined,
	{ key, size, copyOf, checksums, signal }: UploadShape,
): Promise<OpenUpload> {
	const { service, bucket } = client;
	const shape = {
		size,
		partSize: partSize(size),
		...(copyOf === undefined ? {} : { copyOf }),
		...(checksums ? {} : { checksums }),
	};
	const fits = ({ record }: JournalEntry): boolean =>
		record.uploadId !== undefined &&
		record.size === size &&
		record.partSize === shape.partSize &&
		record.copyOf === copyOf &&
		(record.checksums ?? true) === checksums;
	const place = { service, bucket, key };
	const left = journal?.take(place) ?? [];
	const usable = left.filter(fits).toSorted((a, b) => b.record.parts.size - a.record.parts.size);
	let chosen: OpenUpload | undefined;
	for (const entry of [...usable, ...left.filter((other) => !fits(other))]) {
		const { uploadId } = entry.record;
		const isCandidate = chosen === undefined && fits(entry) && uploadId !== undefined;
		try {
			const parts = isCandidate ? await listParts(client, key, uploadId, signal) : undefined;
			const isIncomplete = (parts?.length ?? 0) < entry.record.parts.size;
			const completed = isCandidate && isIncomplete ? await findCompleted(client, entry, signal) : undefined;
			if (isCandidate && (parts !== undefined || completed !== undefined)) {
				chosen = new OpenUpload(client, key, uploadId, entry, parts ?? [], completed);
			} else await discardUpload(client, entry);
		} catch (error) {
			entry.release();
			chosen?.leave();
			throw error;
		}
	}
	if (chosen !== undefined) return chosen;
	// Written down before it begins: a process that is killed in between leaves an upload that can still be found.
	const entry = journal?.open({ ...place, ...shape, startedAt: Date.now() });
	try {
		const { uploadId, repeated } = await beginUpload(client, key, { checksums, signal });
		entry?.begun(uploadId);
		if (repeated) await abortUnnamed(client, key, Date.now(), uploadId).catch(() => undefined);
		return new OpenUpload(client, key, uploadId, entry, []);
	} catch (error) {
		if (isBaleError(error, "Aborted", "StoreUnavailable")) entry?.release();
		else entry?.forget();
		throw error;
	}
}

/** The object that was asked for before the process ended, if it is there: the answer may not have come any more. */
async function findCompleted(
	client: S3Client,
	{ record: { key, size, completing } }: JournalEntry,
	signal: AbortSignal | undefined,
): Promise<ObjectInfo | undefined> {
	if (completing === undefined) return undefined;
	const found = await new ObjectReader(client, "").head(key, { signal }).catch((error: unknown) => {
		if (!isBaleError(error, "AccessDenied")) throw error;
		return undefined;
	});
	return found?.size === size && isSameChecksum(found.checksum, completing) ? found : undefined;
}

/** Aborts the uploads that the journal has of an object and that nobody goes on with. */
export async function discardLeft(
	client: S3Client,
	journal: UploadJournal,
	place: UploadPlace,
	options: { readonly abandonedBefore?: number } = {},
): Promise<void> {
	for (const entry of journal.take(place, options)) await discardUpload(client, entry);
}

async function discardUpload(client: S3Client, entry: JournalEntry): Promise<void> {
	const { key, uploadId, startedAt } = entry.record;
	if (uploadId !== undefined) await abortUpload(client, key, uploadId);
	else await abortUnnamed(client, key, startedAt).catch(() => undefined);
	entry.forget();
}

/**
 * Works on an upload, begun or taken over, which `work` ends. What fails for a passing reason, or is interrupted, stays
 * for the next process if there is a journal; otherwise the upload is aborted, so that nothing of it stays.
 */
export async function withUpload<T>(
	client: S3Client,
	journal: UploadJournal | undefined,
	shape: UploadShape,
	work: (open: OpenUpload) => Promise<T>,
): Promise<T> {
	for (let attempt = 1; ; attempt++) {
		const open = await openUpload(client, journal, shape);
		try {
			return await work(open);
		} catch (error) {
			if (attempt === 1 && isBaleError(error) && error.details["code"] === "NoSuchUpload") {
				// Somebody aborted it: a rule of the bucket, or another process. Parts that were under way then may have brought it back.
				// And the object that an earlier process asked for may be there by now.
				if (open.mayBeCompleted) open.leave();
				else await open.end(true);
				continue;
			}
			const stays = open.isRecorded && isBaleError(error, "Aborted", "StoreUnavailable", "LoginExpired");
			if (!stays) {
				await open.end(true);
				throw error;
			}
			open.leave();
			throw isBaleError(error, "Aborted") ? error : withHint(error);
		}
	}
}

function withHint(error: BaleError): BaleError {
	const again = "run the same again to go on: what has arrived is not sent again";
	return new BaleError(error.code, error.message, {
		hint: error.hint === undefined ? `R${again.slice(1)}` : `${error.hint}, and ${again}`,
		details: error.details,
		cause: error,
	});
}
