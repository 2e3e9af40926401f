import { realpathSync, statSync } from "node:fs";
import { BaleError } from "../../../core/errors.ts";
import { fileError } from "../../../node/file-error.ts";
import { removeLeftovers } from "../../../node/temporary-file.ts";
import type { Bucket } from "../bucket.ts";
import { BucketState } from "./bucket-state.ts";
import { completeUpload, findUpload } from "./complete-upload.ts";
import { deleteVersion, hideObject } from "./delete-object.ts";
import { asFaults } from "./faults.ts";
import { deleteMarker, isFolderKey, openMarker, readMarker, writeMarker } from "./folder-marker.ts";
import { FolderNames } from "./folder-names.ts";
import { listObjects, listVersions } from "./list-objects.ts";
import { Places } from "./places.ts";
import { headObject, openObject } from "./read-object.ts";
import { asReceivedFile, receiveFile } from "./received-file.ts";
import { md5Etag } from "./record.ts";
import { listParts, putPart } from "./upload-parts.ts";
import { abortUpload, listUploads, startUpload } from "./uploads.ts";
import { writeObject } from "./write-object.ts";

export interface BucketOptions {
	/** `"power"` (default): what is acknowledged survives a power cut; `"process"`: only the end of the process. */
	readonly durability?: "power" | "process";
	/** Whether versions are kept (default: yes) where nobody has said so with `setVersioning`. */
	readonly versions?: boolean;
}

/**
 * A folder as a bucket named `name`; `root` must be a directory (`NotAFile`, `ObjectNotFound`). Nothing is written
 * before something is stored.
 */
export async function openBucket(root: string, name: string, options: BucketOptions = {}): Promise<Bucket> {
	const durable = options.durability !== "process";
	const places = new Places(realDirectory(root));
	removeLeftovers(places.temporary);
	removeLeftovers(places.locks);
	const state = new BucketState(places, { name, durable, versions: options.versions ?? true });
	const folders = new FolderNames(places);
	return {
		name,
		versioning: () => asFaults(() => state.status()),
		setVersioning: (enabled) => asFaults(() => state.setVersioning(enabled)),
		head: (key, versionId) =>
			asFaults(() => (isFolderKey(key) ? readMarker : headObject)(state, key, versionId)),
		open: (key, versionId) =>
			asFaults(() => (isFolderKey(key) ? openMarker : openObject)(state, key, versionId)),
		receive: (bytes, algorithms, signal) =>
			asFaults(() => receiveFile(places, bytes, algorithms, { signal, durable })),
		put: (key, bytes, { headers, checksum, condition }) =>
			asFaults(() => {
				const { path, md5, size } = asReceivedFile(bytes);
				const facts = { etag: md5Etag(md5), headers, checksum, condition };
				if (!isFolderKey(key)) return writeObject(state, key, { ...facts, path });
				return writeMarker(state, key, { ...facts, size }).finally(() => bytes.discard());
			}),
		delete: (key, versionId, condition) =>
			asFaults(() =>
				isFolderKey(key)
					? deleteMarker(state, key, versionId, condition)
					: versionId === undefined
						? hideObject(state, key, condition)
						: deleteVersion(state, key, versionId),
			),
		list: (request) => asFaults(() => listObjects(state, folders, request)),
		listVersions: (request) => asFaults(() => listVersions(state, folders, request)),
		startUpload: (start) => asFaults(() => startUpload(state, start)),
		upload: (key, uploadId) => asFaults(() => findUpload(state, key, uploadId)),
		putPart: (upload, number, bytes) => asFaults(() => putPart(state, upload, number, asReceivedFile(bytes))),
		listParts: (upload, after, limit) => asFaults(() => listParts(state, upload, after, limit)),
		completeUpload: (upload, parts, expected = {}) =>
			asFaults(() => completeUpload(state, upload, parts, expected)),
		abortUpload: (upload) => asFaults(() => abortUpload(state, upload)),
		listUploads: (request) => asFaults(() => listUploads(state, request)),
	};
}

function realDirectory(root: string): string {
	try {
		const real = realpathSync(root);
		if (statSync(real).isDirectory()) return real;
	} catch (error) {
		throw fileError(error, "serve", root);
	}
	throw new BaleError("NotAFile", `Cannot serve "${root}": it is not a directory`, {
		details: { path: root },
	});
}
