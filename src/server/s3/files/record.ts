import { formatHex } from "../../../core/hex.ts";
import type { ObjectChecksum, ObjectHeaders, ObjectVersion } from "../bucket.ts";
import { isVersionId } from "./version-id.ts";

/** What tells a file from others that had or will have its name. */
export interface FileIdentity {
	/** Decimal. */
	readonly inode: string;
	readonly size: number;
	/** Decimal. */
	readonly mtimeNs: string;
}

/** What is kept of one version beside its content; one line of JSON. */
export interface VersionRecord {
	/** Its place among the versions of the key, as `newVersionId` gives it. */
	readonly id: string;
	/** The same as `id`, `null`, or derived from the state of a file or its absence that others brought about. */
	readonly versionId: string;
	/** The file when it was the newest; undefined for a delete marker. */
	readonly file: FileIdentity | undefined;
	readonly etag: string;
	/** Milliseconds since the epoch. */
	readonly modified: number;
	readonly checksum: ObjectChecksum | undefined;
	readonly headers: ObjectHeaders;
	/** Sizes in bytes and how many parts in a row have it. */
	readonly parts: readonly (readonly [size: number, count: number])[] | undefined;
	/** The upload that it was; for who asks again to complete it. */
	readonly uploadId?: string | undefined;
}

/** The record of a delete marker. */
export function markerRecord(id: string, versionId: string, modified: number): VersionRecord {
	const none = { file: undefined, checksum: undefined, parts: undefined };
	return { ...none, id, versionId, etag: "", modified, headers: {} };
}

/** What the bucket tells of a version. */
export function toVersion(key: string, record: VersionRecord, isLatest: boolean): ObjectVersion {
	const { versionId, file, etag, modified, checksum, headers, parts } = record;
	return {
		key,
		versionId,
		isLatest,
		isDeleteMarker: file === undefined,
		size: file?.size ?? 0,
		etag,
		lastModified: modified,
		checksum,
		partSizes: parts?.flatMap(([size, count]) => new Array<number>(count).fill(size)),
		headers,
	};
}

/** Sizes of parts as a record has them. */
export function countParts(sizes: readonly number[]): [size: number, count: number][] {
	const runs: [number, number][] = [];
	for (const size of sizes) {
		const run = runs.at(-1);
		if (run?.[0] === size) run[1]++;
		else runs.push([size, 1]);
	}
	return runs;
}

/** Name of a version in the folder of the older ones: sorts as `id`, and tells the version id. */
export function historyName({ id, versionId }: Pick<VersionRecord, "id" | "versionId">): string {
	return id === versionId ? id : `${id}.${versionId}`;
}

const namePattern = /^([0-9a-z]+)(?:\.([0-9a-z]+))?$/;

/** What `historyName` was made of; undefined for other names. */
export function parseHistoryName(name: string): { id: string; versionId: string } | undefined {
	const [, id = "", derived] = namePattern.exec(name) ?? [];
	return isVersionId(id) ? { id, versionId: derived ?? id } : undefined;
}

/** Records as lines of JSON, newest first. */
export function formatRecords(records: readonly VersionRecord[]): string {
	return records.map((record) => `${JSON.stringify(record)}\n`).join("");
}

/** Records of lines of JSON; lines that are none are left out: their versions count as made by others. */
export function parseRecords(text: string): VersionRecord[] {
	const records: VersionRecord[] = [];
	for (const line of text.split("\n")) {
		const record = parseRecord(line);
		if (record !== undefined) records.push(record);
	}
	return records;
}

function parseRecord(line: string): VersionRecord | undefined {
	let value: unknown;
	try {
		value = JSON.parse(line);
	} catch {
		return undefined;
	}
	if (typeof value !== "object" || value === null) return undefined;
	const { id, versionId, file, etag, modified, checksum, headers, parts, uploadId } =
		value as Partial<VersionRecord>;
	if (typeof id !== "string" || typeof versionId !== "string" || typeof etag !== "string") return undefined;
	if (typeof modified !== "number" || typeof headers !== "object") return undefined;
	return { id, versionId, file, etag, modified, checksum, headers, parts, uploadId };
}

/** An ETag from an MD5 digest. */
export function md5Etag(md5: Uint8Array, parts?: number): string {
	return `"${formatHex(md5)}${parts === undefined ? "" : `-${parts}`}"`;
}
