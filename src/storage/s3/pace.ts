import { WaitingLine } from "../waiting-line.ts";

/** As many connections as a client opens. */
const mostAtOnce = 64;
/** Faster, and a busy server would have to refuse every other request. */
const roundsForOneMore = 4;

/**
 * How many requests are under way at once: as many as are made, until the server asks to slow down. Then it is half of those
 * that were under way, and one more each time that all of them have been answered four times.
 */
export class Pace {
	#limit = mostAtOnce;
	#underWay = 0;
	#halvings = 0;
	readonly #waiting = new WaitingLine<undefined>();

	/** Requests that may be under way at once now. */
	get limit(): number {
		return Math.floor(this.#limit);
	}

	/**
	 * Makes a request when one more may be under way; `isTooMuch` tells of its result whether the server asked to slow down.
	 * Throws `Aborted` while it waits.
	 */
	async run<T>(
		request: () => Promise<T>,
		isTooMuch: (result: T) => boolean,
		signal?: AbortSignal,
	): Promise<T> {
		if (this.#underWay < this.limit) this.#underWay++;
		else await this.#waiting.wait(signal);
		const madeAfter = this.#halvings;
		try {
			const result = await request();
			if (!isTooMuch(result))
				this.#limit = Math.min(mostAtOnce, this.#limit + 1 / (roundsForOneMore * this.#limit));
			// What was made before the last halving says nothing about it.
			else if (madeAfter === this.#halvings) {
				this.#limit = Math.max(1, Math.min(this.#limit, this.#underWay) / 2);
				this.#halvings++;
			}
			return result;
		} finally {
			this.#leave();
		}
	}

	/** Who is let in counts as under way from then on. */
	#leave(): void {
		this.#underWay--;
		while (this.#underWay < this.limit && this.#waiting.admit(undefined)) this.#underWay++;
	}
}
