import { BaleError } from "../../core/errors.ts";
import { createHasher, sameHash, type CreateDigest } from "../../core/hash.ts";
import type { ObjectInfo } from "../store.ts";
import { provenHash } from "./checksum.ts";

/**
 * The same bytes, which end as `IntegrityMismatch` when they are not those whose checksum the server keeps; of an object
 * without checksum, or in several parts, they are taken as they come.
 */
export function checkedBody(
	body: ReadableStream<Uint8Array>,
	info: ObjectInfo,
	createSha256: CreateDigest,
): ReadableStream<Uint8Array> {
	const expected = provenHash(info, createSha256);
	if (expected === undefined) return body;
	const hasher = createHasher("sha2-256-chunked", info.size, createSha256);
	const check = new TransformStream<Uint8Array, Uint8Array>({
		transform(chunk, controller) {
			hasher.update(chunk);
			controller.enqueue(chunk);
		},
		flush() {
			if (sameHash(hasher.digest(), expected)) return;
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
