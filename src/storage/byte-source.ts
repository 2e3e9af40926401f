/**
 * Making and reading byte sources. Streams here are read on demand: nothing is fetched before somebody
 * asks for it, so that an opened and forgotten stream costs nothing.
 */
import { BaleError } from "../core/errors.ts";
import { throwIfAborted } from "./abort.ts";
import type { ByteRange, ByteSource, Sink } from "./store.ts";

/** What to do about a source that changed while it was read, or since it was looked at. */
export const changedHints = {
	meanwhile: "Run the same again when nothing writes to the file",
	since: "Add the file again when nothing writes to it",
} as const;

/** A source over bytes in memory. They are not copied: do not change them while the source is in use. */
export function bytesSource(bytes: Uint8Array): ByteSource {
	return {
		size: bytes.length,
		open: (range, signal) => {
			throwIfAborted(signal);
			return streamOf(sliceOf(bytes, range));
		},
	};
}

/** A stream of these bytes, in one chunk (none when they are empty). */
export function streamOf(bytes: Uint8Array): ReadableStream<Uint8Array> {
	return new ReadableStream<Uint8Array>(
		{
			pull(controller) {
				if (bytes.length > 0) controller.enqueue(bytes);
				controller.close();
			},
		},
		{ highWaterMark: 0 },
	);
}

/** The bytes of `range` (default: all), as a view. Throws `InvalidArgument` for a range that is not wholly there. */
export function sliceOf(bytes: Uint8Array, range: ByteRange | undefined): Uint8Array {
	if (range === undefined) return bytes;
	checkRange(range, bytes.length);
	return bytes.subarray(range.offset, range.offset + range.length);
}

/** Throws `InvalidArgument` when `range` is not wholly inside an object of `size` bytes. */
export function checkRange(range: ByteRange, size: number): void {
	const { offset, length } = range;
	const valid =
		Number.isSafeInteger(offset) &&
		Number.isSafeInteger(length) &&
		offset >= 0 &&
		length >= 0 &&
		offset + length <= size;
	if (!valid) {
		throw new BaleError(
			"InvalidArgument",
			`Cannot read ${length} bytes from offset ${offset}: the object has ${size} bytes`,
			{ details: { offset, length, size } },
		);
	}
}

/** A source as `Store.put` takes it, as a `ByteSource`. */
export function toByteSource(source: ByteSource | Uint8Array): ByteSource {
	return source instanceof Uint8Array ? bytesSource(source) : source;
}

/**
 * The chunks of a whole source. Throws `SourceChanged` as soon as it gives more bytes than its size, or at
 * its end when it gave fewer; `Aborted` when the signal fires. The stream is cancelled whenever the loop
 * over it ends early.
 */
export async function* chunksOf(source: ByteSource, signal?: AbortSignal): AsyncGenerator<Uint8Array, void> {
	throwIfAborted(signal);
	const reader = source.open(undefined, signal).getReader();
	const stop = (): void => {
		reader.cancel(signal?.reason).catch(() => undefined);
	};
	signal?.addEventListener("abort", stop, { once: true });
	let received = 0;
	try {
		for (;;) {
			const { done, value } = await reader.read();
			throwIfAborted(signal);
			if (done) break;
			received += value.length;
			if (received > source.size) break;
			yield value;
		}
	} finally {
		signal?.removeEventListener("abort", stop);
		await reader.cancel().catch(() => undefined);
	}
	if (received !== source.size) {
		const found = received > source.size ? "more" : String(received);
		throw new BaleError("SourceChanged", `A source of ${source.size} bytes gave ${found}`, {
			hint: changedHints.since,
			details: { expected: source.size },
		});
	}
}

/** Gives a whole stream to a sink. Throws `Aborted` when the signal fires; the stream is cancelled whenever this ends early. */
export async function deliverStream(
	stream: ReadableStream<Uint8Array>,
	sink: Sink,
	signal?: AbortSignal,
): Promise<void> {
	const reader = stream.getReader();
	const stop = (): void => void reader.cancel(signal?.reason).catch(() => undefined);
	signal?.addEventListener("abort", stop, { once: true });
	try {
		for (;;) {
			const { done, value } = await reader.read();
			throwIfAborted(signal);
			if (done) return;
			sink(value);
		}
	} finally {
		signal?.removeEventListener("abort", stop);
		await reader.cancel().catch(() => undefined);
	}
}

/** Everything in a stream, at most `limit` bytes (`LimitExceeded` beyond; the stream is cancelled then). */
export async function collect(stream: ReadableStream<Uint8Array>, limit = Infinity): Promise<Uint8Array> {
	const reader = stream.getReader();
	const chunks: Uint8Array[] = [];
	let size = 0;
	try {
		for (;;) {
			const { done, value } = await reader.read();
			if (done) break;
			size += value.length;
			if (size > limit) {
				throw new BaleError("LimitExceeded", `An object has more than ${limit} bytes`, {
					details: { limit },
				});
			}
			chunks.push(value);
		}
	} finally {
		await reader.cancel().catch(() => undefined);
	}
	const only = chunks[0];
	if (chunks.length === 1 && only !== undefined) return only;
	const joined = new Uint8Array(size);
	let offset = 0;
	for (const chunk of chunks) {
		joined.set(chunk, offset);
		offset += chunk.length;
	}
	return joined;
}
