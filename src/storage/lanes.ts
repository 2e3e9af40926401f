/**
 * How many objects move at once. A service that is far away answers late, however little it has to do: more requests under way
 * use the time. When answers take longer the more there are of them, this machine, the network or the service is busy, and
 * more would only wait.
 */
export class Lanes {
	#limit = fewest;
	/** Answers since the limit was looked at, how many times longer than at best they took, and how long. */
	#answers = 0;
	#ratios = 0;
	#milliseconds = 0;
	/** The shortest time that each kind of request has taken. */
	readonly #shortest = new Map<string, number>();

	/** From 16 to 64. */
	get limit(): number {
		return this.#limit;
	}

	/** A request of a kind (its method) was answered after so many milliseconds; large bodies take longer, and are left out. */
	answered(kind: string, milliseconds: number): void {
		const took = Math.max(1, milliseconds);
		const shortest = Math.min(took, this.#shortest.get(kind) ?? Infinity);
		this.#shortest.set(kind, shortest);
		this.#answers++;
		this.#ratios += took / shortest;
		this.#milliseconds += took;
		if (this.#answers < this.#limit) return;
		const ratio = this.#ratios / this.#answers;
		const mean = this.#milliseconds / this.#answers;
		this.#answers = 0;
		this.#ratios = 0;
		this.#milliseconds = 0;
		if (ratio < waitingRatio && mean > farMs) this.#limit = Math.min(most, this.#limit + growth);
		else if (ratio > crowdedRatio) this.#limit = Math.max(fewest, this.#limit - growth);
	}
}

const fewest = 16;
/** As many connections as there are to one service. */
const most = 64;
const growth = 4;
/** Answers that come sooner are from nearby. */
const farMs = 15;
/** Times of one kind of request differ by so much when nothing waits for anything else. */
const waitingRatio = 3;
const crowdedRatio = 6;
