/** Reused buffers begin here in their memory: see `createReadBuffer` in `node/read-buffer.mjs`. */
const offsetInPageBytes = 64;
/** Sizes of buffers are multiples of this, so that they can serve again. */
const bufferStepBytes = 64 * 1024;

/** Limits how many bytes wait in memory to be sent; those who want more than is left wait in order. */
export class MemoryBudget {
	readonly #capacity: number;
	#used = 0;
	#free: Uint8Array[] = [];
	readonly #waiting: { readonly bytes: number; readonly start: () => void }[] = [];

	/** `capacity` is in bytes; a single larger piece is let through when nothing else is held. */
	constructor(capacity: number) {
		this.#capacity = capacity;
	}

	/**
	 * Runs `work` while `bytes` are held. `memory` gives a buffer of that many bytes, with any content, which belongs to
	 * somebody else as soon as `work` has succeeded.
	 */
	async with<T>(bytes: number, work: (memory: () => Uint8Array) => Promise<T>): Promise<T> {
		if (this.#waiting.length > 0 || !this.#fits(bytes)) {
			await new Promise<void>((start) => this.#waiting.push({ bytes, start }));
		} else this.#used += bytes;
		const taken: Uint8Array[] = [];
		try {
			const result = await work(() => {
				const buffer = this.#take(bytes);
				taken.push(buffer);
				return buffer.subarray(0, bytes);
			});
			// After a failure something may still be sending from them.
			for (const buffer of taken) this.#free.push(buffer);
			return result;
		} finally {
			this.#used -= bytes;
			this.#admit();
		}
	}

	#take(bytes: number): Uint8Array {
		const size = Math.max(1, Math.ceil(bytes / bufferStepBytes)) * bufferStepBytes;
		const index = this.#free.findLastIndex(({ length }) => length >= size && length <= 2 * size);
		const [found] = index === -1 ? [] : this.#free.splice(index, 1);
		if (found !== undefined) return found;
		// What is kept for others would add to what is allowed.
		this.#free.length = 0;
		return new Uint8Array(size + offsetInPageBytes).subarray(offsetInPageBytes);
	}

	#fits(bytes: number): boolean {
		return this.#used === 0 || this.#used + bytes <= this.#capacity;
	}

	#admit(): void {
		for (let next = this.#waiting[0]; next !== undefined && this.#fits(next.bytes); next = this.#waiting[0]) {
			this.#waiting.shift();
			this.#used += next.bytes;
			next.start();
		}
	}
}
