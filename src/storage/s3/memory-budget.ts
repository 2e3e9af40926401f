/** Limits how many bytes wait in memory to be sent; those who want more than is left wait in order. */
export class MemoryBudget {
	readonly #capacity: number;
	#used = 0;
	readonly #waiting: { readonly bytes: number; readonly start: () => void }[] = [];

	/** `capacity` is in bytes; a single larger piece is let through when nothing else is held. */
	constructor(capacity: number) {
		this.#capacity = capacity;
	}

	/** Runs `work` while `bytes` are held. */
	async with<T>(bytes: number, work: () => Promise<T>): Promise<T> {
		if (this.#waiting.length > 0 || !this.#fits(bytes)) {
			await new Promise<void>((start) => this.#waiting.push({ bytes, start }));
		} else this.#used += bytes;
		try {
			return await work();
		} finally {
			this.#used -= bytes;
			this.#admit();
		}
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
