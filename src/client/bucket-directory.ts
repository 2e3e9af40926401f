/** Directories in buckets: prefixes that end in a slash, and the objects below them. */
import { BaleError } from "../core/errors.ts";
import { formatPhysicalKey, type PhysicalKey } from "../core/physical-key.ts";
import type { ObjectInfo, Store } from "../storage/store.ts";
import type { OnProgress } from "../transfer/events.ts";

export type BucketDirectory = {
	readonly bucket: string;
	/** Empty, or with a slash at its end. */
	readonly prefix: string;
	/** As a URL, for messages. */
	readonly where: string;
};

/** The directory at a place, with or without a slash at its end. Throws `InvalidArgument` for one with a version. */
export function bucketDirectory(location: PhysicalKey & { readonly kind: "s3" }): BucketDirectory {
	const where = formatPhysicalKey(location);
	if (location.versionId !== undefined) {
		throw new BaleError("InvalidArgument", `Cannot read ${where}: a directory has no versions`, {
			hint: "Leave ?versionId=… out, or name one object",
			details: { source: where },
		});
	}
	const { bucket, key } = location;
	return { bucket, prefix: key === "" || key.endsWith("/") ? key : `${key}/`, where };
}

/**
 * The objects below a prefix with their keys relative to it, as the store lists them; those that only stand for a
 * folder (empty, with a slash at the end) are left out.
 */
export async function* objectsBelow(
	store: Store,
	{ bucket, prefix }: Pick<BucketDirectory, "bucket" | "prefix">,
	options: {
		readonly signal?: AbortSignal | undefined;
		readonly onProgress?: OnProgress | undefined;
		/** Also tell the version of each object, where there are versions. */
		readonly versions?: boolean;
	} = {},
): AsyncGenerator<{ readonly key: string; readonly object: ObjectInfo }, void> {
	const { signal, onProgress } = options;
	const listed =
		options.versions === true && store.listVersions !== undefined
			? store.listVersions(prefix, { signal })
			: store.list(prefix, { signal });
	for await (const object of listed) {
		if ("prefix" in object) continue;
		if (!object.key.endsWith("/")) {
			yield { key: object.key.slice(prefix.length), object };
			continue;
		}
		if (object.size === 0) continue;
		onProgress?.({
			kind: "warning",
			code: "DirectoryObject",
			message: `"${object.key}" is left out: its name ends in a slash, but it has content`,
			details: { bucket, key: object.key, size: object.size },
		});
	}
}
