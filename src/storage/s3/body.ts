/** Bodies of objects that survive broken connections. */
import { BaleError } from "../../core/errors.ts";
import { throwIfAborted } from "../abort.ts";
import { deliverStream } from "../byte-source.ts";
import type { ByteRange, Sink } from "../store.ts";
import type { TransportResponse } from "./transport.ts";

const maxFailuresInARow = 5;

export type BodyOptions = {
	/** The part of the object that the body is. */
	readonly range: ByteRange;
	readonly first: TransportResponse;
	/** Asks for what is still missing. */
	readonly resume: (range: ByteRange) => Promise<TransportResponse>;
	readonly unreachable: (cause: unknown) => BaleError;
	readonly signal: AbortSignal | undefined;
};

/**
 * Exactly the bytes of a range. A connection that breaks off is taken up again where it broke, up to five
 * times without any progress; then, and for whatever `resume` throws, the stream fails.
 */
export function resumableBody(options: BodyOptions): ReadableStream<Uint8Array> {
	const { signal } = options;
	const end = options.range.offset + options.range.length;
	let position = options.range.offset;
	let reader: ReadableStreamDefaultReader<Uint8Array> | undefined = options.first.stream().getReader();
	let failures = 0;
	const onAbort = (): void => void reader?.cancel(signal?.reason).catch(() => undefined);
	signal?.addEventListener("abort", onAbort, { once: true });
	const finish = (): void => {
		signal?.removeEventListener("abort", onAbort);
	};
	const readOn = async (): Promise<Uint8Array | undefined> => {
		try {
			reader ??= (await options.resume({ offset: position, length: end - position })).stream().getReader();
			const { done, value } = await reader.read();
			if (!done) return value;
			throw new TypeError(`the body ended ${end - position} bytes early`);
		} catch (error) {
			throwIfAborted(signal);
			if (error instanceof BaleError) throw error;
			reader = undefined;
			failures++;
			if (failures > maxFailuresInARow) throw options.unreachable(error);
			return undefined;
		}
	};
	return new ReadableStream<Uint8Array>(
		{
			async pull(controller) {
				try {
					while (position < end) {
						throwIfAborted(signal);
						const chunk = await readOn();
						if (chunk === undefined || chunk.length === 0) continue;
						if (chunk.length > end - position) {
							throw options.unreachable(new TypeError("the body is longer than the range"));
						}
						failures = 0;
						position += chunk.length;
						controller.enqueue(chunk);
						break;
					}
					if (position < end) return;
					finish();
					await reader?.cancel().catch(() => undefined);
					controller.close();
				} catch (error) {
					finish();
					await reader?.cancel().catch(() => undefined);
					throw error;
				}
			},
			async cancel(reason) {
				finish();
				await reader?.cancel(reason).catch(() => undefined);
			},
		},
		{ highWaterMark: 0 },
	);
}

/** As `resumableBody`, into a sink; also rejects with what the sink throws. */
export async function deliverBody(options: BodyOptions, sink: Sink): Promise<void> {
	const { signal } = options;
	const end = options.range.offset + options.range.length;
	let position = options.range.offset;
	let failures = 0;
	let refusal: { readonly error: unknown } | undefined;
	const take = (chunk: Uint8Array): void => {
		try {
			if (chunk.length > end - position) {
				throw options.unreachable(new TypeError("the body is longer than the range"));
			}
			failures = 0;
			position += chunk.length;
			sink(chunk);
		} catch (error) {
			refusal = { error };
			throw error;
		}
	};
	let response: TransportResponse | undefined = options.first;
	do {
		try {
			response ??= await options.resume({ offset: position, length: end - position });
			if (response.deliver !== undefined) await response.deliver(take);
			else await deliverStream(response.stream(), take, signal);
			if (position < end) throw new TypeError(`the body ended ${end - position} bytes early`);
		} catch (error) {
			if (refusal !== undefined) throw refusal.error;
			throwIfAborted(signal);
			if (error instanceof BaleError) throw error;
			failures++;
			if (failures > maxFailuresInARow) throw options.unreachable(error);
		}
		response = undefined;
	} while (position < end);
}
