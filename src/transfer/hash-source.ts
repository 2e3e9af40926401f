import type { CreateDigest, Hash, HashType } from "../core/hash.ts";
import { createHasher } from "../core/hash.ts";
import { BaleError } from "../core/errors.ts";
import { changedHints } from "../storage/byte-source.ts";
import type { ByteSource } from "../storage/store.ts";
import { throwIfAborted } from "../storage/abort.ts";

/**
 * Hashes a source by streaming it. Bytes that do not add up to `source.size` are `SourceChanged`.
 * `onBytes` is called with the bytes since its last call.
 */
export async function hashSource(
	source: ByteSource,
	type: HashType,
	createSha256: CreateDigest,
	options: { readonly signal?: AbortSignal | undefined; readonly onBytes?: (bytes: number) => void } = {},
): Promise<Hash> {
	const hasher = createHasher(type, source.size, createSha256);
	let read = 0;
	const reader = source.open(undefined, options.signal).getReader();
	try {
		for (;;) {
			throwIfAborted(options.signal);
			const { done, value } = await reader.read();
			if (done) break;
			read += value.length;
			if (read > source.size) break;
			hasher.update(value);
			options.onBytes?.(value.length);
		}
	} finally {
		await reader.cancel().catch(() => undefined);
	}
	if (read !== source.size) {
		throw new BaleError("SourceChanged", `The source has ${read} bytes where ${source.size} were expected`, {
			hint: changedHints.since,
		});
	}
	return hasher.digest();
}
