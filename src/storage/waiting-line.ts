import { throwIfAborted } from "./abort.ts";

/** Those who wait for something, in the order in which they came. */
export class WaitingLine<T> {
	readonly #waiting = new Set<(value: T) => void>();

	get isEmpty(): boolean {
		return this.#waiting.size === 0;
	}

	/** Resolves to what it is let in with. Throws `Aborted` when it gives up before; nothing is spent on it then. */
	async wait(signal?: AbortSignal): Promise<T> {
		throwIfAborted(signal);
		const entered = await new Promise<{ readonly value: T } | undefined>((resolve) => {
			const enter = (value: T): void => {
				signal?.removeEventListener("abort", giveUp);
				resolve({ value });
			};
			const giveUp = (): void => {
				this.#waiting.delete(enter);
				resolve(undefined);
			};
			this.#waiting.add(enter);
			signal?.addEventListener("abort", giveUp, { once: true });
		});
		if (entered !== undefined) return entered.value;
		throwIfAborted(signal);
		throw new TypeError("nobody has given up");
	}

	/** Lets in whoever has waited longest; false: nobody waits. */
	admit(value: T): boolean {
		const [enter] = this.#waiting;
		if (enter === undefined) return false;
		this.#waiting.delete(enter);
		enter(value);
		return true;
	}
}
