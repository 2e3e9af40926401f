/** Objects of stores as sources of bytes. */
import { BaleError, isBaleError } from "../core/errors.ts";
import type {
	ByteRange,
	ByteSource,
	CopySource,
	ObjectInfo,
	ReadOptions,
	Sink,
	Store,
} from "../storage/store.ts";

/** What is known of all objects of a store as sources of copies. */
export function copyTraits({ service, requesterPays }: Store): Pick<CopySource, "service" | "requesterPays"> {
	return {
		...(service === undefined ? {} : { service }),
		...(requesterPays === true ? { requesterPays } : {}),
	};
}

/** An object of a store as a source that can be opened again. */
export async function storeSource(
	store: Store,
	key: string,
	versionId?: string,
	signal?: AbortSignal,
): Promise<ByteSource | undefined> {
	const version = versionId === undefined ? {} : { versionId };
	const info = await store.head(key, { ...version, signal });
	if (info === undefined) return undefined;
	return objectSource(
		store,
		key,
		versionId,
		info.size,
		() => new BaleError("ObjectNotFound", `"${key}" is gone from the store`),
	);
}

/** An object that should have `size` bytes; it is looked at when it is opened (`IntegrityMismatch` for another size). */
export function objectSource(
	store: Store,
	key: string,
	versionId: string | undefined,
	size: number,
	missing: () => BaleError,
): ByteSource {
	const version = versionId === undefined ? {} : { versionId };
	const options = (range: ByteRange | undefined, signal: AbortSignal | undefined): ReadOptions =>
		range === undefined ? { ...version, signal } : { ...version, range, signal };
	let etag: string | undefined;
	return {
		size,
		open(range, signal) {
			let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
			return new ReadableStream<Uint8Array>(
				{
					async pull(controller) {
						if (reader === undefined) {
							const object = await store.get(key, options(range, signal)).catch((error: unknown) => {
								if (range === undefined || !isBaleError(error, "InvalidArgument")) throw error;
								throw otherSize(key, size, undefined);
							});
							if (object === undefined) throw missing();
							if (object.info.size !== size) {
								await object.body.cancel();
								throw otherSize(key, size, object.info.size);
							}
							reader = object.body.getReader();
						}
						const { done, value } = await reader.read();
						if (done) controller.close();
						else controller.enqueue(value);
					},
					async cancel(reason) {
						await reader?.cancel(reason);
					},
				},
				{ highWaterMark: 0 },
			);
		},
		...(store.deliver === undefined
			? {}
			: {
					async deliver(sink: Sink, range?: ByteRange, signal?: AbortSignal) {
						const accept = (info: ObjectInfo): Sink => {
							if (info.size !== size) throw otherSize(key, size, info.size);
							// Ranges that are asked for one by one are of one object.
							etag ??= info.etag;
							if (info.etag !== etag) throw replaced(key);
							return sink;
						};
						if ((await store.deliver?.(key, accept, options(range, signal))) === undefined) throw missing();
					},
				}),
	};
}

/** `found` is undefined when only a range was asked for, which the object does not have. */
function otherSize(key: string, expected: number, found: number | undefined): BaleError {
	const has = found === undefined ? "fewer" : String(found);
	return new BaleError("IntegrityMismatch", `"${key}" has ${has} bytes where ${expected} were expected`, {
		details: { key, expectedSize: expected, ...(found === undefined ? {} : { foundSize: found }) },
	});
}

function replaced(key: string): BaleError {
	return new BaleError("SourceChanged", `Cannot read "${key}": it was replaced while it was read`, {
		details: { key },
	});
}
