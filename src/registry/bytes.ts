import { commonBytes } from "../core/common-bytes.ts";
import type { LineRun } from "../core/manifest-format.ts";
import type { RandomBytes } from "../core/random-bytes.ts";
import { memoryBytes } from "../core/random-bytes.ts";
import { throwIfAborted } from "../storage/abort.ts";
import type { ByteRange, ByteSource, Sink } from "../storage/store.ts";

/** Most bytes that are given at once. */
const chunkBytes = 256 * 1024 - 4096;
/** After so many of them others have their turn. */
const chunksInARow = 64;

/** A run of bytes of something else. */
type Piece = { readonly bytes: RandomBytes; readonly start: number; readonly end: number };

/**
 * The text of a manifest: what is new as UTF-8 chunks of about a mebibyte, so that a large manifest is no single
 * allocation, and what was copied as a reference to where it is.
 */
export class ManifestText implements ByteSource {
	readonly #pieces: Piece[] = [];
	readonly #encoder = new TextEncoder();
	#pending: string[] = [];
	#pendingLength = 0;
	#size = 0;

	/** Gathers all pieces at once. */
	static from(pieces: Iterable<string | LineRun>): ManifestText {
		const text = new ManifestText();
		for (const piece of pieces) {
			if (typeof piece === "string") text.#addText(piece);
			else text.#add({ bytes: piece.table.source, start: piece.low, end: piece.high });
		}
		text.#flush();
		return text;
	}

	/** In bytes. */
	get size(): number {
		return this.#size;
	}

	open(range?: ByteRange): ReadableStream<Uint8Array> {
		const chunks = this.#chunks(range);
		return new ReadableStream<Uint8Array>(
			{
				pull(controller) {
					const next = chunks.next();
					if (next.done === true) controller.close();
					else controller.enqueue(next.value.bytes.read(next.value.start, next.value.end));
				},
			},
			{ highWaterMark: 0 },
		);
	}

	/** All chunks that are not in memory go through one buffer: a new one for each costs more than reading into it. */
	async deliver(sink: Sink, range?: ByteRange, signal?: AbortSignal): Promise<void> {
		const buffers = new Map<RandomBytes, Uint8Array>();
		let count = 0;
		for (const { bytes, start, end } of this.#chunks(range)) {
			if (++count % chunksInARow === 0) await new Promise((resolve) => setTimeout(resolve));
			throwIfAborted(signal);
			const buffer = buffers.get(bytes);
			const chunk = bytes.read(start, end, buffer);
			if (chunk.length > (buffer?.length ?? 0)) buffers.set(bytes, chunk);
			sink(chunk);
		}
	}

	*#chunks({ offset, length }: ByteRange = { offset: 0, length: this.#size }): Generator<Piece> {
		const end = offset + length;
		let [at, pieceStart] = [offset, 0];
		for (const { bytes, start: first, end: last } of this.#pieces) {
			const stop = Math.min(last, first + end - pieceStart);
			for (let start = first + at - pieceStart; start < stop;) {
				const to = Math.min(stop, start + chunkBytes);
				yield { bytes, start, end: to };
				at += to - start;
				start = to;
			}
			pieceStart += last - first;
		}
	}

	#addText(line: string): void {
		this.#pending.push(line);
		this.#pendingLength += line.length;
		if (this.#pendingLength >= 1 << 20) this.#flush();
	}

	#add(piece: Piece): void {
		this.#flush();
		this.#pieces.push(piece);
		this.#size += piece.end - piece.start;
	}

	#flush(): void {
		if (this.#pending.length === 0) return;
		const bytes = this.#encoder.encode(this.#pending.join(""));
		this.#pending = [];
		this.#pendingLength = 0;
		this.#add({ bytes: memoryBytes(bytes), start: 0, end: bytes.length });
	}
}

/** Reads a stream to its end and compares it with `source`, in bounded memory. */
export async function sameBytes(stream: ReadableStream<Uint8Array>, source: ByteSource): Promise<boolean> {
	const left = stream.getReader();
	const right = source.open().getReader();
	let a: Uint8Array = new Uint8Array(0);
	let b: Uint8Array = new Uint8Array(0);
	try {
		for (;;) {
			while (a.length === 0) {
				const { done, value } = await left.read();
				if (done) break;
				a = value;
			}
			while (b.length === 0) {
				const { done, value } = await right.read();
				if (done) break;
				b = value;
			}
			if (a.length === 0 || b.length === 0) return a.length === b.length;
			const length = Math.min(a.length, b.length);
			if (commonBytes(a, 0, b, 0, length) < length) return false;
			a = a.subarray(length);
			b = b.subarray(length);
		}
	} finally {
		await left.cancel().catch(() => undefined);
		await right.cancel().catch(() => undefined);
	}
}
