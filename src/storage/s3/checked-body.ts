import { BaleError } from "../../core/errors.ts";
import { createHasher, partSize, sameHash, type CreateDigest } from "../../core/hash.ts";
import type { ObjectInfo } from "../store.ts";
import { chunkedHash, provenHash } from "./checksum.ts";

/**
 * The same bytes, which end as `IntegrityMismatch` when they are not those whose checksum the server keeps. They are taken as
 * they come where there is no checksum, and where it is one of other parts than ours: `firstPartSize` tells the size in bytes
 * of the first, if the server does, and is asked when the bytes are not the expected ones.
 */
export function checkedBody(
	body: ReadableStream<Uint8Array>,
	info: ObjectInfo,
	createSha256: CreateDigest,
	firstPartSize: () => Promise<number | undefined>,
): ReadableStream<Uint8Array> {
	const { checksum, size } = info;
	const expected = checksum && chunkedHash(checksum, size, createSha256);
	if (expected === undefined) return body;
	const isProof = provenHash(info, createSha256) !== undefined;
	const hasher = createHasher("sha2-256-chunked", info.size, createSha256);
	const check = new TransformStream<Uint8Array, Uint8Array>({
		transform(chunk, controller) {
			hasher.update(chunk);
			controller.enqueue(chunk);
		},
		async flush() {
			if (sameHash(hasher.digest(), expected)) return;
			if (!isProof && (await firstPartSize()) !== partSize(size)) return;
			throw new BaleError(
				"IntegrityMismatch",
				`Cannot read "${info.key}": what arrived is not what is stored`,
				{
					hint: "Try again: it was damaged on its way",
					details: { key: info.key },
				},
			);
		},
	});
	return body.pipeThrough(check);
}
