/** One line on a terminal that says how far long work is. */
import type { OnProgress, Phase, ProgressEvent } from "../transfer/events.ts";
import { formatBytes, formatCount, formatDuration } from "./format.ts";

const verbs: Readonly<Record<Phase, string>> = {
	walk: "Looking",
	hash: "Hashing",
	copy: "Copying",
	verify: "Checking",
};

const redrawMs = 100;
/** Time over which the rate is measured. */
const windowMs = 5000;

type Sample = { readonly at: number; bytes: number };

type State = {
	readonly phase: Phase;
	readonly files: number;
	readonly bytes: number;
	readonly startedAt: number;
	filesDone: number;
	bytesDone: number;
	readonly samples: Sample[];
};

/** Draws the phase that moved last. `write` gets terminal text, `columns` is asked before every drawing. */
export class ProgressLine {
	readonly #write: (text: string) => void;
	readonly #columns: () => number;
	readonly #now: () => number;
	readonly #states = new Map<Phase, State>();
	#drawnAt = Number.NEGATIVE_INFINITY;
	#visible = false;

	constructor(
		write: (text: string) => void,
		columns: () => number,
		now: () => number = () => performance.now(),
	) {
		this.#write = write;
		this.#columns = columns;
		this.#now = now;
	}

	readonly onProgress: OnProgress = (event) => {
		const state = this.#update(event);
		if (state === undefined) return;
		const now = this.#now();
		if (now - this.#drawnAt < redrawMs) return;
		this.#drawnAt = now;
		this.#draw(state, now);
	};

	/** Removes the line, so that something else can be printed. */
	clear(): void {
		if (!this.#visible) return;
		this.#visible = false;
		this.#write("\r\u001b[K");
	}

	#update(event: ProgressEvent): State | undefined {
		if (event.kind === "warning") return undefined;
		if (event.kind === "started") {
			const { phase, files, bytes } = event;
			this.#states.set(phase, {
				phase,
				files,
				bytes,
				startedAt: this.#now(),
				filesDone: 0,
				bytesDone: 0,
				samples: [],
			});
		}
		const state = this.#states.get(event.phase);
		if (state === undefined) return undefined;
		if (event.kind === "advanced") {
			state.bytesDone += event.bytes;
			addSample(state.samples, event.bytes, this.#now());
		}
		// What was found is not told of a second time.
		if (event.kind === (event.phase === "walk" ? "advanced" : "settled")) state.filesDone++;
		if (event.kind === "finished") {
			this.#states.delete(event.phase);
			this.clear();
			return undefined;
		}
		return state;
	}

	#draw(state: State, now: number): void {
		const width = this.#columns();
		this.#write(`\r${describe(state, now).slice(0, Math.max(1, width - 1))}\u001b[K`);
		this.#visible = true;
	}
}

/** There may be very many events: those since the last drawing are one sample. */
function addSample(samples: Sample[], bytes: number, now: number): void {
	const last = samples.at(-1);
	if (last !== undefined && now - last.at < redrawMs) {
		last.bytes += bytes;
		return;
	}
	samples.push({ at: now, bytes });
	while (samples[0] !== undefined && samples[0].at < now - windowMs) samples.shift();
}

function describe(state: State, now: number): string {
	const parts = [
		`${verbs[state.phase]} ${formatCount(state.filesDone)}${state.files > 0 ? `/${formatCount(state.files)}` : ""} files`,
	];
	if (state.bytes > 0) {
		parts.push(`${formatBytes(Math.min(state.bytesDone, state.bytes))} of ${formatBytes(state.bytes)}`);
		const elapsed = Math.min(windowMs, now - state.startedAt) / 1000;
		const rate = elapsed > 0 ? state.samples.reduce((sum, sample) => sum + sample.bytes, 0) / elapsed : 0;
		if (rate > 0) {
			parts.push(`${formatBytes(rate)}/s`);
			parts.push(`${formatDuration(Math.max(0, state.bytes - state.bytesDone) / rate)} left`);
		}
	} else if (state.bytesDone > 0) {
		parts.push(formatBytes(state.bytesDone));
	}
	return parts.join("  ");
}
