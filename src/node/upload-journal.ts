/** The journal of uploads in files: one for each upload, in the user's data directory, with a line for each thing that happened. */
import { createHash, randomBytes } from "./crypto.mjs";
import {
	appendFileSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	renameSync,
	unlinkSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { CompletedPart } from "../storage/s3/document.ts";
import type { Checksum } from "../storage/store.ts";
import type { JournalEntry, UploadJournal, UploadPlace, UploadRecord } from "../storage/s3/upload-journal.ts";
import { isDead, ownIdentity, type ProcessIdentity } from "./process-identity.ts";

type Line =
	| Omit<UploadRecord, "parts" | "uploadId" | "completing">
	| { readonly owner: ProcessIdentity | null }
	| { readonly uploadId: string }
	| { readonly part: CompletedPart }
	| { readonly completing: Checksum };

type Stored = {
	readonly path: string;
	readonly record: UploadRecord;
	readonly owner: ProcessIdentity | null;
	/** The machine went down while the last line was written. */
	readonly isCut: boolean;
};

/** A journal in `directory`, which is made when there is something to record. Where it cannot be written, there is no journal. */
export class FileJournal implements UploadJournal {
	readonly #directory: string;

	constructor(directory: string) {
		this.#directory = directory;
	}

	left(service: string, bucket: string): readonly UploadRecord[] {
		return this.#stored("")
			.filter(({ record, owner }) => record.service === service && record.bucket === bucket && isFree(owner))
			.map(({ record }) => record);
	}

	take(place: UploadPlace, options: { readonly abandonedBefore?: number } = {}): readonly JournalEntry[] {
		const { abandonedBefore = 0 } = options;
		const entries: JournalEntry[] = [];
		for (const { path, record, owner, isCut } of this.#stored(placeId(place))) {
			if (!isFree(owner) && record.startedAt >= abandonedBefore) continue;
			const own = this.#newPath(place);
			try {
				// Who renames it first has it.
				renameSync(path, own);
				append(own, { owner: ownIdentity() }, isCut ? "\n" : "");
			} catch {
				continue;
			}
			entries.push(new FileEntry(own, record));
		}
		return entries;
	}

	open(record: Omit<UploadRecord, "parts" | "uploadId" | "completing">): JournalEntry | undefined {
		const path = this.#newPath(record);
		const lines: Line[] = [record, { owner: ownIdentity() }];
		try {
			mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
			writeFileSync(path, lines.map(format).join(""), { flag: "wx", mode: 0o600 });
		} catch {
			return undefined;
		}
		return new FileEntry(path, { ...record, parts: new Map() });
	}

	#newPath(place: UploadPlace): string {
		return join(this.#directory, `${placeId(place)}-${randomBytes(8).toString("hex")}.jsonl`);
	}

	#stored(prefix: string): Stored[] {
		let names: string[];
		try {
			names = readdirSync(this.#directory);
		} catch {
			return [];
		}
		return names
			.filter((name) => name.startsWith(prefix) && name.endsWith(".jsonl"))
			.flatMap((name) => read(join(this.#directory, name)) ?? []);
	}
}

class FileEntry implements JournalEntry {
	readonly record: UploadRecord;
	readonly #path: string;

	constructor(path: string, record: UploadRecord) {
		this.#path = path;
		this.record = record;
	}

	begun(uploadId: string): void {
		this.#append({ uploadId });
	}

	arrived(part: CompletedPart): void {
		this.#append({ part });
	}

	completing(checksum: Checksum): void {
		this.#append({ completing: checksum });
	}

	release(): void {
		this.#append({ owner: null });
	}

	forget(): void {
		try {
			unlinkSync(this.#path);
		} catch {
			// Then it is found to be over the next time.
		}
	}

	/** The upload itself matters more than the note of it. */
	#append(line: Line): void {
		try {
			append(this.#path, line);
		} catch {
			// What is not recorded is sent again.
		}
	}
}

function placeId({ service, bucket, key }: UploadPlace): string {
	return createHash("sha256")
		.update(JSON.stringify([service, bucket, key]))
		.digest("hex")
		.slice(0, 32);
}

function isFree(owner: ProcessIdentity | null): boolean {
	return owner === null || isDead(owner);
}

function format(line: Line): string {
	return `${JSON.stringify(line)}\n`;
}

function append(path: string, line: Line, before = ""): void {
	appendFileSync(path, before + format(line), { mode: 0o600 });
}

/** What a file records; undefined when it cannot be read. Lines may be cut off where the machine went down. */
function read(path: string): Stored | undefined {
	try {
		const text = readFileSync(path, "utf8");
		const isCut = !text.endsWith("\n");
		const [first, ...rest] = text.split("\n").flatMap(parse);
		if (first === undefined || !("startedAt" in first)) return undefined;
		let owner: ProcessIdentity | null = null;
		let uploadId: string | undefined;
		let completing: Checksum | undefined;
		const parts = new Map<number, CompletedPart>();
		for (const line of rest) {
			if ("owner" in line) owner = line.owner;
			else if ("uploadId" in line) uploadId = line.uploadId;
			else if ("completing" in line) completing = line.completing;
			else if ("part" in line) parts.set(line.part.number, line.part);
		}
		return { path, record: { ...first, uploadId, completing, parts }, owner, isCut };
	} catch {
		return undefined;
	}
}

function parse(line: string): Line[] {
	try {
		return [JSON.parse(line) as Line];
	} catch {
		return [];
	}
}
