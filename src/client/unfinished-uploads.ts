/** What broken uploads have left in a registry: it is kept, and paid for, until somebody removes it. */
import { formatPhysicalKey, joinPhysicalKey } from "../core/physical-key.ts";
import { throwIfAborted } from "../storage/abort.ts";
import { openRegistry, type RegistryInput } from "./registries.ts";
import { platform } from "./runtime.ts";

export type UnfinishedUpload = {
	/** Where the object would have appeared. */
	readonly place: string;
	/** An object can have several uploads: the service's name of this one. */
	readonly uploadId: string;
	readonly startedAt: Date;
	/** Bytes that are kept. */
	readonly size: number;
	/** Whether it was removed now. */
	readonly aborted: boolean;
};

export type UnfinishedUploadsOptions = {
	/** Remove those that began at least so many milliseconds ago; default: none. Whoever is still at one of them fails. */
	readonly abortOlderThanMs?: number | undefined;
	readonly signal?: AbortSignal | undefined;
};

/**
 * The uploads in a registry that were neither completed nor aborted, whichever client began them. Throws `AccessDenied`, whose
 * detail `action` tells whether listing or aborting was refused, and `Unsupported`.
 */
export async function* unfinishedUploads(
	registry: RegistryInput,
	options: UnfinishedUploadsOptions = {},
): AsyncGenerator<UnfinishedUpload, void> {
	const { store } = await openRegistry(registry);
	const { abortOlderThanMs, signal } = options;
	for await (const upload of store.listUploads?.(signal) ?? []) {
		throwIfAborted(signal);
		const { uploadId, startedAt, size } = upload;
		const ageMs = platform().now() - startedAt.getTime();
		const aborted = abortOlderThanMs !== undefined && ageMs >= abortOlderThanMs;
		if (aborted) await store.abortUpload?.(upload, signal);
		const place = formatPhysicalKey(joinPhysicalKey(store.root, upload.key));
		yield { place, uploadId, startedAt, size, aborted };
	}
}
