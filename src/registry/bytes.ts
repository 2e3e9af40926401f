import type { ByteRange, ByteSource } from "../storage/store.ts";

/** Text gathered as UTF-8 chunks of about a mebibyte, so that a large manifest is no single allocation. */
export class ChunkedText implements ByteSource {
	readonly #chunks: Uint8Array[] = [];
	readonly #encoder = new TextEncoder();
	#pending: string[] = [];
	#pendingLength = 0;
	#size = 0;

	/** Gathers all lines at once. */
	static from(lines: Iterable<string>): ChunkedText {
		const text = new ChunkedText();
		for (const line of lines) text.add(line);
		text.#flush();
		return text;
	}

	add(line: string): void {
		this.#pending.push(line);
		this.#pendingLength += line.length;
		if (this.#pendingLength >= 1 << 20) this.#flush();
	}

	/** In bytes. */
	get size(): number {
		return this.#size;
	}

	open(range: ByteRange = { offset: 0, length: this.#size }): ReadableStream<Uint8Array> {
		const end = range.offset + range.length;
		const chunks = this.#chunks;
		let index = 0;
		let start = 0;
		return new ReadableStream<Uint8Array>({
			pull(controller) {
				for (;;) {
					const chunk = chunks[index];
					if (chunk === undefined || start >= end) {
						controller.close();
						return;
					}
					const from = Math.max(0, range.offset - start);
					const to = Math.min(chunk.length, end - start);
					start += chunk.length;
					index += 1;
					if (from < to) {
						controller.enqueue(chunk.subarray(from, to));
						return;
					}
				}
			},
		});
	}

	#flush(): void {
		if (this.#pending.length === 0) return;
		const bytes = this.#encoder.encode(this.#pending.join(""));
		this.#chunks.push(bytes);
		this.#size += bytes.length;
		this.#pending = [];
		this.#pendingLength = 0;
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
			for (let index = 0; index < length; index++) if (a[index] !== b[index]) return false;
			a = a.subarray(length);
			b = b.subarray(length);
		}
	} finally {
		await left.cancel().catch(() => undefined);
		await right.cancel().catch(() => undefined);
	}
}
