/**
 * Manifests of a directory registry as S3 clients can use them: a `file://` key below the folder is told as the object that
 * it is, `s3://<bucket>/<key>?versionId=…`. Physical keys are outside of the top hash, so that stays right. The file itself
 * stays as it is, and the manifests that were pushed through the bucket have no such keys.
 */
import { createHash } from "node:crypto";
import { isBaleError } from "../../core/errors.ts";
import { formatPhysicalKey, parsePhysicalKey, type PhysicalKey } from "../../core/physical-key.ts";
import type { Bucket, ObjectVersion, OpenedObject } from "./bucket.ts";

const manifestKey = /^\.quilt\/packages\/[0-9a-f]{64}$/;
/** Longer lines are told as they are. */
const maxLine = 4 * 1024 * 1024;
const physicalKeys = /"physical_keys"\s*:\s*\[\s*("(?:[^"\\]|\\.)*")/;

/** The bucket of the folder `root` (an absolute path with `/`), with its manifests told so. */
export function withManifestFace(bucket: Bucket, root: string): Bucket {
	const open = async (key: string, versionId?: string): Promise<OpenedObject | undefined> => {
		const opened = await bucket.open(key, versionId);
		if (opened === undefined || !manifestKey.test(key)) return opened;
		try {
			return await translated(bucket, root, opened);
		} catch (error) {
			await opened.close();
			throw error;
		}
	};
	return {
		...bucket,
		open,
		async head(key, versionId) {
			if (!manifestKey.test(key)) return await bucket.head(key, versionId);
			const opened = await open(key, versionId);
			await opened?.close();
			return opened?.version ?? (await bucket.head(key, versionId));
		},
	};
}

/** Reads it twice: size and ETag are told before the content. Memory is bounded by a line. */
async function translated(bucket: Bucket, root: string, opened: OpenedObject): Promise<OpenedObject> {
	const { version } = opened;
	const reopen = async (): Promise<OpenedObject> => {
		const again = await bucket.open(version.key, version.versionId);
		if (again === undefined || again.version.etag !== version.etag) {
			await again?.close();
			throw new Error("the manifest was replaced while it was read");
		}
		return again;
	};
	const first = await reopen();
	const digest = createHash("md5");
	let size = 0;
	let changed = false;
	for await (const line of lines(first.read(0, version.size))) {
		const told = await translateLine(bucket, root, line);
		changed ||= told !== line;
		digest.update(told);
		size += told.length;
	}
	if (!changed) return opened;
	await opened.close();
	const told: ObjectVersion = {
		...version,
		size,
		etag: `"${digest.digest("hex")}"`,
		checksum: undefined,
		partSizes: undefined,
	};
	return {
		version: told,
		close: () => Promise.resolve(),
		async *read(start, end) {
			const source = await reopen();
			let at = 0;
			for await (const line of lines(source.read(0, version.size))) {
				const bytes = await translateLine(bucket, root, line);
				const piece = bytes.subarray(Math.max(0, start - at), Math.max(0, end - at));
				at += bytes.length;
				if (piece.length > 0) yield piece;
				if (at >= end) break;
			}
			// What the objects are called may have changed since the size was told.
			if (at < end) throw new Error("the manifest is not as long as was told");
		},
	};
}

/** Runs of bytes that end with a line feed, or are a part of a line that is too long. */
async function* lines(source: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
	let held: Uint8Array = new Uint8Array();
	for await (const piece of source) {
		let bytes = held.length === 0 ? piece : Buffer.concat([held, piece]);
		for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10)) {
			yield new Uint8Array(bytes.subarray(0, end + 1));
			bytes = bytes.subarray(end + 1);
		}
		// The source may use its memory again.
		held = new Uint8Array(bytes);
		if (held.length <= maxLine) continue;
		yield held;
		held = new Uint8Array();
	}
	if (held.length > 0) yield held;
}

async function translateLine(bucket: Bucket, root: string, line: Uint8Array): Promise<Uint8Array> {
	if (!Buffer.from(line.buffer, line.byteOffset, line.length).includes("file:") || line.length > maxLine)
		return line;
	const text = new TextDecoder().decode(line);
	const literal = physicalKeys.exec(text);
	const entry = readEntry(text);
	if (literal?.[1] === undefined || entry === undefined) return line;
	const at = literal.index + literal[0].length - literal[1].length;
	if (JSON.parse(literal[1]) !== entry.url) return line;
	const key = keyBelow(root, entry.url);
	const object = key === undefined ? undefined : await findObject(bucket, key, entry.size);
	if (key === undefined || object === undefined) return line;
	const { versionId } = object;
	const physicalKey: PhysicalKey = {
		kind: "s3",
		bucket: bucket.name,
		key,
		...(versionId === "null" ? {} : { versionId }),
	};
	const told = JSON.stringify(formatPhysicalKey(physicalKey));
	return Buffer.from(text.slice(0, at) + told + text.slice(at + literal[1].length), "utf8");
}

/** First physical key and size of an entry; undefined for other lines. */
function readEntry(text: string): { url: string; size: number | undefined } | undefined {
	try {
		const value = JSON.parse(text) as { physical_keys?: unknown; size?: unknown } | null;
		const keys: unknown = value?.physical_keys;
		const url: unknown = Array.isArray(keys) && keys.length === 1 ? keys[0] : undefined;
		if (typeof url !== "string") return undefined;
		return { url, size: typeof value?.size === "number" ? value.size : undefined };
	} catch {
		return undefined;
	}
}

function keyBelow(root: string, url: string): string | undefined {
	try {
		const physicalKey = parsePhysicalKey(url);
		const base = `${root.replace(/\/+$/, "")}/`;
		if (physicalKey.kind !== "file" || !physicalKey.path.startsWith(base)) return undefined;
		return physicalKey.path.slice(base.length);
	} catch (error) {
		if (isBaleError(error)) return undefined;
		throw error;
	}
}

/** The newest version that has the size of the entry; its hash is for the client to check. */
async function findObject(
	bucket: Bucket,
	key: string,
	size: number | undefined,
): Promise<ObjectVersion | undefined> {
	const fits = (version: ObjectVersion): boolean =>
		!version.isDeleteMarker && (size === undefined || version.size === size);
	const newest = await bucket.head(key);
	if (newest === undefined || fits(newest)) return newest;
	const { versions } = await bucket.listVersions({ prefix: key, delimiter: "", limit: 1000 });
	return versions.find((version) => version.key === key && fits(version));
}
